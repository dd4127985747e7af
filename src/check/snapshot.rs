//! What checkers see of a frozen volume: its legs, their modes, and what their media truly hold.
//! Reads no disk itself: whoever freezes lends the media.

use crate::base::{Block, LegIndex, Region, VolumeId};

pub use crate::base::protocol::LegMode;

/// One leg of a frozen volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegView {
    /// How it takes part in the volume, as the manager has persisted it.
    pub mode: LegMode,
    /// Whether its disk still has what was persisted on it: true while its target merely reboots or is
    /// cut off, false once the disk is unplugged, replaced or wiped.
    pub surviving: bool,
    /// Whether it has lost its power, and with it what was only in its volatile cache, and nobody has
    /// brought it up to date since: what no flush covered may be missing.
    pub cold: bool,
}

/// The truth about the media of a volume, free of any fault that only distorts reading.
pub trait Media {
    /// Whether that leg is one of those that hold that block of the volume. Those that do are copies of each
    /// other; what a medium holds of any other block is nobody's to ask.
    fn holds(&self, leg: LegIndex, block: u64) -> bool {
        let _ = (leg, block);
        true
    }
    /// What that leg's medium holds for that block of the volume.
    fn block(&self, leg: LegIndex, block: u64) -> Block;
    /// What that leg would hold in its place if the power went now and nothing more got to the medium;
    /// `None` if that is the same, or the block would be unreadable.
    fn without_cache(&self, leg: LegIndex, block: u64) -> Option<Block> {
        let _ = (leg, block);
        None
    }
    /// How many lines of coded blocks the legs hold: all that they hold at the same place, data and parity. None
    /// where legs hold copies.
    fn lines(&self) -> u64 {
        0
    }
    /// The region that a line is in.
    fn region_of_line(&self, line: u64) -> Region {
        let _ = line;
        Region::new(0)
    }
    /// Whether what these legs hold of a line, as far as it is readable, could all have been computed from the
    /// same data: as it stands, or as it will be once whatever was begun of it and is on record on one of
    /// these legs has been finished.
    fn line_fits(&self, line: u64, legs: &[LegIndex], finished: bool) -> bool {
        let _ = (line, legs, finished);
        true
    }
    /// What that block of the volume is by what these legs hold of others, once whatever was begun there has
    /// been finished; `None` where they hold too little, or copies.
    fn computed(&self, block: u64, legs: &[LegIndex]) -> Option<Block> {
        let _ = (block, legs);
        None
    }
    /// Whether the write-intent of that region is persisted on that leg's disk.
    fn marked(&self, leg: LegIndex, region: Region) -> bool;
    /// Whether that leg holds the block as unreadable: it has been recorded as lost, every read of it
    /// fails, and what its medium holds says nothing.
    fn poisoned(&self, leg: LegIndex, block: u64) -> bool {
        let _ = (leg, block);
        false
    }
}

/// A frozen volume.
#[derive(Clone, Copy)]
pub struct VolumeView<'a> {
    /// Its id.
    pub id: VolumeId,
    /// Its name.
    pub name: &'a str,
    /// Its size in blocks.
    pub blocks: u64,
    /// Blocks in a region of the write-intent bitmap; at least 1.
    pub blocks_per_region: u32,
    /// Its legs, in the order of its layout.
    pub legs: &'a [LegView],
    /// What they hold.
    pub media: &'a dyn Media,
}

impl VolumeView<'_> {
    /// The region that a block is in.
    #[must_use]
    pub fn region(&self, block: u64) -> Region {
        Region::new((block / u64::from(self.blocks_per_region)) as u32)
    }

    /// Its in-sync legs that hold a block: all of them, or those whose disk survives.
    pub fn holders(&self, block: u64, surviving_only: bool) -> impl Iterator<Item = LegIndex> + '_ {
        self.in_sync(surviving_only).filter(move |leg| self.media.holds(*leg, block))
    }

    /// Its in-sync legs: all of them, or those whose disk survives.
    pub fn in_sync(&self, surviving_only: bool) -> impl Iterator<Item = LegIndex> + '_ {
        let legs = self.legs.iter().enumerate();
        legs.filter(move |(_, leg)| {
            leg.mode == LegMode::ReadWrite && (leg.surviving || !surviving_only)
        })
        .map(|(index, _)| LegIndex::new(index as u8))
    }
}
