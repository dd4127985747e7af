//! In-sync legs hold the same bytes, or a surviving leg is marked where they don't. Does not ask which
//! of the legs is right.

use crate::base::{Block, LegIndex, OpId, VolumeId};

use super::checker::{Checker, Freeze};
use super::name::Check;
use super::origin;
use super::snapshot::VolumeView;
use super::value::Fate;
use super::violation::Violation;

/// How many further blocks a violation names.
const BLOCKS_NAMED_MAX: usize = 8;

/// The checker of mirrors.
///
/// While faults go on, surviving in-sync legs may differ in blocks whose region is marked on one of
/// them: whoever recovers the volume will find the mark. At rest no two in-sync legs may differ,
/// marked or not, surviving or not. It reports one violation for a volume.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    violations: Vec<Violation>,
    reported: Vec<VolumeId>,
}

impl Checker for Mirrors {
    fn at_freeze(&mut self, freeze: &Freeze<'_>) {
        for volume in freeze.volumes {
            if !self.reported.contains(&volume.id) {
                self.compare(freeze, volume);
            }
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

/// What a leg holds of a block.
#[derive(PartialEq, Eq)]
enum Held {
    Content(Block),
    Poison,
}

impl Mirrors {
    fn compare(&mut self, freeze: &Freeze<'_>, volume: &VolumeView<'_>) {
        let mut different = Vec::new();
        for block in 0..volume.blocks {
            let mut legs = volume.holders(block, !freeze.at_rest);
            let Some(one) = legs.next() else { continue };
            let held = held(volume, one, block);
            if legs.any(|other| held != self::held(volume, other, block))
                && (freeze.at_rest || !is_marked(volume, block))
            {
                different.push(block);
            }
        }
        if let Some(first) = different.first() {
            let legs: Vec<LegIndex> = volume.holders(*first, !freeze.at_rest).collect();
            self.reported.push(volume.id);
            self.violations.push(violation(freeze, volume, &legs, &different));
        }
    }
}

fn held(volume: &VolumeView<'_>, leg: LegIndex, block: u64) -> Held {
    if volume.media.poisoned(leg, block) {
        return Held::Poison;
    }
    Held::Content(volume.media.block(leg, block))
}

fn is_marked(volume: &VolumeView<'_>, block: u64) -> bool {
    let region = volume.region(block);
    volume.holders(block, true).any(|leg| volume.media.marked(leg, region))
}

fn violation(
    freeze: &Freeze<'_>,
    volume: &VolumeView<'_>,
    legs: &[LegIndex],
    different: &[u64],
) -> Violation {
    let (id, block) = (volume.id, different[0]);
    let describe = |leg: LegIndex| match held(volume, leg, block) {
        Held::Poison => "a block recorded as unreadable".to_owned(),
        Held::Content(held) => origin::of_block(freeze.history, id, block, &held),
    };
    let other = legs.iter().find(|leg| held(volume, **leg, block) != held(volume, legs[0], block));
    let other = *other.expect("a block differs only if two legs do");
    let mut detail = Vec::new();
    for leg in legs.iter().filter(|leg| **leg != other && **leg != legs[0]) {
        detail.push(format!("{leg} holds {}", describe(*leg)));
    }
    let region = volume.region(block);
    let surviving = |leg: &LegIndex| volume.legs[leg.index()].surviving;
    let marked: Vec<String> = volume
        .holders(block, false)
        .filter(|leg| volume.media.marked(*leg, region))
        .map(|leg| format!("{leg}{}", if surviving(&leg) { "" } else { " (lost)" }))
        .collect();
    detail.push(match (marked.is_empty(), freeze.at_rest) {
        (true, _) => format!("{region} is marked on no in-sync leg"),
        (false, true) => {
            format!("at rest, though {region} is still marked on {}", marked.join(", "))
        }
        (false, false) => format!("{region} is marked only on {}", marked.join(", ")),
    });
    if different.len() > 1 {
        let further = &different[1..different.len().min(BLOCKS_NAMED_MAX + 1)];
        let count = different.len();
        detail.push(format!("{count} blocks differ, among them {further:?}"));
    }
    let ops = ops(freeze, volume, legs, block);
    Violation {
        check: Check::Mirrors,
        kind: "mirrors-differ",
        component: id.to_string(),
        volume: Some(id),
        disk: None,
        block: Some(block),
        at: freeze.at,
        found: format!("on {other}: {}", describe(other)),
        expected: format!("as on {}: {}", legs[0], describe(legs[0])),
        detail,
        recent: freeze.history.recent(id, Some(block), &ops),
        ops,
    }
}

/// The operations that wrote what the legs hold, as far as they are on record.
fn ops(freeze: &Freeze<'_>, volume: &VolumeView<'_>, legs: &[LegIndex], block: u64) -> Vec<OpId> {
    let contents = legs.iter().map(|leg| volume.media.block(*leg, block).fingerprint());
    let values = freeze.history.values(volume.id, block);
    let of_content = |author: u64| {
        let known = values.iter().filter(move |value| value.author == author);
        known.filter(|value| value.fate != Fate::Initial).map(|value| value.op)
    };
    origin::distinct(contents.flat_map(|content| of_content(content.words()[1])))
}
