//! Looks into a kernel that stands still: CPUs, tasks, timers, the records kept so far. Changes nothing.

use crate::base::{CpuId, Nanos, NodeId, Record, Seq};

use super::cpu::{PAUSED, STOPPED};
use super::kernel::Kernel;
use super::task::State;
use super::wait::Wait;

/// A virtual CPU as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuState {
    /// Which of its node.
    pub cpu: CpuId,
    /// The names of the tasks in its run queue, in the order of their coming.
    pub ready: Vec<&'static str>,
    /// Until when its last poll keeps it busy.
    pub busy_until: Nanos,
    /// What a poll costs on it now.
    pub poll_cost: Nanos,
    /// Whether it was stopped.
    pub stopped: bool,
    /// Whether its node is paused.
    pub paused: bool,
}

/// A task as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// Its slot, and which of the tasks that ever had that slot, as `sim.polled` names them.
    pub id: (u32, u32),
    /// Its CPU.
    pub cpu: CpuId,
    /// The name it was spawned with.
    pub name: &'static str,
    /// Where it was spawned, as `file:line`.
    pub spawned_at: String,
    /// Whether it is in a run queue.
    pub ready: bool,
    /// What it waits for; `None` when it is ready, or waits in foreign code.
    pub wait: Option<Wait>,
    /// The record that led to its being woken last.
    pub cause: Seq,
}

/// A timer that is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedTimer {
    /// The node whose clock it follows.
    pub node: NodeId,
    /// When it fires, in virtual time.
    pub at: Nanos,
    /// The record that led to its being armed.
    pub cause: Seq,
}

impl Kernel {
    /// The CPUs of a node, in order.
    #[must_use]
    pub fn cpu_states(&self, node: NodeId) -> Vec<CpuState> {
        let scheduler = self.inner.scheduler.borrow();
        let of_node = scheduler.cpus().iter().filter(|cpu| cpu.node == node);
        let states = of_node.map(|cpu| CpuState {
            cpu: cpu.id,
            ready: cpu.ready.iter().map(|ready| ready.name).collect(),
            busy_until: cpu.busy_until,
            poll_cost: cpu.poll_cost,
            stopped: cpu.halted & STOPPED != 0,
            paused: cpu.halted & PAUSED != 0,
        });
        states.collect()
    }

    /// The tasks of a node, in slot order.
    #[must_use]
    pub fn task_states(&self, node: NodeId) -> Vec<TaskState> {
        let mut scheduler = self.inner.scheduler.borrow_mut();
        let ids = scheduler.tasks.ids_of(node);
        let mut states = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(task) = scheduler.tasks.get(id) else { continue };
            let (at, state) = (task.cpu, task.state);
            let mut described = TaskState {
                id: (id.slot, id.generation),
                cpu: CpuId::default(),
                name: task.name,
                spawned_at: format!("{}:{}", task.place.file(), task.place.line()),
                ready: state != State::Idle,
                wait: task.wait,
                cause: task.cause,
            };
            described.cpu = scheduler.cpu(at).id;
            states.push(described);
        }
        states
    }

    /// The timers that are armed, soonest first.
    #[must_use]
    pub fn armed_timers(&self) -> Vec<ArmedTimer> {
        let mut armed = self.inner.scheduler.borrow().timers.armed();
        armed.sort_by_key(|timer| (timer.at, timer.node));
        armed
    }

    /// Looks at the records kept so far.
    pub fn look_at_trace<R>(&self, look: impl FnOnce(&[Record]) -> R) -> R {
        look(self.inner.trace.borrow().kept())
    }
}
