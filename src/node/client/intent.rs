//! The owner's side of the write-intent: which regions may be marked, which may differ, which may be
//! cleared (rules 7 and 10).

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::Region;
use crate::layout::Layout;

use super::io::flush;
use super::rebuild::marks_of;
use super::volume::Volume;
use crate::base::planted;
use crate::node::config::CLEARED_MAX;
use crate::node::layout::IntentMap;
use crate::node::probes;
use crate::node::protocol::{LegMode, Wire};

/// Regions as the owner sees them.
pub(super) struct Intent(RefCell<State>);

struct State {
    /// Regions whose legs may differ; `None` until the legs' marks have been read.
    divergent: Option<IntentMap>,
    /// Regions of writes that were left incomplete while that was not known.
    left: Vec<Region>,
    /// Divergent regions that an operation waits for.
    urgent: Vec<Region>,
    /// Regions that may be marked on some leg.
    marked: IntentMap,
    /// Regions written since the last round of clearing.
    fresh: IntentMap,
    /// Writes under way, by region.
    writes: Vec<u32>,
}

impl Intent {
    pub(super) fn new(regions: u32) -> Self {
        Self(RefCell::new(State {
            divergent: None,
            left: Vec::new(),
            urgent: Vec::new(),
            marked: IntentMap::empty(regions),
            fresh: IntentMap::empty(regions),
            writes: vec![0; regions as usize],
        }))
    }

    /// The owner before this one left the legs equal.
    pub(super) fn nothing_to_recover(&self) {
        let mut state = self.0.borrow_mut();
        let regions = state.marked.regions();
        state.divergent.get_or_insert_with(|| IntentMap::empty(regions));
    }

    /// These regions were found marked on some leg when the volume was attached.
    pub(super) fn found_divergent(&self, marks: &IntentMap) {
        let mut state = self.0.borrow_mut();
        state.marked.add(marks);
        let left = std::mem::take(&mut state.left);
        let regions = marks.regions();
        let divergent = state.divergent.get_or_insert_with(|| IntentMap::empty(regions));
        divergent.add(marks);
        left.into_iter().for_each(|region| divergent.set(region));
    }

    /// These regions are marked on some leg, and equal.
    pub(super) fn found_marked(&self, marks: &IntentMap) {
        self.0.borrow_mut().marked.add(marks);
    }

    /// Whether the region may be marked on a leg in sync: one that is away may miss what was written there.
    pub(super) fn may_be_marked(&self, region: Region) -> bool {
        self.0.borrow().marked.has(region)
    }

    /// Whether no write is under way, and no region may differ between the legs.
    pub(super) fn is_at_rest(&self) -> bool {
        let state = self.0.borrow();
        let equal = state.divergent.as_ref().is_some_and(|divergent| divergent.count() == 0);
        equal && state.writes.iter().all(|writes| *writes == 0)
    }

    /// Whether any region may be marked.
    fn has_marks(&self) -> bool {
        self.0.borrow().marked.count() > 0
    }

    /// All legs have lost their volatile caches: where they are marked, they may differ.
    pub(super) fn caches_lost(&self) {
        let mut state = self.0.borrow_mut();
        let known = state.divergent.take();
        state.left.extend(known.iter().flat_map(IntentMap::iter));
    }

    /// Whether it is known which regions may differ.
    pub(super) fn is_known(&self) -> bool {
        self.0.borrow().divergent.is_some()
    }

    /// Whether none of these regions may differ between the legs. Those that may are made urgent.
    pub(super) fn are_equal(&self, regions: impl Iterator<Item = Region>) -> bool {
        let state = &mut *self.0.borrow_mut();
        let Some(divergent) = &state.divergent else { return false };
        let mut equal = true;
        for region in regions.filter(|region| divergent.has(*region)) {
            equal = planted!(ReadBeforeRecovery);
            if !state.urgent.contains(&region) {
                state.urgent.push(region);
            }
        }
        equal
    }

    /// The next region to make equal.
    pub(super) fn next_divergent(&self) -> Option<Region> {
        let mut state = self.0.borrow_mut();
        while let Some(region) = state.urgent.pop() {
            if state.divergent.as_ref().is_some_and(|divergent| divergent.has(region)) {
                return Some(region);
            }
        }
        state.divergent.as_ref()?.next_from(Region::new(0))
    }

    pub(super) fn made_equal(&self, region: Region) {
        if let Some(divergent) = &mut self.0.borrow_mut().divergent {
            divergent.clear(region);
        }
    }

    /// A write into these regions begins.
    fn begin(&self, regions: impl Iterator<Item = Region>) {
        let mut state = self.0.borrow_mut();
        for region in regions {
            state.marked.set(region);
            state.fresh.set(region);
            state.writes[region.index()] += 1;
        }
    }

    /// It ended; when not on all legs, they may differ from now on.
    fn end(&self, regions: impl Iterator<Item = Region>, complete: bool) {
        let mut state = self.0.borrow_mut();
        for region in regions {
            state.writes[region.index()] -= 1;
            match &mut state.divergent {
                _ if complete || planted!(LeftDivergentForgotten) => {}
                Some(divergent) => divergent.set(region),
                None => state.left.push(region),
            }
        }
    }

    /// Marked regions that nothing was written into for a whole round, as many as one round clears; they count as
    /// unmarked from now.
    fn take_clearable(&self) -> Vec<Region> {
        let mut state = self.0.borrow_mut();
        let Some(divergent) = &state.divergent else { return Vec::new() };
        let idle = |region: &Region| {
            planted!(ClearDirtyUnderWrite)
                || state.writes[region.index()] == 0
                    && !state.fresh.has(*region)
                    && !divergent.has(*region)
        };
        let clearable: Vec<Region> = state.marked.iter().filter(idle).take(CLEARED_MAX).collect();
        clearable.iter().for_each(|region| state.marked.clear(*region));
        let regions = state.marked.regions();
        state.fresh = IntentMap::empty(regions);
        clearable
    }
}

impl Intent {
    /// Those of these regions that nothing was written into since they were taken.
    fn still_clearable(&self, regions: &[Region]) -> Vec<Region> {
        let state = self.0.borrow();
        regions.iter().filter(|region| !state.marked.has(**region)).copied().collect()
    }

    /// These regions were not cleared after all.
    fn put_back(&self, regions: &[Region]) {
        let mut state = self.0.borrow_mut();
        regions.iter().for_each(|region| state.marked.set(*region));
    }
}

fn each((first, last): (Region, Region)) -> impl Iterator<Item = Region> {
    (first.get()..=last.get()).map(Region::new)
}

/// A write under way; unless it was completed, its regions may differ afterwards.
pub(super) struct Writing {
    volume: Rc<Volume>,
    /// The first and the last of them.
    regions: (Region, Region),
    complete: bool,
}

impl Writing {
    pub(super) fn begin(volume: &Rc<Volume>, block: u64, blocks: u32) -> Self {
        let regions = volume.spec.region_span(block, blocks);
        volume.intent.begin(each(regions));
        Self { volume: volume.clone(), regions, complete: false }
    }

    /// All legs have it.
    pub(super) fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.volume.intent.end(each(self.regions), self.complete);
        crate::sometimes!(self.volume.client.handle, !self.complete, probes::WRITE_LEFT_DIVERGENT);
        if !self.complete || self.volume.is_leaving() {
            self.volume.changed.notify();
        }
    }
}

/// Clears marks of regions that are equal on all legs, for the life of the client.
pub(super) async fn clean(volume: Rc<Volume>) {
    let mut interval = volume.client.handle.interval(volume.client.map.timing.clean);
    let mut marks_known = None;
    let mut is_last_word = false;
    loop {
        interval.tick().await;
        if crate::buggify!(volume.client.handle, probes::SKIP_CLEAN) {
            continue;
        }
        let Some(topology) = volume.topology() else { continue };
        let legs = topology.modes.legs();
        let all_in_sync = legs
            .clone()
            .all(|leg| topology.modes.of(leg) == LegMode::ReadWrite && volume.link(leg).is_up());
        let inconsistent = planted!(ClearDirtyBetweenInconsistentPeers);
        if (!all_in_sync && !inconsistent) || !volume.intent.is_known() {
            continue;
        }
        // What was said to a leg before its connection broke may never have reached it.
        let state = (volume.grant(), legs.clone().map(|leg| volume.link(leg).connections()).sum());
        if is_last_word || marks_known != Some::<(u64, u64)>(state) {
            let asked = legs
                .clone()
                .filter(|leg| !inconsistent || topology.modes.of(*leg) == LegMode::ReadWrite);
            let Some(marks) = marks_of(&volume, &topology, asked).await else { continue };
            volume.intent.found_marked(&marks);
            marks_known = Some(state);
            is_last_word = false;
            continue;
        }
        let mut clearable = volume.intent.take_clearable();
        let flushes = volume.client.map.volatile_caches && !planted!(ClearDirtyBeforeFlush);
        if flushes && !clearable.is_empty() {
            // What no leg would miss must be past all caches first (rule 7).
            let under_way = volume.client.handle.tracker("flush of what was marked").open();
            let flushed = flush(&volume, volume.spec.layout.all()).await;
            drop(under_way);
            let now =
                (volume.grant(), legs.clone().map(|leg| volume.link(leg).connections()).sum());
            if flushed.is_err() || marks_known != Some::<(u64, u64)>(now) {
                volume.intent.put_back(&clearable);
                continue;
            }
            clearable = volume.intent.still_clearable(&clearable);
        }
        // A clearing is not answered. Where nothing need follow it, only a look shows whether it came.
        is_last_word = !clearable.is_empty() && !volume.intent.has_marks();
        for region in clearable {
            crate::sometimes!(volume.client.handle, true, probes::INTENT_CLEARED);
            for leg in legs.clone() {
                let (id, epoch) = (volume.spec.id, topology.epoch);
                let clear = Wire::ClearIntent { volume: id, leg, epoch, region };
                // A mark that stays is only a region compared once too often.
                let _closed = volume.link(leg).send(clear);
            }
        }
    }
}
