//! Tasks of a node that end together, before their node does. Spawns none.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::kernel::Kernel;
use super::task::TaskId;

/// So many tasks may have ended before the list of them is looked through.
const ENDED_MAX: usize = 64;

/// The tasks that were spawned by a handle of [`NodeHandle::scoped`](super::NodeHandle::scoped). Clones share them.
#[derive(Clone)]
pub struct Scope {
    kernel: Kernel,
    tasks: Rc<RefCell<Vec<TaskId>>>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({} tasks)", self.tasks.borrow().len())
    }
}

impl Scope {
    pub(super) fn new(kernel: &Kernel) -> Self {
        Self { kernel: kernel.clone(), tasks: Rc::default() }
    }

    pub(super) fn add(&self, task: TaskId) {
        let mut tasks = self.tasks.borrow_mut();
        if tasks.len() >= ENDED_MAX && tasks.len() == tasks.capacity() {
            let known = &mut self.kernel.inner.scheduler.borrow_mut().tasks;
            tasks.retain(|task| known.get(*task).is_some());
        }
        tasks.push(task);
    }

    /// Ends all of them where they stand. To be called from a task that is none of them.
    pub fn end(&self) {
        // What is dropped with a task may lead back here.
        loop {
            let Some(task) = self.tasks.borrow_mut().pop() else { return };
            let ended = self.kernel.inner.scheduler.borrow_mut().tasks.remove(task);
            drop(ended);
        }
    }
}
