//! The applications of a random scenario, and about how long they take.

use crate::base::{Nanos, Odds};
use crate::scenario::cluster::Cluster;
use crate::scenario::ids::NodeRef;
use crate::scenario::units::CountRange;
use crate::scenario::volume::Volume;
use crate::scenario::workload::{Distribution, Mix, MixedApp, RandomApp, VerifyApp, Workload};

use super::dice::Dice;
use super::swarm::Swarm;

/// Applications, and what the script goes by: how many operations they issue, and in about what time.
pub(super) struct Load {
    pub(super) apps: Vec<Workload>,
    /// Operations of all of them.
    pub(super) ops: u64,
    /// About how long that takes, in microseconds, if nothing goes wrong.
    pub(super) micros: u64,
}

pub(super) fn load(swarm: &Swarm, cluster: &Cluster, volumes: &[Volume]) -> Load {
    let mut dice = swarm.dice("workload");
    // With dice of their own, so that all others stay what they were.
    let mut sizes = swarm.dice("mixed-size");
    let (least, most) = swarm.profile.operations();
    let ops = dice.amount((least, most), &[least, 2 * most]);
    // Faults need time to be noticed: some applications take it, others do all they can at once.
    let micros = dice.scaled(8_000, 120_000);
    let mut apps = Vec::new();
    for volume in volumes {
        let users = if dice.one_in(4) { dice.between(2, 3) } else { 1 };
        let share = (ops / volumes.len() as u64 / users).max(1);
        for _ in 0..users {
            let client = NodeRef::Client(dice.between(0, u64::from(cluster.clients) - 1) as u16);
            apps.push(match dice.one_in(12) {
                true => Workload::Verify(verify(&mut dice, client, volume)),
                false => {
                    let app = random(&mut dice, client, volume, share, (cluster, micros));
                    match sizes.one_in(12) {
                        true => Workload::MixedSize(mixed_size(app, cluster, volume)),
                        false => Workload::Random(app),
                    }
                }
            });
        }
    }
    let ops = apps.iter().map(operations).sum::<u64>().max(1);
    Load { apps, ops, micros }
}

/// No application takes longer for its operations, one after the other, if nothing goes wrong: overlapping ones take
/// turns.
const MICROS_MAX: u64 = 1_000_000;

/// How long one operation takes at most, or nearly so. An erasure code reads each row, keeps a journal of it and writes
/// it, one after the other.
fn operation_micros(cluster: &Cluster, volume: &Volume, blocks: CountRange) -> u64 {
    let rows = match volume.data {
        Some(data) => 1 + blocks.max / (u64::from(data) * u64::from(volume.stripe_blocks)),
        None => 1,
    };
    let disk = cluster.disk.read.max.get() + 2 * cluster.disk.write.max.get();
    let net = 6 * cluster.net.latency.max.get();
    rows * ((disk + net) / 1_000).max(100)
}

/// About how many operations an application issues.
fn operations(app: &Workload) -> u64 {
    match app {
        Workload::Random(app) => app.ops * u64::from(app.count),
        Workload::MixedSize(app) => app.ops * u64::from(app.count),
        // A random scenario replays nothing, and has no guests.
        Workload::Trace(_) | Workload::Fio(_) | Workload::Guest(_) => 0,
        Workload::Verify(app) => {
            let blocks = app.region.map_or(1, |region| region.max - region.min + 1);
            2 * blocks / app.blocks.max
        }
    }
}

fn random(
    dice: &mut Dice,
    client: NodeRef,
    volume: &Volume,
    ops: u64,
    (cluster, micros): (&Cluster, u64),
) -> RandomApp {
    let count = if ops > 10 && dice.one_in(6) { dice.between(2, 3) } else { 1 };
    let region = dice.one_in(3).then(|| region(dice, volume.blocks));
    let room = region.map_or(volume.blocks, |region| region.max - region.min + 1);
    let blocks = blocks(dice, room);
    let most = MICROS_MAX / operation_micros(cluster, volume, blocks);
    let each = (ops / count).min(most / count).max(1);
    let rate = (!dice.one_in(4)).then(|| (each * 1_000_000 / micros).max(1));
    RandomApp {
        client,
        volume: volume.name.clone(),
        ops: each,
        rate,
        depth: dice.amount((1, 32), &[1, 64]) as u32,
        mix: mix(dice),
        blocks,
        region,
        distribution: dice.pick(Distribution::ALL),
        fua: if dice.one_in(4) { dice.odds((1, 8), &[1]) } else { Odds::NEVER },
        start: if dice.one_in(4) { dice.micros((100, 10_000), &[20_000]) } else { Nanos::ZERO },
        stop: None,
        count: count as u32,
    }
}

/// The most blocks of an operation of mixed sizes, where there is room: on slow links and disks larger ones would take
/// longer than a request may.
const MIXED_BLOCKS_MAX: u64 = 64;

/// The same application with operations of mixed sizes.
fn mixed_size(app: RandomApp, cluster: &Cluster, volume: &Volume) -> MixedApp {
    let room = app.region.map_or(volume.blocks, |region| region.max - region.min + 1);
    let blocks = CountRange { min: 1, max: room.min(MIXED_BLOCKS_MAX) };
    let most = MICROS_MAX / operation_micros(cluster, volume, blocks) / u64::from(app.count);
    MixedApp {
        client: app.client,
        volume: app.volume,
        ops: app.ops.min(most).max(1),
        rate: app.rate,
        depth: app.depth,
        mix: app.mix,
        blocks: Some(blocks),
        region: app.region,
        fua: app.fua,
        start: app.start,
        stop: app.stop,
        count: app.count,
    }
}

fn verify(dice: &mut Dice, client: NodeRef, volume: &Volume) -> VerifyApp {
    let region = CountRange { min: 0, max: volume.blocks.min(1_024) - 1 };
    VerifyApp {
        client,
        volume: volume.name.clone(),
        depth: dice.amount((1, 16), &[1, 32]) as u32,
        blocks: blocks(dice, region.max + 1),
        region: Some(region),
        start: Nanos::ZERO,
        stop: None,
        count: 1,
    }
}

/// Operations of each kind on or off; there is something to write or to read in any case.
fn mix(dice: &mut Dice) -> Mix {
    if dice.one_in(3) {
        return Mix::USUAL;
    }
    let mut weight = |odds, usual: (u64, u64)| match dice.one_in(odds) {
        true => 0,
        false => dice.scaled(usual.0, usual.1) as u32,
    };
    let mix = Mix {
        read: weight(5, (10, 90)),
        write: weight(12, (10, 90)),
        flush: weight(2, (1, 12)),
        trim: weight(2, (1, 12)),
    };
    if mix.read + mix.write == 0 { Mix { write: 50, ..mix } } else { mix }
}

/// How many blocks an operation has, where there is room for so many.
fn blocks(dice: &mut Dice, room: u64) -> CountRange {
    let max = dice.amount((1, 12), &[1, 64]).min(room);
    let min = if dice.one_in(3) { max } else { dice.between(1, max) };
    CountRange { min, max }
}

fn region(dice: &mut Dice, blocks: u64) -> CountRange {
    let min = dice.between(0, blocks - 1);
    let max = dice.between(min, blocks - 1);
    CountRange { min, max }
}
