//! The fault budget, as far as it can be known without running: entries at fixed times and for fixed ids
//! that surely take every leg of a volume away at once. The rest is held while a scenario runs.

use crate::base::Nanos;
use crate::layout::Layout;
use crate::scenario::action::{Action, DiskClient};
use crate::scenario::ids::{DiskRef, DiskSelector, NodeClass, NodeRef, NodeSelector};
use crate::scenario::model::{Budget, Scenario};
use crate::scenario::script::{Effect, Entry, Trigger};
use crate::scenario::volume::Volume;

use super::entry::{Validator, steps};

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let scenario = validator.scenario;
    let judged = validator.cluster_known && validator.volumes_known;
    if scenario.budget == Budget::None || !judged {
        return;
    }
    undetected(validator);
    forgotten(validator);
    let changes: Vec<Change<'_>> = changes(scenario).take(CHANGES_MAX + 1).collect();
    if changes.len() > CHANGES_MAX {
        return;
    }
    let mut reported = Vec::new();
    for volume in &scenario.volumes {
        let Some(entry) = fatal_entry(scenario, &changes, volume) else { continue };
        if reported.contains(&entry) {
            continue;
        }
        reported.push(entry);
        let Effect::Do(action) = &scenario.script[entry].effect else { continue };
        let found = format!(
            "`{}` at a time when every other leg of volume `{}` is away for sure",
            action.name(),
            volume.name
        );
        let expected = "a good copy to be left, as budget `survivable` promises";
        let help = "fire at another time, shorten `for`, or set `\"budget\": \"none\"`";
        validator.report_found(&steps!["script", entry, "do"], Some(&found), expected, help);
    }
}

/// Reports silent faults that the integrity of no volume can find out: none of them would ever be let through.
fn undetected(validator: &mut Validator<'_, '_>) {
    let scenario = validator.scenario;
    for (index, entry) in scenario.script.iter().enumerate() {
        let Effect::Do(action) = &entry.effect else { continue };
        let Some(wanted) = action.integrity_to_find() else { continue };
        if scenario.volumes.iter().any(|volume| volume.integrity >= wanted) {
            continue;
        }
        let why = match action {
            Action::DiskLoseNextWrite(_) => "that a write is missing",
            Action::DiskMisdirectNextWrite(_) => {
                "that a write is missing from where it should have gone"
            }
            _ => "that a block isn't what was written",
        };
        let found = format!("`{}`, and the cluster cannot find out {why}", action.name());
        let expected = format!(
            "a fault that is found out, as budget `survivable` promises: it takes `integrity` `{}`",
            wanted.name()
        );
        let help =
            "set `integrity` so, or `\"budget\": \"none\"` and `expect` what must come of it";
        validator.report_found(&steps!["script", index, "do"], Some(&found), &expected, help);
    }
}

/// Reports databases that go back: which disks have what was acknowledged is known nowhere else.
fn forgotten(validator: &mut Validator<'_, '_>) {
    for (index, entry) in validator.scenario.script.iter().enumerate() {
        let Effect::Do(action @ Action::DatabaseRestoreOldSnapshot(_)) = &entry.effect else {
            continue;
        };
        let found = format!("`{}`, after which nobody knows what is on which disk", action.name());
        let expected = "the volumes to be served, as budget `survivable` promises";
        let help = "set `\"budget\": \"none\"` and `expect` what must come of it";
        validator.report_found(&steps!["script", index, "do"], Some(&found), expected, help);
    }
}

/// With more than these the search would take long; what it would find is held at run time anyway.
const CHANGES_MAX: usize = 256;

/// An entry that takes disks away or brings them back.
type Change<'s> = (usize, &'s Entry, &'s Action);

fn changes(scenario: &Scenario) -> impl Iterator<Item = Change<'_>> {
    scenario.script.iter().enumerate().filter_map(|(index, entry)| match &entry.effect {
        Effect::Do(
            action @ (Action::DiskUnplug(_)
            | Action::DiskPlug(_)
            | Action::DiskDisconnectFromClient(_)
            | Action::DiskReconnectToClient(_)
            | Action::NetIsolate(_)
            | Action::NodePowerOff(_)
            | Action::NodePowerOn(_)
            | Action::NodeReboot(_)
            | Action::NodeCrash(_)
            | Action::NodeWipe(_)),
        ) => Some((index, entry, action)),
        _ => None,
    })
}

/// A time in which a leg is away for sure, and the entry that takes it away.
#[derive(Clone, Copy, Debug)]
struct Outage {
    entry: usize,
    from: Nanos,
    until: Nanos,
}

/// The entry that takes the last leg of the volume away, if any surely does.
fn fatal_entry(scenario: &Scenario, changes: &[Change<'_>], volume: &Volume) -> Option<usize> {
    // Where its legs are by then is not known.
    if !volume.spares.is_empty() {
        return None;
    }
    let of_leg = |leg| outages(scenario, changes, volume, leg);
    let outages: Vec<Vec<Outage>> = match &volume.legs {
        Some(legs) => legs.iter().map(|leg| of_leg(Some(*leg))).collect(),
        None => vec![of_leg(None)],
    };
    // When too many are away at one time, they are so at the start of some outage.
    let mut starts: Vec<Outage> = outages.iter().flatten().copied().collect();
    starts.sort_by_key(|outage| (outage.from, outage.entry));
    let covers = |outage: &Outage, at: Nanos| outage.from <= at && at < outage.until;
    let is_away = |leg: usize, at: Nanos| outages[leg].iter().any(|o| covers(o, at));
    let shape = scenario.shape(volume);
    let is_fatal = |at: Nanos| match outages.len() == usize::from(shape.legs()) {
        true => shape.groups().any(|group| {
            let left = group.iter().filter(|leg| !is_away(leg.index(), at)).count();
            (left as u32) < shape.needed()
        }),
        // Where they are is not known: then all are away when every disk is.
        false => (0..outages.len()).all(|leg| is_away(leg, at)),
    };
    let first = starts.into_iter().filter(|outage| is_fatal(outage.from));
    first.min_by_key(|o| (o.from, usize::MAX - o.entry)).map(|outage| outage.entry)
}

/// When a leg is away for sure; of a leg whose place is not known (`None`), when every disk is.
fn outages(
    scenario: &Scenario,
    changes: &[Change<'_>],
    volume: &Volume,
    leg: Option<DiskRef>,
) -> Vec<Outage> {
    let mut outages = Vec::new();
    for change @ (index, entry, action) in changes {
        let Trigger::At(at) = &entry.trigger else { continue };
        if takes_away(scenario, volume, action, leg) {
            let until = match action {
                Action::NodeWipe(_) => at.max.saturating_add(scenario.cluster.boot_time.min),
                Action::NodeReboot(reboot) | Action::NodeCrash(reboot) => {
                    let downtime = reboot.downtime.unwrap_or(scenario.cluster.boot_time);
                    at.max.saturating_add(downtime.min)
                }
                _ => undone(changes, change, leg, at.max),
            };
            outages.push(Outage { entry: *index, from: at.max, until });
        }
    }
    outages
}

/// The earliest time at which the leg may be back.
fn undone(
    changes: &[Change<'_>],
    (_, entry, action): &Change<'_>,
    leg: Option<DiskRef>,
    from: Nanos,
) -> Nanos {
    let own = entry.undo_after.map(|undo| from.saturating_add(undo.min));
    let others = changes.iter().filter(|(_, _, undo)| may_bring_back(undo, action, leg));
    let others = others.filter_map(|(_, other, _)| match &other.trigger {
        Trigger::At(at) if at.max < from => None,
        Trigger::At(at) => Some(at.min.max(from)),
        _ => Some(from),
    });
    own.into_iter().chain(others).min().unwrap_or(Nanos::MAX)
}

fn takes_away(scenario: &Scenario, volume: &Volume, action: &Action, leg: Option<DiskRef>) -> bool {
    match action {
        Action::DiskUnplug(args) => is_disk(&args.disk, leg),
        Action::DiskDisconnectFromClient(DiskClient { disk, client }) => {
            let mut apps = scenario.workload.iter().filter(|app| app.volume() == volume.name);
            apps.next().is_some_and(|app| is_node(*client, Some(app.client()), NodeClass::Client))
                && is_disk(disk, leg)
        }
        Action::NodePowerOff(args) | Action::NetIsolate(args) => is_target(args.node, leg),
        Action::NodeReboot(args) | Action::NodeCrash(args) => is_target(args.node, leg),
        Action::NodeWipe(args) => is_target(args.node, leg),
        _ => false,
    }
}

/// Whether an action of any trigger may undo another before its time.
fn may_bring_back(undo: &Action, action: &Action, leg: Option<DiskRef>) -> bool {
    let disk = |disk: &DiskSelector| match (disk, leg) {
        (DiskSelector::Fixed(disk), Some(leg)) => *disk == leg,
        _ => true,
    };
    match (action, undo) {
        (Action::DiskUnplug(_), Action::DiskPlug(args)) => disk(&args.disk),
        (Action::DiskDisconnectFromClient(_), Action::DiskReconnectToClient(args)) => {
            disk(&args.disk)
        }
        (Action::NodePowerOff(_), Action::NodePowerOn(args)) => may_be_target(args.node, leg),
        (Action::NodePowerOff(_), Action::NodeReboot(args)) => may_be_target(args.node, leg),
        _ => false,
    }
}

fn is_disk(selector: &DiskSelector, leg: Option<DiskRef>) -> bool {
    match selector {
        DiskSelector::Fixed(disk) => Some(*disk) == leg,
        DiskSelector::All => true,
        DiskSelector::Any | DiskSelector::AnyLegOf(_) => false,
    }
}

fn is_node(selector: NodeSelector, node: Option<NodeRef>, class: NodeClass) -> bool {
    match selector {
        NodeSelector::Fixed(fixed) => Some(fixed) == node,
        NodeSelector::All(all) => all.holds(class),
        NodeSelector::Any(_) => false,
    }
}

fn is_target(selector: NodeSelector, leg: Option<DiskRef>) -> bool {
    is_node(selector, leg.map(DiskRef::node), NodeClass::Target)
}

fn may_be_target(selector: NodeSelector, leg: Option<DiskRef>) -> bool {
    match (selector, leg) {
        (NodeSelector::Fixed(node), Some(leg)) => node == leg.node(),
        (selector, _) => selector.class().holds(NodeClass::Target),
    }
}
