//! Arguments of the actions on nodes' memory. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::amounts::Bytes;
use crate::scenario::ids::NodeSelector;
use crate::scenario::units::within;

/// A node with less memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitMemory {
    /// Which node.
    pub node: NodeSelector,
    /// How much it may hold. What it holds beyond that it keeps until it gives it back by itself.
    pub bytes: Bytes,
}

/// Requests for memory to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailNextMemory {
    /// Which node.
    pub node: NodeSelector,
    /// How many of its requests fail, 1 to 1,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: u32,
    /// How many of its requests come before these, 0 to 1,000,000.
    #[serde(default, deserialize_with = "within::<0, 1_000_000, _, _>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub after: u32,
}

const fn one() -> u32 {
    1
}

impl Arguments for LimitMemory {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}

impl Arguments for FailNextMemory {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}
