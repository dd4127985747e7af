//! `sweep`: scenarios over many seeds on all cores.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::{
    ExitCode, FailureGroup, HostLimits, NAMED_SEEDS_MAX, Outcome, SeedRange, SeedRun, Shard,
    StopFlag, Subject, SweepEvent, SweepOptions, SweepReport, Tested, resident, run_once, save,
    seed_file,
};
use crate::scenario::{Bytes, Digest, Profile, Words};
use crate::world::RunOptions;

use super::duration::{wall_limit, wall_time};
use super::entry::Context;
use super::figures::grouped;
use super::part::{Part, part};
use super::places::{Place, Places};
use super::probes::ProbeArgs;
use super::progress::{Progress, sweep_line};
use super::report::Failure;
use super::reports::{ReportArgs, Reports};
use super::sources::{profile, scenarios};
use super::state::{Plan, Resumed, State};
use super::stop::{STOPPING, on_interrupt};
use super::strict::NoStrictArgs;
use super::summary::{Kept, Origin, Summary, totals};

const AFTER_HELP: &str = "\
Examples:
  stormglass sweep scenarios                          100 seeds of every scenario
  stormglass sweep scenarios --seeds 20000 --stop-on-first
  stormglass sweep scenarios/raid1 --for 8h           new seeds until tomorrow
  stormglass sweep --random --for 8h                  another scenario for each seed
  stormglass sweep --random --profile disks --seeds 1000..1999
  stormglass sweep scenarios --shard 2/4 --junit out.xml --json out.json   a fourth, for CI
  stormglass sweep scenarios --seeds 500 --seeds-from 2026-11-29   other seeds for each night
  stormglass sweep scenarios --seeds 5000 --state night.state      go on where it was ended

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
    /// Take the seeds from the range that belongs to this text alone, such as a date or a commit; --seeds then
    /// counts within it
    #[arg(long, value_name = "TEXT", value_parser = name)]
    seeds_from: Option<String>,
    /// Threads that run simulations [default: one for each core]
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,
    /// Take no more seeds after this much wall time, such as `30s`, `10min` or `8h`
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = wall_time)]
    duration: Option<Duration>,
    /// Stop a run that takes longer than this on the wall: `stuck-host`, neither passed nor failed
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = wall_limit)]
    seed_time: Option<Duration>,
    /// Stop the runs under way when the process has grown by more than this for each job, such as `512MiB`
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    seed_memory: Option<Bytes>,
    /// Do part I of N of the work, counted from 1; the parts do all of it between them [default: what a Slurm
    /// array, a Kubernetes indexed Job, a matrix of GitHub or GitLab says of this process, else all]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Keep each result in FILE as it comes, and do not run again what is in it; for `stormglass merge`, too
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Write all results to OUT (`-` is standard output) as JSON that is the same for the same work
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    #[command(flatten)]
    reports: ReportArgs,
    /// Save the fastest failing seed of each group in this directory
    #[arg(long, value_name = "DIR", default_value = "seeds")]
    save: PathBuf,
    #[command(flatten)]
    strict: NoStrictArgs,
    #[command(flatten)]
    probes: ProbeArgs,
    /// Take no more seeds once one has failed; reports the first one in order
    #[arg(long)]
    stop_on_first: bool,
}

/// A text that seeds come from. An empty one is most likely a variable that was not set.
fn name(text: &str) -> Result<String, String> {
    let wanted = "expected a text, such as a date or a commit, and it is empty";
    if text.is_empty() { Err(wanted.to_owned()) } else { Ok(text.to_owned()) }
}

fn memory(text: &str) -> Result<Bytes, String> {
    let wanted = "expected bytes such as `512MiB` or `2GiB`, more than none";
    let bytes: Option<Bytes> = text.parse().ok();
    bytes.filter(|bytes| bytes.get() > 0).ok_or_else(|| wanted.to_owned())
}

/// How many seeds a scenario is given when nothing is said.
const SEEDS: u64 = 100;

/// One thread for each core.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Args {
    fn seeds(&self) -> Result<SeedRange, Failure> {
        let of = |count| SeedRange::up_to(count).expect("the defaults are not zero");
        let default = match (self.duration, &self.seeds_from) {
            (None, _) => of(SEEDS),
            (Some(_), None) => SeedRange::ALL,
            (Some(_), Some(_)) => of(NAMED_SEEDS_MAX),
        };
        let seeds = self.seeds.unwrap_or(default);
        let Some(name) = &self.seeds_from else { return Ok(seeds) };
        seeds.named(name).ok_or_else(|| {
            Failure::Usage(format!(
                "--seeds-from has seeds up to {} for each text, and --seeds {seeds} asks for more",
                grouped(NAMED_SEEDS_MAX)
            ))
        })
    }

    /// Which part of the work to do. Says so when an engine decided.
    fn shard(&self, context: &mut Context<'_>) -> Result<Shard, Failure> {
        let Part { shard, engine } = part(self.shard, context.variables).map_err(Failure::Usage)?;
        if let Some(engine) = engine {
            context.console.note(format_args!("part {shard}, as {engine} says"));
        }
        Ok(shard)
    }

    fn options(&self, seeds: SeedRange, shard: Shard) -> Result<SweepOptions, Failure> {
        if self.seed_memory.is_some() && resident().is_none() {
            let why = "--seed-memory: this system does not tell how much memory the process has";
            return Err(Failure::Usage(why.to_owned()));
        }
        let reports_results = self.json.is_some() || self.reports.junit.is_some();
        let memory = self.seed_memory.map(Bytes::get);
        Ok(SweepOptions {
            seeds,
            jobs: self.jobs.unwrap_or_else(cores),
            duration: self.duration,
            shard,
            stop_on_first: self.stop_on_first,
            keep_results: reports_results,
            required: self.probes.required()?,
            limits: HostLimits { time: self.seed_time, memory },
            strict: false,
            known: Vec::new(),
        })
    }
}

impl Args {
    /// Whether scenarios are drawn.
    pub(super) const fn is_random(&self) -> bool {
        self.random
    }
}

pub(super) fn sweep(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let seeds = args.seeds()?;
    let shard = args.shard(context)?;
    let mut options = args.options(seeds, shard)?;
    options.strict = args.strict.strict(context.console);
    let (tested, places) = tested(args, context.words)?;
    let mut state = match &args.state {
        Some(path) => {
            let plan = plan(args, &options, &tested, &places);
            let (state, resumed) = State::open(path, &plan)?;
            check_same_program(context, path, &tested, &resumed)?;
            say_resumed(context, path, &resumed);
            options.known = resumed.runs;
            Some(state)
        }
        None => None,
    };
    let reports = Reports::create(&args.reports, args.json.as_deref())?;
    let origin = args.seeds_from.as_ref().map(|name| Origin { name: name.clone(), seeds });
    if let Some(origin) = &origin {
        context.console.note(origin.line());
    }
    let places = Places { program: context.program.clone(), places };
    let report = run_with_progress(context, &tested, &options, &mut state)?;
    let kept = report.groups.iter().map(|group| keep(args, &tested, group, &places)).collect();
    let totals = totals(&report);
    let summary = Summary { report: &report, kept, places: &places, origin, totals };
    reports.give(&summary, context.console)?;
    Ok(report.exit_code())
}

/// What to run, and where it comes from.
fn tested(args: &Args, words: &Words) -> Result<(Vec<Tested>, Vec<Place>), Failure> {
    let sources = match args.paths.is_empty() {
        true => Vec::new(),
        false => scenarios(&args.paths, words)?,
    };
    let (mut tested, mut places): (Vec<Tested>, Vec<Place>) = sources
        .into_iter()
        .map(|it| (Tested::Scenario(Box::new(it.scenario)), Place::File(it.path)))
        .unzip();
    if args.random {
        tested.push(Tested::Random(args.profile));
        places.push(Place::Random(args.profile.to_string()));
    }
    Ok((tested, places))
}

/// What the state file is to say that is done.
fn plan(args: &Args, options: &SweepOptions, tested: &[Tested], places: &[Place]) -> Plan {
    let mut plan = Plan::new(options.seeds, args.seeds_from.as_deref(), options.shard);
    for (tested, place) in tested.iter().zip(places) {
        match (tested, place) {
            (Tested::Scenario(scenario), Place::File(path)) => plan.add_scenario(scenario, path),
            (tested, _) => plan.add_random(&tested.name(), args.profile.name()),
        }
    }
    plan
}

/// Runs the fastest of the known seeds again: what another program found is not to be mixed with what this one will.
fn check_same_program(
    context: &Context<'_>,
    path: &Path,
    tested: &[Tested],
    resumed: &Resumed,
) -> Result<(), Failure> {
    let told = resumed
        .runs
        .iter()
        .map(|run| &run.result)
        .filter(|result| result.events > 0 && result.outcome != Outcome::Nondeterminism);
    let Some(known) = told.min_by_key(|result| result.events) else { return Ok(()) };
    let scenario = tested[known.scenario].of_seed(known.seed);
    let ran = run_once(context.engine, &scenario, known.seed, &RunOptions::default());
    let digest = ran.map_err(Failure::Harness)?.report.digest;
    if digest == known.digest {
        return Ok(());
    }
    let (name, seed) = (tested[known.scenario].name(), known.seed);
    let (was, is) = (Digest(known.digest), Digest(digest));
    let why = format!("{name} seed {seed} was {was} and is {is}: the program has changed since");
    Err(Failure::State { path: path.to_owned(), why })
}

fn say_resumed(context: &mut Context<'_>, path: &Path, resumed: &Resumed) {
    let path = path.display();
    if resumed.torn {
        let what = "its last line was torn: that seed is run again";
        context.console.note(format_args!("{path}: {what}"));
    }
    if !resumed.runs.is_empty() {
        let count = super::figures::counted(resumed.runs.len() as u64, "seed");
        context.console.note(format_args!("{path}: {count} known, and not run again"));
    }
}

fn run_with_progress(
    context: &mut Context<'_>,
    tested: &[Tested],
    options: &SweepOptions,
    state: &mut Option<State>,
) -> Result<SweepReport, Failure> {
    let stop: &StopFlag = on_interrupt(STOPPING);
    let mut progress = Progress::start(context.console);
    let mut lost: Result<(), Failure> = Ok(());
    let watch = &mut |event: SweepEvent<'_>| match event {
        SweepEvent::Progress(figures) => {
            let total = figures.planned.unwrap_or(0);
            progress.show(figures.done, total, || sweep_line(figures, options.duration));
        }
        SweepEvent::Done(done) => {
            if let Some(state) = state.as_mut().filter(|_| lost.is_ok()) {
                lost = state.add(done);
                if lost.is_err() {
                    stop.raise();
                }
            }
            say_stuck(&mut progress, tested, done);
        }
        SweepEvent::NewFailure { result, headline } => {
            let name = tested[result.scenario].name();
            progress.say(&format!("failed: {name} seed {}: {headline}", result.seed));
        }
    };
    let report = crate::run::sweep(context.engine, tested, options, stop, watch);
    lost.map(|()| report)
}

fn say_stuck(progress: &mut Progress<'_>, tested: &[Tested], done: &SeedRun) {
    if let Some(why) = &done.stuck {
        let (name, seed) = (tested[done.result.scenario].name(), done.result.seed);
        progress.say(&format!("stuck-host: {name} seed {seed}: {why}"));
    }
}

/// Saves the fastest seed of a group. That it cannot be saved loses no result: it is told with it.
fn keep<'a>(args: &Args, tested: &[Tested], group: &'a FailureGroup, places: &Places) -> Kept<'a> {
    let result = &group.fastest.result;
    let scenario = tested[result.scenario].of_seed(result.seed);
    let file = seed_file(&scenario, result, &group.fastest.headline);
    let saved = save(&args.save, &file).map_err(|error| Failure::Save(error).to_string());
    Kept { group, saved: Some(saved), run_command: places.command(result) }
}
