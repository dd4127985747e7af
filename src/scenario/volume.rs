//! The volumes of a scenario: their layout, size and legs. Places no leg.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::DiskRef;
use super::name::name_enum;
use super::units::within;

/// A volume that applications issue IO on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its name, unique in the scenario: letters, digits, `-` and `_`, at most 64.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// How its blocks are laid out over its legs.
    pub layout: Layout,
    /// How many legs hold each block, 2 to 4.
    #[serde(default = "two", deserialize_with = "within::<2, 4, _, _>")]
    #[schemars(range(min = 2, max = 4))]
    pub copies: u8,
    /// Its size in blocks, 1 to 2^40.
    #[serde(deserialize_with = "within::<1, 0x100_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    pub blocks: u64,
    /// The disks that hold its legs, in order; left out, the manager places them on distinct targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legs: Option<Vec<DiskRef>>,
    /// How its blocks are guarded against silent faults.
    #[serde(default)]
    pub integrity: Integrity,
}

const fn two() -> u8 {
    2
}

name_enum! {
    /// How the blocks of a volume are laid out over its legs.
    pub enum Layout {
        /// Every leg holds every block.
        Raid1 = "raid1",
    }
}

name_enum! {
    /// How the blocks of a volume are guarded against silent faults.
    #[derive(Default)]
    pub enum Integrity {
        /// Not at all.
        None = "none",
        /// By a checksum and an address beside each block: rot, torn and misdirected data are found.
        #[default]
        Inline = "inline",
        /// By a separate record of what each block must hold, too: lost writes are found as well.
        Full = "full",
    }
}
