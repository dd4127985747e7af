//! Arguments of the actions on single CPUs. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::ids::CpuSelector;
use crate::scenario::units::within;

/// A CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuOnly {
    /// Which CPU.
    pub cpu: CpuSelector,
}

/// A slow CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowCpu {
    /// Which CPU.
    pub cpu: CpuSelector,
    /// How many times as long its polls take, 1 to 1000.
    #[serde(deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub factor: u32,
}

impl Arguments for CpuOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("cpu", Where::Cpu(self.cpu))]
    }
}

impl Arguments for SlowCpu {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("cpu", Where::Cpu(self.cpu))]
    }
}
