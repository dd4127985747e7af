//! Mixes up two disks, and puts them back where they belong. Does nothing else to them.

use crate::base::DiskId;
use crate::node::{Superblock, VolumeSpec};
use crate::scenario::{self, DiskSelector, SwapDisks};

use super::apply::{Applied, Undo};
use super::disk::DiskUndo;
use crate::disk::control::FaultKind;
use crate::world::records::{ActionName, DiskFaultApplied};
use crate::world::select::{self, Choice};
use crate::world::simulate::World;
use crate::world::watch::Awaited;

impl World<'_> {
    pub(super) fn apply_swap(&mut self, entry: u32, args: &SwapDisks) -> Applied {
        let all =
            |selector: &DiskSelector| match select::disks(selector, &self.stage, self.scenario) {
                Choice::Each(disks) | Choice::OneOf(disks) => disks,
            };
        let (these, others) = (all(&args.disk), all(&args.with));
        let pairs: Vec<(DiskId, DiskId)> = these
            .iter()
            .flat_map(|disk| others.iter().map(move |other| (*disk, *other)))
            .filter(|(disk, other)| self.can_be_swapped(*disk, *other))
            .collect();
        let could = !pairs.is_empty();
        let mut rng = self.rng.clone();
        let chosen = Choice::OneOf(pairs).draw(&mut rng, |_, (disk, other)| {
            let place = (&self.stage, &self.conditions);
            self.budget.may_lose_blocks(&[disk, other], place.0, place.1)
                && self.is_swap_recognised(disk, other)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for (disk, other) in &chosen {
            for disk in [*disk, *other] {
                let applied =
                    DiskFaultApplied { entry, action: ActionName::named("disk.swap"), disk };
                self.stage.kernel.emit(None, &applied);
                self.watch.await_effect(Awaited::Disk(disk, FaultKind::PowerLost), entry);
            }
            self.exchange(*disk, *other);
            self.swapped.push((*disk, *other));
            undos.push(Undo::Disk(*disk, DiskUndo::SwapBack));
        }
        self.outcome(!chosen.is_empty(), true, undos, could)
    }

    /// Puts a disk that was mixed up, and the one that is in its place, back.
    pub(super) fn swap_back(&mut self, disk: DiskId) {
        let at = self.swapped.iter().position(|(one, two)| [*one, *two].contains(&disk));
        if let Some((one, two)) = at.map(|at| self.swapped.remove(at)) {
            self.exchange(one, two);
        }
    }

    /// Whether a disk is not in its own place.
    pub(super) fn is_swapped(&self, disk: DiskId) -> bool {
        self.swapped.iter().any(|(one, two)| [*one, *two].contains(&disk))
    }

    fn exchange(&mut self, one: DiskId, two: DiskId) {
        let disks = &self.stage.disks;
        disks[one.index()].swap(&disks[two.index()]);
        for disk in [one, two] {
            self.note_trouble_of_disk(disk);
            self.note_cache_lost(disk);
        }
    }

    fn can_be_swapped(&self, one: DiskId, two: DiskId) -> bool {
        let is_well = |disk: DiskId| {
            !self.is_swapped(disk) && self.stage.disks[disk.index()].faults().is_empty()
        };
        one != two && is_well(one) && is_well(two)
    }

    /// Whether every leg, and every spare, would find the superblock of another one; outside the budget it need not.
    fn is_swap_recognised(&self, one: DiskId, two: DiskId) -> bool {
        let is_foreign = |spec: &VolumeSpec, here: DiskId, comes: DiskId| {
            let mut held = spec.places().filter(|(_, leg)| leg.disk == here);
            held.all(|(place, leg)| {
                let block = self.stage.disks[comes.index()].raw_read(leg.extent.superblock);
                let found = Superblock::from_block(&block, self.stage.map.block_size);
                found.is_some_and(|found| !found.is_of(spec.id, place))
            })
        };
        let mut volumes = self.stage.map.volumes.iter();
        self.scenario.budget == scenario::Budget::None
            || volumes.all(|spec| is_foreign(spec, one, two) && is_foreign(spec, two, one))
    }
}
