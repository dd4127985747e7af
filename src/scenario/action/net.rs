//! Arguments of the actions on the network. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::base::Odds;
use crate::scenario::ids::NodeSelector;
use crate::scenario::units::{Chance, NanosRange, odds};

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

/// A directed link that loses messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossyLink {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How likely each message is lost.
    #[serde(with = "odds")]
    #[schemars(with = "Chance")]
    pub odds: Odds,
}

impl Arguments for Partition {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("a", Where::Node(self.a)), ("b", Where::Node(self.b))]
    }
}

impl Arguments for LinkOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("from", Where::Node(self.from)), ("to", Where::Node(self.to))]
    }
}

impl Arguments for DelayLink {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("from", Where::Node(self.from)), ("to", Where::Node(self.to))]
    }
}

impl Arguments for LossyLink {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("from", Where::Node(self.from)), ("to", Where::Node(self.to))]
    }
}
