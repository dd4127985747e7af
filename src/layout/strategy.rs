//! How a write of some blocks of a line keeps the line's parity right, by as few reads as possible. Reads
//! nothing.

use super::coded::Coded;
use super::legs::LegSet;

/// How the parity of a line is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// All data are written, or none, or no parity is to be kept: nothing is read.
    Whole,
    /// The data that are not written are read, and the parity is computed from all data.
    Reconstruct,
    /// The data that are written are read as they were, and the parity, and the difference is added to that.
    Modify,
    /// Both would take a block that cannot be read: so many columns are read that all others follow.
    Solve,
}

/// A line that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The legs whose data are written.
    pub written: LegSet,
    /// The legs that can be read.
    pub readable: LegSet,
    /// The legs that are to hold what belongs there afterwards, all those that can be read among them.
    pub kept: LegSet,
}

/// What is to be read before a line is written, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Why these are read.
    pub strategy: Strategy,
    /// The legs that are read.
    pub reads: LegSet,
}

impl Coded {
    /// How to write a line of a row: what takes the fewest reads. Where two take as many, the parity is computed
    /// anew rather than from what it was.
    #[must_use]
    pub fn plan(&self, row: u64, line: Line) -> Plan {
        let data = self.data_legs(row);
        let others = data & !line.written;
        let parity = line.kept & !data;
        if line.written.is_empty() || others.is_empty() || parity.is_empty() {
            return Plan { strategy: Strategy::Whole, reads: LegSet::NONE };
        }
        let enough = line.readable.iter().take(usize::from(self.data)).collect();
        let ways = [
            Plan { strategy: Strategy::Reconstruct, reads: others },
            Plan { strategy: Strategy::Modify, reads: line.written | parity },
            Plan { strategy: Strategy::Solve, reads: enough },
        ];
        let can_be = |plan: &Plan| (plan.reads & !line.readable).is_empty();
        let best = ways.into_iter().filter(can_be).min_by_key(|plan| plan.reads.count());
        best.expect("what can be read can be read")
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Plan, Strategy};
    use crate::base::{Block, BlockSize, LegIndex, Stamp};
    use crate::layout::{Coded, Layout, LegSet};

    const SIZE: BlockSize = BlockSize::B512;

    /// Every set that is part of this one.
    fn parts(set: LegSet) -> impl Iterator<Item = LegSet> {
        let all = (0..=u16::MAX).take_while(move |bits| *bits <= set.bits());
        all.map(LegSet::from_bits).filter(move |part| (*part & !set).is_empty())
    }

    /// All ways in which a line can be written: which data, with which legs missing; of each of those, whether
    /// it is away or is being rebuilt.
    fn lines(code: Coded, row: u64) -> impl Iterator<Item = Line> {
        let written = parts(code.data_legs(row)).filter(|written| !written.is_empty());
        written.flat_map(move |written| {
            let missing =
                parts(code.all()).filter(move |legs| legs.count() <= u32::from(code.parity));
            missing.flat_map(move |missing| {
                parts(missing).map(move |away| Line {
                    written,
                    readable: code.all() & !missing,
                    kept: code.all() & !away,
                })
            })
        })
    }

    fn stamped(column: usize, sequence: u64) -> Block {
        Block::stamped(Stamp::new(0, column as u64, 1, sequence))
    }

    /// A line's blocks by column, its parity from its data.
    fn with_parity(code: Coded, data: impl Iterator<Item = Block>) -> Vec<Option<Block>> {
        let mut line: Vec<Option<Block>> = data.map(Some).collect();
        line.resize(usize::from(code.legs()), None);
        assert!(code.solve(&mut line, SIZE));
        line
    }

    /// The parity that is kept, by nothing but what was read and what is written.
    fn carried_out(
        code: Coded,
        (row, line, plan): (u64, Line, Plan),
        (old, new): (&[Option<Block>], &[Option<Block>]),
    ) -> Vec<(usize, Block)> {
        let columns = |legs: LegSet| -> Vec<usize> {
            legs.iter().map(|leg| usize::from(code.column_of(leg, row))).collect()
        };
        let read = columns(plan.reads);
        let mut known: Vec<Option<Block>> =
            (0..old.len()).map(|at| old[at].clone().filter(|_| read.contains(&at))).collect();
        if plan.strategy == Strategy::Solve {
            assert!(code.solve(&mut known, SIZE));
        }
        let written = columns(line.written);
        let kept = columns(line.kept & code.parity_legs(row));
        let parity = |at: usize| {
            let parity = at as u8 - code.data;
            if plan.strategy == Strategy::Modify {
                let block = |line: &[Option<Block>], at: usize| line[at].clone().expect("known");
                let changes: Vec<(u8, Block, Block)> = written
                    .iter()
                    .map(|at| (*at as u8, block(&known, *at), block(new, *at)))
                    .collect();
                let changes: Vec<_> =
                    changes.iter().map(|(at, old, new)| (*at, old, new)).collect();
                return code.parity_after((parity, &block(&known, at)), &changes, SIZE);
            }
            let data = (0..usize::from(code.data)).map(|at| {
                let block = if written.contains(&at) { &new[at] } else { &known[at] };
                block.as_ref().expect("known")
            });
            code.parity_of(parity, &data.collect::<Vec<_>>(), SIZE)
        };
        kept.into_iter().map(|at| (at, parity(at))).collect()
    }

    #[test]
    fn whatever_is_written_and_whatever_is_missing_parity_is_that_of_the_new_data() {
        let widths = (2..=8).flat_map(|data| [(data, 1), (data, 2)]).chain([(3, 3)]);
        for (data, parity) in widths {
            let code = Coded { data, parity, stripe_blocks: 1 };
            let row = u64::from(data) % 3;
            let width = usize::from(data);
            let old = with_parity(code, (0..width).map(|column| stamped(column, 1)));
            for line in lines(code, row) {
                let is_written = |column: usize| line.written.has(code.leg_of(column as u8, row));
                let data = (0..width).map(|at| stamped(at, if is_written(at) { 2 } else { 1 }));
                let new = with_parity(code, data);
                let plan = code.plan(row, line);
                assert!((plan.reads & !line.readable).is_empty(), "{line:?}: {plan:?}");
                for (at, block) in carried_out(code, (row, line, plan), (&old, &new)) {
                    assert_eq!(Some(&block), new[at].as_ref(), "{line:?}: {plan:?}");
                }
            }
        }
    }

    /// Whether the parity that is kept follows from these reads: whether no other line has the same blocks there,
    /// and another parity after the write.
    fn suffices(code: Coded, (row, line): (u64, Line), reads: LegSet) -> bool {
        // The lines that have zeroes wherever is read are sums of some few of them: enough to look at those.
        let unread = code.all() & !reads;
        let zeroed = |one: LegIndex| {
            let block = |column: u8| {
                let leg = code.leg_of(column, row);
                match unread.has(leg) {
                    false => Some(Block::ZERO),
                    true => (leg == one).then(|| stamped(usize::from(column), 1)),
                }
            };
            let mut found: Vec<Option<Block>> = (0..code.legs()).map(block).collect();
            // Of what nothing says yet, all but as much as must follow is zero.
            let mut free = usize::from(code.data).saturating_sub(found.iter().flatten().count());
            for block in found.iter_mut().filter(|block| block.is_none()) {
                if free > 0 {
                    (*block, free) = (Some(Block::ZERO), free - 1);
                }
            }
            let known = found.iter().flatten().count();
            (known == usize::from(code.data)).then(|| {
                assert!(code.solve(&mut found, SIZE));
                found
            })
        };
        if reads.count() >= u32::from(code.data) {
            return true;
        }
        unread.iter().filter_map(zeroed).all(|old| {
            let data = old[..usize::from(code.data)].iter().enumerate().map(|(at, block)| {
                let is_written = line.written.has(code.leg_of(at as u8, row));
                if is_written { Block::ZERO } else { block.clone().expect("solved") }
            });
            let new = with_parity(code, data);
            let kept = line.kept & code.parity_legs(row);
            kept.iter().all(|leg| new[usize::from(code.column_of(leg, row))] == Some(Block::ZERO))
        })
    }

    #[test]
    fn no_fewer_reads_would_do() {
        for (data, parity) in [(2, 1), (3, 1), (2, 2), (3, 2), (4, 2), (5, 1)] {
            let code = Coded { data, parity, stripe_blocks: 1 };
            for line in lines(code, 1) {
                let plan = code.plan(1, line);
                assert!(suffices(code, (1, line), plan.reads), "{line:?}: {plan:?}");
                let fewer = parts(line.readable)
                    .filter(|reads| reads.count() < plan.reads.count())
                    .find(|reads| suffices(code, (1, line), *reads));
                assert_eq!(fewer, None, "{line:?}: {plan:?}");
            }
        }
    }

    #[test]
    fn small_writes_modify_large_ones_reconstruct() {
        let code = Coded { data: 8, parity: 2, stripe_blocks: 1 };
        let plan = |written: u8, missing: LegSet| {
            let readable = code.all() & !missing;
            code.plan(0, Line { written: LegSet::span(0, written), readable, kept: readable })
        };
        let of = |plan: Plan| (plan.strategy, plan.reads.count());
        let leg = |leg| LegSet::one(LegIndex::new(leg));
        assert_eq!(of(plan(1, LegSet::NONE)), (Strategy::Modify, 3));
        assert_eq!(of(plan(3, LegSet::NONE)), (Strategy::Reconstruct, 5));
        assert_eq!(of(plan(8, LegSet::NONE)), (Strategy::Whole, 0));
        // The written block is missing, another one, both, a parity, all parity.
        assert_eq!(of(plan(1, leg(0))), (Strategy::Reconstruct, 7));
        assert_eq!(of(plan(4, leg(7))), (Strategy::Modify, 6));
        assert_eq!(of(plan(1, leg(0) | leg(7))), (Strategy::Solve, 8));
        assert_eq!(of(plan(1, leg(9))), (Strategy::Modify, 2));
        assert_eq!(of(plan(1, leg(8) | leg(9))), (Strategy::Whole, 0));
    }
}
