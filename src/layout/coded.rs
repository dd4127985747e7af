//! Erasure codes: stripes over data legs, with parity on others, so that any so many legs give back what the
//! rest held. The parity moves from leg to leg, row by row. Computes nothing.

use crate::base::LegIndex;

use super::legs::LegSet;
use super::shape::{Layout, Run};

/// Data and parity.
///
/// A row has a *column* for each leg: first those of data, then those of parity. A *line* is what all legs
/// hold at the same place: a block of each column, any `data` of which give all the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Columns of data, 2 to 12.
    pub data: u8,
    /// Columns of parity, 1 to 4; at most 16 with those of data.
    pub parity: u8,
    /// Neighbouring blocks that are on the same leg, 1 to 64.
    pub stripe_blocks: u32,
}

/// How many rows may be written at a time: each leg keeps a slot of the stripe journal for each.
const SLOTS: u32 = 8;

impl Coded {
    /// The leg that has a column in a row.
    #[must_use]
    pub const fn leg_of(&self, column: u8, row: u64) -> LegIndex {
        let width = self.data + self.parity;
        LegIndex::new((column + (row % width as u64) as u8) % width)
    }

    /// The column that a leg has in a row.
    #[must_use]
    pub const fn column_of(&self, leg: LegIndex, row: u64) -> u8 {
        let width = self.data + self.parity;
        (leg.get() + width - (row % width as u64) as u8) % width
    }

    /// The row that is at a place of the legs.
    #[must_use]
    pub const fn row_at(&self, at: u64) -> u64 {
        at / self.stripe_blocks as u64
    }

    /// Blocks of the volume in a row.
    #[must_use]
    pub const fn row_blocks(&self) -> u64 {
        self.data as u64 * self.stripe_blocks as u64
    }

    /// The slot of the stripe journal for a row. Rows that share one are written one after the other, so that
    /// what is in a slot is always the last that was begun of any of them.
    #[must_use]
    pub const fn slot_of(&self, row: u64) -> u32 {
        (row % SLOTS as u64) as u32
    }

    /// How many slots there are.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        SLOTS
    }

    /// Blocks of a slot: a header, and a whole row.
    #[must_use]
    pub const fn slot_blocks(&self) -> u64 {
        1 + (self.data + self.parity) as u64 * self.stripe_blocks as u64
    }

    /// The legs that have columns of data in a row.
    #[must_use]
    pub fn data_legs(&self, row: u64) -> LegSet {
        (0..self.data).map(|column| self.leg_of(column, row)).collect()
    }

    /// The legs that have columns of parity in a row.
    #[must_use]
    pub fn parity_legs(&self, row: u64) -> LegSet {
        self.all() & !self.data_legs(row)
    }
}

impl Layout for Coded {
    fn legs(&self) -> u8 {
        self.data + self.parity
    }

    fn group_of(&self, _leg: LegIndex) -> LegSet {
        self.all()
    }

    fn needed(&self) -> u32 {
        u32::from(self.data)
    }

    fn columns(&self) -> u32 {
        u32::from(self.data)
    }

    fn row_depth(&self) -> u32 {
        self.stripe_blocks
    }

    fn run(&self, block: u64, blocks: u32) -> Run {
        let depth = u64::from(self.stripe_blocks);
        let (row, within) = (block / self.row_blocks(), block % self.row_blocks());
        let (column, line) = ((within / depth) as u8, within % depth);
        let left = self.stripe_blocks - line as u32;
        let legs = LegSet::one(self.leg_of(column, row));
        Run { legs, at: row * depth + line, blocks: blocks.min(left) }
    }

    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        let depth = u64::from(self.stripe_blocks);
        let row = self.row_at(at);
        let column = self.column_of(leg, row);
        let block = row * self.row_blocks() + u64::from(column) * depth + at % depth;
        (column < self.data).then_some(block)
    }

    fn code(&self) -> Option<Coded> {
        Some(*self)
    }

    fn journal_blocks(&self) -> u64 {
        u64::from(SLOTS) * self.slot_blocks()
    }
}

#[cfg(test)]
mod tests {
    use super::Coded;
    use crate::layout::Layout;

    #[test]
    fn every_leg_has_each_column_in_turn() {
        let code = Coded { data: 4, parity: 2, stripe_blocks: 8 };
        for row in 0..20 {
            for column in 0..6 {
                let leg = code.leg_of(column, row);
                assert_eq!(code.column_of(leg, row), column);
                assert_eq!(code.data_legs(row).has(leg), column < 4);
            }
            assert_eq!(code.data_legs(row) | code.parity_legs(row), code.all());
            assert!((code.data_legs(row) & code.parity_legs(row)).is_empty());
        }
        assert_ne!(code.leg_of(5, 0), code.leg_of(5, 1));
    }
}
