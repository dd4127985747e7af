//! Where the legs of a scenario's volumes are on its disks. Makes no disk.
//!
//! Data grows from the first block that volumes use of a disk (`disk.first_block`, mostly its first), metadata from
//! its last block down.

use std::cmp::Reverse;

use super::ids::DiskRef;
use super::model::Scenario;
use super::volume::Volume;
use crate::layout::AnyLayout;
use crate::layout::Layout;

/// Bytes that one bit of a leg's write-intent bitmap stands for.
const REGION_BYTES: u64 = 128 << 10;

/// A leg's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedLeg {
    /// Its disk.
    pub disk: DiskRef,
    /// The first block of its data.
    pub data: u64,
    /// The first block of its metadata: a superblock, then the write-intent bitmap.
    pub metadata: u64,
    /// Blocks of its bitmap.
    pub bitmap_blocks: u32,
}

/// A volume whose legs find no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Which volume.
    pub volume: usize,
    /// The disk that is too small, where the scenario names one.
    pub disk: Option<DiskRef>,
    /// The blocks that a leg takes, with its metadata.
    pub needed: u64,
    /// The most blocks that are left on the disk, or on any.
    pub left: u64,
}

/// What is free of a disk: the first free block, and the end of the free ones.
struct Free {
    disk: DiskRef,
    first: u64,
    end: u64,
}

impl Free {
    fn room(&self) -> u64 {
        self.end - self.first
    }
}

impl Scenario {
    /// How a volume's blocks are laid out over its legs.
    #[must_use]
    pub fn shape(&self, volume: &Volume) -> AnyLayout {
        volume.shape(self.cluster.targets, &self.words)
    }

    /// Blocks of a leg that one bit of its write-intent bitmap stands for: whole rows of its volume's layout,
    /// and of 128 KiB as many as go into it.
    #[must_use]
    pub fn region_depth(&self, volume: &Volume) -> u32 {
        let blocks = (REGION_BYTES / self.cluster.block_size.bytes() as u64) as u32;
        let row = self.shape(volume).row_depth();
        (blocks / row).max(1) * row
    }

    /// How many regions a volume has.
    #[must_use]
    pub fn regions(&self, volume: &Volume) -> u64 {
        let columns = self.shape(volume).columns();
        volume.blocks.div_ceil(u64::from(self.region_depth(volume)) * u64::from(columns))
    }

    fn bitmap_blocks(&self, volume: &Volume) -> u64 {
        self.regions(volume).div_ceil(self.cluster.block_size.bytes() as u64 * 8)
    }

    /// The legs of all volumes, and after a volume's legs its spares: where the scenario says, else on distinct
    /// targets, on the disks with most room.
    ///
    /// # Errors
    /// The first volume that finds no place. A loaded scenario has none.
    pub fn place_legs(&self) -> Result<Vec<Vec<PlacedLeg>>, NoRoom> {
        let (targets, disks) = (self.cluster.targets, self.cluster.disks_per_target);
        let ids =
            (0..targets).flat_map(|t| (0..disks).map(move |d| DiskRef { target: t, disk: d }));
        let end = self.cluster.disk.blocks;
        let first = self.cluster.disk.first_block.min(end);
        let mut free: Vec<Free> = ids.map(|disk| Free { disk, first, end }).collect();
        let volumes = self.volumes.iter().enumerate();
        volumes.map(|(index, volume)| self.place_volume(index, volume, &mut free)).collect()
    }

    fn place_volume(
        &self,
        index: usize,
        volume: &Volume,
        free: &mut [Free],
    ) -> Result<Vec<PlacedLeg>, NoRoom> {
        let bitmap_blocks = self.bitmap_blocks(volume);
        let metadata = 1 + bitmap_blocks;
        let shape = self.shape(volume);
        let data_blocks = shape.leg_blocks(volume.blocks).saturating_add(shape.journal_blocks());
        let needed = data_blocks.saturating_add(metadata);
        let no_room = |disk, left| NoRoom { volume: index, disk, needed, left };
        let chosen = match &volume.legs {
            Some(legs) => legs.clone(),
            None => choose(free, &volume.spares, usize::from(shape.legs()), needed)
                .map_err(|left| no_room(None, left))?,
        };
        let mut legs = Vec::with_capacity(chosen.len() + volume.spares.len());
        for disk in chosen.into_iter().chain(volume.spares.iter().copied()) {
            let found = free.iter_mut().find(|free| free.disk == disk);
            let place = found.ok_or_else(|| no_room(Some(disk), 0))?;
            if place.room() < needed {
                return Err(no_room(Some(disk), place.room()));
            }
            let data = place.first;
            place.first += data_blocks;
            place.end -= metadata;
            let bitmap_blocks = bitmap_blocks as u32;
            legs.push(PlacedLeg { disk, data, metadata: place.end, bitmap_blocks });
        }
        Ok(legs)
    }
}

/// The disk with most room of each of the targets with most room that have none of the `spares`. Fails with the most
/// room there is where it is too little.
fn choose(
    free: &[Free],
    spares: &[DiskRef],
    legs: usize,
    needed: u64,
) -> Result<Vec<DiskRef>, u64> {
    let has_spare = |disk: DiskRef| spares.iter().any(|spare| spare.target == disk.target);
    let mut disks: Vec<&Free> = free.iter().filter(|free| !has_spare(free.disk)).collect();
    // Stable: among equals, the order of ids.
    disks.sort_by_key(|free| Reverse(free.room()));
    let mut chosen: Vec<DiskRef> = Vec::new();
    for disk in disks {
        if chosen.len() == legs {
            break;
        }
        if chosen.iter().all(|other| other.target != disk.disk.target) {
            if disk.room() < needed {
                return Err(disk.room());
            }
            chosen.push(disk.disk);
        }
    }
    if chosen.len() < legs { Err(0) } else { Ok(chosen) }
}
