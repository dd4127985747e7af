//! Arguments of the actions on disks. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use super::status::{Ops, Phase, StatusName};
use crate::base::{Nanos, Odds};
use crate::scenario::ids::{DiskSelector, NodeSelector};
use crate::scenario::units::{Chance, Duration, duration, odds, within};

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
    /// They come in a burst, near to each other in place and in time, as latent errors do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
}

/// Where and when the blocks of a burst go bad.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Among so many blocks `count` are bad, 1 to 2^32.
    #[serde(deserialize_with = "within::<1, 0x1_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x1_0000_0000_u64))]
    pub span: u64,
    /// Each goes bad at some time within this.
    #[serde(default, with = "duration")]
    #[schemars(with = "Duration")]
    pub within: Nanos,
}

/// A disk that fails everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakWith {
    /// Which disk.
    pub disk: DiskSelector,
    /// What every command returns.
    #[serde(default = "internal")]
    pub status: StatusName,
}

/// Commands that a disk does wrong without saying so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextCommands {
    /// Which disk.
    pub disk: DiskSelector,
    /// How many of its next commands, 1 to 1,000,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u64,
}

/// A block that rots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlipBits {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which block, counted on the disk, from 0.
    pub block: u64,
    /// How many of its bits flip, 1 to 4096; which ones is drawn.
    #[serde(default = "one", deserialize_with = "within::<1, 4096, _, _>")]
    #[schemars(range(min = 1, max = 4096))]
    pub bits: u64,
}

/// A disk that goes back in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreOldImage {
    /// Which disk.
    pub disk: DiskSelector,
    /// How old the image is that it holds afterwards.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub age: Nanos,
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
    /// When they fail.
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
    /// When they fail.
    #[serde(default)]
    pub phase: Phase,
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

/// Two disks to mix up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapDisks {
    /// Which disk.
    pub disk: DiskSelector,
    /// The disk that takes its place, and whose place it takes; it is another one.
    pub with: DiskSelector,
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

impl Arguments for SwapDisks {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk)), ("with", Where::Disk(&self.with))]
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

impl Arguments for BreakWith {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for NextCommands {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for FlipBits {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}

impl Arguments for RestoreOldImage {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("disk", Where::Disk(&self.disk))]
    }
}
