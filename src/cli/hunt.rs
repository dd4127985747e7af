//! `hunt`: plants bugs and says which check finds each, and how soon.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::{Bug, CAN_PLANT};
use crate::run::{
    ExitCode, Found, HuntOptions, HuntReport, Hunted, Subject, Tested, hunt as run_hunt, save,
};
use crate::scenario::Profile;

use super::console::Console;
use super::entry::Context;
use super::figures::{counted, grouped, quoted, wall};
use super::progress::Progress;
use super::report::Failure;
use super::sources::{profile, scenarios};
use super::stop::{STOPPING, on_interrupt};
use super::sweep::cores;

const AFTER_HELP: &str = "\
Examples:
  cargo run --release --features planted-bugs -- hunt
  stormglass hunt --bug no_write_lock --bug drop_last_leg
  stormglass hunt scenarios/raid1 --seeds 200 --save found   keeps each find as a seed file
  stormglass hunt --random                           in random scenarios, another for each seed

Each bug of `stormglass list bugs` is planted by itself, in the scenarios that are known to find it soon, or \
else in all of them, seed by seed, until a run fails. Then the same scenarios run without it and have to be \
clean. The exit code is 13 when a bug was not found, and that of the failure when the clean runs had one.";

/// The options of `hunt`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Scenario files, or directories that hold some
    #[arg(value_name = "PATH", default_value = "scenarios")]
    paths: Vec<PathBuf>,
    /// Hunt in random scenarios instead of those of the paths
    #[arg(long, conflicts_with = "paths")]
    random: bool,
    /// What the random scenarios are about: quick, disks, network, manager, crash or everything
    #[arg(
        long, value_name = "PROFILE", value_parser = profile, default_value_t = Profile::Everything,
        requires = "random"
    )]
    profile: Profile,
    /// A bug to hunt, once for each [default: all]
    #[arg(long, value_name = "BUG", value_parser = bug)]
    bug: Vec<Bug>,
    /// Runs that a bug may take to be found
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// Threads that run simulations [default: one for each core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
    /// Save each find as a seed file in this directory
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn bug(name: &str) -> Result<Bug, String> {
    Bug::of_name(name).ok_or_else(|| {
        let near = Bug::ALL.iter().map(|bug| (strsim::damerau_levenshtein(name, bug.name()), bug));
        let (_, near) = near.min_by_key(|(distance, _)| *distance).expect("there are bugs");
        format!("no such bug; did you mean `{}`? (`stormglass list bugs`)", near.name())
    })
}

pub(super) fn hunt(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    if !CAN_PLANT {
        let how = "this program can plant no bugs: build it with `--features planted-bugs`";
        return Err(Failure::Usage(how.to_owned()));
    }
    let scenarios: Vec<Tested> = match args.random {
        true => vec![Tested::Random(args.profile)],
        false => {
            let sources = scenarios(&args.paths, context.words)?.into_iter();
            sources.map(|source| Tested::Scenario(Box::new(source.scenario))).collect()
        }
    };
    let bugs = if args.bug.is_empty() { Bug::ALL.to_vec() } else { args.bug.clone() };
    let options = HuntOptions { bugs, runs: args.seeds, jobs: args.jobs.unwrap_or_else(cores) };
    let report = {
        let (mut over, total) = (0, options.bugs.len() as u64);
        let mut progress = Progress::start(context.console);
        run_hunt(context.engine, &scenarios, &options, on_interrupt(STOPPING), &mut |hunted| {
            over += u64::from(hunted.is_some());
            progress.show(over, total, || format!("{over}/{total} bugs"));
        })
    };
    if args.json {
        let text = serde_json::to_string_pretty(&json(&report, &scenarios));
        context.console.line(text.expect("a report is plain JSON"));
    } else {
        show(context.console, &report, &scenarios);
    }
    if let Some(directory) = &args.save {
        keep(context.console, directory, &report, &scenarios)?;
    }
    Ok(report.exit_code())
}

fn show(console: &mut Console, report: &HuntReport, scenarios: &[Tested]) {
    let width = report.hunted.iter().map(|it| it.bug.name().len()).max().unwrap_or(0);
    let place = |found: &Found| format!("{} seed {}", scenarios[found.scenario].name(), found.seed);
    let places = report.hunted.iter().filter_map(|it| it.found.as_ref()).map(place);
    let place_width = places.map(|text| text.len()).max().unwrap_or(8).max("found in".len());
    console.line(format_args!(
        "{:<width$}  {:<place_width$}  {:>5}  {:>8}  check",
        "bug", "found in", "runs", "wall"
    ));
    for Hunted { bug, found, runs, wall: time } in &report.hunted {
        let (place, check) = match found {
            Some(found) => (place(found), found.signature.as_str().to_owned()),
            None => ("not found".to_owned(), String::new()),
        };
        let (bug, runs, time) = (bug.name(), grouped(*runs), wall(*time));
        let line = format!("{bug:<width$}  {place:<place_width$}  {runs:>5}  {time:>8}  {check}");
        console.line(line.trim_end());
    }
    console.line("");
    show_end(console, report, scenarios);
}

fn show_end(console: &mut Console, report: &HuntReport, scenarios: &[Tested]) {
    for (scenario, seed, signature, _) in &report.unclean {
        let name = scenarios[*scenario].name();
        console.line(format_args!("without any bug: {name} seed {seed}: {signature}"));
    }
    for crash in &report.crashes {
        console.line(crash);
    }
    if report.interrupted {
        console.line("interrupted before the end");
    }
    let mut runs: Vec<u64> =
        report.hunted.iter().filter(|it| it.found.is_some()).map(|it| it.runs).collect();
    runs.sort_unstable();
    let median = runs.get(runs.len() / 2).copied().unwrap_or(0);
    console.line(format_args!(
        "{} of {} found, half of them within {}; {} without any, {} failed",
        runs.len(),
        counted(report.hunted.len() as u64, "bug"),
        counted(median, "run"),
        counted(report.clean_runs, "run"),
        report.unclean.len(),
    ));
}

#[derive(Serialize)]
struct Json<'a> {
    bugs: Vec<BugJson<'a>>,
    clean_runs: u64,
    clean_failures: Vec<FailureJson<'a>>,
}

#[derive(Serialize)]
struct BugJson<'a> {
    bug: &'static str,
    runs: u64,
    #[serde(flatten)]
    found: Option<FailureJson<'a>>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    scenario: Cow<'a, str>,
    seed: u64,
    signature: &'a str,
}

/// What does not depend on the host.
fn json<'a>(report: &'a HuntReport, scenarios: &'a [Tested]) -> Json<'a> {
    let bugs = report.hunted.iter().map(|hunted| BugJson {
        bug: hunted.bug.name(),
        runs: hunted.runs,
        found: hunted.found.as_ref().map(|found| FailureJson {
            scenario: scenarios[found.scenario].name(),
            seed: found.seed,
            signature: found.signature.as_str(),
        }),
    });
    let unclean = report.unclean.iter().map(|(scenario, seed, signature, _)| FailureJson {
        scenario: scenarios[*scenario].name(),
        seed: *seed,
        signature: signature.as_str(),
    });
    Json { bugs: bugs.collect(), clean_runs: report.clean_runs, clean_failures: unclean.collect() }
}

/// Saves each find, as a failure that a replay is to show again.
fn keep(
    console: &mut Console,
    directory: &Path,
    report: &HuntReport,
    scenarios: &[Tested],
) -> Result<(), Failure> {
    for Hunted { bug, found, .. } in &report.hunted {
        let Some(found) = found else { continue };
        let scenario = scenarios[found.scenario].of_seed(found.seed);
        let file = found.seed_file(&scenario, *bug);
        let path = save(directory, &file).map_err(Failure::Save)?;
        console.line(format_args!("{}: {}", bug.name(), quoted(&path)));
    }
    Ok(())
}
