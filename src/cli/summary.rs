//! What a sweep came to, in words. Prints nothing itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::run::{ExitCode, FailedSeed, FailureGroup, ScenarioTally, SeedRange, SweepReport};
use crate::world::PROBES;

use super::figures::{counted, grouped, per_second, quoted, speed, wall};
use super::places::Places;

/// Lines of a failure's report that a summary shows; a replay shows them all.
const REPORT_LINES: usize = 24;

/// Seeds that the host stopped of which a summary names so many.
const STUCK_NAMED: usize = 10;

/// Probes never reached that are named, as [`probes`] says.
const PROBES_NAMED: usize = 24;

/// What a sweep came to, for all that tell of it.
pub(super) struct Summary<'a> {
    pub(super) report: &'a SweepReport,
    pub(super) kept: Vec<Kept<'a>>,
    pub(super) places: &'a Places,
    pub(super) origin: Option<Origin>,
    /// How much was done, and in which time.
    pub(super) totals: String,
}

/// A name that the seeds were made from, and which they are.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) seeds: SeedRange,
}

impl Origin {
    /// In a sentence.
    pub(super) fn line(&self) -> String {
        format!("seeds {}, from `{}`", self.seeds, self.name)
    }
}

/// A failure group and where its fastest seed was saved, if it was to be, or why it was not.
pub(super) struct Kept<'a> {
    pub(super) group: &'a FailureGroup,
    pub(super) saved: Option<Result<PathBuf, String>>,
    /// Runs the fastest seed again where there is no seed file.
    pub(super) run_command: String,
}

impl Kept<'_> {
    /// The commands that run it again and, from a seed file, show it.
    pub(super) fn commands(&self, program: &str) -> Vec<String> {
        match &self.saved {
            Some(Ok(path)) => {
                let view = super::view::command(program, path, None);
                vec![format!("{program} replay {}", quoted(path)), view]
            }
            _ => vec![self.run_command.clone()],
        }
    }
}

/// The table of scenarios, its header first.
pub(super) fn rows(report: &SweepReport) -> Vec<Vec<String>> {
    let mut header = vec!["scenario", "seeds", "failed", "IO/s", "reboots/s", "p50", "max"];
    let any_stuck = !report.stuck.is_empty();
    if any_stuck {
        header.insert(3, "stuck");
    }
    let mut rows = vec![header.into_iter().map(str::to_owned).collect()];
    for tally in &report.scenarios {
        let mut row = row(tally).to_vec();
        if any_stuck {
            row.insert(3, grouped(tally.stuck));
        }
        rows.push(row);
    }
    rows
}

/// The same as text.
pub(super) fn table(report: &SweepReport) -> String {
    let rows = rows(report);
    let widths: Vec<usize> = (0..rows[0].len())
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
    let time = wall(report.elapsed);
    let mut text = match report.known {
        0 => amounts(report, &time, Some(report.elapsed)),
        known => {
            let time = format!("{time}, {} of them known before", grouped(known));
            amounts(report, &time, None)
        }
    };
    if report.interrupted {
        let planned = report.planned.map_or_else(String::new, |n| format!(" of {}", grouped(n)));
        text.push_str(&format!(
            "\ninterrupted: {}{planned} seeds were run",
            grouped(report.seeds())
        ));
    }
    text
}

/// How much was done in a time; with rates where it was all done in it.
pub(super) fn amounts(report: &SweepReport, time: &str, elapsed: Option<Duration>) -> String {
    let sum = |of: fn(&ScenarioTally) -> u64| -> u64 {
        report.scenarios.iter().map(of).fold(0, u64::saturating_add)
    };
    let (ops, reboots) = (sum(|tally| tally.ops), sum(|tally| tally.reboots));
    let virtual_nanos = sum(|tally| tally.virtual_time.get());
    let rate = |count| {
        elapsed.map_or_else(String::new, |it| format!(" ({}/s)", grouped(per_second(count, it))))
    };
    let passed = elapsed.map_or_else(String::new, |elapsed| {
        format!(", virtual time {} of wall time", speed(virtual_nanos, elapsed))
    });
    format!(
        "{} in {time}: {} IOs{}, {} reboots{}{passed}; {} run twice",
        counted(report.seeds(), "seed"),
        grouped(ops),
        rate(ops),
        grouped(reboots),
        rate(reboots),
        counted(report.rechecked, "seed"),
    )
}

/// Which seeds the host stopped; `None` when it stopped none.
pub(super) fn stuck(report: &SweepReport) -> Option<String> {
    if report.stuck.is_empty() {
        return None;
    }
    let count = report.stuck.len() as u64;
    let what = "stopped by the host: neither passed nor failed";
    let mut text = format!("{} {what}", counted(count, "seed"));
    for stuck in report.stuck.iter().take(STUCK_NAMED) {
        let name = &report.scenarios[stuck.scenario].name;
        text.push_str(&format!("\n  {name} seed {}: {}", stuck.seed, stuck.why));
    }
    if report.stuck.len() > STUCK_NAMED {
        text.push_str(&format!("\n  … and {} more", report.stuck.len() - STUCK_NAMED));
    }
    let untested: Vec<&str> = report.untested().map(|tally| tally.name.as_str()).collect();
    if !untested.is_empty() {
        let untested = untested.join(", ");
        text.push_str(&format!("\nfailed: every seed of these was stopped: {untested}"));
    }
    Some(text)
}

/// The probes that no seed reached.
pub(super) struct NeverReached {
    /// How many of how many.
    pub(super) count: String,
    /// Their names.
    pub(super) names: Vec<&'static str>,
    /// Which of them had to be, if any had.
    pub(super) failed: Option<String>,
}

/// Which probes no seed reached; `None` when all were, or none and none had to be.
pub(super) fn never_reached(report: &SweepReport) -> Option<NeverReached> {
    let reached = |name: &str| report.probes.contains_key(name);
    let never: Vec<&'static str> =
        PROBES.iter().map(|probe| probe.name).filter(|name| !reached(name)).collect();
    let required = !report.unreached.is_empty();
    if !required && (never.is_empty() || report.probes.is_empty()) {
        return None;
    }
    let count = |count: usize| grouped(count as u64);
    let failed = format!("failed: required and never reached: {}", report.unreached.join(", "));
    Some(NeverReached {
        count: format!("{} of {} probes never reached", count(never.len()), count(PROBES.len())),
        names: never,
        failed: required.then_some(failed),
    })
}

/// The same as text, without the names when they are most of a screen, as after a few seeds of a few scenarios.
pub(super) fn probes(report: &SweepReport) -> Option<String> {
    let NeverReached { count, names, failed } = never_reached(report)?;
    let mut text = match names.len() {
        ..=PROBES_NAMED => format!("{count}: {}", names.join(", ")),
        _ => format!("{count} (--json and --markdown tell which)"),
    };
    if let Some(failed) = failed {
        text.push_str(&format!("\n{failed}"));
    }
    Some(text)
}

/// What the failures are, in a line.
pub(super) fn headline(report: &SweepReport) -> String {
    match (report.groups.len() as u64, report.seeds()) {
        (0, 0) => "no seed was run".to_owned(),
        (0, _) if report.exit_code() == ExitCode::Pass => "no failure".to_owned(),
        (0, _) => "no seed failed, and yet the sweep did".to_owned(),
        (groups, seeds) => format!(
            "{} in {} of {}",
            counted(groups, "distinct failure"),
            grouped(report.failures()),
            counted(seeds, "seed"),
        ),
    }
}

/// A failure group in words.
pub(super) struct Told {
    /// How many seeds of which scenarios.
    pub(super) seeds: String,
    /// The first and the fastest.
    pub(super) places: String,
    /// The fastest one's report, as far as a summary shows it.
    pub(super) report: Vec<String>,
}

/// Words a failure group.
pub(super) fn told(report: &SweepReport, group: &FailureGroup) -> Told {
    let name = |scenario: usize| &report.scenarios[scenario].name;
    let by_scenario: Vec<String> = group
        .seeds
        .iter()
        .map(|(scenario, count)| format!("{} in {}", grouped(*count), name(*scenario)))
        .collect();
    let place = |failed: &FailedSeed| {
        format!("{} seed {}", name(failed.result.scenario), failed.result.seed)
    };
    let lines = group.fastest.report.lines();
    let mut shown: Vec<String> = lines.clone().take(REPORT_LINES).map(str::to_owned).collect();
    let more = lines.skip(REPORT_LINES).count();
    if more > 0 {
        shown.push(format!("… {more} more lines"));
    }
    Told {
        seeds: by_scenario.join(", "),
        places: format!("first {}, fastest {}", place(&group.first), place(&group.fastest)),
        report: shown,
    }
}

/// The failures, each told by its fastest seed.
pub(super) fn failures(summary: &Summary<'_>) -> String {
    let headline = headline(summary.report);
    if summary.kept.is_empty() {
        return headline;
    }
    let mut text = format!("{headline}:\n");
    for Kept { group, saved, .. } in &summary.kept {
        let Told { seeds, places, report } = told(summary.report, group);
        text.push_str(&format!("\n{}: {seeds}\n  {places}\n", group.signature));
        for line in report {
            text.push_str(&format!("    {line}\n"));
        }
        match saved {
            Some(Ok(path)) => text.push_str(&format!("  saved as {}\n", path.display())),
            Some(Err(why)) => text.push_str(&format!("  not saved: {why}\n")),
            None => {}
        }
    }
    text
}

/// The commands that run the failures again and show them, the last thing that is said.
pub(super) fn commands(summary: &Summary<'_>) -> String {
    let mut text = "To replay, and to look at:".to_owned();
    let commands = summary.kept.iter().flat_map(|kept| kept.commands(&summary.places.program));
    for command in commands {
        text.push_str(&format!("\n  {command}"));
    }
    text
}
