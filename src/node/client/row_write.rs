//! Writes to rows of erasure-coded volumes: what has to be read first, what the parity comes to, and what goes
//! where. Under the lock of whole rows; reads and writes no leg itself.
//!
//! A row is never written in place before what is to be written stands in the journal of as many legs as may be
//! lost and one more. So whatever an owner leaves half-written, the next one finishes.

use std::rc::Rc;

use crate::base::{Block, BlockSize, Payload};
use crate::layout::Coded;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::layout::Run;
use crate::layout::{Line, Plan, Strategy};

use super::coded::{Columns, Lines, gather, in_sync, read_some, stretches, topology};
use super::io::{IoError, runs};
use super::volume::Volume;
use crate::base::planted;
use crate::node::journal::Part;
use crate::node::probes;

/// How many blocks of memory a write takes beside its own: as much as all that may have to be read of one row, and
/// its parity.
pub(super) fn blocks_beside(code: &Coded, block: u64, blocks: u32) -> u32 {
    let lines = match code.run(block, blocks) {
        run if run.blocks == blocks => blocks,
        _ => code.stripe_blocks,
    };
    u32::from(code.data + 2 * code.parity) * lines
}

/// Writes blocks, row by row, under the lock of their rows.
pub(super) async fn write(
    volume: &Rc<Volume>,
    code: Coded,
    (block, data): (u64, &Payload),
) -> Result<(), IoError> {
    let end = block + u64::from(data.len());
    let mut first = block;
    while first < end {
        let row = first / code.row_blocks();
        let until = end.min((row + 1) * code.row_blocks());
        let part = data.part((first - block) as u32, (until - first) as u32);
        write_row(volume, code, (first, part)).await?;
        first = until;
    }
    Ok(())
}

/// Writes blocks of one row.
async fn write_row(
    volume: &Rc<Volume>,
    code: Coded,
    (block, data): (u64, Payload),
) -> Result<(), IoError> {
    let runs: Vec<(u64, Run)> = runs(volume, block, data.len()).collect();
    let row = code.row_at(runs[0].1.at);
    let slot = volume.rows.slot(volume, code, row).await?;
    let topology = topology(volume).await?;
    let (readable, kept) = (in_sync(&topology), topology.modes.written_set());
    let known = if planted!(ParityForgetsMissingLeg) { kept } else { code.all() };
    let runs = runs.into_iter().filter(|(_, run)| known.has(run.legs.first()));
    let parts = runs.map(|(first, run)| (run, data.part((first - block) as u32, run.blocks)));
    let Some(change) = Change::new((code, volume.client.map.block_size), parts.collect(), kept)
    else {
        return Ok(());
    };
    let plans = change.plans(readable);
    note(volume, &plans);
    let wanted = |column: usize, line: usize| plans[line].reads.has(code.leg_of(column as u8, row));
    let olds = match planted!(ParityFromUnreadBlock) {
        false => gather(volume, code, change.lines, wanted).await?,
        true => read_some(volume, code, change.lines, wanted).await?,
    };
    let parity = change.parity(&olds);
    if parity.iter().flatten().all(Option::is_some) {
        return slot.commit(change.all_parts(&parity)).await;
    }
    // Line by line, as some line has lost a block that is not written now.
    crate::sometimes!(volume.client.handle, true, probes::LINE_LOST);
    for line in (0..change.lines.count).filter(|line| change.is_written(*line as usize)) {
        slot.commit(change.parts(&parity, (line, 1))).await?;
    }
    Ok(())
}

/// Notes which ways of keeping parity right were taken.
fn note(volume: &Volume, plans: &[Plan]) {
    let is_used = |strategy| plans.iter().any(|plan| plan.strategy == strategy);
    let handle = &volume.client.handle;
    crate::sometimes!(handle, is_used(Strategy::Whole), probes::ROW_WHOLE);
    crate::sometimes!(handle, is_used(Strategy::Reconstruct), probes::ROW_RECONSTRUCTED);
    crate::sometimes!(handle, is_used(Strategy::Modify), probes::ROW_MODIFIED);
    crate::sometimes!(handle, is_used(Strategy::Solve), probes::ROW_SOLVED);
}

/// What is to become of one row.
struct Change {
    code: Coded,
    size: BlockSize,
    row: u64,
    /// From the first line that is written to the last.
    lines: Lines,
    /// What is written, by column of data.
    news: Columns,
    /// The columns of parity that are to be right afterwards, from 0 on: those of legs that are away are not.
    parity: Vec<u8>,
    kept: LegSet,
}

/// The parity that is to be right afterwards, by line and column; `None` where nothing tells it any more.
type Parity = Vec<Vec<Option<Block>>>;

impl Change {
    /// `None`, if nothing is written.
    fn new(
        (code, size): (Coded, BlockSize),
        parts: Vec<(Run, Payload)>,
        kept: LegSet,
    ) -> Option<Self> {
        let at = parts.iter().map(|(run, _)| run.at).min()?;
        let end = parts.iter().map(|(run, _)| run.at + u64::from(run.blocks)).max()?;
        let (row, lines) = (code.row_at(at), Lines { at, count: (end - at) as u32 });
        let mut news: Columns = vec![vec![None; lines.count as usize]; usize::from(code.data)];
        for (run, data) in &parts {
            let column = usize::from(code.column_of(run.legs.first(), row));
            let places = news[column][(run.at - at) as usize..].iter_mut();
            places.zip(data.blocks()).for_each(|(place, block)| *place = Some(block));
        }
        let parity = (0..code.parity).filter(|at| kept.has(code.leg_of(code.data + at, row)));
        Some(Self { code, size, row, lines, news, parity: parity.collect(), kept })
    }

    fn is_written(&self, line: usize) -> bool {
        self.news.iter().any(|column| column[line].is_some())
    }

    /// What is to be read of each line.
    fn plans(&self, readable: LegSet) -> Vec<Plan> {
        let written = |line: usize| -> LegSet {
            let columns = (0..self.code.data).zip(&self.news);
            let written = columns.filter(|(_, column)| column[line].is_some());
            written.map(|(at, _)| self.code.leg_of(at, self.row)).collect()
        };
        let lines = (0..self.lines.count as usize).map(|line| Line {
            written: written(line),
            readable,
            kept: self.kept,
        });
        lines.map(|line| self.code.plan(self.row, line)).collect()
    }

    fn parity(&self, olds: &Columns) -> Parity {
        let line = |line: usize| match self.is_written(line) {
            true => self.parity_of(line, olds.iter().map(|column| column[line].clone()).collect()),
            false => vec![Some(Block::ZERO); self.parity.len()],
        };
        (0..self.lines.count as usize).map(line).collect()
    }

    /// The parity of a line, from all data of it if they are known, from what it was otherwise.
    fn parity_of(&self, line: usize, mut olds: Vec<Option<Block>>) -> Vec<Option<Block>> {
        if let Some(parity) = self.reconstructed(line, &olds) {
            return parity;
        }
        let modified: Vec<Option<Block>> =
            self.parity.iter().map(|at| self.modified(*at, line, &olds)).collect();
        if modified.iter().all(Option::is_some) || !self.code.solve(&mut olds, self.size) {
            return modified;
        }
        self.reconstructed(line, &olds).unwrap_or(modified)
    }

    fn reconstructed(&self, line: usize, olds: &[Option<Block>]) -> Option<Vec<Option<Block>>> {
        let both = self.news.iter().zip(olds);
        let data = both.map(|(new, old)| new[line].as_ref().or(old.as_ref()));
        let data: Vec<&Block> = data.collect::<Option<_>>()?;
        let parity = self.parity.iter().map(|at| self.code.parity_of(*at, &data, self.size));
        Some(parity.map(Some).collect())
    }

    fn modified(&self, parity: u8, line: usize, olds: &[Option<Block>]) -> Option<Block> {
        let zero = planted!(ParityFromUnreadBlock).then_some(&Block::ZERO);
        let old = |column: usize| olds[column].as_ref().or(zero);
        let columns = self.news.iter().enumerate();
        let written = columns.filter_map(|(at, column)| Some((at, column[line].as_ref()?)));
        let changes = written.map(|(at, new)| Some((at as u8, old(at)?, new)));
        let changes: Vec<(u8, &Block, &Block)> = changes.collect::<Option<_>>()?;
        let was = old(usize::from(self.code.data + parity))?;
        Some(self.code.parity_after((parity, was), &changes, self.size))
    }

    /// What is to be written where, of all lines.
    fn all_parts(&self, parity: &Parity) -> Vec<Part> {
        self.parts(parity, (0, self.lines.count))
    }

    /// What is to be written where, of some lines: new data, and the parity beside them.
    fn parts(&self, parity: &Parity, (first, count): (u32, u32)) -> Vec<Part> {
        let (code, row) = (self.code, self.row);
        let within = |line: usize| (first..first + count).contains(&(line as u32));
        let start = (self.lines.at % u64::from(code.stripe_blocks)) as u32;
        let part = |column: u8, (from, count): (u32, u32), blocks: Option<Vec<Block>>| Part {
            leg: code.leg_of(column, row),
            line: start + from,
            count,
            data: blocks.map(|blocks| Payload::from_blocks(&blocks)),
        };
        let mut parts = Vec::new();
        for (column, news) in (0..code.data).zip(&self.news) {
            let is_written = |line: usize| within(line) && news[line].is_some();
            for (from, count) in stretches(self.lines.count, is_written) {
                let blocks = news[from as usize..(from + count) as usize].iter().cloned();
                parts.push(part(column, (from, count), blocks.collect()));
            }
        }
        for (at, column) in self.parity.iter().enumerate() {
            let is_written = |line: usize| within(line) && self.is_written(line);
            for (from, count) in stretches(self.lines.count, is_written) {
                let lines = parity[from as usize..(from + count) as usize].iter();
                let blocks = lines.map(|line| line[at].clone()).collect();
                parts.push(part(code.data + column, (from, count), blocks));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, blocks_beside};
    use crate::base::{Block, BlockSize, LegIndex, Payload, Stamp};
    use crate::layout::{Coded, Layout, LegSet, Run};

    const SIZE: BlockSize = BlockSize::B512;

    fn code() -> Coded {
        Coded { data: 4, parity: 2, stripe_blocks: 8 }
    }

    fn stamped(block: u64) -> Block {
        Block::stamped(Stamp::new(0, block, 1, 3))
    }

    /// A write of so many blocks from this one on, which are in one row.
    fn change(block: u64, blocks: u32, kept: LegSet) -> Change {
        let (code, mut parts, mut at) = (code(), Vec::<(Run, Payload)>::new(), 0);
        while at < blocks {
            let run = code.run(block + u64::from(at), blocks - at);
            let data: Vec<Block> =
                (at..at + run.blocks).map(|at| stamped(block + u64::from(at))).collect();
            parts.push((run, Payload::from_blocks(&data)));
            at += run.blocks;
        }
        Change::new((code, SIZE), parts, kept).expect("blocks are written")
    }

    /// Leg, first line and count of each part; whether it has data.
    fn shape(change: &Change, lost: bool) -> Vec<(u8, u32, u32, bool)> {
        let block = (!lost).then_some(Block::ZERO);
        let parity = vec![vec![block; change.parity.len()]; change.lines.count as usize];
        let parts = change.all_parts(&parity);
        parts
            .iter()
            .map(|part| (part.leg.get(), part.line, part.count, part.data.is_some()))
            .collect()
    }

    #[test]
    fn only_lines_that_are_written_get_new_parity() {
        // The last two lines of column 1, the first three of column 2.
        let change = change(14, 5, code().all());
        let parity = [(4, 0, 3), (4, 6, 2), (5, 0, 3), (5, 6, 2)];
        let parity = parity.map(|(leg, line, count)| (leg, line, count, true));
        let expected = [[(1, 6, 2, true), (2, 0, 3, true)].as_slice(), &parity].concat();
        assert_eq!(shape(&change, false), expected);
        let plans = change.plans(code().all());
        let reads: Vec<u32> = plans.iter().map(|plan| plan.reads.count()).collect();
        assert_eq!(reads, [3, 3, 3, 0, 0, 0, 3, 3]);
    }

    #[test]
    fn parity_of_legs_that_are_away_is_left_out_and_lost_parity_is_poison() {
        let away = LegSet::one(LegIndex::new(4));
        let change = change(2, 1, code().all() & !away);
        assert_eq!(shape(&change, true), [(0, 2, 1, true), (5, 2, 1, false)]);
    }

    #[test]
    fn parity_is_told_by_all_data_or_by_what_it_was_or_by_nothing() {
        let (code, change) = (code(), change(0, 1, code().all()));
        let line = |first: Block| {
            let others = (1..4).map(|column| stamped(100 + column));
            let data = std::iter::once(first).chain(others).map(Some);
            let mut line: Vec<Option<Block>> = data.collect();
            line.resize(6, None);
            assert!(code.solve(&mut line, SIZE));
            line
        };
        let (old, new) = (line(stamped(77)), line(stamped(0)));
        let known = |columns: &[usize]| -> Vec<Option<Block>> {
            (0..6).map(|at| old[at].clone().filter(|_| columns.contains(&at))).collect()
        };
        for columns in [[1, 2, 3].as_slice(), &[0, 4, 5], &[0, 1, 2, 4], &[2, 3, 4, 5]] {
            assert_eq!(change.parity_of(0, known(columns)), new[4..], "{columns:?}");
        }
        assert_eq!(change.parity_of(0, known(&[0, 2, 4])), [new[4].clone(), None]);
        assert_eq!(change.parity_of(0, known(&[2, 4, 5])), [None, None]);
    }

    #[test]
    fn a_write_has_memory_for_all_that_it_may_read_of_a_row() {
        assert_eq!(blocks_beside(&code(), 3, 4), 8 * 4);
        assert_eq!(blocks_beside(&code(), 3, 6), 8 * 8);
    }
}
