//! Scenarios × seeds on all cores. Prints nothing, saves nothing, handles no signal.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::base::Nanos;
use crate::scenario::Scenario;
use crate::world::{RunOptions, Verdict};

use super::compare::first_difference;
use super::describe::{describe, headline};
use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{Judgement, Outcome, Signature};
use super::plan::{Job, Plan, StopFlag};
use super::pool::work_off;
use super::seeds::{NAMED_SEEDS_MAX, SeedRange, Shard};
use super::stopwatch::Stopwatch;
use super::subject::Subject;
use super::tally::{FailureText, SeedResult, SeedRun, SweepReport, Tally};
use super::watchdog::{HostLimits, Watchdog};

/// What to sweep and how.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// The seeds, for each scenario.
    pub seeds: SeedRange,
    /// How many threads run simulations.
    pub jobs: NonZeroUsize,
    /// Take no more work after this much wall time.
    pub duration: Option<Duration>,
    /// Which part of the work to do.
    pub shard: Shard,
    /// Take no more work once a seed has failed. The report then holds the seeds up to and
    /// including the first failing one in the order of work, on any number of threads.
    pub stop_on_first: bool,
    /// Keep every seed's result for [`SweepReport::results`] (about 150 bytes each).
    pub keep_results: bool,
    /// Probes that some seed has to reach.
    pub required: Vec<String>,
    /// What a seed may take of the host.
    pub limits: HostLimits,
    /// Run a seed that is run twice under the strict seal the second time.
    pub strict: bool,
    /// What an earlier sweep of the same work found: it counts, and is not run again.
    pub known: Vec<SeedRun>,
}

impl SweepOptions {
    /// These seeds on one thread, all of them, results kept.
    #[must_use]
    pub fn of(seeds: SeedRange) -> Self {
        Self {
            seeds,
            jobs: NonZeroUsize::MIN,
            duration: None,
            shard: Shard::WHOLE,
            stop_on_first: false,
            keep_results: true,
            required: Vec::new(),
            limits: HostLimits::default(),
            strict: false,
            known: Vec::new(),
        }
    }
}

impl SweepOptions {
    /// Whether only time ends it.
    fn is_endless(&self) -> bool {
        let all_of_a_name = u128::from(NAMED_SEEDS_MAX);
        let has_end = self.seeds.count() < all_of_a_name || self.duration.is_none();
        self.seeds == SeedRange::ALL || !has_end
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, Default)]
pub struct SweepProgress {
    /// How many seeds there are to run, without those that are known; `None` when there is a time limit alone.
    pub planned: Option<u64>,
    /// Seeds run.
    pub done: u64,
    /// Seeds that failed.
    pub failures: u64,
    /// Operations that applications issued.
    pub ops: u64,
    /// Virtual time, all seeds together.
    pub virtual_time: Nanos,
    /// Runs under way that took too much of the host, and have not stopped yet.
    pub stopping: u64,
    /// Wall time since the start.
    pub elapsed: Duration,
}

/// What a sweep tells while it goes on. Called on the thread that called [`sweep`].
#[derive(Clone, Copy, Debug)]
pub enum SweepEvent<'a> {
    /// Time has passed or a seed is done.
    Progress(&'a SweepProgress),
    /// A seed is done; those that are known already are not told of.
    Done(&'a SeedRun),
    /// A seed has failed in a way that none had before. Which seed comes first depends on timing.
    NewFailure {
        /// Its result.
        result: &'a SeedResult,
        /// The failure in one line.
        headline: &'a str,
    },
}

/// Runs the scenarios over the seeds and adds up what they come to. One seed in 20 is run twice
/// and its digests compared. When `stop` is raised no more work is taken.
pub fn sweep<S: Subject>(
    engine: &Engine<'_>,
    scenarios: &[S],
    options: &SweepOptions,
    stop: &StopFlag,
    watch: &mut dyn FnMut(SweepEvent<'_>),
) -> SweepReport {
    let clock = Stopwatch::start();
    let plan = Plan::new(scenarios.len(), options.seeds, options.shard);
    let planned = (!options.is_endless()).then(|| plan.total());
    let enough = StopFlag::new();
    let in_time = || options.duration.is_none_or(|limit| clock.elapsed() < limit);
    let known: BTreeSet<(u64, usize)> = options.known.iter().map(SeedRun::turn).collect();
    let mut collector = Collector::new(scenarios, options, planned);
    let end = collector.take_known(options);
    let source = plan
        .take_while(|job| end.is_none_or(|end| job.turn() < end))
        .take_while(|_| !stop.is_up() && !enough.is_up() && in_time())
        .filter(|job| !known.contains(&job.turn()));
    let watchdog = Watchdog::new(options.limits, options.jobs);
    let strict = options.strict;
    let work = |job: Job| do_job(engine, &scenarios[job.scenario], job, (&watchdog, strict));
    work_off(options.jobs, source, work, |done| {
        collector.progress.stopping = watchdog.look();
        if let Some(done) = done {
            let failed = done.failure.is_some();
            collector.take(done, watch);
            if failed && options.stop_on_first {
                enough.raise();
            }
        }
        collector.progress.elapsed = clock.elapsed();
        watch(SweepEvent::Progress(&collector.progress));
    });
    let mut report = collector.finish();
    report.require(&options.required);
    report.planned = planned;
    report.known = options.known.len() as u64;
    report.interrupted = stop.is_up();
    report.elapsed = clock.elapsed();
    report
}

/// Takes results as they come.
struct Collector {
    tally: Tally,
    progress: SweepProgress,
    seen: BTreeSet<Option<Signature>>,
    /// Results that wait for the end, when only those up to the first failure are to count.
    held: Option<Vec<SeedRun>>,
}

impl Collector {
    fn new<S: Subject>(scenarios: &[S], options: &SweepOptions, planned: Option<u64>) -> Self {
        let names = scenarios.iter().map(|scenario| scenario.name().into_owned());
        Self {
            tally: Tally::new(names, options.keep_results),
            progress: SweepProgress { planned, ..SweepProgress::default() },
            seen: BTreeSet::new(),
            held: options.stop_on_first.then(Vec::new),
        }
    }

    /// Takes in what is known. Says after which turn nothing is left to run, if one that failed is enough.
    fn take_known(&mut self, options: &SweepOptions) -> Option<(u64, usize)> {
        let known = &options.known;
        if let Some(planned) = &mut self.progress.planned {
            *planned = planned.saturating_sub(known.len() as u64);
        }
        for run in known {
            if run.failure.is_some() {
                self.seen.insert(run.result.signature.clone());
            }
            self.keep(run.clone());
        }
        let failed = known.iter().filter(|run| options.stop_on_first && run.failure.is_some());
        failed.map(SeedRun::turn).min()
    }

    fn take(&mut self, done: SeedRun, watch: &mut dyn FnMut(SweepEvent<'_>)) {
        let progress = &mut self.progress;
        progress.done += 1;
        progress.failures += u64::from(done.failure.is_some());
        progress.ops += done.result.ops;
        progress.virtual_time = progress.virtual_time.saturating_add(done.result.virtual_time);
        watch(SweepEvent::Done(&done));
        if let Some(FailureText { headline, .. }) = &done.failure
            && self.seen.insert(done.result.signature.clone())
        {
            watch(SweepEvent::NewFailure { result: &done.result, headline });
        }
        self.keep(done);
    }

    fn keep(&mut self, run: SeedRun) {
        match &mut self.held {
            Some(held) => held.push(run),
            None => self.tally.add(run),
        }
    }

    fn finish(mut self) -> SweepReport {
        let held = self.held.unwrap_or_default();
        let failed = held.iter().filter(|done| done.failure.is_some()).map(SeedRun::turn);
        let last = failed.min();
        for done in held.into_iter().filter(|done| last.is_none_or(|last| done.turn() <= last)) {
            self.tally.add(done);
        }
        self.tally.finish()
    }
}

fn do_job(
    engine: &Engine<'_>,
    subject: &impl Subject,
    job: Job,
    (watchdog, strict): (&Watchdog, bool),
) -> SeedRun {
    let scenario = &*subject.of_seed(job.seed);
    let run = |strict| run_watched(engine, scenario, job.seed, (watchdog, strict));
    let ran = match run(false) {
        Ok(ran) => ran,
        Err(end) => return end.of(job),
    };
    if !job.is_rechecked() {
        return of_run(job, &ran);
    }
    let mut done = match run(strict) {
        Ok(again) if matches!(again.report.verdict, Verdict::Nondeterminism(_)) => {
            of_run(job, &again)
        }
        Ok(again) => of_two_runs(job, ran, &again),
        Err(end) => end.of(job),
    };
    done.rechecked = true;
    done
}

/// Why a run has no report.
enum NoReport {
    Crash(HarnessCrash),
    Stuck(String),
}

fn run_watched(
    engine: &Engine<'_>,
    scenario: &Scenario,
    seed: u64,
    (watchdog, strict): (&Watchdog, bool),
) -> Result<Ran, NoReport> {
    let guard = watchdog.guard(seed);
    let stop = guard.as_ref().map(|guard| guard.stop().clone());
    let options = RunOptions { stop, strict, ..RunOptions::default() };
    let ran = run_once(engine, scenario, seed, &options).map_err(NoReport::Crash)?;
    if ran.judgement.outcome != Outcome::StuckHost {
        return Ok(ran);
    }
    let why = guard.and_then(|guard| guard.why());
    Err(NoReport::Stuck(why.unwrap_or_else(|| "it was stopped from outside".to_owned())))
}

impl NoReport {
    /// The result of a run that has no figures.
    fn of(self, job: Job) -> SeedRun {
        let (outcome, signature, failure, stuck) = match self {
            Self::Crash(crash) => {
                let judgement = Judgement::harness_crash(&crash.message);
                let (headline, report) = (crash.to_string(), format!("{crash}\n"));
                let failure = Some(FailureText { headline, report });
                (judgement.outcome, judgement.signature, failure, None)
            }
            Self::Stuck(why) => (Outcome::StuckHost, None, None, Some(why)),
        };
        let result = SeedResult {
            scenario: job.scenario,
            seed: job.seed,
            outcome,
            signature,
            digest: 0,
            virtual_time: Nanos::ZERO,
            ops: 0,
            reboots: 0,
            faults: 0,
            events: 0,
        };
        let (probes, wall) = (Vec::new(), Duration::ZERO);
        SeedRun { result, failure, stuck, probes, wall, rechecked: false }
    }
}

fn of_two_runs(job: Job, mut ran: Ran, again: &Ran) -> SeedRun {
    let Some(bracket) = first_difference(&ran.report, &again.report) else {
        return of_run(job, &ran);
    };
    let before = ran.judgement.outcome;
    ran.judgement = Judgement::nondeterminism(&ran.report.scenario);
    let mut done = of_run(job, &ran);
    let headline = format!("two runs of one seed differ, first within {bracket}");
    let report = format!(
        "{headline}\n  first run   {:032x} {before}\n  second run  {:032x} {}\n",
        ran.report.digest, again.report.digest, again.judgement.outcome,
    );
    done.failure = Some(FailureText { headline, report });
    done
}

fn of_run(job: Job, ran: &Ran) -> SeedRun {
    let (report, judgement) = (&ran.report, &ran.judgement);
    let text = |headline: String, report: String| Some(FailureText { headline, report });
    let failure = match judgement.outcome {
        Outcome::Pass => None,
        Outcome::Missed => {
            let headline = "it passed, and its scenario expects a failure".to_owned();
            text(headline.clone(), headline + "\n")
        }
        _ => text(headline(report), describe(report)),
    };
    let result = SeedResult {
        scenario: job.scenario,
        seed: job.seed,
        outcome: judgement.outcome,
        signature: judgement.signature.clone(),
        digest: report.digest,
        virtual_time: report.virtual_time,
        ops: report.ops,
        reboots: report.reboots,
        faults: report.faults,
        events: report.events,
    };
    let probes = report.probes.clone();
    SeedRun { result, failure, stuck: None, probes, wall: ran.wall, rechecked: false }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use crate::run::fake::{leaks_on, passes_but, report, scenario, stuck};
    use crate::run::outcome::{ExitCode, Outcome};
    use crate::run::plan::StopFlag;
    use crate::run::seeds::{SeedRange, Shard};
    use crate::run::tally::SweepReport;
    use crate::scenario::{Expect, Scenario};
    use crate::world::{RunOptions, RunReport, Verdict};

    use super::{Engine, HostLimits, SweepEvent, SweepOptions, sweep};

    fn options(seeds: u64, jobs: usize) -> SweepOptions {
        let jobs = NonZeroUsize::new(jobs).unwrap();
        SweepOptions { jobs, ..SweepOptions::of(SeedRange::up_to(seeds).unwrap()) }
    }

    fn scenarios() -> Vec<Scenario> {
        ["a", "b", "c"].map(scenario).into()
    }

    fn run(engine: &Engine<'_>, options: &SweepOptions) -> SweepReport {
        sweep(engine, &scenarios(), options, &StopFlag::new(), &mut |_| {})
    }

    /// Fails every seventh seed of `b` one way, and every tenth of all another way.
    fn some_fail(scenario: &Scenario, seed: u64) -> Option<Verdict> {
        match (scenario.name.as_str(), seed) {
            ("b", seed) if seed % 7 == 0 => Some(stuck("io never returned")),
            (_, seed) if seed % 10 == 0 => Some(Verdict::Inert(vec!["script[0] disk.slow".into()])),
            _ => None,
        }
    }

    #[test]
    fn equal_work_gives_equal_reports_on_any_number_of_threads() {
        let engine = passes_but(some_fail);
        let (one, eight) = (run(&engine, &options(60, 1)), run(&engine, &options(60, 8)));
        assert_eq!(one.results, eight.results);
        assert_eq!(one.groups, eight.groups);
        assert_eq!(one.results.len(), 180);
        assert!(one.results.is_sorted_by_key(|result| (result.scenario, result.seed)));
        assert_eq!((one.rechecked, eight.rechecked), (9, 9));
    }

    #[test]
    fn failures_are_grouped_and_the_fastest_is_found() {
        let engine = passes_but(some_fail);
        let report = run(&engine, &options(60, 4));
        let signatures: Vec<&str> =
            report.groups.iter().map(|group| group.signature.as_str()).collect();
        assert_eq!(signatures, ["inert/script-0-disk-slow", "liveness/io-never-returned"]);
        let stuck = &report.groups[1];
        assert_eq!(stuck.count(), 8);
        assert_eq!(stuck.first.result.seed, 7);
        assert_eq!(stuck.fastest.result.seed, 49, "a run has 100 - seed % 50 records");
        assert_eq!(stuck.fastest.report, "io never returned; waiting:\n  c0 waits for t0\n");
        assert_eq!(report.groups[0].seeds.values().copied().collect::<Vec<_>>(), [6, 6, 6]);
        assert_eq!(report.exit_code(), ExitCode::Liveness, "11 is lower than 13");
        assert_eq!((report.seeds(), report.failures()), (180, 26));
    }

    #[test]
    fn a_sweep_without_failures_passes() {
        let engine = passes_but(|_, _| None);
        let report = run(&engine, &options(5, 2));
        assert_eq!(report.exit_code(), ExitCode::Pass);
        assert_eq!(report.planned, Some(15));
        assert_eq!(report.scenarios[2].ops, 50);
        assert_eq!(report.scenarios[2].reboots, 5);
    }

    #[test]
    fn shards_do_all_the_work_between_them() {
        let engine = passes_but(some_fail);
        let whole = run(&engine, &options(30, 2));
        let mut parts = Vec::new();
        for index in 1..=4 {
            let shard = Shard::new(index, 4).unwrap();
            parts.extend(run(&engine, &SweepOptions { shard, ..options(30, 2) }).results);
        }
        parts.sort_by_key(|result| (result.scenario, result.seed));
        assert_eq!(parts, whole.results);
    }

    #[test]
    fn stopping_at_the_first_failure_reports_the_same_on_any_number_of_threads() {
        let engine = passes_but(some_fail);
        let stopped = |jobs| {
            let options = SweepOptions { stop_on_first: true, ..options(10_000, jobs) };
            run(&engine, &options)
        };
        let (one, eight) = (stopped(1), stopped(8));
        assert_eq!(one.results, eight.results);
        assert_eq!(one.groups, eight.groups);
        assert_eq!(one.failures(), 1);
        assert_eq!((one.groups[0].first.result.scenario, one.groups[0].first.result.seed), (1, 7));
        assert_eq!(one.seeds(), 6 * 3 + 2, "all of six seeds, and two scenarios of the seventh");
    }

    #[test]
    fn a_run_that_differs_from_its_second_run_is_nondeterministic() {
        let engine = leaks_on(1);
        let report = run(&engine, &options(1, 1));
        assert_eq!(report.rechecked, 1, "seed 1 of the first scenario is run twice");
        let group = &report.groups[0];
        assert_eq!(group.signature.as_str(), "nondeterminism/a");
        assert_eq!(group.first.result.outcome, Outcome::Nondeterminism);
        assert_eq!(
            group.first.headline,
            "two runs of one seed differ, first within records 9 to 12"
        );
        assert_eq!(report.exit_code(), ExitCode::Nondeterminism);
    }

    #[test]
    fn a_panic_of_the_engine_is_one_failure_and_the_sweep_goes_on() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| -> RunReport {
            if (scenario.name.as_str(), seed) == ("c", 4) {
                std::panic::resume_unwind(Box::new("index 17 is out of 3".to_owned()));
            }
            report(scenario, seed, options, &[seed])
        };
        let report = run(&engine, &options(10, 3));
        assert_eq!(report.seeds(), 30);
        assert_eq!(report.groups.len(), 1);
        assert_eq!(report.groups[0].signature.as_str(), "crash/harness/index-n-is-out-of-n");
        assert!(report.groups[0].first.headline.contains("c seed 4: index 17 is out of 3"));
        assert_eq!(report.exit_code(), ExitCode::Crash);
    }

    #[test]
    fn probes_are_added_up_and_a_required_one_that_was_missed_is_a_failure() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let reached =
                if seed.is_multiple_of(2) { vec![("rare".to_owned(), 3)] } else { Vec::new() };
            RunReport { probes: reached, ..report(scenario, seed, options, &[seed]) }
        };
        let sweep_for = |required: &[&str]| {
            let required = required.iter().map(|name| (*name).to_owned()).collect();
            run(&engine, &SweepOptions { required, ..options(10, 2) })
        };
        let report = sweep_for(&["rare"]);
        assert_eq!(report.probes.get("rare"), Some(&(3 * 5 * 3)));
        assert_eq!(report.exit_code(), ExitCode::Pass);
        let report = sweep_for(&["rare", "rarer"]);
        assert_eq!(report.unreached, ["rarer"]);
        assert_eq!(report.exit_code(), ExitCode::Inert);
    }

    #[test]
    fn what_is_known_is_not_run_again_and_the_whole_is_the_same() {
        let engine = passes_but(some_fail);
        let whole = run(&engine, &options(30, 2));
        let mut known = Vec::new();
        let watch = &mut |event: SweepEvent<'_>| {
            if let SweepEvent::Done(done) = event
                && !(10..=20).contains(&done.result.seed)
            {
                known.push(done.clone());
            }
        };
        sweep(&engine, &scenarios(), &options(30, 2), &StopFlag::new(), watch);
        let mut told = 0;
        let watch = &mut |event: SweepEvent<'_>| match event {
            SweepEvent::Done(done) => {
                assert!((10..=20).contains(&done.result.seed), "{}", done.result.seed);
                told += 1;
            }
            SweepEvent::Progress(progress) => assert_eq!(progress.planned, Some(33)),
            SweepEvent::NewFailure { .. } => panic!("both were known before"),
        };
        let options = SweepOptions { known, ..options(30, 2) };
        let resumed = sweep(&engine, &scenarios(), &options, &StopFlag::new(), watch);
        assert_eq!(told, 33);
        assert_eq!(resumed.results, whole.results);
        assert_eq!(resumed.groups, whole.groups);
        assert_eq!((resumed.rechecked, resumed.planned), (whole.rechecked, whole.planned));
    }

    #[test]
    fn a_known_failure_is_enough_to_stop_at() {
        let engine = passes_but(some_fail);
        let mut known = Vec::new();
        let watch = &mut |event: SweepEvent<'_>| {
            if let SweepEvent::Done(done) = event
                && done.result.seed >= 5
            {
                known.push(done.clone());
            }
        };
        sweep(&engine, &scenarios(), &options(30, 2), &StopFlag::new(), watch);
        let options = SweepOptions { stop_on_first: true, known, ..options(30, 2) };
        let report = run(&engine, &options);
        assert_eq!((report.failures(), report.seeds()), (1, 20), "as without what is known");
    }

    #[test]
    fn a_seed_that_takes_too_long_is_neither_a_pass_nor_a_failure() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let mut report = report(scenario, seed, options, &[seed]);
            let stop = options.stop.as_ref().expect("there is a limit");
            if (scenario.name.as_str(), seed) == ("b", 3) {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                report.verdict = Verdict::Stopped;
            }
            report
        };
        let limits = HostLimits { time: Some(Duration::from_millis(50)), memory: None };
        let report = run(&engine, &SweepOptions { limits, ..options(5, 2) });
        assert_eq!((report.seeds(), report.failures(), report.stuck.len()), (15, 0, 1));
        let stuck = &report.stuck[0];
        assert_eq!((stuck.scenario, stuck.seed), (1, 3));
        assert_eq!(stuck.why, "its run took longer than the 50ms it was given");
        let result = &report.results[7];
        assert_eq!((result.outcome, result.digest, result.events), (Outcome::StuckHost, 0, 0));
        assert_eq!(report.exit_code(), ExitCode::Pass);
    }

    #[test]
    fn raising_the_flag_ends_the_sweep_with_what_was_done() {
        let stop = StopFlag::new();
        let calls = AtomicU64::new(0);
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            if calls.fetch_add(1, Ordering::SeqCst) == 20 {
                stop.raise();
            }
            report(scenario, seed, options, &[seed])
        };
        let options = SweepOptions { seeds: SeedRange::ALL, ..options(1, 2) };
        let report = sweep(&engine, &scenarios(), &options, &stop, &mut |_| {});
        assert!(report.interrupted);
        assert_eq!(report.planned, None);
        assert!((15..=25).contains(&report.seeds()), "{}", report.seeds());
    }

    #[test]
    fn a_time_limit_ends_the_sweep() {
        let engine = passes_but(|_, _| None);
        let duration = Some(std::time::Duration::from_millis(20));
        let options = SweepOptions { seeds: SeedRange::ALL, duration, ..options(1, 2) };
        let report = run(&engine, &options);
        assert!(report.seeds() > 0 && !report.interrupted);
    }

    #[test]
    fn each_new_way_to_fail_is_told_once() {
        let engine = passes_but(some_fail);
        let mut told = Vec::new();
        let mut done = 0;
        let watch = &mut |event: SweepEvent<'_>| match event {
            SweepEvent::Progress(progress) => done = progress.done,
            SweepEvent::Done(_) => {}
            SweepEvent::NewFailure { headline, .. } => told.push(headline.to_owned()),
        };
        sweep(&engine, &scenarios(), &options(40, 3), &StopFlag::new(), watch);
        told.sort();
        assert_eq!(told, ["io never returned (1 waiting)", "never landed: script[0] disk.slow"]);
        assert_eq!(done, 120);
    }

    #[test]
    fn an_expected_failure_passes_and_its_absence_fails() {
        let engine = passes_but(|_, seed| (seed % 2 == 0).then(|| stuck("hangs")));
        let mut planted = scenario("planted");
        planted.expect = Expect::Liveness;
        let options = options(4, 1);
        let report = sweep(&engine, &[planted], &options, &StopFlag::new(), &mut |_| {});
        let outcomes: Vec<Outcome> = report.results.iter().map(|result| result.outcome).collect();
        use Outcome::{Missed, Pass};
        assert_eq!(outcomes, [Missed, Pass, Missed, Pass]);
        assert_eq!(report.groups[0].signature.as_str(), "missed/liveness");
        assert_eq!(report.exit_code(), ExitCode::Inert);
    }
}
