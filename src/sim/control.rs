//! The door for tests and the world: nodes made, booted, killed, paused; trace kept and watched.

use std::any::Any;
use std::rc::Rc;

use crate::base::history::NodeDown;
use crate::base::{CpuId, Names, NodeId, Record, Recorded};

use super::config::NodeConfig;
use super::cpu::STOPPED;
use super::crash::{guarded, tell_of_panics};
use super::kernel::Kernel;
use super::ledger::LeakedCount;
use super::memory::{Account, MemoryUse};
use super::node::Node;
use super::port::NodeHandle;
use super::records::{ClockDriftSet, ClockJumped, CpuResumed, CpuSlowed, CpuStopped};
use super::records::{MemoryFailNextSet, MemoryLimited, MemoryUnlimited};
use super::records::{NodePaused, NodeResumed, NodeUp, ResourceLeaked, TimersFired};
use super::schedule::{Misfit, Recording, Schedule};
use super::task::State;
use super::task::TaskId;
use super::trace::{Checkpoint, Keep, Observer};
use super::wait::WaitingTask;
use super::workqueue::{WorkQueue, WorkQueueDump};

impl Kernel {
    /// Makes a node; it is down until booted.
    pub fn add_node(&self, name: &str, config: &NodeConfig) -> NodeId {
        let inner = &self.inner;
        let mut nodes = inner.nodes.borrow_mut();
        let id = NodeId::new(nodes.len() as u32);
        let first_cpu = inner.scheduler.borrow_mut().add_cpus(id, config);
        inner.accounts.borrow_mut().push(Account::new(self, id, config.memory));
        nodes.push(Node::new(name, config, first_cpu));
        id
    }

    /// The next panic in node code on this thread is told to `tell`, in one line, before its stack is unwound.
    pub fn tell_of_panics(&self, tell: Option<fn(&str)>) {
        tell_of_panics(tell);
    }

    /// Sets what the node runs when it comes up.
    pub fn on_boot(&self, node: NodeId, boot: impl Fn(NodeHandle) + 'static) {
        self.inner.nodes.borrow_mut()[node.index()].boot = Some(Rc::new(boot));
    }

    /// Brings a node up; nothing happens when it is up already. A panic of its boot function is a
    /// crash, which the next turn reports.
    pub fn boot(&self, node: NodeId) {
        let (boot, incarnation) = {
            let mut nodes = self.inner.nodes.borrow_mut();
            let entry = &mut nodes[node.index()];
            if entry.up {
                return;
            }
            entry.up = true;
            entry.incarnation += 1;
            (entry.boot.clone(), entry.incarnation)
        };
        self.emit(Some(node), &NodeUp { node, incarnation });
        if let Some(boot) = boot {
            let handle = NodeHandle::new(self.clone(), node, incarnation);
            if let Err(caught) = guarded(|| boot(handle)) {
                self.crashed(node, "boot", None, caught);
            }
        }
    }

    /// Takes a node down at once: its tasks are dropped, devices lose what it had open. What its
    /// ledger still shows afterwards has outlived it, and is returned.
    pub fn kill(&self, node: NodeId) -> Vec<LeakedCount> {
        let inner = &self.inner;
        let (incarnation, cpus) = {
            let mut nodes = inner.nodes.borrow_mut();
            let entry = &mut nodes[node.index()];
            if !entry.up {
                return Vec::new();
            }
            entry.up = false;
            (entry.incarnation, entry.first_cpu..entry.first_cpu + u32::from(entry.cpus))
        };
        self.end_work_queues(node);
        let tasks = inner.scheduler.borrow().tasks.ids_of(node);
        let count = tasks.len() as u32;
        self.emit(Some(node), &NodeDown { node, incarnation, tasks: count });
        for id in tasks {
            self.bury(id);
        }
        self.clear_cpus(cpus);
        let owned = std::mem::take(&mut inner.nodes.borrow_mut()[node.index()].owned);
        if let Err(caught) = guarded(move || drop(owned)) {
            self.crashed(node, "per-CPU data", None, caught);
        }
        let devices = inner.devices.borrow().clone();
        for device in devices {
            device.node_down(node);
        }
        let leaked = self.open_items(node);
        for LeakedCount { count, bytes, site, .. } in &leaked {
            let (count, bytes, site) = (*count, *bytes, *site);
            self.emit(Some(node), &ResourceLeaked { node, count, bytes, site });
        }
        leaked
    }

    /// Empties the run queues of a node that goes down, of tasks too that were spawned by the very
    /// death of others.
    fn clear_cpus(&self, range: std::ops::Range<u32>) {
        loop {
            // A dying task may spawn on any CPU: all of them are looked at each time.
            let ready = self.inner.scheduler.borrow_mut().drain(range.clone());
            let Some(task) = ready else { return };
            self.bury(task);
        }
    }

    /// Drops a task, if it still is; a panic of its drop is a crash.
    fn bury(&self, id: TaskId) {
        let task = self.inner.scheduler.borrow_mut().tasks.remove(id);
        let Some(task) = task else { return };
        let (node, name, place) = (task.node, task.name, task.place);
        if let Err(caught) = guarded(move || drop(task)) {
            self.crashed(node, name, Some(place), caught);
        }
    }

    /// Whether the node is up.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.inner.nodes.borrow()[node.index()].up
    }

    /// How many times the node has come up.
    #[must_use]
    pub fn incarnation(&self, node: NodeId) -> u32 {
        self.inner.nodes.borrow()[node.index()].incarnation
    }

    /// Stops all CPUs of a node: nothing of it runs, nothing of it is lost.
    pub fn pause(&self, node: NodeId) {
        self.inner.scheduler.borrow_mut().pause(self.node_cpus(node));
        self.emit(Some(node), &NodePaused { node });
    }

    /// Lets the CPUs of a paused node go on.
    pub fn resume(&self, node: NodeId) {
        self.emit(Some(node), &NodeResumed { node });
        self.inner.scheduler.borrow_mut().resume(self.node_cpus(node));
    }

    fn node_cpus(&self, node: NodeId) -> std::ops::Range<u32> {
        let nodes = self.inner.nodes.borrow();
        let entry = &nodes[node.index()];
        entry.first_cpu..entry.first_cpu + u32::from(entry.cpus)
    }

    /// The CPUs of a node, in order.
    pub fn cpus(&self, node: NodeId) -> impl Iterator<Item = CpuId> + use<> {
        (0..self.node_cpus(node).len() as u16).map(CpuId::new)
    }

    /// The place of a node's CPU in the kernel's table.
    ///
    /// # Panics
    /// When the node has no such CPU.
    fn cpu_at(&self, node: NodeId, cpu: CpuId) -> u32 {
        let range = self.node_cpus(node);
        let at = range.start + u32::from(cpu.get());
        assert!(range.contains(&at), "{node} has {} CPUs, and no {cpu}", range.len());
        at
    }

    /// Stops one CPU of a node: the tasks on it stand still, and so do the timers and completions that
    /// they wait for. All else goes on; tasks bound to no CPU go on elsewhere. Until
    /// [`Kernel::resume_cpu`] or the node's next boot.
    pub fn stop_cpu(&self, node: NodeId, cpu: CpuId) {
        let at = self.cpu_at(node, cpu);
        self.inner.scheduler.borrow_mut().cpu(at).halted |= STOPPED;
        self.emit(Some(node), &CpuStopped { node, cpu });
        self.inner.scheduler.borrow_mut().move_unbound(at);
    }

    /// Lets a stopped CPU go on, unless its node is paused.
    pub fn resume_cpu(&self, node: NodeId, cpu: CpuId) {
        let at = self.cpu_at(node, cpu);
        self.inner.scheduler.borrow_mut().cpu(at).halted &= !STOPPED;
        self.emit(Some(node), &CpuResumed { node, cpu });
        self.inner.scheduler.borrow_mut().look_at(at);
    }

    /// Whether a CPU is stopped.
    #[must_use]
    pub fn is_cpu_stopped(&self, node: NodeId, cpu: CpuId) -> bool {
        let at = self.cpu_at(node, cpu);
        self.inner.scheduler.borrow_mut().cpu(at).halted & STOPPED != 0
    }

    /// Whether polls on a CPU cost more than they normally do.
    #[must_use]
    pub fn is_cpu_slow(&self, node: NodeId, cpu: CpuId) -> bool {
        let at = self.cpu_at(node, cpu);
        let mut scheduler = self.inner.scheduler.borrow_mut();
        let cpu = scheduler.cpu(at);
        cpu.poll_cost > cpu.poll_cost_normal
    }

    /// Makes polls on a CPU cost `factor` times what they normally do, from the next poll on until
    /// the factor is set to 1 or the node goes down. A factor of 0 is one of 1.
    pub fn slow_cpu(&self, node: NodeId, cpu: CpuId, factor: u32) {
        let at = self.cpu_at(node, cpu);
        let factor = factor.max(1);
        {
            let mut scheduler = self.inner.scheduler.borrow_mut();
            let cpu = scheduler.cpu(at);
            cpu.poll_cost = cpu.poll_cost_normal.saturating_mul(u64::from(factor));
        }
        self.emit(Some(node), &CpuSlowed { node, cpu, factor });
    }

    /// Notes that a work queue ends with an incarnation.
    pub(super) fn own_work_queue(&self, handle: &NodeHandle, queue: &WorkQueue) {
        if self.is_current(handle) {
            let entry = &mut self.inner.nodes.borrow_mut()[handle.node().index()];
            entry.owned.add_work_queue(queue.downgrade());
        }
    }

    /// Keeps per-CPU data for as long as an incarnation lasts.
    pub(super) fn own_per_cpu(&self, handle: &NodeHandle, values: Rc<dyn Any>) {
        if self.is_current(handle) {
            let entry = &mut self.inner.nodes.borrow_mut()[handle.node().index()];
            entry.owned.add_per_cpu(values);
        }
    }

    fn is_current(&self, handle: &NodeHandle) -> bool {
        let nodes = self.inner.nodes.borrow();
        let entry = &nodes[handle.node().index()];
        entry.up && entry.incarnation == handle.incarnation()
    }

    pub(super) fn end_work_queues(&self, node: NodeId) {
        let queues = self.inner.nodes.borrow()[node.index()].owned.work_queues();
        queues.iter().for_each(|queue| queue.end());
    }

    /// The work queues of a node that are in use, in the order of their making.
    #[must_use]
    pub fn work_queues(&self, node: NodeId) -> Vec<WorkQueue> {
        let shared = self.inner.nodes.borrow()[node.index()].owned.work_queues();
        shared.into_iter().map(WorkQueue::of).collect()
    }

    /// What is queued or runs in the work queues of all nodes that have anything, in order.
    #[must_use]
    pub fn dump_work(&self) -> Vec<WorkQueueDump> {
        let nodes = self.inner.nodes.borrow();
        let queues = nodes.iter().flat_map(|node| node.owned.work_queues());
        let dumps: Vec<WorkQueueDump> = queues.map(|queue| queue.dump()).collect();
        dumps.into_iter().filter(|dump| !dump.items.is_empty()).collect()
    }

    /// Has another schedule pick from now on. One that is recorded is recorded no more.
    pub fn set_schedule(&self, schedule: Box<dyn Schedule>) {
        self.inner.scheduler.borrow_mut().schedule = schedule;
    }

    /// Why the schedule has made no difference so far, if it can tell.
    #[must_use]
    pub fn idle_schedule(&self) -> Option<String> {
        self.inner.scheduler.borrow().schedule.idle()
    }

    /// The picks so far, if [`KernelConfig::record_schedule`](super::KernelConfig) asks for them.
    #[must_use]
    pub fn recorded_schedule(&self) -> Option<Recording> {
        self.inner.recording.as_ref().map(|recording| recording.borrow().clone())
    }

    /// Where a replayed schedule and the run parted, after [`Turn::Misfit`](super::Turn).
    #[must_use]
    pub fn misfit(&self) -> Option<Misfit> {
        self.inner.misfit.get()
    }

    /// The node's host as its current incarnation sees it.
    #[must_use]
    pub fn handle(&self, node: NodeId) -> NodeHandle {
        NodeHandle::new(self.clone(), node, self.incarnation(node))
    }

    /// What the node holds: locks, operations and the like as its ledger shows them, then memory; each by
    /// the place in the code that took it.
    #[must_use]
    pub fn open_items(&self, node: NodeId) -> Vec<LeakedCount> {
        let mut open = self.inner.ledger.open_on(node);
        open.extend(self.account(node).open());
        open
    }

    fn account(&self, node: NodeId) -> Rc<Account> {
        self.inner.accounts.borrow()[node.index()].clone()
    }

    /// The node's memory account.
    #[must_use]
    pub fn memory(&self, node: NodeId) -> MemoryUse {
        self.account(node).usage()
    }

    /// Whether the node may hold less memory than it was made with, or requests of it are made to fail.
    #[must_use]
    pub fn is_short_of_memory(&self, node: NodeId) -> bool {
        let made_with = self.inner.nodes.borrow()[node.index()].memory_limit;
        self.account(node).is_short(made_with)
    }

    /// Lets the node hold no more than `bytes` of memory from now on, or than it was made with where that
    /// is less. What it holds beyond that it keeps.
    pub fn limit_memory(&self, node: NodeId, bytes: u64) {
        let account = self.account(node);
        let made_with = self.inner.nodes.borrow()[node.index()].memory_limit;
        account.set_limit(Some(made_with.map_or(bytes, |most| most.min(bytes))));
        let used = account.usage().used;
        self.emit(Some(node), &MemoryLimited { node, bytes, used });
    }

    /// Lets the node hold as much memory again as it was made with.
    pub fn unlimit_memory(&self, node: NodeId) {
        let made_with = self.inner.nodes.borrow()[node.index()].memory_limit;
        self.account(node).set_limit(made_with);
        self.emit(Some(node), &MemoryUnlimited { node });
    }

    /// Makes `count` of the node's requests for memory fail, whatever is free, once `after` others came; a count of
    /// 0 lifts that.
    pub fn fail_next_memory(&self, node: NodeId, count: u64, after: u64) {
        self.account(node).set_fail_next(count, after);
        self.emit(Some(node), &MemoryFailNextSet { node, count, after });
    }

    /// Has every timer of the node that is armed fire now, whatever its deadline: what waits for one goes on as if
    /// the time had come, though no clock shows it. Timers that are armed from now on are true again. Says how many
    /// fire early.
    pub fn fire_timers(&self, node: NodeId) -> u32 {
        let now = self.now();
        let fired = self.inner.scheduler.borrow_mut().timers.fire_early(node, now);
        let timers = fired.len() as u32;
        self.emit(Some(node), &TimersFired { node, timers });
        for token in fired {
            self.push_timer(now, token);
        }
        timers
    }

    /// Sets the node's wall clock forward by so many nanoseconds, or back if negative. No timer notices:
    /// they follow the monotonic clock.
    pub fn clock_jump(&self, node: NodeId, by: i64) {
        self.inner.nodes.borrow_mut()[node.index()].clock.jump(by);
        self.emit(Some(node), &ClockJumped { node, by });
    }

    /// Lets the node's clocks run fast by `ppm` parts per million from now on, or slow if negative (above
    /// -1,000,000). Armed timers follow.
    pub fn clock_drift(&self, node: NodeId, ppm: i32) {
        let clock = {
            let clock = &mut self.inner.nodes.borrow_mut()[node.index()].clock;
            clock.drift(self.now(), ppm);
            *clock
        };
        self.emit(Some(node), &ClockDriftSet { node, ppm });
        let moved =
            self.inner.scheduler.borrow_mut().timers.moved(node, |local| clock.virtual_at(local));
        for (at, token) in moved {
            self.push_timer(at, token);
        }
    }

    /// The places in the code that held anything so far, as `file:line`, by [`SiteId`](crate::base::SiteId).
    #[must_use]
    pub fn sites(&self) -> Vec<String> {
        self.inner.ledger.sites.names()
    }

    /// All tasks, with what each waits for.
    #[must_use]
    pub fn waiting_tasks(&self) -> Vec<WaitingTask> {
        let tasks = &mut self.inner.scheduler.borrow_mut().tasks;
        let ids = tasks.ids();
        let described = ids.into_iter().filter_map(|id| {
            let task = tasks.get(id)?;
            Some(WaitingTask {
                node: task.node,
                name: task.name,
                spawned_at: format!("{}:{}", task.place.file(), task.place.line()),
                wait: task.wait,
                ready: task.state != State::Idle,
            })
        });
        described.collect()
    }

    /// Says what log lines call nodes, disks and volumes.
    pub fn set_names(&self, names: Names) {
        *self.inner.names.borrow_mut() = names;
    }

    /// Which records are kept whole from now on.
    pub fn keep_trace(&self, keep: Keep) {
        self.inner.trace.borrow_mut().keep(keep);
    }

    /// The records kept so far; they are kept no longer.
    #[must_use]
    pub fn take_trace(&self) -> Vec<Record> {
        self.inner.trace.borrow_mut().take_kept()
    }

    /// The last few records, oldest first.
    #[must_use]
    pub fn recent_records(&self) -> Vec<Record> {
        self.inner.trace.borrow().recent()
    }

    /// Shows all records of the history and of state changes to `observer`.
    pub fn observe(&self, observer: Observer) {
        self.inner.trace.borrow_mut().observe(observer);
    }

    /// Shows records of this type to the observers, whatever their audience.
    pub fn watch<R: Recorded>(&self) {
        self.watch_code(R::TYPE.code);
    }

    /// Shows records of the type with this code to the observers.
    pub fn watch_code(&self, code: u32) {
        self.inner.trace.borrow_mut().watch(code);
    }

    /// Shows records of this type only to those that they are for, unless somebody else watches it.
    pub fn unwatch<R: Recorded>(&self) {
        self.inner.trace.borrow_mut().unwatch(R::TYPE.code);
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.inner.trace.borrow().seq()
    }

    /// The digest of all records so far.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.inner.trace.borrow().digest.value()
    }

    /// Digests at regular distances.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.inner.trace.borrow().digest.checkpoints().to_vec()
    }
}
