//! The script: what it names, and whether its entries can ever fire.

use crate::base::Nanos;
use crate::scenario::action::{Action, Where};
use crate::scenario::cluster::DRIFT_PPM_MAX;
use crate::scenario::connector::ConnectorSelector;
use crate::scenario::events::EVENTS;
use crate::scenario::ids::{CpuSelector, DiskSelector, NodeClass, NodeSelector};
use crate::scenario::interface::InterfaceSelector;
use crate::scenario::model::Budget;
use crate::scenario::script::{Condition, Effect, Trigger};
use crate::scenario::tree::Step;

use super::entry::{Validator, steps};
use super::own;

const ENTRIES_MAX: usize = 10_000;
/// How much a program may write too much.
const FLOOD: std::ops::RangeInclusive<u64> = 1..=64 << 20;

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
            Effect::Do(Action::Own(call)) => own::act(validator, (index, entry), call),
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
        Trigger::When { condition: Condition::Acked(_) | Condition::Exported { .. }, nth }
            if *nth > 1 =>
        {
            let expected = "no `nth` beside `acked` or `exported`, which come to hold only once";
            let help = "wait for a larger number instead";
            return validator.report(&steps!["script", index, "nth"], expected, help);
        }
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
            let is_own = || validator.scenario.words.events().contains(&event.as_str());
            if !EVENTS.contains(&event.as_str()) && !is_own() {
                validator.event_name(&below("event"), event);
            }
            if let Some(node) = node {
                validator.node(&below("node"), *node);
            }
        }
        Condition::Node { node, .. } => validator.node(&below("node"), *node),
        Condition::Exported { node, .. } => {
            if node.class() != NodeClass::Target {
                validator.report(&below("node"), "a target, such as `t0`", "");
            }
            validator.node(&below("node"), *node);
            if !validator.scenario.has_controller() {
                let help = "give it a database server: \"cluster\": { \"databases\": 1 }";
                validator.report(&below("exported"), "a cluster with a controller", help);
            }
        }
        Condition::Connector { connector, .. } => {
            validator.connector(&below("connector"), *connector);
        }
        Condition::Own(call) => own::holds(validator, &below(&call.name), call),
    }
}

/// A node whose disks may be taken: another manager's hold what a manager's did.
fn with_disks(validator: &mut Validator<'_, '_>, steps: &[Step], selector: NodeSelector) {
    let several = validator.scenario.cluster.managers > 1;
    match selector.class() {
        NodeClass::Target => node(validator, steps, selector),
        NodeClass::Manager if several => node(validator, steps, selector),
        NodeClass::Manager => {
            let help = "what the only manager knows nobody else does";
            validator.report(steps, "a target, or one of several managers", help);
        }
        _ => validator.report(steps, "a target such as `t0` or `any:target`, or a manager", ""),
    }
}

fn act(validator: &mut Validator<'_, '_>, index: usize, action: &Action) {
    let at = |key: &str| steps!["script", index, "do", action.name(), key].to_vec();
    places(validator, &at, &action.places());
    amounts(validator, &at, action);
}

/// Whether there are the places that arguments name.
pub(super) fn places(
    validator: &mut Validator<'_, '_>,
    at: &dyn Fn(&str) -> Steps,
    places: &[(&'static str, Where<'_>)],
) {
    for (key, place) in places {
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
            Where::Target(selector) if selector.class() == NodeClass::Target => {
                node(validator, &at(key), *selector);
            }
            Where::Target(_) => {
                validator.report(&at(key), "a target: `t0`, `any:target` or `all:target`", "");
            }
            Where::WithDisks(selector) => with_disks(validator, &at(key), *selector),
            Where::Volume(volume) => validator.volume_name(&at(key), volume),
            Where::Interface(InterfaceSelector::Fixed(interface)) => {
                validator.interface(&at(key), *interface);
            }
            Where::Interface(InterfaceSelector::Any | InterfaceSelector::All) => {}
            Where::Connector(ConnectorSelector::Fixed(connector)) => {
                validator.connector(&at(key), *connector);
            }
            Where::Connector(ConnectorSelector::Any | ConnectorSelector::All) => {}
            Where::Disk(DiskSelector::Fixed(disk)) => validator.disk(&at(key), *disk),
            Where::Disk(DiskSelector::AnyLegOf(volume)) => {
                validator.volume_name(&at(key), volume);
            }
            Where::Disk(DiskSelector::Any | DiskSelector::All) => {}
        }
    }
    if let [(_, Where::Node(NodeSelector::Fixed(from))), (key, Where::Node(to))] = *places
        && to == NodeSelector::Fixed(from)
    {
        validator.report(&at(key), "another node than the other end", "");
    }
    if let [(_, Where::Disk(DiskSelector::Fixed(disk))), (key, Where::Disk(with))] = *places
        && *with == DiskSelector::Fixed(*disk)
    {
        validator.report(&at(key), "another disk", "");
    }
}

/// Steps to a value of the script.
type Steps = Vec<Step>;

fn amounts(validator: &mut Validator<'_, '_>, at: &dyn Fn(&str) -> Steps, action: &Action) {
    let budget_holds = validator.scenario.budget != Budget::None;
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
            if let Some(burst) = &bad.burst
                && (burst.span < bad.count || bad.block.saturating_add(burst.span) > blocks)
            {
                let expected = "a `span` of at least `count` blocks, up to the disk's end at most";
                validator.report(&at("burst"), expected, "");
            }
        }
        Action::DiskFlipBits(flip) if validator.cluster_known => {
            let cluster = &validator.scenario.cluster;
            if flip.block >= cluster.disk.blocks {
                let expected = format!("a block of the disk: 0 to {}", cluster.disk.blocks - 1);
                validator.report(&at("block"), &expected, "");
            }
        }
        Action::DiskDropCache(_)
            if validator.cluster_known && !validator.scenario.cluster.disk.volatile_cache =>
        {
            let help = "set `cluster.disk.volatile_cache` to `true`";
            validator.report(&at("disk"), "disks with a volatile cache", help);
        }
        Action::DiskRestoreOldImage(image) if image.age == Nanos::ZERO => {
            validator.report(&at("age"), AGE, "");
        }
        Action::DatabaseRestoreOldSnapshot(_)
            if validator.cluster_known && validator.scenario.cluster.managers > 1 =>
        {
            let expected = "one manager: of several, one that forgets its votes has them decide on two histories";
            validator.report(&at("age"), expected, "`node.wipe` takes a manager's disk away");
        }
        Action::DatabaseRestoreOldSnapshot(snapshot) if snapshot.age == Nanos::ZERO => {
            validator.report(&at("age"), AGE, "");
        }
        Action::DiskInjectRandomFailure(failure) if failure.odds.numerator() == 0 => {
            validator.report(&at("odds"), "odds above 0: it would never happen", "");
        }
        Action::NetLoss(args)
        | Action::NetDuplicate(args)
        | Action::NetReorder(args)
        | Action::NetCorrupt(args)
            if args.odds.numerator() == 0 =>
        {
            validator.report(&at("odds"), "odds above 0: it would never happen", "");
        }
        Action::ExternalFlood(flood) if !FLOOD.contains(&flood.bytes.get()) => {
            validator.report(&at("bytes"), "1 byte to 64 MiB", "");
        }
        Action::NodeClockDrift(drift) if drift.ppm.abs() > DRIFT_PPM_MAX && budget_holds => {
            let expected = format!("at most {DRIFT_PPM_MAX} either way: {DRIFT_COVERED}");
            validator.report(&at("ppm"), &expected, DRIFT_HELP);
        }
        Action::NodeClockJump(jump) if jump.by.nanos() == 0 => {
            validator.report(&at("by"), "a time other than zero: it would change nothing", "");
        }
        Action::NetCorrupt(_) if !validator.scenario.cluster.net.checksum && budget_holds => {
            let expected =
                "a cluster whose messages carry a checksum, as budget `survivable` promises";
            let help = "leave `cluster.net.checksum` on, or set `\"budget\": \"none\"`";
            validator.report_found(&at("odds"), Some("messages altered unnoticed"), expected, help);
        }
        _ => {}
    }
}

const AGE: &str = "a time above zero: it would change nothing";

/// Why a clock's speed is bounded.
pub(super) const DRIFT_COVERED: &str =
    "the margin of the owner's lease covers no more, and reads could go back";
pub(super) const DRIFT_HELP: &str = "a slower or faster clock takes `\"budget\": \"none\"`";

fn node(validator: &mut Validator<'_, '_>, at: &[Step], selector: NodeSelector) {
    if let NodeSelector::Fixed(node) = selector {
        validator.node(at, node);
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::parse;

    /// What is said of a scenario with this cluster, script and budget: path, expectation, nearest name, help.
    fn errors(cluster: &str, entry: &str, budget: &str) -> Vec<String> {
        let text = format!(
            r#"{{ "version": 1, "name": "s", "cluster": {{ {cluster} }}, "budget": "{budget}",
                "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64 }} ],
                "script": [ {entry} ] }}"#
        );
        let Err(error) = parse("s.json", &text) else { return Vec::new() };
        let lines = error.errors.iter().map(|error| {
            let nearest = error.nearest.as_deref().unwrap_or("-");
            format!("{}: {} [{nearest}]", error.json_path, error.expected)
        });
        lines.collect()
    }

    #[track_caller]
    fn refused(entry: &str, path: &str, parts: &[&str]) {
        let errors = errors("", entry, "survivable");
        let [error] = &errors[..] else { panic!("one error in {entry}: {errors:#?}") };
        assert!(error.starts_with(path), "{error}");
        parts.iter().for_each(|part| assert!(error.contains(part), "`{part}` in {error}"));
    }

    #[test]
    fn events_are_known_by_name() {
        let entry = r#"{ "when": { "event": "volume.stat" }, "freeze": ["all"] }"#;
        refused(entry, "script[0].when.event", &["trace record", "[volume.state]"]);
        let entry = r#"{ "at": "1ms", "expect": { "event": "node.upp" } }"#;
        refused(entry, "script[0].expect.event", &["[node.up]"]);
    }

    #[test]
    fn what_can_never_count_is_refused() {
        let entry = r#"{ "when": { "acked": 5 }, "nth": 2, "freeze": ["all"] }"#;
        refused(entry, "script[0].nth", &["`acked` or `exported`, which come to hold only once"]);
        let entry = r#"{ "at": "1ms", "freeze": ["mirrors", "linear"] }"#;
        refused(entry, "script[0].freeze", &["checks that look at the disks"]);
        let entry =
            r#"{ "at": "1ms", "do": { "node.clock_jump": { "node": "t0", "by": "0ns" } } }"#;
        refused(entry, "script[0].do.node.clock_jump.by", &["other than zero"]);
        let entry = r#"{ "at": "1ms", "do": { "disk.restore_old_image": { "disk": "t0/d0", "age": "0s" } } }"#;
        refused(entry, "script[0].do.disk.restore_old_image.age", &["above zero"]);
        let entry =
            r#"{ "at": "1ms", "do": { "database.restore_old_snapshot": { "age": "0s" } } }"#;
        assert!(errors("", entry, "none")[0].contains("above zero"));
        let entry = entry.replace("0s", "5ms");
        assert_eq!(errors("", &entry, "none"), Vec::<String>::new());
        assert!(errors(r#""managers": 3"#, &entry, "none")[0].contains("one manager"));
    }

    #[test]
    fn actions_are_for_nodes_of_their_kind() {
        let entry = r#"{ "at": "1ms", "do": { "node.wipe": { "node": "m0" } } }"#;
        refused(entry, "script[0].do.node.wipe.node", &["a target"]);
        let entry = r#"{ "at": "1ms", "do": { "app.kill": { "client": "t0" } } }"#;
        refused(entry, "script[0].do.app.kill.client", &["a client"]);
        let entry =
            r#"{ "at": "1ms", "do": { "app.detach": { "client": "c0", "volume": "vol1" } } }"#;
        refused(entry, "script[0].do.app.detach.volume", &["[vol0]"]);
    }

    #[test]
    fn clocks_are_as_true_as_the_lease_needs_inside_the_budget() {
        let drift =
            r#"{ "at": "1ms", "do": { "node.clock_drift": { "node": "c0", "ppm": -45001 } } }"#;
        refused(drift, "script[0].do.node.clock_drift.ppm", &["at most 45000 either way"]);
        assert_eq!(errors("", drift, "none"), Vec::<String>::new());
        let cluster = r#""clock": { "drift_ppm": "-10..45001" }"#;
        let [error] = &errors(cluster, "", "survivable")[..] else { panic!("one error") };
        assert!(error.starts_with("cluster.clock.drift_ppm"), "{error}");
        assert_eq!(errors(cluster, "", "none"), Vec::<String>::new());
        let beyond =
            r#"{ "at": "1ms", "do": { "node.clock_drift": { "node": "c0", "ppm": 100001 } } }"#;
        assert_eq!(errors("", beyond, "none").len(), 1);
    }

    #[test]
    fn a_node_has_memory_for_what_it_sets_aside_and_one_operation() {
        let [error] = &errors(r#""memory": "64KiB""#, "", "survivable")[..] else {
            panic!("one error")
        };
        assert!(error.starts_with("cluster.memory: at least "), "{error}");
        assert_eq!(errors(r#""memory": "4MiB""#, "", "survivable"), Vec::<String>::new());
    }
}
