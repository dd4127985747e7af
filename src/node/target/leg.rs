//! One leg on its target: which epoch it serves, what is in flight, which regions are marked.
//!
//! A plain state machine: no command is issued here. Whoever waits for a change waits on `changed`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::protocol::{LegLoaded, MarkChanged};
use crate::base::{Epoch, LegIndex, NodeId, PlaceIndex, Region, VolumeId};
use crate::disk::port::{Drive, Identity};
use crate::sim::{NodeHandle, Probes, Signal, Tracked, Tracker};

use crate::base::planted;
use crate::node::config::{LegSpec, VolumeSpec};
use crate::node::layout::{Extent, IntentMap, Superblock};
use crate::node::probes;
use crate::node::protocol::{LegReport, LegStatus, Occupant};

/// A leg's state in this life of its target.
pub(super) struct Leg {
    pub(super) volume: VolumeSpec,
    pub(super) place: PlaceIndex,
    /// The leg that is there, as far as the target was told or finds on the disk; none in a spare.
    index: Cell<Option<LegIndex>>,
    pub(super) extent: Extent,
    pub(super) drive: Drive,
    pub(super) changed: Signal,
    handle: NodeHandle,
    tracker: Tracker,
    state: RefCell<State>,
    /// The most blocks that its disk takes in a command, as it said last; 0 is no limit.
    transfer_blocks: Cell<u32>,
    in_flight: Cell<u32>,
    /// How many of these are whose.
    holders: RefCell<Vec<(NodeId, u32)>>,
}

struct State {
    health: Health,
    serial: u64,
    /// The life of the device in which the metadata was read.
    life: u32,
    /// Whether that is another life than the one it last registered in, and a volatile cache is lost.
    cold: bool,
    /// The generation on the disk, and the one that ought to be there.
    generation: Epoch,
    generation_wanted: Epoch,
    /// The last epoch on the disk that may have been granted without asking this leg again, and the one that
    /// ought to be there.
    confirmed: Epoch,
    confirmed_wanted: Epoch,
    /// The rebuild in whole that the disk names, and the one that it ought to name; zero for none.
    rebuild: Epoch,
    rebuild_wanted: Epoch,
    /// Whether the superblock is to be written.
    superblock_wanted: bool,
    /// Requests of any other epoch are refused.
    epoch: Epoch,
    /// Whether the registration of `epoch` is complete.
    ready: bool,
    /// Regions that ought to be marked on the disk, that are, and that a command under way marks.
    wanted: IntentMap,
    stored: IntentMap,
    storing: Option<IntentMap>,
    /// Data writes under way, by region.
    writes: Vec<u32>,
    /// How often the metadata was read: what was registered before the last time is void.
    loads: u64,
}

/// Whether the leg's disk and metadata can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Being read after a boot or a failure.
    Loading,
    /// In use.
    Usable,
    /// The disk is another leg's, by its superblock, and is left alone until there is another one.
    Foreign(Occupant),
}

/// What the keeper is to write next.
pub(super) enum Chore {
    /// The superblock.
    Superblock { generation: Epoch, confirmed: Epoch, rebuild: Epoch },
    /// The bitmap.
    Intent(IntentMap),
}

impl State {
    /// Whether the region is marked on the disk, and no command under way unmarks it.
    fn is_marked(&self, region: Region) -> bool {
        let staying = self.storing.as_ref().is_none_or(|storing| storing.has(region));
        self.wanted.has(region) && self.stored.has(region) && staying
    }
}

impl Leg {
    pub(super) fn new(
        handle: &NodeHandle,
        volume: &VolumeSpec,
        place: PlaceIndex,
        spec: &LegSpec,
        drive: Drive,
    ) -> Self {
        let regions = volume.regions();
        let state = State {
            health: Health::Loading,
            serial: 0,
            life: 0,
            cold: false,
            generation: Epoch::new(0),
            generation_wanted: Epoch::new(0),
            confirmed: Epoch::new(0),
            confirmed_wanted: Epoch::new(0),
            rebuild: Epoch::new(0),
            rebuild_wanted: Epoch::new(0),
            superblock_wanted: false,
            epoch: Epoch::new(0),
            ready: false,
            wanted: IntentMap::empty(regions),
            stored: IntentMap::empty(regions),
            storing: None,
            writes: vec![0; regions as usize],
            loads: 0,
        };
        Self {
            volume: volume.clone(),
            place,
            index: Cell::new(volume.first_leg_at(place)),
            extent: spec.extent,
            drive,
            changed: Signal::new(handle.kernel()),
            handle: handle.clone(),
            tracker: handle.tracker("disk command"),
            state: RefCell::new(state),
            transfer_blocks: Cell::new(0),
            in_flight: Cell::new(0),
            holders: RefCell::default(),
        }
    }

    pub(super) fn is(&self, volume: VolumeId, leg: LegIndex) -> bool {
        self.volume.id == volume && self.index.get() == Some(leg)
    }

    pub(super) fn is_at(&self, volume: VolumeId, place: PlaceIndex) -> bool {
        self.volume.id == volume && self.place == place
    }

    /// The leg that is there, if any is.
    pub(super) fn index(&self) -> Option<LegIndex> {
        self.index.get()
    }

    /// This leg is there from now on; what the disk holds of it is told anew if it was another, or is void.
    pub(super) fn hold(&self, leg: LegIndex, rebuild: Epoch) {
        let is_new = self.index.replace(Some(leg)) != Some(leg) || self.is_new_to(rebuild);
        if is_new {
            let marks = self.state.borrow().stored.clone();
            self.tell_loaded(leg, &marks);
        }
    }

    fn probes(&self) -> &Probes {
        self.changed.kernel().probes()
    }

    /// What the manager is told of the leg.
    pub(super) fn report(&self) -> LegReport {
        let state = self.state.borrow();
        let foreign = match state.health {
            Health::Foreign(occupant) => Some(occupant),
            Health::Loading | Health::Usable => None,
        };
        LegReport {
            volume: self.volume.id,
            place: self.place,
            usable: state.health == Health::Usable,
            serial: state.serial,
            generation: state.generation,
            registered: if state.ready { state.epoch } else { Epoch::new(0) },
            life: state.life,
            cold: state.cold,
            confirmed: state.confirmed,
            foreign,
        }
    }

    /// The life of the device in which the metadata was read.
    pub(super) fn life(&self) -> u32 {
        self.state.borrow().life
    }

    /// The most blocks that its disk takes in a command, as it said last; 0 is no limit.
    pub(super) fn transfer_blocks(&self) -> u32 {
        self.transfer_blocks.get()
    }

    /// Whether this superblock was written in this place.
    pub(super) fn wrote(&self, found: &Superblock) -> bool {
        found.is_of(self.volume.id, self.place)
    }

    /// Whether the disk is another leg's.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.state.borrow().health, Health::Foreign(_))
    }

    /// How often the metadata was read in this life of the target.
    pub(super) fn loads(&self) -> u64 {
        self.state.borrow().loads
    }

    /// Whether a request of this epoch may be served now (PROTOCOL rules 2 and 3).
    pub(super) fn admits(&self, epoch: Epoch) -> Result<(), LegStatus> {
        let state = self.state.borrow();
        if state.health != Health::Usable || state.life != self.drive.life() {
            return Err(LegStatus::Unusable);
        }
        if (!state.ready || state.epoch != epoch) && !planted!(NoEpochCheckOnWrite) {
            return Err(LegStatus::WrongEpoch);
        }
        Ok(())
    }

    /// The metadata was read: the leg can be used, once registered. Without a superblock it has no generation.
    pub(super) fn loaded(
        &self,
        device: &Identity,
        superblock: Option<Superblock>,
        cold: bool,
        intent: IntentMap,
    ) {
        let found = |epoch: fn(Superblock) -> Epoch| superblock.map_or(Epoch::new(0), epoch);
        let generation = found(|superblock| superblock.generation);
        let confirmed = found(|superblock| superblock.confirmed);
        let rebuild = found(|superblock| superblock.rebuild);
        self.transfer_blocks.set(device.transfer_blocks);
        let mut state = self.state.borrow_mut();
        state.health = Health::Usable;
        state.loads += 1;
        state.serial = device.serial;
        state.life = device.life;
        state.cold = cold;
        state.generation = generation;
        state.generation_wanted = generation;
        state.confirmed = confirmed;
        state.confirmed_wanted = confirmed;
        state.rebuild = rebuild;
        state.rebuild_wanted = rebuild;
        if planted!(ServeBeforeRegistration) && state.epoch == Epoch::new(0) {
            (state.epoch, state.ready) = (generation, true);
        }
        state.superblock_wanted = false;
        state.wanted = intent.clone();
        state.storing = None;
        if let Some(found) = superblock {
            self.index.set(Some(found.leg));
        }
        if let Some(leg) = self.index.get() {
            self.tell_loaded(leg, &intent);
        }
        state.stored = intent;
        drop(state);
        self.changed.notify();
    }

    /// The disk turned out to be another leg's: nothing of it is believed, or written.
    pub(super) fn found_foreign(&self, device: &Identity, found: &Superblock) {
        let Superblock { volume, leg, place, .. } = *found;
        let nothing = IntentMap::empty(self.volume.regions());
        let none = Epoch::new(0);
        let mut state = self.state.borrow_mut();
        state.health = Health::Foreign(Occupant { volume, leg, place });
        state.loads += 1;
        // Its serial number must not be taken for that of the leg's own disk.
        (state.serial, state.life, state.cold) = (0, device.life, false);
        (state.generation, state.generation_wanted) = (none, none);
        (state.confirmed, state.confirmed_wanted) = (none, none);
        (state.rebuild, state.rebuild_wanted) = (none, none);
        (state.superblock_wanted, state.ready) = (false, false);
        (state.wanted, state.stored, state.storing) = (nothing.clone(), nothing, None);
        drop(state);
        self.changed.notify();
    }

    fn tell_loaded(&self, leg: LegIndex, marks: &IntentMap) {
        let (disk, volume) = (self.drive.id(), self.volume.id);
        let (first, blocks) = (self.extent.data, self.extent.blocks);
        let depth = self.volume.region_depth;
        self.handle.emit(&LegLoaded { disk, volume, leg, first, blocks, depth });
        marks.iter().for_each(|region| self.tell_mark(region, true));
    }

    fn tell_mark(&self, region: Region, marked: bool) {
        let Some(leg) = self.index.get() else { return };
        let (disk, volume, region) = (self.drive.id(), self.volume.id, region.get());
        self.handle.emit(&MarkChanged { disk, volume, leg, region, marked });
    }

    /// Metadata could not be written: nothing is served until it was read and registered anew.
    pub(super) fn failed(&self) {
        let mut state = self.state.borrow_mut();
        state.health = Health::Loading;
        state.ready = false;
        state.storing = None;
        drop(state);
        self.changed.notify();
    }

    /// Refuses all epochs but `epoch` from now on, and serves that one when [`Leg::serve`] is
    /// called. Says whether the leg is to be moved to `epoch` at all: never to one before another that it knows, or that
    /// its disk shows it was moved to in an earlier life.
    pub(super) fn fence(&self, epoch: Epoch) -> bool {
        let mut state = self.state.borrow_mut();
        if state.health != Health::Usable || epoch < state.epoch.max(state.generation) {
            return false;
        }
        state.epoch = epoch;
        state.ready = false;
        drop(state);
        self.changed.notify();
        true
    }

    /// Whether the registration of `epoch` that began when the metadata had been read that often is still
    /// the one under way. Whoever sleeps through a failure and another load must not go on as if nothing had
    /// been: the device may be cold since.
    pub(super) fn is_fenced_at(&self, epoch: Epoch, loads: u64) -> bool {
        let state = self.state.borrow();
        state.health == Health::Usable && state.epoch == epoch && state.loads == loads
    }

    /// Whether `epoch` is registered already.
    pub(super) fn is_ready_at(&self, epoch: Epoch) -> bool {
        let state = self.state.borrow();
        state.health == Health::Usable && state.ready && state.epoch == epoch
    }

    /// Whether nothing of an older epoch is on its way to the disk.
    pub(super) fn is_drained(&self) -> bool {
        self.in_flight.get() == 0 && self.state.borrow().storing.is_none()
    }

    /// Whether the disk has not been marked everywhere for this rebuild in whole, so that it may pass for up to date
    /// where it is not.
    pub(super) fn is_new_to(&self, rebuild: Epoch) -> bool {
        let state = self.state.borrow();
        rebuild > Epoch::new(0) && state.rebuild != rebuild
    }

    /// Asks for every region to be marked on the disk.
    pub(super) fn mark_all(&self) {
        self.mark((0..self.volume.regions()).map(Region::new));
    }

    /// Whether every region is marked on the disk.
    pub(super) fn is_marked_all(&self) -> bool {
        self.are_marked((0..self.volume.regions()).map(Region::new))
    }

    /// Has the superblock say that the leg has registered `generation` in this life of its device, for this rebuild
    /// in whole.
    pub(super) fn want_generation(&self, generation: Epoch, rebuild: Epoch) {
        let mut state = self.state.borrow_mut();
        state.generation_wanted = generation;
        state.rebuild_wanted = rebuild;
        state.superblock_wanted |=
            state.generation != generation || state.rebuild != rebuild || state.cold;
        drop(state);
        self.changed.notify();
    }

    /// Has the superblock say that the leg was asked for `epoch` once it might be granted.
    pub(super) fn want_confirmed(&self, epoch: Epoch) {
        let mut state = self.state.borrow_mut();
        state.confirmed_wanted = epoch;
        state.superblock_wanted |= state.confirmed != epoch;
        drop(state);
        self.changed.notify();
    }

    /// Whether the superblock says so.
    pub(super) fn has_confirmed(&self, epoch: Epoch) -> bool {
        self.state.borrow().confirmed == epoch
    }

    /// Whether the superblock says so.
    pub(super) fn has_generation(&self, generation: Epoch, rebuild: Epoch) -> bool {
        let state = self.state.borrow();
        (state.generation, state.rebuild) == (generation, rebuild) && !state.cold
    }

    /// The registration of `epoch` is complete.
    pub(super) fn serve(&self, epoch: Epoch) {
        let mut state = self.state.borrow_mut();
        assert_eq!(state.epoch, epoch, "only the newest registration can complete");
        state.ready = true;
        drop(state);
        self.changed.notify();
    }

    /// Whether all these regions are marked on the disk, and no command under way unmarks one.
    pub(super) fn are_marked(&self, mut regions: impl Iterator<Item = Region>) -> bool {
        let state = self.state.borrow();
        regions.all(|region| state.is_marked(region))
    }

    /// Asks for these regions to be marked on the disk.
    pub(super) fn mark(&self, regions: impl Iterator<Item = Region>) {
        let mut state = self.state.borrow_mut();
        let mut news = false;
        for region in regions {
            if state.wanted.has(region) {
                continue;
            }
            news = true;
            state.wanted.set(region);
            if state.is_marked(region) {
                self.tell_mark(region, true);
            }
        }
        drop(state);
        // Whoever asks again while the marks are on their way changes nothing and wakes nobody.
        if news {
            self.changed.notify();
        }
    }

    /// Takes a region's mark away, unless it is being written (the owner sees to it that it isn't).
    pub(super) fn unmark(&self, region: Region) {
        let mut state = self.state.borrow_mut();
        let is_written = state.writes[region.index()] > 0 && !planted!(ClearDirtyUnderWrite);
        crate::sometimes!(self, is_written, probes::UNMARK_REFUSED);
        if !is_written && state.wanted.has(region) {
            state.wanted.clear(region);
            self.tell_mark(region, false);
            drop(state);
            self.changed.notify();
        }
    }

    /// The marks that stand on the disk, and those about to.
    pub(super) fn marks(&self) -> IntentMap {
        let state = self.state.borrow();
        let mut marks = state.stored.clone();
        marks.add(&state.wanted);
        if let Some(storing) = &state.storing {
            marks.add(storing);
        }
        marks
    }

    /// What is to be written next, if anything. The superblock goes first.
    pub(super) fn next_chore(&self) -> Option<Chore> {
        let mut state = self.state.borrow_mut();
        if state.superblock_wanted {
            let (generation, confirmed) = (state.generation_wanted, state.confirmed_wanted);
            let rebuild = state.rebuild_wanted;
            return Some(Chore::Superblock { generation, confirmed, rebuild });
        }
        if state.wanted == state.stored {
            return None;
        }
        let wanted = state.wanted.clone();
        state.storing = Some(wanted.clone());
        Some(Chore::Intent(wanted))
    }

    /// A chore is on the disk.
    pub(super) fn chore_done(&self, chore: Chore) {
        let mut state = self.state.borrow_mut();
        match chore {
            Chore::Superblock { generation, confirmed, rebuild } => {
                (state.generation, state.confirmed) = (generation, confirmed);
                state.rebuild = rebuild;
                let wanted = (state.generation_wanted, state.confirmed_wanted);
                state.superblock_wanted =
                    wanted != (generation, confirmed) || state.rebuild_wanted != rebuild;
                state.cold = false;
            }
            Chore::Intent(stored) => {
                let before = std::mem::replace(&mut state.stored, stored);
                state.storing = None;
                let news = state.stored.added_to(&before);
                let stays = |region: &Region| state.wanted.has(*region);
                news.filter(stays).for_each(|region| self.tell_mark(region, true));
            }
        }
        drop(state);
        self.changed.notify();
    }

    /// Counts a client's command as in flight until the guard is dropped. `writes`: the regions it writes.
    pub(super) fn begin(
        self: Rc<Self>,
        client: NodeId,
        writes: Option<(Region, Region)>,
    ) -> InFlight {
        self.in_flight.set(self.in_flight.get() + 1);
        self.count_for(client, |count| count + 1);
        self.count_writes(writes, |count| count + 1);
        InFlight { client, writes, _tracked: self.tracker.open(), leg: self }
    }

    /// The clients that have commands in flight.
    pub(super) fn holders(&self) -> Vec<NodeId> {
        let holders = self.holders.borrow();
        holders.iter().filter(|(_, count)| *count > 0).map(|(client, _)| *client).collect()
    }

    /// One client at a time has the volume, so the list is short.
    fn count_for(&self, client: NodeId, change: impl Fn(u32) -> u32) {
        let mut holders = self.holders.borrow_mut();
        match holders.iter_mut().find(|(held, _)| *held == client) {
            Some((_, count)) => *count = change(*count),
            None => holders.push((client, change(0))),
        }
    }

    fn count_writes(&self, writes: Option<(Region, Region)>, change: impl Fn(u32) -> u32) {
        if let Some((first, last)) = writes {
            let mut state = self.state.borrow_mut();
            for count in &mut state.writes[first.index()..=last.index()] {
                *count = change(*count);
            }
        }
    }
}

/// A command in flight on a leg.
pub(super) struct InFlight {
    leg: Rc<Leg>,
    client: NodeId,
    writes: Option<(Region, Region)>,
    _tracked: Tracked,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let left = self.leg.in_flight.get() - 1;
        self.leg.in_flight.set(left);
        self.leg.count_for(self.client, |count| count - 1);
        self.leg.count_writes(self.writes, |count| count - 1);
        if planted!(SetDirtyAfterAck)
            && let Some((first, last)) = self.writes
        {
            self.leg.mark((first.get()..=last.get()).map(Region::new));
        }
        // Only a registration waits for that.
        if left == 0 && !self.leg.state.borrow().ready {
            self.leg.changed.notify();
        }
    }
}
