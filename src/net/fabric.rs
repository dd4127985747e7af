//! The fabric: one simulation's network, its state and the events it gets back from the kernel.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use crate::base::{Nanos, NodeId, Seq};
use crate::sim::{Device, Kernel, OwnerId, Rng, WakeRef};

use super::config::NetConfig;
use super::connection::{Connections, Side};
use super::datagram::Datagrams;
use super::link::{Links, Transmission};
use super::port::Message;
use super::rule::Draws;
use super::service::{Listeners, Services, Sockets};

/// One simulation's network. Node code gets a [`Port`](super::Port) from it; tests and the world set
/// its faults. Dismantle the kernel to free it.
pub struct Fabric<M> {
    pub(super) kernel: Kernel,
    core: RefCell<Core<M>>,
}

impl<M> fmt::Debug for Fabric<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.core.borrow();
        let (links, connections) = (core.links.len(), core.connections.len());
        write!(f, "Fabric({links} links, {connections} connections, {} in flight)", core.in_flight)
    }
}

/// What the network knows of a node.
#[derive(Debug, Default)]
pub(super) struct NetNode {
    /// Its live ends.
    pub(super) ends: Vec<(u32, Side)>,
    pub(super) listeners: Services,
    pub(super) sockets: Services,
}

/// All state of a network. Runs no foreign waker while it is borrowed: it collects those.
pub(super) struct Core<M> {
    pub(super) kernel: Kernel,
    pub(super) config: NetConfig,
    owner: Option<OwnerId>,
    pub(super) links: Links,
    pub(super) connections: Connections<M>,
    pub(super) datagrams: Datagrams<M>,
    pub(super) listeners: Listeners,
    pub(super) sockets: Sockets<M>,
    nodes: Vec<NetNode>,
    /// Messages sent and neither delivered nor dropped.
    pub(super) in_flight: usize,
    /// Wakers that are not a task's own, with what led to their being woken.
    wakes: VecDeque<(Seq, WakeRef)>,
    latency: Rng,
    pub(super) draws: Draws,
}

/// What an event of the network is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The first item of a channel arrives.
    Channel { slot: u32, side: Side, version: u32 },
    /// A connection attempt has waited long enough.
    ConnectTimeout { slot: u32, generation: u32 },
    /// An end has heard nothing of its peer for too long.
    PeerSilent { slot: u32, side: Side, generation: u32 },
    /// A datagram arrives.
    Datagram { slot: u32 },
    /// A lane has been dead for too long, if it is still in this epoch.
    LaneSilent { lane: u32, epoch: u32 },
}

const KEY_BITS: u32 = 28;
const KEY_MASK: u32 = (1 << KEY_BITS) - 1;

impl Event {
    /// The kernel's token: what (3 bits), side (1), the low bits of a version (28), a slot (32).
    pub(super) fn token(self) -> u64 {
        let (what, side, key, slot) = match self {
            Self::Channel { slot, side, version } => (0, side, version, slot),
            Self::ConnectTimeout { slot, generation } => (1, 0, generation, slot),
            Self::PeerSilent { slot, side, generation } => (2, side, generation, slot),
            Self::Datagram { slot } => (3, 0, 0, slot),
            Self::LaneSilent { lane, epoch } => (4, 0, epoch, lane),
        };
        let key = u64::from(key & KEY_MASK);
        what << 61 | (side as u64) << 60 | key << 32 | u64::from(slot)
    }

    fn from_token(token: u64) -> Self {
        let (slot, key) = (token as u32, (token >> 32) as u32 & KEY_MASK);
        let side = (token >> 60 & 1) as Side;
        match token >> 61 {
            0 => Self::Channel { slot, side, version: key },
            1 => Self::ConnectTimeout { slot, generation: key },
            2 => Self::PeerSilent { slot, side, generation: key },
            3 => Self::Datagram { slot },
            4 => Self::LaneSilent { lane: slot, epoch: key },
            other => unreachable!("an event of the network of kind {other}"),
        }
    }

    /// Whether a version from a token is this one.
    pub(super) fn same(key: u32, version: u32) -> bool {
        key == version & KEY_MASK
    }
}

impl<M: Message> Fabric<M> {
    /// The network of this kernel's nodes; every node reaches every other.
    ///
    /// # Panics
    /// When the configuration is impossible: no bandwidth, no retries, or a least latency above the
    /// most.
    #[must_use]
    pub fn new(kernel: &Kernel, config: NetConfig) -> Rc<Self> {
        config.check();
        let core = Core {
            kernel: kernel.clone(),
            config,
            owner: None,
            links: Links::default(),
            connections: Connections::default(),
            datagrams: Datagrams::default(),
            listeners: Listeners::default(),
            sockets: Sockets::default(),
            nodes: Vec::new(),
            in_flight: 0,
            wakes: VecDeque::new(),
            latency: kernel.stream("net.delay"),
            draws: Draws::new(kernel),
        };
        let fabric = Rc::new(Self { kernel: kernel.clone(), core: RefCell::new(core) });
        let owner = kernel.attach(fabric.clone());
        fabric.core.borrow_mut().owner = Some(owner);
        fabric
    }
}

impl<M> Fabric<M> {
    /// Works on the state, then wakes those whom that concerns.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Core<M>) -> R) -> R {
        let mut core = self.core.borrow_mut();
        let result = work(&mut core);
        if !core.wakes.is_empty() {
            drop(core);
            self.wake_all();
        }
        result
    }

    /// Works on the state where that concerns nobody else: there is nobody to be woken.
    #[inline]
    pub(super) fn change<R>(&self, work: impl FnOnce(&mut Core<M>) -> R) -> R {
        work(&mut self.core.borrow_mut())
    }

    fn wake_all(&self) {
        let before = self.kernel.cause();
        loop {
            // Waking may lead back here, so nothing is borrowed meanwhile.
            let next = self.core.borrow_mut().wakes.pop_front();
            let Some((cause, wake)) = next else { break };
            self.kernel.set_cause(cause);
            self.kernel.wake(wake);
        }
        self.kernel.set_cause(before);
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&Core<M>) -> R) -> R {
        look(&self.core.borrow())
    }
}

impl<M: Message> Device for Fabric<M> {
    fn fire(&self, token: u64) {
        self.with(|core| match Event::from_token(token) {
            Event::Channel { slot, side, version } => core.channel_due(slot, side, version),
            Event::ConnectTimeout { slot, generation } => core.connect_timed_out(slot, generation),
            Event::PeerSilent { slot, side, generation } => {
                core.peer_silent(slot, side, generation);
            }
            Event::Datagram { slot } => core.datagram_due(slot),
            Event::LaneSilent { lane, epoch } => core.lane_silent(lane, epoch),
        });
    }

    fn node_down(&self, node: NodeId) {
        self.with(|core| core.node_down(node));
    }
}

impl<M> Core<M> {
    pub(super) fn schedule(&self, at: Nanos, event: Event) {
        self.schedule_token(at, event.token());
    }

    /// Schedules an event that is known by its token.
    pub(super) fn schedule_token(&self, at: Nanos, token: u64) {
        let owner = self.owner.expect("a fabric is attached before it is used");
        self.kernel.schedule(at, owner, token);
    }

    /// Wakes a waiter, because of the record that was written last.
    pub(super) fn wake(&mut self, waiter: Option<WakeRef>) {
        match waiter {
            // Only puts the task into its run queue: nothing of it runs now.
            Some(task @ WakeRef::Task(_)) => self.kernel.wake(task),
            Some(foreign) => self.wakes.push_back((self.kernel.cause(), foreign)),
            None => {}
        }
    }

    pub(super) fn node(&mut self, node: NodeId) -> &mut NetNode {
        if self.nodes.len() <= node.index() {
            self.nodes.resize_with(node.index() + 1, NetNode::default);
        }
        &mut self.nodes[node.index()]
    }

    pub(super) fn node_if_used(&self, node: NodeId) -> Option<&NetNode> {
        self.nodes.get(node.index())
    }

    /// What it takes to send `bytes` now.
    pub(super) fn draw_transmission(&mut self, bytes: u64) -> Transmission {
        let (min, max) = self.config.latency;
        let latency = self.latency.nanos(min, max);
        Transmission { now: self.kernel.now(), taken: self.config.transmission(bytes), latency }
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    #[test]
    fn a_token_says_what_was_scheduled() {
        let events = [
            Event::Channel { slot: u32::MAX, side: 1, version: 7 },
            Event::ConnectTimeout { slot: 3, generation: 0x0fff_ffff },
            Event::PeerSilent { slot: 0, side: 1, generation: 1 },
            Event::Datagram { slot: 9 },
            Event::LaneSilent { lane: 5, epoch: 2 },
        ];
        for event in events {
            assert_eq!(Event::from_token(event.token()), event);
        }
        assert!(Event::same(0, 1 << 28));
    }
}
