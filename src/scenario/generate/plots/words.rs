//! What the telling of plots has in common: times, legs, clusters as they have to be. Tells none.

use serde_json::{Value, json};

use crate::scenario::cluster::{Clock, Cluster, Disk, Net, Satellites};
use crate::scenario::generate::dice::Dice;
use crate::scenario::schedule::Schedule;

/// A time, in microseconds.
pub(super) fn time(dice: &mut Dice, min: u64, max: u64) -> String {
    format!("{}us", dice.between(min, max))
}

/// A range of times, in microseconds.
pub(super) fn span(dice: &mut Dice, min: u64, max: u64) -> String {
    let least = dice.between(min, max);
    format!("{least}us..{}us", dice.between(least, max))
}

/// Legs on the first disks of so many targets.
pub(super) fn legs(count: u16) -> Vec<String> {
    (0..count).map(|target| format!("t{target}/d0")).collect()
}

/// One client, targets with one disk each, one manager; the rest stays as it was drawn.
pub(super) fn shape(cluster: &mut Cluster, targets: u16) {
    cluster.clients = 1;
    cluster.targets = cluster.targets.max(targets);
    cluster.managers = 1;
    cluster.databases = 0;
}

/// A cluster without quirks, for plots that say what has to happen by when, or go by how long things take.
pub(super) fn calm(cluster: &mut Cluster, targets: u16) {
    shape(cluster, targets);
    cluster.disk = Disk::default();
    cluster.net = Net::default();
    cluster.clock = Clock::default();
    cluster.schedule = Schedule::Random;
    cluster.boot_time = Cluster::default().boot_time;
    cluster.poll_cost = Cluster::default().poll_cost;
    cluster.buggify = false;
}

/// The same with a controller whose satellites run programs this many times as fast as real machines do.
pub(super) fn controlled(cluster: &mut Cluster, targets: u16, speed: u32) {
    calm(cluster, targets);
    cluster.databases = 1;
    cluster.satellites = Some(Satellites { speed, ..Satellites::default() });
}

/// An erasure code.
pub(super) fn coded(data: u16, parity: u16, stripe: u64, blocks: u64) -> Value {
    json!({
        "name": "vol0", "layout": "ec", "data": data, "parity": parity, "stripe_blocks": stripe,
        "blocks": blocks, "legs": legs(data + parity),
    })
}
