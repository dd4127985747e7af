//! The load on stormglass as users run it: a scenario, with the RAID 1 data service, virtual CPUs,
//! write-through disks of 50 us and all checks on.

use std::path::Path;
use std::time::Duration;

use ::stormglass::scenario::{Scenario, load, parse};
use ::stormglass::world::{RunOptions, Verdict, simulate};

use crate::measured::{Measured, WRITES, on_a_fresh_thread};

/// The load as a scenario: three volumes, so that every target holds a leg.
const LOAD: &str = r#"{
  "version": 1,
  "name": "peers",
  "cluster": {
    "clients": 1, "client_cpus": 8,
    "targets": 6, "disks_per_target": 1,
    "disk": { "blocks": 16384, "write": "50us..50us" },
    "net": { "latency": "10us..50us" }
  },
  "volumes": [
    { "name": "vol0", "layout": "raid1", "blocks": 2048, "legs": ["t0/d0", "t1/d0"] },
    { "name": "vol1", "layout": "raid1", "blocks": 2048, "legs": ["t2/d0", "t3/d0"] },
    { "name": "vol2", "layout": "raid1", "blocks": 2048, "legs": ["t4/d0", "t5/d0"] }
  ],
  "workload": [
    { "app": "random", "client": "c0", "volume": "vol0", "ops": 66667, "depth": 5, "mix": { "write": 100 }, "blocks": "1..1" },
    { "app": "random", "client": "c0", "volume": "vol1", "ops": 66667, "depth": 5, "mix": { "write": 100 }, "blocks": "1..1" },
    { "app": "random", "client": "c0", "volume": "vol2", "ops": 66666, "depth": 6, "mix": { "write": 100 }, "blocks": "1..1" }
  ]
}"#;

/// The load that the peers run.
pub fn stormglass(seed: u64) -> Measured {
    let scenario =
        parse("benches/peers/stormglass.rs", LOAD).expect("the load is a valid scenario");
    let measured = run(&scenario, seed);
    assert_eq!(measured.ops, WRITES);
    measured
}

/// The same kind of load while targets reboot all the time.
pub fn io_in_the_air(seed: u64) -> Measured {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/reboots/io-in-the-air.json");
    run(&load(&file).expect("the committed scenario is valid"), seed)
}

fn run(scenario: &Scenario, seed: u64) -> Measured {
    on_a_fresh_thread(move || {
        let report = simulate(scenario, seed, &RunOptions::default());
        let verdict = &report.verdict;
        assert!(matches!(verdict, Verdict::Pass), "seed {seed} of {}: {verdict:?}", scenario.name);
        (report.ops, report.reboots, Duration::from_nanos(report.virtual_time.get()))
    })
}
