//! `shrink`: a saved failure, made as small as it goes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::run::shrink as run_shrink;
use crate::run::{ExitCode, ShrinkError, ShrinkProgress, Shrunk, Stopwatch};

use super::console::Console;
use super::entry::Context;
use super::figures::{counted, grouped, quoted, wall};
use super::progress::Progress;
use super::report::Failure;
use super::sources::seed_file;
use super::stop::{STOPPING, on_interrupt};
use super::sweep::cores;

const AFTER_HELP: &str = "\
Examples:
  stormglass shrink seeds/violation-linear-stale-read-17.json
  stormglass shrink seeds/x-17.json -o small.json --jobs 2
  stormglass replay small.json --trace small.jsonl       look at what is left

Script entries, operations, applications, volumes, nodes and whatever is not as usual are left out while a run still \
fails with the same signature, with the same seed or with one of a few others; what comes at random times and in \
random places comes at one time and in one place instead. The result does not depend on the number of \
threads. Ctrl-C ends with the best so far. The exit code is 13 when the file's run does not fail.";

/// The options of `shrink`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The seed file, as a sweep saved it
    #[arg(value_name = "SEEDFILE")]
    file: PathBuf,
    /// Write the small seed file here [default: beside SEEDFILE, with `.small` in its name]
    #[arg(short, long = "output", value_name = "OUT")]
    output: Option<PathBuf>,
    /// Threads that run simulations [default: one for each core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
}

pub(super) fn shrink(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let file = seed_file(&args.file, context.words)?;
    let jobs = args.jobs.unwrap_or_else(cores);
    let clock = Stopwatch::start();
    let result = {
        let mut progress = Progress::start(context.console);
        let mut first = None;
        run_shrink(context.engine, &file, jobs, on_interrupt(STOPPING), &mut |now| {
            let first = *first.get_or_insert(now.size.entries + now.size.ops);
            let gone = first - (now.size.entries + now.size.ops).min(first);
            progress.show(gone, first, || line(now));
        })
    };
    let shrunk = match result {
        Ok(shrunk) => shrunk,
        Err(ShrinkError::Harness(crash)) => return Err(Failure::Harness(crash)),
        Err(passes @ ShrinkError::Passes { .. }) => {
            context.console.note(passes);
            return Ok(ExitCode::Inert);
        }
    };
    let output = args.output.clone().unwrap_or_else(|| beside(&args.file));
    shrunk.file.save(&output).map_err(Failure::Save)?;
    show(context.console, &shrunk);
    let (program, output) = (&context.program, quoted(&output));
    let time = wall(clock.elapsed());
    context.console.line(format_args!("{} in {time}", counted(shrunk.runs, "run")));
    if shrunk.interrupted {
        context.console.line("interrupted: this is the best so far");
    }
    context.console.line(format_args!("saved as {output}\n\nTo replay:"));
    context.console.line(format_args!("  {program} replay {output}"));
    context.console.line(format_args!("  {program} replay {output} --trace small.jsonl"));
    Ok(ExitCode::Pass)
}

/// The name with `.small` before its extension.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("small.json")
}

/// How it stands, on one line.
fn line(progress: &ShrinkProgress) -> String {
    let ShrinkProgress { step, size, runs } = progress;
    let parts = [
        format!("{step:<12}"),
        counted_as(size.entries, "entry", "entries"),
        counted(size.ops, "operation"),
        counted(size.nodes, "node"),
        counted(size.volumes, "volume"),
        counted(*runs, "run"),
    ];
    parts.join("  ")
}

fn counted_as(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn show(console: &mut Console, shrunk: &Shrunk) {
    let (before, after) = (&shrunk.before, &shrunk.after);
    console.line(format_args!("signature   {}", shrunk.signature));
    console.line(format_args!("{:<12}{:>10}  {:>10}", "", "before", "after"));
    let rows = [
        ("entries", [before.entries, after.entries]),
        ("operations", [before.ops, after.ops]),
        ("apps", [before.apps, after.apps]),
        ("volumes", [before.volumes, after.volumes]),
        ("nodes", [before.nodes, after.nodes]),
        ("events", [before.events, after.events]),
    ];
    for (name, [before, after]) in rows {
        console.line(format_args!("{name:<12}{:>10}  {:>10}", grouped(before), grouped(after)));
    }
    let times = [before.virtual_time, after.virtual_time].map(|time| time.to_string());
    console.line(format_args!("{:<12}{:>10}  {:>10}", "virtual", times[0], times[1]));
    console.line("\nworkload");
    for app in &shrunk.file.scenario.workload {
        console.line(format_args!("  {}", json(app)));
    }
    console.line("script");
    for entry in &shrunk.file.scenario.script {
        console.line(format_args!("  {}", json(entry)));
    }
    console.line("");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a part of a scenario is plain JSON")
}
