//! The script of a random scenario: when which of its faults come. Draws no single action.

use crate::base::Nanos;
use crate::base::history::VolumeState;
use crate::scenario::action::{Action, Family};
use crate::scenario::cluster::Cluster;
use crate::scenario::model::CheckName;
use crate::scenario::script::{Condition, Effect, Entry, Trigger};
use crate::scenario::units::NanosRange;
use crate::scenario::volume::Volume;

use super::actions::{action, undo_after};
use super::dice::Dice;
use super::groups::{Group, group};
use super::profile::Profile;
use super::swarm::Swarm;
use super::workload::Load;

/// What a script is played on.
pub(super) struct Scene<'a> {
    pub(super) swarm: &'a Swarm,
    pub(super) cluster: &'a Cluster,
    pub(super) volumes: &'a [Volume],
    pub(super) load: &'a Load,
}

/// What is worth waiting for: the steps of the protocol.
const EVENTS: [&str; 10] = [
    "client.granted",
    "client.reported",
    "client.recovered",
    "disk.timed-out",
    "fault.lifted",
    "manager.decided",
    "manager.persisted",
    "node.up",
    "target.registering",
    "volume.rebuild",
];

pub(super) fn script(scene: &Scene<'_>) -> Vec<Entry> {
    let mut dice = scene.swarm.dice("script");
    let most = if scene.swarm.profile == Profile::Quick { 3 } else { 9 };
    let starters = scene.swarm.starters();
    let groups = Group::of(scene);
    let mut entries = Vec::new();
    let wanted = match starters.len() + groups.len() {
        0 => 0,
        _ => dice.amount((1, most), &[1, 2 * most]) as usize,
    };
    while entries.len() < wanted {
        let grouped = !groups.is_empty() && (starters.is_empty() || dice.one_in(3));
        match grouped {
            true => {
                let chosen = dice.pick(&groups);
                entries.extend(group(&mut dice, scene, chosen));
            }
            false => {
                let follows = entries.last().is_some_and(|last| fires_for_sure(&last.trigger));
                entries.push(single(&mut dice, scene, &starters, follows));
            }
        }
    }
    for _ in 0..dice.between(0, 2) {
        let checks = [CheckName::All, CheckName::All, CheckName::Mirrors, CheckName::Durable];
        let freeze = Effect::Freeze(vec![dice.pick(&checks)]);
        let trigger = trigger(&mut dice, scene, false);
        entries.push(Entry { trigger, effect: freeze, undo_after: None });
    }
    entries
}

fn single(dice: &mut Dice, scene: &Scene<'_>, starters: &[&'static str], follows: bool) -> Entry {
    let trigger = trigger(dice, scene, follows);
    // What is fixed in time and in place may be seen to be fatal before it is run.
    let may_fix = !matches!(trigger, Trigger::At(_));
    let name = dice.pick(starters);
    let act = action(dice, scene, name, may_fix);
    entry(dice, trigger, act)
}

/// An entry that is undone after a time where that can be, nearly always: whoever waits for a volume to be made waits for
/// programs, and what has failed for long is tried again late; and what comes to a link again and again, and stays, adds up
/// until nothing comes through.
pub(super) fn entry(dice: &mut Dice, trigger: Trigger, action: Action) -> Entry {
    let adds_up = action.family() == Family::Net && matches!(trigger, Trigger::Every { .. });
    let ends = adds_up || matches!(action.family(), Family::External | Family::Connector);
    let undone = action.can_be_undone() && (!dice.one_in(12) || ends);
    let undo_after = undone.then(|| undo_after(dice));
    Entry { trigger, effect: Effect::Do(action), undo_after }
}

/// Whether an entry may come after one with this trigger: if that never fires, the run waits for it to the end.
fn fires_for_sure(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::At(_) | Trigger::Every { .. } => true,
        Trigger::When { condition, .. } => matches!(condition, Condition::Acked(_)),
        Trigger::After(_) => false,
    }
}

fn trigger(dice: &mut Dice, scene: &Scene<'_>, follows: bool) -> Trigger {
    let micros = scene.load.micros;
    match dice.between(0, 19) {
        0..=3 => {
            let at = dice.between(micros / 50, micros);
            Trigger::At(NanosRange::micros(at, at + dice.between(0, micros / 4)))
        }
        4..=10 => every(dice, micros),
        11 => {
            let volume = dice.pick(scene.volumes).name;
            let percent = dice.between(1, 99) as u8;
            let condition = Condition::Rebuild { volume, percent };
            Trigger::When { condition, nth: dice.between(1, 2) as u32 }
        }
        12 => {
            let volume = dice.pick(scene.volumes).name;
            let states = [VolumeState::Degraded, VolumeState::Rebuilding, VolumeState::Healthy];
            let condition = Condition::Volume { volume, state: dice.pick(&states) };
            Trigger::When { condition, nth: dice.between(1, 3) as u32 }
        }
        13 | 14 => {
            let condition = Condition::Event { event: dice.pick(&EVENTS).to_owned(), node: None };
            Trigger::When { condition, nth: dice.scaled(1, 8) as u32 }
        }
        15 | 16 if follows => Trigger::After(dice.range((10, 4_000), &[1, 20_000])),
        _ => acked(dice, scene),
    }
}

/// After a part of the operations, so that others are still to come.
pub(super) fn acked(dice: &mut Dice, scene: &Scene<'_>) -> Trigger {
    let most = (scene.load.ops * 3 / 4).max(1);
    Trigger::When { condition: Condition::Acked(dice.between(1, most)), nth: 1 }
}

/// Again and again for as long as the applications are at work, and a little longer.
fn every(dice: &mut Dice, micros: u64) -> Trigger {
    let shortest = (micros / dice.scaled(2, 24)).max(200);
    let interval = NanosRange::micros(shortest, shortest * dice.between(1, 3));
    let from = if dice.one_in(4) { micros / dice.between(2, 8) } else { 0 };
    Trigger::Every {
        interval,
        from: Nanos::from_micros(from),
        until: Some(Nanos::from_micros(from + micros * 3 / 2)),
        times: dice.one_in(3).then(|| dice.scaled(1, 12)),
    }
}
