//! `run`: one seed of one scenario, told in full.

use std::path::PathBuf;

use crate::run::{ExitCode, Outcome, Ran, describe, run_once};
use crate::scenario::Digest;
use crate::view::{Stats, write_jsonl};
use crate::world::{Keep, RunOptions};

use super::breakpoint::BreakArgs;
use super::console::Console;
use super::entry::Context;
use super::figures::{grouped, per_second, quoted, speed, wall};
use super::log::LogArgs;
use super::report::Failure;
use super::result_json::write_run;
use super::sources::{Output, scenario, schedule};
use super::statistics::show_stats;
use super::strict::StrictArgs;
use super::subject::{Seen, Subject};

const AFTER_HELP: &str = "\
Examples:
  stormglass run scenarios/smoke/baseline-three-targets.json
  stormglass run x.json --seed 7 --trace x-7.jsonl   keep every event
  stormglass run x.json --seed 7 --json | jq .outcome
  stormglass run x.json --seed 7 --stats             with latencies, rates, rebuilds
  stormglass run x.json -vv 2>log                    watch the cluster decide
  gdb -x gdb/stormglass.py --args stormglass run x.json --break   stop in the code that fails
  stormglass run x.json --record-schedule x.sched    which task ran where there was a choice

The trace is JSON lines: time (ns), seq, node, cpu, record, fields, cause (the seq of the event that \
led to it). --json prints one object: scenario seed outcome signature digest virtual_ns ops reboots \
faults probes violations, and stats with --stats; it holds nothing that depends on the host.";

/// The options of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed: a whole number from 0 to 2^64 - 1
    #[arg(long, value_name = "N", allow_hyphen_values = true, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Add statistics: latencies, rates, rebuilds; with --json as `stats`
    #[arg(long)]
    stats: bool,
    /// Write every event to OUT as JSON lines
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// Write to OUT which ready task every CPU ran where it had a choice
    #[arg(long, value_name = "OUT")]
    record_schedule: Option<PathBuf>,
    /// Have every CPU choose as it did in FILE, written by --record-schedule on the same scenario and seed
    #[arg(long, value_name = "FILE")]
    replay_schedule: Option<PathBuf>,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    stop: BreakArgs,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn run(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    args.log.start()?;
    let strict = args.strict.strict()?;
    let scenario =
        scenario(&args.file, context.words).map_err(|error| Failure::Files(vec![error]))?;
    let trace = args.trace.as_deref().map(Output::create).transpose()?;
    let keep = if trace.is_some() || args.stats { Keep::All } else { Keep::Nothing };
    let recorded = args.record_schedule.as_deref().map(Output::create).transpose()?;
    let replay_schedule = args.replay_schedule.as_deref().map(schedule).transpose()?;
    let record_schedule = recorded.is_some();
    let again = format!("{} run {} --seed {}", context.program, quoted(&args.file), args.seed);
    let at_failure = args.stop.hook(context.console, &again);
    let options = RunOptions {
        trace: keep,
        record_schedule,
        replay_schedule,
        at_failure,
        strict,
        ..RunOptions::default()
    };
    let ran = run_once(context.engine, &scenario, args.seed, &options).map_err(Failure::Harness)?;
    if let Some((recorded, picks)) = recorded.zip(ran.report.schedule.as_ref()) {
        recorded.write(|out| writeln!(out, "{picks}"))?;
    }
    if let Some(trace) = trace {
        trace.write(|out| write_jsonl(out, &ran.report.trace, &ran.report.names))?;
    }
    let stats = args.stats.then(|| {
        let scenario = scenario.clone();
        let subject = Subject { scenario, seed: args.seed, replay: String::new() };
        Stats::of_run(&Seen::of(&subject, &ran).scene())
    });
    if args.json {
        context.console.data(|out| write_run(out, &ran, stats.as_ref()));
        return Ok(ran.judgement.outcome.exit_code());
    }
    show_figures(context.console, &ran);
    if let Some(stats) = &stats {
        show_stats(context.console, stats);
    }
    if !ran.judgement.passed() {
        show_failure(context.console, &ran);
        let file = quoted(&args.file);
        context.console.line("To replay, and to look at:");
        context.console.line(format_args!("  {} run {file} --seed {}", context.program, args.seed));
        let view = super::view::command(&context.program, &args.file, Some(args.seed));
        context.console.line(format_args!("  {view}"));
        context.console.line("To stand at the failure and look around:");
        let program = &context.program;
        context.console.line(format_args!("  {program} debug {file} --seed {}", args.seed));
        super::debug::offer(context.console, &scenario, args.seed);
    }
    Ok(ran.judgement.outcome.exit_code())
}

/// What the run came to, a figure a line.
pub(super) fn show_figures(console: &mut Console, ran: &Ran) {
    let (report, judgement) = (&ran.report, &ran.judgement);
    let mut figure = |name: &str, value: String| console.line(format_args!("{name:<10}{value}"));
    figure("scenario", format!("{} seed {}", report.scenario, report.seed));
    figure("outcome", judgement.outcome.name().to_owned());
    if let Some(signature) = &judgement.signature {
        let expected = if judgement.passed() { " (as its scenario expects)" } else { "" };
        figure("signature", format!("{signature}{expected}"));
    }
    figure("digest", Digest(report.digest).to_string());
    figure("virtual", report.virtual_time.to_string());
    figure("ops", grouped(report.ops));
    figure("reboots", grouped(report.reboots));
    figure("faults", grouped(report.faults));
    figure("events", grouped(report.events));
    let rate = grouped(per_second(report.ops, ran.wall));
    let speed = speed(report.virtual_time.get(), ran.wall);
    figure("wall", format!("{} ({rate} IO/s, virtual time {speed})", wall(ran.wall)));
}

/// All that is known about the failure.
pub(super) fn show_failure(console: &mut Console, ran: &Ran) {
    console.line("");
    if ran.judgement.outcome == Outcome::Missed {
        console.line("it passed, and its scenario expects a failure\n");
        return;
    }
    console.line(describe(&ran.report));
}
