//! The configuration's database loses its power at every single write of a workload that makes and deletes resources, and
//! nothing is half-applied.

use stormglass::base::control::DatabaseCommitted;
use stormglass::base::{Nanos, Record};
use stormglass::node::database::DatabaseWrites;
use stormglass::scenario::{Scenario, parse};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};

/// Resources are made and deleted, one call after the other; more cannot be said of when each comes to be done.
const CALLS: [&str; 6] = [
    r#""api.create_resource_definition": { "name": "one" }"#,
    r#""api.create_volume_definition": { "resource_definition": "one", "size": "64KiB" }"#,
    r#""api.create_resource": { "resource_definition": "one", "place": 2 }"#,
    r#""api.delete_resource": { "resource_definition": "one", "node": "t0" }"#,
    r#""api.delete_resource_definition": { "name": "one" }"#,
    r#""api.create_resource_definition": { "name": "two" }"#,
];

/// A cluster whose database is on `node`, with the calls, and with what is to happen beside.
fn scenario(databases: u8, cached: bool, beside: &str) -> Scenario {
    let calls = CALLS
        .iter()
        .zip(0..)
        .map(|(call, at)| format!(r#"{{ "at": "{}ms", "do": {{ {call} }} }}"#, 30 + 3 * at));
    // A script that has nothing more to do takes no more power either.
    let last = r#"{ "at": "90ms", "do": { "api.list_nodes": {} } }"#.to_owned();
    let calls = calls.chain([last]).collect::<Vec<_>>().join(", ");
    let text = format!(
        r#"{{ "version": 1, "name": "every-write", "inert": "allowed",
            "cluster": {{ "targets": 2, "databases": {databases}, "disk": {{ "volatile_cache": {cached} }} }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 50, "depth": 2 }} ],
            "script": [ {beside} {calls} ], "limits": {{ "settle": "2s" }} }}"#
    );
    parse("every-write", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn run(scenario: &Scenario, keep: Keep) -> RunReport {
    simulate(scenario, 1, &RunOptions { trace: keep, ..RunOptions::default() })
}

/// How many writes come before the first call of the script, and in all.
fn writes(trace: &[Record]) -> (usize, usize) {
    let is_write = |record: &&Record| record.get::<DatabaseWrites>().is_some();
    let all: Vec<Nanos> = trace.iter().filter(is_write).map(|record| record.at).collect();
    (all.iter().filter(|at| **at < Nanos::from_millis(30)).count(), all.len())
}

#[track_caller]
fn dies_at_every_write(databases: u8, cached: bool, node: &str, from_start: bool) {
    let plain = run(&scenario(databases, cached, ""), Keep::All);
    assert!(matches!(plain.verdict, Verdict::Pass), "{:?}", plain.verdict);
    let committed = plain.trace.iter().filter(|it| it.get::<DatabaseCommitted>().is_some());
    assert!(committed.count() > CALLS.len());
    let (before, all) = writes(&plain.trace);
    assert!(all > before + 5 * CALLS.len(), "{before} and {all} writes");
    let first = if from_start { 1 } else { before + 1 };
    for nth in first..=all {
        let reboot = format!(
            r#"{{ "when": {{ "event": "database.write" }}, "nth": {nth}, "do": {{ "node.reboot": {{ "node": "{node}", "downtime": "500us" }} }} }},"#
        );
        let report = run(&scenario(databases, cached, &reboot), Keep::Nothing);
        assert!(matches!(report.verdict, Verdict::Pass), "write {nth}: {:?}", report.verdict);
        assert_eq!(report.reboots, 1, "write {nth} is not reached");
    }
}

#[test]
fn a_server_dies_at_every_write_from_its_first_on() {
    dies_at_every_write(1, false, "db0", true);
}

#[test]
fn a_server_with_a_volatile_cache_dies_at_every_write() {
    dies_at_every_write(1, true, "db0", false);
}

#[test]
fn a_manager_that_has_the_database_dies_at_every_write() {
    dies_at_every_write(0, false, "m0", false);
}
