//! The script of a scenario: when what happens. Plays none.

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::action::Action;
use super::complaint::Complaints;
use super::connector::ConnectorRef;
use super::ids::NodeRef;
use super::model::CheckName;
use super::name::name_enum;
use super::own::{OwnCall, OwnOr, Spelt};
use super::units::{Duration, NanosRange, maybe_duration, maybe_within};
use crate::base::Nanos;
use crate::base::history::VolumeState;

/// One entry of the script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "EntryText", into = "EntryText")]
#[schemars(with = "EntryText", rename = "Entry")]
pub struct Entry {
    /// When it fires.
    pub trigger: Trigger,
    /// What it does then.
    pub effect: Effect,
    /// How long after each firing the action is undone (`for`); only for actions that can be.
    pub undo_after: Option<NanosRange>,
}

/// When an entry fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Once, at this time.
    At(NanosRange),
    /// Again and again.
    Every {
        /// The time between two firings, drawn for each.
        interval: NanosRange,
        /// The first interval begins here.
        from: Nanos,
        /// No firing after this time.
        until: Option<Nanos>,
        /// No more firings than this, at least 1.
        times: Option<u64>,
    },
    /// Once, this long after the entry before it fired for the first time.
    After(NanosRange),
    /// Once, when the condition holds; only what becomes true after the start counts.
    When {
        /// What has to hold.
        condition: Condition,
        /// Which time it comes to hold, 1 for the first.
        nth: u32,
    },
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Applies an action.
    Do(Action),
    /// Stops everything at this event, runs these checks, goes on.
    Freeze(Vec<CheckName>),
    /// Asserts a condition. An event holds once it has happened: with `within`, since the entry fired.
    Expect {
        /// What has to hold.
        condition: Condition,
        /// How long it has time to come true; `None`: it must hold now.
        within: Option<Nanos>,
    },
}

/// Something that holds or not.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "ConditionText", rename = "Condition")]
pub enum Condition {
    /// The volume is in this state.
    Volume {
        /// Its name.
        volume: String,
        /// The state.
        state: VolumeState,
    },
    /// At least so many operations of all applications were acknowledged.
    Acked(u64),
    /// A trace record of this name was written.
    Event {
        /// The name, such as `fault.applied`.
        event: String,
        /// Only on this node.
        node: Option<NodeRef>,
    },
    /// The rebuild of a leg of the volume got so far.
    Rebuild {
        /// The volume's name.
        volume: String,
        /// Percent of the regions to rebuild, 0 to 100.
        percent: u8,
    },
    /// The node is up or down.
    Node {
        /// Which node.
        node: NodeRef,
        /// Which of the two.
        state: NodeState,
    },
    /// At least so many volumes of the controller's resources are exported on a target.
    Exported {
        /// How many.
        volumes: u32,
        /// Which target.
        node: NodeRef,
    },
    /// The connector listens or not.
    Connector {
        /// Which connector.
        connector: ConnectorRef,
        /// Whether it listens (`up`).
        state: NodeState,
    },
    /// One that the program adds.
    Own(OwnCall),
}

name_enum! {
    /// Whether a node runs, or a connector listens.
    pub enum NodeState {
        /// It has booted, or listens.
        Up = "up",
        /// It has no power, or boots; or it does not listen.
        Down = "down",
    }
}

/// A script entry as a file writes it.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Entry")]
struct EntryText {
    /// Trigger: once, at this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<NanosRange>,
    /// Trigger: again and again, the time between two firings drawn for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<NanosRange>,
    /// With `every`: the first interval begins here.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    from: Option<Nanos>,
    /// With `every`: no firing after this time.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    until: Option<Nanos>,
    /// With `every`: no more firings than this.
    #[serde(deserialize_with = "maybe_within::<1, 1_000_000_000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    times: Option<u64>,
    /// Trigger: once, this long after the entry before it fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<NanosRange>,
    /// Trigger: when the condition comes to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<Condition>,
    /// With `when`: which time the condition comes to hold, 1 for the first.
    #[serde(deserialize_with = "maybe_within::<1, 1_000_000_000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    nth: Option<u32>,
    /// Effect: apply an action.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    act: Option<Action>,
    /// With `do`: undo the action this long afterwards.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    undo: Option<NanosRange>,
    /// Effect: stop everything at this event, run these checks, go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze: Option<Vec<CheckName>>,
    /// Effect: assert a condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<Condition>,
    /// With `expect`: how long the condition has time to come true; left out, it must hold now.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    within: Option<Nanos>,
}

impl TryFrom<EntryText> for Entry {
    type Error = Complaints;

    fn try_from(text: EntryText) -> Result<Self, Complaints> {
        let mut complaints = Complaints::default();
        need(&text, &mut complaints);
        let trigger = trigger(&text, &mut complaints);
        let undo_after = text.undo;
        let effect = effect(text, &mut complaints);
        let entry =
            trigger.zip(effect).map(|(trigger, effect)| Self { trigger, effect, undo_after });
        complaints.or(entry)
    }
}

/// Keys that only make sense beside another.
fn need(text: &EntryText, complaints: &mut Complaints) {
    let pairs = [
        ("from", text.from.is_some(), "every", text.every.is_some()),
        ("until", text.until.is_some(), "every", text.every.is_some()),
        ("times", text.times.is_some(), "every", text.every.is_some()),
        ("nth", text.nth.is_some(), "when", text.when.is_some()),
        ("for", text.undo.is_some(), "do", text.act.is_some()),
        ("within", text.within.is_some(), "expect", text.expect.is_some()),
    ];
    for (key, given, other, present) in pairs {
        if given && !present {
            complaints.add(key, format!("it only beside `{other}`"), format!("remove `{key}`"));
        }
    }
}

/// Exactly one of these keys is to be there.
fn only_one(kind: &str, keys: &[(&str, bool)], complaints: &mut Complaints) {
    let mut given = keys.iter().filter(|(_, given)| *given);
    let Some((first, _)) = given.next() else {
        let names: Vec<String> = keys.iter().map(|(key, _)| format!("`{key}`")).collect();
        return complaints.add("", format!("{kind}: one of {}", names.join(", ")), "");
    };
    for (key, _) in given {
        let expected = format!("{kind} only once, and there is `{first}` already");
        complaints.add(key, expected, "split it into two entries");
    }
}

fn trigger(text: &EntryText, complaints: &mut Complaints) -> Option<Trigger> {
    let keys = [
        ("at", text.at.is_some()),
        ("every", text.every.is_some()),
        ("after", text.after.is_some()),
        ("when", text.when.is_some()),
    ];
    only_one("a trigger", &keys, complaints);
    if let Some(at) = text.at {
        return Some(Trigger::At(at));
    }
    if let Some(after) = text.after {
        return Some(Trigger::After(after));
    }
    if let Some(condition) = text.when.clone() {
        return Some(Trigger::When { condition, nth: text.nth.unwrap_or(1) });
    }
    let interval = text.every?;
    if interval.max == Nanos::ZERO {
        complaints.add("every", "a time above zero", "it would fire for ever at one instant");
    }
    let from = text.from.unwrap_or(Nanos::ZERO);
    if text.until.is_some_and(|until| until <= from) {
        complaints.add("until", format!("a time after {from}, where it begins"), "");
    }
    Some(Trigger::Every { interval, from, until: text.until, times: text.times })
}

fn effect(text: EntryText, complaints: &mut Complaints) -> Option<Effect> {
    let keys = [
        ("do", text.act.is_some()),
        ("freeze", text.freeze.is_some()),
        ("expect", text.expect.is_some()),
    ];
    only_one("an effect", &keys, complaints);
    if let Some(action) = text.act {
        if text.undo.is_some() && !action.can_be_undone() {
            let expected = format!("no `for` beside `{}`, which cannot be undone", action.name());
            complaints.add("for", expected, "remove `for`");
        }
        return Some(Effect::Do(action));
    }
    if let Some(checks) = text.freeze {
        if checks.is_empty() {
            complaints.add("freeze", "at least one check", "name one, or `\"all\"`");
        }
        for check in checks.iter().filter(|check| !check.looks_at_media()) {
            let expected =
                "checks that look at the disks: `mirrors`, `parity`, `durable`, `own` or `all`";
            let help = format!("`{check}` watches the whole run: name it in `checks`");
            complaints.add("freeze", expected, help);
        }
        return Some(Effect::Freeze(checks));
    }
    let condition = text.expect?;
    Some(Effect::Expect { condition, within: text.within })
}

impl From<Entry> for EntryText {
    fn from(entry: Entry) -> Self {
        let mut text = Self { undo: entry.undo_after, ..Self::default() };
        match entry.trigger {
            Trigger::At(at) => text.at = Some(at),
            Trigger::After(after) => text.after = Some(after),
            Trigger::Every { interval, from, until, times } => {
                text.every = Some(interval);
                text.from = Some(from);
                text.until = until;
                text.times = times;
            }
            Trigger::When { condition, nth } => {
                text.when = Some(condition);
                text.nth = Some(nth);
            }
        }
        match entry.effect {
            Effect::Do(action) => text.act = Some(action),
            Effect::Freeze(checks) => text.freeze = Some(checks),
            Effect::Expect { condition, within } => {
                text.expect = Some(condition);
                text.within = within;
            }
        }
        text
    }
}

name_enum! {
    /// `healthy`, `degraded`, `rebuilding` or `offline` of a volume; `up` or `down` of a node or a connector.
    enum StateName {
        /// Volume: all legs serve.
        Healthy = "healthy",
        /// Volume: it serves, with a leg missing.
        Degraded = "degraded",
        /// Volume: it serves, and a leg is being brought up to date.
        Rebuilding = "rebuilding",
        /// Volume: it cannot serve.
        Offline = "offline",
        /// Node: it has booted. Connector: it listens.
        Up = "up",
        /// Node: it has no power, or boots. Connector: it does not listen.
        Down = "down",
    }
}

impl StateName {
    fn of_volume(self) -> Option<VolumeState> {
        VolumeState::ALL.iter().copied().find(|state| state.name() == self.name())
    }
    fn of_node(self) -> Option<NodeState> {
        NodeState::ALL.iter().copied().find(|state| state.name() == self.name())
    }
    fn named(name: &str) -> Self {
        let found = Self::ALL.iter().copied().find(|state| state.name() == name);
        found.expect("every state of a volume and of a node has a name here")
    }
}

/// A condition as a file writes it. Its keys say which one it is: `volume` and `state`; `acked`;
/// `event`; `rebuild` and `volume`; `node` and `state`; `exported` and `node`; `connector` and
/// `state`.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Condition")]
struct ConditionText {
    /// The name of a volume; with `state` or `rebuild`.
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
    /// The state that the volume, the node or the connector is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StateName>,
    /// At least so many operations of all applications were acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    acked: Option<u64>,
    /// A trace record of this name was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    /// The node; with `state`, with `event`, or with `exported`.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeRef>,
    /// The connector; with `state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<ConnectorRef>,
    /// The rebuild of a leg of `volume` got so far, `"0%"` to `"100%"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuild: Option<Percent>,
    /// At least so many volumes of the controller's resources are exported on `node`, a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    exported: Option<u32>,
}

/// `"50%"`.
#[derive(Clone, Copy)]
struct Percent(u8);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl std::str::FromStr for Percent {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.strip_suffix('%').ok_or(())?;
        let plain = number.starts_with(|c: char| c.is_ascii_digit());
        let percent = number.parse().map_err(|_| ())?;
        if plain && percent <= 100 { Ok(Self(percent)) } else { Err(()) }
    }
}

super::name::text_format!(
    Percent,
    "Percent",
    "a percentage from `0%` to `100%`, such as `50%`",
    "^(100|[0-9]?[0-9])%$"
);

const CONDITIONS: &str = "a condition: `volume` and `state`, `acked`, `event`, `rebuild` and \
                          `volume`, `node` and `state`, `exported` and `node`, or \
                          `connector` and `state`";

impl Spelt for ConditionText {
    const NAME: &'static str = "Condition";
    const KEYS: &'static [&'static str] =
        &["volume", "state", "acked", "event", "node", "connector", "rebuild", "exported"];
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OwnOr::<ConditionText>::deserialize(deserializer)?.0 {
            Ok(call) => Ok(Self::Own(call)),
            Err(text) => Self::try_from(text).map_err(D::Error::custom),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(call) => call.serialize(serializer),
            _ => ConditionText::from(self.clone()).serialize(serializer),
        }
    }
}

impl Condition {
    /// The keys that the format's own conditions are written with.
    pub(super) const KEYS: &'static [&'static str] = ConditionText::KEYS;
}

impl TryFrom<ConditionText> for Condition {
    type Error = Complaints;

    fn try_from(text: ConditionText) -> Result<Self, Complaints> {
        let ConditionText { volume, state, acked, event, node, rebuild, exported, connector } =
            text;
        match (volume, state, acked, event, node, rebuild, exported, connector) {
            (Some(volume), Some(state), None, None, None, None, None, None) => {
                match state.of_volume() {
                    Some(state) => Ok(Self::Volume { volume, state }),
                    None => Err(bad_state("volume", VolumeState::ALL.iter().map(|s| s.name()))),
                }
            }
            (None, None, Some(acked), None, None, None, None, None) => Ok(Self::Acked(acked)),
            (None, None, None, Some(event), node, None, None, None) => {
                Ok(Self::Event { event, node })
            }
            (Some(volume), None, None, None, None, Some(Percent(percent)), None, None) => {
                Ok(Self::Rebuild { volume, percent })
            }
            (None, Some(state), None, None, Some(node), None, None, None) => {
                match state.of_node() {
                    Some(state) => Ok(Self::Node { node, state }),
                    None => Err(bad_state("node", NodeState::ALL.iter().map(|s| s.name()))),
                }
            }
            (None, None, None, None, Some(node), None, Some(volumes), None) => {
                Ok(Self::Exported { volumes, node })
            }
            (None, Some(state), None, None, None, None, None, Some(connector)) => {
                match state.of_node() {
                    Some(state) => Ok(Self::Connector { connector, state }),
                    None => Err(bad_state("connector", NodeState::ALL.iter().map(|s| s.name()))),
                }
            }
            _ => Err(Complaints::one(CONDITIONS, "")),
        }
    }
}

fn bad_state<'a>(of: &str, names: impl Iterator<Item = &'a str>) -> Complaints {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let mut complaints = Complaints::default();
    complaints.add("state", format!("the state of a {of}: one of {}", names.join(", ")), "");
    complaints
}

impl From<Condition> for ConditionText {
    fn from(condition: Condition) -> Self {
        let mut text = Self::default();
        match condition {
            Condition::Volume { volume, state } => {
                text.volume = Some(volume);
                text.state = Some(StateName::named(state.name()));
            }
            Condition::Acked(acked) => text.acked = Some(acked),
            Condition::Event { event, node } => {
                text.event = Some(event);
                text.node = node;
            }
            Condition::Rebuild { volume, percent } => {
                text.volume = Some(volume);
                text.rebuild = Some(Percent(percent));
            }
            Condition::Node { node, state } => {
                text.node = Some(node);
                text.state = Some(StateName::named(state.name()));
            }
            Condition::Exported { volumes, node } => {
                text.exported = Some(volumes);
                text.node = Some(node);
            }
            Condition::Connector { connector, state } => {
                text.connector = Some(connector);
                text.state = Some(StateName::named(state.name()));
            }
            // It is written as it is, without such a text.
            Condition::Own(_) => {}
        }
        text
    }
}
