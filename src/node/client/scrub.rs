//! Reads everything that legs hold, region by region in the background, and looks whether it is there and fits
//! together: so that a block that one leg has lost is found while another still has it. Off unless the volume has a
//! rate for it. Decides no difference: protection information does, or nobody.
//!
//! It starts over with each attachment, at the first region, and goes round for as long as there is one. A region is
//! read under its lock, from all legs in sync, while all are; a leg that is away has the right of way.

use std::rc::Rc;

use crate::base::{Block, Epoch, LegIndex, Nanos, Payload, Region};
use crate::layout::{Coded, Layout, LegSet, Run};

use super::coded::{self, Lines};
use super::intent::Writing;
use super::io::{IoError, Piece, put_pieces};
use super::locks::Range;
use super::together::Together;
use super::volume::Volume;
use crate::node::probes;
use crate::node::records::{Finding, ScrubFound};

/// Looks at a volume's regions one after the other, for the life of the attachment.
pub(super) async fn scrub(volume: Rc<Volume>) {
    let Some(rate) = volume.spec.scrub_rate else { return };
    let looks = volume.client.handle.tracker("scrub");
    loop {
        for region in (0..volume.spec.regions()).map(Region::new) {
            volume.topology_where(|topology| coded::is_whole(topology).then_some(())).await;
            let held = {
                let _look = looks.open();
                look_at(&volume, region).await
            };
            if volume.is_lost() {
                return;
            }
            let blocks = u64::from(volume.spec.part_of(region, volume.spec.layout.all()).blocks);
            let pause = Nanos::new(Nanos::from_secs(blocks).get() / rate);
            // Others have their turn, however high the rate is.
            volume.client.handle.sleep(pause.max(held.unwrap_or(pause))).await;
        }
        crate::sometimes!(volume.client.handle, true, probes::SCRUBBED_ALL);
    }
}

/// Reads one region from all legs, under its lock, and repairs what one of them has lost; says for how long it held
/// that. What may differ between the legs is left to whoever makes it equal, and so is what they say while they change.
async fn look_at(volume: &Rc<Volume>, region: Region) -> Result<Nanos, IoError> {
    let (block, blocks) = volume.spec.blocks_of(region);
    let _lock = volume.locks.exclusive(Range::new(block, blocks)).await;
    let began = volume.client.handle.monotonic();
    let held = || volume.client.handle.monotonic().saturating_sub(began);
    // While it waited for the lock, a leg may have gone.
    let is_whole = volume.topology().is_some_and(|topology| coded::is_whole(&topology));
    if !is_whole || !volume.intent.are_equal(std::iter::once(region)) {
        return Ok(held());
    }
    let state = State::of(volume);
    if let Some(code) = volume.spec.layout.code() {
        let part = volume.spec.part_of(region, volume.spec.layout.all());
        for at in (part.at..part.at + u64::from(part.blocks)).step_by(code.stripe_blocks as usize) {
            look_at_row(volume, code, at, (state, region)).await?;
        }
        return Ok(held());
    }
    for group in volume.spec.layout.groups() {
        let run = volume.spec.part_of(region, group);
        look_at_copies(volume, run, (state, region)).await?;
    }
    Ok(held())
}

/// What must stay as it is for what legs hold to be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    grant: u64,
    cold: Epoch,
}

impl State {
    fn of(volume: &Volume) -> Self {
        Self { grant: volume.grant(), cold: volume.flushes.cold() }
    }
}

/// Compares the copies of a group.
async fn look_at_copies(
    volume: &Rc<Volume>,
    run: Run,
    (before, region): (State, Region),
) -> Result<(), IoError> {
    let lines = Lines { at: run.at, count: run.blocks };
    let legs: Vec<LegIndex> = run.legs.iter().collect();
    let reads = legs.iter().map(|leg| Box::pin(coded::read_leg(volume, *leg, lines)));
    let read = Together::new(reads.collect()).await;
    let copies: Vec<Vec<Option<Block>>> = read.into_iter().collect::<Result<_, _>>()?;
    if State::of(volume) != before {
        return Ok(());
    }
    let mut to_repair: Vec<(u64, Block, LegSet)> = Vec::new();
    for (line, at) in (run.at..).take(run.blocks as usize).enumerate() {
        let of = |leg: usize| copies[leg][line].as_ref();
        let good = (0..legs.len()).find_map(of);
        let bad = (0..legs.len()).filter(|leg| of(*leg).is_none());
        let bad: LegSet = bad.map(|leg| legs[leg]).collect();
        let other = (0..legs.len()).find(|leg| of(*leg).is_some_and(|it| Some(it) != good));
        if let Some(other) = other {
            tell(volume, (legs[other], at), Finding::Differs);
        } else if let Some(good) = good.filter(|_| !bad.is_empty()) {
            bad.iter().for_each(|leg| tell(volume, (leg, at), Finding::Unreadable));
            to_repair.push((at, good.clone(), bad));
        } else if good.is_none() {
            crate::sometimes!(volume.client.handle, true, probes::SCRUB_FOUND_LOST);
            tell(volume, (legs[0], at), Finding::Lost);
        }
    }
    if to_repair.is_empty() {
        return Ok(());
    }
    let (block, blocks) = volume.spec.blocks_of(region);
    let writing = Writing::begin(volume, block, blocks);
    for (at, good, bad) in to_repair {
        let piece = Piece::Good(at, Payload::from_blocks(&[good]));
        put_pieces(volume, vec![piece], (run.legs, bad), false).await?;
    }
    crate::sometimes!(volume.client.handle, true, probes::SCRUB_REPAIRED);
    writing.complete();
    Ok(())
}

/// Looks whether the lines of a row fit their parity.
async fn look_at_row(
    volume: &Rc<Volume>,
    code: Coded,
    at: u64,
    (before, region): (State, Region),
) -> Result<(), IoError> {
    let (lines, row) = (Lines { at, count: code.stripe_blocks }, code.row_at(at));
    let columns = coded::read_some(volume, code, lines, |_, _| true).await?;
    if State::of(volume) != before {
        return Ok(());
    }
    let leg_of = |column: usize| code.leg_of(column as u8, row);
    let (data, size) = (usize::from(code.data), volume.client.map.block_size);
    let mut known = None;
    for (line, at) in (at..).take(lines.count as usize).enumerate() {
        let held: Vec<Option<Block>> = columns.iter().map(|column| column[line].clone()).collect();
        if held.iter().any(Option::is_none) {
            continue;
        }
        let parity_unknown = held[data..].iter().map(|_| None);
        let mut computed: Vec<_> = held[..data].iter().cloned().chain(parity_unknown).collect();
        code.solve_like(&mut computed, &mut known, size);
        let misfit = (data..held.len()).find(|column| held[*column] != computed[*column]);
        if let Some(column) = misfit {
            crate::sometimes!(volume.client.handle, true, probes::SCRUB_FOUND_PARITY);
            tell(volume, (leg_of(column), at), Finding::Differs);
        }
    }
    let lacking = columns.iter().enumerate().filter(|(_, held)| held.iter().any(Option::is_none));
    let lacking: Vec<(LegIndex, &Vec<Option<Block>>)> =
        lacking.map(|(column, held)| (leg_of(column), held)).collect();
    let (block, blocks) = volume.spec.blocks_of(region);
    for (leg, held) in lacking {
        for (first, count) in coded::stretches(lines.count, |line| held[line].is_none()) {
            let lines = Lines { at: at + u64::from(first), count };
            let writing = Writing::begin(volume, block, blocks);
            let lost = coded::mend(volume, code, (leg, lines), false).await?;
            crate::sometimes!(volume.client.handle, lost.is_empty(), probes::SCRUB_REPAIRED);
            writing.complete();
            for (line, at) in (0..count).zip(lines.at..) {
                let is_lost = lost.contains(&line);
                let finding = if is_lost { Finding::Lost } else { Finding::Unreadable };
                tell(volume, (leg, at), finding);
            }
        }
    }
    Ok(())
}

/// Says what was found on a leg, at which of its blocks.
fn tell(volume: &Volume, (leg, at): (LegIndex, u64), finding: Finding) {
    let id = volume.spec.id;
    if finding != Finding::Unreadable {
        tracing::warn!(volume = %id, %leg, at, %finding, "found by scrubbing");
    }
    volume.client.handle.emit(&ScrubFound { volume: id, leg, at, finding });
}
