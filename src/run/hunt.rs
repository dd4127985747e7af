//! Whether the checks still bite: each bug is planted and hunted, and the same work without it has to be
//! clean. Words no report.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::base::{Bug, CAN_PLANT};
use crate::scenario::{Digest, Scenario, SeedFile};
use crate::world::RunOptions;

use super::clean::{CleanRun, CleanRuns, clean, failure};
use super::corpus::VERSION;
use super::engine::{Engine, HarnessCrash, run_once};
use super::grounds::Grounds;
use super::outcome::{ExitCode, Outcome, Signature};
use super::plan::StopFlag;
use super::pool::work_off;
use super::stopwatch::Stopwatch;
use super::subject::Tested;

/// Without a bug, at least so many seeds of each scenario have to be clean that one was hunted in.
const CLEAN_SEEDS_MIN: u64 = 20;

/// What to hunt.
#[derive(Clone, Debug)]
pub struct HuntOptions {
    /// The bugs, each by itself.
    pub bugs: Vec<Bug>,
    /// How many runs each may take to be found.
    pub runs: u64,
    /// How many threads run simulations.
    pub jobs: NonZeroUsize,
}

/// How a planted bug was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The scenario's index.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// What the run came to.
    pub outcome: Outcome,
    /// The failure: it begins with the kind of check that found it.
    pub signature: Signature,
    /// The run's digest.
    pub digest: u128,
}

impl Found {
    /// The seed file of a find, which expects it again.
    #[must_use]
    pub fn seed_file(&self, scenario: &Scenario, bug: Bug) -> SeedFile {
        SeedFile {
            version: 1,
            scenario: Scenario { plant: vec![bug], ..clean(scenario) },
            seed: self.seed,
            expect: self.outcome.name().to_owned(),
            signature: Some(self.signature.to_string()),
            digest: Digest(self.digest),
            found_by: VERSION.to_owned(),
            note: Some(format!("planted on purpose: {}", bug.about())),
        }
    }
}

/// A bug that was hunted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunted {
    /// The bug.
    pub bug: Bug,
    /// How it was found, if it was.
    pub found: Option<Found>,
    /// How many runs that took, those counted that need not be made: where a run without any bug never comes to this one's
    /// place.
    pub runs: u64,
    /// How long, by the wall clock.
    pub wall: Duration,
}

/// A run without any bug that failed: its scenario's index, its seed, and how.
pub type Unclean = (usize, u64, Signature, Outcome);

/// What a hunt came to.
#[derive(Clone, Debug, Default)]
pub struct HuntReport {
    /// The bugs, in the order in which they were given.
    pub hunted: Vec<Hunted>,
    /// Runs without any bug.
    pub clean_runs: u64,
    /// Those of them that failed.
    pub unclean: Vec<Unclean>,
    /// Runs in which Stormglass itself panicked.
    pub crashes: Vec<HarnessCrash>,
    /// Whether it was stopped from outside before its end.
    pub interrupted: bool,
}

impl HuntReport {
    /// That of the clean runs if one failed, 14 when Stormglass itself panicked, 13 if a bug was not found.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        let crashes = self.crashes.iter().map(|_| ExitCode::Crash);
        let unclean = self.unclean.iter().map(|(.., outcome)| outcome.exit_code());
        let missed = self.hunted.iter().filter(|hunted| hunted.found.is_none());
        let missed = missed.map(|_| ExitCode::Inert);
        ExitCode::lowest_failure(unclean.chain(crashes).chain(missed))
    }
}

/// Plants each bug in its hunting grounds (in all that is given, random scenarios among it, when none of these
/// are), seed by seed, until a run fails that does not without it. Then runs the same scenarios without any. `watch` is given each bug that
/// is over.
///
/// # Panics
/// When bugs are given to a build without the feature `planted-bugs`, which can plant none.
pub fn hunt(
    engine: &Engine<'_>,
    scenarios: &[Tested],
    options: &HuntOptions,
    stop: &StopFlag,
    watch: &mut dyn FnMut(Option<&Hunted>),
) -> HuntReport {
    let can_plant = CAN_PLANT || options.bugs.is_empty();
    assert!(can_plant, "this build plants no bugs: it has to have the feature `planted-bugs`");
    let mut report = HuntReport::default();
    let mut hunted: Vec<Option<Hunted>> = vec![None; options.bugs.len()];
    let without = CleanRuns::new(engine, scenarios);
    let work = |at: usize| (at, hunt_one(&without, options, options.bugs[at], stop));
    work_off(options.jobs, 0..options.bugs.len(), work, |result| match result {
        Some((at, Ok(over))) => {
            watch(Some(&over));
            hunted[at] = Some(over);
        }
        Some((_, Err(crash))) => report.crashes.push(crash),
        None => watch(None),
    });
    report.hunted = hunted.into_iter().flatten().collect();
    check_clean(&without, options, stop, &report.hunted);
    for ((scenario, seed), ran) in without.made() {
        report.clean_runs += 1;
        match ran.map(|ran| ran.failure) {
            Ok(Some((outcome, sign))) => report.unclean.push((scenario, seed, sign, outcome)),
            Ok(None) => {}
            Err(crash) => report.crashes.push(crash),
        }
    }
    report.interrupted = stop.is_up();
    report
}

/// So many bugs without grounds of their own make it worth the while to see first whether a run comes to a bug's place.
const SHARING_MIN: usize = 3;

/// Whether the runs without any bug are made first.
fn is_shared(options: &HuntOptions, scenarios: &[Tested]) -> bool {
    let of = |bug: &&Bug| !Grounds::of(**bug, scenarios).are_its_own;
    options.bugs.iter().filter(of).count() >= SHARING_MIN
}

/// Hunts one bug. A run that fails without it, too, says nothing of it.
fn hunt_one(
    without: &CleanRuns<'_>,
    options: &HuntOptions,
    bug: Bug,
    stop: &StopFlag,
) -> Result<Hunted, HarnessCrash> {
    let clock = Stopwatch::start();
    let Grounds { scenarios, are_its_own } = Grounds::of(bug, without.scenarios);
    let is_shared = !are_its_own && is_shared(options, without.scenarios);
    // No more than it may take: there may be no grounds at all.
    let rounds = (1..=options.runs)
        .flat_map(|seed| scenarios.iter().map(move |scenario| (*scenario, seed)))
        .take(usize::try_from(options.runs).unwrap_or(usize::MAX));
    let (mut runs, mut found) = (0, None);
    for (scenario, seed) in rounds {
        if stop.is_up() || found.is_some() {
            break;
        }
        runs += 1;
        // Where nothing asks after the bug, the run with it is the one without it.
        let first = if is_shared { without.run_or_pass(scenario, seed) } else { None };
        let meets =
            |ran: Result<CleanRun, HarnessCrash>| ran.is_ok_and(|ran| ran.met.contains(&bug));
        if !first.is_none_or(meets) {
            continue;
        }
        let planted = Scenario { plant: vec![bug], ..without.scenario(scenario, seed) };
        let ran = run_once(without.engine, &planted, seed, &RunOptions::default())?;
        let Some((outcome, signature)) = failure(&ran) else { continue };
        let digest = ran.report.digest;
        if without.run(scenario, seed).is_ok_and(|ran| ran.failure.is_none()) {
            found = Some(Found { scenario, seed, outcome, signature, digest });
        }
    }
    Ok(Hunted { bug, found, runs, wall: clock.elapsed() })
}

/// Runs without any bug what the bugs were found in, from the first seed to the last.
fn check_clean(without: &CleanRuns<'_>, options: &HuntOptions, stop: &StopFlag, hunted: &[Hunted]) {
    let mut seeds = vec![0; without.scenarios.len()];
    for Found { scenario, seed, .. } in hunted.iter().filter_map(|it| it.found.as_ref()) {
        seeds[*scenario] = u64::max(seeds[*scenario], *seed).max(CLEAN_SEEDS_MIN);
    }
    let jobs = seeds.iter().enumerate().flat_map(|(scenario, last)| {
        (1..=*last).map(move |seed| (scenario, seed)).take_while(|_| !stop.is_up())
    });
    let run = |(scenario, seed)| without.run(scenario, seed).is_ok();
    work_off(options.jobs, jobs, run, |_| {});
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::{HuntOptions, hunt};
    use crate::base::Bug;
    use crate::run::fake::{passes_but, scenario, stuck};
    use crate::run::outcome::ExitCode;
    use crate::run::plan::StopFlag;
    use crate::run::subject::Tested;
    use crate::scenario::Expect;

    #[test]
    fn where_every_scenario_is_to_fail_a_bug_is_not_found() {
        let mut fails = scenario("fails");
        fails.expect = Expect::Liveness;
        let scenarios = [Tested::Scenario(Box::new(fails))];
        let engine = passes_but(|_, _| None);
        let options =
            HuntOptions { bugs: vec![Bug::NoWriteLock], runs: 3, jobs: NonZeroUsize::MIN };
        let report = hunt(&engine, &scenarios, &options, &StopFlag::new(), &mut |_| {});
        assert_eq!((report.hunted[0].runs, &report.hunted[0].found), (0, &None));
        assert_eq!(report.exit_code(), ExitCode::Inert);
    }

    #[test]
    fn a_seed_that_fails_without_the_bug_too_is_no_find() {
        let scenarios = [Tested::Scenario(Box::new(scenario("one")))];
        let engine = passes_but(|scenario, seed| match seed {
            2 | 3 => Some(stuck("broken-anyway")),
            5 => (!scenario.plant.is_empty()).then(|| stuck("by-the-bug")),
            _ => None,
        });
        let options =
            HuntOptions { bugs: vec![Bug::NoWriteLock], runs: 9, jobs: NonZeroUsize::MIN };
        let report = hunt(&engine, &scenarios, &options, &StopFlag::new(), &mut |_| {});
        let found = report.hunted[0].found.as_ref().map(|found| found.seed);
        assert_eq!((report.hunted[0].runs, found), (5, Some(5)));
        let unclean: Vec<u64> = report.unclean.iter().map(|(_, seed, ..)| *seed).collect();
        assert_eq!(unclean, [2, 3], "each is told of once");
        assert_eq!(report.exit_code(), ExitCode::Liveness);
    }

    #[test]
    fn of_several_bugs_each_is_planted_only_where_a_run_comes_to_its_place() {
        use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
        let (planted, clean) = (AtomicU64::new(0), AtomicU64::new(0));
        let fails = passes_but(|scenario, seed| {
            (scenario.plant == [Bug::DropLastLeg] && seed == 6).then(|| stuck("by-the-bug"))
        });
        let engine = |scenario: &_, seed: u64, options: &_| {
            let mut report = fails(scenario, seed, options);
            let scenario: &crate::scenario::Scenario = scenario;
            if scenario.plant.is_empty() { &clean } else { &planted }.fetch_add(1, SeqCst);
            report.met = if seed.is_multiple_of(3) { vec![Bug::DropLastLeg] } else { Vec::new() };
            report
        };
        let scenarios = [Tested::Scenario(Box::new(scenario("one")))];
        let bugs = vec![Bug::NoWriteLock, Bug::DropLastLeg, Bug::StaleLease];
        let options = HuntOptions { bugs, runs: 25, jobs: NonZeroUsize::MIN };
        let report = hunt(&engine, &scenarios, &options, &StopFlag::new(), &mut |_| {});
        let runs: Vec<u64> = report.hunted.iter().map(|it| it.runs).collect();
        assert_eq!(runs, [25, 6, 25], "runs that need not be made count as well");
        assert_eq!(report.hunted[1].found.as_ref().map(|found| found.seed), Some(6));
        assert_eq!(planted.load(SeqCst), 2, "seeds 3 and 6");
        assert_eq!(clean.load(SeqCst), 25, "each once");
    }
}
