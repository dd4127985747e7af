//! Many simulations in one process: a sweep must not grow with the seeds that it has done.
#![cfg(target_os = "linux")]

use std::path::Path;

use stormglass::scenario::load;
use stormglass::world::{RunOptions, simulate};

/// What the process has in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.and_then(|size| size.trim().parse().ok()).expect("a size in kB")
}

#[test]
fn a_simulation_leaves_nothing_behind() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke/baseline-three-targets.json");
    let scenario = load(&file).expect("a scenario");
    let run = |seeds: std::ops::Range<u64>| {
        for seed in seeds {
            let _report = simulate(&scenario, seed, &RunOptions::default());
        }
        resident()
    };
    let before = run(0..20);
    let after = run(20..120);
    // A kernel that is kept takes some 500 KiB; what the allocator does with what it got back varies.
    let grown = after.saturating_sub(before);
    assert!(grown < 10_000, "100 simulations left {grown} KiB behind");
}
