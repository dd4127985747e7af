//! What a sweep found, added up: a sweep's report. The same for the same results in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::Nanos;

use super::outcome::{ExitCode, Outcome, Signature};
use super::walltimes::WallTimes;

/// One seed's result: what is written to JSON. Holds nothing that depends on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedResult {
    /// The scenario's index in the sweep.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// What the run came to.
    pub outcome: Outcome,
    /// What was found, if anything was.
    pub signature: Option<Signature>,
    /// The digest of all records; 0, as all figures are, when Stormglass itself panicked or the host stopped it.
    pub digest: u128,
    /// Virtual time at the end.
    pub virtual_time: Nanos,
    /// Operations that applications issued.
    pub ops: u64,
    /// Nodes booted again.
    pub reboots: u64,
    /// Faults applied.
    pub faults: u64,
    /// Records written.
    pub events: u64,
}

/// A seed that was run, with all that a report is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRun {
    /// Its result.
    pub result: SeedResult,
    /// What there is to tell of it, if it failed.
    pub failure: Option<FailureText>,
    /// Why the host stopped it, if it did.
    pub stuck: Option<String>,
    /// Names of the probes that it reached, with how often.
    pub probes: Vec<(String, u64)>,
    /// How long it took by the wall clock.
    pub wall: Duration,
    /// Whether it was run twice and compared.
    pub rechecked: bool,
}

impl SeedRun {
    /// Its place in the order of a sweep's work: seed by seed, and for each scenario by scenario.
    #[must_use]
    pub fn turn(&self) -> (u64, usize) {
        (self.result.seed, self.result.scenario)
    }
}

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureText {
    /// In one line.
    pub headline: String,
    /// All that is known about it.
    pub report: String,
}

/// A seed of which nothing is known, for the host stopped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckSeed {
    /// The scenario's index.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// Why it was stopped.
    pub why: String,
}

/// A seed that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSeed {
    /// Its result.
    pub result: SeedResult,
    /// The failure in one line.
    pub headline: String,
    /// All that is known about it.
    pub report: String,
}

impl FailedSeed {
    /// Fewest records first: what is fastest to replay, on any host.
    fn cost(&self) -> (u64, usize, u64) {
        (self.result.events, self.result.scenario, self.result.seed)
    }

    fn place(&self) -> (usize, u64) {
        (self.result.scenario, self.result.seed)
    }
}

/// All failures of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    /// What they have in common.
    pub signature: Signature,
    /// How many seeds failed so, by the scenario's index.
    pub seeds: BTreeMap<usize, u64>,
    /// The first, in the order of scenarios and seeds.
    pub first: FailedSeed,
    /// The one with the fewest records.
    pub fastest: FailedSeed,
}

impl FailureGroup {
    /// How many seeds failed so, over all scenarios.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seeds.values().sum()
    }
}

/// One scenario's part of a sweep.
#[derive(Clone, Debug, Default)]
pub struct ScenarioTally {
    /// The scenario's name.
    pub name: String,
    /// Seeds run.
    pub seeds: u64,
    /// Seeds that failed.
    pub failures: u64,
    /// Seeds that the host stopped: neither passes nor failures.
    pub stuck: u64,
    /// Operations that applications issued.
    pub ops: u64,
    /// Nodes booted again.
    pub reboots: u64,
    /// Virtual time, all seeds together.
    pub virtual_time: Nanos,
    /// How long the seeds took by the wall clock, without those that the host stopped; each on one core.
    pub walls: WallTimes,
}

/// What a sweep found. Everything but the wall times is the same for the same work.
#[derive(Clone, Debug, Default)]
pub struct SweepReport {
    /// Each scenario's figures, in the order in which they were given.
    pub scenarios: Vec<ScenarioTally>,
    /// The failures by signature, in its order.
    pub groups: Vec<FailureGroup>,
    /// Every seed's result in the order of scenarios and seeds, if they were to be kept.
    pub results: Vec<SeedResult>,
    /// The seeds that the host stopped, in the order of scenarios and seeds.
    pub stuck: Vec<StuckSeed>,
    /// How often each probe was reached that was reached at all, over all seeds.
    pub probes: BTreeMap<String, u64>,
    /// Probes that [`SweepOptions::required`](super::SweepOptions) names and no seed reached.
    pub unreached: Vec<String>,
    /// How many seeds were run twice and compared.
    pub rechecked: u64,
    /// How many seeds there were to run; `None` when there was a time limit alone.
    pub planned: Option<u64>,
    /// How many of the seeds were known before and not run again.
    pub known: u64,
    /// Whether it was stopped from outside before its end.
    pub interrupted: bool,
    /// Wall time of the whole sweep.
    pub elapsed: Duration,
}

impl SweepReport {
    /// Seeds run.
    #[must_use]
    pub fn seeds(&self) -> u64 {
        self.scenarios.iter().map(|scenario| scenario.seeds).sum()
    }

    /// Seeds that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.scenarios.iter().map(|scenario| scenario.failures).sum()
    }

    /// Notes which of these probes no seed reached.
    pub(super) fn require(&mut self, probes: &[String]) {
        let never = probes.iter().filter(|probe| !self.probes.contains_key(*probe));
        self.unreached = never.cloned().collect();
    }

    /// The scenarios of which the host stopped every seed: nothing is known of them.
    pub fn untested(&self) -> impl Iterator<Item = &ScenarioTally> {
        self.scenarios.iter().filter(|tally| tally.stuck > 0 && tally.stuck == tally.seeds)
    }

    /// The exit code of a program that did this sweep: the lowest one that is not a pass. A required
    /// probe that was never reached is as a scenario that did not do what it declares, and so is a scenario of
    /// which the host stopped every seed.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        let outcomes = self.groups.iter().map(|group| group.first.result.outcome);
        let idle = !self.unreached.is_empty() || self.untested().next().is_some();
        let unreached = idle.then_some(ExitCode::Inert);
        ExitCode::lowest_failure(outcomes.map(Outcome::exit_code).chain(unreached))
    }
}

/// Adds results up.
pub(super) struct Tally {
    report: SweepReport,
    groups: BTreeMap<Signature, FailureGroup>,
    keep_results: bool,
}

impl Tally {
    pub(super) fn new(names: impl Iterator<Item = String>, keep_results: bool) -> Self {
        let scenarios = names.map(|name| ScenarioTally { name, ..ScenarioTally::default() });
        let report = SweepReport { scenarios: scenarios.collect(), ..SweepReport::default() };
        Self { report, groups: BTreeMap::new(), keep_results }
    }

    pub(super) fn add(&mut self, run: SeedRun) {
        let SeedRun { result, failure, stuck, probes, wall, rechecked } = run;
        for (probe, count) in probes {
            *self.report.probes.entry(probe).or_default() += count;
        }
        let scenario = &mut self.report.scenarios[result.scenario];
        scenario.seeds += 1;
        scenario.ops += result.ops;
        scenario.reboots += result.reboots;
        scenario.virtual_time = scenario.virtual_time.saturating_add(result.virtual_time);
        if stuck.is_none() {
            scenario.walls.add(wall);
        }
        self.report.rechecked += u64::from(rechecked);
        if let Some(why) = stuck {
            scenario.stuck += 1;
            let (scenario, seed) = (result.scenario, result.seed);
            self.report.stuck.push(StuckSeed { scenario, seed, why });
        } else if let Some(FailureText { headline, report }) = failure {
            scenario.failures += 1;
            self.add_failure(FailedSeed { result: result.clone(), headline, report });
        }
        if self.keep_results {
            self.report.results.push(result);
        }
    }

    fn add_failure(&mut self, failed: FailedSeed) {
        let unnamed = || Signature::new(&[failed.result.outcome.name()]);
        let signature = failed.result.signature.clone().unwrap_or_else(unnamed);
        let group = self.groups.entry(signature.clone()).or_insert_with(|| FailureGroup {
            signature,
            seeds: BTreeMap::new(),
            first: failed.clone(),
            fastest: failed.clone(),
        });
        *group.seeds.entry(failed.result.scenario).or_default() += 1;
        if failed.place() < group.first.place() {
            group.first = failed.clone();
        }
        if failed.cost() < group.fastest.cost() {
            group.fastest = failed;
        }
    }

    pub(super) fn finish(mut self) -> SweepReport {
        self.report.results.sort_unstable_by_key(|result| (result.scenario, result.seed));
        self.report.stuck.sort_unstable_by_key(|stuck| (stuck.scenario, stuck.seed));
        self.report.groups = self.groups.into_values().collect();
        self.report
    }
}
