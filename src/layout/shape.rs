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

/// The deepest row that a layout may have, in blocks: a region of a volume is a row at least, and is locked, copied and
/// held in memory as a whole.
pub const ROW_DEPTH_MAX: u32 = 1024;

/// Where the blocks of a volume are on its legs, and what each group of legs stands.
///
/// The legs of a volume are parted into *groups*, each a row of neighbouring legs. What a leg holds can be
/// had from the others of its group and from nobody else. A layout deals the blocks of the volume out in
/// *rows*: each row is so many blocks of the volume, and the same place and depth on every leg.
///
/// # What a layout promises
///
/// Clients, targets, the manager, the fault budget and the checkers take it at its word. [`examine`](super::examine) says
/// which of these it breaks:
///
/// - It is arithmetic: it keeps no state, and says the same whenever it is asked.
/// - It has 1 to [`LEGS_MAX`](super::LEGS_MAX) legs. Each is in one group: all legs of a group are neighbours, and name the
///   same group.
/// - Without a [`code`](Layout::code), legs of a group are copies: at most [`COPIES_MAX`](super::COPIES_MAX), of which
///   it takes one, `needed`. Each block is on all legs of one group, at the same place of each. There is no journal.
/// - With a code, legs, groups, rows, journal and the place of each block are those of the code.
/// - Row `n` has the blocks from `n * columns * row_depth` on, as many as `columns * row_depth`, and on each leg the
///   places from `n * row_depth` on, as many as `row_depth`. No block is outside of its row, which is at most
///   [`ROW_DEPTH_MAX`] deep.
/// - No two blocks share a place: `block_at` says of each leg that holds a block, and of its place there, that it is this
///   block, and of no other place.
/// - `run` gives at least one block, no more than it is asked for, and those behind the first one are where they are said
///   to be when they are asked for alone.
/// - Only a layout whose legs all are copies of each other, two at least, may leave volatile caches to flushes
///   ([`writes_through`](Layout::writes_through)).
///
/// `leg_blocks`, `all` and `groups` follow from the rest: what a layout of one's own says in their place is not asked for.
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

    /// A run of at most `blocks` blocks from `block` on, as long as there is one: each is a request of its own to each leg.
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
    fn groups(&self) -> impl Iterator<Item = LegSet>
    where
        Self: Sized,
    {
        let mut left = self.all();
        std::iter::from_fn(move || {
            let group = (!left.is_empty()).then(|| self.group_of(left.first()))?;
            left = left & !group;
            Some(group)
        })
    }
}
