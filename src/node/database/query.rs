//! What a database is asked, and what it answers. Asks nothing.

use std::rc::Rc;

use crate::node::control::{Change, Refusal, Rows};

/// What the database is asked.
#[derive(Clone, Debug)]
pub enum Query {
    /// What do you hold? And take nothing from the controllers of earlier terms any more.
    Load {
        /// The term of the controller that asks.
        term: u64,
    },
    /// Make the next version of this one, if no controller of a later term has asked.
    Commit {
        /// The term of the controller that asks.
        term: u64,
        /// The version that is to be changed.
        expected: u64,
        /// What is to be another in the next.
        changes: Rc<[Change]>,
    },
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This.
    Loaded {
        /// The version.
        version: u64,
        /// The rows.
        rows: Rc<Rows>,
    },
    /// It is done and durable.
    Committed {
        /// The version that was made.
        version: u64,
    },
    /// It was not done.
    Refused(Refusal),
    /// Nothing: whether it was done is not known.
    Vanished,
}

impl Query {
    /// What it takes on the wire, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Load { .. } => 0,
            Self::Commit { changes, .. } => changes.iter().map(change_bytes).sum(),
        }
    }
}

fn change_bytes(change: &Change) -> u64 {
    (change.key.len() + change.value.as_ref().map_or(0, String::len)) as u64
}

impl Answer {
    /// What it takes on the wire, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Loaded { rows, .. } => {
                rows.iter().map(|((_, key), value)| (key.len() + value.len()) as u64).sum()
            }
            _ => 0,
        }
    }
}
