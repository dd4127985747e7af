//! The door for node code: connections, listeners and datagram sockets. Injects no fault.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::NodeId;
use crate::sim::NodeHandle;

use super::connection::{EndState, Side};
use super::fabric::Fabric;
use super::records::CloseReason;

pub use super::records::BindError;

/// What nodes send each other. It must not hold anything of the network itself (a connection, a
/// socket), which would be dropped inside the network when the message is.
pub trait Message: Clone + 'static {
    /// Its kind, a small number: for the trace, and for faults of one kind of message.
    fn kind(&self) -> u64;
    /// The kind's name in a trace; `"?"` or the like for a number that is no kind.
    fn kind_name(kind: u64) -> &'static str;
    /// What it takes on the wire, in bytes.
    fn bytes(&self) -> u64;
    /// Alters what it carries as a damaged frame would be, where nothing is there to notice; the 64 bits
    /// of `noise` say how. Says whether it carries anything that could be altered; by default it does not.
    fn corrupt(&mut self, noise: u64) -> bool {
        let _carries_nothing = noise;
        false
    }
}

/// An interface of a node, by which it is addressed: `n3/if0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The node.
    pub node: NodeId,
    /// Its interface, numbered from 0.
    pub interface: u8,
}

impl Address {
    /// A node's first interface.
    #[must_use]
    pub const fn first(node: NodeId) -> Self {
        Self { node, interface: 0 }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/if{}", self.node, self.interface)
    }
}

/// The connection is closed, or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The node is there, but nobody listens, or the attempt was reset.
    Refused,
    /// The node did not answer.
    TimedOut,
}

/// The address that was listened at is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressGone;

/// A node's network, for one incarnation of the node. Clones are cheap.
pub struct Port<M> {
    fabric: Rc<Fabric<M>>,
    node: NodeId,
    incarnation: u32,
}

impl<M> Clone for Port<M> {
    fn clone(&self) -> Self {
        Self { fabric: self.fabric.clone(), node: self.node, incarnation: self.incarnation }
    }
}

impl<M> fmt::Debug for Port<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port({} of incarnation {})", self.node, self.incarnation)
    }
}

impl<M: Message> Fabric<M> {
    /// The network as this incarnation of a node sees it.
    #[must_use]
    pub fn port(self: &Rc<Self>, handle: &NodeHandle) -> Port<M> {
        Port { fabric: self.clone(), node: handle.node(), incarnation: handle.incarnation() }
    }
}

impl<M: Message> Port<M> {
    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Whether the incarnation that it is bound to still lives.
    fn is_alive(&self) -> bool {
        let kernel = &self.fabric.kernel;
        kernel.is_up(self.node) && kernel.incarnation(self.node) == self.incarnation
    }

    /// Takes connections to a service of this node from now on.
    ///
    /// # Panics
    /// When the node has a listener for the service already, or its incarnation is gone.
    #[must_use]
    pub fn listen(&self, service: u16) -> Listener<M> {
        let listener = self.listen_on(None, service);
        listener.unwrap_or_else(|why| panic!("{self:?} cannot offer service {service}: {why}"))
    }

    /// Takes connections to a service from now on, by one interface of this node, or by all of them.
    ///
    /// # Errors
    /// [`BindError::InUse`] when the service is offered there already, or its port is another program's;
    /// [`BindError::NotAvailable`] when the interface is down or its address is not to be had.
    ///
    /// # Panics
    /// When this incarnation is gone, or there is no such interface.
    pub fn listen_on(&self, interface: Option<u8>, service: u16) -> Result<Listener<M>, BindError> {
        assert!(self.is_alive(), "a listener on {self:?}, which is gone");
        assert!(interface.is_none_or(|it| it < self.interfaces()), "no interface {interface:?}");
        let index = self.fabric.with(|core| core.listen(self.node, interface, service))?;
        Ok(Listener { fabric: self.fabric.clone(), index })
    }

    /// How many interfaces every node has.
    #[must_use]
    pub fn interfaces(&self) -> u8 {
        self.fabric.look(|core| core.config.interfaces)
    }

    /// One of the ways from this node to another, a pair of interfaces: as `attempt` counts up from 0, each
    /// pair has its turn, and two attempts in a row share neither interface where there are several.
    #[must_use]
    pub fn way(&self, to: NodeId, attempt: u32) -> (Address, Address) {
        let count = u32::from(self.interfaces());
        let (local, remote) = (attempt % count, (attempt / count + attempt) % count);
        let local = Address { node: self.node, interface: local as u8 };
        (local, Address { node: to, interface: remote as u8 })
    }

    /// Connects to a service of a node (this one, too), from the first interface to the first. Takes a
    /// round trip. Dropping the future gives up the attempt.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] when the node is up and nobody listens, after a round trip;
    /// [`ConnectError::TimedOut`] when no answer comes in
    /// [`NetConfig::connect_timeout`](super::NetConfig::connect_timeout).
    pub async fn connect(&self, to: NodeId, service: u16) -> Result<Connection<M>, ConnectError> {
        self.connect_by((Address::first(self.node), Address::first(to)), service).await
    }

    /// As [`Port::connect`], from an interface of this node to one of another; see [`Port::way`].
    ///
    /// # Errors
    /// As [`Port::connect`]; [`ConnectError::TimedOut`] when one of the interfaces is down.
    ///
    /// # Panics
    /// When the first is no interface of this node, or there is no such interface.
    pub async fn connect_by(
        &self,
        (local, remote): (Address, Address),
        service: u16,
    ) -> Result<Connection<M>, ConnectError> {
        self.check(local, remote);
        if !self.is_alive() {
            return Err(ConnectError::TimedOut);
        }
        let slot = self.fabric.with(|core| core.start_connection(local, remote, service));
        let connection = Connection { fabric: self.fabric.clone(), slot, side: 0 };
        let connected = poll_fn(|cx| self.fabric.with(|core| core.poll_connected(slot, cx))).await;
        match connected {
            Ok(()) => Ok(connection),
            Err(CloseReason::Refused | CloseReason::Reset) => Err(ConnectError::Refused),
            Err(_) => Err(ConnectError::TimedOut),
        }
    }

    fn check(&self, local: Address, remote: Address) {
        let exists = |it: Address| it.interface < self.interfaces();
        assert!(local.node == self.node, "{local} is no interface of {self:?}");
        assert!(exists(local) && exists(remote), "no way from {local} to {remote}");
    }

    /// Takes datagrams to a service of this node from now on. Services of sockets and of listeners are
    /// numbered independently.
    ///
    /// # Panics
    /// When the node has a socket for the service already, or its incarnation is gone.
    #[must_use]
    pub fn bind(&self, service: u16) -> Socket<M> {
        assert!(self.is_alive(), "a socket on {self:?}, which is gone");
        let index = self.fabric.with(|core| core.bind(self.node, service));
        Socket { port: self.clone(), index }
    }
}

/// Takes connections to a service. Dropping it closes those that nobody accepted.
pub struct Listener<M: Message> {
    fabric: Rc<Fabric<M>>,
    index: u32,
}

impl<M: Message> Listener<M> {
    /// The next connection, or `Pending` until there is one. Wakes the last task that asked.
    pub fn poll_accept(&self, cx: &Context<'_>) -> Poll<Connection<M>> {
        let slot = self.fabric.with(|core| core.poll_accept(self.index, cx));
        slot.map(|slot| Connection { fabric: self.fabric.clone(), slot, side: 1 })
    }

    /// As [`Listener::poll_accept`], and an error once the address that it listens at is gone; nothing comes any more
    /// then.
    ///
    /// # Errors
    /// [`AddressGone`], for good.
    pub fn poll_incoming(&self, cx: &Context<'_>) -> Poll<Result<Connection<M>, AddressGone>> {
        let slot = self.fabric.with(|core| core.poll_incoming(self.index, cx));
        slot.map_ok(|slot| Connection { fabric: self.fabric.clone(), slot, side: 1 })
    }

    /// Waits for the next connection. It may have been closed by its peer already.
    pub async fn accept(&self) -> Connection<M> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }
}

impl<M: Message> fmt::Debug for Listener<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.index)
    }
}

impl<M: Message> Drop for Listener<M> {
    fn drop(&mut self) {
        self.fabric.with(|core| core.unlisten(self.index));
    }
}

/// One end of a connection: ordered and reliable until it closes. Dropping it closes it.
pub struct Connection<M: Message> {
    fabric: Rc<Fabric<M>>,
    slot: u32,
    side: Side,
}

impl<M: Message> Connection<M> {
    /// Sends a message; it leaves now, however much has been sent before.
    ///
    /// # Errors
    /// [`Closed`] when this end is. `Ok` does not mean that the message arrives: the connection may
    /// break first, which [`Connection::recv`] tells.
    pub fn send(&self, message: M) -> Result<(), Closed> {
        self.fabric.with(|core| core.send(self.slot, self.side, message))
    }

    /// The next message, or `Pending` until there is one. Wakes the last task that asked.
    ///
    /// # Errors
    /// As [`Connection::recv`].
    pub fn poll_recv(&self, cx: &Context<'_>) -> Poll<Result<M, Closed>> {
        self.fabric.change(|core| core.poll_recv(self.slot, self.side, cx))
    }

    /// Waits for the next message, in the order of their sending.
    ///
    /// # Errors
    /// [`Closed`] when this end is closed, or the peer has closed or cannot be reached and all that
    /// has arrived of it was read.
    pub async fn recv(&self) -> Result<M, Closed> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// How many messages have arrived that were not read yet.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.fabric.look(|core| core.connections.get(self.slot).channels[1 - self.side].arrived)
    }

    /// The node at the other end.
    #[must_use]
    pub fn peer(&self) -> NodeId {
        self.fabric.look(|core| core.connections.get(self.slot).ends[1 - self.side].node)
    }

    /// The interfaces that it uses: this end's and the other's.
    #[must_use]
    pub fn addresses(&self) -> (Address, Address) {
        self.fabric.look(|core| {
            let conn = core.connections.get(self.slot);
            let lane = core.links.lane(conn.channels[self.side].lane);
            let (node, peer) = (conn.ends[self.side].node, conn.ends[1 - self.side].node);
            let (local, remote) = (lane.local, lane.remote);
            (Address { node, interface: local }, Address { node: peer, interface: remote })
        })
    }

    /// The connection's number: unique in a simulation, the same at both ends.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.fabric.look(|core| core.connections.get(self.slot).id)
    }

    /// Whether this end is open, as far as it knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.fabric
            .look(|core| core.connections.get(self.slot).ends[self.side].state() == EndState::Open)
    }

    /// Closes this end. What it has sent still arrives, then the peer is told; what has arrived and
    /// was not read is dropped.
    pub fn close(&self) {
        self.fabric.with(|core| core.close(self.slot, self.side));
    }
}

impl<M: Message> fmt::Debug for Connection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} to {})", self.id(), self.peer())
    }
}

impl<M: Message> Drop for Connection<M> {
    fn drop(&mut self) {
        self.fabric.with(|core| core.let_go(self.slot, self.side));
    }
}

/// Sends and takes datagrams. Dropping it unbinds it.
pub struct Socket<M: Message> {
    port: Port<M>,
    index: u32,
}

impl<M: Message> Socket<M> {
    /// Sends a datagram to a service of a node (this one, too), from the first interface to the first. It
    /// may get lost, silently here but not in the trace, or overtake others.
    pub fn send_to(&self, to: NodeId, service: u16, message: M) {
        self.send_by((Address::first(self.port.node), Address::first(to)), service, message);
    }

    /// As [`Socket::send_to`], from an interface of this node to one of another; see [`Port::way`].
    ///
    /// # Panics
    /// When the first is no interface of this node, or there is no such interface.
    pub fn send_by(&self, (local, remote): (Address, Address), service: u16, message: M) {
        self.port.check(local, remote);
        self.port.fabric.with(|core| core.send_to(local, remote, service, message));
    }

    /// The next datagram and its sender, or `Pending` until there is one. Wakes the last task that
    /// asked.
    pub fn poll_recv(&self, cx: &Context<'_>) -> Poll<(NodeId, M)> {
        self.poll_recv_from(cx).map(|(from, message)| (from.node, message))
    }

    /// As [`Socket::poll_recv`], with the interface that the datagram was sent from.
    pub fn poll_recv_from(&self, cx: &Context<'_>) -> Poll<(Address, M)> {
        self.port.fabric.with(|core| core.poll_recv_from(self.index, cx))
    }

    /// Waits for the next datagram and its sender.
    pub async fn recv(&self) -> (NodeId, M) {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Waits for the next datagram and the interface that it was sent from.
    pub async fn recv_from(&self) -> (Address, M) {
        poll_fn(|cx| self.poll_recv_from(cx)).await
    }
}

impl<M: Message> fmt::Debug for Socket<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({} on {:?})", self.index, self.port)
    }
}

impl<M: Message> Drop for Socket<M> {
    fn drop(&mut self) {
        self.port.fabric.with(|core| core.unbind(self.index));
    }
}
