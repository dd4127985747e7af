//! What a script did in one run, as a script that does just that: each firing an entry of its own, at its time and in
//! its place. Runs nothing.

use std::collections::BTreeMap;

use crate::base::Nanos;
use crate::scenario::{Effect, Entry, NanosRange, Scenario, Trigger, placed};
use crate::world::{DiskFaultApplied, FaultApplied, FaultLifted, Frozen, OwnApplied, RunReport};

/// A firing of an entry, as the trace tells it.
struct Firing {
    entry: usize,
    at: Nanos,
    /// The node or the disk, by its id.
    place: Option<String>,
}

/// The scenario with each firing that its run's trace has as an entry of its own. What asserts something is left out.
pub(super) fn concrete(scenario: &Scenario, report: &RunReport) -> Scenario {
    let mut lifted = lifted(report);
    let script = firings(report).into_iter().filter_map(|firing| {
        let entry = scenario.script.get(firing.entry)?;
        let trigger = Trigger::At(NanosRange::exactly(firing.at));
        let Effect::Do(action) = &entry.effect else {
            return Some(Entry { trigger, effect: entry.effect.clone(), undo_after: None });
        };
        let action = firing.place.as_deref().map_or(action.clone(), |place| placed(action, place));
        let mut undone = || {
            let times = lifted.get_mut(&firing.entry)?;
            let next = times.iter().position(|time| *time > firing.at)?;
            Some(NanosRange::exactly(times.remove(next) - firing.at))
        };
        let undo_after = entry.undo_after.and_then(|range| undone().or(Some(range)));
        Some(Entry { trigger, effect: Effect::Do(action), undo_after })
    });
    let mut script: Vec<Entry> = script.collect();
    // What acts on several places at once without an id for each is told once for each.
    script.dedup();
    Scenario { script, ..scenario.clone() }
}

fn firings(report: &RunReport) -> Vec<Firing> {
    let firing = |record: &crate::base::Record| {
        let (entry, place) = if let Some(FaultApplied { entry, node, .. }) = record.get() {
            (entry, Some(report.names.node(node)))
        } else if let Some(DiskFaultApplied { entry, disk, .. }) = record.get() {
            (entry, Some(report.names.disk(disk)))
        } else if let Some(OwnApplied { entry, .. }) = record.get() {
            (entry, None)
        } else if let Some(Frozen { entry }) = record.get() {
            (entry, None)
        } else {
            return None;
        };
        Some(Firing { entry: entry as usize, at: record.at, place })
    };
    report.trace.iter().filter_map(firing).collect()
}

/// When faults of each entry were lifted.
fn lifted(report: &RunReport) -> BTreeMap<usize, Vec<Nanos>> {
    let mut times: BTreeMap<usize, Vec<Nanos>> = BTreeMap::new();
    for record in &report.trace {
        if let Some(FaultLifted { entry, .. }) = record.get() {
            times.entry(entry as usize).or_default().push(record.at);
        }
    }
    times
}
