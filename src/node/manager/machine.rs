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
//! granted may have missed writes when it shows a lower generation. With volatile caches, legs are then asked
//! once more whether they still have them, if another was given up; each notes on its disk that it was. When the
//! owner was told is noted afterwards. A manager that boots in between asks the legs in sync: one that has
//! noted nothing is witness that nobody was told.

use crate::base::history::VolumeState;
use crate::base::{Epoch, LegIndex, Nanos, NodeId};

use super::claims::{Claim, Claims};
use super::record::VolumeRecord;
use crate::base::planted;
use crate::layout::LEGS_MAX;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::node::config::{Timing, VolumeSpec};
use crate::node::probes;
use crate::node::protocol::{LegMode, LegReport, Topology};
use crate::sim::Probes;

/// What the machine is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    /// A target reported the leg; `None` when the target is gone.
    Leg(LegIndex, Option<LegReport>),
    /// A registration was answered.
    Registered { leg: LegIndex, epoch: Epoch, life: u32, again: bool, ok: bool },
    /// The record of this epoch is durable.
    Persisted(Epoch),
    /// A client wants to be the owner. `held`: the epoch under which it was by this session, zero if it was not.
    Attach { client: NodeId, session: u64, held: Epoch },
    /// The owner leaves, or one who waits: see [`Input::Attach`].
    Detach { client: NodeId, session: u64, held: Epoch },
    /// The connection to a client is gone.
    Gone { client: NodeId },
    /// A heartbeat of a client was answered that had asked for the volume over the same connection.
    Heard { client: NodeId, session: u64 },
    /// The owner found that a leg fails, is back, or is rebuilt.
    LegFailed { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    LegBack { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    Rebuilt { leg: LegIndex, epoch: Epoch },
    /// Time has passed.
    Tick,
    /// The manager stood still until now, and has not heard what was said meanwhile.
    StoodStill,
}

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "effects are few, and carried out at once")]
pub(super) enum Effect {
    /// Make the record durable, then say so.
    Persist(VolumeRecord),
    /// Have the leg's target serve this epoch only, if its device is still in this life. `again`: that it may
    /// be granted is on record, and whether that is still so.
    Register { leg: LegIndex, epoch: Epoch, life: u32, again: bool },
    /// Tell the owner, this session of it and no other, how the volume stands.
    Grant(NodeId, u64, Topology),
    /// Tell a client that it is not the owner by this session.
    Detached(NodeId, u64),
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
    Registering { waiting: u16, deadline: Nanos },
}

/// Whether the owner may have been told of the record's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Surely not.
    No,
    /// As far as anybody knows.
    Yes,
    /// It may, unless a leg in sync is witness that it was not; see [`VolumeRecord::is_untold_by`].
    UnlessDenied,
}

/// What calls for a decision.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    attach: Option<Claim>,
    detach: bool,
    failed: u16,
    /// When each was last found to have failed: what was true once need not be true for ever.
    failed_at: [Nanos; LEGS_MAX],
    back: u16,
    rebuilt: u16,
    register_anew: bool,
}

impl Wishes {
    fn fail(&mut self, legs: u16, now: Nanos) {
        self.failed |= legs;
        let found = (0..LEGS_MAX).filter(|leg| legs >> leg & 1 == 1);
        found.for_each(|leg| self.failed_at[leg] = now);
    }

    /// Forgets failures that were last found before `since`. Else a failure that was over before
    /// another leg could serve would keep that other one from ever being given up.
    fn forget(&mut self, since: Nanos) {
        for leg in 0..LEGS_MAX {
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
    reports: [Option<LegReport>; LEGS_MAX],
    /// The life in which each leg was cold when its rebuild was decided on.
    planned: [Option<u32>; LEGS_MAX],
    wishes: Wishes,
    owner_heard: Nanos,
    /// The owner until now, while it is not on record that it is so no longer.
    leaving: Option<Claim>,
    told: Told,
    /// Whether it is being made durable that the owner was told. The volume is served meanwhile.
    noting: bool,
    /// Whether media have volatile caches, so that a leg may lose something between two breaths.
    has_caches: bool,
    /// Clients that wait for the owner to leave, or for its lease to run out.
    claims: Claims,
    /// What was told last; nothing since this manager booted, whatever an earlier one told.
    state: Option<VolumeState>,
    probes: Probes,
}

const fn bit(leg: LegIndex) -> u16 {
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
            reports: [None; LEGS_MAX],
            planned: [None; LEGS_MAX],
            wishes: Wishes::default(),
            owner_heard: now,
            leaving: None,
            told: if record.granted { Told::Yes } else { Told::No },
            noting: false,
            has_caches: false,
            claims: Claims::default(),
            state: None,
            probes: Probes::default(),
        };
        if record.owner.is_some() {
            let deadline = now + machine.timing.dead_after + machine.timing.dead_after;
            machine.phase = Phase::Registering { waiting: machine.written(), deadline };
        }
        machine
    }

    /// Has what it reaches counted there.
    pub(super) fn counting(self, probes: &Probes) -> Self {
        Self { probes: probes.clone(), ..self }
    }

    /// Reckons with volatile caches of the media, or not.
    pub(super) fn with_caches(self, has_caches: bool) -> Self {
        let told = match self.told {
            Told::Yes if has_caches && self.record.given_up() != 0 && !self.record.told => {
                Told::UnlessDenied
            }
            told => told,
        };
        Self { has_caches, told, ..self }
    }

    fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Takes an input, and says what is to be done.
    pub(super) fn apply(&mut self, now: Nanos, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Leg(leg, report) => self.leg_reported(leg, report, out),
            Input::Registered { leg, epoch, life, again, ok } => {
                if ok && (again || !self.is_confirming()) {
                    self.registered(leg, epoch, life, again);
                }
            }
            Input::Persisted(epoch) => self.persisted(now, epoch, out),
            Input::Attach { client, session, held } => self.attach((client, session), held, out),
            Input::Gone { client } => {
                self.claims.forget(client);
                self.wishes.attach = self.wishes.attach.filter(|(wishing, _)| *wishing != client);
            }
            Input::Detach { client, session, held } => {
                self.detach((client, session), held, out);
            }
            Input::Heard { client, session } => {
                if self.record.owner == Some((client, session)) {
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
            Input::LegFailed { .. } | Input::LegBack { .. } | Input::Rebuilt { .. } => {
                crate::sometimes!(self, true, probes::SAID_TOO_LATE);
            }
            Input::Tick => self.tick(now, out),
            Input::StoodStill => self.stood_still(now),
        }
        self.advance(now, out);
        self.show_state(out);
    }

    fn leg_reported(&mut self, leg: LegIndex, report: Option<LegReport>, out: &mut Vec<Effect>) {
        let was_confirming = self.is_confirming();
        self.reports[leg.index()] = report;
        let Some(report) = report else { return };
        if !report.usable || self.record.modes.of(leg) == LegMode::Dead {
            return;
        }
        let is_confirming = self.is_confirming();
        let was_denied = self.told == Told::UnlessDenied && is_confirming && !was_confirming;
        crate::sometimes!(self, was_denied, probes::NOBODY_WAS_TOLD);
        match &mut self.phase {
            Phase::Registering { waiting, .. }
                if report.registered == self.record.epoch && !is_confirming =>
            {
                *waiting &= !bit(leg);
                self.wishes.failed &= !bit(leg);
            }
            Phase::Registering { waiting, .. } => {
                *waiting |= bit(leg);
                // What others were asked for before it was known that nobody was told does not do.
                let asked = if is_confirming == was_confirming { bit(leg) } else { *waiting };
                self.ask_to_register(asked, out);
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
    /// rebuilt in whole; a leg that lost its volatile cache may only go on if all in sync did.
    fn may_register(&self, leg: LegIndex) -> bool {
        let usable = self.reports[leg.index()].is_some_and(|report| report.usable);
        let goes_on = self.in_sync() & bit(leg) != 0 && self.starts_cold();
        let warm = self.cold() & bit(leg) == 0 || goes_on;
        usable && warm && (self.fits(leg) || self.record.rebuilds_all(leg))
    }

    /// Legs that have lost a volatile cache since they registered: what was acknowledged and not flushed
    /// may be missing there, and on a `W` leg what was rebuilt.
    fn cold(&self) -> u16 {
        let cold = self.record.modes.written().filter(|leg| {
            self.reports[leg.index()].is_some_and(|report| {
                let is_planned_for = self.planned[leg.index()] == Some(report.life);
                report.usable && report.cold && !is_planned_for
            })
        });
        cold.fold(0, |legs, leg| legs | bit(leg))
    }

    fn in_sync(&self) -> u16 {
        self.record.in_sync()
    }

    /// Whether no leg is left that may have all that was acknowledged: every one in sync has lost a volatile
    /// cache, and so has every one that was given up since the owner was last told how the volume stands.
    /// Then what is left is what there is.
    fn is_all_cold(&self) -> bool {
        self.are_in_sync_cold() && self.given_up_in_state(true) == self.given_up()
    }

    fn are_in_sync_cold(&self) -> bool {
        self.cold() != 0 && self.in_sync() & !self.cold() == 0
    }

    /// Legs that were given up since the owner was last told how the volume stands: nothing was acknowledged
    /// without them.
    fn given_up(&self) -> u16 {
        if self.is_told() { 0 } else { self.record.given_up() }
    }

    /// Whether the owner may have been told of the record's epoch, as far as legs have been heard.
    fn is_told(&self) -> bool {
        match self.told {
            Told::No => false,
            Told::Yes => true,
            Told::UnlessDenied => !self.is_denied(),
        }
    }

    /// Whether a leg in sync is witness that nobody was told of the record's epoch.
    fn is_denied(&self) -> bool {
        let is_witness = |leg: LegIndex| {
            let report = self.reports[leg.index()].filter(|_| self.fits(leg));
            report.is_some_and(|it| self.record.is_untold_by(it.generation, it.confirmed))
        };
        self.record.modes.legs_in(LegMode::ReadWrite).any(is_witness)
    }

    /// Whether a leg in sync that has not been heard since the boot may yet deny that the owner was told. Nothing
    /// is decided until then: it would have to take one for granted.
    fn is_in_doubt(&self) -> bool {
        let is_unheard =
            |leg: LegIndex| self.reports[leg.index()].is_none_or(|report| !report.usable);
        self.told == Told::UnlessDenied
            && !self.is_denied()
            && self.record.modes.legs_in(LegMode::ReadWrite).any(is_unheard)
    }

    /// Whether legs are asked once more before the owner is told. Where one was given up, the others must
    /// not have lost their caches before that was on record, when it still had what they lost.
    fn is_confirming(&self) -> bool {
        self.record.granted && self.has_caches && self.given_up() != 0
    }

    /// Legs that were given up since the owner was last told, and were then found on the right disk: with
    /// their cache lost, or with all that they had.
    fn given_up_in_state(&self, cold: bool) -> u16 {
        let given_up = self.given_up();
        let is_in_it = |leg: &LegIndex| {
            let report = self.reports[leg.index()];
            given_up & bit(*leg) != 0
                && self.fits(*leg)
                && report.is_some_and(|report| report.cold == cold)
        };
        self.record.modes.legs().filter(is_in_it).fold(0, |legs, leg| legs | bit(leg))
    }

    /// Legs to take back as they are, for they have what all in sync have lost.
    fn to_take_back(&self) -> u16 {
        if self.are_in_sync_cold() { self.given_up_in_state(false) } else { 0 }
    }

    /// Whether the record was decided on because of that, and its epoch was granted to nobody yet: legs in
    /// sync register it as they are.
    fn starts_cold(&self) -> bool {
        self.record.cold == self.record.epoch && !self.record.granted
    }

    /// Cold legs that have to be brought up to date: all, unless those in sync are what there is.
    fn to_bring_up_to_date(&self) -> u16 {
        match self.is_all_cold() || self.starts_cold() {
            true => self.cold() & !self.in_sync(),
            false => self.cold(),
        }
    }

    /// A leg that comes back has its rebuild planned from what is on its disk now: in this life of the device
    /// it is no longer cold, however often its target says so.
    fn warm_up(&mut self, next: &VolumeRecord) {
        for leg in next.modes.legs_in(LegMode::WriteOnly) {
            if self.record.modes.of(leg) == LegMode::Dead
                && let Some(report) = self.reports[leg.index()]
            {
                self.planned[leg.index()] = report.cold.then_some(report.life);
            }
        }
    }

    /// A leg has registered, which counts only in the life of its device that was last heard of.
    fn registered(&mut self, leg: LegIndex, epoch: Epoch, life: u32, again: bool) {
        let Phase::Registering { waiting, .. } = &mut self.phase else { return };
        if let Some(report) = &mut self.reports[leg.index()]
            && epoch == self.record.epoch
            && life == report.life
        {
            *waiting &= !bit(leg);
            self.wishes.failed &= !bit(leg);
            report.registered = epoch;
            report.generation = epoch;
            report.cold = false;
            if again {
                report.confirmed = epoch;
            }
        }
    }

    fn persisted(&mut self, now: Nanos, epoch: Epoch, out: &mut Vec<Effect>) {
        assert_eq!(epoch, self.record.epoch, "one record is under way at a time");
        if std::mem::take(&mut self.noting) {
            return;
        }
        if let Some((client, session)) = self.leaving.take()
            && !(planted!(OldSessionGoesOn) && self.record.owner.is_some())
        {
            out.push(Effect::Detached(client, session));
        }
        if self.record.owner.is_none() || (self.record.granted && !self.is_confirming()) {
            return self.settle(out);
        }
        let waiting = if self.record.granted { self.in_sync() } else { self.written() };
        let deadline = now + self.timing.register_timeout;
        self.phase = Phase::Registering { waiting, deadline };
        self.ask_to_register(waiting, out);
    }

    /// The record stands; the owner is told.
    fn settle(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Settled;
        let Some(owner) = self.record.owner else { return };
        let notes = self.has_caches && !self.record.told && self.record.given_up() != 0;
        self.told = Told::Yes;
        out.push(self.grant(owner));
        if notes {
            // Whoever boots after this need not ask.
            self.record.told = true;
            self.noting = true;
            out.push(Effect::Persist(self.record));
        }
        // A target may have rebooted since it registered.
        let mut written = self.record.modes.written();
        self.wishes.register_anew |= written.any(|leg| {
            let usable = self.reports[leg.index()].is_some_and(|report| report.usable);
            usable && !self.serves(leg)
        });
    }

    fn ask_to_register(&self, legs: u16, out: &mut Vec<Effect>) {
        for leg in self.record.modes.legs().filter(|leg| legs & bit(*leg) != 0) {
            if let Some(LegReport { life, .. }) = self.reports[leg.index()]
                && self.may_register(leg)
            {
                let (epoch, again) = (self.record.epoch, self.is_confirming());
                out.push(Effect::Register { leg, epoch, life, again });
            }
        }
    }

    fn written(&self) -> u16 {
        self.record.modes.written().fold(0, |legs, leg| legs | bit(leg))
    }

    fn attach(&mut self, who: Claim, held: Epoch, out: &mut Vec<Effect>) {
        let (client, session) = who;
        match self.record.owner {
            Some(owner) if owner == who => {
                // What an earlier session wished was heard late, over a connection that is gone.
                if self.wishes.attach.take_if(|(wishing, _)| *wishing == client).is_some() {
                    crate::sometimes!(self, true, probes::ATTACHED_OUT_OF_ORDER);
                }
                if self.phase == Phase::Settled {
                    out.push(self.grant(owner));
                }
            }
            // Others may have had the volume since: what it knows of the legs is of the past.
            _ if held > Epoch::new(0) && !planted!(OldSessionGoesOn) => {
                crate::sometimes!(self, true, probes::OWNER_CAME_BACK_LATE);
                out.push(Effect::Detached(client, session));
            }
            // The same machine with a new session: the old one is surely gone.
            Some((owner, _)) if owner == client => {
                crate::sometimes!(self, true, probes::OWNER_REBORN);
                self.claims.forget(client);
                if let Some(other) = self.wishes.attach.replace(who) {
                    self.claims.put_back(other);
                }
            }
            _ => self.claims.add(who),
        }
    }

    /// The client leaves, or waits no longer to be the owner.
    fn detach(&mut self, who: Claim, held: Epoch, out: &mut Vec<Effect>) {
        if self.record.owner == Some(who) {
            self.wishes.detach |= held > Epoch::new(0);
            return;
        }
        self.claims.withdraw(who);
        self.wishes.attach = self.wishes.attach.filter(|claimant| *claimant != who);
        if self.leaving != Some(who) {
            out.push(Effect::Detached(who.0, who.1));
        }
    }

    fn tick(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        let lease_over = self.owner_heard + self.timing.lease + self.timing.lease_margin;
        if self.record.owner.is_some() && now > lease_over && self.wishes.attach.is_none() {
            self.wishes.attach = self.claims.take_next();
            crate::sometimes!(self, self.wishes.attach.is_some(), probes::OWNER_TAKEN_OVER);
        }
        self.wishes.forget(now.saturating_sub(self.timing.dead_after));
        if let Phase::Registering { waiting, deadline } = self.phase
            && now >= deadline
        {
            crate::sometimes!(self, true, probes::REGISTRATION_LATE);
            self.wishes.fail(waiting, now);
            self.phase =
                Phase::Registering { waiting, deadline: now + self.timing.register_timeout };
            self.ask_to_register(waiting, out);
        }
    }

    /// Whoever was to register in that time has it once more: its answer may lie unread.
    fn stood_still(&mut self, now: Nanos) {
        if let Phase::Registering { deadline, .. } = &mut self.phase {
            *deadline = (*deadline).max(now + self.timing.register_timeout);
        }
    }

    /// Grants when all have registered; decides when something calls for it.
    fn advance(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        if let Phase::Registering { waiting, .. } = self.phase
            && (waiting == 0 || planted!(GrantBeforeAllRegistered) && waiting != self.written())
        {
            if self.record.granted {
                self.settle(out);
            } else {
                self.record.granted = true;
                self.phase = Phase::Persisting;
                out.push(Effect::Persist(self.record));
            }
        }
        if self.phase == Phase::Persisting || self.noting || self.is_in_doubt() {
            return;
        }
        if self.record.owner.is_none() && self.wishes.attach.is_none() {
            // Nobody's lease runs.
            self.wishes.attach = self.claims.take_next();
        }
        if let Some(next) = self.decide() {
            crate::sometimes!(self, self.phase != Phase::Settled, probes::DECIDED_ANEW);
            let rebuilds_more = !(next.rebuild_all & !self.record.rebuild_all).is_empty();
            crate::sometimes!(self, rebuilds_more, probes::REBUILD_ALL_ORDERED);
            crate::sometimes!(self, self.wishes.register_anew, probes::REGISTERED_ANEW);
            self.note_probes(&next);
            if next.owner != self.record.owner {
                // An earlier session of the same client is over, and nobody is there to be told.
                let stays = |(client, _): &Claim| next.owner.is_some_and(|(new, _)| new == *client);
                self.leaving = self.record.owner.filter(|owner| !stays(owner));
                // It has its lease's time to be heard.
                self.owner_heard = now;
            }
            self.warm_up(&next);
            self.record = next;
            self.told = Told::No;
            self.wishes = Wishes::default();
            self.phase = Phase::Persisting;
            out.push(Effect::Persist(next));
        }
    }

    /// Counts what a decision does about legs that lost their caches.
    fn note_probes(&self, next: &VolumeRecord) {
        let given_up = self.in_sync() & !next.in_sync() & self.cold() != 0;
        crate::sometimes!(self, given_up, probes::COLD_LEG_GIVEN_UP);
        crate::sometimes!(self, next.cold == next.epoch, probes::ALL_LEGS_COLD);
        crate::sometimes!(self, self.to_take_back() != 0, probes::LEG_TAKEN_BACK);
    }

    /// The next record, if one is called for.
    fn decide(&self) -> Option<VolumeRecord> {
        let wishes = &self.wishes;
        let mut next = self.record;
        let all_cold = self.is_all_cold() && !self.starts_cold();
        let lacking = self.to_bring_up_to_date() | self.replaced();
        let mut failed = self.legs_to_drop(wishes.failed | lacking);
        let taken_back = self.to_take_back();
        if taken_back != 0 {
            failed |= self.in_sync();
        }
        for leg in self.record.modes.legs() {
            if taken_back & bit(leg) != 0 {
                next.modes.set(leg, LegMode::ReadWrite);
            } else if failed & bit(leg) != 0 {
                next.modes.set(leg, LegMode::Dead);
            }
        }
        let settled = self.phase == Phase::Settled;
        if settled {
            self.bring_back(&mut next);
        }
        if planted!(PromoteRebuiltLeg) && next.modes.count(LegMode::ReadWrite) == 0 {
            for leg in self.record.modes.legs_in(LegMode::WriteOnly) {
                next.modes.set(leg, LegMode::ReadWrite);
            }
        }
        if let Some(owner) = wishes.attach {
            next.recover = self.record.owner.is_some() && !planted!(NoRecoveryAfterOwnerDeath);
            next.owner = Some(owner);
        } else if wishes.detach && settled {
            next.owner = None;
            next.recover = false;
        }
        let waits = self.are_in_sync_cold() && self.given_up() != 0 && taken_back == 0;
        crate::sometimes!(self, waits && !self.is_all_cold(), probes::COLD_LEG_WAITS);
        let called_for = next != self.record || (settled && wishes.register_anew) || all_cold;
        if !called_for {
            return None;
        }
        self.note_disks(&mut next);
        self.note_holders(&mut next);
        next.epoch = self.record.epoch.next();
        if self.is_all_cold() {
            next.cold = next.epoch;
            // Also for an owner that finds the volume so.
            next.recover = true;
        }
        (next.granted, next.told) = (false, false);
        Some(next)
    }

    /// Legs that are being rebuilt and are on another disk now, or on one that has forgotten them: what was
    /// rebuilt is gone, and the rebuild has to start over, which it does when they come back.
    fn replaced(&self) -> u16 {
        let rebuilt = self.record.modes.legs_in(LegMode::WriteOnly);
        let is_replaced = |leg: &LegIndex| {
            self.reports[leg.index()].is_some_and(|report| report.usable) && !self.fits(*leg)
        };
        rebuilt.filter(is_replaced).fold(0, |legs, leg| legs | bit(leg))
    }

    /// Of the failed legs those that may be given up: of those in sync none, unless as many others of its
    /// group are in sync and can serve as it takes (rule 12).
    fn legs_to_drop(&self, failed: u16) -> u16 {
        let modes = &self.record.modes;
        let mut dropped = 0;
        for leg in modes.legs_in(LegMode::WriteOnly).filter(|leg| failed & bit(*leg) != 0) {
            dropped |= bit(leg);
        }
        let can_serve = |leg: &LegIndex| failed & bit(*leg) == 0 && self.fits(*leg);
        let serving: LegSet = modes.legs_in(LegMode::ReadWrite).filter(can_serve).collect();
        let in_sync = LegSet::from_bits(self.in_sync());
        for group in self.spec.layout.groups() {
            let group_failed = group & in_sync & LegSet::from_bits(failed);
            let others_can_serve = (group & serving).count() >= self.spec.layout.needed()
                || planted!(DropLastLeg)
                || planted!(PromoteRebuiltLeg) && modes.count(LegMode::WriteOnly) > 0;
            let is_kept = !group_failed.is_empty() && !others_can_serve;
            crate::sometimes!(self, is_kept, probes::LAST_LEG_KEPT);
            if others_can_serve {
                dropped |= group_failed.bits();
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
                let generation = self.reports[leg.index()].map(|report| report.generation);
                let is_equal = generation == Some(self.record.generations[leg.index()]);
                if planted!(RejoinWithoutRebuild)
                    || planted!(EqualGenerationMeansEqualData) && is_equal
                {
                    next.modes.set(leg, LegMode::ReadWrite);
                }
                // A rebuild of everything that was cut short starts over: the bit stays until it is done.
                if !self.fits(leg) {
                    next.rebuild_all.add(leg);
                }
            }
            let rebuilt = self.wishes.rebuilt & bit(leg) != 0;
            if rebuilt && mode == LegMode::WriteOnly && self.serves(leg) && self.fits(leg) {
                next.modes.set(leg, LegMode::ReadWrite);
                next.rebuild_all.remove(leg);
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
            } else if next.rebuild_all.has(leg) {
                next.serials[leg.index()] = report.serial;
                next.generations[leg.index()] = report.generation;
            }
        }
    }

    /// Notes which legs have all that was acknowledged before the epoch that begins.
    fn note_holders(&self, next: &mut VolumeRecord) {
        let holders = if self.is_told() { self.in_sync() } else { self.record.holders };
        // An owner that leaves has flushed all legs.
        let is_all_theirs = next.owner.is_none() || self.is_all_cold();
        let cold = self.cold() | self.given_up_in_state(true);
        next.holders = if is_all_theirs { next.in_sync() } else { holders & !cold };
    }

    fn grant(&self, (owner, session): (NodeId, u64)) -> Effect {
        let topology = Topology {
            volume: self.spec.id,
            epoch: self.record.epoch,
            modes: self.record.modes,
            rebuild_all: self.record.rebuild_all,
            recover: self.record.recover,
            cold: self.record.cold,
        };
        Effect::Grant(owner, session, topology)
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
        let serving = modes.legs_in(LegMode::ReadWrite).filter(|leg| self.serves(*leg));
        let serving: LegSet = serving.collect();
        let needed = self.spec.layout.needed();
        let serves = self.spec.layout.groups().all(|group| (group & serving).count() >= needed);
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
