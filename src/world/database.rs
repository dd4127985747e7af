//! What the database holds of the volumes, made out once for as long as its disk holds the same. Writes nothing.

use std::cell::{Ref, RefCell};

use crate::base::{Block, DiskId, LegIndex, NodeId};
use crate::disk::control::Namespace;
use crate::node::manager::{Image, VolumeRecord, chosen, newest};
use crate::node::{Places, VolumeSpec};

use super::build::Stage;
use super::freeze;

/// The volumes' records as they were read last.
#[derive(Default)]
pub(super) struct Records(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// The versions of the disks that they are of.
    versions: Vec<(u32, u64)>,
    /// What the slots of each volume held, where there is one manager.
    slots: Vec<[Block; 2]>,
    /// By volume.
    records: Vec<VolumeRecord>,
    /// Where all legs are by these, by volume.
    placed: Vec<Placed>,
}

/// A leg, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) volume: usize,
    pub(super) leg: LegIndex,
    pub(super) target: NodeId,
    pub(super) disk: DiskId,
}

/// What the database holds of a volume.
pub(super) fn record<'a>(stage: &'a Stage, spec: &VolumeSpec) -> Ref<'a, VolumeRecord> {
    Ref::map(known(stage), |known| &known.records[usize::from(spec.id.get())])
}

/// Where all volumes' legs are, as the database holds it.
pub(super) fn placed(stage: &Stage) -> Ref<'_, [Placed]> {
    Ref::map(known(stage), |known| &known.placed[..])
}

fn known(stage: &Stage) -> Ref<'_, Known> {
    let versions = || stage.records_disks().iter().map(Namespace::raw_version);
    let known = &stage.records.0;
    let is_current =
        |known: &Known| known.versions.iter().copied().eq(versions()) && !known.records.is_empty();
    if !is_current(&known.borrow()) {
        let mut known = known.borrow_mut();
        known.refresh(stage);
        known.versions = versions().collect();
    }
    known.borrow()
}

impl Known {
    fn refresh(&mut self, stage: &Stage) {
        let before: Vec<Places> = self.records.iter().map(|record| record.places).collect();
        match stage.map.managers.len() {
            1 => self.read_slots(stage),
            _ => self.records = agreed(stage),
        }
        if !self.records.iter().map(|record| record.places).eq(before) {
            let volumes = stage.map.volumes.iter().zip(&self.records).enumerate();
            let placed = volumes.flat_map(|(volume, (spec, record))| {
                freeze::places(spec, record).map(move |(leg, at)| Placed {
                    volume,
                    leg,
                    target: at.target,
                    disk: at.disk,
                })
            });
            self.placed = placed.collect();
        }
    }

    /// Mostly one or two records have changed: only those are made out anew.
    fn read_slots(&mut self, stage: &Stage) {
        for (at, spec) in stage.map.volumes.iter().enumerate() {
            let slots = [0, 1]
                .map(|turn| stage.records_disk().raw_read(u64::from(spec.id.get()) * 2 + turn));
            if self.slots.get(at) == Some(&slots) {
                continue;
            }
            let record = made_out(stage, spec, &slots);
            if at == self.slots.len() {
                self.slots.push(slots);
                self.records.push(record);
            } else {
                (self.slots[at], self.records[at]) = (slots, record);
            }
        }
    }
}

/// Whether the disk of one of several managers has a log: else it is blank, and its manager asks the others.
pub(super) fn has_log(stage: &Stage, manager: usize) -> bool {
    let (size, volumes) = (stage.map.block_size, stage.map.volumes.len());
    let disk = &stage.records_disks()[manager];
    newest(volumes, size, |lba| disk.raw_read(lba)).is_some()
}

/// What several managers have agreed on, by volume.
fn agreed(stage: &Stage) -> Vec<VolumeRecord> {
    let (size, volumes) = (stage.map.block_size, &stage.map.volumes);
    let disks = stage.records_disks().iter();
    let images = disks.filter_map(|disk| newest(volumes.len(), size, |lba| disk.raw_read(lba)));
    let images: Vec<Image> = images.collect();
    let mut chosen = chosen(&images, stage.map.managers.len());
    let record = |spec: &VolumeSpec| {
        chosen.remove(&spec.id).unwrap_or_else(|| VolumeRecord::new(spec.legs.len()))
    };
    volumes.iter().map(record).collect()
}

fn made_out(stage: &Stage, spec: &VolumeSpec, slots: &[Block; 2]) -> VolumeRecord {
    let records =
        slots.iter().filter_map(|block| VolumeRecord::from_block(block, stage.map.block_size));
    let newest = records.max_by_key(VolumeRecord::age);
    newest.unwrap_or_else(|| VolumeRecord::new(spec.legs.len()))
}
