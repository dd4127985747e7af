//! Reads of erasure-coded volumes, and what is brought back: what a leg does not give is computed from the
//! others. Writes nothing that applications ask for.
//!
//! Nothing here is done but under the lock of whole rows, so that no line is computed from blocks of two times.

use std::rc::Rc;

use crate::base::{Block, LegIndex, Payload, Region};
use crate::layout::Coded;
use crate::layout::LegSet;
use crate::layout::Run;

use super::get::Get;
use super::intent::Writing;
use super::io::{IoError, runs};
use super::locks::Range;
use super::put::{Put, Work};
use super::row_journal::Slot;
use super::together::Together;
use super::volume::Volume;
use crate::base::planted;
use crate::node::probes;
use crate::node::protocol::{LegMode, Topology};

/// Some lines of a row: by column, what is known of each line.
pub(super) type Columns = Vec<Vec<Option<Block>>>;

/// Lines of one row: where on the legs they begin, and how many they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub(super) at: u64,
    pub(super) count: u32,
}

/// The blocks of the volume that have to be locked for some of them: whole rows.
pub(super) fn rows_of(code: &Coded, block: u64, blocks: u32) -> Range {
    let row = code.row_blocks();
    let first = block / row * row;
    let end = (block + u64::from(blocks)).next_multiple_of(row);
    Range::new(first, (end - first) as u32)
}

/// What a read came to.
pub(super) enum Read {
    Data(Payload),
    /// Some block cannot be had at all.
    Lost,
    /// Some block has to be computed, for which there is no memory.
    Short,
}

/// How many blocks of memory a read of so many takes; more, if any of them is to be computed.
pub(super) fn blocks_to_read(code: &Coded, blocks: u32, computes: bool) -> u32 {
    let line = u32::from(code.data + code.parity);
    if computes { blocks * (1 + line) } else { blocks }
}

/// What serving a volume takes, in blocks: all slots' entries, and some lines for whoever rebuilds.
pub(super) fn blocks_to_serve(code: &Coded) -> u64 {
    let line = u64::from(code.data + code.parity);
    u64::from(code.slots()) * code.slot_blocks() + (1 + line) * u64::from(code.stripe_blocks)
}

/// Reads blocks under the lock of their rows. Computes none, unless it has the memory for that.
pub(super) async fn read(
    volume: &Rc<Volume>,
    code: Coded,
    (block, blocks): (u64, u32),
    computes: bool,
) -> Result<Read, IoError> {
    let reads = runs(volume, block, blocks)
        .map(|(first, run)| Box::pin(read_run(volume, code, (first, run), computes)));
    let mut read: Vec<Block> = Vec::with_capacity(blocks as usize);
    let mut short = false;
    for found in Together::new(reads.collect()).await {
        match found? {
            Read::Data(data) => read.extend(data.blocks()),
            Read::Lost => return Ok(Read::Lost),
            Read::Short => short = true,
        }
    }
    Ok(if short { Read::Short } else { Read::Data(Payload::from_blocks(&read)) })
}

/// Reads what one leg holds, or computes it.
async fn read_run(
    volume: &Rc<Volume>,
    code: Coded,
    (block, run): (u64, Run),
    computes: bool,
) -> Result<Read, IoError> {
    if computes
        && volume.is_slow(run.legs.first())
        && let Some(data) = read_around(volume, code, run).await?
    {
        crate::sometimes!(volume.client.handle, true, probes::SLOW_LEG_READ_AROUND);
        return Ok(Read::Data(data));
    }
    let got = Get::new(volume, run, 0).run().await?;
    if let Some(data) = got.data {
        return Ok(Read::Data(data));
    }
    if !computes {
        return Ok(Read::Short);
    }
    let leg = run.legs.first();
    if got.bad.has(leg) {
        let repair = repair(volume.clone(), code, (block, run));
        volume.client.handle.spawn("client.repair", repair);
    }
    let column = usize::from(code.column_of(leg, code.row_at(run.at)));
    let lines = Lines { at: run.at, count: run.blocks };
    let columns = gather(volume, code, lines, |at, _| at == column).await?;
    let blocks: Option<Vec<Block>> = columns[column].iter().cloned().collect();
    crate::sometimes!(volume.client.handle, blocks.is_some(), probes::BLOCK_COMPUTED);
    Ok(blocks.map_or(Read::Lost, |blocks| Read::Data(Payload::from_blocks(&blocks))))
}

/// Computes what a slow leg holds from as many fast ones as that takes; nothing, if there are not so many, or one of
/// them does not give what it holds.
async fn read_around(
    volume: &Rc<Volume>,
    code: Coded,
    run: Run,
) -> Result<Option<Payload>, IoError> {
    let Some(topology) = volume.topology() else { return Ok(None) };
    let row = code.row_at(run.at);
    let in_sync = in_sync(&topology);
    let is_fast = |column: &usize| {
        let leg = code.leg_of(*column as u8, row);
        let is_there = in_sync.has(leg) && volume.link(leg).is_up();
        is_there && !run.legs.has(leg) && !volume.is_slow(leg)
    };
    let width = usize::from(code.data + code.parity);
    let fast = (0..width).filter(is_fast).take(usize::from(code.data));
    let fast: Vec<usize> = fast.collect();
    if fast.len() < usize::from(code.data) {
        crate::sometimes!(volume.client.handle, true, probes::TOO_FEW_FAST_LEGS);
        return Ok(None);
    }
    let lines = Lines { at: run.at, count: run.blocks };
    let mut columns = read_some(volume, code, lines, |at, _| fast.contains(&at)).await?;
    let lines: Vec<usize> = (0..run.blocks as usize).collect();
    solve(volume, code, &lines, &mut columns);
    let column = usize::from(code.column_of(run.legs.first(), row));
    let blocks: Option<Vec<Block>> = columns[column].iter().cloned().collect();
    Ok(blocks.map(|blocks| Payload::from_blocks(&blocks)))
}

/// What a leg in sync holds of some lines, block by block; nothing, if it is not in sync.
pub(super) async fn read_leg(
    volume: &Rc<Volume>,
    leg: LegIndex,
    lines: Lines,
) -> Result<Vec<Option<Block>>, IoError> {
    let run = Run { legs: LegSet::one(leg), at: lines.at, blocks: lines.count };
    let get = |run| Get::new(volume, run, 0).also_rebuilt(planted!(ComputeFromRebuiltLeg)).run();
    let whole = get(run).await?;
    if let Some(data) = whole.data {
        return Ok(data.blocks().map(Some).collect());
    }
    let mut blocks = vec![None; lines.count as usize];
    if !whole.bad.has(leg) || lines.count == 1 {
        return Ok(blocks);
    }
    for (at, block) in (lines.at..).zip(&mut blocks) {
        let one = get(Run { at, blocks: 1, ..run }).await?;
        *block = one.data.map(|data| data.block(0));
    }
    Ok(blocks)
}

/// Reads some blocks of a few lines of a row: those wanted, by column and line. Where one of a line is missing, all
/// others of the line are read and it is computed, if it can be; and with it whatever else is missing there. What
/// is still missing then is so under one grant: a leg that came back while another one went is asked again.
pub(super) async fn gather(
    volume: &Rc<Volume>,
    code: Coded,
    lines: Lines,
    wanted: impl Fn(usize, usize) -> bool,
) -> Result<Columns, IoError> {
    loop {
        let grant = volume.grant();
        let mut columns = read_some(volume, code, lines, &wanted).await?;
        let short = lines_short_of(&columns, &wanted);
        if short.is_empty() {
            return Ok(columns);
        }
        let others = |at: usize, line: usize| !wanted(at, line) && short.contains(&line);
        let read = read_some(volume, code, lines, others).await?;
        for (column, read) in columns.iter_mut().zip(read) {
            let found = column.iter_mut().zip(read).filter(|(_, read)| read.is_some());
            found.for_each(|(block, read)| *block = read);
        }
        solve(volume, code, &short, &mut columns);
        if lines_short_of(&columns, &wanted).is_empty() || volume.grant() == grant {
            return Ok(columns);
        }
        crate::sometimes!(volume.client.handle, true, probes::GATHERED_AGAIN);
    }
}

/// The lines of which some wanted block is not there.
fn lines_short_of(columns: &Columns, wanted: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let is_missing = |at: usize, line: usize| wanted(at, line) && columns[at][line].is_none();
    let lines = 0..columns[0].len();
    lines.filter(|line| (0..columns.len()).any(|at| is_missing(at, *line))).collect()
}

/// Computes what is missing of some lines, where that can be done.
fn solve(volume: &Volume, code: Coded, lines: &[usize], columns: &mut Columns) {
    let size = volume.client.map.block_size;
    let mut known = None;
    for at in lines {
        let mut line: Vec<Option<Block>> =
            columns.iter().map(|column| column[*at].clone()).collect();
        if code.solve_like(&mut line, &mut known, size) {
            columns.iter_mut().zip(line).for_each(|(column, block)| column[*at] = block);
        }
    }
}

/// Stretches of neighbouring lines for which something holds: first line and count of each.
pub(super) fn stretches(count: u32, holds: impl Fn(usize) -> bool) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for line in (0..count).filter(|line| holds(*line as usize)) {
        match found.last_mut() {
            Some((first, count)) if *first + *count == line => *count += 1,
            _ => found.push((line, 1)),
        }
    }
    found
}

/// Reads blocks of some lines of a row, by column and line, each from the leg that has it. Computes none.
pub(super) async fn read_some(
    volume: &Rc<Volume>,
    code: Coded,
    lines: Lines,
    wanted: impl Fn(usize, usize) -> bool,
) -> Result<Columns, IoError> {
    let width = usize::from(code.data + code.parity);
    let mut columns: Columns = vec![vec![None; lines.count as usize]; width];
    let row = code.row_at(lines.at);
    let parts: Vec<(usize, u32, u32)> = (0..width)
        .flat_map(|at| {
            let stretches = stretches(lines.count, |line| wanted(at, line));
            stretches.into_iter().map(move |(first, count)| (at, first, count))
        })
        .collect();
    let reads = parts.iter().map(|(column, first, count)| {
        let lines = Lines { at: lines.at + u64::from(*first), count: *count };
        Box::pin(read_leg(volume, code.leg_of(*column as u8, row), lines))
    });
    let found = Together::new(reads.collect()).await;
    for ((column, first, _), blocks) in parts.into_iter().zip(found) {
        let places = columns[column][first as usize..].iter_mut();
        places.zip(blocks?).for_each(|(place, block)| *place = block);
    }
    Ok(columns)
}

/// Rewrites what a leg could not read with what the others give (rule 13). What they don't give stays as
/// unreadable as it is.
async fn repair(volume: Rc<Volume>, code: Coded, (block, run): (u64, Run)) {
    let blocks = blocks_to_read(&code, run.blocks, true);
    let bytes = u64::from(blocks) * volume.client.map.block_size.bytes() as u64;
    let _buffer = volume.client.memory.alloc_waiting(bytes).await;
    let _lock = volume.locks.exclusive(rows_of(&code, block, run.blocks)).await;
    if !volume.intent.are_equal(volume.spec.regions_of(block, run.blocks)) {
        crate::sometimes!(volume.client.handle, true, probes::REPAIR_LEFT);
        return;
    }
    let writing = Writing::begin(&volume, block, run.blocks);
    let lines = Lines { at: run.at, count: run.blocks };
    let leg = run.legs.first();
    if mend(&volume, code, (leg, lines), false).await.is_ok() {
        crate::sometimes!(volume.client.handle, true, probes::READ_REPAIRED);
        writing.complete();
    }
}

/// Gives a leg what it should hold of some lines, computed from what the others hold. What they don't give is
/// poisoned there, if that is asked for. Says which of the lines it could not give, counted from the first.
pub(super) async fn mend(
    volume: &Rc<Volume>,
    code: Coded,
    (leg, lines): (LegIndex, Lines),
    poison: bool,
) -> Result<Vec<u32>, IoError> {
    let column = usize::from(code.column_of(leg, code.row_at(lines.at)));
    let columns = gather(volume, code, lines, |at, _| at == column).await?;
    let blocks = &columns[column];
    if blocks.iter().all(Option::is_some) {
        let data: Vec<Block> = blocks.iter().flatten().cloned().collect();
        let work = Work::Write { at: lines.at, data: Payload::from_blocks(&data), fua: true };
        put(volume, work, leg).await?;
        return Ok(Vec::new());
    }
    let lost = (0..).zip(blocks).filter(|(_, block)| block.is_none()).map(|(line, _)| line);
    for (at, block) in (lines.at..).zip(blocks) {
        let work = match block {
            Some(block) => Work::Write {
                at,
                data: Payload::from_blocks(std::slice::from_ref(block)),
                fua: true,
            },
            None if poison => Work::Poison { at },
            None => continue,
        };
        put(volume, work, leg).await?;
    }
    Ok(lost.collect())
}

async fn put(volume: &Rc<Volume>, work: Work, leg: LegIndex) -> Result<(), IoError> {
    let only = LegSet::one(leg);
    Put::new(volume, work, only, only).await
}

/// Computes what a leg that is being rebuilt should hold of a region, under the region's lock (rule 9).
pub(super) async fn rebuild_region(
    volume: &Rc<Volume>,
    code: Coded,
    (leg, region): (LegIndex, Region),
) -> Result<(), IoError> {
    let part = volume.spec.part_of(region, LegSet::one(leg));
    let end = part.at + u64::from(part.blocks);
    for at in (part.at..end).step_by(code.stripe_blocks as usize) {
        let lines = Lines { at, count: code.stripe_blocks };
        let lost = mend(volume, code, (leg, lines), true).await?;
        crate::sometimes!(volume.client.handle, !lost.is_empty(), probes::REBUILD_LOST_BLOCK);
    }
    Ok(())
}

/// How the volume stands now.
pub(super) async fn topology(volume: &Volume) -> Result<Topology, IoError> {
    let known = || match volume.topology() {
        _ if volume.is_lost() => Some(Err(volume.doubt())),
        topology => topology.map(Ok),
    };
    volume.changed.wait_for(known).await
}

/// The legs that are in sync.
pub(super) fn in_sync(topology: &Topology) -> LegSet {
    topology.modes.set_in(LegMode::ReadWrite)
}

/// Whether all legs are.
pub(super) fn is_whole(topology: &Topology) -> bool {
    topology.modes.count(LegMode::ReadWrite) == topology.modes.legs().count()
}

/// Whether what is read has to be computed, as far as is known beforehand: a leg is not in sync, or is read around for
/// being slow. Else a block has to be only if its leg has lost it.
pub(super) fn computes(volume: &Volume) -> bool {
    let has_slow = |topology: &Topology| topology.modes.legs().any(|leg| volume.is_slow(leg));
    volume.topology().is_some_and(|topology| !is_whole(&topology) || has_slow(&topology))
}

/// Finishes what was begun of rows in a region and not brought to an end.
pub(super) async fn finish_region(
    volume: &Rc<Volume>,
    code: Coded,
    region: Region,
) -> Result<(), IoError> {
    for slot in 0..code.slots() {
        let pending = volume.rows.pending(slot);
        let is_here = |row: u64| {
            let first = volume.spec.region_of(row * code.row_blocks());
            first == region
        };
        if let Some(row) = pending.filter(|row| is_here(*row)) {
            // Whoever has the slot finishes what is pending in it first.
            let _slot: Slot<'_> = volume.rows.slot(volume, code, row).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::stretches;

    #[test]
    fn neighbours_are_taken_together() {
        let of = |lines: &[usize]| stretches(8, |line| lines.contains(&line));
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[0, 1, 2]), [(0, 3)]);
        assert_eq!(of(&[0, 1, 4, 6, 7]), [(0, 2), (4, 1), (6, 2)]);
    }
}
