//! The volumes of a random scenario: layouts that its cluster has room for.

use crate::base::Nanos;
use crate::scenario::cluster::Cluster;
use crate::scenario::ids::DiskRef;
use crate::scenario::layout::Layout;
use crate::scenario::volume::{Integrity, Volume};

use super::dice::Dice;
use super::profile::Profile;
use super::swarm::Swarm;

pub(super) fn volumes(swarm: &Swarm, cluster: &Cluster) -> Vec<Volume> {
    let mut dice = swarm.dice("volumes");
    let most = if swarm.profile == Profile::Quick { 1 } else { 2 };
    let count = dice.amount((1, most), &[1, 4]);
    let mut volumes: Vec<Volume> =
        (0..count).map(|number| volume(&mut dice, cluster, number)).collect();
    volumes[0].integrity = volumes[0].integrity.max(swarm.least_integrity());
    let mut dice = swarm.dice("spares");
    for volume in &mut volumes {
        if dice.one_in(2) {
            give_spares(&mut dice, cluster, volume);
        }
    }
    volumes
}

/// Ready disks on targets that have no leg of the volume, if the scenario says where its legs are and some are left.
fn give_spares(dice: &mut Dice, cluster: &Cluster, volume: &mut Volume) {
    let Some(legs) = volume.legs.as_ref().filter(|_| volume.layout != Layout::Raid0) else {
        return;
    };
    let has_leg = |target: &u16| legs.iter().any(|leg| leg.target == *target);
    let idle: Vec<u16> = (0..cluster.targets).filter(|target| !has_leg(target)).collect();
    let count = dice.between(1, 3) as usize;
    let chosen = dice.distinct(idle, count);
    volume.spares = on_any_disk(dice, cluster, chosen);
    volume.spare_after = dice.micros((2_000, 60_000), &[1_000, 400_000]);
}

fn volume(dice: &mut Dice, cluster: &Cluster, number: u64) -> Volume {
    let targets = u64::from(cluster.targets);
    let layout = dice.pick(&layouts(targets));
    let copies = match layout {
        Layout::Raid1 | Layout::Raid10 => dice.between(2, targets.min(4)).min(dice.between(2, 4)),
        Layout::Raid0 | Layout::Ec | Layout::Own(_) => 2,
    };
    let columns = (layout == Layout::Ec).then(|| columns(dice, targets));
    let blocks = dice.amount((32, 1_024), &[1, 7, 33, 4_096]);
    let stripe_blocks = match layout {
        Layout::Raid1 | Layout::Own(_) => 16,
        Layout::Ec => dice.amount((1, 16), &[1, 5, 64]) as u32,
        Layout::Raid0 | Layout::Raid10 => dice.amount((1, 32), &[1, 3, 128]) as u32,
    };
    let mut volume = Volume {
        name: format!("vol{number}"),
        layout,
        copies: copies as u8,
        stripe_blocks,
        data: columns.map(|(data, _)| data),
        parity: columns.map(|(_, parity)| parity),
        blocks,
        legs: None,
        spares: Vec::new(),
        spare_after: Nanos::from_millis(50),
        integrity: dice.pick(&[
            Integrity::Inline,
            Integrity::Inline,
            Integrity::Full,
            Integrity::None,
        ]),
        // All of a leg, whole rows of it, within a fraction of the time that it has to heal.
        rebuild_rate: dice.one_in(5).then(|| (blocks + 512) * dice.between(8, 60)),
        scrub_rate: dice.one_in(6).then(|| (blocks + 512) * dice.between(4, 60)),
    };
    if dice.one_in(2) {
        volume.legs = Some(legs(dice, cluster, &volume));
    }
    volume
}

/// The layouts that fit so many targets.
fn layouts(targets: u64) -> Vec<Layout> {
    match targets {
        1 => vec![Layout::Raid0],
        2 => vec![Layout::Raid1, Layout::Raid1, Layout::Raid1, Layout::Raid10, Layout::Raid0],
        _ => vec![
            Layout::Raid1,
            Layout::Raid1,
            Layout::Raid1,
            Layout::Raid1,
            Layout::Raid10,
            Layout::Raid10,
            Layout::Ec,
            Layout::Ec,
            Layout::Ec,
            Layout::Raid0,
        ],
    }
}

/// Columns of data and of parity on at least three targets.
fn columns(dice: &mut Dice, targets: u64) -> (u8, u8) {
    let data = dice.between(2, (targets - 1).min(8));
    let parity = dice.between(1, (targets - data).min(3));
    (data as u8, parity as u8)
}

/// A disk of its own target for each leg.
fn legs(dice: &mut Dice, cluster: &Cluster, volume: &Volume) -> Vec<DiskRef> {
    let targets = cluster.targets;
    let copies = u16::from(volume.copies);
    let count = match volume.layout {
        Layout::Raid0 => dice.between(1, u64::from(targets)) as u16,
        Layout::Raid1 | Layout::Own(_) => copies,
        Layout::Raid10 => dice.between(1, u64::from(targets / copies)) as u16 * copies,
        Layout::Ec => u16::from(volume.data.unwrap_or(2)) + u16::from(volume.parity.unwrap_or(1)),
    };
    let chosen = dice.distinct((0..targets).collect(), usize::from(count));
    on_any_disk(dice, cluster, chosen)
}

/// One of the disks of each of these targets.
fn on_any_disk(dice: &mut Dice, cluster: &Cluster, targets: Vec<u16>) -> Vec<DiskRef> {
    let disks = u64::from(cluster.disks_per_target) - 1;
    let on = targets.into_iter();
    on.map(|target| DiskRef { target, disk: dice.between(0, disks) as u16 }).collect()
}
