//! Arguments of the actions on the network. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use super::message::MessageName;
use crate::base::{Nanos, Odds};
use crate::scenario::ids::NodeSelector;
use crate::scenario::interface::InterfaceSelector;
use crate::scenario::units::{Bandwidth, Chance, NanosRange, odds, within};

/// Two sides that are cut off from each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One side.
    pub a: NodeSelector,
    /// The other side.
    pub b: NodeSelector,
    /// Whether only messages from `a` to `b` are cut off.
    #[serde(default)]
    pub oneway: bool,
}

/// A directed link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOnly {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
}

/// A directed link that is slower than usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayLink {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How much longer a message is on its way, drawn per message.
    pub latency: NanosRange,
}

/// A directed link on which something happens to messages at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOdds {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How likely it happens to each message.
    #[serde(with = "odds")]
    #[schemars(with = "Chance")]
    pub odds: Odds,
}

/// A directed link that carries less than usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NarrowLink {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How much it carries.
    pub rate: Bandwidth,
}

/// The next messages of one kind on a directed link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextMessages {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// Which kind of message.
    pub message: MessageName,
    /// How many of them, 1 to 1,000,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u32,
}

/// The next messages of one kind on a directed link, which are to be late.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayNextMessages {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// Which kind of message.
    pub message: MessageName,
    /// How many of them, 1 to 1,000,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u32,
    /// How much later they arrive, drawn per message.
    #[serde(default = "a_while")]
    pub latency: NanosRange,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfaceOnly {
    /// Which interface.
    pub interface: InterfaceSelector,
}

const fn one() -> u32 {
    1
}

const fn a_while() -> NanosRange {
    NanosRange { min: Nanos::from_millis(1), max: Nanos::from_millis(5) }
}

impl Arguments for Partition {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("a", Where::Node(self.a)), ("b", Where::Node(self.b))]
    }
}

impl Arguments for InterfaceOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("interface", Where::Interface(self.interface))]
    }
}

macro_rules! on_a_link {
    ($($args:ty),*) => {$(
        impl Arguments for $args {
            fn places(&self) -> Vec<(&'static str, Where<'_>)> {
                vec![("from", Where::Node(self.from)), ("to", Where::Node(self.to))]
            }
        }
    )*};
}
on_a_link!(LinkOnly, DelayLink, LinkOdds, NarrowLink, NextMessages, DelayNextMessages);
