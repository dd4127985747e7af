//! Plots of those who decide: managers, their log and database, the controller, its satellites and their programs.

use serde_json::{Value, json};

use super::words::{calm, controlled, legs, shape, span, time};
use crate::scenario::cluster::Cluster;
use crate::scenario::generate::dice::Dice;

/// A mirror of two legs, and an application on it with so many operations at such a rate.
fn mirror_under_load(dice: &mut Dice, (ops, rate): (u64, u64)) -> Value {
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(32, 512) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": ops, "depth": 8, "rate": rate,
            "mix": { "read": 40, "write": 60, "flush": 0, "trim": 0 }, "blocks": "1..4",
        }],
    })
}

/// The manager finds legs that are ahead of its database, and decides nothing: that is how it has to end.
pub(super) fn database_back(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    cluster.targets = 2;
    let mut scenario = mirror_under_load(dice, (20_000, 200_000));
    // From before the leg was given up, which takes some ten milliseconds.
    let (away, age) = (dice.between(6_000, 15_000), dice.between(20_000, 25_000));
    scenario["script"] = json!([
        { "at": format!("{away}us"), "do": { "node.power_off": { "node": "t1" } } },
        { "when": { "volume": "vol0", "state": "degraded" }, "do": { "node.reboot": { "node": "t0" } } },
        { "after": "15ms", "do": { "node.power_off": { "node": "m0" } } },
        { "after": "1ms", "do": { "database.restore_old_snapshot": { "age": format!("{age}us") } } },
        { "after": "1ms", "do": { "node.power_off": { "node": "t0" } } },
        { "after": "1ms", "do": { "node.power_on": { "node": "t0" } } },
        { "after": time(dice, 1, 3_000), "do": { "node.power_on": { "node": "t1" } } },
        { "after": time(dice, 1, 3_000), "do": { "node.power_on": { "node": "m0" } } },
    ]);
    scenario["budget"] = json!("none");
    scenario["limits"] = json!({ "virtual_time": "300ms", "settle": "100ms" });
    scenario["expect"] = json!({ "liveness": true });
    scenario
}

pub(super) fn manager_forgets(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.managers = 3;
    let mut scenario = mirror_under_load(dice, (4_000, 20_000));
    let (lone, next) = (dice.between(0, 2), dice.between(1, 2));
    let manager = |number: u64| format!("m{}", number % 3);
    let (wipe, other) = (manager(lone + next), manager(lone + 3 - next));
    let begin = dice.between(12_000, 30_000);
    let heals = begin + dice.between(40_000, 70_000);
    scenario["script"] = json!([
        { "at": format!("{begin}us"), "do": { "net.isolate": { "node": manager(lone) } },
          "for": format!("{}us", heals - begin + dice.between(1, 8_000)) },
        { "at": format!("{}us", begin + dice.between(2_000, 12_000)),
          "do": { "node.power_off": { "node": "t0" } }, "for": span(dice, 100_000, 200_000) },
        { "at": format!("{heals}us"), "do": { "node.wipe": { "node": wipe } } },
        { "after": "0us", "do": { "net.isolate": { "node": other } }, "for": span(dice, 40_000, 90_000) },
        { "every": "60ms..90ms", "from": "400ms", "times": 3, "do": { "node.wipe": { "node": "any:manager" } } },
    ]);
    scenario
}

pub(super) fn deposed(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    controlled(cluster, 2, 1_000);
    cluster.managers = 3;
    let mut scenario = mirror_under_load(dice, (2_000, 10_000));
    let mut script = Vec::new();
    for round in 0..dice.between(1, 4) {
        let begin = 80_000 + round * 150_000;
        // What the next one says to the database comes before what this one has said. The first of them leads at first.
        let hold = json!({ "net.hold": { "from": "all:manager", "to": "db0" } });
        script.push(json!({ "at": format!("{begin}us"), "do": hold, "for": "20ms..60ms" }));
        let call = json!({ "api.create_resource_definition": { "name": format!("late{round}") } });
        script.push(json!({ "after": time(dice, 1, 2_000), "do": call }));
        let alone = if round == 0 { 0 } else { dice.between(0, 2) };
        for other in (0..3).filter(|other| *other != alone) {
            let cut =
                json!({ "net.partition": { "a": format!("m{alone}"), "b": format!("m{other}") } });
            script.push(json!({ "after": time(dice, 1, 1_500), "do": cut, "for": span(dice, 30_000, 70_000) }));
        }
        if dice.one_in(2) {
            script.push(json!({
                "every": "3ms..5ms", "from": format!("{}us", begin + 60_000), "times": 6,
                "do": { "api.create_node": { "name": "extra" } },
            }));
        }
    }
    scenario["script"] = json!(script);
    scenario
}

pub(super) fn in_doubt(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    controlled(cluster, 2, 1_000);
    let mut scenario = mirror_under_load(dice, (800, 5_000));
    let mut script = Vec::new();
    for round in 0..dice.between(2, 8) {
        let begin = 30_000 + round * 40_000;
        let phase = if dice.one_in(2) { "after" } else { "before" };
        script.push(json!({
            "at": format!("{begin}us"), "do": { "database.fail_commit": { "phase": phase } },
        }));
        // What was done is found out before the call is answered; what was not may have been another commit.
        let reply = (phase == "after").then(|| json!({ "success": true }));
        let mut call = json!({ "api.create_node": { "name": format!("n{round}") } });
        if let Some(reply) = reply {
            call["api.create_node"]["reply"] = reply;
        }
        script.push(json!({ "after": span(dice, 500, 3_000), "do": call }));
        if dice.one_in(3) {
            let node = if dice.one_in(2) { "m0" } else { "db0" };
            script.push(json!({
                "at": time(dice, begin + 15_000, begin + 25_000), "do": { "node.reboot": { "node": node } },
            }));
        }
    }
    scenario["script"] = json!(script);
    scenario
}

/// The calls that make a resource on a target, each a while after the one before, the first at its time.
fn made(script: &mut Vec<Value>, at: &str, name: &str, node: &str) {
    script.extend([
        json!({ "at": at, "do": { "api.create_resource_definition": { "name": name } } }),
        json!({ "after": "1ms", "do": { "api.create_volume_definition": { "resource_definition": name, "size": "64KiB" } } }),
        json!({ "after": "1ms", "do": { "api.create_resource": { "resource_definition": name, "node": node } } }),
    ]);
}

pub(super) fn unmade(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    controlled(cluster, 2, 1_000);
    let mut scenario = mirror_under_load(dice, (500, 5_000));
    let mut script = Vec::new();
    for number in 0..dice.between(1, 4) {
        let (name, node) = (format!("r{number}"), format!("t{}", dice.between(0, 1)));
        let begin = 20_000 + number * dice.between(4_000, 30_000);
        made(&mut script, &format!("{begin}us"), &name, &node);
        let unmake = match dice.one_in(2) {
            true => json!({ "api.delete_resource": { "resource_definition": name, "node": node } }),
            false => json!({ "api.delete_resource_definition": { "name": name } }),
        };
        script.push(json!({ "at": time(dice, begin + 4_000, begin + 60_000), "do": unmake }));
        if dice.one_in(3) {
            let reboot = json!({ "node.reboot": { "node": node } });
            script.push(json!({ "at": time(dice, begin, begin + 60_000), "do": reboot }));
        }
    }
    scenario["script"] = json!(script);
    scenario
}

/// One can't be brought about for two seconds: the other, made in the meantime, is there long before.
pub(super) fn apart_from_others(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    controlled(cluster, 2, 100);
    let mut scenario = mirror_under_load(dice, (300, 5_000));
    let fault = match dice.one_in(2) {
        true => json!({ "external.exit": {
            "node": "t1", "program": "volume-manager", "resource": "r1", "code": dice.between(1, 9),
        } }),
        false => {
            json!({ "external.hang": { "node": "t1", "program": "volume-manager", "resource": "r1" } })
        }
    };
    let mut script = vec![json!({ "at": "30ms", "do": fault, "for": "2s" })];
    made(&mut script, &time(dice, 35_000, 60_000), "r1", "t1");
    // While it waits for its turn to be tried again, or for a program that hangs.
    let begin = dice.between(300_000, 1_500_000);
    made(&mut script, &format!("{begin}us"), "r2", "t1");
    script.extend([
        json!({ "at": format!("{}us", begin + 4_000), "expect": { "exported": 2, "node": "t1" }, "within": "150ms" }),
        json!({ "at": "2100ms", "expect": { "exported": 3, "node": "t1" }, "within": "6s" }),
    ]);
    scenario["script"] = json!(script);
    scenario["limits"] = json!({ "virtual_time": "20s", "settle": "8s" });
    scenario
}

pub(super) fn loud_programs(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    controlled(cluster, 2, 100);
    let mut scenario = mirror_under_load(dice, (300, 5_000));
    let mut script = Vec::new();
    made(&mut script, &time(dice, 40_000, 60_000), "r1", "t1");
    for round in 0..dice.between(1, 3) {
        let begin = 30_000 + round * 600_000;
        let at = time(dice, begin, begin + 100_000);
        let fault = match dice.between(0, 2) {
            0 => json!({ "external.flood": {
                "node": "t1", "program": dice.pick(&["volume-manager", "event-stream"]), "bytes": "5MiB",
            } }),
            1 => json!({ "external.exit": { "node": "t1", "program": "event-stream", "code": 1 } }),
            _ => json!({ "external.hang": { "node": "t1", "program": "event-stream" } }),
        };
        script.push(json!({ "at": at, "do": fault, "for": span(dice, 20_000, 300_000) }));
        if round > 0 || dice.one_in(2) {
            let gone = json!({ "external.device_disappears": { "node": "t1", "resource": "r1" } });
            script.push(json!({ "after": span(dice, 5_000, 60_000), "do": gone, "for": "10ms" }));
        }
    }
    script
        .push(json!({ "at": "2500ms", "expect": { "exported": 2, "node": "t1" }, "within": "3s" }));
    scenario["script"] = json!(script);
    scenario["limits"] = json!({ "virtual_time": "20s", "settle": "8s" });
    scenario
}
