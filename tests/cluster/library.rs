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
fn every_scenario_passes_and_is_the_same_on_one_thread_and_on_eight() {
    let scenarios = scenarios();
    let alone = swept(&scenarios, 1);
    assert_eq!(alone.seeds(), scenarios.len() as u64);
    assert!(alone.rechecked > 0, "some seeds were run twice");
    assert!(alone.groups.is_empty(), "{}", failures(&scenarios, &alone));
    assert_eq!(alone.results, swept(&scenarios, 8).results);
    let lines = alone.results.iter().map(|result| line(&scenarios[result.scenario], result));
    insta::assert_snapshot!("library", lines.collect::<Vec<_>>().join("\n"));
}
