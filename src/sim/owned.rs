//! What an incarnation of a node owns besides its tasks: work queues and per-CPU data. Runs nothing.

use std::any::Any;
use std::rc::{Rc, Weak};

use super::workqueue::Shared;

/// What ends with the incarnation.
#[derive(Default)]
pub(super) struct Owned {
    work_queues: Vec<Weak<Shared>>,
    per_cpu: Vec<Rc<dyn Any>>,
}

impl Owned {
    pub(super) fn add_work_queue(&mut self, queue: Weak<Shared>) {
        self.work_queues.retain(|queue| queue.strong_count() > 0);
        self.work_queues.push(queue);
    }

    pub(super) fn add_per_cpu(&mut self, values: Rc<dyn Any>) {
        self.per_cpu.push(values);
    }

    /// The work queues that somebody still holds, in the order of their making.
    pub(super) fn work_queues(&self) -> Vec<Rc<Shared>> {
        self.work_queues.iter().filter_map(Weak::upgrade).collect()
    }
}
