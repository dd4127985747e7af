//! Plots of disks: what is bad, late, lost, refused, or somewhere else.

use serde_json::{Value, json};

use super::words::{calm, coded, legs, shape, span, time};
use crate::scenario::cluster::Cluster;
use crate::scenario::generate::cluster::keep_transfers_short;
use crate::scenario::generate::dice::Dice;
use crate::scenario::units::NanosRange;

pub(super) fn without_manager(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    let mut script = Vec::new();
    for round in 0..dice.between(1, 3) {
        let begin = 2_000 + round * 250_000;
        // Who cannot tell the manager waits for it. Who has told it, and is not heard, gives up at last.
        let is_deaf = dice.one_in(2);
        let (away, lasts) = if is_deaf {
            let word = json!({ "message": "leg-failed", "count": 10_000 });
            (json!({ "manager.ignore_next_client_message": word }), time(dice, 180_000, 220_000))
        } else {
            (json!({ "node.power_off": { "node": "m0" } }), time(dice, 30_000, 120_000))
        };
        script.push(json!({ "at": time(dice, begin, begin), "do": away, "for": lasts }));
        let (fault, lasts) = if is_deaf {
            (writes_fail(), span(dice, 125_000, 170_000))
        } else {
            fault_of_a_leg(dice)
        };
        script.push(json!({
            "at": time(dice, begin + 500, begin + 3_000), "do": fault, "for": lasts,
        }));
        if dice.one_in(2) {
            script.push(json!({
                "at": time(dice, begin, begin + 3_000),
                "do": { "net.loss": { "from": "c0", "to": "t0", "odds": "1/2" } },
                "for": time(dice, 5_000, 35_000),
            }));
        }
    }
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(16, 256),
        }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(2_000, 8_000),
            "depth": dice.between(8, 32), "rate": dice.between(20_000, 50_000), "blocks": "1..6",
            "mix": { "read": dice.between(30, 70), "write": 50, "flush": 0, "trim": 0 },
            "distribution": if dice.one_in(2) { "hot" } else { "uniform" },
        }],
        "script": script,
        "budget": "none",
    })
}

/// What has writes to a leg fail, or be late, and for how long.
fn fault_of_a_leg(dice: &mut Dice) -> (Value, String) {
    match dice.between(0, 2) {
        0 => (
            json!({ "disk.slow": { "disk": "t0/d0", "factor": dice.between(300, 1_000) } }),
            span(dice, 8_000, 14_000),
        ),
        1 => (
            json!({ "disk.hang": { "disk": "t0/d0", "ops": ["write"] } }),
            span(dice, 8_000, 25_000),
        ),
        _ => (writes_fail(), span(dice, 20_000, 80_000)),
    }
}

fn writes_fail() -> Value {
    json!({ "disk.inject_random_failure": {
        "disk": "t0/d0", "ops": ["write"], "odds": "1/1", "status": "internal",
    } })
}

pub(super) fn old_image(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    let (first, between) = (dice.between(8_000, 25_000), dice.between(60_000, 90_000));
    // Of the time shortly before the first absence.
    let age = between + 2_000 + dice.between(500, first.min(8_000));
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(1_024, 8_192),
        }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(3_000, 6_000),
            "depth": dice.between(4, 16), "rate": dice.between(10_000, 30_000), "blocks": "1..8",
            "mix": { "read": 50, "write": 49, "flush": 1, "trim": 0 },
        }],
        "script": [
            { "at": time(dice, first, first), "do": { "node.power_off": { "node": "t0" } },
              "for": span(dice, 15_000, 30_000) },
            { "at": format!("{}us", first + between), "do": { "node.power_off": { "node": "t0" } },
              "for": span(dice, 20_000, 40_000) },
            { "after": "2ms", "do": { "disk.restore_old_image": { "disk": "t0/d0", "age": format!("{age}us") } } },
        ],
    })
}

pub(super) fn bad_source(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    let (blocks, first) = (dice.scaled(256, 2_048), cluster.disk.first_block);
    let mut script = Vec::new();
    for (nth, at, away, source) in [(1, 1_000, "t0/d0", "t1/d0"), (2, 90_000, "t1/d0", "t0/d0")] {
        script.push(json!({
            "at": time(dice, at, at + 5_000), "do": { "disk.unplug": { "disk": away } },
            "for": span(dice, 4_000, 9_000),
        }));
        let when = match dice.one_in(2) {
            true => json!({ "volume": "vol0", "state": "rebuilding" }),
            false => json!({ "rebuild": format!("{}%", dice.between(1, 80)), "volume": "vol0" }),
        };
        script.push(json!({
            "when": when, "nth": nth,
            "do": { "disk.insert_bad_sector": { "disk": source, "block": first, "count": blocks } },
            "for": span(dice, 1_000, 6_000),
        }));
    }
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": blocks }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(4_000, 8_000),
            "depth": dice.between(8, 24), "rate": dice.between(20_000, 60_000), "blocks": "1..8",
            "mix": { "read": 40, "write": 58, "flush": 0, "trim": 2 }, "distribution": "uniform",
        }],
        "script": script,
        "budget": "none",
    })
}

pub(super) fn writes_refused(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    let mut script = Vec::new();
    for round in 0..dice.between(1, 2) {
        let begin = 2_000 + round * 90_000;
        let status = dice.pick(&["write_fault", "write_protected", "internal"]);
        for leg in 0..dice.between(1, 2) {
            let phase = dice.pick(&["before", "after"]);
            script.push(json!({
                "at": time(dice, begin, begin + 2_000),
                "do": { "disk.inject_random_failure": {
                    "disk": format!("t{leg}/d0"), "ops": ["write"], "odds": "1/1", "status": status, "phase": phase,
                } },
                "for": span(dice, 20_000, 60_000),
            }));
        }
        if dice.one_in(3) {
            script.push(json!({
                "at": format!("{}us", begin - 500), "do": { "node.power_off": { "node": "m0" } },
                "for": span(dice, 30_000, 70_000),
            }));
        }
    }
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(64, 4_096) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(2_000, 6_000),
            "depth": dice.between(8, 16), "rate": dice.between(20_000, 50_000), "blocks": "1..6",
            "mix": { "read": 40, "write": 58, "flush": 0, "trim": 2 },
        }],
        "script": script,
        "budget": "none",
    })
}

pub(super) fn bad_sectors(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    let (first, blocks) = (cluster.disk.first_block, dice.scaled(32, 512));
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": blocks }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(4_000, 8_000),
            "depth": dice.between(8, 32), "blocks": "1..4",
            "mix": { "read": 50, "write": 50, "flush": 0, "trim": 0 }, "distribution": "hot",
        }],
        "script": [{
            "every": span(dice, 1_000, 6_000), "times": dice.between(3, 20),
            "do": { "disk.insert_bad_sector": { "disk": "any:leg-of:vol0", "block": first, "count": blocks } },
        }],
    })
}

pub(super) fn disks_swapped(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 3);
    let mut script = Vec::new();
    for round in 0..dice.between(1, 2) {
        let (begin, one) = (10_000 + round * 120_000, dice.between(0, 2));
        let (disk, with) = (format!("t{one}/d0"), format!("t{}/d0", (one + 1) % 3));
        script.push(json!({
            "at": time(dice, begin, begin + 20_000), "do": { "disk.swap": { "disk": disk, "with": with } },
            "for": span(dice, 5_000, 40_000),
        }));
    }
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "copies": 3, "legs": legs(3), "blocks": dice.scaled(64, 1_024) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(3_000, 9_000),
            "depth": dice.between(4, 16), "rate": dice.between(30_000, 80_000), "blocks": "1..4",
            "mix": { "read": 50, "write": 48, "flush": 1, "trim": 1 },
        }],
        "script": script,
    })
}

pub(super) fn lost_writes(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 3);
    let is_coded = dice.one_in(2);
    let mut volume = if is_coded {
        coded(2, 1, dice.between(1, 6), dice.scaled(32, 256))
    } else {
        json!({ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(32, 512) })
    };
    volume["integrity"] = json!("full");
    let count = dice.scaled(2, 12);
    json!({
        "volumes": [volume],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_000, 3_000),
            "depth": dice.between(4, 12), "blocks": "1..4", "distribution": "uniform",
            "mix": { "read": 45, "write": 53, "flush": 1, "trim": 1 },
        }],
        "script": [{
            "every": span(dice, 800, 3_000), "times": dice.between(6, 20),
            "do": { "disk.lose_next_write": { "disk": "any:leg-of:vol0", "count": count } },
        }],
    })
}

pub(super) fn lost_marks(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    // Marks are written at the very start, or again and again where little is written to many regions.
    let rate = dice.one_in(2).then(|| dice.between(2_000, 6_000));
    let ops = rate.map_or_else(|| dice.between(4_000, 8_000), |rate| rate / 4);
    let first = if rate.is_some() { dice.between(1, ops / 2) } else { dice.between(1, 60) };
    let mut script = Vec::new();
    for round in 0..2 {
        let (lossy, other) = (format!("t{round}"), format!("t{}", 1 - round));
        let hold = json!({ "net.hold": { "from": "c0", "to": other } });
        script.push(match round {
            0 => json!({ "when": { "acked": first }, "do": hold, "for": "1ms" }),
            _ => json!({ "after": span(dice, 20_000, 50_000), "do": hold, "for": "1ms" }),
        });
        let lose = json!({ "disk.lose_next_write": { "disk": format!("{lossy}/d0"), "count": dice.scaled(2, 20) } });
        script.extend([
            json!({ "after": "0us", "do": lose }),
            json!({ "after": time(dice, 150, 900), "do": { "node.power_off": { "node": lossy } },
                    "for": span(dice, 10_000, 18_000) }),
            json!({ "after": "0us", "do": { "node.reboot": { "node": "c0", "downtime": "200us..500us" } } }),
        ]);
    }
    let mut app = json!({
        "app": "random", "client": "c0", "volume": "vol0", "ops": ops,
        "depth": dice.between(16, 32), "blocks": "1..8", "distribution": "uniform",
        "mix": { "read": 10, "write": 90, "flush": 0, "trim": 0 },
    });
    if let Some(rate) = rate {
        app["rate"] = json!(rate);
    }
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(8_192, 16_384),
            "integrity": "full",
        }],
        "workload": [app],
        "script": script,
        "budget": "none",
    })
}

pub(super) fn short_transfers(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    keep_transfers_short(&mut cluster.disk, 4);
    let blocks = format!("2..{}", dice.between(6, 16));
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(32, 256) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(800, 2_500),
            "depth": dice.between(4, 16), "blocks": blocks, "distribution": "hot",
            "mix": { "read": 50, "write": 50, "flush": 0, "trim": 0 },
        }],
        "script": [
            { "every": span(dice, 1_000, 3_000), "times": dice.between(3, 12),
              "do": { "disk.fail_next": { "disk": "any:leg-of:vol0", "ops": ["write"], "status": "write_fault" } } },
            { "every": span(dice, 2_000, 8_000), "times": dice.between(1, 4),
              "do": { "disk.hang": { "disk": "any:leg-of:vol0", "ops": ["write"] } }, "for": span(dice, 500, 9_000) },
        ],
    })
}

pub(super) fn slow_for_long(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    let (factor, rate) = (dice.between(100, 200), dice.between(20_000, 40_000));
    // Half of what could be done by then, with a leg that is given up once and stays away.
    let acked = |millis: u64| rate * millis / 1_000 / 2;
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(256, 2_048) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": rate / 6, "depth": 16, "rate": rate,
            "mix": { "read": 30, "write": 70, "flush": 0, "trim": 0 }, "blocks": "1..4",
        }],
        "script": [
            { "at": "5ms", "do": { "disk.slow": { "disk": "t0/d0", "factor": factor } }, "for": "150ms" },
            { "at": "100ms", "expect": { "acked": acked(100) } },
            { "at": "150ms", "expect": { "acked": acked(150) } },
        ],
    })
}

pub(super) fn half_open(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    let mut script = Vec::new();
    for round in 0..dice.between(3, 8) {
        // What was under way the time before is over by then, and its connection made anew.
        let begin = 3_000 + round * 20_000;
        let slow = dice.between(500, 2_000);
        let factor = dice.between(100, 300);
        script.push(json!({
            "at": time(dice, begin, begin), "do": { "disk.slow": { "disk": "t0/d0", "factor": factor } },
            "for": time(dice, slow, slow),
        }));
        let (from, to) = if dice.one_in(4) { ("c0", "t0") } else { ("t0", "c0") };
        script.push(json!({
            "at": time(dice, begin + slow / 2, begin + slow + 200),
            "do": { "net.half_open": { "from": from, "to": to } },
        }));
    }
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(16, 64),
        }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(3_000, 6_000), "depth": 16,
            "mix": { "read": 40, "write": 60, "flush": 0, "trim": 0 }, "blocks": "1..4",
            "rate": dice.between(20_000, 40_000),
        }],
        "script": script,
    })
}

pub(super) fn twice_or_never(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    cluster.targets = 2;
    cluster.disk.write = NanosRange::micros(10, dice.between(100, 800));
    let mut script = vec![];
    for target in ["t0", "t1"] {
        let twice = json!({ "from": "c0", "to": target, "message": "write", "count": dice.between(200, 2_000) });
        script
            .push(json!({ "at": span(dice, 1_000, 5_000), "do": { "net.duplicate_next": twice } }));
        let (from, to, message) = dice.pick(&[
            ("c0", target, "write"),
            (target, "c0", "done"),
            ("m0", target, "register"),
            (target, "m0", "registered"),
            ("c0", "m0", "leg-back"),
            ("c0", "m0", "rebuilt"),
            ("m0", "c0", "grant"),
        ]);
        if from == "m0" || to == "m0" {
            // Said when a leg is given up and comes back.
            script.push(json!({
                "every": span(dice, 8_000, 20_000), "times": dice.between(1, 3), "do": { "net.isolate": { "node": target } },
                "for": span(dice, 6_000, 15_000),
            }));
        }
        let never = json!({ "from": from, "to": to, "message": message });
        script.push(json!({
            "every": span(dice, 5_000, 20_000), "times": dice.between(1, 3), "do": { "net.drop_next": never },
        }));
    }
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(8, 64) }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(2_000, 5_000), "depth": dice.between(8, 32),
            "blocks": "1..2", "mix": { "read": 30, "write": 70, "flush": 0, "trim": 0 },
        }],
        "script": script,
    })
}
