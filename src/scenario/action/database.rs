//! Arguments of the actions on the manager's records and on the configuration's database. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::base::Nanos;
use crate::scenario::name::name_enum;
use crate::scenario::units::{Duration, duration, within};

/// The database: there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseOnly {}

/// A slow database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowDatabase {
    /// How many times as long its disk takes, 1 to 1,000,000.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub factor: u32,
}

name_enum! {
    /// When a commit that is to fail does.
    #[derive(Default)]
    pub enum CommitPhase {
        /// Before anything is done: nothing changes.
        #[default]
        Before = "before",
        /// After all is done: whoever asked is not told.
        After = "after",
    }
}

/// Commits that fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailCommit {
    /// When.
    #[serde(default)]
    pub phase: CommitPhase,
    /// How many, 1 to 1,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: u32,
}

const fn one() -> u32 {
    1
}

macro_rules! nowhere {
    ($($type:ty),*) => {$(
        impl Arguments for $type {
            fn places(&self) -> Vec<(&'static str, Where<'_>)> {
                Vec::new()
            }
        }
    )*};
}
nowhere!(DatabaseOnly, SlowDatabase, FailCommit, RestoreOldSnapshot);

/// A database that goes back in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreOldSnapshot {
    /// How old the snapshot is that it holds afterwards.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub age: Nanos,
}
