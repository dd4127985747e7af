//! Erasure codes: stripes over data legs, with parity on others, so that any so many legs give back what the
//! rest held. The parity moves from leg to leg, row by row.
//!
//! The code is a Reed-Solomon code by a Cauchy matrix (Blömer, Kalfane, Karp, Karpinski, Luby, Zuckerman: "An
//! XOR-Based Erasure-Resilient Coding Scheme", 1995) over the field of 256 elements, with columns scaled so that
//! the first parity is the exclusive or of the data.

use crate::base::{Block, BlockSize, LegIndex};

use super::field::{add_product, inverse, product};
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

    /// Finds the blocks of a line that are missing, by column, if any `data` of them are there. Says whether
    /// they are.
    pub fn solve(&self, line: &mut [Option<Block>], size: BlockSize) -> bool {
        let data = usize::from(self.data);
        if line.iter().flatten().count() < data {
            return line.iter().all(Option::is_some);
        }
        // Zeroes give zeroes: what was never written costs nothing.
        if line.iter().flatten().all(|block| *block == Block::ZERO) {
            line.iter_mut().for_each(|block| *block = Some(Block::ZERO));
            return true;
        }
        let bytes: Vec<Option<Vec<u8>>> =
            line.iter().map(|block| block.as_ref().map(|block| block.bytes(size))).collect();
        let there: Vec<usize> =
            (0..line.len()).filter(|at| bytes[*at].is_some()).take(data).collect();
        let are_data = there.iter().enumerate().all(|(at, column)| at == *column);
        let inverted = if are_data { Vec::new() } else { self.inverted(&there) };
        for (column, block) in line.iter_mut().enumerate().filter(|(_, block)| block.is_none()) {
            let mut sum = vec![0; size.bytes()];
            for (at, source) in there.iter().enumerate() {
                // How often the source is in this column: by way of all data that it is in.
                let way = |row: usize| product(self.factor(column, row), inverted[row][at]);
                let factor = match are_data {
                    true => self.factor(column, at),
                    false => (0..data).map(way).fold(0, |sum, way| sum ^ way),
                };
                if let Some(source) = bytes[*source].as_ref().filter(|_| factor != 0) {
                    add_product(&mut sum, source, factor);
                }
            }
            *block = Some(Block::from_bytes(&sum));
        }
        true
    }

    /// How often a column of data is in a column of the line.
    fn factor(&self, column: usize, data: usize) -> u8 {
        match column.checked_sub(usize::from(self.data)) {
            None => u8::from(column == data),
            Some(parity) => {
                // Elements of their own for each column of parity and of data.
                let cauchy = |parity: usize| inverse(parity as u8 ^ (16 + data) as u8);
                product(cauchy(parity), inverse(cauchy(0)))
            }
        }
    }

    /// How often each of `data` columns of a line is in each column of data: the inverse of the matrix that says
    /// how often the data are in them (Gauss and Jordan).
    fn inverted(&self, there: &[usize]) -> Vec<Vec<u8>> {
        let data = usize::from(self.data);
        let of_line = there.iter().enumerate().map(|(at, column)| {
            let left = (0..data).map(|row| self.factor(*column, row));
            left.chain((0..data).map(|unit| u8::from(unit == at))).collect()
        });
        let mut rows: Vec<Vec<u8>> = of_line.collect();
        for pivot in 0..data {
            let found = (pivot..data).find(|row| rows[*row][pivot] != 0);
            rows.swap(pivot, found.expect("any columns that are as many as the data will do"));
            let scale = inverse(rows[pivot][pivot]);
            rows[pivot].iter_mut().for_each(|value| *value = product(*value, scale));
            let scaled = rows[pivot].clone();
            for row in (0..data).filter(|row| *row != pivot) {
                let times = rows[row][pivot];
                let values = rows[row].iter_mut().zip(&scaled);
                values.for_each(|(value, scaled)| *value ^= product(*scaled, times));
            }
        }
        rows.into_iter().map(|row| row[data..].to_vec()).collect()
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
    use super::{Block, BlockSize, Coded};
    use crate::base::Stamp;

    #[test]
    fn any_columns_that_are_as_many_as_the_data_give_the_others() {
        for (data, parity) in [(2, 1), (3, 2), (4, 2), (8, 2), (5, 4)] {
            let code = Coded { data, parity, stripe_blocks: 4 };
            for size in [BlockSize::B512, BlockSize::B4096] {
                let width = u32::from(data + parity);
                let mut whole = vec![None; width as usize];
                for (column, block) in whole[..usize::from(data)].iter_mut().enumerate() {
                    let stamp = Stamp::new(0, column as u64, 1, 7);
                    *block = Some(if column == 1 { Block::ZERO } else { Block::stamped(stamp) });
                }
                assert!(code.solve(&mut whole, size));
                for lost in 0_u32..1 << width {
                    let mut line = whole.clone();
                    let is_lost = |column: usize| lost >> column & 1 == 1;
                    (0..line.len()).filter(|at| is_lost(*at)).for_each(|at| line[at] = None);
                    let fine = lost.count_ones() <= u32::from(parity);
                    if lost.count_ones() <= u32::from(parity) + 1 {
                        assert_eq!(code.solve(&mut line, size), fine, "{code:?} {lost:b}");
                        assert_eq!(line == whole, fine);
                    }
                }
            }
        }
    }

    #[test]
    fn zeroes_have_parity_of_zeroes() {
        let code = Coded { data: 3, parity: 2, stripe_blocks: 1 };
        let mut line = vec![Some(Block::ZERO), Some(Block::ZERO), Some(Block::ZERO), None, None];
        assert!(code.solve(&mut line, BlockSize::B512));
        assert_eq!(line, vec![Some(Block::ZERO); 5]);
        // As a block that is nothing but zero bytes has to come to.
        let mut sum = vec![0; 512];
        super::add_product(&mut sum, &[0; 512], 7);
        assert_eq!(sum, vec![0; 512]);
    }

    #[test]
    fn the_first_parity_is_the_exclusive_or() {
        let code = Coded { data: 3, parity: 2, stripe_blocks: 1 };
        let block = |writer| Block::stamped(Stamp::new(0, 4, writer, 9));
        let mut line = vec![Some(block(1)), Some(block(2)), Some(block(3)), None, None];
        assert!(code.solve(&mut line, BlockSize::B512));
        let bytes: Vec<Vec<u8>> =
            line.iter().flatten().map(|block| block.bytes(BlockSize::B512)).collect();
        let data = bytes[0].iter().zip(&bytes[1]).zip(&bytes[2]);
        let sum: Vec<u8> = data.map(|((a, b), c)| a ^ b ^ c).collect();
        assert_eq!(bytes[3], sum);
        assert_ne!(bytes[3], bytes[4]);
    }

    #[test]
    fn every_leg_has_each_column_in_turn() {
        let code = Coded { data: 4, parity: 2, stripe_blocks: 8 };
        for row in 0..20 {
            for column in 0..6 {
                assert_eq!(code.column_of(code.leg_of(column, row), row), column);
            }
        }
        assert_ne!(code.leg_of(5, 0), code.leg_of(5, 1));
    }
}
