//! What is worth knowing of a valid scenario: what becomes of the traces that it replays. Finds no fault with it.

use super::fio::FioApp;
use super::model::Scenario;
use super::trace::TraceApp;
use super::workload::Workload;
use crate::base::Replay;

/// What is worth knowing of a scenario that was loaded: one sentence each, with the path that it is about.
#[must_use]
pub fn notes(scenario: &Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    for (index, app) in scenario.workload.iter().enumerate() {
        let said = match app {
            Workload::Trace(trace) => replayed(scenario, app, trace),
            Workload::Fio(fio) => followed(scenario, app, fio),
            Workload::Random(_) | Workload::Verify(_) => Vec::new(),
            Workload::MixedSize(_) | Workload::Guest(_) => Vec::new(),
        };
        notes.extend(said.into_iter().map(|what| format!("workload[{index}]: {what}")));
    }
    notes
}

fn replayed(scenario: &Scenario, app: &Workload, trace: &TraceApp) -> Vec<String> {
    let Some(volume) = scenario.volume_index(app.volume()) else { return Vec::new() };
    let region = app.region_in(scenario.volumes[volume].blocks);
    let replay = trace.replay(scenario.cluster.block_size, (region.min, region.max));
    let Some(replay) = replay else { return Vec::new() };
    let mut notes = vec![what_becomes(&replay, trace.recording.trace().ops.len())];
    let skipped = trace.recording.trace().skipped.iter();
    notes.extend(skipped.map(|it| format!("{} skipped: {}", counted(it.lines, "line"), it.what)));
    notes
}

fn followed(scenario: &Scenario, app: &Workload, fio: &FioApp) -> Vec<String> {
    let Some(volume) = scenario.volume_index(app.volume()) else { return Vec::new() };
    let region = app.region_in(scenario.volumes[volume].blocks);
    let placed = fio.placed(scenario.cluster.block_size, (region.min, region.max));
    let fitted = placed.map(|(_, notes)| notes).unwrap_or_default();
    fio.jobs.notes().iter().cloned().chain(fitted).collect()
}

fn what_becomes(replay: &Replay, recorded: usize) -> String {
    let last = replay.steps.last().map_or(crate::base::Nanos::ZERO, |step| step.at);
    let mut said = format!(
        "{} of {} recorded, over {last}",
        counted(replay.steps.len() as u64, "operation"),
        recorded
    );
    for (count, what) in [
        (replay.moved, "moved into the blocks that it uses"),
        (replay.clamped, "shortened to the blocks that it uses"),
        (replay.rounded, "rounded to whole blocks"),
        (replay.split, "split"),
    ] {
        if count > 0 {
            said.push_str(&format!("; {count} {what}"));
        }
    }
    said
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
