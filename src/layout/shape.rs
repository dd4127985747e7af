//! What a layout is. Holds none.

use crate::base::LegIndex;

use super::coded::Coded;
use super::legs::LegSet;

/// Consecutive blocks of a volume that are consecutive on the legs that hold them, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The legs that hold them, each of them all.
    pub legs: LegSet,
    /// The first one's place on these legs, in blocks.
    pub at: u64,
    /// How many blocks; at least 1.
    pub blocks: u32,
}

/// Where the blocks of a volume are on its legs, and what each group of legs stands.
///
/// The legs of a volume are parted into *groups*, each a row of neighbouring legs. What a leg holds can be
/// had from the others of its group and from nobody else. A layout deals the blocks of the volume out in
/// *rows*: each row is so many blocks of the volume, and the same place and depth on every leg.
pub trait Layout {
    /// How many legs it has, 1 to [`LEGS_MAX`](super::LEGS_MAX).
    fn legs(&self) -> u8;

    /// The legs of the group that this leg is in, itself among them.
    fn group_of(&self, leg: LegIndex) -> LegSet;

    /// Whether disks are told to keep each write for good before it is acknowledged, whatever caches they
    /// have. Where they are not, a group has to cope with legs that lost what was not flushed.
    fn writes_through(&self) -> bool {
        true
    }

    /// How many legs of a group must be in sync for all that it holds to be there.
    fn needed(&self) -> u32;

    /// How many blocks of the volume one block of each leg stands for.
    fn columns(&self) -> u32;

    /// How deep a row is on each leg, in blocks.
    fn row_depth(&self) -> u32;

    /// The longest run of at most `blocks` blocks from `block` on.
    fn run(&self, block: u64, blocks: u32) -> Run;

    /// The block of the volume that a leg holds at a place; `None` where it holds something else. The block
    /// may lie beyond the volume's end.
    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64>;

    /// How what is missing on some legs of a group is computed from the others; `None` where they are copies.
    fn code(&self) -> Option<Coded> {
        None
    }

    /// Blocks that each leg keeps for a journal of what is being written.
    fn journal_blocks(&self) -> u64 {
        0
    }

    /// How many blocks each leg has of a volume of so many.
    fn leg_blocks(&self, blocks: u64) -> u64 {
        let row = u64::from(self.columns()) * u64::from(self.row_depth());
        blocks.div_ceil(row).saturating_mul(u64::from(self.row_depth()))
    }

    /// All legs.
    fn all(&self) -> LegSet {
        LegSet::span(0, self.legs())
    }

    /// The groups, in the order of their legs.
    fn groups(&self) -> impl Iterator<Item = LegSet> {
        let mut left = self.all();
        std::iter::from_fn(move || {
            let group = (!left.is_empty()).then(|| self.group_of(left.first()))?;
            left = left & !group;
            Some(group)
        })
    }
}
