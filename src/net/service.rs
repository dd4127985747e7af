//! What a node offers: listeners for connections, sockets for datagrams. Moves no message.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::base::{NodeId, Seq};
use crate::sim::{Wait, WakeRef};

use super::fabric::Core;
use super::port::{Address, Message};
use super::records::{DropReason, Kind, MessageDropped};
use super::slab::Slab;

/// A node's services by number, and where each is to be found.
#[derive(Debug, Default)]
pub(super) struct Services(Vec<(u16, u32)>);

impl Services {
    pub(super) fn find(&self, service: u16) -> Option<u32> {
        self.0.iter().find(|(number, _)| *number == service).map(|(_, at)| *at)
    }
    fn add(&mut self, service: u16, at: u32) {
        assert!(self.find(service).is_none(), "service {service} is already offered by its node");
        self.0.push((service, at));
    }
    fn remove(&mut self, at: u32) {
        self.0.retain(|(_, other)| *other != at);
    }
    pub(super) fn take(&mut self) -> Vec<(u16, u32)> {
        std::mem::take(&mut self.0)
    }
}

#[derive(Debug)]
struct Listening {
    node: NodeId,
    service: u16,
    /// Connections that were taken and not yet accepted.
    backlog: VecDeque<u32>,
    acceptor: Option<WakeRef>,
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
    pub(super) fn listen(&mut self, node: NodeId, service: u16) -> u32 {
        let backlog = VecDeque::new();
        let at = self.listeners.0.insert(Listening { node, service, backlog, acceptor: None });
        self.node(node).listeners.add(service, at);
        at
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
        self.node(node).sockets.add(service, at);
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
