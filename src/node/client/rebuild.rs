//! Brings legs back together: regions that an earlier owner may have left different (rule 10), and
//! legs that were away (rules 8 and 9). Each region under its lock, while applications go on.

use std::rc::Rc;

use crate::base::history::RebuildProgress;
use crate::base::{LegIndex, Nanos, Region};
use crate::layout::Layout;
use crate::layout::LegSet;

use super::calls::Reply;
use super::coded;
use super::intent::Writing;
use super::io::{IoError, Piece, ask, flush, put_pieces, read_pieces};
use super::locks::Range;
use super::row_journal;
use super::volume::Volume;
use crate::base::planted;
use crate::node::layout::IntentMap;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegStatus, Topology, Wire};
use crate::node::records::RegionRecovered;

/// So many regions of a rebuild are noted as copied at a time.
const NOTED_TOGETHER: usize = 8;

/// Makes divergent regions equal, for the life of the client.
pub(super) async fn recover(volume: Rc<Volume>) {
    loop {
        let topology = volume.topology_where(|topology| Some(*topology)).await;
        if !volume.intent.is_known() {
            find_divergent(&volume, &topology).await;
            continue;
        }
        let next = || match volume.intent.is_known() {
            true => volume.intent.next_divergent().map(Some),
            false => Some(None),
        };
        let Some(region) = volume.changed.wait_for(next).await else { continue };
        match make_equal(&volume, region).await {
            Ok(()) => volume.changed.notify(),
            Err(_) => pause(&volume).await,
        }
    }
}

/// Asks all legs in sync where they may differ from each other.
async fn find_divergent(volume: &Rc<Volume>, topology: &Topology) {
    let grant = volume.grant();
    let in_sync = topology.modes.legs_in(LegMode::ReadWrite);
    let marks = marks_of(volume, topology, in_sync).await;
    if let (Some(marks), Some(code)) = (&marks, volume.spec.layout.code())
        && row_journal::replay(volume, code, marks).await.is_err()
    {
        crate::sometimes!(volume.client.handle, true, probes::REPLAY_FAILED);
        return pause(volume).await;
    }
    match marks {
        // Under another grant other legs may count, or have lost their caches since they answered.
        Some(marks) if volume.grant() == grant => {
            let handle = &volume.client.handle;
            crate::sometimes!(handle, marks.count() > 0, probes::RECOVERY_FOUND_MARKS);
            volume.intent.found_divergent(&marks);
            volume.has_looked();
            volume.changed.notify();
        }
        Some(_) => {}
        None => pause(volume).await,
    }
}

async fn pause(volume: &Volume) {
    volume.client.handle.sleep(volume.client.map.timing.heartbeat).await;
}

/// Copies one leg's view of a region to all legs of its group, past their volatile caches: what is read afterwards
/// must not be replaced by what was there before when they lose those again.
async fn make_equal(volume: &Rc<Volume>, region: Region) -> Result<(), IoError> {
    let (block, blocks) = volume.spec.blocks_of(region);
    let _lock = volume.locks.exclusive(Range::new(block, blocks)).await;
    let writing = Writing::begin(volume, block, blocks);
    // A leg that is alone holds what it holds, and so do those that nobody copies.
    let code = volume.spec.layout.code();
    if let Some(code) = code {
        coded::finish_region(volume, code, region).await?;
    }
    let groups = volume.spec.layout.groups();
    for group in groups.filter(|group| group.count() > 1 && code.is_none()) {
        if planted!(RecoveryCopiesNothing) {
            continue;
        }
        let run = volume.spec.part_of(region, group);
        let (pieces, _) = read_pieces(volume, run, 0).await?;
        put_pieces(volume, pieces, (group, group), volume.client.map.volatile_caches).await?;
    }
    writing.complete();
    volume.intent.made_equal(region);
    volume.client.handle.emit(&RegionRecovered { volume: volume.spec.id, region });
    Ok(())
}

/// The regions marked on any of these legs; `None` when one of them does not tell.
pub(super) async fn marks_of(
    volume: &Rc<Volume>,
    topology: &Topology,
    legs: impl Iterator<Item = LegIndex>,
) -> Option<IntentMap> {
    let mut marks = IntentMap::empty(volume.spec.regions());
    for leg in legs {
        let (id, epoch) = (volume.spec.id, topology.epoch);
        let read = |cookie, epoch| Wire::ReadIntent { cookie, volume: id, leg, epoch };
        match ask(volume, leg, epoch, read).await {
            Reply::Intent(found) => marks.add(&found),
            Reply::Answer(LegStatus::Unusable, _) | Reply::TimedOut => {
                volume.report_failed(leg);
                return None;
            }
            Reply::Answer(..) | Reply::Lost => return None,
        }
    }
    Some(marks)
}

/// Rebuilds legs that are back, for the life of the client.
pub(super) async fn rebuild(volume: Rc<Volume>) {
    loop {
        let leg = volume
            .topology_where(|topology| topology.modes.legs_in(LegMode::WriteOnly).next())
            .await;
        let done = match plan(&volume, leg).await {
            true => rebuild_leg(&volume, leg).await,
            false => false,
        };
        if done {
            let grant = volume.grant();
            // Without an answer it is said again, for the manager may have been away; nothing is done again for that.
            while volume.grant() == grant && !volume.is_lost() {
                volume.report_rebuilt(leg);
                let next = volume.changed.wait_for(|| (volume.grant() != grant).then_some(()));
                let patience = volume.client.map.timing.patience;
                let _no_answer = volume.client.handle.timeout(patience, next).await;
            }
        } else {
            pause(&volume).await;
        }
    }
}

/// Finds out where a leg may differ from the others: what they have marked, and what it has marked itself (a write
/// that reached it alone before it died; and of a rebuild in whole, what is left to be done of it). Keeps an
/// earlier plan: the leg has been written ever since.
async fn plan(volume: &Rc<Volume>, leg: LegIndex) -> bool {
    if volume.has_plan(leg) {
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_RESUMED);
        return true;
    }
    let Some(topology) = volume.topology() else { return false };
    if topology.modes.of(leg) != LegMode::WriteOnly {
        crate::sometimes!(volume.client.handle, true, probes::PLAN_OVERTAKEN);
        return false;
    }
    let group = volume.spec.layout.group_of(leg);
    let in_sync = topology.modes.legs_in(LegMode::ReadWrite).filter(|leg| group.has(*leg));
    let Some(mut marks) = marks_of(volume, &topology, in_sync).await else { return false };
    volume.intent.found_marked(&marks);
    let own = (!planted!(ResyncIgnoresOwnMarks)).then_some(leg);
    let Some(own) = marks_of(volume, &topology, own.into_iter()).await else { return false };
    marks.add(&own);
    let by_marks = marks.count() > 0 && marks.count() < volume.spec.regions();
    crate::sometimes!(volume.client.handle, by_marks, probes::REBUILD_BY_MARKS);
    let still = volume
        .topology()
        .is_some_and(|now| now.modes.of(leg) == LegMode::WriteOnly && now.epoch == topology.epoch);
    if still {
        volume.plan_rebuild(leg, marks);
    }
    still
}

/// Copies what is planned. `false` when it could not be done now.
async fn rebuild_leg(volume: &Rc<Volume>, leg: LegIndex) -> bool {
    let mut copied = Vec::new();
    while let Some(region) = volume.next_to_rebuild(leg) {
        if copy_region(volume, leg, region).await.is_err() {
            crate::sometimes!(volume.client.handle, true, probes::REBUILD_CUT_SHORT);
            return false;
        }
        if crate::buggify!(volume.client.handle, probes::SLOW_REBUILD) {
            pause(volume).await;
        }
        pace(volume, leg, region).await;
        let (done, total) = volume.region_rebuilt(leg, region);
        let volume_id = volume.spec.id;
        volume.client.handle.emit(&RebuildProgress { volume: volume_id, leg, done, total });
        copied.push(region);
        if copied.len() >= NOTED_TOGETHER {
            note_copied(volume, leg, std::mem::take(&mut copied)).await;
        }
    }
    if let Some(code) = volume.spec.layout.code()
        && row_journal::clear(volume, code).await.is_err()
    {
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_CUT_SHORT);
        return false;
    }
    let flushed = flush(volume, LegSet::one(leg)).await;
    // The plan is gone when the leg died meanwhile.
    flushed.is_ok() && volume.has_plan(leg)
}

/// Has the leg note that it holds these regions as the others do, so that whoever takes the rebuild up need not copy
/// them again: their marks are cleared there, once what was copied is past its cache. Not where a leg in sync may be
/// marked: that a third leg is away and misses something there must be known to the legs that survive.
async fn note_copied(volume: &Rc<Volume>, leg: LegIndex, copied: Vec<Region>) {
    let is_cached = volume.client.map.volatile_caches && !planted!(ResumePastDurable);
    if is_cached && flush(volume, LegSet::one(leg)).await.is_err() {
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_NOT_NOTED);
        return;
    }
    // Without the plan, the leg has died: what was copied may have gone with its disk.
    let Some(topology) = volume.topology().filter(|_| volume.has_plan(leg)) else { return };
    for region in copied.into_iter().filter(|region| !volume.intent.may_be_marked(*region)) {
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_NOTED);
        let (id, epoch) = (volume.spec.id, topology.epoch);
        // A mark that stays is only a region copied once too often.
        let _closed = volume.link(leg).send(Wire::ClearIntent { volume: id, leg, epoch, region });
    }
}

/// Rests after a region for as long as its blocks take at the volume's rate.
async fn pace(volume: &Volume, leg: LegIndex, region: Region) {
    if let Some(rate) = volume.spec.rebuild_rate {
        let blocks = volume.spec.part_of(region, LegSet::one(leg)).blocks;
        let pause = Nanos::from_secs(u64::from(blocks)).get() / rate;
        volume.client.handle.sleep(Nanos::new(pause)).await;
    }
}

async fn copy_region(volume: &Rc<Volume>, leg: LegIndex, region: Region) -> Result<(), IoError> {
    let regions = || std::iter::once(region);
    volume.changed.wait_for(|| volume.intent.are_equal(regions()).then_some(())).await;
    let (block, blocks) = volume.spec.blocks_of(region);
    let span = if planted!(RebuildIgnoresAppWrite) {
        Range::new(u64::MAX - 1, 1)
    } else {
        Range::new(block, blocks)
    };
    let _lock = volume.locks.exclusive(span).await;
    if !volume.intent.are_equal(regions()) {
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_OVERTAKEN);
        return Err(IoError::InDoubt);
    }
    if let Some(code) = volume.spec.layout.code() {
        return coded::rebuild_region(volume, code, (leg, region)).await;
    }
    let group = volume.spec.layout.group_of(leg);
    let run = volume.spec.part_of(region, group);
    let grant = volume.grant();
    let (pieces, _) = read_pieces(volume, run, 0).await?;
    let (lost, good) = pieces.into_iter().partition(Piece::is_bad);
    put_pieces(volume, good, (group, LegSet::one(leg)), false).await?;
    if !Vec::is_empty(&lost) && volume.grant() != grant {
        // A leg that came into sync meanwhile may have what is lost on the others.
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_OVERTAKEN);
        return Err(IoError::InDoubt);
    }
    if !Vec::is_empty(&lost) && !planted!(DropBadSectorOnRebuild) {
        // Lost is lost on every leg of the group: a source that could read such a block again some day must not
        // answer what the others don't.
        crate::sometimes!(volume.client.handle, true, probes::REBUILD_LOST_BLOCK);
        let writing = Writing::begin(volume, block, blocks);
        put_pieces(volume, lost, (group, group), false).await?;
        writing.complete();
    }
    Ok(())
}
