//! What actions on nodes and applications do, as the cluster's own records show it: a whole small cluster per
//! test, for these actions have several simulators under them.

use stormglass::base::history::NodeDown;
use stormglass::base::history::{OpAbandoned, OpInvoked, VolumeChanged, VolumeState};
use stormglass::base::protocol::{OwnerGranted, TopologyDecided};
use stormglass::base::{Nanos, NodeId, Record, Recorded};
use stormglass::disk::Replaced;
use stormglass::node::RegionRecovered;
use stormglass::scenario::parse;
use stormglass::sim::{AllocationRefused, NodeUp};
use stormglass::world::{FaultApplied, FaultLifted, Keep, RunOptions, Verdict, simulate};

const C0: NodeId = NodeId::new(0);
const C1: NodeId = NodeId::new(1);
const T0: NodeId = NodeId::new(2);

/// Runs two clients and two targets under a script, on one seed; the run has to pass.
fn run(script: &str) -> Vec<Record> {
    let text = format!(
        r#"{{ "version": 1, "name": "doors", "cluster": {{ "clients": 2, "targets": 2 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 8000, "depth": 8 }} ],
            "script": [ {script} ], "limits": {{ "settle": "1s" }} }}"#
    );
    let scenario = parse("doors", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, 3, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    report.trace
}

fn all<R: Recorded>(trace: &[Record]) -> Vec<(Nanos, Option<NodeId>, R)> {
    trace.iter().filter_map(|record| Some((record.at, record.node, record.get()?))).collect()
}

/// When the faults were applied, and when lifted.
fn faults(trace: &[Record]) -> (Vec<Nanos>, Vec<Nanos>) {
    let applied = all::<FaultApplied>(trace).into_iter().map(|(at, ..)| at).collect();
    (applied, all::<FaultLifted>(trace).into_iter().map(|(at, ..)| at).collect())
}

/// Who issued operations between two times.
fn issuers(trace: &[Record], from: Nanos, until: Nanos) -> Vec<NodeId> {
    let issued = all::<OpInvoked>(trace).into_iter();
    let mut nodes: Vec<NodeId> = issued
        .filter(|(at, ..)| from < *at && *at < until)
        .filter_map(|(_, node, _)| node)
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

#[test]
fn app_pause_stops_the_issuing_and_resume_lets_it_go_on() {
    let trace = run(r#"{ "at": "2ms", "do": { "app.pause": { "client": "c0" } } },
           { "at": "6ms", "do": { "app.resume": { "client": "c0" } } }"#);
    let [paused, resumed] = faults(&trace).0[..] else { panic!("two faults") };
    assert_eq!(issuers(&trace, Nanos::ZERO, paused), [C0]);
    assert_eq!(issuers(&trace, paused, resumed), []);
    assert_eq!(issuers(&trace, resumed, Nanos::MAX), [C0]);
}

#[test]
fn app_kill_abandons_what_is_in_flight_and_app_attach_lets_another_client_recover() {
    let trace = run(r#"{ "at": "2ms", "do": { "app.kill": { "client": "c0" } } },
           { "at": "2500us", "do": { "app.attach": { "client": "c1", "volume": "vol0" } } }"#);
    let [killed, _] = faults(&trace).0[..] else { panic!("two faults") };
    let abandoned = all::<OpAbandoned>(&trace);
    assert!(!abandoned.is_empty() && abandoned.iter().all(|(at, ..)| *at == killed));
    let granted = all::<OwnerGranted>(&trace);
    let (at, ..) = granted.iter().find(|(_, node, _)| *node == Some(C1)).expect("c1 has it");
    assert!(*at - killed > Nanos::from_millis(20), "not before the lease of the dead is over");
    assert!(!all::<RegionRecovered>(&trace).is_empty(), "what was in flight is made equal first");
    assert_eq!(issuers(&trace, killed, Nanos::MAX), [C1], "its applications go on there");
}

#[test]
fn app_detach_gives_the_volume_back_with_nothing_in_flight_and_nothing_to_recover() {
    let trace =
        run(r#"{ "at": "2ms", "do": { "app.detach": { "client": "c0", "volume": "vol0" } } },
           { "at": "4ms", "do": { "app.attach": { "client": "c1", "volume": "vol0" } } }"#);
    let [detached, attached] = faults(&trace).0[..] else { panic!("two faults") };
    assert!(all::<OpAbandoned>(&trace).is_empty() && all::<RegionRecovered>(&trace).is_empty());
    let decided = all::<TopologyDecided>(&trace);
    let (at, manager, _) = decided
        .iter()
        .find(|(_, manager, decision)| Some(decision.owner) == *manager)
        .expect("a decision that leaves the volume without owner");
    assert!(detached < *at && *at < attached && manager.is_some());
    assert_eq!(issuers(&trace, detached, attached), []);
    assert_eq!(issuers(&trace, attached, Nanos::MAX), [C1]);
    let granted = all::<OwnerGranted>(&trace);
    let (at, ..) = granted.iter().find(|(_, node, _)| *node == Some(C1)).expect("c1 has it");
    assert!(*at - attached < Nanos::from_millis(2), "nobody's lease is waited for");
}

#[test]
fn node_crash_takes_the_program_down_and_starts_it_again() {
    let trace =
        run(r#"{ "at": "2ms", "do": { "node.crash": { "node": "t0", "downtime": "300us" } } }"#);
    let [crashed] = faults(&trace).0[..] else { panic!("one fault") };
    let down = all::<NodeDown>(&trace);
    assert!(down.iter().any(|(at, _, down)| *at == crashed && down.node == T0));
    let up = all::<NodeUp>(&trace);
    let back = up.iter().find(|(_, _, up)| up.node == T0 && up.incarnation == 2);
    assert_eq!(back.expect("it is started again").0, crashed + Nanos::from_micros(300));
}

#[test]
fn node_wipe_leaves_blank_disks_that_are_rebuilt_in_whole() {
    let trace = run(r#"{ "at": "25ms", "do": { "node.wipe": { "node": "t0" } } }"#);
    assert_eq!(all::<Replaced>(&trace).len(), 1);
    let states: Vec<VolumeState> =
        all::<VolumeChanged>(&trace).into_iter().map(|(_, _, changed)| changed.state).collect();
    assert!(states.contains(&VolumeState::Degraded), "{states:?}");
    assert!(states.contains(&VolumeState::Rebuilding), "{states:?}");
    assert_eq!(states.last(), Some(&VolumeState::Healthy));
}

#[test]
fn memory_limit_makes_a_client_wait_until_it_is_lifted() {
    let trace = run(
        r#"{ "at": "2ms", "do": { "memory.limit": { "node": "c0", "bytes": 0 } }, "for": "3ms" }"#,
    );
    let (applied, lifted) = faults(&trace);
    let refused = all::<AllocationRefused>(&trace);
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|(at, ..)| applied[0] <= *at && *at <= lifted[0]));
    assert_eq!(issuers(&trace, applied[0] + Nanos::from_millis(1), lifted[0]), []);
    assert_eq!(issuers(&trace, lifted[0], Nanos::MAX), [C0]);
}
