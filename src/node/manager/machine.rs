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
use crate::base::{Epoch, LegIndex, Nanos, NodeId, PlaceIndex};

use super::absences::Absences;
use super::claims::{Claim, Claims};
use super::input::{Effect, Input};
use super::record::VolumeRecord;
use super::wishes::Wishes;
use crate::base::planted;
use crate::layout::LEGS_MAX;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::node::config::{Timing, VolumeSpec};
use crate::node::probes;
use crate::node::protocol::{LegMode, LegReport, Topology};
use crate::sim::Probes;

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The record is durable, registered and granted.
    Settled,
    /// The record is being made durable, or that all legs have registered it.
    Persisting,
    /// These legs have not acknowledged yet.
    Registering { waiting: u16, deadline: Nanos },
}

/// Whether the owner may have been told of the record's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Surely not.
    No,
    /// As far as anybody knows.
    Yes,
    /// It may, unless a leg in sync is witness that it was not; see [`VolumeRecord::is_untold_by`].
    UnlessDenied,
}

/// One volume's decisions.
pub(super) struct Machine {
    pub(super) spec: VolumeSpec,
    pub(super) timing: Timing,
    pub(super) record: VolumeRecord,
    pub(super) phase: Phase,
    /// By place.
    pub(super) reports: Vec<Option<LegReport>>,
    /// The generation that each place's disk showed when it was read last, be it away now or not.
    pub(super) shown: Vec<Epoch>,
    /// When each leg was decided to be dead, or found so after a boot.
    pub(super) absences: [Absences; LEGS_MAX],
    /// How often each leg was moved since it was in sync last.
    pub(super) moves: [u8; LEGS_MAX],
    /// The life in which each leg was cold when its rebuild was decided on.
    pub(super) planned: [Option<u32>; LEGS_MAX],
    pub(super) wishes: Wishes,
    pub(super) owner_heard: Nanos,
    /// Until when nothing is decided before all disks of the volume have told what they know; none once that is over.
    pub(super) listens_until: Option<Nanos>,
    /// The places that were asked to register the record's epoch; none where an earlier life of the manager decided on that.
    pub(super) asked: Option<Vec<PlaceIndex>>,
    /// The owner until now, while it is not on record that it is so no longer.
    pub(super) leaving: Option<Claim>,
    pub(super) told: Told,
    /// Whether it is being made durable that the owner was told. The volume is served meanwhile.
    pub(super) noting: bool,
    /// Whether media have volatile caches, so that a leg may lose something between two breaths.
    pub(super) has_caches: bool,
    /// How many targets have been asked to see to the volume, and when the last was.
    pub(super) asked_to_care: (u32, Nanos),
    /// Clients that wait for the owner to leave, or for its lease to run out.
    pub(super) claims: Claims,
    /// What was told last; nothing since this manager booted, whatever an earlier one told.
    pub(super) state: Option<VolumeState>,
    pub(super) probes: Probes,
}

pub(super) const fn bit(leg: LegIndex) -> u16 {
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
            reports: vec![None; spec.places().count()],
            shown: vec![Epoch::new(0); spec.places().count()],
            absences: std::array::from_fn(|_| Absences::from(now)),
            moves: [0; LEGS_MAX],
            planned: [None; LEGS_MAX],
            wishes: Wishes::default(),
            owner_heard: now,
            listens_until: None,
            asked: None,
            leaving: None,
            told: if record.granted { Told::Yes } else { Told::No },
            noting: false,
            has_caches: false,
            asked_to_care: (0, now),
            claims: Claims::default(),
            state: None,
            probes: Probes::default(),
        };
        if record.epoch > Epoch::new(1) {
            machine.listens_until = Some(now + machine.timing.dead_after);
        }
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

    pub(super) fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Takes an input, and says what is to be done.
    pub(super) fn apply(&mut self, now: Nanos, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Place(place, report) => self.place_reported(place, report, out),
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
            Input::StoodStill => {
                // What disks have said meanwhile is heard first.
                let longer = now + self.timing.heartbeat;
                self.listens_until = self.listens_until.map(|until| until.max(longer));
                self.allow_to_register(now + self.timing.register_timeout);
            }
            Input::Unread => self.allow_to_register(now + self.timing.heartbeat),
        }
        self.advance(now, out);
        self.show_state(out);
    }

    fn place_reported(
        &mut self,
        place: PlaceIndex,
        report: Option<LegReport>,
        out: &mut Vec<Effect>,
    ) {
        let was_confirming = self.is_confirming();
        let before = std::mem::replace(&mut self.reports[place.index()], report);
        let foreign = |report: Option<LegReport>| report.and_then(|report| report.foreign);
        if let Some(found) = foreign(report).filter(|_| foreign(before) != foreign(report)) {
            out.push(Effect::ForeignDisk { place, found });
        }
        if let Some(LegReport { generation, usable: true, .. }) = report {
            self.shown[place.index()] = self.known_without(place, generation);
        }
        if let Some(LegReport { generation, usable: true, .. }) = report
            && self.contradiction(place).is_some()
        {
            crate::sometimes!(self, true, probes::SPLIT_BRAIN);
            out.push(Effect::SplitBrain { place, generation });
        }
        let (Some(report), Some(leg)) = (report, self.record.leg_at(place)) else { return };
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

    /// The leg as the target of its place reported it last; `None` when the target is gone.
    pub(super) fn report(&self, leg: LegIndex) -> Option<LegReport> {
        self.reports[self.record.places.of(leg).index()]
    }

    /// Whether the disk that was reported for a leg is the one on record, and not an older image of it.
    pub(super) fn fits(&self, leg: LegIndex) -> bool {
        let Some(report) = self.report(leg) else { return false };
        let serial = self.record.serials[leg.index()];
        let same = serial == 0 || serial == report.serial;
        let current = report.generation >= self.record.generation_min(leg);
        report.usable && same && (current || planted!(OldDiskTrusted))
    }

    /// Whether the leg serves the record's epoch, as far as its target told.
    pub(super) fn serves(&self, leg: LegIndex) -> bool {
        let report = self.report(leg);
        report.is_some_and(|report| report.usable && report.registered == self.record.epoch)
    }

    /// Whether the leg can be given the record's epoch: on no other disk or image of it than the one that this was decided
    /// for, be it rebuilt in whole or not, for an owner may have been told where that has come to. A leg that lost its
    /// volatile cache may only go on if all in sync did.
    fn may_register(&self, leg: LegIndex) -> bool {
        let usable = self.report(leg).is_some_and(|report| report.usable);
        let goes_on = self.in_sync() & bit(leg) != 0 && self.starts_cold();
        let warm = self.cold() & bit(leg) == 0 || goes_on;
        let fits =
            self.fits(leg) || self.record.rebuilds_all(leg) && planted!(RebuiltDiskNotHeldTo);
        usable && warm && fits
    }

    /// A leg has registered, which counts only in the life of its device that was last heard of.
    fn registered(&mut self, leg: LegIndex, epoch: Epoch, life: u32, again: bool) {
        let Phase::Registering { waiting, .. } = &mut self.phase else { return };
        if let Some(report) = &mut self.reports[self.record.places.of(leg).index()]
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
            // Told that it is over, it never takes back what it has asked for meanwhile.
            self.claims.withdraw((client, session));
            self.wishes.attach = self.wishes.attach.filter(|wish| *wish != (client, session));
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
            let usable = self.report(leg).is_some_and(|report| report.usable);
            usable && !self.serves(leg)
        });
    }

    fn ask_to_register(&mut self, legs: u16, out: &mut Vec<Effect>) {
        let modes = self.record.modes;
        for leg in modes.legs().filter(|leg| legs & bit(*leg) != 0) {
            if let Some(LegReport { life, .. }) = self.report(leg)
                && self.may_register(leg)
                && !self.is_split()
            {
                let (epoch, again) = (self.record.epoch, self.is_confirming());
                let rebuild = self.record.rebuilds[leg.index()];
                let place = self.record.places.of(leg);
                self.note_asked(place);
                out.push(Effect::Register { leg, place, epoch, life, again, rebuild });
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
            // That it is the owner no longer is not on record yet. When it is, it is told: see `persisted`.
            _ if self.leaving == Some(who)
                && held > Epoch::new(0)
                && !planted!(OldSessionGoesOn) =>
            {
                crate::sometimes!(self, true, probes::OWNER_CAME_BACK_EARLY);
            }
            // Others may have had the volume since: what it knows of the legs is of the past.
            _ if held > Epoch::new(0) && !planted!(OldSessionGoesOn) => {
                crate::sometimes!(self, true, probes::OWNER_CAME_BACK_LATE);
                out.push(Effect::Detached(client, session));
            }
            // It says so again, for it has no answer yet.
            _ if self.wishes.attach == Some(who) => {}
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
        self.listens_until = self.listens_until.filter(|until| now < *until);
        let margin =
            if planted!(LeaseWithoutMargin) { Nanos::ZERO } else { self.timing.lease_margin };
        let lease_over = self.owner_heard + self.timing.lease + margin;
        // One that answers no application has no lease to be waited for.
        let is_over = now > lease_over || self.has_caretaker();
        if self.record.owner.is_some() && is_over && self.wishes.attach.is_none() {
            self.wishes.attach = self.claims.take_next();
            crate::sometimes!(self, self.wishes.attach.is_some(), probes::OWNER_TAKEN_OVER);
        }
        self.have_cared_for(now, out);
        self.wishes.forget(now.saturating_sub(self.timing.dead_after));
        self.wishes.replaced = self.dead_for_long(now);
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

    /// Whoever is to register has until then at least: its answer may lie unread.
    fn allow_to_register(&mut self, until: Nanos) {
        if let Phase::Registering { deadline, .. } = &mut self.phase {
            *deadline = (*deadline).max(until);
        }
    }

    /// The targets of legs that are to register, and until when.
    pub(super) fn awaits_registration(&self) -> Option<(Vec<NodeId>, Nanos)> {
        let Phase::Registering { waiting, deadline } = self.phase else { return None };
        let target = |leg| self.spec.place(self.record.places.of(leg)).target;
        Some((LegSet::from_bits(waiting).iter().map(target).collect(), deadline))
    }

    /// Notes the disks of legs that had not been heard when the record was decided on. All have registered by now, and
    /// whatever takes one's place from now on is known for another.
    fn note_serials(&mut self) {
        for leg in self.record.modes.written() {
            if self.record.serials[leg.index()] == 0 {
                let serial = self.report(leg).map_or(0, |report| report.serial);
                self.record.serials[leg.index()] = serial;
            }
        }
    }

    /// Grants when all have registered; decides when something calls for it.
    fn advance(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        if self.is_split() {
            return;
        }
        if let Phase::Registering { waiting, .. } = self.phase
            && (waiting == 0 || planted!(GrantBeforeAllRegistered) && waiting != self.written())
        {
            if self.record.granted {
                self.settle(out);
            } else {
                self.record.granted = true;
                self.note_serials();
                self.phase = Phase::Persisting;
                out.push(Effect::Persist(self.record));
            }
        }
        let is_busy = self.phase == Phase::Persisting || self.noting;
        if is_busy || self.is_in_doubt() || self.is_listening() {
            return;
        }
        if self.record.owner.is_none() && self.wishes.attach.is_none() {
            // Nobody's lease runs.
            self.wishes.attach = self.claims.take_next();
        }
        if let Some(next) = self.decide() {
            crate::sometimes!(self, self.phase != Phase::Settled, probes::DECIDED_ANEW);
            let orders_more = next.rebuilds.contains(&next.epoch);
            crate::sometimes!(self, orders_more, probes::REBUILD_ALL_ORDERED);
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
            self.note_deaths(&next, now);
            self.record = next;
            self.told = Told::No;
            self.asked = Some(Vec::new());
            self.wishes = Wishes::default();
            self.phase = Phase::Persisting;
            out.push(Effect::Persist(next));
        }
    }

    fn grant(&self, (owner, session): (NodeId, u64)) -> Effect {
        Effect::Grant(owner, session, self.topology())
    }

    /// How the volume stands, for its owner.
    pub(super) fn topology(&self) -> Topology {
        Topology {
            volume: self.spec.id,
            epoch: self.record.epoch,
            modes: self.record.modes,
            places: self.record.places,
            recover: self.record.recover,
            cold: self.record.cold,
        }
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
        if self.is_split() || self.record.owner.is_some() && settled && !serves {
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

    /// Whether the record is in the database as it is here.
    pub(super) fn is_stored(&self) -> bool {
        self.phase != Phase::Persisting
    }

    pub(super) fn record(&self) -> &VolumeRecord {
        &self.record
    }

    pub(super) fn spec(&self) -> &VolumeSpec {
        &self.spec
    }
}
