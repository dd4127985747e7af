//! Columns of a line computed from others. Knows of no leg.
//!
//! The code is a Reed-Solomon code by a Cauchy matrix (Blömer, Kalfane, Karp, Karpinski, Luby, Zuckerman: "An
//! XOR-Based Erasure-Resilient Coding Scheme", 1995) over the field of 256 elements, with columns scaled so that
//! the first parity is the exclusive or of the data.
//!
//! It is written out here rather than taken from a crate. Crates work on bytes, and what stands in nearly every
//! block of a simulated disk follows from seventeen of them ([`Block::sum`]): by these a block is computed in some
//! dozens of instructions, which no kernel for thousands of bytes comes near. Only blocks that were damaged are
//! computed byte by byte.

use crate::base::{Block, BlockSize, inverse, product};

use super::coded::Coded;

/// How the columns of a line follow from `data` of them. Good for all lines that have the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The columns that are there, a bit each.
    there: u32,
    /// Those of them that are used.
    sources: Vec<usize>,
    /// By column, how often each source is in it; nothing for columns that are there.
    factors: Vec<Vec<u8>>,
}

/// The columns of a line that are there, a bit each.
fn there(line: &[Option<Block>]) -> u32 {
    line.iter().rev().fold(0, |bits, block| bits << 1 | u32::from(block.is_some()))
}

impl Solution {
    /// Computes what is missing of a line that has the columns for which this was made.
    pub fn apply(&self, line: &mut [Option<Block>], size: BlockSize) {
        assert_eq!(self.there, there(line), "a solution for other columns");
        // Zeroes give zeroes: what was never written costs nothing.
        let all_zero = line.iter().flatten().all(|block| *block == Block::ZERO);
        for at in (0..line.len()).filter(|at| self.there >> at & 1 == 0) {
            let block = if all_zero { Block::ZERO } else { self.column(at, line, size) };
            line[at] = Some(block);
        }
    }

    fn column(&self, at: usize, line: &[Option<Block>], size: BlockSize) -> Block {
        let sources = self.sources.iter().map(|source| &line[*source]);
        let terms = self.factors[at].iter().copied().zip(sources);
        let terms: Vec<(u8, &Block)> =
            terms.filter_map(|(factor, block)| Some((factor, block.as_ref()?))).collect();
        Block::sum(&terms, size)
    }
}

impl Coded {
    /// Finds the blocks of a line that are missing, by column, if any `data` of them are there. Says whether
    /// they are.
    pub fn solve(&self, line: &mut [Option<Block>], size: BlockSize) -> bool {
        self.solve_like(line, &mut None, size)
    }

    /// As [`Coded::solve`], for one of several lines: a solution that was found for one is used for the next.
    pub fn solve_like(
        &self,
        line: &mut [Option<Block>],
        known: &mut Option<Solution>,
        size: BlockSize,
    ) -> bool {
        let there = there(line);
        if there.count_ones() as usize == line.len() {
            return true;
        }
        if known.as_ref().is_none_or(|known| known.there != there) {
            *known = self.solution(there);
        }
        let Some(solution) = known else { return false };
        solution.apply(line, size);
        true
    }

    /// How all columns follow from these (a bit each); `None` if they are too few.
    #[must_use]
    pub fn solution(&self, there: u32) -> Option<Solution> {
        let (data, width) = (usize::from(self.data), usize::from(self.data + self.parity));
        let sources: Vec<usize> = (0..width).filter(|at| there >> at & 1 == 1).take(data).collect();
        if sources.len() < data {
            return None;
        }
        let are_data = sources.iter().enumerate().all(|(at, column)| at == *column);
        let inverted = if are_data { Vec::new() } else { self.inverted(&sources) };
        // How often a source is in a column: by way of all data that it is in.
        let factor = |column: usize, at: usize| match are_data {
            true => self.factor(column, at),
            false => (0..data)
                .fold(0, |sum, row| sum ^ product(self.factor(column, row), inverted[row][at])),
        };
        let factors = (0..width).map(|column| match there >> column & 1 {
            0 => (0..data).map(|at| factor(column, at)).collect(),
            _ => Vec::new(),
        });
        let factors = factors.collect();
        Some(Solution { there, sources, factors })
    }

    /// A block of parity (of the parity's column from 0 on), from all data of its line.
    #[must_use]
    pub fn parity_of(&self, parity: u8, data: &[&Block], size: BlockSize) -> Block {
        let column = usize::from(self.data + parity);
        let terms = data.iter().enumerate().map(|(at, block)| (self.factor(column, at), *block));
        Block::sum(&terms.collect::<Vec<_>>(), size)
    }

    /// A block of parity as it is once some data of its line change: each column's old block, and the new one.
    #[must_use]
    pub fn parity_after(
        &self,
        (parity, old): (u8, &Block),
        changes: &[(u8, &Block, &Block)],
        size: BlockSize,
    ) -> Block {
        let column = usize::from(self.data + parity);
        let changed = changes.iter().flat_map(|(at, old, new)| {
            let factor = self.factor(column, usize::from(*at));
            [(factor, *old), (factor, *new)]
        });
        Block::sum(&std::iter::once((1, old)).chain(changed).collect::<Vec<_>>(), size)
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

#[cfg(test)]
mod tests {
    use super::Coded;
    use crate::base::{Block, BlockSize, Stamp};

    /// A line of stamps, zeroes and, where `damaged`, a block that is nothing but bytes.
    fn line(code: Coded, damaged: bool, size: BlockSize) -> Vec<Option<Block>> {
        let data = (0..code.data).map(|column| match column {
            0 if damaged => {
                let bytes: Vec<u8> = (0..size.bytes()).map(|at| (at * 7 % 251) as u8).collect();
                Block::from_bytes(&bytes)
            }
            1 => Block::ZERO,
            _ => Block::stamped(Stamp::new(0, u64::from(column), 1, 7)),
        });
        let mut line: Vec<Option<Block>> = data.map(Some).collect();
        line.resize(usize::from(code.data + code.parity), None);
        assert!(code.solve(&mut line, size));
        line
    }

    #[test]
    fn any_columns_that_are_as_many_as_the_data_give_the_others() {
        for (data, parity) in [(2, 1), (3, 2), (4, 2), (8, 2), (5, 4)] {
            let code = Coded { data, parity, stripe_blocks: 4 };
            for (size, damaged) in [(BlockSize::B512, true), (BlockSize::B4096, false)] {
                let width = u32::from(data + parity);
                let whole = line(code, damaged, size);
                let mut known = None;
                for lost in 0_u32..1 << width {
                    let mut line = whole.clone();
                    let is_lost = |column: usize| lost >> column & 1 == 1;
                    (0..line.len()).filter(|at| is_lost(*at)).for_each(|at| line[at] = None);
                    let fine = lost.count_ones() <= u32::from(parity);
                    if lost.count_ones() <= u32::from(parity) + 1 {
                        assert_eq!(code.solve_like(&mut line, &mut known, size), fine, "{lost:b}");
                        assert_eq!(line == whole, fine);
                    }
                }
            }
        }
    }

    #[test]
    fn parity_is_what_its_bytes_come_to() {
        // The same data, once as stamps and once as bytes that no pattern is seen in.
        let code = Coded { data: 4, parity: 2, stripe_blocks: 1 };
        let size = BlockSize::B512;
        let whole = line(code, false, size);
        for parity in 0..2 {
            let mut expected = vec![0; size.bytes()];
            for (data, block) in whole[..4].iter().enumerate() {
                let bytes = block.as_ref().expect("a block").bytes(size);
                let factor = code.factor(4 + parity, data);
                let sum = expected.iter_mut().zip(bytes);
                sum.for_each(|(sum, byte)| *sum ^= super::product(factor, byte));
            }
            assert_eq!(whole[4 + parity].as_ref().expect("a block").bytes(size), expected);
        }
    }

    #[test]
    fn parity_that_follows_a_change_is_that_of_the_new_data() {
        let code = Coded { data: 5, parity: 3, stripe_blocks: 1 };
        for damaged in [false, true] {
            let size = BlockSize::B512;
            let old: Vec<Block> = line(code, damaged, size).into_iter().flatten().collect();
            let mut new = old.clone();
            for column in [0, 3] {
                new[column] = Block::stamped(Stamp::new(0, column as u64, 2, 8));
            }
            let changes = [(0, &old[0], &new[0]), (3, &old[3], &new[3])];
            for parity in 0..3 {
                let was = &old[usize::from(5 + parity)];
                let after = code.parity_after((parity, was), &changes, size);
                let data: Vec<&Block> = new[..5].iter().collect();
                assert_eq!(after, code.parity_of(parity, &data, size));
                assert_ne!(after, *was);
            }
        }
    }

    #[test]
    fn zeroes_have_parity_of_zeroes() {
        let code = Coded { data: 3, parity: 2, stripe_blocks: 1 };
        let mut line = vec![Some(Block::ZERO), Some(Block::ZERO), Some(Block::ZERO), None, None];
        assert!(code.solve(&mut line, BlockSize::B512));
        assert_eq!(line, vec![Some(Block::ZERO); 5]);
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
}
