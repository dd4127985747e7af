//! Arguments of the actions on disks. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use super::status::{Ops, Phase, StatusName};
use crate::base::Odds;
use crate::scenario::ids::{DiskSelector, NodeSelector};
use crate::scenario::units::{Chance, odds, within};

/// A disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskOnly {
    /// Which disk.
    pub disk: DiskSelector,
}

/// Bad sectors to insert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InsertBadSector {
    /// Which disk.
    pub disk: DiskSelector,
    /// The first bad block, counted on the disk, from 0.
    pub block: u64,
    /// How many blocks from there on are bad, 1 to 2^32.
    #[serde(default = "one", deserialize_with = "within::<1, 0x1_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x1_0000_0000_u64))]
    pub count: u64,
    /// What a read of them returns.
    #[serde(default = "unrecovered_read")]
    pub status: StatusName,
}

/// Random failures to inject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InjectRandomFailure {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands may fail.
    #[serde(default)]
    pub ops: Ops,
    /// How likely each of them fails.
    #[serde(with = "odds")]
    #[schemars(with = "Chance")]
    pub odds: Odds,
    /// What a failed command returns.
    #[serde(default = "internal")]
    pub status: StatusName,
    /// Whether a failed command was executed.
    #[serde(default)]
    pub phase: Phase,
}

/// Commands to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailNext {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands fail.
    #[serde(default)]
    pub ops: Ops,
    /// How many of them fail, 1 to 1,000,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u64,
    /// What they return.
    #[serde(default = "internal")]
    pub status: StatusName,
}

/// A disk as one client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskClient {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which client.
    pub client: NodeSelector,
}

/// A disk to slow down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowDisk {
    /// Which disk.
    pub disk: DiskSelector,
    /// How many times as long its commands take, 1 to 1000.
    #[serde(deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub factor: u32,
}

/// A disk whose commands hang.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HangDisk {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands hang.
    #[serde(default)]
    pub ops: Ops,
}

const fn one() -> u64 {
    1
}

const fn unrecovered_read() -> StatusName {
    StatusName::UnrecoveredRead
}

const fn internal() -> StatusName {
    StatusName::Internal
}

impl Arguments for DiskOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for InsertBadSector {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for InjectRandomFailure {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for FailNext {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for DiskClient {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk)), ("client", Where::Client(self.client))]
    }
}

impl Arguments for SlowDisk {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for HangDisk {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}
