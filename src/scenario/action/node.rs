//! Arguments of the actions on nodes. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::ids::NodeSelector;
use crate::scenario::units::NanosRange;

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeOnly {
    /// Which node.
    pub node: NodeSelector,
}

/// A node to reboot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reboot {
    /// Which node.
    pub node: NodeSelector,
    /// How long it is down; left out, the cluster's `boot_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<NanosRange>,
}

impl Arguments for NodeOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}

impl Arguments for Reboot {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}
