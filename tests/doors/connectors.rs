//! What actions on connectors do, as the cluster's own records show it.

use stormglass::base::{Nanos, NodeId, Record, Recorded};
use stormglass::net::{ConnectionAccepted, ConnectionClosed};
use stormglass::node::Service;
use stormglass::node::connector::{ConnectorDown, ConnectorUp, DownReason, seat};
use stormglass::scenario::parse;
use stormglass::world::{FaultApplied, FaultLifted, Keep, RunOptions, Verdict, simulate};

const M0: NodeId = NodeId::new(3);

/// Runs a client and two targets, whose manager has two connectors, under a script; the run has to pass.
fn run(script: &str) -> Vec<Record> {
    let text = format!(
        r#"{{ "version": 1, "name": "doors",
            "cluster": {{ "targets": 2, "connectors": 2, "interfaces": 2 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 4000, "rate": 100000, "depth": 8 }} ],
            "script": [ {script} ], "limits": {{ "settle": "1s" }} }}"#
    );
    let scenario = parse("doors", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, 3, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    report.trace
}

fn all<R: Recorded>(trace: &[Record]) -> Vec<(Nanos, R)> {
    trace.iter().filter_map(|record| Some((record.at, record.get()?))).collect()
}

fn applied(trace: &[Record]) -> Nanos {
    all::<FaultApplied>(trace)[0].0
}

fn lifted(trace: &[Record]) -> Nanos {
    all::<FaultLifted>(trace)[0].0
}

/// Where a connector listens for clients and targets.
fn port_of(connector: u8) -> u16 {
    seat(connector, 2, 2, Service::Manager).port
}

/// When connectors went down, and why; and when they were up again.
type Changes = (Vec<(Nanos, u8, DownReason)>, Vec<(Nanos, u8)>);

fn changes(trace: &[Record]) -> Changes {
    let down = all::<ConnectorDown>(trace).into_iter();
    let up = all::<ConnectorUp>(trace).into_iter();
    (
        down.map(|(at, it)| (at, it.connector, it.why)).collect(),
        up.map(|(at, it)| (at, it.connector)).collect(),
    )
}

/// By which port connections to the manager were taken between two times.
fn taken(trace: &[Record], from: Nanos, until: Nanos) -> Vec<u16> {
    let accepted = all::<ConnectionAccepted>(trace).into_iter();
    let to_manager = accepted.filter(|(at, it)| it.to == M0 && from <= *at && *at < until);
    let mut ports: Vec<u16> = to_manager.map(|(_, it)| it.service).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[test]
fn without_faults_peers_are_spread_over_the_connectors() {
    let trace = run("");
    assert_eq!(changes(&trace), (vec![], vec![]));
    assert_eq!(taken(&trace, Nanos::ZERO, Nanos::MAX), [port_of(0), port_of(1)]);
}

#[test]
fn connector_stop_cuts_its_peers_off_and_they_move_to_the_other_one() {
    let trace = run(
        r#"{ "at": "5ms", "do": { "connector.stop": { "connector": "m0/conn0" } }, "for": "10ms" }"#,
    );
    let (stopped, started) = (applied(&trace), lifted(&trace));
    let (down, up) = changes(&trace);
    assert_eq!(down, [(down[0].0, 0, DownReason::Stopped)]);
    assert!(down[0].0 >= stopped && down[0].0 - stopped < Nanos::from_micros(10));
    assert_eq!(up, [(up[0].0, 0)]);
    assert!(up[0].0 >= started && up[0].0 - started < Nanos::from_micros(10));
    let closed = all::<ConnectionClosed>(&trace);
    assert!(closed.iter().any(|(at, it)| it.node == M0 && *at >= stopped && *at < started));
    assert_eq!(taken(&trace, stopped, started), [port_of(1)]);
}

#[test]
fn connector_start_is_heeded_at_once_and_a_stop_outlives_the_manager() {
    let trace = run(r#"{ "at": "5ms", "do": { "connector.stop": { "connector": "m0/conn1" } } },
           { "at": "6ms", "do": { "node.reboot": { "node": "m0", "downtime": "1ms" } } },
           { "at": "20ms", "do": { "connector.start": { "connector": "m0/conn1" } } }"#);
    let (down, up) = changes(&trace);
    assert_eq!(down.len(), 2, "before the reboot, and after it: {down:?}");
    assert!(down.iter().all(|(_, connector, why)| (*connector, *why) == (1, DownReason::Stopped)));
    assert_eq!(up.len(), 1);
    assert!(up[0].0 - Nanos::from_millis(20) < Nanos::from_micros(10));
    assert_eq!(taken(&trace, Nanos::from_millis(7), Nanos::from_millis(20)), [port_of(0)]);
}

#[test]
fn connector_address_conflict_and_port_in_use_are_tried_again_until_they_are_over() {
    let conflict = run(
        r#"{ "at": "5ms", "do": { "connector.address_conflict": { "connector": "m0/conn0" } }, "for": "10ms" }"#,
    );
    let (down, up) = changes(&conflict);
    let why: Vec<DownReason> = down.iter().map(|it| it.2).collect();
    assert_eq!(why, [DownReason::AddressGone, DownReason::NotAvailable]);
    let late = up[0].0 - lifted(&conflict);
    assert!(late <= Nanos::from_millis(3), "the next attempt is never more than 3 ms away: {late}");
    let stolen = run(
        r#"{ "at": "5ms", "do": { "connector.port_in_use": { "connector": "m0/conn0" } }, "for": "10ms" },
           { "at": "6ms", "do": { "connector.renumber": { "connector": "m0/conn0" } } }"#,
    );
    let (down, up) = changes(&stolen);
    let why: Vec<DownReason> = down.iter().map(|it| it.2).collect();
    assert_eq!(why, [DownReason::AddressGone, DownReason::InUse]);
    let late = up[0].0 - lifted(&stolen);
    assert!(late <= Nanos::from_millis(3), "{late}");
}
