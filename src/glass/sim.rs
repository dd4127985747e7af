//! A simulation as the test that leads it sees it: makes nodes, disks and networks, waits, and takes power. Judges nothing.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use crate::base::{DiskId, Names, Nanos, NodeId, Recorded};
use crate::check::{Checker, Checkers};
use crate::disk::{DiskConfig, Namespace};
use crate::net::{Fabric, Message, NetConfig};
use crate::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Rng, Seed, TimedOut};

/// A simulation, led by a test: what it awaits is virtual time. Clones are the same simulation.
///
/// The test runs on a node of its own, which has no faults: [`host`](Self::host).
#[derive(Clone)]
pub struct Sim {
    kernel: Kernel,
    host: NodeHandle,
    checkers: Rc<RefCell<Checkers>>,
    names: Rc<RefCell<Names>>,
}

impl Sim {
    /// An empty simulation, but for the node of whoever leads it.
    pub(super) fn new(seed: u64) -> Self {
        let kernel = Kernel::new(Seed::new(seed), &KernelConfig::default());
        let checkers = Rc::new(RefCell::new(Checkers::default()));
        let observer = checkers.clone();
        kernel.observe(Box::new(move |record| observer.borrow_mut().observe(record)));
        let test = kernel.add_node("test", &NodeConfig::default());
        kernel.boot(test);
        let host = kernel.handle(test);
        let names = Names { nodes: vec!["test".to_owned()], ..Names::default() };
        kernel.set_names(names.clone());
        Self { kernel, host, checkers, names: Rc::new(RefCell::new(names)) }
    }

    /// The seed that decides everything that is left open.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.kernel.seed().get()
    }

    /// Virtual time since the start.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.kernel.now()
    }

    /// The kernel with its control door: CPUs, memory, clocks, schedules, traces.
    #[must_use]
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The node that the test runs on: spawns tasks that are no part of what is tested.
    #[must_use]
    pub const fn host(&self) -> &NodeHandle {
        &self.host
    }

    /// A stream of random draws of this name, the same for the same seed.
    #[must_use]
    pub fn rng(&self, name: &str) -> Rng {
        self.kernel.stream(&format!("test.{name}"))
    }

    /// Makes a node with one CPU that calls `boot` each time it comes up, and brings it up.
    pub fn node(&self, name: &str, boot: impl Fn(NodeHandle) + 'static) -> NodeId {
        self.node_with(name, &NodeConfig::default(), boot)
    }

    /// As [`node`](Self::node), with CPUs, clock and memory of one's choice.
    pub fn node_with(
        &self,
        name: &str,
        config: &NodeConfig,
        boot: impl Fn(NodeHandle) + 'static,
    ) -> NodeId {
        let node = self.kernel.add_node(name, config);
        self.named(|names| names.nodes.push(name.to_owned()));
        self.kernel.on_boot(node, boot);
        self.kernel.boot(node);
        node
    }

    /// Makes a disk. The [`Namespace`] is its control door; [`drive`](Namespace::drive) is the device for a program.
    #[must_use]
    pub fn disk(&self, name: &str, config: DiskConfig) -> Namespace {
        let id = DiskId::new(self.names.borrow().disks.len() as u32);
        self.named(|names| names.disks.push(name.to_owned()));
        Namespace::new(&self.kernel, id, config)
    }

    /// Makes a network for messages of one's own; its control door, with ports for nodes.
    #[must_use]
    pub fn network<M: Message>(&self, config: NetConfig) -> Rc<Fabric<M>> {
        Fabric::new(&self.kernel, config)
    }

    /// Has a rule hold from here on. A violation ends the seed as failed.
    pub fn check(&self, rule: impl Checker + 'static) {
        self.checkers.borrow_mut().add(Box::new(rule));
    }

    /// Has a run held to these checks of Stormglass, which judge by the records of [`base::history`](crate::base::history).
    /// To be called before anything has happened.
    pub fn checks(&self, checks: &[crate::check::Check]) {
        *self.checkers.borrow_mut() = Checkers::new(checks);
    }

    /// Writes a record of the test's own.
    pub fn emit<R: Recorded>(&self, record: &R) {
        self.host.emit(record);
    }

    /// Waits.
    pub async fn sleep(&self, span: Nanos) {
        self.host.sleep(span).await;
    }

    /// What a future comes to, if it does within `span`.
    ///
    /// # Errors
    /// [`TimedOut`] when it does not.
    pub async fn timeout<F: Future>(&self, span: Nanos, future: F) -> Result<F::Output, TimedOut> {
        self.host.timeout(span, future).await
    }

    /// A node loses its power: everything that its program has in memory, and what disks of it kept in a volatile cache is
    /// for [`Namespace::power_loss`] to say.
    pub fn kill(&self, node: NodeId) {
        self.kernel.kill(node);
    }

    /// A node has power again.
    pub fn boot(&self, node: NodeId) {
        self.kernel.boot(node);
    }

    /// A node loses its power and has it again after `downtime`.
    pub async fn reboot(&self, node: NodeId, downtime: Nanos) {
        self.kill(node);
        self.sleep(downtime).await;
        self.boot(node);
    }

    pub(super) fn checkers(&self) -> &RefCell<Checkers> {
        &self.checkers
    }

    pub(super) fn names(&self) -> Names {
        self.names.borrow().clone()
    }

    fn named(&self, name: impl FnOnce(&mut Names)) {
        let mut names = self.names.borrow_mut();
        name(&mut names);
        self.kernel.set_names(names.clone());
    }
}
