//! Plots of power, caches and those who come and go: what is lost with a node, and who has a volume next.

use serde_json::{Value, json};

use super::words::{calm, coded, legs, shape, span, time};
use crate::base::BlockSize;
use crate::scenario::cluster::Cluster;
use crate::scenario::generate::dice::Dice;
use crate::scenario::units::NanosRange;

pub(super) fn caches_lost(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.disk.volatile_cache = true;
    cluster.disk.flush = NanosRange::micros(5, dice.between(50, 3_000));
    let copies = dice.between(2, u64::from(cluster.targets.min(3))) as u16;
    let workload: Vec<Value> = (0..dice.between(1, 3))
        .map(|_| {
            let flush = dice.scaled(1, 30);
            json!({
                "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_000, 5_000),
                "depth": dice.scaled(1, 8), "mix": { "read": 40, "write": 50, "flush": flush, "trim": 0 },
                "blocks": "1..4",
            })
        })
        .collect();
    let mut script = Vec::new();
    for round in 0..dice.between(1, 5) {
        let (time, down) = (span(dice, 3_000, 25_000), span(dice, 100, 8_000));
        let reboot = json!({ "node.reboot": { "node": "all:target", "downtime": down } });
        let when = if round == 0 { "at" } else { "after" };
        script.push(json!({ when: time, "do": reboot }));
    }
    script.push(json!({ "after": span(dice, 3_000, 20_000), "freeze": ["all"] }));
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "copies": copies, "legs": legs(copies),
            "blocks": dice.scaled(16, 1_024),
        }],
        "workload": workload,
        "script": script,
        "budget": "none",
    })
}

pub(super) fn caches_in_turn(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.targets = 2;
    cluster.disk.volatile_cache = true;
    cluster.disk.flush = NanosRange::micros(5, dice.between(100, 3_000));
    let every = span(dice, 8_000, 30_000);
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(256, 2_048),
        }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(4_000, 12_000),
            "depth": dice.between(4, 16), "blocks": "1..4",
            "mix": { "read": 40, "write": 50, "flush": dice.scaled(2, 20), "trim": 2 },
        }],
        "script": [
            { "every": every, "times": dice.between(2, 8), "do": { "node.reboot": { "node": "any:target" } } },
            { "at": span(dice, 20_000, 80_000), "freeze": ["all"] },
        ],
    })
}

pub(super) fn rebuild_cut_short(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.disk.volatile_cache = true;
    cluster.disk.write_back = NanosRange::micros(20_000, dice.between(40_000, 200_000));
    let blocks = dice.scaled(1_024, 4_096);
    let begin = time(dice, 40_000, 80_000);
    let percent = dice.between(10, 90);
    let mut script = vec![
        json!({ "at": begin, "do": { "disk.replace": { "disk": "t0/d0" } } }),
        json!({
            "when": { "rebuild": format!("{percent}%"), "volume": "vol0" },
            "do": { "node.reboot": { "node": "t0" } },
        }),
    ];
    for _ in 0..dice.between(0, 2) {
        let after = span(dice, 5_000, 25_000);
        script.push(json!({ "after": after, "do": { "node.reboot": { "node": "t0" } } }));
    }
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": blocks,
            "rebuild_rate": dice.between(30_000, 90_000),
        }],
        "workload": [
            { "app": "verify", "client": "c0", "volume": "vol0", "depth": 16 },
            { "app": "random", "client": "c0", "volume": "vol0", "ops": 3_000, "depth": 4,
              "mix": { "read": 70, "write": 30, "flush": 0, "trim": 0 }, "blocks": "1..4", "rate": 20_000,
              "region": "0..127", "start": "20ms" },
            { "app": "random", "client": "c0", "volume": "vol0", "ops": 3_000, "depth": 4,
              "mix": { "read": 100, "write": 0, "flush": 0, "trim": 0 }, "blocks": "1..8", "rate": 20_000, "start": "20ms" },
        ],
        "script": script,
    })
}

pub(super) fn programs(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 3);
    cluster.targets = 3;
    cluster.block_size = BlockSize::B4096;
    // Not `sqlite`, which not every build has: a seed is the same scenario for all.
    let apps = [("redb", "0..2047"), ("fatfs", "2048..3071")];
    let apps = dice.some(&apps).into_iter().map(|(app, region)| {
        json!({ "app": app, "client": "c0", "volume": "vol0", "ops": dice.between(10, 50), "region": region })
    });
    let apps: Vec<Value> = apps.collect();
    let mut volume = match dice.one_in(3) {
        true => coded(2, 1, dice.between(1, 8), 4_096),
        false => json!({ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": 4_096 }),
    };
    volume["integrity"] = json!(dice.pick(&["inline", "full"]));
    let nodes = dice.pick(&["all:target", "all:node", "any:target", "any:client"]);
    json!({
        "volumes": [volume],
        "workload": apps,
        "script": [{
            "every": span(dice, 6_000, 40_000), "times": dice.between(2, 10), "do": { "node.reboot": { "node": nodes } },
        }],
        "budget": "none",
    })
}

pub(super) fn from_caretaker(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.clients = 2;
    let mut workload = Vec::new();
    for _ in 0..2 {
        workload.push(json!({
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(4_000, 9_000),
            "depth": dice.between(16, 64), "mix": { "read": 30, "write": 70, "flush": 0, "trim": 0 }, "blocks": "1..4",
        }));
    }
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(4_096, 8_192),
        }],
        "workload": workload,
        "script": [
            { "at": span(dice, 5_000, 30_000), "do": { "app.kill": { "client": "c0" } } },
            { "when": { "event": "client.recovered" }, "nth": dice.between(1, 6),
              "do": { "app.attach": { "client": "c1", "volume": "vol0" } } },
        ],
    })
}

pub(super) fn clients_cut_off(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 2);
    cluster.targets = 2;
    cluster.clients = dice.between(2, 3) as u16;
    let apps = (0..cluster.clients).map(|client| {
        let reads = dice.pick(&[20, 50, 90, 100]);
        json!({
            "app": "random", "client": format!("c{client}"), "volume": "vol0", "ops": dice.between(1_000, 3_000),
            "depth": dice.between(4, 8), "rate": dice.between(20_000, 60_000), "distribution": "hot",
            "mix": { "read": reads, "write": 100 - reads, "flush": 0, "trim": 0 }, "blocks": "1..4",
        })
    });
    let apps: Vec<Value> = apps.collect();
    let mut script = Vec::new();
    if dice.one_in(2) {
        let at = dice.between(3_000, 15_000);
        for (a, b) in [("c0", "m0"), ("t1", "m0"), ("c1", "t1")] {
            let cut = json!({ "net.partition": { "a": a, "b": b } });
            script.push(json!({ "at": time(dice, at, at + 4_000), "do": cut, "for": span(dice, 30_000, 60_000) }));
        }
    } else {
        let (client, target) = (json!("any:client"), json!("any:target"));
        for action in [
            json!({ "net.partition": { "a": client, "b": "m0" } }),
            json!({ "node.pause": { "node": client } }),
            json!({ "net.isolate": { "node": target } }),
        ] {
            script.push(json!({
                "every": span(dice, 5_000, 25_000), "times": dice.between(2, 5), "do": action,
                "for": span(dice, 5_000, 50_000),
            }));
        }
        script.push(json!({ "at": span(dice, 2_000, 60_000),
            "do": { "app.detach": { "client": "any:client", "volume": "vol0" } } }));
        script.push(json!({ "after": span(dice, 1, 20_000),
            "do": { "app.attach": { "client": "any:client", "volume": "vol0" } } }));
    }
    json!({
        "volumes": [{ "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.scaled(32, 256) }],
        "workload": apps,
        "script": script,
    })
}

pub(super) fn replaced_meanwhile(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    let coded_volume = dice.one_in(3);
    calm(cluster, if coded_volume { 4 } else { 3 });
    cluster.boot_time = NanosRange::micros(50, dice.between(100, 500));
    cluster.disk.read = NanosRange::micros(dice.between(20, 80), dice.between(100, 400));
    cluster.disk.volatile_cache = dice.one_in(2);
    let volume = if coded_volume {
        coded(2, 2, dice.between(2, 6), dice.scaled(256, 1_024))
    } else {
        json!({
            "name": "vol0", "layout": "raid1", "copies": 3, "legs": legs(3), "blocks": dice.scaled(128, 512),
            "rebuild_rate": dice.between(20_000, 80_000),
        })
    };
    let other = match dice.between(0, 2) {
        0 if cluster.disk.volatile_cache => json!({ "disk.drop_cache": { "disk": "t1/d0" } }),
        1 => json!({ "disk.replace": { "disk": "t1/d0" } }),
        _ => json!({ "node.crash": { "node": "t1", "downtime": "50us..300us" } }),
    };
    json!({
        "volumes": [volume],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_500, 3_000), "depth": 8,
            "rate": dice.between(10_000, 30_000), "blocks": "1..4",
            "mix": { "read": 40, "write": 56, "flush": 2, "trim": 2 },
        }],
        "script": [
            { "every": span(dice, 2_000, 6_000), "times": dice.between(10, 30), "do": { "node.wipe": { "node": "t0" } } },
            { "every": span(dice, 500, 2_500), "times": dice.between(20, 80), "do": other },
        ],
    })
}

pub(super) fn image_meanwhile(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    calm(cluster, 2);
    cluster.targets = 2;
    cluster.boot_time = NanosRange::micros(20, dice.between(40, 80));
    cluster.disk.read = NanosRange::micros(15, dice.between(25, 60));
    cluster.disk.write = NanosRange::micros(15, dice.between(25, 60));
    let begin = dice.between(4_000, 7_000);
    json!({
        "volumes": [{
            "name": "vol0", "layout": "raid1", "legs": legs(2), "blocks": dice.between(1_024, 4_096),
        }],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_500, 3_000), "depth": 8,
            "rate": dice.between(3_000, 8_000), "blocks": "1..4", "mix": { "read": 40, "write": 56, "flush": 2, "trim": 2 },
        }],
        "script": [
            { "at": time(dice, begin, begin), "do": { "node.wipe": { "node": "t1" } } },
            { "at": time(dice, begin + 6_000, begin + 12_000), "do": { "node.power_off": { "node": "m0" } },
              "for": span(dice, 20, 100) },
            { "after": span(dice, 1, 150), "do": { "node.power_off": { "node": "t1" } }, "for": span(dice, 20, 150) },
            { "after": "0ns", "do": { "disk.restore_old_image": { "disk": "t1/d0", "age": time(dice, 3_000, 6_000) } } },
        ],
    })
}
