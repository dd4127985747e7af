//! `sweep`: scenarios over many seeds on all cores.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::run::{
    ExitCode, FailureGroup, HostLimits, SeedRange, SeedResult, Shard, Subject, SweepEvent,
    SweepOptions, SweepReport, Tested, save, seed_file,
};
use crate::scenario::Profile;
use crate::world::PROBES;

use super::duration::wall_time;
use super::entry::Context;
use super::figures::quoted;
use super::junit::write_junit;
use super::progress::{Progress, sweep_line};
use super::report::Failure;
use super::result_json::write_sweep;
use super::sources::{Output, profile, scenarios};
use super::stop::on_interrupt;
use super::summary::{Kept, commands, failures, probes, table, totals};

const AFTER_HELP: &str = "\
Examples:
  stormglass sweep scenarios                          100 seeds of every scenario
  stormglass sweep scenarios --seeds 20000 --stop-on-first
  stormglass sweep scenarios/raid1 --for 8h           new seeds until tomorrow
  stormglass sweep --random --for 8h                  another scenario for each seed
  stormglass sweep --random --profile disks --seeds 1000..1999
  stormglass sweep scenarios --shard 2/4 --junit out.xml --json out.json   a fourth, for CI

Seeds are taken in turn: seed 1 of every scenario, then seed 2. With --random each seed has a scenario of \
its own beside those of the paths, that which `stormglass generate` prints. One seed in 20 is run twice and its \
digests compared. Failures are grouped by signature; the fastest seed of each group (the one with the \
fewest events) is saved as a seed file for `stormglass replay`. Ctrl-C ends with a summary of what was \
done; a second Ctrl-C ends at once. The exit code is the lowest of all failures' codes.";

/// The options of `sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Scenario files, or directories that hold some
    #[arg(value_name = "PATH", required_unless_present = "random")]
    paths: Vec<PathBuf>,
    /// Run random scenarios, too: another one for each seed
    #[arg(long)]
    random: bool,
    /// What the random scenarios are about: quick, disks, network, manager, crash or everything
    #[arg(
        long, value_name = "PROFILE", value_parser = profile, default_value_t = Profile::Everything,
        requires = "random"
    )]
    profile: Profile,
    /// Seeds of each scenario: a count (`100` is `1..100`) or a range with both ends included
    /// [default: 100, or no end with --for]
    #[arg(long, value_name = "N or A..B", allow_hyphen_values = true)]
    seeds: Option<SeedRange>,
    /// Threads that run simulations [default: one for each core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
    /// Take no more seeds after this much wall time, such as `30s`, `10min` or `8h`
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = wall_time)]
    duration: Option<Duration>,
    /// Do part I of N of the work, counted from 1; the parts do all of it between them
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Write a JUnit report to OUT: a suite for each scenario, a case for each seed
    #[arg(long, value_name = "OUT")]
    junit: Option<PathBuf>,
    /// Write all results to OUT (`-` is standard output) as JSON that is the same for the same work
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Save the fastest failing seed of each group in this directory
    #[arg(long, value_name = "DIR", default_value = "seeds")]
    save: PathBuf,
    /// A probe that some seed has to reach, or `all` of them (exit code 13); see `list probes`
    #[arg(long, value_name = "PROBE", value_parser = probe)]
    require: Vec<String>,
    /// Take no more seeds once one has failed; reports the first one in order
    #[arg(long)]
    stop_on_first: bool,
}

/// Stands for every probe.
const ALL: &str = "all";

fn probe(name: &str) -> Result<String, String> {
    let known = name == ALL || PROBES.iter().any(|probe| probe.name == name);
    let error = || format!("`{name}` is no probe: `stormglass list probes` names them");
    known.then(|| name.to_owned()).ok_or_else(error)
}

/// How many seeds a scenario is given when nothing is said.
const SEEDS: u64 = 100;

/// One thread for each core.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Args {
    fn options(&self) -> SweepOptions {
        let seeds = match (self.seeds, self.duration) {
            (Some(seeds), _) => seeds,
            (None, Some(_)) => SeedRange::ALL,
            (None, None) => SeedRange::up_to(SEEDS).expect("the default is not zero"),
        };
        SweepOptions {
            seeds,
            jobs: self.jobs.unwrap_or_else(cores),
            duration: self.duration,
            shard: self.shard,
            stop_on_first: self.stop_on_first,
            keep_results: self.json.is_some() || self.junit.is_some(),
            required: self.required(),
            limits: HostLimits::default(),
            known: Vec::new(),
        }
    }

    fn required(&self) -> Vec<String> {
        if self.require.iter().any(|probe| probe == ALL) {
            return PROBES.iter().map(|probe| probe.name.to_owned()).collect();
        }
        self.require.clone()
    }

    /// The files to write results to, made before the work.
    fn outputs(&self) -> Result<(Option<Output>, Option<Output>), Failure> {
        let json = self.json.as_deref().filter(|path| *path != "-");
        let json = json.map(Output::create).transpose()?;
        let junit = self.junit.as_deref().map(Output::create).transpose()?;
        Ok((json, junit))
    }

    fn json_to_stdout(&self) -> bool {
        self.json.as_deref().is_some_and(|path| path == "-")
    }
}

pub(super) fn sweep(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let sources = if args.paths.is_empty() { Vec::new() } else { scenarios(&args.paths)? };
    let (json, junit) = args.outputs()?;
    let (paths, mut tested): (Vec<PathBuf>, Vec<Tested>) = sources
        .into_iter()
        .map(|source| (source.path, Tested::Scenario(Box::new(source.scenario))))
        .unzip();
    tested.extend(args.random.then_some(Tested::Random(args.profile)));
    let report = run_with_progress(args, context, &tested);

    let program = context.program.clone();
    let command = |result: &SeedResult| match paths.get(result.scenario) {
        Some(path) => format!("{program} run {} --seed {}", quoted(path), result.seed),
        None => {
            let (profile, seed) = (args.profile, result.seed);
            format!("{program} sweep --random --profile {profile} --seeds {seed}..{seed}")
        }
    };
    let kept: Vec<Kept<'_>> =
        report.groups.iter().map(|group| keep(args, &tested, group, &command)).collect();
    if args.json_to_stdout() {
        context.console.data(|out| write_sweep(out, &report));
        context.console.speak_aside();
    }
    if let Some(json) = json {
        json.write(|out| write_sweep(out, &report))?;
    }
    if let Some(junit) = junit {
        junit.write(|out| write_junit(out, &report, command))?;
    }
    context.console.line(table(&report));
    context.console.line(totals(&report));
    if let Some(text) = probes(&report) {
        context.console.line(text);
    }
    context.console.line(failures(&report, &kept));
    if !kept.is_empty() {
        context.console.line(commands(&program, &kept));
    }
    Ok(report.exit_code())
}

fn run_with_progress(args: &Args, context: &mut Context<'_>, tested: &[Tested]) -> SweepReport {
    let mut progress = Progress::start(context.console);
    let watch = &mut |event: SweepEvent<'_>| match event {
        SweepEvent::Progress(figures) => {
            let total = figures.planned.unwrap_or(0);
            progress.show(figures.done, total, || sweep_line(figures, args.duration));
        }
        SweepEvent::Done(_) => {}
        SweepEvent::NewFailure { result, headline } => {
            let name = tested[result.scenario].name();
            progress.say(&format!("failed: {name} seed {}: {headline}", result.seed));
        }
    };
    crate::run::sweep(context.engine, tested, &args.options(), on_interrupt(), watch)
}

/// Saves the fastest seed of a group. That it cannot be saved loses no result: it is told with it.
fn keep<'a>(
    args: &Args,
    tested: &[Tested],
    group: &'a FailureGroup,
    command: &dyn Fn(&SeedResult) -> String,
) -> Kept<'a> {
    let result = &group.fastest.result;
    let scenario = tested[result.scenario].of_seed(result.seed);
    let file = seed_file(&scenario, result, &group.fastest.headline);
    let saved = save(&args.save, &file).map_err(|error| Failure::Save(error).to_string());
    Kept { group, saved, run_command: command(result) }
}
