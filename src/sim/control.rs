//! The door for tests and the world: nodes made, booted, killed, paused; trace kept and watched.

use std::rc::Rc;

use crate::base::{CpuId, Names, NodeId, Record, Recorded};

use super::config::NodeConfig;
use super::cpu::Cpu;
use super::crash::guarded;
use super::kernel::Kernel;
use super::ledger::LeakedCount;
use super::node::Node;
use super::port::NodeHandle;
use super::records::{NodeDown, NodePaused, NodeResumed, NodeUp, ResourceLeaked};
use super::task::State;
use super::task::TaskId;
use super::trace::{Checkpoint, Keep, Observer};
use super::wait::WaitingTask;

impl Kernel {
    /// Makes a node; it is down until booted.
    pub fn add_node(&self, name: &str, config: &NodeConfig) -> NodeId {
        let inner = &self.inner;
        let (mut nodes, mut cpus) = (inner.nodes.borrow_mut(), inner.cpus.borrow_mut());
        let id = NodeId::new(nodes.len() as u32);
        nodes.push(Node::new(name, config, cpus.len() as u32));
        for cpu in 0..config.cpus {
            cpus.push(Cpu::new(CpuId::new(cpu), config.poll_cost));
        }
        id
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
        let tasks = inner.tasks.borrow().ids(|task| task.node == node);
        let count = tasks.len() as u32;
        self.emit(Some(node), &NodeDown { node, incarnation, tasks: count });
        for id in tasks {
            self.bury(id);
        }
        self.clear_cpus(cpus);
        let devices = inner.devices.borrow().clone();
        for device in devices {
            device.node_down(node);
        }
        let leaked = inner.ledger.open_on(node);
        for leak in &leaked {
            self.emit(Some(node), &ResourceLeaked { node, count: leak.count });
        }
        leaked
    }

    /// Empties the run queues of a node that goes down, of tasks too that were spawned by the very
    /// death of others.
    fn clear_cpus(&self, range: std::ops::Range<u32>) {
        let mut next = Some(range.start);
        while let Some(at) = next {
            let ready = {
                let cpu = &mut self.inner.cpus.borrow_mut()[at as usize];
                cpu.stopped = false;
                cpu.ready.pop()
            };
            next = match ready {
                // A dying task may spawn on any CPU: look at all of them again.
                Some(ready) if self.bury(ready.task) => Some(range.start),
                Some(_) => Some(at),
                None => Some(at + 1).filter(|at| *at < range.end),
            };
        }
    }

    /// Drops a task, if it still is; a panic of its drop is a crash.
    fn bury(&self, id: TaskId) -> bool {
        let Some(task) = self.inner.tasks.borrow_mut().remove(id) else { return false };
        let (node, name, place) = (task.node, task.name, task.place);
        if let Err(caught) = guarded(move || drop(task)) {
            self.crashed(node, name, Some(place), caught);
        }
        true
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
        self.stop_cpus(node, true);
        self.emit(Some(node), &NodePaused { node });
    }

    /// Lets the CPUs of a paused node go on.
    pub fn resume(&self, node: NodeId) {
        self.stop_cpus(node, false);
        self.emit(Some(node), &NodeResumed { node });
        let cpus = self.node_cpus(node);
        for cpu in cpus {
            self.look_at_cpu(cpu);
        }
    }

    fn node_cpus(&self, node: NodeId) -> std::ops::Range<u32> {
        let nodes = self.inner.nodes.borrow();
        let entry = &nodes[node.index()];
        entry.first_cpu..entry.first_cpu + u32::from(entry.cpus)
    }

    fn stop_cpus(&self, node: NodeId, stopped: bool) {
        let range = self.node_cpus(node);
        for cpu in &mut self.inner.cpus.borrow_mut()[range.start as usize..range.end as usize] {
            cpu.stopped = stopped;
        }
    }

    /// The node's host as its current incarnation sees it.
    #[must_use]
    pub fn handle(&self, node: NodeId) -> NodeHandle {
        NodeHandle::new(self.clone(), node, self.incarnation(node))
    }

    /// What the node's ledger shows as open.
    #[must_use]
    pub fn open_items(&self, node: NodeId) -> Vec<LeakedCount> {
        self.inner.ledger.open_on(node)
    }

    /// All tasks, with what each waits for.
    #[must_use]
    pub fn waiting_tasks(&self) -> Vec<WaitingTask> {
        let mut tasks = self.inner.tasks.borrow_mut();
        let ids = tasks.ids(|_| true);
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
