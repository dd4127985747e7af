//! Every scenario of the library, on seeds enough to notice a broken cluster.

use std::num::NonZeroUsize;
use std::path::Path;

use stormglass::run::{
    FailureGroup, SeedResult, StopFlag, SweepOptions, SweepReport, describe, run_once, sweep,
};
use stormglass::scenario::{Scenario, discover, load};
use stormglass::world::{RunOptions, simulate};

fn scenarios() -> Vec<Scenario> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = discover(&[library]).expect("the library is there");
    files.iter().map(|file| load(file).unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn swept(scenarios: &[Scenario], jobs: usize) -> SweepReport {
    let jobs = NonZeroUsize::new(jobs).expect("some jobs");
    let options = SweepOptions { jobs, ..SweepOptions::of("1..1".parse().expect("a range")) };
    sweep(&simulate, scenarios, &options, &StopFlag::new(), &mut |_| {})
}

/// Of failures, each with its story.
fn failures(scenarios: &[Scenario], report: &SweepReport) -> String {
    let story = |group: &FailureGroup| {
        let (scenario, seed) = (&scenarios[group.first.result.scenario], group.first.result.seed);
        let again = run_once(&simulate, scenario, seed, &RunOptions::default());
        let story = again.map_or_else(|crash| crash.to_string(), |ran| describe(&ran.report));
        format!("{} seed {seed}: {story}", scenario.name)
    };
    report.groups.iter().map(story).collect::<Vec<_>>().join("\n\n")
}

/// That its faults really happen.
fn line(scenario: &Scenario, result: &SeedResult) -> String {
    let faults = if result.faults > 0 { "faults" } else { "no fault" };
    let reboots = match result.reboots {
        0 => "no reboot",
        370 => "370 reboots",
        _ => "reboots",
    };
    format!("{}: {faults}, {reboots}", scenario.name)
}

/// The gate's sweeps and `prove` run more seeds of them, twice, of an optimised build: this one has debug assertions.
#[test]
fn every_scenario_passes_and_does_not_ask_how_many_threads_there_are() {
    let scenarios = scenarios();
    let together = swept(&scenarios, 8);
    assert_eq!(together.seeds(), scenarios.len() as u64);
    assert!(together.rechecked > 0, "some seeds were run twice");
    assert!(together.groups.is_empty(), "{}", failures(&scenarios, &together));
    // One in four on one thread: it keeps only one core at work, and `prove` runs all of them twice.
    let some: Vec<Scenario> = scenarios.iter().step_by(4).cloned().collect();
    let alone = swept(&some, 1).results;
    assert_eq!(alone.len(), scenarios.len().div_ceil(4));
    for (one, other) in alone.iter().zip(together.results.iter().step_by(4)) {
        let scenario = other.scenario;
        assert_eq!(SeedResult { scenario, ..one.clone() }, *other, "{}", scenarios[scenario].name);
    }
    let lines = together.results.iter().map(|result| line(&scenarios[result.scenario], result));
    insta::assert_snapshot!("library", lines.collect::<Vec<_>>().join("\n"));
}
