//! `merge`: the state files of a sweep's parts, told as one sweep. Runs nothing.

use std::path::PathBuf;

use crate::run::{ExitCode, Merged, NAMED_SEEDS_MAX, merge as merge_runs};

use super::entry::Context;
use super::figures::{counted, grouped, wall};
use super::places::Places;
use super::probes::ProbeArgs;
use super::report::Failure;
use super::reports::{ReportArgs, Reports};
use super::state::{Kept as Part, Plan};
use super::summary::{Kept, Origin, Summary, amounts};

const AFTER_HELP: &str = "\
Examples:
  stormglass sweep scenarios --shard 1/2 --state 1.state    on one machine
  stormglass sweep scenarios --shard 2/2 --state 2.state    on another
  stormglass merge 1.state 2.state
  stormglass merge *.state --json=all.json --markdown summary.md --html summary.html
  stormglass merge *.state --json --require all | jq .exit_code

The files have to be of one plan: the same scenarios, seeds and version; the shards may differ. A seed that is in \
more than one counts once; where they differ about it, that is a failure of nondeterminism. The exit code is that of \
a sweep that ran all of it.";

/// The options of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Files that `sweep --state` wrote
    #[arg(value_name = "STATE", required = true)]
    files: Vec<PathBuf>,
    /// Write all results as `sweep --json` does, to standard output or, with `=`, to OUT
    #[arg(
        long, value_name = "OUT", num_args = 0..=1, require_equals = true, default_missing_value = "-"
    )]
    json: Option<PathBuf>,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    probes: ProbeArgs,
}

pub(super) fn merge(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let required = args.probes.required()?;
    let (plan, parts) = load(args, context)?;
    let reports = Reports::create(&args.reports, args.json.as_deref())?;
    let runs = parts.into_iter().flat_map(|part| part.runs);
    let Merged { mut report, overlapping } = merge_runs(plan.names(), runs, &required);
    report.planned = planned(&plan);
    let places = Places { program: context.program.clone(), places: plan.places() };
    let kept = report.groups.iter().map(|group| {
        let run_command = places.command(&group.fastest.result);
        Kept { group, saved: None, run_command }
    });
    let origin = plan.seeds_from().zip(plan.seeds());
    let summary = Summary {
        report: &report,
        kept: kept.collect(),
        places: &places,
        origin: origin.map(|(name, seeds)| Origin { name: name.to_owned(), seeds }),
        totals: totals(&report, args.files.len(), overlapping),
    };
    reports.give(&summary, context.console)?;
    Ok(report.exit_code())
}

/// Reads all files, which have to be parts of one plan.
fn load(args: &Args, context: &mut Context<'_>) -> Result<(Plan, Vec<Part>), Failure> {
    let mut parts: Vec<Part> = Vec::new();
    for path in &args.files {
        let part = Part::load(path)?;
        if let Some(first) = parts.first() {
            let whole = part.plan.is_part_of(&first.plan);
            let of = args.files[0].display();
            whole.map_err(|why| Failure::State {
                path: path.clone(),
                why: format!("it is no part of the same plan as {of}: {why}"),
            })?;
        }
        if part.torn {
            let what = "its last line is torn: that seed is left out";
            context.console.note(format_args!("{}: {what}", path.display()));
        }
        parts.push(part);
    }
    let plan = parts.first().map(|part| part.plan.clone()).expect("one file at least is required");
    Ok((plan, parts))
}

/// How many seeds all parts are to have; `None` where only time ended the sweep.
fn planned(plan: &Plan) -> Option<u64> {
    let seeds = plan.seeds()?.count();
    let has_end = seeds < u128::from(NAMED_SEEDS_MAX);
    let all = seeds.saturating_mul(plan.names().len() as u128);
    has_end.then(|| u64::try_from(all).unwrap_or(u64::MAX))
}

fn totals(report: &crate::run::SweepReport, files: usize, overlapping: u64) -> String {
    let time = format!("{} of one core", wall(report.elapsed));
    let mut text = amounts(report, &time, Some(report.elapsed));
    text.push_str(&format!("; from {}", counted(files as u64, "file")));
    if overlapping > 0 {
        text.push_str(&format!(", {} more than once", grouped(overlapping)));
    }
    let missing = report.planned.unwrap_or(0).saturating_sub(report.seeds());
    if missing > 0 {
        let planned = grouped(report.planned.unwrap_or(0));
        text.push_str(&format!(
            "\nnot all: {} of {planned} seeds were run",
            grouped(report.seeds())
        ));
    }
    text
}
