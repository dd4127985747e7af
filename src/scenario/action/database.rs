//! Arguments of the actions on the manager's database. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::base::Nanos;
use crate::scenario::units::{Duration, duration};

/// A database that goes back in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreOldSnapshot {
    /// How old the snapshot is that it holds afterwards.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub age: Nanos,
}

impl Arguments for RestoreOldSnapshot {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        Vec::new()
    }
}
