//! Scenarios × seeds on all cores. Prints nothing, saves nothing, handles no signal.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::base::Nanos;
use crate::scenario::Scenario;
use crate::world::RunOptions;

use super::compare::first_difference;
use super::describe::{describe, headline};
use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{Judgement, Outcome, Signature};
use super::plan::{Job, Plan, StopFlag};
use super::pool::work_off;
use super::seeds::{SeedRange, Shard};
use super::stopwatch::Stopwatch;
use super::tally::{Done, SeedResult, SweepReport, Tally};

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
        }
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, Default)]
pub struct SweepProgress {
    /// How many seeds there are to run; `None` when there is a time limit alone.
    pub planned: Option<u64>,
    /// Seeds run.
    pub done: u64,
    /// Seeds that failed.
    pub failures: u64,
    /// Operations that applications issued.
    pub ops: u64,
    /// Virtual time, all seeds together.
    pub virtual_time: Nanos,
    /// Wall time since the start.
    pub elapsed: Duration,
}

/// What a sweep tells while it goes on. Called on the thread that called [`sweep`].
#[derive(Clone, Copy, Debug)]
pub enum SweepEvent<'a> {
    /// Time has passed or a seed is done.
    Progress(&'a SweepProgress),
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
pub fn sweep(
    engine: &Engine<'_>,
    scenarios: &[Scenario],
    options: &SweepOptions,
    stop: &StopFlag,
    watch: &mut dyn FnMut(SweepEvent<'_>),
) -> SweepReport {
    let clock = Stopwatch::start();
    let plan = Plan::new(scenarios.len(), options.seeds, options.shard);
    let planned = (options.seeds != SeedRange::ALL).then(|| plan.total());
    let enough = StopFlag::new();
    let in_time = || options.duration.is_none_or(|limit| clock.elapsed() < limit);
    let source = plan.take_while(|_| !stop.is_up() && !enough.is_up() && in_time());
    let mut collector = Collector::new(scenarios, options, planned);
    let work = |job: Job| do_job(engine, &scenarios[job.scenario], job);
    work_off(options.jobs, source, work, |done| {
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
    report.planned = planned;
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
    held: Option<Vec<Done>>,
}

impl Collector {
    fn new(scenarios: &[Scenario], options: &SweepOptions, planned: Option<u64>) -> Self {
        let names = scenarios.iter().map(|scenario| scenario.name.clone());
        Self {
            tally: Tally::new(names, options.keep_results),
            progress: SweepProgress { planned, ..SweepProgress::default() },
            seen: BTreeSet::new(),
            held: options.stop_on_first.then(Vec::new),
        }
    }

    fn take(&mut self, done: Done, watch: &mut dyn FnMut(SweepEvent<'_>)) {
        let progress = &mut self.progress;
        progress.done += 1;
        progress.failures += u64::from(done.failure.is_some());
        progress.ops += done.result.ops;
        progress.virtual_time = progress.virtual_time.saturating_add(done.result.virtual_time);
        if let Some((headline, _)) = &done.failure
            && self.seen.insert(done.result.signature.clone())
        {
            watch(SweepEvent::NewFailure { result: &done.result, headline });
        }
        match &mut self.held {
            Some(held) => held.push(done),
            None => self.tally.add(done),
        }
    }

    fn finish(mut self) -> SweepReport {
        let held = self.held.unwrap_or_default();
        let failed = held.iter().filter(|done| done.failure.is_some()).map(|done| done.job);
        let last = failed.min();
        for done in held.into_iter().filter(|done| last.is_none_or(|last| done.job <= last)) {
            self.tally.add(done);
        }
        self.tally.finish()
    }
}

fn do_job(engine: &Engine<'_>, scenario: &Scenario, job: Job) -> Done {
    let options = RunOptions::default();
    let ran = match run_once(engine, scenario, job.seed, &options) {
        Ok(ran) => ran,
        Err(crash) => return harness_crash(job, &crash),
    };
    if !job.is_rechecked() {
        return of_run(job, &ran);
    }
    let mut done = match run_once(engine, scenario, job.seed, &options) {
        Ok(again) => of_two_runs(job, ran, &again),
        Err(crash) => harness_crash(job, &crash),
    };
    done.rechecked = true;
    done
}

fn of_two_runs(job: Job, mut ran: Ran, again: &Ran) -> Done {
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
    done.failure = Some((headline, report));
    done
}

fn of_run(job: Job, ran: &Ran) -> Done {
    let (report, judgement) = (&ran.report, &ran.judgement);
    let failure = match judgement.outcome {
        Outcome::Pass => None,
        Outcome::Missed => {
            let text = "it passed, and its scenario expects a failure".to_owned();
            Some((text.clone(), text + "\n"))
        }
        _ => Some((headline(report), describe(report))),
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
    Done { job, result, failure, wall: ran.wall, rechecked: false }
}

fn harness_crash(job: Job, crash: &HarnessCrash) -> Done {
    let judgement = Judgement::harness_crash(&crash.message);
    let result = SeedResult {
        scenario: job.scenario,
        seed: job.seed,
        outcome: judgement.outcome,
        signature: judgement.signature,
        digest: 0,
        virtual_time: Nanos::ZERO,
        ops: 0,
        reboots: 0,
        faults: 0,
        events: 0,
    };
    let text = crash.to_string();
    let failure = Some((text.clone(), text + "\n"));
    Done { job, result, failure, wall: Duration::ZERO, rechecked: false }
}
