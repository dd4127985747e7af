//! The script: what it names, and whether its entries can ever fire.

use crate::base::Nanos;
use crate::scenario::action::{Action, Where};
use crate::scenario::ids::{CpuSelector, DiskSelector, NodeClass, NodeSelector};
use crate::scenario::script::{Condition, Effect, Trigger};
use crate::scenario::tree::Step;

use super::entry::{Validator, steps};

const ENTRIES_MAX: usize = 10_000;

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let entries = validator.scenario.script.len();
    if entries > ENTRIES_MAX {
        let (found, expected) = (format!("{entries} entries"), format!("at most {ENTRIES_MAX}"));
        let help = "`every` fires an entry again and again";
        validator.report_found(&steps!["script"], Some(&found), &expected, help);
    }
    for (index, entry) in validator.scenario.script.iter().enumerate() {
        trigger(validator, index, &entry.trigger);
        match &entry.effect {
            Effect::Do(action) => act(validator, index, action),
            Effect::Freeze(_) => {}
            Effect::Expect { condition, .. } => {
                holds(validator, &steps!["script", index, "expect"], condition);
            }
        }
        if entry.undo_after.is_some_and(|undo| undo.max == Nanos::ZERO) {
            validator.report(&steps!["script", index, "for"], "a time above zero", "");
        }
    }
}

fn trigger(validator: &mut Validator<'_, '_>, index: usize, trigger: &Trigger) {
    let limit = validator.scenario.limits.virtual_time;
    let (key, earliest) = match trigger {
        Trigger::At(at) => ("at", at.max),
        Trigger::Every { interval, from, .. } => ("every", from.saturating_add(interval.min)),
        Trigger::After(_) if index == 0 => {
            let help = "the first entry needs a trigger of its own, such as `at`";
            let at = steps!["script", index, "after"];
            return validator.report(&at, "an entry before this one", help);
        }
        Trigger::After(after) => ("after", after.min),
        Trigger::When { condition, .. } => {
            return holds(validator, &steps!["script", index, "when"], condition);
        }
    };
    if earliest >= limit {
        let expected = format!("a time before the run ends at {limit}, or it might never fire");
        let help = "fire earlier, or raise `limits.virtual_time`";
        validator.report(&steps!["script", index, key], &expected, help);
    }
}

fn holds(validator: &mut Validator<'_, '_>, at: &[Step], condition: &Condition) {
    let below = |key: &str| {
        let mut steps = at.to_vec();
        steps.push(Step::from(key));
        steps
    };
    match condition {
        Condition::Volume { volume, .. } | Condition::Rebuild { volume, .. } => {
            validator.volume_name(&below("volume"), volume);
        }
        Condition::Acked(_) => {}
        Condition::Event { event, node } => {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
            let (family, name) = event.split_once('.').unwrap_or((event, ""));
            if family.is_empty()
                || name.is_empty()
                || !(family.chars().chain(name.chars()).all(plain))
            {
                let expected = "the name of a trace record such as `fault.applied`";
                validator.report(&below("event"), expected, "");
            }
            if let Some(node) = node {
                validator.node(&below("node"), *node);
            }
        }
        Condition::Node { node, .. } => validator.node(&below("node"), *node),
    }
}

fn act(validator: &mut Validator<'_, '_>, index: usize, action: &Action) {
    let at = |key: &str| steps!["script", index, "do", action.name(), key];
    let places = action.places();
    for (key, place) in &places {
        match place {
            Where::Node(selector) => node(validator, &at(key), *selector),
            Where::Client(selector) if selector.class() == NodeClass::Client => {
                node(validator, &at(key), *selector);
            }
            Where::Client(_) => {
                validator.report(&at(key), "a client: `c0`, `any:client` or `all:client`", "");
            }
            Where::Cpu(CpuSelector::Fixed(cpu)) => validator.cpu(&at(key), *cpu),
            Where::Cpu(CpuSelector::Any | CpuSelector::All) => {}
            Where::Disk(DiskSelector::Fixed(disk)) => validator.disk(&at(key), *disk),
            Where::Disk(DiskSelector::AnyLegOf(volume)) => {
                validator.volume_name(&at(key), volume);
            }
            Where::Disk(DiskSelector::Any | DiskSelector::All) => {}
        }
    }
    if let [(_, Where::Node(NodeSelector::Fixed(from))), (key, Where::Node(to))] = places[..]
        && to == NodeSelector::Fixed(from)
    {
        validator.report(&at(key), "another node than the other end", "");
    }
    amounts(validator, &at, action);
}

fn amounts<const N: usize>(
    validator: &mut Validator<'_, '_>,
    at: &dyn Fn(&str) -> [Step; N],
    action: &Action,
) {
    match action {
        Action::DiskInsertBadSector(bad) if validator.cluster_known => {
            let blocks = validator.scenario.cluster.disk.blocks;
            if bad.block >= blocks {
                let expected = format!("a block of the disk: 0 to {}", blocks - 1);
                validator.report(&at("block"), &expected, "");
            } else if bad.count > blocks - bad.block {
                let expected = format!("at most {}, up to the disk's end", blocks - bad.block);
                validator.report(&at("count"), &expected, "");
            }
        }
        Action::DiskInjectRandomFailure(failure) if failure.odds.numerator() == 0 => {
            validator.report(&at("odds"), "odds above 0: it would never happen", "");
        }
        Action::NetLoss(loss) if loss.odds.numerator() == 0 => {
            validator.report(&at("odds"), "odds above 0: it would never happen", "");
        }
        _ => {}
    }
}

fn node(validator: &mut Validator<'_, '_>, at: &[Step], selector: NodeSelector) {
    if let NodeSelector::Fixed(node) = selector {
        validator.node(at, node);
    }
}
