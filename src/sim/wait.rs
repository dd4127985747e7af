//! What a task waits for, for the report of a run that hangs. Wakes nobody.

use std::fmt;

use crate::base::{Names, NodeId};

/// What a pending primitive waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In words: `timer`, `message on`, `completion from`.
    pub what: &'static str,
    /// Which one, as the primitive numbers them.
    pub which: u64,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.which)
    }
}

/// A task that waits, and for what.
#[derive(Clone, Debug)]
pub struct WaitingTask {
    /// Its node.
    pub node: NodeId,
    /// The name it was spawned with.
    pub name: &'static str,
    /// Where it was spawned, as `file:line`.
    pub spawned_at: String,
    /// What it waits for; `None` when it waits in foreign code or is ready.
    pub wait: Option<Wait>,
    /// Whether it is ready to run.
    pub ready: bool,
}

impl WaitingTask {
    /// One line for a report.
    #[must_use]
    pub fn line(&self, names: &Names) -> String {
        let state = match (self.ready, self.wait) {
            (true, _) => "is ready to run".to_owned(),
            (false, Some(wait)) => format!("waits for {wait}"),
            (false, None) => "waits in foreign code".to_owned(),
        };
        let node = names.node(self.node);
        format!("{node} task `{}` ({}) {state}", self.name, self.spawned_at)
    }
}
