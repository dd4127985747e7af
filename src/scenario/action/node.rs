//! Arguments of the actions on nodes. Applies none.

use schemars::JsonSchema;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::amounts::TimeShift;
use crate::scenario::ids::NodeSelector;
use crate::scenario::units::NanosRange;

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeOnly {
    /// Which node.
    pub node: NodeSelector,
}

/// A target, or one of several managers, whose disks are to be blank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wipe {
    /// Which target, or which manager where there are several.
    pub node: NodeSelector,
}

/// A wall clock to set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// Which node.
    pub node: NodeSelector,
    /// How far its wall clock is set forward, or back.
    pub by: TimeShift,
}

/// Clocks to run fast or slow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockDrift {
    /// Which node.
    pub node: NodeSelector,
    /// By how many parts per million its clocks run fast, or slow if negative: -100,000 to 100,000.
    #[serde(deserialize_with = "ppm")]
    #[schemars(range(min = -100_000, max = 100_000))]
    pub ppm: i32,
}

/// A node to reboot, or whose program is to crash.
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

impl Arguments for Wipe {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::WithDisks(self.node))]
    }
}

impl Arguments for ClockJump {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}

impl Arguments for ClockDrift {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}

impl Arguments for Reboot {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("node", Where::Node(self.node))]
    }
}

/// The most parts per million by which a clock may run fast or slow.
const PPM_MAX: i64 = 100_000;

fn ppm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let ppm = i64::deserialize(deserializer)?;
    let wanted = "parts per million from -100000 to 100000";
    let fits = (-PPM_MAX..=PPM_MAX).contains(&ppm);
    let ppm = if fits { i32::try_from(ppm).ok() } else { None };
    ppm.ok_or_else(|| D::Error::invalid_value(Unexpected::Other("the number"), &wanted))
}
