//! Places the legs of a scenario's volumes on disks. Makes no disk.

use crate::base::{BlockSize, DiskId, VolumeId};
use crate::node::{Extent, LegSpec, VolumeSpec};
use crate::scenario::{DiskRef, Scenario};

use super::build::NodeTable;

/// Bytes that one bit of the write-intent bitmap stands for.
const REGION_BYTES: usize = 128 << 10;

/// What is still free of each disk: the first free block, and the end of the free blocks.
struct Free {
    first: u64,
    end: u64,
}

/// All volumes with their legs placed: where the scenario says, else on distinct targets, on the
/// disks with most room.
pub(super) fn volumes(scenario: &Scenario, nodes: &NodeTable) -> Vec<VolumeSpec> {
    let blocks = scenario.cluster.disk.blocks;
    let mut free: Vec<Free> =
        nodes.target_disks().map(|_| Free { first: 0, end: blocks }).collect();
    let mut placed = Vec::new();
    for (index, volume) in scenario.volumes.iter().enumerate() {
        let size = scenario.cluster.block_size;
        let per_region = (REGION_BYTES / size.bytes()) as u32;
        let chosen = match &volume.legs {
            Some(legs) => legs.clone(),
            None => choose(nodes, &free, usize::from(volume.copies)),
        };
        let legs = chosen.iter().map(|leg| {
            let disk = nodes.disk(*leg);
            let target = nodes.target(leg.target);
            let regions = volume.blocks.div_ceil(u64::from(per_region)) as u32;
            LegSpec {
                target,
                disk,
                extent: take(&mut free[disk.index()], volume.blocks, regions, size),
            }
        });
        placed.push(VolumeSpec {
            id: VolumeId::new(index as u16),
            blocks: volume.blocks,
            blocks_per_region: per_region,
            legs: legs.collect(),
        });
    }
    placed
}

/// Data from the front of the disk, metadata from its back.
fn take(free: &mut Free, blocks: u64, regions: u32, size: BlockSize) -> Extent {
    let bitmap_blocks = Extent::bitmap_blocks(regions, size);
    let metadata = 1 + u64::from(bitmap_blocks);
    assert!(free.end - free.first >= blocks + metadata, "a validated scenario fits its disks");
    let data = free.first;
    free.first += blocks;
    free.end -= metadata;
    Extent { data, blocks, superblock: free.end, bitmap_blocks }
}

/// The disk with most room of each of the targets with most room.
fn choose(nodes: &NodeTable, free: &[Free], copies: usize) -> Vec<DiskRef> {
    let room = |disk: DiskId| free[disk.index()].end - free[disk.index()].first;
    let mut disks: Vec<DiskRef> = nodes.target_disks().collect();
    // Stable: among equals, the order of ids.
    disks.sort_by_key(|disk| std::cmp::Reverse(room(nodes.disk(*disk))));
    let mut chosen: Vec<DiskRef> = Vec::new();
    for disk in disks {
        if chosen.len() < copies && chosen.iter().all(|other| other.target != disk.target) {
            chosen.push(disk);
        }
    }
    chosen
}
