//! The data service of erasure-coded volumes: rows are written by way of the stripe journal, what a leg does
//! not give is computed from the others.
//!
//! Nothing here is done but under the lock of whole rows. A row is never written in place before what is to be
//! written stands in the journal of as many legs as may be lost and one more. So whatever an owner leaves
//! half-written, the next one finishes, and no line is ever computed from blocks of two times.

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
use crate::node::journal::Part;
use crate::node::probes;
use crate::node::protocol::LegMode;

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

/// Reads blocks under the lock of their rows; `None` when some block cannot be had at all.
pub(super) async fn read(
    volume: &Rc<Volume>,
    code: Coded,
    (block, blocks): (u64, u32),
) -> Result<Option<Payload>, IoError> {
    let reads = runs(volume, block, blocks)
        .map(|(first, run)| Box::pin(read_run(volume, code, (first, run))));
    let mut read: Vec<Block> = Vec::with_capacity(blocks as usize);
    for data in Together::new(reads.collect()).await {
        let Some(data) = data? else { return Ok(None) };
        read.extend(data.blocks());
    }
    Ok(Some(Payload::from_blocks(&read)))
}

/// Reads what one leg holds, or computes it.
async fn read_run(
    volume: &Rc<Volume>,
    code: Coded,
    (block, run): (u64, Run),
) -> Result<Option<Payload>, IoError> {
    let got = Get::new(volume, run, 0).run().await?;
    if let Some(data) = got.data {
        return Ok(Some(data));
    }
    let leg = run.legs.first();
    if got.bad.has(leg) {
        let repair = repair(volume.clone(), code, (block, run));
        volume.client.handle.spawn("client.repair", repair);
    }
    let column = usize::from(code.column_of(leg, code.row_at(run.at)));
    let columns =
        gather(volume, code, Lines { at: run.at, count: run.blocks }, |at| at == column).await?;
    let blocks: Option<Vec<Block>> = columns[column].iter().cloned().collect();
    crate::sometimes!(volume.client.handle, blocks.is_some(), probes::BLOCK_COMPUTED);
    Ok(blocks.map(|blocks| Payload::from_blocks(&blocks)))
}

/// What a leg in sync holds of some lines, block by block; nothing, if it is not in sync.
async fn read_leg(
    volume: &Rc<Volume>,
    leg: LegIndex,
    lines: Lines,
) -> Result<Vec<Option<Block>>, IoError> {
    let run = Run { legs: LegSet::one(leg), at: lines.at, blocks: lines.count };
    let whole = Get::new(volume, run, 0).run().await?;
    if let Some(data) = whole.data {
        return Ok(data.blocks().map(Some).collect());
    }
    let mut blocks = vec![None; lines.count as usize];
    if !whole.bad.has(leg) || lines.count == 1 {
        return Ok(blocks);
    }
    for (at, block) in (lines.at..).zip(&mut blocks) {
        let one = Get::new(volume, Run { at, blocks: 1, ..run }, 0).run().await?;
        *block = one.data.map(|data| data.block(0));
    }
    Ok(blocks)
}

/// Reads the wanted columns of some lines of a row. Where one of them is missing, all others are read and it
/// is computed, if it can be; and with it whatever else is missing there. What is still missing then is so under
/// one grant: a leg that came back while another one went is asked again.
pub(super) async fn gather(
    volume: &Rc<Volume>,
    code: Coded,
    lines: Lines,
    wanted: impl Fn(usize) -> bool,
) -> Result<Columns, IoError> {
    loop {
        let grant = volume.grant();
        let columns = gather_once(volume, code, lines, &wanted).await?;
        if has_all(&columns, &wanted) || volume.grant() == grant {
            return Ok(columns);
        }
        crate::sometimes!(volume.client.handle, true, probes::GATHERED_AGAIN);
    }
}

/// Whether every block of the wanted columns is there.
fn has_all(columns: &Columns, wanted: impl Fn(usize) -> bool) -> bool {
    let mut wanted = columns.iter().enumerate().filter(|(at, _)| wanted(*at));
    wanted.all(|(_, column)| column.iter().all(Option::is_some))
}

async fn gather_once(
    volume: &Rc<Volume>,
    code: Coded,
    lines: Lines,
    wanted: impl Fn(usize) -> bool,
) -> Result<Columns, IoError> {
    let width = usize::from(code.data + code.parity);
    let mut columns: Columns = vec![vec![None; lines.count as usize]; width];
    read_columns(volume, code, lines, (0..width).filter(|at| wanted(*at)), &mut columns).await?;
    if has_all(&columns, &wanted) {
        return Ok(columns);
    }
    let others = (0..width).filter(|at| !wanted(*at));
    read_columns(volume, code, lines, others, &mut columns).await?;
    let size = volume.client.map.block_size;
    for at in 0..lines.count as usize {
        let mut line: Vec<Option<Block>> =
            columns.iter().map(|column| column[at].clone()).collect();
        if code.solve(&mut line, size) {
            columns.iter_mut().zip(line).for_each(|(column, block)| column[at] = block);
        }
    }
    Ok(columns)
}

async fn read_columns(
    volume: &Rc<Volume>,
    code: Coded,
    lines: Lines,
    wanted: impl Iterator<Item = usize>,
    columns: &mut Columns,
) -> Result<(), IoError> {
    let wanted: Vec<usize> = wanted.collect();
    let row = code.row_at(lines.at);
    let reads = wanted
        .iter()
        .map(|column| Box::pin(read_leg(volume, code.leg_of(*column as u8, row), lines)));
    let found = Together::new(reads.collect()).await;
    for (column, blocks) in wanted.into_iter().zip(found) {
        columns[column] = blocks?;
    }
    Ok(())
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
    let written: Vec<(u64, Run)> = runs(volume, block, data.len()).collect();
    let row = code.row_at(written[0].1.at);
    let slot = volume.rows.slot(volume, code, row).await?;
    let at = written.iter().map(|(_, run)| run.at).min().expect("a write has blocks");
    let end = written.iter().map(|(_, run)| run.at + u64::from(run.blocks)).max();
    let lines = Lines { at, count: (end.expect("a write has blocks") - at) as u32 };
    let mut news: Columns =
        vec![vec![None; lines.count as usize]; usize::from(code.data + code.parity)];
    for (first, run) in &written {
        let column = usize::from(code.column_of(run.legs.first(), row));
        let blocks = data.part((first - block) as u32, run.blocks);
        let from = (run.at - at) as usize;
        for (place, block) in news[column][from..].iter_mut().zip(blocks.blocks()) {
            *place = Some(block);
        }
    }
    let is_short =
        |column: usize| column < usize::from(code.data) && news[column].iter().any(Option::is_none);
    let olds = gather(volume, code, lines, is_short).await?;
    // All lines in one entry, or one by one where some line has lost a block that is not written now.
    let mut whole = Vec::new();
    for line in 0..lines.count as usize {
        whole.push(parity_of(volume, code, (&news, &olds), line));
    }
    if whole.iter().all(Option::is_some) {
        let parity: Vec<Vec<Option<Block>>> = whole.into_iter().flatten().collect();
        return slot.commit(parts(code, lines, &news, &parity)).await;
    }
    crate::sometimes!(volume.client.handle, true, probes::LINE_LOST);
    for (line, parity) in whole.into_iter().enumerate() {
        let one = Lines { at: lines.at + line as u64, count: 1 };
        let news: Columns = news.iter().map(|column| vec![column[line].clone()]).collect();
        // Without the block that is lost nobody may compute it from parity.
        let parity = parity.unwrap_or_else(|| vec![None; usize::from(code.parity)]);
        slot.commit(parts(code, one, &news, &[parity])).await?;
    }
    Ok(())
}

/// The parity of a line as it will be; `None` when some block of it is not known.
fn parity_of(
    volume: &Volume,
    code: Coded,
    (news, olds): (&Columns, &Columns),
    line: usize,
) -> Option<Vec<Option<Block>>> {
    let data = usize::from(code.data);
    let both = news.iter().zip(olds);
    let of_line = both.map(|(new, old)| new[line].clone().or_else(|| old[line].clone()));
    let mut blocks: Vec<Option<Block>> = of_line.take(data).collect();
    if blocks.iter().any(Option::is_none) {
        return None;
    }
    blocks.resize(data + usize::from(code.parity), None);
    code.solve(&mut blocks, volume.client.map.block_size);
    Some(blocks.split_off(data))
}

/// What is to be written where: new data, and the parity of all lines.
fn parts(code: Coded, lines: Lines, news: &Columns, parity: &[Vec<Option<Block>>]) -> Vec<Part> {
    let row = code.row_at(lines.at);
    let first = (lines.at % u64::from(code.stripe_blocks)) as u32;
    let mut parts = Vec::new();
    for (column, blocks) in news[..usize::from(code.data)].iter().enumerate() {
        let from = blocks.iter().take_while(|block| block.is_none()).count();
        let data: Vec<Block> = blocks.iter().flatten().cloned().collect();
        if !data.is_empty() {
            let (leg, line) = (code.leg_of(column as u8, row), first + from as u32);
            let (count, data) = (data.len() as u32, Some(Payload::from_blocks(&data)));
            parts.push(Part { leg, line, count, data });
        }
    }
    for column in 0..code.parity {
        let blocks = parity.iter().map(|line| line[usize::from(column)].clone());
        let blocks: Option<Vec<Block>> = blocks.collect();
        let (leg, count) = (code.leg_of(code.data + column, row), lines.count);
        let data = blocks.map(|blocks| Payload::from_blocks(&blocks));
        parts.push(Part { leg, line: first, count, data });
    }
    parts
}

/// Rewrites what a leg could not read with what the others give (rule 13). What they don't give stays as
/// unreadable as it is.
async fn repair(volume: Rc<Volume>, code: Coded, (block, run): (u64, Run)) {
    let bytes = u64::from(run.blocks) * volume.client.map.block_size.bytes() as u64;
    let _buffer = volume.client.memory.alloc_waiting(bytes).await;
    let _lock = volume.locks.exclusive(rows_of(&code, block, run.blocks)).await;
    if !volume.intent.are_equal(volume.spec.regions_of(block, run.blocks)) {
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
/// poisoned there, if that is asked for. Says whether all was given.
async fn mend(
    volume: &Rc<Volume>,
    code: Coded,
    (leg, lines): (LegIndex, Lines),
    poison: bool,
) -> Result<bool, IoError> {
    let column = usize::from(code.column_of(leg, code.row_at(lines.at)));
    let columns = gather(volume, code, lines, |at| at == column).await?;
    let blocks = &columns[column];
    let all = blocks.iter().all(Option::is_some);
    if all {
        let data: Vec<Block> = blocks.iter().flatten().cloned().collect();
        let work = Work::Write { at: lines.at, data: Payload::from_blocks(&data), fua: true };
        put(volume, work, leg).await?;
        return Ok(true);
    }
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
    Ok(false)
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
        let all = mend(volume, code, (leg, lines), true).await?;
        crate::sometimes!(volume.client.handle, !all, probes::REBUILD_LOST_BLOCK);
    }
    Ok(())
}

/// The legs that are in sync now; `None` when the volume is another client's.
pub(super) async fn in_sync(volume: &Volume) -> Option<LegSet> {
    let known = || match volume.topology() {
        _ if volume.is_lost() => Some(None),
        Some(topology) => Some(Some(topology.modes.legs_in(LegMode::ReadWrite).collect())),
        None => None,
    };
    volume.changed.wait_for(known).await
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
