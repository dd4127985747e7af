//! Three managers: how soon another one leads, and what becomes of what was agreed on when power goes at any of their writes.

use std::path::Path;

use stormglass::base::history::MediaWritten;
use stormglass::base::protocol::{Elected, Resigned, TopologyFound, TopologyPersisted};
use stormglass::base::{DiskId, Nanos, NodeId, Record};
use stormglass::scenario::{load, parse};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};

/// A client, two targets and three managers, of which the first one leads; the script takes it away.
fn run(script: &str, seed: u64) -> RunReport {
    let text = format!(
        r#"{{ "version": 1, "name": "managers", "cluster": {{ "targets": 2, "managers": 3 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 128, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 1500, "rate": 20000, "depth": 4 }} ],
            "script": [ {script} ], "limits": {{ "settle": "2s" }}, "inert": "allowed" }}"#
    );
    let scenario = parse("managers", &text).unwrap_or_else(|error| panic!("{error}"));
    let report =
        simulate(&scenario, seed, &RunOptions { trace: Keep::All, ..RunOptions::default() });
    assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
    report
}

fn elected(trace: &[Record]) -> Vec<(Nanos, NodeId)> {
    let of = |record: &Record| Some((record.at, record.get::<Elected>()?.manager));
    trace.iter().filter_map(of).collect()
}

#[test]
fn another_one_leads_within_some_milliseconds() {
    for seed in 1..=10 {
        let gone =
            r#"{ "at": "30ms", "do": { "node.power_off": { "node": "m0" } }, "for": "60ms" }"#;
        let elected = elected(&run(gone, seed).trace);
        let [(_, first), (at, second), ..] = elected[..] else { panic!("{elected:?}") };
        assert_ne!(first, second);
        let took = at - Nanos::from_millis(30);
        assert!(took < Nanos::from_millis(25), "seed {seed}: {took}");
    }
}

#[test]
fn a_leader_that_is_cut_off_resigns_before_another_one_leads() {
    for seed in 1..=10 {
        let cut = r#"{ "at": "30ms", "do": { "net.partition": { "a": "m0", "b": "m1" } }, "for": "60ms" },
            { "at": "30ms", "do": { "net.partition": { "a": "m0", "b": "m2" } }, "for": "60ms" }"#;
        let trace = run(cut, seed).trace;
        let elected = elected(&trace);
        let resigned = trace.iter().find(|record| record.get::<Resigned>().is_some());
        let resigned = resigned.expect("it cannot know that it leads").at;
        assert!(resigned - Nanos::from_millis(30) <= Nanos::from_millis(9), "{resigned}");
        assert!(elected[1].0 > resigned, "{elected:?}, resigned at {resigned}");
    }
}

#[test]
fn one_manager_elects_nobody() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke/baseline-512.json");
    let scenario = load(&path).unwrap_or_else(|error| panic!("{error}"));
    let report = simulate(&scenario, 1, &RunOptions { trace: Keep::All, ..RunOptions::default() });
    assert!(elected(&report.trace).is_empty());
}

/// All managers lose their power at the nth write of one of them to its log.
#[test]
fn power_goes_at_every_write_of_a_log() {
    let trouble =
        r#"{ "at": "15ms", "do": { "node.reboot": { "node": "t0", "downtime": "8ms" } } }"#;
    let plain = run(trouble, 1).trace;
    for disk in [2, 3].map(DiskId::new) {
        let writes =
            plain.iter().filter(|it| it.get::<MediaWritten>().is_some_and(|it| it.disk == disk));
        let times: Vec<Nanos> = writes.map(|record| record.at).collect();
        assert!(times.len() > 8, "{} writes", times.len());
        for at in times {
            // In the middle of it, and right after it.
            for at in [at.get().saturating_sub(3_000), at.get() + 500] {
                let power = format!(
                    r#"{trouble}, {{ "at": "{at}ns", "do": {{ "node.reboot": {{ "node": "all:manager", "downtime": "1ms" }} }} }}"#
                );
                let trace = run(&power, 1).trace;
                // Agreed on as its leader died, it is found by the next one.
                let is_known = |it: &&Record| {
                    it.get::<TopologyPersisted>().is_some() || it.get::<TopologyFound>().is_some()
                };
                assert!(trace.iter().any(|it| is_known(&it)), "power goes at {at}");
            }
        }
    }
}
