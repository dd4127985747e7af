//! The levels of integrity, in whole runs: what each lets through, what `full` finds, and what each costs.

use stormglass::base::{DiskId, Record, Recorded};
use stormglass::disk::CommandCompleted;
use stormglass::node::WriteMissing;
use stormglass::scenario::{Integrity, Scenario, load, parse};
use stormglass::world::{DiskFaultApplied, Keep, RunOptions, RunReport, Verdict, simulate};

fn run(scenario: &Scenario, seed: u64) -> RunReport {
    simulate(scenario, seed, &RunOptions { trace: Keep::All, ..RunOptions::default() })
}

fn all<R: Recorded + 'static>(trace: &[Record]) -> impl Iterator<Item = R> + '_ {
    trace.iter().filter_map(Record::get)
}

fn library(name: &str) -> Scenario {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/integrity");
    load(&root.join(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_disk_is_spared_what_its_volumes_cannot_find_out() {
    let scenario = library("unguarded-beside-guarded.json");
    let mut lies = [0; 6];
    for seed in 1..=6 {
        let report = run(&scenario, seed);
        assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
        for DiskFaultApplied { entry, disk, .. } in all(&report.trace) {
            // Entries 0 and 1 take `inline`, entry 2 takes `full`; two disks each of `none`, `inline`, `full`.
            let needed = if entry == 2 { 4 } else { 2 };
            assert!(disk.index() >= needed, "seed {seed}: entry {entry} on {disk}");
            lies[disk.index()] += 1;
        }
    }
    assert!(lies[2..].iter().all(|lies| *lies > 0), "{lies:?}");
}

/// As `full-lost-writes`, with the volume's writes trusted.
const TRUSTED: &str = r#"{ "version": 1, "name": "trusted", "budget": "none", "cluster": { "targets": 2 },
    "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"],
        "integrity": "INTEGRITY" } ],
    "workload": [ { "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 8,
        "mix": { "read": 60, "write": 40, "flush": 0, "trim": 0 }, "blocks": "1..4" } ],
    "script": [ { "every": "1ms..2ms", "times": 12, "do": { "disk.lose_next_write": { "disk": "t0/d0", "count": 2 } } } ] }"#;

#[test]
fn a_lost_write_is_found_by_full_integrity_alone() {
    for integrity in Integrity::ALL {
        let text = TRUSTED.replace("INTEGRITY", integrity.name());
        let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
        let reports: Vec<RunReport> = (1..=4).map(|seed| run(&scenario, seed)).collect();
        let wrong = reports.iter().any(|report| matches!(report.verdict, Verdict::Violation(_)));
        let found: usize =
            reports.iter().map(|report| all::<WriteMissing>(&report.trace).count()).sum();
        assert_eq!(
            (wrong, found > 0),
            match integrity {
                Integrity::Full => (false, true),
                Integrity::None | Integrity::Inline => (true, false),
            }
        );
    }
}

#[test]
fn a_lost_write_of_metadata_is_found_too() {
    let scenario = library("full-lost-marks.json");
    let report = run(&scenario, 1);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    let data = 16_384;
    let metadata = all(&report.trace).filter(|WriteMissing { lba, .. }| *lba >= data).count();
    assert!(metadata > 0, "no lost write was one of metadata");
}

/// Writes alone, each of one block in a region that is marked already.
const PRICED: &str = r#"{ "version": 1, "name": "priced", "cluster": { "targets": 2 },
    "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 32, "legs": ["t0/d0", "t1/d0"],
        "integrity": "INTEGRITY" } ],
    "workload": [ { "app": "random", "client": "c0", "volume": "vol0", "ops": 1000, "depth": 8,
        "mix": { "read": 0, "write": 100, "flush": 0, "trim": 0 }, "blocks": "1..1" } ] }"#;

#[test]
fn a_write_takes_one_command_a_leg_and_with_full_integrity_two() {
    for integrity in Integrity::ALL {
        let text = PRICED.replace("INTEGRITY", integrity.name());
        let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
        let report = run(&scenario, 1);
        let is_data = |done: &CommandCompleted| done.disk < DiskId::new(2);
        let commands = all(&report.trace).filter(is_data).count();
        let expected = if *integrity == Integrity::Full { 4_000 } else { 2_000 };
        assert!((expected..expected + 40).contains(&commands), "{integrity}: {commands} commands");
    }
}
