//! Volumes: their names, their legs, and whether the disks can hold them.

use crate::scenario::ids::DiskRef;
use crate::scenario::placement::NoRoom;
use crate::scenario::volume::Volume;

use super::entry::{Validator, is_name, steps};

const VOLUMES_MAX: usize = 4096;

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let volumes = &validator.scenario.volumes;
    if validator.volumes_known && !(1..=VOLUMES_MAX).contains(&volumes.len()) {
        let (found, expected) =
            (format!("{} volumes", volumes.len()), format!("1 to {VOLUMES_MAX}"));
        validator.report_found(&steps!["volumes"], Some(&found), &expected, "");
    }
    for (index, volume) in volumes.iter().enumerate() {
        name(validator, index, volume);
        match &volume.legs {
            Some(legs) => fixed_legs(validator, index, volume, legs),
            None => free_legs(validator, index, volume),
        }
    }
    space(validator);
}

fn name(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    let at = steps!["volumes", index, "name"];
    if !is_name(&volume.name, 64) {
        validator.report(&at, "a name of 1 to 64 letters, digits, `-` and `_`", "");
    }
    if let Some(first) = validator.scenario.volume_index(&volume.name)
        && first < index
    {
        let expected = format!("a name of its own: volumes[{first}] has this one already");
        validator.report(&at, &expected, "");
    }
}

fn fixed_legs(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume, legs: &[DiskRef]) {
    let copies = usize::from(volume.copies);
    if legs.len() != copies {
        let found = format!("{} legs", legs.len());
        let expected = format!("{copies}, one for each of the {copies} copies");
        let help = "name as many disks as `copies`, or leave `legs` out";
        validator.report_found(&steps!["volumes", index, "legs"], Some(&found), &expected, help);
    }
    let apart = usize::from(validator.scenario.cluster.targets) >= copies;
    for (at, leg) in legs.iter().enumerate() {
        let steps = steps!["volumes", index, "legs", at];
        validator.disk(&steps, *leg);
        if legs[..at].contains(leg) {
            validator.report(&steps, "another disk: a leg of this volume is on it already", "");
            continue;
        }
        let shared = legs[..at].iter().any(|other| other.target == leg.target);
        if shared && apart && validator.cluster_known {
            let expected = format!(
                "a disk of another target: legs share target t{}, and would be lost with it together",
                leg.target
            );
            validator.report(&steps, &expected, "");
        }
    }
}

fn free_legs(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    let targets = validator.scenario.cluster.targets;
    if validator.cluster_known && u16::from(volume.copies) > targets {
        let found = format!("{} copies and no `legs`", volume.copies);
        let expected = format!("at most {targets}, as many as there are targets");
        let help = "the manager places legs on distinct targets: add targets, or name the `legs`";
        validator.report_found(&steps!["volumes", index], Some(&found), &expected, help);
    }
}

/// Each disk has to hold its legs; those without a place of their own have to fit somewhere.
fn space(validator: &mut Validator<'_, '_>) {
    if !validator.cluster_known || !validator.volumes_known {
        return;
    }
    let Err(NoRoom { volume, disk, needed, left }) = validator.scenario.place_legs() else {
        return;
    };
    let (cluster, copies) =
        (&validator.scenario.cluster, validator.scenario.volumes[volume].copies);
    // A disk that is not there and more copies than targets are told by their own errors.
    let told = disk.map_or(u16::from(copies) > cluster.targets, |disk| !cluster.has_disk(disk));
    if told {
        return;
    }
    let expected = match disk {
        Some(disk) => format!(
            "legs that fit on {disk}: with its metadata one takes {needed} blocks, and {left} are left"
        ),
        None => format!(
            "room for {copies} legs on distinct targets: with its metadata one takes {needed} blocks, \
             and {left} are left"
        ),
    };
    let help = "make the volumes smaller, or `cluster.disk.blocks` larger";
    validator.report(&steps!["volumes", volume, "blocks"], &expected, help);
}
