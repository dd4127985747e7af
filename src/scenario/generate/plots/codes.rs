//! Plots of erasure codes: their journal, their rows, their disks.

use serde_json::{Value, json};

use super::words::{coded, shape, span};
use crate::scenario::cluster::Cluster;
use crate::scenario::generate::cluster::keep_transfers_short;
use crate::scenario::generate::dice::Dice;
use crate::scenario::units::NanosRange;

pub(super) fn torn_journal(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    let (data, parity) = (dice.between(2, 3) as u16, 1);
    shape(cluster, data + parity);
    cluster.disk.write = NanosRange::micros(dice.between(20, 80), dice.between(100, 250));
    if cluster.disk.transfer_blocks > 0 {
        keep_transfers_short(&mut cluster.disk, u32::MAX);
    }
    let mut script = Vec::new();
    for _ in 0..dice.between(1, 3) {
        let begin = script.is_empty().then(|| span(dice, 1_000, 3_000));
        let away = json!({ "disk.unplug": { "disk": "any:leg-of:vol0" } });
        let lasts = span(dice, 1_000, 2_500);
        script.push(match begin {
            Some(at) => json!({ "at": at, "do": away, "for": lasts }),
            None => json!({ "after": span(dice, 2_000, 5_000), "do": away, "for": lasts }),
        });
        for cut in 0..dice.between(3, 6) {
            let after =
                if cut == 0 { span(dice, 15_000, 25_000) } else { span(dice, 2_000, 6_000) };
            script.push(json!({
                "after": after, "do": { "node.reboot": { "node": "all:node", "downtime": "100us..300us" } },
            }));
        }
    }
    json!({
        "volumes": [coded(data, parity, dice.between(3, 5), dice.scaled(32, 256))],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(2_000, 6_000),
            "depth": dice.between(8, 24), "blocks": "1..3", "distribution": "uniform",
            "mix": { "read": 40, "write": 60, "flush": 0, "trim": 0 },
        }],
        "script": script,
        "budget": "none",
    })
}

pub(super) fn many_rows(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 3);
    let times = dice.between(4, 14);
    let mut script = vec![json!({
        "every": span(dice, 9_000, 18_000), "times": times,
        "do": { "node.reboot": { "node": "all:node", "downtime": "100us..1ms" } },
    })];
    for round in 0..dice.between(1, times / 3) {
        script.push(json!({
            "when": { "event": "node.down", "node": "c0" }, "nth": 2 + 3 * round,
            "do": { "disk.unplug": { "disk": "any:leg-of:vol0" } }, "for": span(dice, 4_000, 15_000),
        }));
    }
    json!({
        "volumes": [coded(2, 1, dice.between(1, 2), dice.scaled(128, 2_048))],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(1_500, 4_000),
            "depth": dice.between(16, 48), "blocks": "1..2", "distribution": "uniform",
            "mix": { "read": 20, "write": 80, "flush": 0, "trim": 0 },
        }],
        "script": script,
        "budget": "none",
    })
}

pub(super) fn disks_renewed(dice: &mut Dice, cluster: &mut Cluster) -> Value {
    shape(cluster, 3);
    let mut script = Vec::new();
    for round in 0..dice.between(1, 3) {
        let disk = |step: u64| format!("t{}/d0", (round + step) % 3);
        let away = json!({ "disk.unplug": { "disk": disk(0) } });
        let lasts = span(dice, 8_000, 14_000);
        script.push(match round {
            0 => json!({ "at": span(dice, 3_000, 8_000), "do": away, "for": lasts }),
            _ => json!({ "after": span(dice, 8_000, 15_000), "do": away, "for": lasts }),
        });
        script.extend([
            json!({ "after": span(dice, 15_000, 22_000), "do": { "disk.replace": { "disk": disk(1) } } }),
            json!({ "after": span(dice, 5_000, 10_000), "do": { "disk.replace": { "disk": disk(2) } } }),
            json!({ "after": span(dice, 5_000, 10_000),
                    "do": { "node.reboot": { "node": "c0", "downtime": "100us..1ms" } } }),
        ]);
    }
    json!({
        "volumes": [coded(2, 1, dice.between(2, 6), dice.scaled(32, 128))],
        "workload": [{
            "app": "random", "client": "c0", "volume": "vol0", "ops": dice.between(200, 600),
            "depth": dice.between(2, 8), "rate": dice.between(1_500, 4_000), "blocks": "1..2", "distribution": "uniform",
            "mix": { "read": 50, "write": 50, "flush": 0, "trim": 0 },
        }],
        "script": script,
    })
}
