//! A kernel with a node or two, and tasks whose results a test waits for. Knows no simulator's faults.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use stormglass::base::{Nanos, NodeId, Record, Recorded};
use stormglass::sim::trace::Keep;
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn};

/// What a task has come to, once it has.
pub struct Outcome<T>(Rc<RefCell<Option<T>>>);

impl<T> Outcome<T> {
    pub fn is_done(&self) -> bool {
        self.0.borrow().is_some()
    }
    #[track_caller]
    pub fn take(&self) -> T {
        self.0.borrow_mut().take().expect("the task has not finished")
    }
}

/// A kernel under test. Its first node belongs to the rig itself.
pub struct Rig {
    pub kernel: Kernel,
    clock: NodeId,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kernel.dismantle();
    }
}

impl Rig {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, &KernelConfig::default())
    }

    pub fn with(seed: u64, config: &KernelConfig) -> Self {
        let kernel = Kernel::new(Seed::new(seed), config);
        kernel.keep_trace(Keep::All);
        let clock = kernel.add_node("rig", &NodeConfig { poll_cost: Nanos::ZERO, ..free_node() });
        kernel.boot(clock);
        Self { kernel, clock }
    }

    /// A node that is up and runs nothing yet.
    pub fn node(&self, config: &NodeConfig) -> NodeId {
        let node = self.kernel.add_node("node", config);
        self.kernel.boot(node);
        node
    }

    /// Starts a task on a node.
    #[track_caller]
    pub fn start<T: 'static>(
        &self,
        node: NodeId,
        future: impl Future<Output = T> + 'static,
    ) -> Outcome<T> {
        let slot = Rc::new(RefCell::new(None));
        let result = slot.clone();
        let task = async move {
            let output = future.await;
            *result.borrow_mut() = Some(output);
        };
        self.kernel.handle(node).spawn("test", task);
        Outcome(slot)
    }

    /// Runs a task on a node until nothing is left to do, and gives its result.
    #[track_caller]
    pub fn run<T: 'static>(&self, node: NodeId, future: impl Future<Output = T> + 'static) -> T {
        let outcome = self.start(node, future);
        self.settle();
        outcome.take()
    }

    #[track_caller]
    fn turn(&self) -> bool {
        match self.kernel.turn() {
            Turn::Ran => true,
            Turn::Idle => false,
            Turn::Crashed => {
                let crash = self.kernel.crash().expect("a crash is described");
                panic!("task crashed at {}: {}", crash.location, crash.message)
            }
            Turn::Misfit => panic!("the recorded schedule does not fit"),
            Turn::Stuck => panic!("stuck at {}", self.kernel.now()),
        }
    }

    /// Runs until nothing is left to do.
    #[track_caller]
    pub fn settle(&self) {
        while self.turn() {}
    }

    /// Runs until virtual time `at`.
    #[track_caller]
    pub fn run_until(&self, at: Nanos) {
        let handle = self.kernel.handle(self.clock);
        let there = self.start(self.clock, async move { handle.sleep_until(at).await });
        while !there.is_done() {
            assert!(self.turn(), "idle before {at}");
        }
        assert_eq!(self.kernel.now(), at);
    }

    /// The records so far; they are taken.
    pub fn records(&self) -> Vec<Record> {
        let records = self.kernel.take_trace();
        self.kernel.keep_trace(Keep::All);
        records
    }

    /// The records so far of one type; all are taken.
    pub fn records_of<R: Recorded>(&self) -> Vec<R> {
        self.records().iter().filter_map(Record::get).collect()
    }
}

/// A node with one CPU on which polls cost nothing.
pub fn free_node() -> NodeConfig {
    NodeConfig { poll_cost: Nanos::ZERO, ..NodeConfig::default() }
}
