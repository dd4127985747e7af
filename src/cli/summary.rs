//! What a sweep came to, in words. Prints nothing itself.

use std::path::PathBuf;

use crate::run::{FailureGroup, ScenarioTally, SweepReport};
use crate::world::PROBES;

use super::figures::{counted, grouped, per_second, quoted, speed, wall};

/// Lines of a failure's report that a summary shows; a replay shows them all.
const REPORT_LINES: usize = 24;

/// A failure group and where its fastest seed was saved, or why it was not.
pub(super) struct Kept<'a> {
    pub(super) group: &'a FailureGroup,
    pub(super) saved: Result<PathBuf, String>,
    /// Runs the fastest seed again where there is no seed file.
    pub(super) run_command: String,
}

/// The table of scenarios.
pub(super) fn table(report: &SweepReport) -> String {
    let header = ["scenario", "seeds", "failed", "IO/s", "reboots/s", "p50", "max"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(report.scenarios.iter().map(row));
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// One scenario's row. Its speeds are those of one core.
fn row(tally: &ScenarioTally) -> [String; 7] {
    let walls = &tally.walls;
    [
        tally.name.clone(),
        grouped(tally.seeds),
        grouped(tally.failures),
        grouped(per_second(tally.ops, walls.sum())),
        grouped(per_second(tally.reboots, walls.sum())),
        wall(walls.median()),
        wall(walls.max()),
    ]
}

/// The line below the table: all scenarios together, by wall time.
pub(super) fn totals(report: &SweepReport) -> String {
    let sum = |of: fn(&ScenarioTally) -> u64| -> u64 {
        report.scenarios.iter().map(of).fold(0, u64::saturating_add)
    };
    let ops = sum(|tally| tally.ops);
    let reboots = sum(|tally| tally.reboots);
    let virtual_nanos = sum(|tally| tally.virtual_time.get());
    let elapsed = report.elapsed;
    let mut text = format!(
        "{} in {}: {} IOs ({}/s), {} reboots ({}/s), virtual time {} of wall time; {} run twice",
        counted(report.seeds(), "seed"),
        wall(elapsed),
        grouped(ops),
        grouped(per_second(ops, elapsed)),
        grouped(reboots),
        grouped(per_second(reboots, elapsed)),
        speed(virtual_nanos, elapsed),
        counted(report.rechecked, "seed"),
    );
    if report.interrupted {
        let planned = report.planned.map_or_else(String::new, |n| format!(" of {}", grouped(n)));
        text.push_str(&format!(
            "\ninterrupted: {}{planned} seeds were run",
            grouped(report.seeds())
        ));
    }
    text
}

/// Which probes no seed reached; `None` when all were, or none and none had to be.
pub(super) fn probes(report: &SweepReport) -> Option<String> {
    let reached = |name: &str| report.probes.contains_key(name);
    let never: Vec<&str> =
        PROBES.iter().map(|probe| probe.name).filter(|name| !reached(name)).collect();
    let nothing_to_tell = report.probes.is_empty() && report.unreached.is_empty();
    if never.is_empty() || nothing_to_tell {
        return None;
    }
    let count = |count: usize| grouped(count as u64);
    let mut text = format!(
        "{} of {} probes never reached: {}",
        count(never.len()),
        count(PROBES.len()),
        never.join(", ")
    );
    if !report.unreached.is_empty() {
        text.push_str(&format!(
            "\nfailed: required and never reached: {}",
            report.unreached.join(", ")
        ));
    }
    Some(text)
}

/// The failures, each told by its fastest seed.
pub(super) fn failures(report: &SweepReport, kept: &[Kept<'_>]) -> String {
    if kept.is_empty() {
        return match report.seeds() {
            0 => "no seed was run".to_owned(),
            _ => "no failure".to_owned(),
        };
    }
    let mut text = format!(
        "{} in {} of {}:\n",
        counted(kept.len() as u64, "distinct failure"),
        grouped(report.failures()),
        counted(report.seeds(), "seed"),
    );
    for Kept { group, saved, .. } in kept {
        text.push('\n');
        text.push_str(&one_failure(report, group));
        match saved {
            Ok(path) => text.push_str(&format!("  saved as {}\n", path.display())),
            Err(why) => text.push_str(&format!("  not saved: {why}\n")),
        }
    }
    text
}

fn one_failure(report: &SweepReport, group: &FailureGroup) -> String {
    let name = |scenario: usize| &report.scenarios[scenario].name;
    let by_scenario: Vec<String> = group
        .seeds
        .iter()
        .map(|(scenario, count)| format!("{} in {}", grouped(*count), name(*scenario)))
        .collect();
    let place = |failed: &crate::run::FailedSeed| {
        format!("{} seed {}", name(failed.result.scenario), failed.result.seed)
    };
    let mut text = format!(
        "{}: {}\n  first {}, fastest {}\n",
        group.signature,
        by_scenario.join(", "),
        place(&group.first),
        place(&group.fastest),
    );
    let lines: Vec<&str> = group.fastest.report.lines().collect();
    for line in lines.iter().take(REPORT_LINES) {
        text.push_str(&format!("    {line}\n"));
    }
    if lines.len() > REPORT_LINES {
        text.push_str(&format!("    … {} more lines\n", lines.len() - REPORT_LINES));
    }
    text
}

/// The commands that run the failures again and show them, the last thing that is said.
pub(super) fn commands(program: &str, kept: &[Kept<'_>]) -> String {
    let mut text = "To replay, and to look at:".to_owned();
    for kept in kept {
        match &kept.saved {
            Ok(path) => {
                let view = super::view::command(program, path, None);
                text.push_str(&format!("\n  {program} replay {}\n  {view}", quoted(path)));
            }
            Err(_) => text.push_str(&format!("\n  {}", kept.run_command)),
        }
    }
    text
}
