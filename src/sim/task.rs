//! Tasks in a slab, and wakers that reach them. Polls nothing itself.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use crate::base::{NodeId, Seq};

use super::wait::Wait;

/// A task: its slot, and which of the tasks that ever had that slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// What is polled, and the waker that it is polled with.
pub(super) type Body = (Pin<Box<dyn Future<Output = ()>>>, Waker);

/// Where a task is in its life.
///
/// ```text
/// Idle → Queued → Running → Idle
///                    ↓ woken meanwhile
///                 Requeued → Queued
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waits to be woken.
    Idle,
    /// Is in its CPU's run queue.
    Queued,
    /// Is being polled.
    Running,
    /// Was woken while being polled.
    Requeued,
}

pub(super) struct Task {
    /// Absent while it is being polled.
    pub(super) body: Option<Body>,
    pub(super) name: &'static str,
    pub(super) node: NodeId,
    /// Index into the kernel's table of CPUs.
    pub(super) cpu: u32,
    pub(super) state: State,
    /// Where it runs is not fixed: while its CPU is stopped, it runs on another one of its node.
    pub(super) is_unbound: bool,
    /// The record that led to its being woken.
    pub(super) cause: Seq,
    pub(super) wait: Option<Wait>,
    pub(super) place: &'static Location<'static>,
}

/// The end of a list of tasks.
const NONE: u32 = u32::MAX;

/// What every poll looks at, in two cache lines and not across three.
#[repr(align(64))]
struct Slot {
    task: Option<Task>,
    generation: u32,
    /// The neighbours in the list of the node's tasks, by slot.
    previous: u32,
    next: u32,
}

const _: () = assert!(size_of::<Slot>() <= 2 * 64, "a task's slot takes two cache lines");

impl Slot {
    const EMPTY: Self = Self { generation: 0, task: None, previous: NONE, next: NONE };
}

/// All tasks of a simulation.
#[derive(Default)]
pub(super) struct Tasks {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The slot of each node's newest task, from which the list of its tasks starts.
    newest: Vec<u32>,
}

impl Tasks {
    pub(super) fn insert(&mut self, make: impl FnOnce(TaskId) -> Task) -> TaskId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::EMPTY);
            (self.slots.len() - 1) as u32
        });
        let id = TaskId { slot, generation: self.slots[slot as usize].generation };
        let task = make(id);
        let node = task.node.index();
        if self.newest.len() <= node {
            self.newest.resize(node + 1, NONE);
        }
        let next = std::mem::replace(&mut self.newest[node], slot);
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.previous = slot;
        }
        let entry = &mut self.slots[slot as usize];
        entry.task = Some(task);
        (entry.previous, entry.next) = (NONE, next);
        id
    }

    pub(super) fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation == id.generation { slot.task.as_mut() } else { None }
    }

    /// Takes a task out; its slot may be used anew.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<Task> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let task = slot.task.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        let (previous, next) = (slot.previous, slot.next);
        match self.slots.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.newest[task.node.index()] = next,
        }
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.previous = previous;
        }
        self.free.push(id.slot);
        Some(task)
    }

    /// All tasks, in slot order.
    pub(super) fn ids(&self) -> Vec<TaskId> {
        let slots = self.slots.iter().enumerate();
        let found = slots.filter(|(_, slot)| slot.task.is_some());
        found.map(|(at, slot)| TaskId { slot: at as u32, generation: slot.generation }).collect()
    }

    /// A node's tasks, in slot order. Costs what the node has, not what there is.
    pub(super) fn ids_of(&self, node: NodeId) -> Vec<TaskId> {
        let mut ids = Vec::new();
        let mut at = self.newest.get(node.index()).copied().unwrap_or(NONE);
        while let Some(slot) = self.slots.get(at as usize) {
            ids.push(TaskId { slot: at, generation: slot.generation });
            at = slot.next;
        }
        ids.sort_unstable_by_key(|id| id.slot);
        ids
    }
}

/// Wake-ups that came through a [`Waker`], from code that isn't ours.
#[derive(Default)]
pub(super) struct ForeignWakes {
    pending: AtomicBool,
    tasks: Mutex<Vec<TaskId>>,
}

impl ForeignWakes {
    /// Takes what has come in, in order.
    pub(super) fn take(&self) -> Vec<TaskId> {
        if !self.pending.swap(false, Ordering::Relaxed) {
            return Vec::new();
        }
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[inline]
    pub(super) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }
}

struct ForeignWaker {
    wakes: Arc<ForeignWakes>,
    task: TaskId,
}

impl Wake for ForeignWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(self.task);
        self.wakes.pending.store(true, Ordering::Relaxed);
    }
}

pub(super) fn waker(wakes: &Arc<ForeignWakes>, task: TaskId) -> Waker {
    Waker::from(Arc::new(ForeignWaker { wakes: wakes.clone(), task }))
}

/// Who is to be woken: one of our tasks directly, or whatever combinator polled us.
#[derive(Clone, Debug)]
pub enum WakeRef {
    /// The task itself polled.
    Task(TaskId),
    /// A combinator with a waker of its own polled.
    Foreign(Waker),
}

impl WakeRef {
    /// Whether both surely wake the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Task(a), Self::Task(b)) => a == b,
            (Self::Foreign(a), Self::Foreign(b)) => a.will_wake(b),
            _ => false,
        }
    }
}
