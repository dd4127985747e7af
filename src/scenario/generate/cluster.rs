//! The cluster of a random scenario: its shape, and what its disks, links and clocks are like.

use crate::base::{BlockSize, Nanos};
use crate::scenario::amounts::Bytes;
use crate::scenario::cluster::{Clock, Cluster, Disk, Net, Satellites};
use crate::scenario::schedule::{PctSchedule, Schedule, StarveSchedule};
use crate::scenario::units::{Bandwidth, NanosRange, PpmRange};

use super::dice::Dice;
use super::profile::Profile;
use super::swarm::Swarm;

/// Tasks that may run only when nothing else can.
const STARVED: [&str; 7] = [
    "client.rebuild",
    "client.clean",
    "client.recover",
    "target.serve",
    "target.keeper",
    "client.target",
    "app",
];

pub(super) fn cluster(swarm: &Swarm) -> Cluster {
    let mut dice = swarm.dice("cluster");
    let most = if swarm.profile == Profile::Quick { 4 } else { 8 };
    let managers = managers(swarm);
    Cluster {
        clients: dice.amount((1, 3), &[1, 5]) as u16,
        client_cpus: dice.amount((1, 4), &[1, 16]) as u16,
        targets: dice.amount((2, most), &[1, 3, 12]) as u16,
        target_cpus: dice.amount((1, 3), &[1, 8]) as u16,
        disks_per_target: dice.amount((1, 2), &[1, 4]) as u16,
        // A controller without a server of its own keeps its database with the manager, where there is only one.
        databases: u16::from(swarm.has_controller() && (dice.one_in(2) || managers > 1)),
        managers,
        connectors: swarm.dice("cluster.connectors").amount((1, 2), &[1, 4]) as u8,
        manager_cpus: dice.amount((1, 2), &[1, 4]) as u16,
        interfaces: dice.amount((1, 2), &[1, 4]) as u8,
        block_size: dice.pick(&[BlockSize::B4096, BlockSize::B4096, BlockSize::B512]),
        poll_cost: Nanos::new(dice.amount((100, 400), &[1, 2_000])),
        memory: dice.one_in(6).then(|| Bytes::mebibytes(dice.between(32, 64))),
        disk: disk(&mut swarm.dice("cluster.disk"), swarm),
        net: net(&mut swarm.dice("cluster.net")),
        boot_time: dice.range((200, 4_000), &[10, 30_000]),
        clock: clock(&mut swarm.dice("cluster.clock")),
        satellites: swarm
            .has_controller()
            .then(|| satellites(&mut swarm.dice("cluster.satellites"))),
        schedule: schedule(&mut swarm.dice("cluster.schedule")),
        buggify: dice.one_in(3),
    }
}

/// One manager, or three that agree: where it is about managers every other time.
fn managers(swarm: &Swarm) -> u16 {
    let mut dice = swarm.dice("cluster.managers");
    let are_several = match swarm.profile {
        Profile::Manager => dice.one_in(2),
        Profile::Everything => dice.one_in(4),
        _ => false,
    };
    if are_several { 3 } else { 1 }
}

/// How long satellites wait: nobody has a minute for a program that hangs.
fn satellites(dice: &mut Dice) -> Satellites {
    Satellites { speed: dice.amount((400, 1_000), &[200]) as u32, ..Satellites::default() }
}

/// How fast the disks are; never so slow that whoever waits for a full queue of commands gives them up.
fn disk(dice: &mut Dice, swarm: &Swarm) -> Disk {
    let usual = Disk::default();
    let (read, write, flush) = match dice.between(0, 3) {
        0 => (dice.range((1, 8), &[1]), dice.range((1, 8), &[1]), dice.range((5, 20), &[1])),
        1 => {
            let slow = dice.range((150, 400), &[600]);
            (slow, slow, dice.range((400, 1_500), &[3_000]))
        }
        2 => (
            NanosRange::micros(5, dice.amount((100, 300), &[600])),
            NanosRange::micros(5, dice.amount((100, 300), &[600])),
            usual.flush,
        ),
        _ => (usual.read, usual.write, usual.flush),
    };
    let with_cache = swarm.profile == Profile::Crash && dice.one_in(2);
    let drops = swarm.has("disk.drop_cache");
    // With dice of its own, so that all others stay what they were.
    let mut cache = swarm.dice("cluster.cache");
    // A cut of all power is most telling where it takes something.
    let is_cut = swarm.power_cuts && cache.one_in(2);
    let drawn = Disk {
        queue_depth: dice.amount((16, 64), &[8, 256]) as u16,
        read,
        write,
        flush,
        volatile_cache: drops || with_cache || is_cut || dice.one_in(4),
        atomic_blocks: dice.amount((1, 8), &[1, 256]) as u32,
        ..usual
    };
    let write_back = match drawn.volatile_cache && cache.one_in(2) {
        true => cache.range((20_000, 200_000), &[1, 1_000_000]),
        false => usual.write_back,
    };
    let (is_split, is_moved) = (dice.one_in(3), dice.one_in(2));
    let shortest = shortest_transfer(&drawn);
    Disk {
        transfer_blocks: if is_split {
            shortest.max(dice.amount((1, 8), &[1, 64]) as u32)
        } else {
            0
        },
        write_back,
        first_block: if is_moved { dice.amount((1, 4_096), &[1, 4_096]) } else { 0 },
        ..drawn
    }
}

/// Has the disk's transfers be of at least so many blocks that a region is read or written in time; of at most `most`
/// otherwise, where that is a limit.
pub(super) fn keep_transfers_short(disk: &mut Disk, most: u32) {
    disk.transfer_blocks = disk.transfer_blocks.min(most).max(shortest_transfer(disk));
}

/// The fewest blocks of a transfer with which a disk reads or writes a whole region in its parts before whoever waits
/// for it gives it up.
fn shortest_transfer(disk: &Disk) -> u32 {
    const REGION_BLOCKS: u64 = 256;
    const MICROS_MAX: u64 = 2_000;
    let slowest = disk.read.max.max(disk.write.max).get() / 1_000;
    let shortest = REGION_BLOCKS * slowest / (u64::from(disk.queue_depth) * MICROS_MAX);
    (shortest + 1) as u32
}

fn net(dice: &mut Dice) -> Net {
    let usual = Net::default();
    let latency = match dice.between(0, 3) {
        0 => NanosRange::micros(1, dice.amount((1, 4), &[1])),
        1 => dice.range((30, 120), &[200]),
        2 => NanosRange::micros(1, dice.amount((50, 200), &[400])),
        _ => usual.latency,
    };
    let bandwidth = dice.pick(&[100, 100, 25, 10].map(Bandwidth::gigabits));
    Net { latency, bandwidth, checksum: true }
}

fn clock(dice: &mut Dice) -> Clock {
    let ppm = dice.amount((1, 500), &[20_000, 45_000]) as i32;
    let runs_true = dice.one_in(2);
    Clock {
        offset: NanosRange { min: Nanos::ZERO, max: dice.micros((1, 1_000_000), &[3_600_000_000]) },
        drift_ppm: if runs_true { PpmRange::default() } else { PpmRange { min: -ppm, max: ppm } },
    }
}

fn schedule(dice: &mut Dice) -> Schedule {
    match dice.between(0, 9) {
        0 | 1 => Schedule::Fifo,
        2 => Schedule::Lifo,
        3 | 4 => {
            let (depth, steps) = (dice.between(1, 6) as u32, dice.scaled(1_000, 100_000));
            Schedule::Pct(PctSchedule { depth, steps })
        }
        5 => Schedule::Starve(StarveSchedule { task: dice.pick(&STARVED).to_owned() }),
        _ => Schedule::Random,
    }
}
