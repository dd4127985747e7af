//! What the calls of the controller's API and the faults of its database do, as the cluster's own records show it: a whole
//! small cluster per test, for these actions have several simulators under them.

use stormglass::base::control::{
    ApiAnswered, ApiRequest, ControllerDeploys, ControllerHolds, DatabaseCommitted, TargetSynced,
};
use stormglass::base::protocol::TopologyPersisted;
use stormglass::base::{Nanos, Record, Recorded};
use stormglass::node::control::{Detail, ReturnCode};
use stormglass::node::database::{CommitsFail, DatabaseDown, DatabaseOpened, DatabaseUp};
use stormglass::scenario::{Action, parse};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};

/// Runs a cluster with a database server under a script, on one seed; the run has to pass.
fn run(script: &str) -> RunReport {
    let text = format!(
        r#"{{ "version": 1, "name": "doors", "cluster": {{ "targets": 2, "databases": 1 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 500, "depth": 4 }} ],
            "script": [ {script} ], "limits": {{ "settle": "2s" }} }}"#
    );
    let scenario = parse("doors", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, 3, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    report
}

fn all<R: Recorded>(trace: &[Record]) -> Vec<(Nanos, R)> {
    trace.iter().filter_map(|record| Some((record.at, record.get()?))).collect()
}

/// The details of the answers to the calls of a script, which come after 30 ms.
fn answers(report: &RunReport) -> Vec<Detail> {
    let answered = all::<ApiAnswered>(&report.trace).into_iter();
    let late = answered.filter(|(at, _)| *at > Nanos::from_millis(30));
    late.map(|(_, it)| ReturnCode::of_number(it.code).expect("a code of ours").detail).collect()
}

#[test]
fn every_call_does_what_it_says() {
    let calls = [
        r#""api.create_node": { "name": "n9", "type": "Auxiliary" }"#,
        r#""api.modify_node": { "name": "N9", "type": "Satellite" }"#,
        r#""api.create_storage_pool": { "node": "n9", "name": "big", "capacity": "1GiB" }"#,
        r#""api.create_resource_definition": { "name": "data", "port": 9000 }"#,
        r#""api.create_volume_definition": { "resource_definition": "data", "volume": 3, "size": "1MiB" }"#,
        r#""api.modify_volume_definition": { "resource_definition": "data", "volume": 3, "size": "2MiB" }"#,
        r#""api.create_resource": { "resource_definition": "data", "node": "n9", "storage_pool": "big" }"#,
        r#""api.list_nodes": {}"#,
        r#""api.list_storage_pools": {}"#,
        r#""api.list_resource_definitions": {}"#,
        r#""api.list_resources": {}"#,
        r#""api.list_volumes": {}"#,
        r#""api.delete_resource": { "resource_definition": "data", "node": "n9" }"#,
        r#""api.delete_volume_definition": { "resource_definition": "data", "volume": 3 }"#,
        r#""api.delete_resource_definition": { "name": "data" }"#,
        r#""api.delete_storage_pool": { "node": "n9", "name": "big" }"#,
        r#""api.delete_node": { "name": "n9" }"#,
    ];
    let entries = calls
        .iter()
        .zip(0..)
        .map(|(call, at)| format!(r#"{{ "at": "{}ms", "do": {{ {call} }} }}"#, 40 + 2 * at));
    let report = run(&entries.collect::<Vec<_>>().join(", "));
    let mut expected = vec![Detail::Created, Detail::Modified, Detail::Created, Detail::Created];
    expected.extend([Detail::Created, Detail::Modified, Detail::Created]);
    // A resource on a node that nobody has heard of is made, with a warning.
    expected[6] = Detail::Outdated;
    expected.extend([Detail::Listed; 5]);
    expected.extend([Detail::Deleted; 5]);
    assert_eq!(answers(&report), expected);
    let driven = Action::NAMES.iter().filter(|name| name.starts_with("api."));
    let driven: Vec<&str> =
        driven.filter(|name| !calls.iter().any(|call| call.contains(*name))).copied().collect();
    assert_eq!(driven, Vec::<&str>::new(), "calls that this test leaves out");
    assert_eq!(driven.len() + calls.len(), ApiRequest::ALL.len());
    assert!(report.errors.is_empty());
}

#[test]
fn what_is_asked_is_committed_then_held_then_answered_and_targets_have_it() {
    let report = run(
        r#"{ "at": "40ms", "do": { "api.create_resource_definition": { "name": "data" } } },
           { "at": "42ms", "do": { "api.create_volume_definition": { "resource_definition": "data", "size": "64KiB" } } },
           { "at": "44ms", "do": { "api.create_resource": { "resource_definition": "data", "place": 2 } } }"#,
    );
    let late = |at: &Nanos| *at > Nanos::from_millis(44);
    let first = |times: Vec<Nanos>| times.into_iter().find(late).expect("it happened");
    let times = [
        first(all::<DatabaseCommitted>(&report.trace).iter().map(|it| it.0).collect()),
        first(all::<ControllerHolds>(&report.trace).iter().map(|it| it.0).collect()),
        first(all::<ControllerDeploys>(&report.trace).iter().map(|it| it.0).collect()),
        first(all::<TargetSynced>(&report.trace).iter().map(|it| it.0).collect()),
    ];
    assert!(times.is_sorted(), "{times:?}");
    let synced = all::<TargetSynced>(&report.trace);
    assert_eq!(synced.iter().filter(|(at, _)| late(at)).count(), 2, "both targets");
    assert!(!all::<TopologyPersisted>(&report.trace).is_empty(), "the volume came to be, too");
}

#[test]
fn nothing_is_changed_while_the_database_is_down_and_it_says_so() {
    let report = run(r#"{ "at": "40ms", "do": { "database.down": {} } },
           { "at": "45ms", "do": { "api.create_node": { "name": "n9" } } },
           { "at": "45ms", "do": { "api.list_nodes": {} } },
           { "at": "100ms", "do": { "database.up": {} } },
           { "at": "120ms", "do": { "api.create_node": { "name": "n9" } } }"#);
    // What is listed meanwhile comes with a warning.
    assert_eq!(answers(&report), [Detail::Outdated, Detail::Database, Detail::Created]);
    let (down, up) = (all::<DatabaseDown>(&report.trace), all::<DatabaseUp>(&report.trace));
    let ([(down, _)], [(up, _)]) = (&down[..], &up[..]) else { panic!("once each") };
    let committed = all::<DatabaseCommitted>(&report.trace);
    assert!(!committed.iter().any(|(at, _)| down < at && at < up));
    assert!(all::<DatabaseOpened>(&report.trace).iter().any(|(at, _)| at > up), "it recovers");
    let [error] = &report.errors[..] else { panic!("one report: {:?}", report.errors) };
    assert!(error.text.contains("The database cannot be reached"), "{}", error.text);
    assert!(error.text.starts_with(&format!("ERROR REPORT {}", error.id)));
}

#[test]
fn commits_fail_before_or_after_they_are_done() {
    let report = run(
        r#"{ "at": "40ms", "do": { "database.fail_commit": { "phase": "before", "count": 2 } } },
           { "at": "41ms", "do": { "api.create_node": { "name": "n1" } } },
           { "at": "51ms", "do": { "api.create_node": { "name": "n1" } } },
           { "at": "61ms", "do": { "api.create_node": { "name": "n1" } } },
           { "at": "70ms", "do": { "database.fail_commit": { "phase": "after" } } },
           { "at": "71ms", "do": { "api.create_node": { "name": "n2" } } },
           { "at": "90ms", "do": { "api.create_node": { "name": "n2" } } }"#,
    );
    assert_eq!(all::<CommitsFail>(&report.trace).len(), 2);
    let expected = [
        Detail::Database,
        Detail::Database,
        Detail::Created,
        // Nobody was told, and the controller found out.
        Detail::Created,
        Detail::NodeExists,
    ];
    assert_eq!(answers(&report), expected);
}

#[test]
fn a_slow_database_takes_its_time_and_its_factor_is_lifted() {
    let took = |script: &str| {
        let report = run(script);
        let answered = all::<ApiAnswered>(&report.trace);
        let (at, _) = answered.iter().find(|(at, _)| *at > Nanos::from_millis(40)).expect("it is");
        *at - Nanos::from_millis(40)
    };
    // Faults end when a script has: so it goes on for a while.
    let call = r#"{ "at": "40ms", "do": { "api.create_node": { "name": "n1" } } },
                  { "at": "80ms", "do": { "api.list_nodes": {} } }"#;
    let slow = r#"{ "at": "39ms", "do": { "database.slow": { "factor": 30 } }, "for": "30ms" }"#;
    let [plain, slow] = [took(call), took(&format!("{slow}, {call}"))];
    assert!(slow > plain.saturating_mul(4), "{plain}, {slow}");
}
