//! Whether the checks still bite: each bug is planted and hunted, and the same work without it has to be
//! clean. Words no report.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::base::Bug;
use crate::scenario::{Digest, Scenario, SeedFile};
use crate::world::RunOptions;

use super::corpus::VERSION;
use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{ExitCode, Outcome, Signature};
use super::plan::StopFlag;
use super::pool::work_off;
use super::stopwatch::Stopwatch;
use super::subject::{Subject, Tested};

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
    /// How many runs that took.
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
pub fn hunt(
    engine: &Engine<'_>,
    scenarios: &[Tested],
    options: &HuntOptions,
    stop: &StopFlag,
    watch: &mut dyn FnMut(Option<&Hunted>),
) -> HuntReport {
    let mut report = HuntReport::default();
    let mut hunted: Vec<Option<Hunted>> = vec![None; options.bugs.len()];
    let without = Without { engine, scenarios, runs: Mutex::default() };
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
    without.report(&mut report);
    report.interrupted = stop.is_up();
    report
}

/// A run without any bug: how it failed, if it did, and to which bugs' places it came.
#[derive(Clone, Debug, Default)]
struct Clean {
    failure: Option<(Outcome, Signature)>,
    met: Vec<Bug>,
}

/// The runs without any bug: each is run when it is first asked for, and once.
struct Without<'a> {
    engine: &'a Engine<'a>,
    scenarios: &'a [Tested],
    runs: Mutex<BTreeMap<(usize, u64), CleanRun>>,
}

/// A run that is made when somebody asks for it first, and waited for by whoever asks meanwhile.
type CleanRun = Arc<OnceLock<Result<Clean, HarnessCrash>>>;

impl Without<'_> {
    fn scenario(&self, at: usize, seed: u64) -> Scenario {
        clean(&self.scenarios[at].of_seed(seed))
    }

    fn run(&self, at: usize, seed: u64) -> Result<Clean, HarnessCrash> {
        let place = {
            let mut runs = self.runs.lock().expect("nothing panics with it");
            runs.entry((at, seed)).or_default().clone()
        };
        let run = || {
            let ran = run_once(self.engine, &self.scenario(at, seed), seed, &RunOptions::default());
            ran.map(|ran| Clean { failure: failure(&ran), met: ran.report.met })
        };
        place.get_or_init(run).clone()
    }

    /// Adds what came of all that was run.
    fn report(self, report: &mut HuntReport) {
        let runs = self.runs.into_inner().expect("nothing panics with it").into_iter();
        for ((scenario, seed), ran) in runs {
            let Some(ran) = ran.get() else { continue };
            report.clean_runs += 1;
            match ran.clone().map(|ran| ran.failure) {
                Ok(Some((outcome, sign))) => report.unclean.push((scenario, seed, sign, outcome)),
                Ok(None) => {}
                Err(crash) if report.crashes.contains(&crash) => {}
                Err(crash) => report.crashes.push(crash),
            }
        }
    }
}

/// The scenarios in which a bug is hunted, by their indices: the one that is named for it, or else all but those that
/// expect a failure anyway.
fn grounds(bug: Bug, scenarios: &[Tested]) -> Vec<usize> {
    let passes = |at: &usize| scenarios[*at].is_to_pass();
    let is_named = |at: &usize| scenarios[*at].name() == grounds_of(bug);
    let (all, named) = (0..scenarios.len(), 0..scenarios.len());
    let named: Vec<usize> = named.filter(is_named).collect();
    if named.is_empty() { all.filter(passes).collect() } else { named }
}

/// So many bugs that share their grounds make it worth the while to see first whether a run comes to a bug's place at all.
const SHARING_MIN: usize = 3;

/// Hunts one bug. A run that fails without it, too, says nothing of it.
fn hunt_one(
    without: &Without<'_>,
    options: &HuntOptions,
    bug: Bug,
    stop: &StopFlag,
) -> Result<Hunted, HarnessCrash> {
    let clock = Stopwatch::start();
    let grounds = grounds(bug, without.scenarios);
    let is_shared =
        options.bugs.len() >= SHARING_MIN && !is_named(&grounds, bug, without.scenarios);
    // No more than it may take: there may be no grounds at all.
    let rounds = (1..=options.runs)
        .flat_map(|seed| grounds.iter().map(move |scenario| (*scenario, seed)))
        .take(usize::try_from(options.runs).unwrap_or(usize::MAX));
    let (mut runs, mut found) = (0, None);
    for (scenario, seed) in rounds {
        if stop.is_up() || found.is_some() {
            break;
        }
        runs += 1;
        // Where nothing asks after the bug, the run with it is the one without it.
        if is_shared && !without.run(scenario, seed)?.met.contains(&bug) {
            continue;
        }
        let planted = Scenario { plant: vec![bug], ..without.scenario(scenario, seed) };
        let ran = run_once(without.engine, &planted, seed, &RunOptions::default())?;
        let Some((outcome, signature)) = failure(&ran) else { continue };
        let digest = ran.report.digest;
        if without.run(scenario, seed)?.failure.is_none() {
            found = Some(Found { scenario, seed, outcome, signature, digest });
        }
    }
    Ok(Hunted { bug, found, runs, wall: clock.elapsed() })
}

/// Whether these grounds are the bug's own.
fn is_named(grounds: &[usize], bug: Bug, scenarios: &[Tested]) -> bool {
    grounds.iter().any(|at| scenarios[*at].name() == grounds_of(bug))
}

/// A scenario as it is without any bug.
fn clean(scenario: &Scenario) -> Scenario {
    Scenario { plant: Vec::new(), ..scenario.clone() }
}

/// How a run failed, if a check or a hang said so: that a fault never landed is no sign of a bug.
fn failure(ran: &Ran) -> Option<(Outcome, Signature)> {
    let outcome = ran.judgement.outcome;
    let tells = matches!(outcome, Outcome::Violation | Outcome::Liveness | Outcome::Crash);
    ran.judgement.signature.clone().filter(|_| tells).map(|signature| (outcome, signature))
}

/// Runs without any bug what the bugs were found in, from the first seed to the last.
fn check_clean(without: &Without<'_>, options: &HuntOptions, stop: &StopFlag, hunted: &[Hunted]) {
    let mut seeds = vec![0; without.scenarios.len()];
    for Found { scenario, seed, .. } in hunted.iter().filter_map(|it| it.found.as_ref()) {
        seeds[*scenario] = u64::max(seeds[*scenario], *seed).max(CLEAN_SEEDS_MIN);
    }
    let jobs = seeds.iter().enumerate().flat_map(|(scenario, last)| {
        (1..=*last).map(move |seed| (scenario, seed)).take_while(|_| !stop.is_up())
    });
    work_off(options.jobs, jobs, |(scenario, seed)| without.run(scenario, seed), |_| {});
}

/// The name of the scenario that is known to find a bug soon.
const fn grounds_of(bug: Bug) -> &'static str {
    match bug {
        Bug::SkipIntentBeforeData | Bug::NoEpochCheckOnWrite => "cpu-stop",
        Bug::StaleLease => "two-clients-cut-off",
        Bug::OldSessionGoesOn => "clients-cut-off-in-turn",
        Bug::IntentNotAwaited | Bug::SetDirtyAfterAck => "power-cut-in-cold-regions",
        Bug::AckBeforeSecondMirror => "app-detach",
        Bug::AckWithoutRebuiltLeg
        | Bug::NoWriteLock
        | Bug::NoDrainAtRegistration
        | Bug::RejoinWithoutRebuild
        | Bug::EqualGenerationMeansEqualData
        | Bug::RebuildIgnoresAppWrite
        | Bug::ReadFromRebuiltLeg => "disk-break-with",
        Bug::TimeoutMeansDone | Bug::NoCloseOnTimeout => "late-writes-without-manager",
        Bug::AckFailedLegBeforeManager => "disk-read-only",
        Bug::ClearDirtyUnderWrite | Bug::ClearDirtyBeforeFlush | Bug::ColdLegTrusted => {
            "volatile-caches-cold-regions"
        }
        Bug::ClearDirtyBetweenInconsistentPeers => "cold-regions-degraded",
        Bug::FlushOnlyOneMirror => "volatile-caches-targets-in-turn",
        Bug::FlushIgnoresLoss | Bug::ServeBeforeRegistration => "volatile-caches-power-cut",
        Bug::LossToldOnce => "volatile-caches-of-two-applications",
        Bug::EarlierSessionLivesOn => "half-open-on-slow-disks",
        Bug::MarksLostAtBoot | Bug::PromoteRebuiltLeg => "last-good-copy-away",
        Bug::ActBeforePersist => "reboots-during-rebuild",
        Bug::GrantBeforeAllRegistered => "app-attach",
        Bug::DropLastLeg | Bug::LeakLockOnFailure => "all-writes-fail",
        Bug::NewerLegTrusted => "database-restore-old-snapshot",
        Bug::ForeignDiskTaken => "disk-swap",
        Bug::OldDiskTrusted => "old-image-in-cold-regions",
        Bug::SpareInSyncAtOnce => "raid1-spare",
        Bug::ResyncIgnoresOwnMarks => "one-leg-alone-has-it",
        Bug::RebuildPlanSurvivesDeath => "disk-disconnect-from-client",
        Bug::ResumePastDurable => "rebuild-cut-short-with-caches",
        Bug::DropBadSectorOnRebuild => "rebuild-source-bad-sector",
        Bug::ReadDuringWrite => "memory-limit",
        Bug::ReadBeforeRecovery | Bug::RecoveryCopiesNothing => "client-reboot-mid-write",
        Bug::CaretakerLeavesNothing => "taken-from-a-caretaker",
        Bug::NoRecoveryAfterOwnerDeath => "bad-sectors-and-reboots",
        Bug::LeftDivergentForgotten => "given-up-writes-without-manager",
        Bug::RepairWithoutLock => "disk-heal",
        Bug::PoisonInsteadOfRepair => "disk-flip-bits",
        Bug::AnswerBeforeVerifying | Bug::RewriteNotVerified => "full-lost-writes",
        Bug::MetadataNotVerified => "full-lost-marks",
        Bug::SlowLegTakenBack => "slow-disk-for-long",
        Bug::SkipRowJournal => "ec-write-hole",
        Bug::RowJournalOnOneLeg | Bug::NoRowReplay | Bug::RowsShareSlot => {
            "ec-power-cuts-many-rows"
        }
        Bug::TornEntryTrusted | Bug::TornEntryUncoversOlder => "ec-torn-journal",
        Bug::SlotsNotCleared => "ec-all-disks-renewed",
        Bug::ParityFromUnreadBlock => "ec-bad-sectors",
        Bug::ParityForgetsMissingLeg => "ec-two-legs-away",
        Bug::ComputeFromRebuiltLeg => "ec-rebuild-under-fire",
        Bug::RetryDnrForever => "disk-refuses-for-good",
        Bug::SwallowSplitError => "short-transfers",
        Bug::MemoryBeforeCommit | Bug::AnswerBeforeCommit | Bug::CommitKeptInMemory => {
            "database-reboots-at-every-write"
        }
        Bug::DoubtMeansUndone | Bug::CallsForgottenWhileAway => "database-away-under-io",
        Bug::DeletedStaysDeployed | Bug::LineBeforeReport => "volumes-made-by-script",
        Bug::PromoteWithoutQuorum => "leader-cut-off",
        Bug::VotesBeforeStored => "power-goes-as-managers-agree",
        Bug::VotesAfterAmnesia => "manager-loses-its-disk",
        Bug::UnfencedController => "deposed-controller-is-fenced",
        Bug::ConnectorDiesOnFailedRebind => "connector-port-stolen",
        Bug::CommitWithoutFlush => "database-volatile-cache",
        Bug::OneHungResourceBlocksAll => "satellite-one-resource-hangs",
        Bug::NoOutputCap => "satellite-output-floods",
        Bug::NoKillLadder | Bug::OverdueMeansDone => "satellite-programs-time-boxed",
        Bug::RetriesShared => "satellite-retries-apart",
        Bug::StreamNotRestarted => "satellite-event-stream",
        Bug::FailureNotReported => "satellite-device-files",
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use super::{HuntOptions, grounds, grounds_of, hunt};
    use crate::base::Bug;
    use crate::run::fake::{passes_but, scenario, stuck};
    use crate::run::outcome::ExitCode;
    use crate::run::plan::StopFlag;
    use crate::run::subject::{Subject, Tested};
    use crate::scenario::{Expect, Profile, discover, load};

    #[test]
    fn each_bug_has_hunting_grounds_in_the_library() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = discover(&[root]).unwrap();
        let scenarios: Vec<_> =
            files.iter().map(|file| Tested::Scenario(Box::new(load(file).unwrap()))).collect();
        for bug in Bug::ALL {
            let found = grounds(*bug, &scenarios);
            let names: Vec<_> = found.iter().map(|at| scenarios[*at].name()).collect();
            assert_eq!(names, [grounds_of(*bug)], "{}", bug.name());
        }
    }

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

    #[test]
    fn elsewhere_a_bug_is_hunted_in_every_scenario_that_is_to_pass() {
        let mut fails = scenario("fails");
        fails.expect = Expect::Liveness;
        let scenarios =
            [scenario("one"), fails, scenario("two")].map(|it| Tested::Scenario(Box::new(it)));
        assert_eq!(grounds(Bug::NoWriteLock, &scenarios), [0, 2]);
        let random = [Tested::Random(Profile::Everything)];
        assert_eq!(grounds(Bug::NoWriteLock, &random), [0]);
    }
}
