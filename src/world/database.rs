//! What the database holds of the volumes, made out once for as long as its disk holds the same. Writes nothing.

use std::cell::{Ref, RefCell};

use crate::node::VolumeSpec;
use crate::node::manager::VolumeRecord;

use super::build::Stage;

/// The volumes' records as they were read last.
#[derive(Default)]
pub(super) struct Records(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// The version of the disk that they are of.
    version: (u32, u64),
    /// By volume.
    records: Vec<VolumeRecord>,
}

/// What the database holds of a volume.
pub(super) fn record<'a>(stage: &'a Stage, spec: &VolumeSpec) -> Ref<'a, VolumeRecord> {
    let version = stage.records_disk().raw_version();
    let known = &stage.records.0;
    let is_current = |known: &Known| known.version == version && !known.records.is_empty();
    if !is_current(&known.borrow()) {
        let records = stage.map.volumes.iter().map(|spec| made_out(stage, spec)).collect();
        *known.borrow_mut() = Known { version, records };
    }
    Ref::map(known.borrow(), |known| &known.records[usize::from(spec.id.get())])
}

fn made_out(stage: &Stage, spec: &VolumeSpec) -> VolumeRecord {
    let size = stage.map.block_size;
    let slots =
        [0, 1].map(|turn| stage.records_disk().raw_read(u64::from(spec.id.get()) * 2 + turn));
    let records = slots.iter().filter_map(|block| VolumeRecord::from_block(block, size));
    let newest = records.max_by_key(VolumeRecord::age);
    newest.unwrap_or_else(|| VolumeRecord::new(spec.legs.len()))
}
