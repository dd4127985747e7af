//! The door for tests and the world: takes the database service away and brings it back, and has its commits fail. Its
//! disk and its node have doors of their own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::NodeId;
use crate::sim::{Kernel, Signal};

crate::word_enum! {
    /// When a commit fails.
    pub enum CommitPhase {
        /// Before anything was done: nothing changes.
        Before = "before",
        /// After all was done: whoever asked is not told.
        After = "after",
    }
}

crate::record! {
    /// The database service is no more.
    pub struct DatabaseDown = "database.down", Notable { node: NodeId }
}
crate::record! {
    /// The database service may start again.
    pub struct DatabaseUp = "database.up", Notable { node: NodeId }
}
crate::record! {
    /// The next commits of the database fail.
    pub struct CommitsFail = "database.fail_commit", Notable {
        node: NodeId, phase: CommitPhase, count: u32
    }
}

/// What is wrong with a database, over all lives of its node. Clones share it.
#[derive(Clone, Debug)]
pub struct DatabaseFaults(Rc<Faults>);

#[derive(Debug)]
struct Faults {
    kernel: Kernel,
    node: NodeId,
    is_down: Cell<bool>,
    failing: RefCell<Option<(CommitPhase, u32)>>,
    /// How many commits have failed because they were made to.
    failed: Cell<u64>,
    changed: Signal,
}

impl DatabaseFaults {
    /// A database on this node with nothing wrong.
    #[must_use]
    pub fn new(kernel: &Kernel, node: NodeId) -> Self {
        Self(Rc::new(Faults {
            kernel: kernel.clone(),
            node,
            is_down: Cell::new(false),
            failing: RefCell::new(None),
            failed: Cell::new(0),
            changed: Signal::new(kernel),
        }))
    }

    /// The node that the database is on.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// Kills the database service where it stands. Its disk keeps what it has.
    pub fn down(&self) {
        self.0.kernel.emit(None, &DatabaseDown { node: self.0.node });
        self.0.is_down.set(true);
        self.0.changed.notify();
    }

    /// Lets the database service start.
    pub fn up(&self) {
        self.0.kernel.emit(None, &DatabaseUp { node: self.0.node });
        self.0.is_down.set(false);
        self.0.changed.notify();
    }

    /// Has the next commits fail, before or after they are done.
    pub fn fail_commit(&self, phase: CommitPhase, count: u32) {
        self.0.kernel.emit(None, &CommitsFail { node: self.0.node, phase, count });
        *self.0.failing.borrow_mut() = (count > 0).then_some((phase, count));
    }

    /// Whether the service is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.0.is_down.get()
    }

    /// Whether commits are to fail that have not been asked for yet.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.0.failing.borrow().is_some()
    }

    /// How many commits have failed because they were made to.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.failed.get()
    }

    /// Tells of every change of the service.
    pub(super) fn changed(&self) -> &Signal {
        &self.0.changed
    }

    /// Whether a commit that has come to this point fails there.
    pub(super) fn fails(&self, at: CommitPhase) -> bool {
        let mut failing = self.0.failing.borrow_mut();
        let Some((phase, count)) = *failing else { return false };
        if phase != at {
            return false;
        }
        *failing = (count > 1).then_some((phase, count - 1));
        self.0.failed.set(self.0.failed.get() + 1);
        true
    }
}
