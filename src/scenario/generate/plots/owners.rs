//! Plots of who has a volume: leases that run out beside others' writes, and lives of a client that are over.

use serde_json::{Value, json};

use super::words::{calm, legs, span, time};
use crate::scenario::cluster::Cluster;
use crate::scenario::generate::dice::Dice;

/// Where the owner and the manager part, with a leg that the next owner does not reach: what its lease is worth shows in what it
/// still reads there.
pub(super) fn leases_end(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    cluster.clients = 2;
    cluster.targets = 2;
    let mut script = vec![];
    let begin = dice.between(4_000, 8_000);
    let how = dice.between(0, 2);
    match how {
        0 => {
            // Both clocks as the lease allows; the leg is given up just before.
            for (node, ppm) in [("c0", -45_000), ("m0", 45_000)] {
                script.push(json!({ "at": "0ms", "do": { "node.clock_drift": { "node": node, "ppm": ppm } } }));
            }
            script.push(json!({ "at": "0ms", "do": { "net.partition": { "a": "c1", "b": "m0" } }, "for": "3ms" }));
            script.push(json!({ "at": time(dice, begin, begin), "do": { "disk.read_only": { "disk": "t1/d0" } }, "for": "50ms" }));
            script.push(json!({
                "when": { "volume": "vol0", "state": "degraded" },
                "do": { "net.partition": { "a": "c0", "b": "m0" } }, "for": "60ms",
            }));
        }
        1 => {
            let by = dice.pick(&["-1s", "-50ms", "100ms"]);
            script.push(json!({ "at": time(dice, 1_000, begin), "do": { "node.clock_jump": { "node": "c0", "by": by } } }));
        }
        _ => {
            script.push(json!({
                "at": time(dice, begin, begin), "do": { "node.pause": { "node": "c0" } },
                "for": span(dice, 22_000, 40_000),
            }));
        }
    }
    if how > 0 {
        for (a, b) in [("c0", "m0"), ("t1", "m0"), ("c1", "t1")] {
            let cut = json!({ "net.partition": { "a": a, "b": b } });
            script.push(json!({ "at": time(dice, begin, begin + 400), "do": cut, "for": "60ms" }));
        }
    }
    // Reads that wait for a grant must not keep those back which do not.
    let (reads, depth, rate) = if how == 0 { (99, 256, 14_000) } else { (100, 4, 50_000) };
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(32, 96) }],
        "workload": [
            { "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_000, 3_000), "depth": depth,
              "rate": rate, "mix": { "read": reads, "write": 100 - reads, "flush": 0, "trim": 0 } },
            { "app": "random", "client": "c1", "volume": "vol0", "ops": 3_000, "depth": 8, "rate": 50_000,
              "mix": { "read": 20, "write": 80, "flush": 0, "trim": 0 } },
        ],
        "script": script,
    })
}

/// A client that reboots again and again, while CPUs of the manager stand still with what its earlier lives have said.
pub(super) fn earlier_lives(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    cluster.manager_cpus = 4;
    let mut script = vec![];
    for cpu in 1..4 {
        script.push(json!({
            "every": span(dice, 1_500, 4_000), "times": dice.between(20, 40),
            "do": { "cpu.stop": { "cpu": format!("m0/cpu{cpu}") } }, "for": span(dice, 200, 3_000),
        }));
    }
    script.push(json!({
        "every": span(dice, 1_500, 4_000), "times": dice.between(30, 60),
        "do": { "node.reboot": { "node": "c0", "downtime": "20us..200us" } },
    }));
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(32, 128) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_500, 3_000), "depth": 8,
            "rate": dice.between(8_000, 16_000), "mix": { "read": 40, "write": 56, "flush": 2, "trim": 2 }, "blocks": "1..4",
        }],
        "script": script,
    })
}
