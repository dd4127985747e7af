//! The door for node code: what a program on a node may ask of its host. Injects no fault.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use crate::base::{CpuId, Nanos, NodeId, Recorded, Seq};

use super::join::{EndGuard, JoinHandle, TaskEnd};
use super::kernel::{Kernel, Placement};
use super::ledger::Tracker;
use super::memory::{Allocation, Memory, OutOfMemory};
use super::percpu::PerCpu;
use super::probe::{BuggifySite, Probes};
use super::scope::Scope;
use super::timer::Sleep;
use super::workqueue::{WorkQueue, WorkQueueKind};
use crate::base::Rng;

/// A node's host, for one incarnation of the node. Clones are cheap.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    kernel: Kernel,
    node: NodeId,
    incarnation: u32,
    /// What its tasks belong to, if they are to end before the incarnation does.
    scope: Option<Scope>,
}

/// The time ran out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl NodeHandle {
    pub(super) fn new(kernel: Kernel, node: NodeId, incarnation: u32) -> Self {
        Self { kernel, node, incarnation, scope: None }
    }

    /// A handle whose tasks, and those that they spawn by it, end together: when [`Scope::end`] says so.
    #[must_use]
    pub fn scoped(&self) -> (Self, Scope) {
        let scope = Scope::new(&self.kernel);
        (Self { scope: Some(scope.clone()), ..self.clone() }, scope)
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// How many times the node had come up when it came up for this incarnation; from 1.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// The kernel, for simulators that offer a port to this node.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// How many CPUs the node has.
    #[must_use]
    pub fn cpus(&self) -> u16 {
        self.kernel.inner.nodes.borrow()[self.node.index()].cpus
    }

    /// The CPU that this runs on; outside of a task of this node, its first.
    #[must_use]
    pub fn cpu(&self) -> CpuId {
        self.kernel.current_cpu(self.node).unwrap_or_default()
    }

    /// Where [`sometimes!`](crate::sometimes) notes what was reached.
    #[must_use]
    pub fn probes(&self) -> &Probes {
        self.kernel.probes()
    }

    /// See [`buggify!`](crate::buggify).
    #[inline]
    #[must_use]
    pub fn buggify(&self, site: &'static BuggifySite) -> bool {
        self.kernel.inner.buggify.fires(site)
    }

    /// A work queue of this name, which ends with the incarnation.
    #[must_use]
    pub fn work_queue(&self, name: &'static str, kind: WorkQueueKind) -> WorkQueue {
        let queue = WorkQueue::new(self, name, kind);
        self.kernel.own_work_queue(self, &queue);
        queue
    }

    /// Waits until no work queue of the node has anything queued or running, delays aside.
    pub async fn drain_work_queues(&self) {
        loop {
            let queues = self.kernel.work_queues(self.node);
            let Some(busy) = queues.into_iter().find(|queue| !queue.is_idle()) else { return };
            busy.drain().await;
        }
    }

    /// Data of which each CPU of the node has its own, made by `make`; dropped with the incarnation.
    #[must_use]
    pub fn per_cpu<T: 'static>(&self, make: impl FnMut(CpuId) -> T) -> PerCpu<T> {
        PerCpu::new(self, make)
    }

    /// The node's monotonic clock: starts with the simulation, drifts as configured.
    #[must_use]
    pub fn monotonic(&self) -> Nanos {
        self.kernel.inner.nodes.borrow()[self.node.index()].clock.monotonic(self.kernel.now())
    }

    /// The node's wall clock: may be off and may jump, back too; good for dates on record only.
    #[must_use]
    pub fn wall(&self) -> Nanos {
        self.kernel.inner.nodes.borrow()[self.node.index()].clock.wall(self.kernel.now())
    }

    /// Waits for a span of the node's monotonic clock.
    pub fn sleep(&self, span: Nanos) -> Sleep {
        self.sleep_until(self.monotonic().saturating_add(span))
    }

    /// Waits until the node's monotonic clock shows `deadline`.
    pub fn sleep_until(&self, deadline: Nanos) -> Sleep {
        Sleep::new(self.kernel.clone(), self.node, deadline)
    }

    /// Waits for `future`, but no longer than `span`.
    ///
    /// # Errors
    /// [`TimedOut`] when the span is over first; `future` is dropped then.
    pub async fn timeout<F: Future>(&self, span: Nanos, future: F) -> Result<F::Output, TimedOut> {
        let mut future = pin!(future);
        let mut sleep = pin!(self.sleep(span));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            sleep.as_mut().poll(cx).map(|()| Err(TimedOut))
        })
        .await
    }

    /// Ticks every `period`, first after one period.
    #[must_use]
    pub fn interval(&self, period: Nanos) -> Interval {
        let next = self.monotonic().saturating_add(period);
        Interval { handle: self.clone(), period, next }
    }

    /// Runs a task on the node's next CPU in turn. It ends with the incarnation at the latest: if that is over already, it never
    /// begins, and whoever waits for it is told [`Aborted`](super::Aborted).
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.spawn_task(Placement::NextInTurn, name, future)
    }

    /// Runs a task on this CPU (taken modulo the node's CPUs).
    #[track_caller]
    pub fn spawn_on<T: 'static>(
        &self,
        cpu: CpuId,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.spawn_task(Placement::On(cpu), name, future)
    }

    /// Runs a task that is bound to no CPU: while the one it is on is stopped, it goes on elsewhere.
    #[track_caller]
    pub fn spawn_unbound<T: 'static>(
        &self,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.spawn_task(Placement::Unbound, name, future)
    }

    #[track_caller]
    fn spawn_task<T: 'static>(
        &self,
        place_on: Placement,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let end = TaskEnd::new(&self.kernel);
        let theirs = EndGuard(end.clone());
        let wrapped = async move {
            let output = future.await;
            theirs.finish(output);
        };
        let task = self.kernel.spawn_on(self.node, place_on, name, wrapped);
        if let Some(scope) = &self.scope {
            scope.add(task);
        }
        let join = JoinHandle { kernel: self.kernel.clone(), task, name, end };
        if self.is_over() {
            join.abort();
        }
        join
    }

    /// Whether the life of the node that this handle belongs to is over.
    fn is_over(&self) -> bool {
        let nodes = self.kernel.inner.nodes.borrow();
        let entry = &nodes[self.node.index()];
        !entry.up || entry.incarnation != self.incarnation
    }

    /// A random stream of this node, this incarnation and this name.
    #[must_use]
    pub fn rng(&self, name: &str) -> Rng {
        self.kernel.stream(&format!("node.{}.{}.{name}", self.node.get(), self.incarnation))
    }

    /// Writes a record of this node.
    pub fn emit<R: Recorded>(&self, what: &R) -> Seq {
        self.kernel.emit(Some(self.node), what)
    }

    /// The node's memory.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let account = self.kernel.inner.accounts.borrow()[self.node.index()].clone();
        Memory::new(self.clone(), account)
    }

    /// Takes `bytes` of the node's memory for one piece of work; see [`Memory`] for more.
    ///
    /// # Errors
    /// [`OutOfMemory`] when that is more than the node may hold, or the request was made to fail.
    #[track_caller]
    pub fn alloc(&self, bytes: u64) -> Result<Allocation, OutOfMemory> {
        self.memory().alloc(bytes)
    }

    /// Enters items of a kind (locks, operations) in the node's ledger, where a leak will show.
    #[must_use]
    pub fn tracker(&self, what: &'static str) -> Tracker {
        self.kernel.inner.ledger.tracker(self.node, what)
    }
}

/// Ticks at a fixed period of its node's monotonic clock.
#[derive(Debug)]
pub struct Interval {
    handle: NodeHandle,
    period: Nanos,
    next: Nanos,
}

impl Interval {
    /// Waits for the next tick. Ticks that were missed (the CPU was stopped) are made up for by one; one that came
    /// early ([`Kernel::fire_timers`]) comes once more in its time.
    pub async fn tick(&mut self) {
        self.handle.sleep_until(self.next).await;
        let now = self.handle.monotonic();
        if now >= self.next {
            self.next = now.saturating_add(self.period);
        }
    }
}
