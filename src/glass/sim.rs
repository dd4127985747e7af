//! A simulation as the test that leads it sees it: makes nodes, disks and networks, waits, and takes power. Judges nothing.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use crate::base::{DiskId, Names, Nanos, NodeId, Recorded};
use crate::check::{Check, Checker, Checkers, Leak};
use crate::disk::{DiskConfig, Namespace};
use crate::net::{Fabric, Message, NetConfig};
use crate::sim::{Kernel, KernelConfig, LeakedCount, NodeConfig, NodeHandle, Rng, Seed, TimedOut};

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

/// Checks that have nothing to judge by in a test that leads its simulation.
const NOT_HERE: [Check; 7] = [
    Check::Mirrors,
    Check::Parity,
    Check::Durable,
    Check::Memory,
    Check::Bounds,
    Check::Control,
    Check::Guests,
];

fn leak(owner: &str, item: LeakedCount) -> Leak {
    let LeakedCount { what, count, bytes, place, .. } = item;
    Leak { owner: owner.to_owned(), what, count, bytes, place }
}

impl Sim {
    /// An empty simulation, but for the node of whoever leads it.
    pub(super) fn new(seed: u64, config: &KernelConfig) -> Self {
        let kernel = Kernel::new(Seed::new(seed), config);
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

    /// Has a run held to these checks of Stormglass, which judge by the records of [`base::history`](crate::base::history);
    /// rules of one's own stay. To be called before anything has happened.
    ///
    /// `leaks` counts what is left of a node when it is killed, and of all nodes at the end.
    ///
    /// # Panics
    /// For a check that has nothing to judge by here, and would pass whatever happens: `mirrors`, `parity` and `durable` look at
    /// media in a freeze, `bounds` goes by what a scenario configures, `memory`, `control` and `guests` by what the reference cluster tells
    /// when it is at rest.
    pub fn checks(&self, checks: &[Check]) {
        for check in checks {
            assert!(
                !NOT_HERE.contains(check),
                "`{check}` would never fail here: nobody freezes media, nor tells how a cluster is at rest; \
                 `check::Checkers` with a kernel of one's own has `freeze` and the rest"
            );
        }
        let before = self.checkers.take();
        *self.checkers.borrow_mut() = before.held_to(checks);
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

    /// A node goes down at once, with everything that its program has in memory. Disks are devices of their own: what they keep
    /// in a volatile cache is still there, unless [`Namespace::power_loss`] takes it, as a cut of the power would.
    pub fn kill(&self, node: NodeId) {
        let left = self.kernel.kill(node);
        let owner = self.names.borrow().node(node);
        let leaks: Vec<Leak> = left.into_iter().map(|item| leak(&owner, item)).collect();
        let now = self.now();
        self.checkers.borrow_mut().leaked(now, &leaks);
    }

    /// Takes all nodes down but that of the test, where somebody wants to know what is left then.
    pub(super) fn count_leaks(&self) {
        if self.checkers.borrow().checks().contains(&Check::Leaks) {
            let nodes = self.names.borrow().nodes.len() as u32;
            (1..nodes).map(NodeId::new).for_each(|node| self.kill(node));
        }
    }

    /// A node has power again.
    pub fn boot(&self, node: NodeId) {
        self.kernel.boot(node);
    }

    /// A node goes down and is up again after `downtime`; see [`kill`](Self::kill) for what that takes.
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
