//! The determinism self-check: every seed twice in different settings, compared by digest, and the
//! first event that differs. Tells of runs that did not pass, and judges none.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::base::{Names, Record};
use crate::scenario::Scenario;
use crate::world::{Keep, RunOptions, RunReport, Trespass, Verdict};

use super::compare::{Bracket, first_difference};
use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{ExitCode, Outcome};
use super::plan::{Job, Plan, StopFlag};
use super::pool::work_off;
use super::seeds::{SeedRange, Shard};

/// How many records the traced run keeps: enough to take the tracing path, in bounded memory.
const TRACED: Keep = Keep::Window { from: 1, to: 100_000 };

/// How many seeds are run in one setting before they are run in the other.
const CHUNK: usize = 512;

/// How often two runs that differed are run again to find where.
const ATTEMPTS: u32 = 5;

/// What to prove.
#[derive(Clone, Copy, Debug)]
pub struct ProveOptions {
    /// The seeds, for each scenario.
    pub seeds: SeedRange,
    /// How many threads run simulations.
    pub jobs: NonZeroUsize,
    /// Run the second time under the strict seal.
    pub strict: bool,
}

/// Two runs of one seed that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digests of the two runs.
    pub digests: [u128; 2],
    /// The records among which the first difference is; `None` when the difference did not show
    /// again.
    pub bracket: Option<Bracket>,
    /// The first event that differs, as each run has it, one line each; `None` for one that has
    /// ended there. Both are `None` when the difference did not show again.
    pub events: [Option<String>; 2],
}

/// What a proof came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProveReport {
    /// Seeds run in both settings.
    pub compared: u64,
    /// Those that differ with their scenario's index, in the order of scenarios and seeds.
    pub differences: Vec<(usize, Difference)>,
    /// Seeds that came to the same twice, and to something else than what their scenario expects:
    /// scenario's index, seed and what it came to, in the order of scenarios and seeds.
    pub failed: Vec<(usize, u64, Outcome)>,
    /// Seeds in which code asked for something of the host, which the strict seal refused: scenario's
    /// index, seed and who asked, in the order of scenarios and seeds.
    pub trespasses: Vec<(usize, u64, Trespass)>,
    /// Runs in which Stormglass itself panicked, so that there is nothing to compare.
    pub crashes: Vec<HarnessCrash>,
    /// Whether it was stopped from outside before its end.
    pub interrupted: bool,
}

impl ProveReport {
    /// 12 when anything differs, else 14 when Stormglass itself panicked.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if !self.differences.is_empty() || !self.trespasses.is_empty() {
            return ExitCode::Nondeterminism;
        }
        if self.crashes.is_empty() { ExitCode::Pass } else { ExitCode::Crash }
    }

    fn compare(
        &mut self,
        engine: &Engine<'_>,
        scenarios: &[Scenario],
        (scenario, seed): Place,
        left: Came,
        right: Came,
    ) {
        let (left, right) = match (left, right) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(crash), _) | (_, Err(crash)) => return self.crashes.push(crash),
        };
        self.compared += 1;
        let digests = [left.digest, right.digest];
        if let Some(trespass) = right.trespass {
            self.trespasses.push((scenario, seed, trespass));
        } else if digests[0] != digests[1] {
            let found = investigate(engine, &scenarios[scenario], seed, digests);
            self.differences.push((scenario, found));
        } else if let Some(outcome) = left.failed {
            self.failed.push((scenario, seed, outcome));
        }
    }
}

/// Runs each seed of each scenario first untraced and in order, then traced, in reverse order and
/// on other threads, and compares. `watch` is given the runs done and the runs to do.
pub fn prove(
    engine: &Engine<'_>,
    scenarios: &[Scenario],
    options: ProveOptions,
    stop: &StopFlag,
    watch: &mut dyn FnMut(u64, u64),
) -> ProveReport {
    let mut plan = Plan::new(scenarios.len(), options.seeds, Shard::WHOLE);
    let total = plan.total().saturating_mul(2);
    let mut report = ProveReport::default();
    let mut done = 0;
    loop {
        let jobs: Vec<Job> = plan.by_ref().take(CHUNK).collect();
        if jobs.is_empty() || stop.is_up() {
            break;
        }
        let mut tick = |steps| {
            done += steps;
            watch(done, total);
        };
        let forth = jobs.iter().copied().take_while(|_| !stop.is_up());
        let back = jobs.iter().copied().rev().take_while(|_| !stop.is_up());
        let plain = RunOptions::default();
        let other = RunOptions { trace: TRACED, strict: options.strict, ..RunOptions::default() };
        let first = results(engine, scenarios, forth, (options.jobs, plain), &mut tick);
        let mut second = results(engine, scenarios, back, (options.jobs, other), &mut tick);
        for (place, left) in first {
            let Some(right) = second.remove(&place) else { continue };
            report.compare(engine, scenarios, place, left, right);
        }
    }
    report.differences.sort_by_key(|(scenario, found)| (*scenario, found.seed));
    report.trespasses.sort_by_key(|(scenario, seed, _)| (*scenario, *seed));
    report.failed.sort_by_key(|(scenario, seed, _)| (*scenario, *seed));
    report.interrupted = stop.is_up();
    report
}

/// Scenario index and seed.
type Place = (usize, u64);

/// What is compared of a run.
struct Traits {
    digest: u128,
    /// The outcome of one that did not pass.
    failed: Option<Outcome>,
    trespass: Option<Trespass>,
}

type Came = Result<Traits, HarnessCrash>;

impl Traits {
    fn of(ran: Ran) -> Self {
        let failed = (!ran.judgement.passed()).then_some(ran.judgement.outcome);
        let trespass = match ran.report.verdict {
            Verdict::Nondeterminism(trespass) => Some(trespass),
            _ => None,
        };
        Self { digest: ran.report.digest, failed, trespass }
    }
}

fn results(
    engine: &Engine<'_>,
    scenarios: &[Scenario],
    jobs: impl Iterator<Item = Job> + Send,
    (threads, options): (NonZeroUsize, RunOptions),
    tick: &mut dyn FnMut(u64),
) -> BTreeMap<Place, Came> {
    let came = |job: Job| {
        let ran = run_once(engine, &scenarios[job.scenario], job.seed, &options);
        ((job.scenario, job.seed), ran.map(Traits::of))
    };
    let mut results = BTreeMap::new();
    work_off(threads, jobs, came, |result| {
        tick(u64::from(result.is_some()));
        results.extend(result);
    });
    results
}

/// Runs the seed again in both settings until the difference shows, then both with a trace of the
/// records around it: one keeps these alone, the other all from the start.
fn investigate(
    engine: &Engine<'_>,
    scenario: &Scenario,
    seed: u64,
    digests: [u128; 2],
) -> Difference {
    let name = scenario.name.clone();
    let mut found =
        Difference { scenario: name, seed, digests, bracket: None, events: [None, None] };
    let run = |trace| {
        let options = RunOptions { trace, ..RunOptions::default() };
        run_once(engine, scenario, seed, &options).map(|ran| ran.report)
    };
    for _ in 0..ATTEMPTS {
        let (Ok(left), Ok(right)) = (run(Keep::Nothing), run(TRACED)) else { continue };
        let Some(bracket) = first_difference(&left, &right) else { continue };
        found.bracket = Some(bracket);
        let window = Keep::Window { from: bracket.from, to: bracket.to };
        let all = Keep::Window { from: 1, to: bracket.to };
        let (Ok(left), Ok(mut right)) = (run(window), run(all)) else { continue };
        right.trace.retain(|record| record.seq >= bracket.from);
        if let Some(events) = first_event(&left, &right) {
            found.events = events;
            break;
        }
    }
    found
}

/// The first pair of records that differ, as lines.
fn first_event(left: &RunReport, right: &RunReport) -> Option<[Option<String>; 2]> {
    let length = left.trace.len().max(right.trace.len());
    let line = |record: Option<&Record>, names: &Names| {
        record.map(|record| crate::view::record_line(record, names))
    };
    (0..length).find_map(|index| {
        let pair =
            [line(left.trace.get(index), &left.names), line(right.trace.get(index), &right.names)];
        (pair[0] != pair[1]).then_some(pair)
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use crate::run::compare::Bracket;
    use crate::run::fake::{leaks_on, passes_but, report, scenario, stuck};
    use crate::run::outcome::{ExitCode, Outcome};
    use crate::run::plan::StopFlag;
    use crate::run::seeds::SeedRange;
    use crate::scenario::Scenario;
    use crate::world::{Keep, RunOptions, Trespass, Verdict};

    use super::{Engine, ProveOptions, ProveReport, prove};

    fn check(engine: &Engine<'_>, seeds: &str) -> ProveReport {
        let seeds: SeedRange = seeds.parse().unwrap();
        let options = ProveOptions { seeds, jobs: NonZeroUsize::new(4).unwrap(), strict: false };
        let scenarios = [scenario("a"), scenario("b")];
        let mut last = (0, 0);
        let report = prove(engine, &scenarios, options, &StopFlag::new(), &mut |done, total| {
            last = (done, total);
        });
        assert_eq!(last.0, last.1, "every run is told of");
        report
    }

    #[test]
    fn what_is_deterministic_has_no_difference() {
        let report = check(&passes_but(|_, _| None), "1..300");
        assert_eq!(report.compared, 600);
        assert_eq!(report.differences, []);
        assert_eq!(report.exit_code(), ExitCode::Pass);
    }

    #[test]
    fn the_first_event_that_differs_is_named() {
        let report = check(&leaks_on(3), "1..5");
        assert_eq!(report.exit_code(), ExitCode::Nondeterminism);
        let places: Vec<_> =
            report.differences.iter().map(|(index, found)| (*index, found.seed)).collect();
        assert_eq!(places, [(0, 3), (1, 3)]);
        let found = &report.differences[0].1;
        assert_eq!(found.scenario, "a");
        assert_eq!(found.bracket, Some(Bracket { from: 9, to: 12 }));
        let [Some(left), Some(right)] = &found.events else { panic!("{found:?}") };
        assert_ne!(left, right);
        assert!(left.contains("10           10us") && left.contains("fake.tick value="), "{left}");
    }

    #[test]
    fn a_difference_that_only_tracing_makes_is_found() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let traced = matches!(options.trace, Keep::Window { from: 1, .. });
            report(scenario, seed, options, &[1, 2, 3, 4, 5, u64::from(traced)])
        };
        let report = check(&engine, "8..8");
        let found = &report.differences[0].1;
        let [Some(left), Some(right)] = &found.events else { panic!("{found:?}") };
        assert!(left.ends_with("value=0") && right.ends_with("value=1"), "{found:?}");
    }

    #[test]
    fn runs_that_come_to_the_same_failure_twice_are_told_of() {
        let hangs = |_: &Scenario, seed: u64| (seed == 2).then(|| stuck("io-never-returned"));
        let report = check(&passes_but(hangs), "1..3");
        assert_eq!((report.compared, report.exit_code()), (6, ExitCode::Pass));
        assert_eq!(report.failed, [(0, 2, Outcome::Liveness), (1, 2, Outcome::Liveness)]);
    }

    #[test]
    fn an_address_that_gets_into_a_run_is_found() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            // Both stay where they are, so no two are in one place.
            let address = Box::leak(Box::new(seed)) as *const u64 as u64;
            report(scenario, seed, options, &[1, 2, address])
        };
        assert_eq!(check(&engine, "8..8").differences.len(), 2);
    }

    #[test]
    fn who_asks_for_something_of_the_host_is_told() {
        let stack = vec!["roll_dice".to_owned()];
        let trespass = Trespass { call: "getrandom".into(), stack };
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let mut report = report(scenario, seed, options, &[seed]);
            if options.strict && seed == 2 {
                report.verdict = Verdict::Nondeterminism(trespass.clone());
            }
            report
        };
        let seeds: SeedRange = "1..3".parse().unwrap();
        let options = ProveOptions { seeds, jobs: NonZeroUsize::MIN, strict: true };
        let found = prove(&engine, &[scenario("a")], options, &StopFlag::new(), &mut |_, _| ());
        assert_eq!(found.exit_code(), ExitCode::Nondeterminism);
        assert_eq!(found.trespasses, [(0, 2, trespass.clone())]);
    }

    #[test]
    fn what_panics_proves_nothing() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            if seed == 2 {
                std::panic::resume_unwind(Box::new("lost"));
            }
            report(scenario, seed, options, &[seed])
        };
        let report = check(&engine, "1..3");
        assert_eq!((report.compared, report.crashes.len()), (4, 2));
        assert_eq!(report.exit_code(), ExitCode::Crash);
    }

    #[test]
    fn a_run_that_ends_early_differs_by_what_it_lacks() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let traced = matches!(options.trace, Keep::Window { from: 1, .. });
            report(scenario, seed, options, if traced { &[1, 2, 3, 4] } else { &[1, 2, 3, 4, 5] })
        };
        let found = check(&engine, "8..8").differences[0].1.clone();
        assert!(found.events[0].is_some() && found.events[1].is_none(), "{found:?}");
    }
}
