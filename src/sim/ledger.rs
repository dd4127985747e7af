//! Counts what each node holds (locks, operations, commands), to find what outlives its owner.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::NodeId;

#[derive(Debug)]
struct Line {
    node: NodeId,
    what: &'static str,
    count: u64,
}

/// The open items of all nodes by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Rc<RefCell<Vec<Line>>>);

impl Ledger {
    /// The line for items of this kind on this node.
    pub(super) fn tracker(&self, node: NodeId, what: &'static str) -> Tracker {
        let mut lines = self.0.borrow_mut();
        let found = lines.iter().position(|line| line.node == node && line.what == what);
        let line = found.unwrap_or_else(|| {
            lines.push(Line { node, what, count: 0 });
            lines.len() - 1
        });
        Tracker { ledger: self.clone(), line }
    }

    /// What is open on a node.
    pub(super) fn open_on(&self, node: NodeId) -> Vec<LeakedCount> {
        let lines = self.0.borrow();
        let open = lines.iter().filter(|line| line.node == node && line.count > 0);
        open.map(|line| LeakedCount { node, what: line.what, count: line.count }).collect()
    }
}

/// Open items of one kind on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeakedCount {
    /// The node.
    pub node: NodeId,
    /// What kind of item.
    pub what: &'static str,
    /// How many are open.
    pub count: u64,
}

/// Enters items of one kind in a node's ledger.
#[derive(Clone, Debug)]
pub struct Tracker {
    ledger: Ledger,
    line: usize,
}

impl Tracker {
    /// Opens an item; it closes when the guard is dropped.
    #[must_use]
    pub fn open(&self) -> Tracked {
        self.ledger.0.borrow_mut()[self.line].count += 1;
        Tracked { ledger: self.ledger.clone(), line: self.line }
    }
}

/// An item on its node's ledger, closed when dropped.
#[derive(Debug)]
pub struct Tracked {
    ledger: Ledger,
    line: usize,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.ledger.0.borrow_mut()[self.line].count -= 1;
    }
}
