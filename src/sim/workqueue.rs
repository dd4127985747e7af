//! Work queues as Linux has them (`include/linux/workqueue.h`): bound to a CPU, unbound or ordered;
//! delayed work; flush, drain and dump. Knows no interrupt and no priority.
//!
//! A [`Work`] is an object with a function, as `work_struct` is: queued while it is pending it is not
//! queued again; queued while it runs, it runs once more afterwards, never beside itself. Each run is a
//! task of its own, so that an item that sleeps holds nobody up (but in an ordered queue).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use crate::base::{CpuId, Nanos, NodeId};

use super::join::JoinHandle;
use super::port::NodeHandle;
use super::sync::Signal;
use super::task::TaskId;

/// Where and how many at a time a queue runs its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkQueueKind {
    /// On the CPU that it is queued on, this many at a time for each CPU, at least 1. Work of a stopped
    /// CPU waits.
    Bound {
        /// The most that may run at a time on one CPU; Linux has 256 where nothing is said.
        max_active: u32,
    },
    /// On any CPU, this many at a time, at least 1. Work of a stopped CPU goes on elsewhere.
    Unbound {
        /// The most that may run at a time.
        max_active: u32,
    },
    /// On any CPU, one at a time, in the order of queueing.
    Ordered,
}

/// Where a work stands, besides running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Idle,
    Delayed,
    Pending,
}

type Function = dyn Fn(Work) -> Pin<Box<dyn Future<Output = ()>>>;

struct WorkState {
    name: &'static str,
    function: Box<Function>,
    standing: Cell<Standing>,
    is_running: Cell<bool>,
    /// The queue that it was last queued on, and its timer while it is delayed.
    queue: RefCell<Weak<Shared>>,
    timer: RefCell<Option<JoinHandle<()>>>,
}

/// Something to be done by a work queue. Clones are the same work.
#[derive(Clone)]
pub struct Work(Rc<WorkState>);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work(`{}`, {:?})", self.0.name, self.0.standing.get())
    }
}

impl Work {
    /// A work of this name. Each run calls `function` with the work itself, which may queue itself
    /// again, and awaits what it gives.
    pub fn new<F>(name: &'static str, function: impl Fn(Self) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self(Rc::new(WorkState {
            name,
            function: Box::new(move |work| Box::pin(function(work))),
            standing: Cell::new(Standing::Idle),
            is_running: Cell::new(false),
            queue: RefCell::default(),
            timer: RefCell::default(),
        }))
    }

    /// Whether it is queued, or waits for its delay to be over.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.standing.get() != Standing::Idle
    }

    /// Takes it back if it is pending; says whether it was. A run under way goes on.
    pub fn cancel(&self) -> bool {
        let queue = self.0.queue.borrow().upgrade();
        let timer = self.0.timer.take();
        if let Some(timer) = timer {
            timer.abort();
        }
        let was_pending = self.0.standing.replace(Standing::Idle) != Standing::Idle;
        if let Some(queue) = queue
            && was_pending
        {
            let mut state = queue.state.borrow_mut();
            state.pending.retain(|item| !item.work.is(self));
            state.delayed.retain(|item| !item.work.is(self));
            drop(state);
            queue.changed.notify();
        }
        was_pending
    }

    /// Takes it back if it is pending, and waits for a run under way; says whether it was pending.
    pub async fn cancel_sync(&self) -> bool {
        let was_pending = self.cancel();
        self.flush().await;
        was_pending
    }

    /// Waits until it neither is queued nor runs. Does not wait for a delay.
    pub async fn flush(&self) {
        let queue = self.0.queue.borrow().upgrade();
        if let Some(queue) = queue {
            let is_over = || {
                let pending = self.0.standing.get() == Standing::Pending;
                (!pending && !self.0.is_running.get()).then_some(())
            };
            queue.changed.wait_for(is_over).await;
        }
    }

    /// If it waits for its delay to be over, queues it now, on the CPU that armed it; waits until it neither is
    /// queued nor runs.
    pub async fn flush_delayed(&self) {
        let queue = self.0.queue.borrow().upgrade();
        let is_own = |item: &Item| item.work.is(self);
        let delayed = queue.and_then(|queue| {
            let mut state = queue.state.borrow_mut();
            let at = state.delayed.iter().position(is_own)?;
            let cpu = state.delayed.remove(at).cpu;
            drop(state);
            Some((WorkQueue::of(queue), cpu))
        });
        if let Some((queue, cpu)) = delayed {
            if let Some(timer) = self.0.timer.take() {
                timer.abort();
            }
            queue.enqueue(cpu, self);
        }
        self.flush().await;
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Item {
    work: Work,
    cpu: CpuId,
    serial: u64,
    since: Nanos,
    /// When its delay is over, if it waits for that.
    due: Option<Nanos>,
    /// Its task, if it runs.
    task: Option<TaskId>,
}

#[derive(Default)]
struct State {
    pending: VecDeque<Item>,
    running: Vec<Item>,
    delayed: Vec<Item>,
    /// How many items were queued so far.
    queued: u64,
    /// How many are draining it: then only its own work may queue more.
    draining: u32,
    /// The incarnation is over.
    is_over: bool,
}

/// What clones of a work queue share, and its node knows of.
pub(super) struct Shared {
    handle: NodeHandle,
    name: &'static str,
    kind: WorkQueueKind,
    state: RefCell<State>,
    changed: Signal,
}

impl Shared {
    /// The incarnation ends: nothing starts any more.
    pub(super) fn end(&self) {
        let left = {
            let mut state = self.state.borrow_mut();
            state.is_over = true;
            let pending = std::mem::take(&mut state.pending);
            (pending, std::mem::take(&mut state.delayed))
        };
        drop(left);
    }

    pub(super) fn dump(&self) -> WorkQueueDump {
        let state = self.state.borrow();
        let item = |item: &Item, stage| WorkDump {
            work: item.work.0.name,
            cpu: item.cpu,
            stage,
            since: item.since,
            due: item.due,
        };
        let running = state.running.iter().map(|it| item(it, WorkStage::Runs));
        let pending = state.pending.iter().map(|it| item(it, WorkStage::Queued));
        let delayed = state.delayed.iter().map(|it| item(it, WorkStage::Delayed));
        WorkQueueDump {
            node: self.handle.node(),
            queue: self.name,
            items: running.chain(pending).chain(delayed).collect(),
        }
    }
}

/// A work queue of one incarnation of a node. Clones share it; what is in it is dropped with the
/// incarnation.
#[derive(Clone)]
pub struct WorkQueue(Rc<Shared>);

impl fmt::Debug for WorkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.dump(), f)
    }
}

impl WorkQueue {
    pub(super) fn new(handle: &NodeHandle, name: &'static str, kind: WorkQueueKind) -> Self {
        let changed = Signal::new(handle.kernel());
        let (handle, state) = (handle.clone(), RefCell::default());
        Self(Rc::new(Shared { handle, name, kind, state, changed }))
    }

    pub(super) fn of(shared: Rc<Shared>) -> Self {
        Self(shared)
    }

    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Rc::downgrade(&self.0)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Queues a work on the CPU that this runs on. `false` when it is pending already, or when the
    /// queue is being drained and this is none of its own work, or when its node has gone down.
    pub fn queue(&self, work: &Work) -> bool {
        self.queue_on(self.0.handle.cpu(), work)
    }

    /// Queues a work on a CPU (taken modulo the node's). In a queue that isn't bound, any CPU may run
    /// it. See [`WorkQueue::queue`].
    pub fn queue_on(&self, cpu: CpuId, work: &Work) -> bool {
        if work.is_pending() || !self.accepts() {
            return false;
        }
        *work.0.queue.borrow_mut() = self.downgrade();
        self.enqueue(cpu, work);
        true
    }

    /// Queues a work on this CPU when `delay` of the node's monotonic clock is over. `false` when it is
    /// pending already. See [`WorkQueue::queue`].
    pub fn queue_delayed(&self, work: &Work, delay: Nanos) -> bool {
        if delay == Nanos::ZERO {
            return self.queue(work);
        }
        if work.is_pending() || !self.accepts() {
            return false;
        }
        *work.0.queue.borrow_mut() = self.downgrade();
        let handle = &self.0.handle;
        let (cpu, since) = (handle.cpu(), handle.monotonic());
        work.0.standing.set(Standing::Delayed);
        let due = Some(since.saturating_add(delay));
        let item = Item { work: work.clone(), cpu, serial: 0, since, due, task: None };
        self.0.state.borrow_mut().delayed.push(item);
        // As a kernel's timer, it runs on the CPU that armed it.
        let (queue, delayed) = (self.clone(), work.clone());
        let timer = handle.spawn_on(cpu, work.0.name, async move {
            queue.0.handle.sleep(delay).await;
            delayed.0.timer.take();
            queue.0.state.borrow_mut().delayed.retain(|item| !item.work.is(&delayed));
            queue.enqueue(cpu, &delayed);
        });
        *work.0.timer.borrow_mut() = Some(timer);
        true
    }

    /// Queues a work when `delay` is over, counted anew if it is pending already; says whether it was.
    pub fn mod_delayed(&self, work: &Work, delay: Nanos) -> bool {
        let was_pending = work.cancel();
        self.queue_delayed(work, delay);
        was_pending
    }

    /// Waits until all that is queued or runs now is over. Does not wait for delays.
    pub async fn flush(&self) {
        let last = self.0.state.borrow().queued;
        let is_over = || {
            let state = self.0.state.borrow();
            let waits = |item: &Item| item.serial <= last;
            let over = !state.pending.iter().any(waits) && !state.running.iter().any(waits);
            (over || state.is_over).then_some(())
        };
        self.0.changed.wait_for(is_over).await;
    }

    /// Waits until nothing is queued and nothing runs. Until then only its own work may queue more.
    /// Does not wait for delays.
    pub async fn drain(&self) {
        self.0.state.borrow_mut().draining += 1;
        let _draining = Draining(self);
        let is_over = || {
            let state = self.0.state.borrow();
            (state.pending.is_empty() && state.running.is_empty() || state.is_over).then_some(())
        };
        self.0.changed.wait_for(is_over).await;
    }

    /// Whether nothing is queued and nothing runs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.0.state.borrow();
        state.pending.is_empty() && state.running.is_empty()
    }

    /// What runs, is queued or waits for its delay, and since when.
    #[must_use]
    pub fn dump(&self) -> WorkQueueDump {
        self.0.dump()
    }

    fn accepts(&self) -> bool {
        let state = self.0.state.borrow();
        let own = || {
            let current = self.0.handle.kernel().current_task();
            current.is_some() && state.running.iter().any(|item| item.task == current)
        };
        !state.is_over && (state.draining == 0 || own())
    }

    fn enqueue(&self, cpu: CpuId, work: &Work) {
        {
            let mut state = self.0.state.borrow_mut();
            if state.is_over {
                return;
            }
            state.queued += 1;
            let (serial, since) = (state.queued, self.0.handle.monotonic());
            let cpu = CpuId::new(cpu.get() % self.0.handle.cpus());
            let item = Item { work: work.clone(), cpu, serial, since, due: None, task: None };
            work.0.standing.set(Standing::Pending);
            state.pending.push_back(item);
        }
        self.start_what_can();
    }

    fn start_what_can(&self) {
        while let Some(item) = self.next() {
            self.start(item);
        }
    }

    /// The first queued item that may run now.
    fn next(&self) -> Option<Item> {
        let mut state = self.0.state.borrow_mut();
        let State { pending, running, .. } = &mut *state;
        let at = pending.iter().position(|item| {
            let has_room = match self.0.kind {
                WorkQueueKind::Bound { max_active } => {
                    let beside = running.iter().filter(|other| other.cpu == item.cpu).count();
                    beside < max_active.max(1) as usize
                }
                WorkQueueKind::Unbound { max_active } => running.len() < max_active.max(1) as usize,
                WorkQueueKind::Ordered => running.is_empty(),
            };
            has_room && !item.work.0.is_running.get()
        });
        pending.remove(at?)
    }

    fn start(&self, mut item: Item) {
        let work = item.work.clone();
        work.0.standing.set(Standing::Idle);
        work.0.is_running.set(true);
        item.since = self.0.handle.monotonic();
        let (serial, cpu, name) = (item.serial, item.cpu, work.0.name);
        self.0.state.borrow_mut().running.push(item);
        let run = Run { queue: self.clone(), work, serial };
        let run = async move {
            (run.work.0.function)(run.work.clone()).await;
            drop(run);
        };
        let handle = &self.0.handle;
        let task = match self.0.kind {
            WorkQueueKind::Bound { .. } => handle.spawn_on(cpu, name, run),
            WorkQueueKind::Unbound { .. } | WorkQueueKind::Ordered => {
                handle.spawn_unbound(name, run)
            }
        };
        let mut state = self.0.state.borrow_mut();
        let started = state.running.iter_mut().find(|item| item.serial == serial);
        started.expect("it has not been polled yet").task = Some(task.task);
    }
}

/// Counts a queue as being drained.
struct Draining<'a>(&'a WorkQueue);

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        self.0.0.state.borrow_mut().draining -= 1;
    }
}

/// A run of a work; dropped, the run is over.
struct Run {
    queue: WorkQueue,
    work: Work,
    serial: u64,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.work.0.is_running.set(false);
        let shared = &self.queue.0;
        let mut state = shared.state.borrow_mut();
        state.running.retain(|item| item.serial != self.serial);
        let is_over = state.is_over;
        drop(state);
        if !is_over {
            shared.changed.notify();
            self.queue.start_what_can();
        }
    }
}

/// Where an item of a work queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkStage {
    /// It runs.
    Runs,
    /// It waits for its turn.
    Queued,
    /// It waits for its delay to be over.
    Delayed,
}

/// One item of a work queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkDump {
    /// The work's name.
    pub work: &'static str,
    /// The CPU that it was queued on.
    pub cpu: CpuId,
    /// Where it stands.
    pub stage: WorkStage,
    /// Since when, by the node's monotonic clock.
    pub since: Nanos,
    /// When its delay is over, if it is delayed.
    pub due: Option<Nanos>,
}

/// All that is in a work queue: what runs, then what is queued, in order, then what is delayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkQueueDump {
    /// Its node.
    pub node: NodeId,
    /// Its name.
    pub queue: &'static str,
    /// Its items.
    pub items: Vec<WorkDump>,
}

impl fmt::Display for WorkQueueDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "work queue `{}`", self.queue)?;
        if self.items.is_empty() {
            return f.write_str(": empty");
        }
        for (at, WorkDump { work, cpu, stage, since, due }) in self.items.iter().enumerate() {
            f.write_str(if at == 0 { ": " } else { ", " })?;
            match (stage, due) {
                (WorkStage::Runs, _) => write!(f, "`{work}` ({cpu}) runs since {since}")?,
                (_, Some(due)) => write!(f, "`{work}` ({cpu}) is delayed until {due}")?,
                (_, None) => write!(f, "`{work}` ({cpu}) is queued since {since}")?,
            }
        }
        Ok(())
    }
}
