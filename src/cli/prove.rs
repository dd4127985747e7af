//! `prove`: the determinism self-check.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::run::{
    Difference, ExitCode, ProveOptions, ProveReport, SeedRange, Stopwatch, describe_trespass,
};
use crate::scenario::{Digest, Scenario};

use super::console::Console;
use super::entry::Context;
use super::figures::{counted, grouped, wall};
use super::progress::Progress;
use super::report::Failure;
use super::sources::scenarios;
use super::stop::{STOPPING, on_interrupt};
use super::strict::NoStrictArgs;
use super::sweep::cores;

const AFTER_HELP: &str = "\
Examples:
  stormglass prove scenarios
  stormglass prove scenarios --seeds 200
  stormglass prove scenarios/raid1/x.json --seeds 7..7   one seed

Each seed runs once untraced and in order, and once traced, in reverse order, on other threads. Equal \
digests mean equal runs, event by event. Where two differ both are run again with a trace and the first \
event that differs is printed; the exit code is then 12.";

/// The options of `prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Scenario files, or directories that hold some
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Seeds of each scenario: a count (`20` is `1..20`) or a range with both ends included
    #[arg(long, value_name = "N or A..B", allow_hyphen_values = true, default_value = "20")]
    seeds: SeedRange,
    /// Threads that run simulations [default: one for each core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    strict: NoStrictArgs,
}

pub(super) fn prove(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let scenarios: Vec<Scenario> =
        scenarios(&args.paths, context.words)?.into_iter().map(|source| source.scenario).collect();
    let strict = args.strict.strict(context.console);
    let options = ProveOptions { seeds: args.seeds, jobs: args.jobs.unwrap_or_else(cores), strict };
    let clock = Stopwatch::start();
    let mut progress = Progress::start(context.console);
    let stop = on_interrupt(STOPPING);
    let report =
        crate::run::prove(context.engine, &scenarios, options, stop, &mut |done, total| {
            let text = || format!("{}/{} runs", grouped(done), grouped(total));
            progress.show(done, total, text);
        });
    drop(progress);
    show_failed(context.console, &report, &scenarios);
    show(context.console, &report, &scenarios, clock);
    Ok(report.exit_code())
}

fn show(console: &mut Console, report: &ProveReport, scenarios: &[Scenario], clock: Stopwatch) {
    for (_, difference) in &report.differences {
        show_difference(console, difference);
    }
    for (index, seed, trespass) in &report.trespasses {
        console.line(format_args!(
            "{} seed {seed} asks for something of the host",
            scenarios[*index].name
        ));
        console.line(describe_trespass(trespass));
    }
    for crash in &report.crashes {
        console.line(crash);
    }
    if report.interrupted {
        console.line("interrupted before the end");
    }
    let work = format!(
        "{} of {} run twice in {}",
        counted(report.compared, "seed"),
        counted(scenarios.len() as u64, "scenario"),
        wall(clock.elapsed()),
    );
    match (report.differences.len() + report.trespasses.len()) as u64 {
        0 if !report.crashes.is_empty() => {
            let crashes = counted(report.crashes.len() as u64, "seed");
            console.line(format_args!("{work}: no difference, but {crashes} could not be run"));
        }
        0 => console.line(format_args!("{work}: no difference")),
        count => console.line(format_args!("{work}: {} not deterministic", counted(count, "seed"))),
    }
}

/// How many runs that did not pass are told by name.
const NAMED: usize = 5;

/// Runs that fail are for `sweep` to judge; but nobody shall run them by thousands and not hear of it.
fn show_failed(console: &mut Console, report: &ProveReport, scenarios: &[Scenario]) {
    if report.failed.is_empty() {
        return;
    }
    let failed = counted(report.failed.len() as u64, "seed");
    console.line(format_args!("{failed} did not pass, both times alike:"));
    for (index, seed, outcome) in report.failed.iter().take(NAMED) {
        let name = &scenarios[*index].name;
        console.line(format_args!("  {name} seed {seed}: {outcome}"));
    }
    if let Some(more) = report.failed.len().checked_sub(NAMED + 1) {
        console.line(format_args!("  and {} more; stormglass sweep tells of each", more + 1));
    }
}

fn show_difference(console: &mut Console, difference: &Difference) {
    let Difference { scenario, seed, digests, bracket, events } = difference;
    console.line(format_args!("{scenario} seed {seed} is not deterministic"));
    console.line(format_args!("  untraced  {}", Digest(digests[0])));
    console.line(format_args!("  traced    {}", Digest(digests[1])));
    let Some(bracket) = bracket else {
        console.line("  it did not show again in five more attempts\n");
        return;
    };
    if events.iter().all(Option::is_none) {
        console.line(format_args!("  within {bracket}; it did not show again with a trace\n"));
        return;
    }
    console.line(format_args!("  the first event that differs, within {bracket}:"));
    for event in events {
        console.line(format_args!("  {}", event.as_deref().unwrap_or("(the run has ended)")));
    }
    console.line("");
}
