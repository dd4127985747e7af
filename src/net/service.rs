//! What a node offers: listeners for connections, sockets for datagrams. Moves no message.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::base::{NodeId, Seq};
use crate::sim::{Wait, WakeRef};

use super::fabric::Core;
use super::port::{Address, AddressGone, BindError, Message};
use super::records::{AddressLost, BindFailed, DropReason, Kind, MessageDropped};
use super::slab::Slab;

/// A service that a node offers, on one of its interfaces or on all, and where it is to be found.
#[derive(Clone, Copy, Debug)]
struct Offer {
    service: u16,
    interface: Option<u8>,
    at: u32,
}

/// A node's services.
#[derive(Debug, Default)]
pub(super) struct Services(Vec<Offer>);

impl Services {
    /// The one of this number that an interface leads to.
    pub(super) fn find(&self, service: u16, interface: u8) -> Option<u32> {
        let is_it = |offer: &&Offer| {
            offer.service == service && offer.interface.is_none_or(|it| it == interface)
        };
        self.0.iter().find(is_it).map(|offer| offer.at)
    }

    /// Whether an offer of this number on this interface, or on all, would have an interface in common with another.
    fn is_taken(&self, service: u16, interface: Option<u8>) -> bool {
        let overlaps = |other: Option<u8>| match (interface, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.0.iter().any(|offer| offer.service == service && overlaps(offer.interface))
    }

    fn add(&mut self, service: u16, interface: Option<u8>, at: u32) {
        self.0.push(Offer { service, interface, at });
    }

    fn remove(&mut self, at: u32) {
        self.0.retain(|offer| offer.at != at);
    }

    /// Takes away those that are offered on this interface alone: their numbers, and where they are to be found.
    fn take_bound_to(&mut self, interface: u8) -> Vec<(u16, u32)> {
        let taken = self.0.extract_if(.., |offer| offer.interface == Some(interface));
        taken.map(|offer| (offer.service, offer.at)).collect()
    }

    /// Takes away those that are offered on all interfaces.
    fn take_all_bound(&mut self) -> Vec<(u16, u32)> {
        let taken = self.0.extract_if(.., |offer| offer.interface.is_none());
        taken.map(|offer| (offer.service, offer.at)).collect()
    }

    /// Takes all of them away: where they are to be found.
    pub(super) fn take(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.0).into_iter().map(|offer| offer.at).collect()
    }
}

#[derive(Debug)]
struct Listening {
    node: NodeId,
    service: u16,
    /// Connections that were taken and not yet accepted.
    backlog: VecDeque<u32>,
    acceptor: Option<WakeRef>,
    /// Its address is gone: nothing comes any more.
    is_unbound: bool,
}

/// All listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners(Slab<Listening>);

impl Listeners {
    /// Hands a new connection to a listener: who is to be woken.
    pub(super) fn offer(&mut self, listener: u32, slot: u32) -> Option<WakeRef> {
        let listening = self.0.get_mut(listener)?;
        listening.backlog.push_back(slot);
        listening.acceptor.take()
    }

    /// What nobody will accept any more.
    pub(super) fn shut(&mut self, listener: u32) -> VecDeque<u32> {
        self.0.get_mut(listener).map(|it| std::mem::take(&mut it.backlog)).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Bound<M> {
    node: NodeId,
    service: u16,
    /// What has arrived: the record of that, the sender, the message.
    inbox: VecDeque<(Seq, Address, M)>,
    reader: Option<WakeRef>,
}

/// All sockets.
#[derive(Debug)]
pub(super) struct Sockets<M>(Slab<Bound<M>>);

impl<M> Default for Sockets<M> {
    fn default() -> Self {
        Self(Slab::default())
    }
}

impl<M> Sockets<M> {
    /// Hands a datagram to a socket: who is to be woken.
    pub(super) fn deliver(
        &mut self,
        socket: u32,
        cause: Seq,
        from: Address,
        message: M,
    ) -> Option<WakeRef> {
        let bound = self.0.get_mut(socket)?;
        bound.inbox.push_back((cause, from, message));
        bound.reader.take()
    }
}

impl<M: Message> Core<M> {
    /// Listens on one interface of a node, or on all.
    pub(super) fn listen(
        &mut self,
        node: NodeId,
        interface: Option<u8>,
        service: u16,
    ) -> Result<u32, BindError> {
        if let Some(why) = self.why_not_bind(node, interface, service) {
            self.kernel.emit(Some(node), &BindFailed { at: node, service, why });
            return Err(why);
        }
        let (backlog, acceptor, is_unbound) = (VecDeque::new(), None, false);
        let at =
            self.listeners.0.insert(Listening { node, service, backlog, acceptor, is_unbound });
        self.node(node).listeners.add(service, interface, at);
        Ok(at)
    }

    fn why_not_bind(
        &mut self,
        node: NodeId,
        interface: Option<u8>,
        service: u16,
    ) -> Option<BindError> {
        let has_address = match interface {
            Some(interface) => self.links.has_address(Address { node, interface }),
            // All addresses are of no use only when somebody else has every one of them.
            None => (0..self.config.interfaces)
                .any(|interface| !self.links.is_in_conflict(Address { node, interface })),
        };
        if !has_address {
            return Some(BindError::NotAvailable);
        }
        let is_taken = self.node(node).listeners.is_taken(service, interface);
        (is_taken || self.links.is_port_in_use(node, service)).then_some(BindError::InUse)
    }

    /// An interface has lost its address: who listens on it alone is told, and so is who listens on all when it
    /// was the last.
    pub(super) fn unbind_from(&mut self, address: Address) {
        let Address { node, interface } = address;
        let mut gone = self.node(node).listeners.take_bound_to(interface);
        let is_left = |interface| !self.links.is_in_conflict(Address { node, interface });
        if !(0..self.config.interfaces).any(is_left) {
            gone.extend(self.node(node).listeners.take_all_bound());
        }
        for (service, at) in gone {
            self.kernel.emit(Some(node), &AddressLost { at: node, service, interface });
            let listening = self.listeners.0.get_mut(at).expect("what is offered is listened for");
            listening.is_unbound = true;
            let acceptor = listening.acceptor.take();
            self.wake(acceptor);
        }
    }

    /// As [`Core::poll_accept`]; an error when the listener's address is gone.
    pub(super) fn poll_incoming(
        &mut self,
        listener: u32,
        cx: &Context<'_>,
    ) -> Poll<Result<u32, AddressGone>> {
        let listening = self.listeners.0.get_mut(listener).expect("its handle keeps a listener");
        if listening.is_unbound {
            return Poll::Ready(Err(AddressGone));
        }
        self.poll_accept(listener, cx).map(Ok)
    }

    pub(super) fn poll_accept(&mut self, listener: u32, cx: &Context<'_>) -> Poll<u32> {
        let kernel = &self.kernel;
        let listening = self.listeners.0.get_mut(listener).expect("its handle keeps a listener");
        if let Some(slot) = listening.backlog.pop_front() {
            return Poll::Ready(slot);
        }
        listening.acceptor = Some(kernel.wake_ref(cx));
        let which = u64::from(listening.service);
        kernel.waits_for(Wait { what: "a connection to service", which });
        Poll::Pending
    }

    pub(super) fn unlisten(&mut self, listener: u32) {
        let Some(listening) = self.listeners.0.remove(listener) else { return };
        self.node(listening.node).listeners.remove(listener);
        for slot in listening.backlog {
            self.let_go(slot, 1);
        }
    }

    pub(super) fn bind(&mut self, node: NodeId, service: u16) -> u32 {
        let at =
            self.sockets.0.insert(Bound { node, service, inbox: VecDeque::new(), reader: None });
        let is_taken = self.node(node).sockets.is_taken(service, None);
        assert!(!is_taken, "service {service} is already offered by its node");
        self.node(node).sockets.add(service, None, at);
        at
    }

    pub(super) fn poll_recv_from(&mut self, socket: u32, cx: &Context<'_>) -> Poll<(Address, M)> {
        let kernel = &self.kernel;
        let bound = self.sockets.0.get_mut(socket).expect("its handle keeps a socket");
        if let Some((cause, from, message)) = bound.inbox.pop_front() {
            kernel.set_cause(cause);
            return Poll::Ready((from, message));
        }
        bound.reader = Some(kernel.wake_ref(cx));
        let which = u64::from(bound.service);
        kernel.waits_for(Wait { what: "a datagram for service", which });
        Poll::Pending
    }

    pub(super) fn unbind(&mut self, socket: u32) {
        let Some(bound) = self.sockets.0.remove(socket) else { return };
        self.node(bound.node).sockets.remove(socket);
        for (cause, from, message) in bound.inbox {
            let (from, to) = (from.node, bound.node);
            let kind = Kind::<M>::new(message.kind());
            let why = DropReason::Unread;
            let dropped = MessageDropped { from, to, connection: 0, kind, why, again: false };
            self.record_drop(cause, &dropped);
        }
    }
}
