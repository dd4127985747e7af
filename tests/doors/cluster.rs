//! What actions on nodes and applications do, as the cluster's own records show it: a whole small cluster per
//! test, for these actions have several simulators under them.

use stormglass::base::history::NodeDown;
use stormglass::base::history::{OpAbandoned, OpInvoked, VolumeChanged, VolumeState};
use stormglass::base::protocol::{OwnerGranted, TopologyDecided};
use stormglass::base::{MessageKind, Nanos, NodeId, Record, Recorded};
use stormglass::disk::Replaced;
use stormglass::net::{ConnectionClosed, MessageDelivered};
use stormglass::node::{FalselySaid, Frame, Overlooked, RegionRecovered};
use stormglass::scenario::parse;
use stormglass::sim::{AllocationRefused, NodeUp};
use stormglass::world::{FaultApplied, FaultLifted, Keep, RunOptions, Verdict, simulate};

const C0: NodeId = NodeId::new(0);
const C1: NodeId = NodeId::new(1);
const T0: NodeId = NodeId::new(2);
const T1: NodeId = NodeId::new(3);
const M0: NodeId = NodeId::new(4);

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

/// When messages of a kind reached a node.
fn delivered(trace: &[Record], kind: MessageKind, to: NodeId) -> Vec<Nanos> {
    let all = all::<MessageDelivered<Frame>>(trace).into_iter();
    all.filter(|(_, _, it)| format!("{:?}", it.kind) == kind.name() && it.to == to)
        .map(|(at, ..)| at)
        .collect()
}

#[test]
fn manager_inject_false_message_is_delivered_and_not_believed() {
    let trace = run(
        r#"{ "at": "2ms", "do": { "manager.inject_false_message": { "to": "c0", "message": "detached" } } },
           { "at": "3ms", "do": { "manager.inject_false_message": { "to": "c1", "message": "grant" } } },
           { "at": "4ms", "do": { "manager.inject_false_message": { "to": "t0", "message": "register" } } }"#,
    );
    let said: Vec<_> = all::<FalselySaid>(&trace).into_iter().map(|(_, _, it)| it).collect();
    let expected =
        [(C0, MessageKind::Detached), (C1, MessageKind::Grant), (T0, MessageKind::Register)];
    assert_eq!(said, expected.map(|(to, kind)| FalselySaid { to, kind }));
    assert_eq!(delivered(&trace, MessageKind::Detached, C0).len(), 1, "it gives nothing back");
    assert_eq!(delivered(&trace, MessageKind::Grant, C1).len(), 1, "it has nothing");
    assert_eq!(issuers(&trace, Nanos::ZERO, Nanos::MAX), [C0]);
}

#[test]
fn manager_ignore_next_client_message_lets_it_arrive_and_never_acts_on_it() {
    let trace = run(
        r#"{ "at": "0ns", "do": { "manager.ignore_next_client_message": { "message": "attach" } } }"#,
    );
    let [(at, _, overlooked)] = all::<Overlooked>(&trace)[..] else { panic!("one") };
    assert_eq!(overlooked, Overlooked { from: C0, kind: MessageKind::Attach });
    let granted = all::<OwnerGranted>(&trace)[0].0;
    let asked = delivered(&trace, MessageKind::Attach, M0);
    assert!(asked[0] <= at && at < asked[1] && asked[1] < granted, "{asked:?} {granted}");
}

#[test]
fn manager_hold_acks_keeps_grants_back_and_says_them_twice() {
    let trace =
        run(r#"{ "at": "2ms", "do": { "manager.hold_acks": { "twice": true } }, "for": "30ms" },
           { "at": "2100us", "do": { "net.isolate": { "node": "t0" } }, "for": "12ms" }"#);
    let lifted = faults(&trace).1[1];
    let held = faults(&trace).0[0];
    let mut said = delivered(&trace, MessageKind::Register, T0);
    said.extend(delivered(&trace, MessageKind::Register, T1));
    let late: Vec<&Nanos> = said.iter().filter(|at| **at > held).collect();
    assert!(late.iter().all(|at| **at > lifted), "{late:?}, lifted {lifted}");
    assert!(late.len() > 1 && late.len().is_multiple_of(2), "each twice: {late:?}");
}

#[test]
fn manager_force_reboot_takes_it_down_for_two_milliseconds() {
    let trace = run(r#"{ "at": "2ms", "do": { "manager.force_reboot": {} } }"#);
    let at = faults(&trace).0[0];
    let up = all::<NodeUp>(&trace);
    let back = up.iter().find(|(_, _, up)| up.node == M0 && up.incarnation == 2);
    assert_eq!(back.expect("it is up again").0, at + Nanos::from_millis(2));
}

#[test]
fn manager_force_reboot_that_keeps_memory_breaks_its_connections_alone() {
    let trace =
        run(r#"{ "at": "2ms", "do": { "manager.force_reboot": { "keep_memory": true } } }"#);
    let at = faults(&trace).0[0];
    assert!(all::<NodeUp>(&trace).iter().all(|(_, _, up)| up.node != M0 || up.incarnation == 1));
    let closed = all::<ConnectionClosed>(&trace);
    let broken = closed.iter().filter(|(when, _, it)| *when == at && it.node == M0).count();
    assert!(broken >= 3, "client and targets: {broken}");
}
