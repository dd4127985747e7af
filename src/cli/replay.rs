//! `replay`: a saved failure again, held against its seed file.

use std::path::PathBuf;

use crate::base::Nanos;
use crate::run::{ExitCode, Replayed};
use crate::view::write_jsonl;
use crate::world::{Keep, RunOptions};

use super::breakpoint::BreakArgs;
use super::console::Console;
use super::duration::virtual_time;
use super::entry::Context;
use super::figures::quoted;
use super::log::LogArgs;
use super::report::Failure;
use super::run::{show_failure, show_figures};
use super::sources::{Output, seed_file};
use super::strict::StrictArgs;

const AFTER_HELP: &str = "\
Examples:
  stormglass replay seeds/violation-linear-stale-read-17.json
  stormglass replay seeds/x-17.json --trace x-17.jsonl
  stormglass replay seeds/x-17.json --until 3.2ms -vvv   look at what led there

The exit code is that of the run: a seed that still fails gives its failure's code, one that passes \
gives 0. The last line says whether outcome, signature and digest are those of the file.";

/// The options of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The seed file, as a sweep saved it
    #[arg(value_name = "SEEDFILE")]
    file: PathBuf,
    /// Write every event to OUT as JSON lines
    #[arg(long, value_name = "OUT")]
    trace: Option<PathBuf>,
    /// Stop at this virtual time, such as `3.2ms` (ns, us, ms, s, min); digests are then not compared
    #[arg(long, value_name = "T", allow_hyphen_values = true, value_parser = virtual_time)]
    until: Option<Nanos>,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    stop: BreakArgs,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn replay(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    args.log.start()?;
    let file = seed_file(&args.file, context.words)?;
    let trace = args.trace.as_deref().map(Output::create).transpose()?;
    let keep = if trace.is_some() { Keep::All } else { Keep::Nothing };
    let again = format!("{} replay {}", context.program, quoted(&args.file));
    let at_failure = args.stop.hook(context.console, &again);
    let (until, strict) = (args.until, args.strict.strict()?);
    let options = RunOptions { trace: keep, until, at_failure, strict, ..RunOptions::default() };
    let replayed = crate::run::replay(context.engine, &file, &options).map_err(Failure::Harness)?;
    let report = &replayed.ran.report;
    if let Some(trace) = trace {
        trace.write(|out| write_jsonl(out, &report.trace, &report.names))?;
    }
    show_figures(context.console, &replayed.ran);
    if !replayed.ran.judgement.passed() {
        show_failure(context.console, &replayed.ran);
        let view = super::view::command(&context.program, &args.file, None);
        context.console.line(format_args!("To look at:\n  {view}\n"));
    }
    show_comparison(context.console, &replayed);
    Ok(replayed.exit_code())
}

fn show_comparison(console: &mut Console, replayed: &Replayed) {
    if let Some(bracket) = replayed.unsteady {
        console.line(format_args!("two runs of this seed differ, first within {bracket}"));
    }
    for difference in &replayed.differences {
        console.line(difference);
    }
    let verdict = match (replayed.same_outcome, replayed.same_digest) {
        _ if replayed.unsteady.is_some() => "no match: this seed is not deterministic",
        (true, Some(true)) => {
            "match: outcome, signature and digest are those of the file, bit for bit"
        }
        (true, Some(false)) => {
            "no match: the same outcome by another way; the program has changed since"
        }
        (true, None) => "match as far as it went: outcome and signature are those of the file",
        (false, None) => "no match so far: the run was stopped early",
        (false, Some(_)) => "no match: the program has changed since",
    };
    console.line(verdict);
}
