//! What the database holds of the volumes, made out once for as long as its disk holds the same. Writes nothing.

use std::cell::{Ref, RefCell};

use crate::disk::control::Namespace;
use crate::node::VolumeSpec;
use crate::node::manager::{Image, VolumeRecord, chosen, newest};

use super::build::Stage;

/// The volumes' records as they were read last.
#[derive(Default)]
pub(super) struct Records(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// The versions of the disks that they are of.
    versions: Vec<(u32, u64)>,
    /// By volume.
    records: Vec<VolumeRecord>,
}

/// What the database holds of a volume.
pub(super) fn record<'a>(stage: &'a Stage, spec: &VolumeSpec) -> Ref<'a, VolumeRecord> {
    let versions = || stage.records_disks().iter().map(Namespace::raw_version);
    let known = &stage.records.0;
    let is_current =
        |known: &Known| known.versions.iter().copied().eq(versions()) && !known.records.is_empty();
    if !is_current(&known.borrow()) {
        let records = match stage.map.managers.len() {
            1 => stage.map.volumes.iter().map(|spec| made_out(stage, spec)).collect(),
            _ => agreed(stage),
        };
        *known.borrow_mut() = Known { versions: versions().collect(), records };
    }
    Ref::map(known.borrow(), |known| &known.records[usize::from(spec.id.get())])
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

fn made_out(stage: &Stage, spec: &VolumeSpec) -> VolumeRecord {
    let size = stage.map.block_size;
    let slots =
        [0, 1].map(|turn| stage.records_disk().raw_read(u64::from(spec.id.get()) * 2 + turn));
    let records = slots.iter().filter_map(|block| VolumeRecord::from_block(block, size));
    let newest = records.max_by_key(VolumeRecord::age);
    newest.unwrap_or_else(|| VolumeRecord::new(spec.legs.len()))
}
