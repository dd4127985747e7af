//! Volumes: their names, their legs, and whether the disks can hold them.

use crate::base::LegIndex;
use crate::layout::LEGS_MAX;
use crate::layout::Layout as _;
use crate::layout::LegSet;
use crate::scenario::controller::is_resource_name;
use crate::scenario::ids::DiskRef;
use crate::scenario::layout::Layout;
use crate::scenario::placement::NoRoom;
use crate::scenario::volume::Volume;

use super::entry::{Validator, is_name, steps};
use super::own;

const VOLUMES_MAX: usize = 4096;
const SPARES_MAX: usize = 16;

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let volumes = &validator.scenario.volumes;
    if validator.volumes_known && !(1..=VOLUMES_MAX).contains(&volumes.len()) {
        let (found, expected) =
            (format!("{} volumes", volumes.len()), format!("1 to {VOLUMES_MAX}"));
        validator.report_found(&steps!["volumes"], Some(&found), &expected, "");
    }
    let mut all_laid_out = true;
    for (index, volume) in volumes.iter().enumerate() {
        name(validator, index, volume);
        if !own::is_laid_out(validator, (index, volume)) {
            all_laid_out = false;
            continue;
        }
        columns(validator, index, volume);
        match &volume.legs {
            Some(legs) => fixed_legs(validator, index, volume, legs),
            None => free_legs(validator, index, volume),
        }
        spares(validator, index, volume);
    }
    if all_laid_out {
        space(validator);
    }
}

fn name(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    let at = steps!["volumes", index, "name"];
    if !is_name(&volume.name, 64) {
        validator.report(&at, "a name of 1 to 64 letters, digits, `-` and `_`", "");
    }
    if validator.scenario.has_controller() && !is_resource_name(&volume.name) {
        let expected = "the name of a resource, as the cluster has a controller: 2 to 48 letters, digits, `-` and \
                        `_`, a letter or `_` first, and neither `all` nor `proxy`";
        validator.report(&at, expected, "");
    }
    if let Some(first) = validator.scenario.volume_index(&volume.name)
        && first < index
    {
        let expected = format!("a name of its own: volumes[{first}] has this one already");
        validator.report(&at, &expected, "");
    }
}

/// `ec` has columns, a layout of the program's own may have some, and nothing else has.
fn columns(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    for (key, given) in [("data", volume.data), ("parity", volume.parity)] {
        let at = steps!["volumes", index];
        let found = if given.is_some() { format!("`{key}`") } else { format!("no `{key}`") };
        if volume.layout == Layout::Ec && given.is_none() {
            let expected = "how many legs hold data and how many parity";
            let help = r#"write such as `"data": 4, "parity": 2`"#;
            validator.report_found(&at, Some(&found), expected, help);
        } else if !matches!(volume.layout, Layout::Ec | Layout::Own(_)) && given.is_some() {
            validator.report_found(&at, Some(&found), "it only with the layout `ec`", "");
        }
    }
    if volume.layout == Layout::Ec
        && let (Some(data), Some(parity)) = (volume.data, volume.parity)
        && usize::from(data + parity) > LEGS_MAX
    {
        let found = format!("{} legs", data + parity);
        let expected = format!("at most {LEGS_MAX} legs, of data and parity together");
        validator.report_found(&steps!["volumes", index], Some(&found), &expected, "");
    }
    if volume.layout == Layout::Ec && volume.stripe_blocks > 64 {
        validator.report(&steps!["volumes", index, "stripe_blocks"], "at most 64 with `ec`", "");
    }
}

fn fixed_legs(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume, legs: &[DiskRef]) {
    let shape = validator.scenario.shape(volume);
    if let Some((expected, help)) = wrong_count(volume, shape.legs(), legs.len()) {
        let found = format!("{} legs", legs.len());
        validator.report_found(&steps!["volumes", index, "legs"], Some(&found), &expected, help);
    }
    let group_of = |at: usize| match at < usize::from(shape.legs()) {
        true => shape.group_of(LegIndex::new(at as u8)),
        false => LegSet::NONE,
    };
    let apart = u32::from(validator.scenario.cluster.targets) >= group_of(0).count();
    for (at, leg) in legs.iter().enumerate() {
        let steps = steps!["volumes", index, "legs", at];
        validator.disk(&steps, *leg);
        if legs[..at].contains(leg) {
            validator.report(&steps, "another disk: a leg of this volume is on it already", "");
            continue;
        }
        let mut others = legs[..at].iter().enumerate();
        let shared = others.any(|(other, placed)| {
            let together = !group_of(at).is_empty() && group_of(other) == group_of(at);
            together && placed.target == leg.target
        });
        if shared && apart && validator.cluster_known {
            let expected = format!(
                "a disk of another target: legs share target t{}, and would be lost with it together",
                leg.target
            );
            validator.report(&steps, &expected, "");
        }
    }
}

/// What is wrong with so many legs, if anything is; of a layout of the program's own, where it would have other than those.
fn wrong_count(volume: &Volume, made: u8, legs: usize) -> Option<(String, &'static str)> {
    let copies = usize::from(volume.copies);
    match &volume.layout {
        Layout::Raid0 if !(1..=LEGS_MAX).contains(&legs) => {
            let help = "name that many disks, or leave `legs` out";
            Some((format!("1 to {LEGS_MAX}"), help))
        }
        Layout::Raid1 if legs != copies => {
            let help = "name as many disks as `copies`, or leave `legs` out";
            Some((format!("{copies}, one for each of the {copies} copies"), help))
        }
        Layout::Raid10 if !(copies..=LEGS_MAX).contains(&legs) || !legs.is_multiple_of(copies) => {
            let help = "name `copies` disks for each group, or leave `legs` out";
            Some((format!("a multiple of the {copies} copies, at most {LEGS_MAX}"), help))
        }
        Layout::Ec => {
            let wanted = usize::from(volume.data? + volume.parity?);
            let help = "name a disk for each column of data and of parity, or leave `legs` out";
            let expected = format!("{wanted}, one for each column of data and of parity");
            (legs != wanted).then_some((expected, help))
        }
        Layout::Own(name) if legs != usize::from(made) => {
            let help = "name that many disks, or leave `legs` out";
            Some((format!("{made}, as many as `{name}` has here"), help))
        }
        Layout::Raid0 | Layout::Raid1 | Layout::Raid10 | Layout::Own(_) => None,
    }
}

fn free_legs(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    let mut spares: Vec<u16> = volume.spares.iter().map(|spare| spare.target).collect();
    spares.sort_unstable();
    spares.dedup();
    let spares = spares.len().min(SPARES_MAX) as u16;
    let targets = validator.scenario.cluster.targets.saturating_sub(spares);
    let legs = validator.scenario.shape(volume).legs();
    if validator.cluster_known && u16::from(legs) > targets {
        let found = match volume.layout {
            Layout::Ec => format!("{legs} columns and no `legs`"),
            Layout::Own(_) => format!("{legs} legs and no `legs`"),
            _ => format!("{legs} copies and no `legs`"),
        };
        let expected = match spares {
            0 => format!("at most {targets}, as many as there are targets"),
            _ => format!("at most {targets}, as many as there are targets without a spare"),
        };
        let help = "the manager places legs on distinct targets: add targets, or name the `legs`";
        validator.report_found(&steps!["volumes", index], Some(&found), &expected, help);
    }
}

/// A spare is of use to every leg: it is on a target that has none.
fn spares(validator: &mut Validator<'_, '_>, index: usize, volume: &Volume) {
    if volume.spares.is_empty() {
        return;
    }
    let at = steps!["volumes", index, "spares"];
    if validator.scenario.shape(volume).groups().all(|group| group.count() == 1) {
        let expected = format!("none with the layout `{}`", volume.layout);
        let help =
            "what a lost leg held is nowhere else: use another layout, or leave `spares` out";
        validator.report_found(&at, Some("`spares`"), &expected, help);
        return;
    }
    if volume.spares.len() > SPARES_MAX {
        let found = format!("{} spares", volume.spares.len());
        let expected = format!("at most {SPARES_MAX}");
        validator.report_found(&at, Some(&found), &expected, "");
        return;
    }
    let legs = volume.legs.as_deref().unwrap_or_default();
    for (place, spare) in volume.spares.iter().enumerate() {
        let steps = steps!["volumes", index, "spares", place];
        validator.disk(&steps, *spare);
        let mut others = legs.iter().chain(&volume.spares[..place]);
        if others.any(|other| other.target == spare.target) {
            let expected = format!(
                "a disk of another target: t{} has a leg or a spare of this volume already",
                spare.target
            );
            validator.report(&steps, &expected, "");
        }
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
    let cluster = &validator.scenario.cluster;
    let legs = validator.scenario.shape(&validator.scenario.volumes[volume]).legs();
    // A disk that is not there and more legs than targets are told by their own errors.
    let spares = validator.scenario.volumes[volume].spares.len();
    let too_many = usize::from(legs) + spares > usize::from(cluster.targets);
    let told = disk.map_or(too_many, |disk| !cluster.has_disk(disk));
    if told {
        return;
    }
    let expected = match disk {
        Some(disk) => format!(
            "legs that fit on {disk}: with its metadata one takes {needed} blocks, and {left} are left"
        ),
        None => format!(
            "room for {legs} legs on distinct targets: with its metadata one takes {needed} blocks, \
             and {left} are left"
        ),
    };
    let help = "make the volumes smaller, or `cluster.disk.blocks` larger";
    validator.report(&steps!["volumes", volume, "blocks"], &expected, help);
}
