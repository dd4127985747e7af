//! What an application replays: operations with their times and places. Reads no trace and issues nothing.

use super::history::OpKind;
use super::time::Nanos;

/// One operation to be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayStep {
    /// When it is due, since the application began.
    pub at: Nanos,
    /// What it asks for.
    pub kind: OpKind,
    /// Its first block.
    pub block: u64,
    /// How many blocks it has, at least 1.
    pub blocks: u32,
}

/// Operations in the order in which they are due, and how they differ from what was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// The operations.
    pub steps: Vec<ReplayStep>,
    /// Lines of the recording that are not replayed.
    pub skipped: u64,
    /// Operations beyond the blocks that the application uses, which were moved to where they are modulo their number.
    pub moved: u64,
    /// Operations longer than all the blocks that the application uses, which were shortened to them.
    pub clamped: u64,
    /// Operations that were no whole blocks.
    pub rounded: u64,
    /// Operations that became several: at the end of the blocks that are used, or because they were too long for one.
    pub split: u64,
}
