//! Which of its ready tasks a CPU runs next. Picks none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::within;

/// Which of the ready tasks of a CPU runs next: `"random"`, `"fifo"`, `"lifo"`, `{"pct": {"depth": 3}}` or
/// `{"starve": {"task": "rebuild"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Any, drawn from the seed.
    Random,
    /// The one that has been ready the longest.
    Fifo,
    /// The last one that became ready.
    Lifo,
    /// The one of the highest priority: drawn for each task, and changed at a few picks.
    Pct(PctSchedule),
    /// Any, but tasks of one name only when nothing else can run.
    Starve(StarveSchedule),
}

/// A schedule by priorities (Burckhardt et al., ASPLOS 2010). A bug that shows whenever `depth` steps
/// come in a given order is found with a probability of at least 1/(n·steps^(depth-1)) for n tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PctSchedule {
    /// How many steps must come in a given order for the bug to show, 1 to 32.
    #[serde(deserialize_with = "within::<1, 32, _, _>")]
    #[schemars(range(min = 1, max = 32))]
    pub depth: u32,
    /// Among how many picks the changes of priority are spread, 1 to 2^40.
    #[serde(default = "steps", deserialize_with = "within::<1, 0x100_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    pub steps: u64,
}

/// As many picks as a run of some ten thousand operations has.
const fn steps() -> u64 {
    100_000
}

/// A schedule that starves a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StarveSchedule {
    /// The name of the tasks, whole or its last part: `client.rebuild` or `rebuild`.
    #[schemars(length(min = 1))]
    pub task: String,
}
