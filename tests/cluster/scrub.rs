//! A scrub finds what one leg has lost, all of it and nothing else, and leaves what it cannot judge.

use std::collections::BTreeSet;

use stormglass::node::{Finding, ScrubFound};
use stormglass::scenario::parse;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

const MIRROR: &str = r#""layout": "raid1", "blocks": 1024, "legs": ["t0/d0", "t1/d0"]"#;
const CODED: &str = r#""layout": "ec", "data": 2, "parity": 2, "stripe_blocks": 8, "blocks": 2048,
    "legs": ["t0/d0", "t1/d0", "t2/d0", "t3/d0"]"#;

/// What a scrub finds of a volume, by leg and block, while this is done to its disks.
fn found(volume: &str, seed: u64, rest: &str) -> BTreeSet<(u8, u64, Finding)> {
    let text = format!(
        r#"{{ "version": 1, "name": "scrubbed",
        "cluster": {{ "targets": 4 }},
        "volumes": [ {{ "name": "vol0", "scrub_rate": 200000, {volume} }} ],
        "workload": [
            {{ "app": "verify", "client": "c0", "volume": "vol0", "depth": 16 }},
            {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 8,
               "rate": 30000, "mix": {{ "read": 50, "write": 50 }}, "region": "0..255" }} ],
        {rest} }}"#
    );
    let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, seed, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
    let found = report.trace.iter().filter_map(|record| record.get::<ScrubFound>());
    found.map(|it| (it.leg.get(), it.at, it.finding)).collect()
}

#[test]
fn bad_blocks_of_a_leg_that_nobody_reads_are_found_and_repaired_once() {
    let script = r#""script": [ { "at": "200ms", "do": { "disk.insert_bad_sector":
        { "disk": "t1/d0", "block": 700, "count": 5 } } },
        { "after": "40ms", "freeze": ["mirrors", "durable"] } ]"#;
    for volume in [MIRROR, CODED] {
        for seed in 1..=4 {
            let expected = (700..705).map(|at| (1, at, Finding::Unreadable)).collect();
            assert_eq!(found(volume, seed, script), expected, "seed {seed}, {volume}");
        }
    }
}

#[test]
fn under_load_and_reboots_legs_that_are_in_order_are_found_so() {
    let script = r#""script": [
        { "every": "8ms..12ms", "times": 6, "do": { "node.reboot": { "node": "any:target" } } },
        { "every": "10ms..20ms", "times": 3, "do": { "node.reboot": { "node": "c0" } } } ]"#;
    for volume in [MIRROR, CODED] {
        for seed in 1..=8 {
            assert_eq!(found(volume, seed, script), BTreeSet::new(), "seed {seed}, {volume}");
        }
    }
}

#[test]
fn a_block_that_rots_unguarded_is_reported_and_left() {
    let mirror = format!(r#"{MIRROR}, "integrity": "none""#);
    let script = r#""budget": "none", "script": [ { "at": "60ms", "do": { "disk.flip_bits":
        { "disk": "t1/d0", "block": 700, "bits": 3 } }, "for": "30ms" } ]"#;
    for seed in 1..=4 {
        let expected = BTreeSet::from([(1, 700, Finding::Differs)]);
        assert_eq!(found(&mirror, seed, script), expected, "seed {seed}");
    }
}
