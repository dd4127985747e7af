//! The network simulator: a device door for node code, a control door for tests. Knows no disk and no node.
//!
//! Node code sees a [`Port`] and what it opens (`port`); tests and the world see [`Fabric`] (`control`).
//!
//! # Fidelity
//! Modelled:
//! - Ordered reliable connections as RDMA RC or TCP make them (handshake, retransmission, keepalive, break at
//!   both ends); datagrams that reorder and get lost; latency drawn per message; a lane, one direction
//!   between two interfaces, transmits one message after another at its bandwidth.
//! - Several interfaces a node, each an address. A connection or a datagram uses one pair of them; what
//!   fails over is the caller's business (`Port::way`).
//! - Faults as rules on directed links with three verdicts, pass, deliver after, drop, given when a message is
//!   about to come out of its link; so they hold for what is on the wire. Lost on the wire when a link is cut:
//!   whatever it had not delivered.
//! - A checksum on every message, as NVMe/TCP has digests: a datagram with a wrong one is dropped, a connection
//!   is given up by its receiver. Without, what the message says of itself (`Message::corrupt`) is altered.
//! - `drop_next`, `delay_next` and `duplicate_next` act on messages, above the connection: it does not send
//!   again what they drop, and hands on both of what they double. Real transports don't do that; a peer's
//!   software, a proxy or an overrun queue does. Order within a connection holds all the same.
//!
//! Modelled coarsely:
//! - An acknowledgement is instant, so that a sender learns of a loss exactly `retransmit` after it; a
//!   retransmission takes no bandwidth, and so doesn't compete. A one-way partition breaks the whole connection,
//!   because acknowledgements or data do not come through. An idle connection notices a link that loses
//!   everything, not one that loses some.
//! - `duplicate` and `reorder` reach a program through datagrams only. A connection drops the copy, which costs
//!   its transmission, and waits for the late one, as its retransmission or resequencing would: both may only
//!   delay it.
//! - `bandwidth` is one more queue at the end of a link, for all lanes of it together; a message held up behind
//!   another one of its connection enters it late, so that connections share it about fairly.
//! - A half-open connection stays so until its owner, its node or the network's healer ends it: the node that
//!   has forgotten it does not answer with a reset, as if a firewall stood between. New connections are whole.
//! - An interface that is down says so to nobody but who listens on it: an attempt over it times out.
//! - A listener is bound to one interface or to all. Its interface going down or getting another address, or another machine
//!   having the address, is an error of the listener's (`Listener::poll_incoming`); a program that listens again gets
//!   `BindError` for as long as the address is not to be had or the port is another program's. A listener on all
//!   interfaces notices only when all addresses are another's.
//!
//! Stored only: nothing.
//!
//! Ignored: windows and congestion (a sender is never slowed down: code that needs back-pressure would notice),
//! switches shared by links, fragmentation and path MTU, address resolution: a new address is known everywhere at once.

#![deny(clippy::float_arithmetic)]

mod config;
mod connection;
pub mod control;
mod datagram;
mod fabric;
mod flow;
mod judge;
mod link;
pub mod port;
mod records;
mod rule;
mod service;
mod slab;
mod teardown;

pub use config::NetConfig;
pub use control::RuleId;
pub use fabric::Fabric;
pub use port::{
    Address, AddressGone, Closed, ConnectError, Connection, Listener, Message, Port, Socket,
};
pub use records::{
    AddressConflictSet, AddressLost, BandwidthSet, BindError, BindFailed, CloseReason,
    ConnectionAccepted, ConnectionClosed, ConnectionOpened, ConnectionRouted, ConnectionStarted,
    CorruptSet, DelayNextSet, DelaySet, DropNextSet, DropReason, DuplicateNextSet, DuplicateSet,
    FaultLifted, HalfOpenDone, HalfOpenHealed, Healed, HoldSet, InterfaceDownSet, IsolateSet, Kind,
    LossSet, MessageDelivered, MessageDropped, MessageFaulted, MessageSent, NetFault, PartitionSet,
    PortInUseSet, Renumbered, ReorderSet, ResetDone,
};
