//! Every scenario of the library, on seeds enough to notice a broken cluster.

use std::path::Path;
use std::thread::available_parallelism;

use stormglass::run::{StopFlag, SweepOptions, describe, run_once, sweep};
use stormglass::scenario::{Scenario, discover, load};
use stormglass::world::{RunOptions, simulate};

fn scenarios() -> Vec<Scenario> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = discover(&[library]).expect("the library is there");
    files.iter().map(|file| load(file).unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn every_scenario_passes_on_every_seed_tried() {
    let scenarios = scenarios();
    // The gate's sweep has more of them, of an optimised build: this one has debug assertions.
    let seeds = "100..100".parse().expect("a range of seeds");
    let mut options = SweepOptions::of(seeds);
    options.jobs = available_parallelism().expect("the host tells");
    let report = sweep(&simulate, &scenarios, &options, &StopFlag::new(), &mut |_| {});
    assert_eq!(report.seeds(), scenarios.len() as u64);
    assert!(report.rechecked > 0, "some seeds were run twice");
    let failed: Vec<String> = report
        .groups
        .iter()
        .map(|group| {
            let (scenario, seed) =
                (&scenarios[group.first.result.scenario], group.first.result.seed);
            let again = run_once(&simulate, scenario, seed, &RunOptions::default());
            let story = again.map_or_else(|crash| crash.to_string(), |ran| describe(&ran.report));
            format!("{} seed {seed}: {story}", scenario.name)
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// One line a scenario: that its faults really happen.
#[test]
fn every_scenario_does_what_it_says() {
    let lines: Vec<String> = scenarios()
        .iter()
        .map(|scenario| {
            let report = simulate(scenario, 1, &RunOptions::default());
            let faults = if report.faults > 0 { "faults" } else { "no fault" };
            let reboots = match report.reboots {
                0 => "no reboot".to_owned(),
                370 => "370 reboots".to_owned(),
                _ => "reboots".to_owned(),
            };
            format!("{}: {faults}, {reboots}", report.scenario)
        })
        .collect();
    insta::assert_snapshot!("library", lines.join("\n"));
}
