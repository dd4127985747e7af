//! Flushes over a loss of every cache, in whole runs: what may be gone is told to the application by a flush that
//! fails, and what one promised is there.

use std::collections::BTreeMap;

use stormglass::base::history::{CachesLost, OpInvoked, OpKind, OpResult, OpReturned};
use stormglass::base::{OpId, Record, Seq};
use stormglass::scenario::parse;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

/// Three losses of all power under many flushes; the client lives on.
const POWER_CUTS: &str = r#"{ "version": 1, "name": "flushes-over-power-cuts", "budget": "none",
    "cluster": { "targets": 2, "disk": { "volatile_cache": true } },
    "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 256, "legs": ["t0/d0", "t1/d0"] } ],
    "workload": [ { "app": "random", "client": "c0", "volume": "vol0", "ops": 12000, "depth": 16,
        "mix": { "read": 20, "write": 60, "flush": 20, "trim": 0 }, "blocks": "1..4" } ],
    "script": [
        { "at": "5ms", "do": { "node.reboot": { "node": "all:target" } } },
        { "at": "25ms", "do": { "node.reboot": { "node": "all:target" } } },
        { "at": "45ms", "do": { "node.reboot": { "node": "all:target" } } },
        { "at": "65ms", "freeze": ["all"] } ] }"#;

/// An operation that returned.
struct Done {
    kind: OpKind,
    invoked: Seq,
    returned: Seq,
    result: OpResult,
}

/// The operations that returned, and when every copy lost its power.
fn history(trace: &[Record]) -> (Vec<Done>, Vec<Seq>) {
    let (mut open, mut done, mut lost) = (BTreeMap::<OpId, (OpKind, Seq)>::new(), vec![], vec![]);
    for record in trace {
        if let Some(OpInvoked { op, kind, .. }) = record.get() {
            open.insert(op, (kind, record.seq));
        } else if let Some(OpReturned { op, result, .. }) = record.get() {
            let (kind, invoked) = open.remove(&op).expect("what returns was invoked");
            done.push(Done { kind, invoked, returned: record.seq, result });
        } else if record.get::<CachesLost>().is_some() {
            lost.push(record.seq);
        }
    }
    (done, lost)
}

#[test]
fn a_loss_of_what_was_acknowledged_is_told_by_a_flush_that_fails() {
    let scenario = parse("test.json", POWER_CUTS).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let (mut told, mut spanning) = (0, 0);
    for seed in 1..=4 {
        let report = simulate(&scenario, seed, &options);
        assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
        let (done, losses) = history(&report.trace);
        let flushes = || done.iter().filter(|op| op.kind == OpKind::Flush);
        let mut before = 0;
        for lost in losses {
            let is_covered = |write: &Done| {
                let mut kept = flushes().filter(|flush| flush.result == OpResult::Ok);
                kept.any(|flush| flush.invoked > write.returned && flush.invoked < lost)
            };
            let is_unflushed = |write: &&Done| {
                write.kind == OpKind::Write
                    && write.result == OpResult::Ok
                    && (before..lost).contains(&write.invoked)
                    && write.returned < lost
                    && !is_covered(write)
            };
            let failed = |flush: &&Done| flush.returned > lost && flush.result != OpResult::Ok;
            if done.iter().any(|op| is_unflushed(&op)) {
                assert!(flushes().any(|flush| failed(&flush)), "seed {seed}: loss at #{lost}");
                told += 1;
            }
            spanning += flushes().filter(failed).filter(|flush| flush.invoked < lost).count();
            before = lost;
        }
    }
    assert!(told > 4 && spanning > 4, "{told} losses told, {spanning} flushes over them failed");
}

#[test]
fn each_application_of_a_volume_is_told_of_a_loss() {
    let app = r#"{ "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 1,
        "mix": { "read": 20, "write": 60, "flush": 20, "trim": 0 }, "blocks": "1..4" }"#;
    let (before, rest) = POWER_CUTS.split_once("\"workload\": [").expect("it has a workload");
    let (_, after) = rest.split_once("],\n    \"script\"").expect("it has a script");
    let text = format!("{before}\"workload\": [ {app}, {app} ],\n    \"script\"{after}");
    let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let mut told = 0;
    for seed in 1..=4 {
        let report = simulate(&scenario, seed, &options);
        assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
        let (done, losses) = history(&report.trace);
        assert_eq!(losses.len(), 3, "seed {seed}");
        let ends = losses[1..].iter().copied().chain([Seq::MAX]);
        for (lost, end) in losses.iter().copied().zip(ends) {
            let failed = done.iter().filter(|op| {
                let is_after = op.returned > lost && op.returned < end;
                op.kind == OpKind::Flush && op.result != OpResult::Ok && is_after
            });
            // Each application has one operation at a time; there may have been nothing to lose.
            let failed = failed.count();
            assert!(matches!(failed, 0 | 2), "seed {seed}: loss at #{lost}, {failed} told");
            told += failed;
        }
    }
    assert!(told > 8, "{told} told in 12 losses");
}
