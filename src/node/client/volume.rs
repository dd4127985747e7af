//! What the client knows of a volume: topology, lease, which regions may differ, which legs misbehave.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::{DiskId, Epoch, LegIndex, Nanos, PlaceIndex, Region};
use crate::sim::{Allocation, JoinHandle, Signal, Tracked};

use super::boot::Client;
use super::coded;
use super::flushes::Flushes;
use super::intent::Intent;
use super::io::IoError;
use super::locks::RangeLocks;
use super::row_journal::RowJournal;
use super::target_link::TargetLink;
use crate::base::planted;
use crate::base::protocol::{LegReported, OwnerGranted};
use crate::layout::{LEGS_MAX, Layout};
use crate::node::channel::Channel;
use crate::node::config::VolumeSpec;
use crate::node::layout::IntentMap;
use crate::node::link::lease_clock;
use crate::node::probes;
use crate::node::protocol::{LegMode, Topology, Wire};

/// A volume attached, or to be attached.
pub(super) struct Volume {
    pub(super) client: Rc<Client>,
    /// Tells this attachment from any other, of any life of any client.
    pub(super) session: u64,
    pub(super) spec: VolumeSpec,
    /// Something changed that an operation may wait for.
    pub(super) changed: Signal,
    pub(super) locks: RangeLocks,
    pub(super) intent: Intent,
    /// Open from the first grant until the marks have been read.
    looking: RefCell<Option<Tracked>>,
    /// What is being written of rows, where the layout is a code.
    pub(super) rows: RowJournal,
    topology: Cell<Option<Topology>>,
    /// Counts grants: what failed under one grant may be tried again under the next.
    grants: Cell<u64>,
    /// When the manager last surely took us for the owner; moves on with each answered heartbeat.
    confirmed: RefCell<Rc<Cell<Nanos>>>,
    /// When the manager was asked for the volume last.
    asked_at: Cell<Nanos>,
    manager: RefCell<Option<Rc<Channel>>>,
    legs: [LegState; LEGS_MAX],
    /// The connections to targets, by place.
    links: Vec<Rc<TargetLink>>,
    is_lost: Cell<bool>,
    /// Told when it is.
    taken: Signal,
    /// It is being given back.
    is_leaving: Cell<bool>,
    /// Operations of applications under way.
    open: Cell<u32>,
    /// Its bitmaps, and a region's buffer for each of the tasks that copy.
    memory: RefCell<Option<Allocation>>,
    /// What works on it in the background.
    tasks: RefCell<Vec<JoinHandle<()>>>,
    /// What flushes have covered, and what they failed to.
    pub(super) flushes: Flushes,
}

/// An operation of an application under way.
pub(super) struct OpenIo(Rc<Volume>);

impl Drop for OpenIo {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        if self.0.is_leaving() {
            self.0.changed.notify();
        }
    }
}

/// What the owner notes of a leg.
#[derive(Default)]
struct LegState {
    /// Where it is, and since which grant.
    place: Cell<PlaceIndex>,
    moved: Cell<u64>,
    /// The grant under which it was last reported as failed, and when.
    reported: Cell<u64>,
    reported_at: Cell<Nanos>,
    /// When a dead leg is looked at again, and how long to wait after that.
    probe_at: Cell<Nanos>,
    probe_pause: Cell<Nanos>,
    died: Cell<Nanos>,
    /// Regions still to be rebuilt, while the leg is `W`.
    plan: RefCell<Option<IntentMap>>,
    /// Regions whose copy on this leg is being read or written right now, for a report.
    total: Cell<u32>,
}

impl Volume {
    pub(super) fn new(
        client: Rc<Client>,
        spec: &VolumeSpec,
        session: u64,
        links: Vec<Rc<TargetLink>>,
    ) -> Self {
        Self {
            session,
            links,
            changed: Signal::new(client.handle.kernel()),
            taken: Signal::new(client.handle.kernel()),
            locks: RangeLocks::new(&client.handle),
            intent: Intent::new(spec.regions()),
            looking: RefCell::default(),
            rows: RowJournal::new(&client.handle),
            spec: spec.clone(),
            client,
            topology: Cell::new(None),
            grants: Cell::new(0),
            confirmed: RefCell::default(),
            asked_at: Cell::default(),
            manager: RefCell::new(None),
            legs: std::array::from_fn(|leg| LegState {
                place: Cell::new(PlaceIndex::new(leg as u8)),
                ..LegState::default()
            }),
            is_lost: Cell::new(false),
            is_leaving: Cell::new(false),
            open: Cell::new(0),
            memory: RefCell::default(),
            tasks: RefCell::default(),
            flushes: Flushes::new(),
        }
    }

    /// What it takes to serve the volume, in bytes: four bitmaps, a count for each region, and two regions; of a
    /// code, in their place, what its rows take. To scrub it, what all legs hold of a region as well.
    pub(super) fn bytes(&self) -> u64 {
        let regions = u64::from(self.spec.regions());
        let block = self.client.map.block_size.bytes() as u64;
        let buffers = match self.spec.layout.code() {
            Some(code) => coded::blocks_to_serve(&code),
            None => u64::from(self.spec.blocks_per_region()) * 2,
        };
        let all = self.spec.layout.all();
        let region = u64::from(self.spec.part_of(Region::new(0), all).blocks);
        let scrubbed = self.spec.scrub_rate.map_or(0, |_| u64::from(all.count()) * region);
        regions.div_ceil(8) * 4 + regions * 4 + (buffers + scrubbed) * block
    }

    /// The memory that it takes is there.
    pub(super) fn reserve(&self, memory: Allocation) {
        *self.memory.borrow_mut() = Some(memory);
    }

    /// Whether it may be asked for: it has its memory, and is not being given back.
    pub(super) fn is_ready(&self) -> bool {
        self.memory.borrow().is_some()
    }

    pub(super) fn keep_tasks(&self, tasks: impl Iterator<Item = JoinHandle<()>>) {
        self.tasks.borrow_mut().extend(tasks);
    }

    /// Nothing works on the volume any more.
    pub(super) fn end_tasks(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.iter().for_each(JoinHandle::abort);
    }

    /// It is being given back from now on.
    pub(super) fn leave(&self) {
        self.is_leaving.set(true);
        self.changed.notify();
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.get()
    }

    /// Whether nothing of it is under way, and no region may differ between its legs.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.get() == 0 && self.intent.is_at_rest()
    }

    /// Counts an operation of an application as under way until the guard is dropped.
    pub(super) fn open_io(self: &Rc<Self>) -> OpenIo {
        self.open.set(self.open.get() + 1);
        OpenIo(self.clone())
    }

    /// How the volume stands, if it was granted.
    pub(super) fn topology(&self) -> Option<Topology> {
        self.topology.get()
    }

    /// Which grant this is; 0 before the first.
    pub(super) fn grant(&self) -> u64 {
        self.grants.get()
    }

    /// Whether another client has the volume now.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// Why an operation fails that may have been done.
    pub(super) fn doubt(&self) -> IoError {
        match (self.is_lost(), self.grant()) {
            // It never was the owner: nothing was done.
            (true, 0) => IoError::Refused,
            (true, _) => IoError::Taken,
            (false, _) => IoError::InDoubt,
        }
    }

    /// The epoch under which it is the owner, as far as it knows; zero if it never was.
    pub(super) fn held(&self) -> Epoch {
        self.topology().map_or(Epoch::new(0), |topology| topology.epoch)
    }

    /// Tells the manager that this attachment is over.
    pub(super) fn detach_message(&self) -> Wire {
        Wire::Detach { volume: self.spec.id, session: self.session, held: self.held() }
    }

    /// The disk that a leg is on.
    pub(super) fn disk(&self, leg: LegIndex) -> DiskId {
        self.spec.place(self.legs[leg.index()].place.get()).disk
    }

    /// The connection to that.
    pub(super) fn link(&self, leg: LegIndex) -> &Rc<TargetLink> {
        &self.links[self.legs[leg.index()].place.get().index()]
    }

    /// The grant by which a leg came to where it is; zero if it was always there.
    pub(super) fn moved(&self, leg: LegIndex) -> u64 {
        self.legs[leg.index()].moved.get()
    }

    /// Waits for the first grant, or for one under which `wanted` gives a value.
    pub(super) async fn topology_where<T>(&self, wanted: impl Fn(&Topology) -> Option<T>) -> T {
        self.changed.wait_for(|| self.topology().and_then(|topology| wanted(&topology))).await
    }

    /// Acts under this configuration from now on.
    pub(super) fn granted(&self, topology: Topology, answered: &Rc<Cell<Nanos>>) {
        if self.is_lost() {
            return;
        }
        if self.topology().is_some_and(|current| current.epoch > topology.epoch) {
            crate::sometimes!(self.client.handle, true, probes::GRANT_OF_OLDER_EPOCH);
            return;
        }
        let now = self.client.handle.monotonic();
        let first = self.topology().is_none();
        *self.confirmed.borrow_mut() = answered.clone();
        self.topology.set(Some(topology));
        self.grants.set(self.grants.get() + 1);
        for leg in topology.modes.legs() {
            self.note_place(leg, topology.places.of(leg));
            self.note_mode(leg, topology.modes.of(leg), now);
        }
        let (volume, epoch, modes) = (topology.volume, topology.epoch, topology.modes.word());
        self.client.handle.emit(&OwnerGranted { volume, epoch, modes });
        if first && !topology.recover {
            self.intent.nothing_to_recover();
        }
        if self.flushes.granted(first, topology.cold) {
            crate::sometimes!(self.client.handle, true, probes::CACHES_LOST);
            self.intent.caches_lost();
        }
        if !self.intent.is_known() {
            let look = || self.client.handle.tracker("look at marks").open();
            self.looking.borrow_mut().get_or_insert_with(look);
        }
        self.look_again();
    }

    /// It is known which regions may differ, and nothing of a row is left half done.
    pub(super) fn has_looked(&self) {
        *self.looking.borrow_mut() = None;
    }

    fn note_place(&self, leg: LegIndex, place: PlaceIndex) {
        let state = &self.legs[leg.index()];
        if state.place.replace(place) != place {
            state.moved.set(self.grant());
            // What was copied is where it was before.
            *state.plan.borrow_mut() = None;
        }
    }

    fn note_mode(&self, leg: LegIndex, mode: LegMode, now: Nanos) {
        let state = &self.legs[leg.index()];
        let pause = self.client.map.timing.probe;
        match mode {
            LegMode::Dead => {
                self.client.calls.paces().forget(self.spec.id, leg);
                if !planted!(RebuildPlanSurvivesDeath) {
                    *state.plan.borrow_mut() = None;
                }
                if state.died.get() == Nanos::ZERO {
                    // One that comes and goes is asked less and less often.
                    let longer = state.probe_pause.get().saturating_mul(2);
                    state.probe_pause.set(longer.max(pause).min(pause.saturating_mul(32)));
                    state.probe_at.set(now);
                    state.died.set(now.max(Nanos::new(1)));
                }
            }
            LegMode::ReadWrite => {
                *state.plan.borrow_mut() = None;
                state.died.set(Nanos::ZERO);
            }
            LegMode::WriteOnly => state.died.set(Nanos::ZERO),
        }
    }

    /// Waits until the volume is another client's.
    pub(super) async fn taken(&self) {
        self.taken.wait_for(|| self.is_lost().then_some(())).await;
    }

    /// The volume is another client's.
    pub(super) fn lost(&self) {
        self.is_lost.set(true);
        self.topology.set(None);
        self.look_again();
        self.taken.notify();
    }

    /// The manager is asked for the volume over this connection.
    pub(super) fn manager_found(&self, connection: &Rc<Channel>) {
        *self.manager.borrow_mut() = Some(connection.clone());
        self.asked_at.set(self.client.handle.monotonic());
    }

    /// Whether it was asked for long ago and not answered: by no grant over the connection whose heartbeats are
    /// `answered`. Messages of a connection don't get lost on their way; but what arrived may still be overlooked.
    pub(super) fn awaits_answer(&self, answered: &Rc<Cell<Nanos>>, now: Nanos) -> bool {
        let patience = self.client.map.timing.patience;
        let is_granted = Rc::ptr_eq(&self.confirmed.borrow(), answered);
        let asks = self.is_ready() && !self.is_lost() && !self.is_leaving();
        asks && !is_granted && now.saturating_sub(self.asked_at.get()) >= patience
    }

    /// The lease goes on as far as it was confirmed, and no further.
    pub(super) fn manager_lost(&self) {
        *self.manager.borrow_mut() = None;
        let so_far = self.confirmed.borrow().get();
        *self.confirmed.borrow_mut() = Rc::new(Cell::new(so_far));
    }

    pub(super) fn links_changed(&self) {
        self.changed.notify();
    }

    fn look_again(&self) {
        self.changed.notify();
        self.client.calls.nudge(self.spec.id);
    }

    /// Whether reads may be answered now: the manager gives the volume to nobody else yet (rule 11).
    pub(super) fn has_lease(&self) -> bool {
        if planted!(StaleLease) {
            return true;
        }
        let until = self.confirmed.borrow().get() + self.client.map.timing.lease;
        lease_clock(&self.client.handle) < until
    }

    /// Reports a leg as failed: at once under each grant, then again while it goes on failing, for the
    /// manager forgets reports that are not repeated.
    pub(super) fn report_failed(&self, leg: LegIndex) {
        let Some(topology) = self.topology() else { return };
        let state = &self.legs[leg.index()];
        let dead = topology.modes.of(leg) == LegMode::Dead;
        let now = self.client.handle.monotonic();
        let again = now.saturating_sub(state.reported_at.get()) >= self.client.map.timing.patience;
        if dead || (state.reported.get() == self.grant() && !again) {
            return;
        }
        let (volume, epoch) = (self.spec.id, topology.epoch);
        if self.tell_manager(Wire::LegFailed { volume, leg, epoch }) {
            state.reported.set(self.grant());
            state.reported_at.set(now);
            self.note_report(leg, epoch, LegMode::Dead);
        }
    }

    /// Whether a leg's disk is slower than its peers' these days.
    pub(super) fn is_slow(&self, leg: LegIndex) -> bool {
        let now = self.client.handle.monotonic();
        self.client.calls.paces().is_slow(self.spec.id, leg, now)
    }

    /// Forgets what was reported under this grant, so that it is reported again.
    pub(super) fn report_anew(&self) {
        self.legs.iter().for_each(|state| state.reported.set(0));
    }

    pub(super) fn report_back(&self, leg: LegIndex) {
        let Some(topology) = self.topology() else { return };
        let (volume, epoch) = (self.spec.id, topology.epoch);
        if topology.modes.of(leg) == LegMode::Dead
            && self.tell_manager(Wire::LegBack { volume, leg, epoch })
        {
            self.note_report(leg, epoch, LegMode::WriteOnly);
        }
    }

    pub(super) fn report_rebuilt(&self, leg: LegIndex) {
        let Some(topology) = self.topology() else { return };
        let (volume, epoch) = (self.spec.id, topology.epoch);
        if self.tell_manager(Wire::Rebuilt { volume, leg, epoch }) {
            self.note_report(leg, epoch, LegMode::ReadWrite);
        }
    }

    fn note_report(&self, leg: LegIndex, epoch: Epoch, mode: LegMode) {
        let volume = self.spec.id;
        self.client.handle.emit(&LegReported { volume, leg, epoch, mode });
    }

    /// Whether there is a manager to tell.
    pub(super) fn tell_manager(&self, message: Wire) -> bool {
        self.manager.borrow().as_ref().is_some_and(|manager| manager.send(message).is_ok())
    }

    /// Dead legs that are due to be looked at; the next look is put off.
    pub(super) fn legs_to_probe(&self) -> Vec<LegIndex> {
        let Some(topology) = self.topology() else { return Vec::new() };
        let now = self.client.handle.monotonic();
        let due = topology.modes.legs_in(LegMode::Dead).filter(|leg| {
            let state = &self.legs[leg.index()];
            let due = now >= state.probe_at.get();
            if due {
                state.probe_at.set(now + state.probe_pause.get());
            }
            due
        });
        due.collect()
    }

    /// A leg that has served well for a while is trusted again as it was at first.
    pub(super) fn calm_down(&self) {
        let now = self.client.handle.monotonic();
        let Some(topology) = self.topology() else { return };
        for leg in topology.modes.legs_in(LegMode::ReadWrite) {
            let state = &self.legs[leg.index()];
            let calm = state.probe_pause.get().saturating_mul(16);
            if now.saturating_sub(state.probe_at.get()) > calm {
                state.probe_pause.set(Nanos::ZERO);
            }
        }
    }

    /// Sets what is to be rebuilt on a leg.
    pub(super) fn plan_rebuild(&self, leg: LegIndex, plan: IntentMap) {
        let state = &self.legs[leg.index()];
        state.total.set(plan.count());
        *state.plan.borrow_mut() = Some(plan);
    }

    pub(super) fn has_plan(&self, leg: LegIndex) -> bool {
        self.legs[leg.index()].plan.borrow().is_some()
    }

    /// The next region to rebuild on a leg.
    pub(super) fn next_to_rebuild(&self, leg: LegIndex) -> Option<Region> {
        let plan = self.legs[leg.index()].plan.borrow();
        plan.as_ref().and_then(|plan| plan.next_from(Region::new(0)))
    }

    /// Notes that a region is rebuilt; says how many of how many are.
    pub(super) fn region_rebuilt(&self, leg: LegIndex, region: Region) -> (u32, u32) {
        let state = &self.legs[leg.index()];
        let mut plan = state.plan.borrow_mut();
        let left = plan.as_mut().map_or(0, |plan| {
            plan.clear(region);
            plan.count()
        });
        (state.total.get() - left, state.total.get())
    }
}
