//! Decides for one volume: a plain state machine, inputs in, effects out. Sends and stores nothing.
//!
//! ```text
//! Settled ──decide──▶ Persisting ──persisted──▶ Registering ──all acknowledged──▶ Persisting
//!    ▲                    ▲                           │ a leg does not answer,        │
//!    │                    └──────────decide───────────┘ a new owner                   │
//!    └────────────────────────────────────granted◀──persisted, that it may be granted─┘
//! ```
//!
//! That an epoch may be granted is persisted, too: only a leg that registered an epoch which was
//! granted may have missed writes when it shows a lower generation.

use crate::base::history::VolumeState;
use crate::base::{Epoch, LegIndex, Nanos, NodeId};

use super::record::VolumeRecord;
use crate::node::config::{Timing, VolumeSpec};
use crate::node::protocol::{LegMode, LegReport, MAX_LEGS, Topology};

/// What the machine is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    /// A target reported the leg; `None` when the target is gone.
    Leg(LegIndex, Option<LegReport>),
    /// A registration was answered.
    Registered { leg: LegIndex, epoch: Epoch, ok: bool },
    /// The record of this epoch is durable.
    Persisted(Epoch),
    /// A client wants to be the owner.
    Attach { client: NodeId, session: u64 },
    /// The owner leaves.
    Detach { client: NodeId, session: u64 },
    /// A client's heartbeat was answered.
    Heard { client: NodeId },
    /// The owner found that a leg fails, is back, or is rebuilt.
    LegFailed { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    LegBack { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    Rebuilt { leg: LegIndex, epoch: Epoch },
    /// Time has passed.
    Tick,
}

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Make the record durable, then say so.
    Persist(VolumeRecord),
    /// Have the leg's target serve this epoch only.
    Register(LegIndex, Epoch),
    /// Tell the owner how the volume stands.
    Grant(NodeId, Topology),
    /// Tell a client that it is not the owner.
    Detached(NodeId),
    /// The volume's health changed.
    State(VolumeState),
}

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The record is durable, registered and granted.
    Settled,
    /// The record is being made durable, or that all legs have registered it.
    Persisting,
    /// These legs have not acknowledged yet.
    Registering { waiting: u8, deadline: Nanos },
}

/// What calls for a decision.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    attach: Option<(NodeId, u64)>,
    detach: bool,
    failed: u8,
    /// When each was last found to have failed: what was true once need not be true for ever.
    failed_at: [Nanos; MAX_LEGS],
    back: u8,
    rebuilt: u8,
    register_anew: bool,
}

impl Wishes {
    fn fail(&mut self, legs: u8, now: Nanos) {
        self.failed |= legs;
        let found = (0..MAX_LEGS).filter(|leg| legs >> leg & 1 == 1);
        found.for_each(|leg| self.failed_at[leg] = now);
    }

    /// Forgets failures that were last found before `since`. Else a failure that was over before
    /// another leg could serve would keep that other one from ever being given up.
    fn forget(&mut self, since: Nanos) {
        for leg in 0..MAX_LEGS {
            if self.failed_at[leg] < since {
                self.failed &= !(1 << leg);
            }
        }
    }
}

/// One volume's decisions.
pub(super) struct Machine {
    spec: VolumeSpec,
    timing: Timing,
    record: VolumeRecord,
    phase: Phase,
    reports: [Option<LegReport>; MAX_LEGS],
    wishes: Wishes,
    owner_heard: Nanos,
    /// A client that waits for another's lease to run out.
    claimant: Option<(NodeId, u64)>,
    /// What was told last; nothing since this manager booted, whatever an earlier one told.
    state: Option<VolumeState>,
}

const fn bit(leg: LegIndex) -> u8 {
    1 << leg.get()
}

impl Machine {
    /// Takes up a volume after a boot; `record` is what the database holds.
    pub(super) fn new(
        spec: &VolumeSpec,
        timing: &Timing,
        record: Option<VolumeRecord>,
        now: Nanos,
    ) -> Self {
        let record = record.unwrap_or_else(|| VolumeRecord::new(spec.legs.len()));
        let mut machine = Self {
            spec: spec.clone(),
            timing: *timing,
            record,
            phase: Phase::Settled,
            reports: [None; MAX_LEGS],
            wishes: Wishes::default(),
            owner_heard: now,
            claimant: None,
            state: None,
        };
        if record.owner.is_some() {
            let deadline = now + machine.timing.dead_after + machine.timing.dead_after;
            machine.phase = Phase::Registering { waiting: machine.written(), deadline };
        }
        machine
    }

    /// Takes an input, and says what is to be done.
    pub(super) fn apply(&mut self, now: Nanos, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Leg(leg, report) => self.leg_reported(leg, report, out),
            Input::Registered { leg, epoch, ok } => self.registered(leg, epoch, ok),
            Input::Persisted(epoch) => self.persisted(now, epoch, out),
            Input::Attach { client, session } => self.attach(client, session, out),
            Input::Detach { client, session } => {
                if self.record.owner == Some((client, session)) {
                    self.wishes.detach = true;
                } else {
                    out.push(Effect::Detached(client));
                }
            }
            Input::Heard { client } => {
                if self.record.owner.is_some_and(|(owner, _)| owner == client) {
                    self.owner_heard = now;
                }
            }
            Input::LegFailed { leg, epoch } if epoch == self.record.epoch => {
                self.wishes.fail(bit(leg), now);
            }
            Input::LegBack { leg, epoch } if epoch == self.record.epoch => {
                self.wishes.back |= bit(leg);
            }
            Input::Rebuilt { leg, epoch } if epoch == self.record.epoch => {
                self.wishes.rebuilt |= bit(leg);
            }
            // Said of an epoch that is over: the owner says it again if it still holds.
            Input::LegFailed { .. } | Input::LegBack { .. } | Input::Rebuilt { .. } => {}
            Input::Tick => self.tick(now, out),
        }
        self.advance(out);
        self.show_state(out);
    }

    fn leg_reported(&mut self, leg: LegIndex, report: Option<LegReport>, out: &mut Vec<Effect>) {
        self.reports[leg.index()] = report;
        let Some(report) = report else { return };
        if !report.usable || self.record.modes.of(leg) == LegMode::Dead {
            return;
        }
        match &mut self.phase {
            Phase::Registering { waiting, .. } if report.registered == self.record.epoch => {
                *waiting &= !bit(leg);
                self.wishes.failed &= !bit(leg);
            }
            Phase::Registering { waiting, .. } => {
                *waiting |= bit(leg);
                if self.may_register(leg) {
                    out.push(Effect::Register(leg, self.record.epoch));
                }
            }
            Phase::Settled if self.record.owner.is_some() => {
                self.wishes.register_anew |= report.registered != self.record.epoch;
            }
            Phase::Settled | Phase::Persisting => {}
        }
    }

    /// Whether the disk that was reported for a leg is the one on record, and not an older image of it.
    fn fits(&self, leg: LegIndex) -> bool {
        let Some(report) = self.reports[leg.index()] else { return false };
        let serial = self.record.serials[leg.index()];
        let same = serial == 0 || serial == report.serial;
        report.usable && same && report.generation >= self.record.generation_min(leg)
    }

    /// Whether the leg serves the record's epoch, as far as its target told.
    fn serves(&self, leg: LegIndex) -> bool {
        let report = self.reports[leg.index()];
        report.is_some_and(|report| report.usable && report.registered == self.record.epoch)
    }

    /// Whether the leg can be given the record's epoch. A `W` leg on another disk is fine when it is
    /// rebuilt in whole.
    fn may_register(&self, leg: LegIndex) -> bool {
        let usable = self.reports[leg.index()].is_some_and(|report| report.usable);
        usable && (self.fits(leg) || self.record.rebuilds_all(leg))
    }

    fn registered(&mut self, leg: LegIndex, epoch: Epoch, ok: bool) {
        if epoch != self.record.epoch {
            return;
        }
        let Phase::Registering { waiting, .. } = &mut self.phase else { return };
        if ok {
            *waiting &= !bit(leg);
            self.wishes.failed &= !bit(leg);
            if let Some(report) = &mut self.reports[leg.index()] {
                report.registered = epoch;
                report.generation = epoch;
            }
        }
    }

    fn persisted(&mut self, now: Nanos, epoch: Epoch, out: &mut Vec<Effect>) {
        assert_eq!(epoch, self.record.epoch, "one record is under way at a time");
        if self.record.owner.is_none() || self.record.granted {
            return self.settle(out);
        }
        let deadline = now + self.timing.register_timeout;
        self.phase = Phase::Registering { waiting: self.written(), deadline };
        self.ask_to_register(self.written(), out);
    }

    /// The record stands; the owner is told.
    fn settle(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Settled;
        let Some((owner, _)) = self.record.owner else { return };
        out.push(self.grant(owner));
        // A target may have rebooted since it registered.
        let mut written = self.record.modes.written();
        self.wishes.register_anew |= written.any(|leg| {
            let usable = self.reports[leg.index()].is_some_and(|report| report.usable);
            usable && !self.serves(leg)
        });
    }

    fn ask_to_register(&self, legs: u8, out: &mut Vec<Effect>) {
        for leg in self.record.modes.legs() {
            if legs & bit(leg) != 0 && self.may_register(leg) {
                out.push(Effect::Register(leg, self.record.epoch));
            }
        }
    }

    fn written(&self) -> u8 {
        self.record.modes.written().fold(0, |legs, leg| legs | bit(leg))
    }

    fn attach(&mut self, client: NodeId, session: u64, out: &mut Vec<Effect>) {
        match self.record.owner {
            Some(owner) if owner == (client, session) => {
                if self.phase == Phase::Settled {
                    out.push(self.grant(client));
                }
            }
            // The same machine with a new session: the old one is surely gone.
            Some((owner, _)) if owner == client => self.wishes.attach = Some((client, session)),
            Some(_) => self.claimant = Some((client, session)),
            None => self.wishes.attach = Some((client, session)),
        }
    }

    fn tick(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        let lease_over = self.owner_heard + self.timing.lease + self.timing.lease_margin;
        if now > lease_over && self.claimant.is_some() {
            self.wishes.attach = self.claimant.take();
        }
        self.wishes.forget(now.saturating_sub(self.timing.dead_after));
        if let Phase::Registering { waiting, deadline } = self.phase
            && now >= deadline
        {
            self.wishes.fail(waiting, now);
            self.phase =
                Phase::Registering { waiting, deadline: now + self.timing.register_timeout };
            self.ask_to_register(waiting, out);
        }
    }

    /// Grants when all have registered; decides when something calls for it.
    fn advance(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Registering { waiting: 0, .. } = self.phase {
            if self.record.granted {
                self.settle(out);
            } else {
                self.record.granted = true;
                self.phase = Phase::Persisting;
                out.push(Effect::Persist(self.record));
            }
        }
        if self.phase == Phase::Persisting {
            return;
        }
        if let Some(next) = self.decide() {
            if self.wishes.detach
                && let Some((owner, _)) = self.record.owner
                && next.owner.is_none()
            {
                out.push(Effect::Detached(owner));
            }
            self.record = next;
            self.wishes = Wishes::default();
            self.phase = Phase::Persisting;
            out.push(Effect::Persist(next));
        }
    }

    /// The next record, if one is called for.
    fn decide(&self) -> Option<VolumeRecord> {
        let wishes = &self.wishes;
        let mut next = self.record;
        let failed = self.legs_to_drop(wishes.failed);
        for leg in self.record.modes.legs() {
            if failed & bit(leg) != 0 {
                next.modes.set(leg, LegMode::Dead);
            }
        }
        let settled = self.phase == Phase::Settled;
        if settled {
            self.bring_back(&mut next);
        }
        if let Some(owner) = wishes.attach {
            next.recover = self.record.owner.is_some();
            next.owner = Some(owner);
        } else if wishes.detach && settled {
            next.owner = None;
            next.recover = false;
        }
        let called_for = next != self.record || (settled && wishes.register_anew);
        if !called_for {
            return None;
        }
        self.note_disks(&mut next);
        next.epoch = self.record.epoch.next();
        next.granted = false;
        Some(next)
    }

    /// Of the failed legs those that may be given up: never the last one that is in sync, and none that
    /// is, unless another in sync can serve (rule 12).
    fn legs_to_drop(&self, failed: u8) -> u8 {
        let modes = &self.record.modes;
        let mut dropped = 0;
        for leg in modes.legs_in(LegMode::WriteOnly).filter(|leg| failed & bit(*leg) != 0) {
            dropped |= bit(leg);
        }
        let can_serve = |leg: &LegIndex| failed & bit(*leg) == 0 && self.fits(*leg);
        if modes.legs_in(LegMode::ReadWrite).any(|leg| can_serve(&leg)) {
            for leg in modes.legs_in(LegMode::ReadWrite).filter(|leg| failed & bit(*leg) != 0) {
                dropped |= bit(leg);
            }
        }
        dropped
    }

    /// Dead legs that are back become `W`, rebuilt ones `RW` (rules 8 and 9).
    fn bring_back(&self, next: &mut VolumeRecord) {
        for leg in self.record.modes.legs() {
            let mode = next.modes.of(leg);
            let usable = self.reports[leg.index()].is_some_and(|report| report.usable);
            if self.wishes.back & bit(leg) != 0 && mode == LegMode::Dead && usable {
                next.modes.set(leg, LegMode::WriteOnly);
                // A rebuild of everything that was cut short starts over: the bit stays until it is done.
                if !self.fits(leg) {
                    next.rebuild_all |= bit(leg);
                }
            }
            let rebuilt = self.wishes.rebuilt & bit(leg) != 0;
            if rebuilt && mode == LegMode::WriteOnly && self.serves(leg) && self.fits(leg) {
                next.modes.set(leg, LegMode::ReadWrite);
                next.rebuild_all &= !bit(leg);
            }
        }
    }

    /// Notes which disk each written leg is on, and that it may hold writes of the epoch that ends.
    fn note_disks(&self, next: &mut VolumeRecord) {
        for leg in self.record.modes.written() {
            if self.record.granted {
                next.generations[leg.index()] = self.record.epoch;
            }
        }
        for leg in next.modes.written() {
            let Some(report) = self.reports[leg.index()] else { continue };
            if next.serials[leg.index()] == 0 {
                next.serials[leg.index()] = report.serial;
            } else if next.rebuild_all & bit(leg) != 0 {
                next.serials[leg.index()] = report.serial;
                next.generations[leg.index()] = report.generation;
            }
        }
    }

    fn grant(&self, owner: NodeId) -> Effect {
        let topology = Topology {
            volume: self.spec.id,
            epoch: self.record.epoch,
            modes: self.record.modes,
            rebuild_all: self.record.rebuild_all,
            recover: self.record.recover,
        };
        Effect::Grant(owner, topology)
    }

    fn show_state(&mut self, out: &mut Vec<Effect>) {
        let state = self.health();
        if self.phase != Phase::Persisting
            && state != self.state
            && let Some(known) = state
        {
            self.state = state;
            out.push(Effect::State(known));
        }
    }

    /// How the volume stands; what it was, or nothing, while that is not known.
    fn health(&self) -> Option<VolumeState> {
        let modes = &self.record.modes;
        let settled = self.phase == Phase::Settled;
        let serves = modes.legs_in(LegMode::ReadWrite).any(|leg| self.serves(leg));
        if self.record.owner.is_some() && settled && !serves {
            Some(VolumeState::Offline)
        } else if modes.count(LegMode::WriteOnly) > 0 {
            Some(VolumeState::Rebuilding)
        } else if modes.count(LegMode::Dead) > 0 {
            Some(VolumeState::Degraded)
        } else if settled {
            Some(VolumeState::Healthy)
        } else {
            self.state
        }
    }

    pub(super) fn record(&self) -> &VolumeRecord {
        &self.record
    }

    pub(super) fn spec(&self) -> &VolumeSpec {
        &self.spec
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Input, Machine};
    use crate::base::history::VolumeState;
    use crate::base::{DiskId, Epoch, LegIndex, Nanos, NodeId, VolumeId};
    use crate::node::layout::Extent;
    use crate::node::manager::VolumeRecord;
    use crate::node::{LegMode, LegReport, LegSpec, Timing, Topology, VolumeSpec};

    const C0: NodeId = NodeId::new(0);
    const C1: NodeId = NodeId::new(1);
    const A: LegIndex = LegIndex::new(0);
    const B: LegIndex = LegIndex::new(1);

    /// A machine with a database, targets and a clock, all of them obedient.
    struct Rig {
        machine: Machine,
        stored: Option<VolumeRecord>,
        now: Nanos,
        out: Vec<Effect>,
    }

    fn spec() -> VolumeSpec {
        let leg = |at: u32| LegSpec {
            target: NodeId::new(10 + at),
            disk: DiskId::new(at),
            extent: Extent { data: 0, blocks: 64, superblock: 70, bitmap_blocks: 1 },
        };
        let legs = vec![leg(0), leg(1)];
        VolumeSpec { id: VolumeId::new(0), blocks: 64, blocks_per_region: 32, legs }
    }

    fn report(leg: LegIndex, generation: u64, registered: u64) -> LegReport {
        LegReport {
            volume: VolumeId::new(0),
            leg,
            usable: true,
            serial: 100 + u64::from(leg.get()),
            generation: Epoch::new(generation),
            registered: Epoch::new(registered),
        }
    }

    impl Rig {
        /// A manager that finds this record.
        fn boot(stored: Option<VolumeRecord>, now: Nanos) -> Self {
            let machine = Machine::new(&spec(), &Timing::default(), stored, now);
            Self { machine, stored, now, out: Vec::new() }
        }

        /// A volume attached to `C0` under epoch 2, all legs in sync.
        fn attached() -> Self {
            let mut rig = Self::boot(None, Nanos::ZERO);
            rig.hello(A, 0, 0);
            rig.hello(B, 0, 0);
            rig.settle(Input::Attach { client: C0, session: 1 });
            assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
            rig.out.clear();
            rig
        }

        fn apply(&mut self, input: Input) -> &[Effect] {
            let from = self.out.len();
            self.machine.apply(self.now, input, &mut self.out);
            &self.out[from..]
        }

        fn hello(&mut self, leg: LegIndex, generation: u64, registered: u64) {
            self.apply(Input::Leg(leg, Some(report(leg, generation, registered))));
        }

        fn after(&mut self, span: Nanos) {
            self.now += span;
            self.apply(Input::Tick);
        }

        /// Carries out what the machine says until it says no more: the database stores, and every
        /// target registers.
        fn settle(&mut self, input: Input) {
            let mut next = self.out.len();
            self.apply(input);
            while let Some(effect) = self.out.get(next).copied() {
                next += 1;
                match effect {
                    Effect::Persist(record) => {
                        self.stored = Some(record);
                        self.apply(Input::Persisted(record.epoch));
                    }
                    Effect::Register(leg, epoch) => {
                        self.apply(Input::Registered { leg, epoch, ok: true });
                    }
                    Effect::Grant(..) | Effect::Detached(_) | Effect::State(_) => {}
                }
            }
        }

        /// The manager dies and boots again with what is stored.
        fn reboot(&mut self) {
            *self = Self::boot(self.stored, self.now + Nanos::from_millis(1));
        }

        fn grants(&self) -> Vec<(NodeId, u64, [LegMode; 2])> {
            let grants = self.out.iter().filter_map(|effect| match effect {
                Effect::Grant(to, Topology { epoch, modes, .. }) => {
                    Some((*to, epoch.get(), [modes.of(A), modes.of(B)]))
                }
                _ => None,
            });
            grants.collect()
        }

        fn registrations(&self) -> Vec<(LegIndex, u64)> {
            let asked = self.out.iter().filter_map(|effect| match effect {
                Effect::Register(leg, epoch) => Some((*leg, epoch.get())),
                _ => None,
            });
            asked.collect()
        }

        fn modes(&self) -> [LegMode; 2] {
            [A, B].map(|leg| self.machine.record().modes.of(leg))
        }

        fn epoch(&self) -> Epoch {
            self.machine.record().epoch
        }

        /// `B` fails and is given up.
        fn degraded() -> Self {
            let mut rig = Self::attached();
            let epoch = rig.epoch();
            rig.settle(Input::LegFailed { leg: B, epoch });
            assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
            rig.out.clear();
            rig
        }

        /// `B` is back with this generation and being rebuilt.
        fn rebuilding(generation: u64) -> Self {
            let mut rig = Self::degraded();
            rig.hello(B, generation, 0);
            let epoch = rig.epoch();
            rig.settle(Input::LegBack { leg: B, epoch });
            assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
            rig
        }
    }

    #[test]
    fn decides_persists_registers_persists_and_grants_in_this_order() {
        let mut rig = Rig::boot(None, Nanos::ZERO);
        rig.hello(A, 0, 0);
        rig.hello(B, 0, 0);
        let decided = rig.apply(Input::Attach { client: C0, session: 1 }).to_vec();
        let [Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
        assert!(!record.granted && record.epoch == Epoch::new(2));
        let persisted = rig.apply(Input::Persisted(record.epoch)).to_vec();
        assert_eq!(persisted, [A, B].map(|leg| Effect::Register(leg, record.epoch)));
        let registered = |leg| Input::Registered { leg, epoch: record.epoch, ok: true };
        assert_eq!(rig.apply(registered(A)), [], "not before all legs have registered");
        let granting = rig.apply(registered(B)).to_vec();
        assert_eq!(granting, [Effect::Persist(VolumeRecord { granted: true, ..record })]);
        assert!(rig.grants().is_empty(), "not before it is on record that it may be");
        rig.apply(Input::Persisted(record.epoch));
        assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
    }

    #[test]
    fn a_failed_leg_is_dead_before_anything_is_granted_without_it() {
        let mut rig = Rig::attached();
        rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
        assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
        assert_eq!(rig.registrations(), [(A, 3)], "a dead leg is not given the epoch");
        let stored = rig.stored.expect("a record");
        assert_eq!(stored.generations[B.index()], Epoch::new(2), "what B must show to be trusted");
        assert!(rig.out.contains(&Effect::State(VolumeState::Degraded)));
    }

    #[test]
    fn what_was_said_of_an_epoch_that_is_over_counts_for_nothing() {
        let mut rig = Rig::degraded();
        let over = Epoch::new(2);
        for input in [
            Input::LegFailed { leg: A, epoch: over },
            Input::LegBack { leg: B, epoch: over },
            Input::Rebuilt { leg: B, epoch: over },
            Input::Registered { leg: A, epoch: over, ok: true },
        ] {
            assert_eq!(rig.apply(input), [], "{input:?}");
        }
    }

    #[test]
    fn the_last_leg_in_sync_is_never_given_up() {
        let mut rig = Rig::degraded();
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg: A, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        // Not even for one that is being rebuilt.
        let mut rig = Rig::rebuilding(2);
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg: A, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
        rig.settle(Input::LegFailed { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    }

    #[test]
    fn two_legs_that_fail_together_both_stay() {
        let mut rig = Rig::attached();
        rig.apply(Input::Leg(A, None));
        rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
        assert_eq!(rig.modes(), [LegMode::ReadWrite; 2], "A is away: it cannot serve instead");
        rig.settle(Input::LegFailed { leg: A, epoch: Epoch::new(2) });
        rig.hello(A, 2, 2);
        assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
        // What was said is forgotten; what is said again counts.
        rig.after(Nanos::from_millis(20));
        rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    }

    #[test]
    fn a_leg_that_does_not_register_in_time_is_given_up_and_one_that_did_is_not() {
        let mut rig = Rig::attached();
        rig.apply(Input::Leg(A, None));
        rig.apply(Input::Leg(B, None));
        rig.apply(Input::Attach { client: C0, session: 2 });
        rig.apply(Input::Persisted(Epoch::new(3)));
        rig.after(Nanos::from_millis(5));
        assert_eq!(rig.modes(), [LegMode::ReadWrite; 2], "neither has registered");
        rig.hello(A, 2, 0);
        rig.apply(Input::Registered { leg: A, epoch: Epoch::new(3), ok: true });
        rig.after(Nanos::from_millis(5));
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "A can serve now");
    }

    #[test]
    fn a_target_that_rebooted_makes_all_register_anew() {
        let mut rig = Rig::attached();
        rig.apply(Input::Leg(B, None));
        rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
        assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite; 2])]);
        assert_eq!(rig.registrations(), [(A, 3), (B, 3)]);
    }

    #[test]
    fn a_target_that_reboots_while_the_grant_is_persisted_is_not_forgotten() {
        let mut rig = Rig::attached();
        rig.apply(Input::Attach { client: C0, session: 2 });
        rig.apply(Input::Persisted(Epoch::new(3)));
        for leg in [A, B] {
            rig.apply(Input::Registered { leg, epoch: Epoch::new(3), ok: true });
        }
        rig.hello(B, 3, 0);
        let settled = rig.apply(Input::Persisted(Epoch::new(3))).to_vec();
        assert!(matches!(settled[0], Effect::Grant(..)), "{settled:?}");
        assert_eq!(rig.epoch(), Epoch::new(4), "B is to register again");
    }

    #[test]
    fn a_leg_comes_back_by_w_and_the_rebuild_covers_what_its_generation_says() {
        for (generation, all) in [(2, false), (3, false), (1, true), (0, true)] {
            let rig = Rig::rebuilding(generation);
            let record = rig.machine.record();
            assert_eq!(record.rebuilds_all(B), all, "generation {generation}");
        }
        // Another disk has nothing, whatever its generation says.
        let mut rig = Rig::degraded();
        rig.apply(Input::Leg(B, Some(LegReport { serial: 999, ..report(B, 9, 0) })));
        let epoch = rig.epoch();
        rig.settle(Input::LegBack { leg: B, epoch });
        assert!(rig.machine.record().rebuilds_all(B));
        assert_eq!(rig.machine.record().serials[B.index()], 999);
    }

    #[test]
    fn a_rebuild_of_everything_that_is_cut_short_stays_one() {
        let mut rig = Rig::rebuilding(0);
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg: B, epoch });
        // By now it has registered a new generation, and still lacks most blocks.
        rig.hello(B, epoch.get(), 0);
        let epoch = rig.epoch();
        rig.settle(Input::LegBack { leg: B, epoch });
        assert!(rig.machine.record().rebuilds_all(B));
        let epoch = rig.epoch();
        rig.settle(Input::Rebuilt { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
        assert!(!rig.machine.record().rebuilds_all(B));
    }

    #[test]
    fn a_rebuilt_leg_counts_only_as_long_as_its_disk_serves() {
        let mut rig = Rig::rebuilding(2);
        let epoch = rig.epoch();
        rig.apply(Input::Leg(B, None));
        rig.apply(Input::Rebuilt { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
        let mut rig = Rig::rebuilding(2);
        let epoch = rig.epoch();
        rig.apply(Input::Leg(B, Some(LegReport { serial: 999, ..report(B, 9, 0) })));
        rig.settle(Input::Rebuilt { leg: B, epoch });
        assert_ne!(rig.modes()[1], LegMode::ReadWrite, "what was rebuilt is on another disk");
    }

    #[test]
    fn another_life_of_the_client_has_to_recover_and_another_client_has_to_wait() {
        let mut rig = Rig::attached();
        rig.settle(Input::Attach { client: C0, session: 2 });
        assert!(rig.machine.record().recover);
        assert_eq!(rig.machine.record().owner, Some((C0, 2)));
        rig.settle(Input::Attach { client: C1, session: 7 });
        rig.after(Nanos::from_millis(21));
        assert_eq!(rig.machine.record().owner, Some((C0, 2)), "the lease and its margin run");
        rig.apply(Input::Heard { client: C0 });
        rig.after(Nanos::from_millis(21));
        assert_eq!(rig.machine.record().owner, Some((C0, 2)), "it was heard in between");
        rig.after(Nanos::from_millis(2));
        assert_eq!(rig.machine.record().owner, Some((C1, 7)));
        assert!(rig.machine.record().recover);
    }

    #[test]
    fn a_volume_that_was_detached_has_nothing_to_recover() {
        let mut rig = Rig::attached();
        rig.settle(Input::Detach { client: C0, session: 9 });
        assert_eq!(rig.machine.record().owner, Some((C0, 1)), "that was another life");
        rig.settle(Input::Detach { client: C0, session: 1 });
        assert_eq!(rig.machine.record().owner, None);
        rig.settle(Input::Attach { client: C1, session: 1 });
        assert!(!rig.machine.record().recover);
    }

    #[test]
    fn a_reboot_after_the_grant_changes_nothing() {
        let mut rig = Rig::attached();
        rig.reboot();
        rig.hello(A, 2, 2);
        rig.hello(B, 2, 2);
        rig.apply(Input::Attach { client: C0, session: 1 });
        assert_eq!(rig.grants().last(), Some(&(C0, 2, [LegMode::ReadWrite; 2])));
        assert!(!rig.out.iter().any(|effect| matches!(effect, Effect::Persist(_))));
        assert!(rig.out.contains(&Effect::State(VolumeState::Healthy)), "told by each life");
    }

    #[test]
    fn a_reboot_between_persist_and_registration_asks_no_more_of_a_disk_than_it_was_given() {
        let mut rig = Rig::attached();
        let effects = rig.apply(Input::Attach { client: C0, session: 2 }).to_vec();
        let [Effect::Persist(record)] = effects[..] else { panic!("{effects:?}") };
        rig.stored = Some(record);
        rig.reboot();
        rig.settle(Input::Attach { client: C0, session: 3 });
        assert_eq!(rig.epoch(), Epoch::new(4));
        for leg in [A, B] {
            rig.settle(Input::Leg(leg, Some(report(leg, 2, 0))));
        }
        assert_eq!(rig.grants(), [(C0, 4, [LegMode::ReadWrite; 2])], "generation 2 will do");
    }

    #[test]
    fn an_older_image_that_shows_up_after_a_reboot_is_not_registered() {
        let mut rig = Rig::attached();
        rig.settle(Input::Attach { client: C0, session: 2 });
        rig.reboot();
        rig.hello(A, 3, 3);
        rig.hello(B, 2, 0);
        assert_eq!(rig.registrations(), [], "B lacks what was written under epoch 3");
        rig.settle(Input::Tick);
        rig.now += Nanos::from_millis(12);
        rig.settle(Input::Tick);
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        let epoch = rig.epoch();
        rig.settle(Input::LegBack { leg: B, epoch });
        assert!(rig.machine.record().rebuilds_all(B));
    }

    #[test]
    fn offline_is_told_while_no_leg_in_sync_serves() {
        let mut rig = Rig::attached();
        rig.apply(Input::Leg(A, None));
        rig.apply(Input::Leg(B, None));
        assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)));
        rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
        rig.settle(Input::Leg(A, Some(report(A, 2, 0))));
        assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Healthy)));
    }
}
