//! The network simulator: a device door for node code, a control door for tests. Knows no disk and no node.
//!
//! Node code sees a [`Port`] and what it opens (`port`); tests and the world see [`Fabric`] (`control`).
//!
//! # Fidelity
//! - Modelled: ordered reliable connections as RDMA RC or TCP make them (handshake, retransmission,
//!   keepalive, break at both ends); datagrams that reorder and get lost; latency drawn per message;
//!   a directed link between two nodes transmits one message after another at its bandwidth.
//! - Modelled coarsely: an acknowledgement is instant, so that a sender learns of a loss exactly
//!   `retransmit` after it; a retransmission takes no bandwidth. A one-way partition breaks the whole
//!   connection, because acknowledgements or data do not come through. An idle connection notices a
//!   link that loses everything, not one that loses some.
//! - Not modelled: windows and congestion (a sender is never slowed down), switches shared by links,
//!   fragmentation, corruption on the wire. Code that needs back-pressure from the network would
//!   notice.

#![deny(clippy::float_arithmetic)]

mod config;
mod connection;
pub mod control;
mod datagram;
mod fabric;
mod flow;
mod link;
pub mod port;
mod records;
mod service;
mod slab;
mod teardown;

pub use config::NetConfig;
pub use fabric::Fabric;
pub use port::{Closed, ConnectError, Connection, Listener, Message, Port, Socket};
pub use records::{
    CloseReason, ConnectionAccepted, ConnectionClosed, ConnectionOpened, ConnectionStarted,
    DropReason, Kind, MessageDelivered, MessageDropped, MessageSent,
};
