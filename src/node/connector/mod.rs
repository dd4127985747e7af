//! The connectors of a manager: the addresses at which it, and the controller beside it, is reached. Each has an
//! interface and ports of its own, listens by itself, fails by itself and comes back by itself.
//!
//! `seat` says where each connector listens and which one a peer tries next, `acceptor` listens, `control` is the door by
//! which they are stopped and started. Who is connected, and what is said, is their owners' business.
//!
//! # Fidelity
//! - Modelled: a port that is another program's and an address that is not to be had, at the start and whenever a connector
//!   listens again; an interface that goes, or gets another address, under a connector that listens; connectors that
//!   are stopped and started while others serve.
//! - Ignored: TLS, and what it costs; a limit to how many connections wait to be accepted.

mod acceptor;
pub mod control;
mod seat;

pub(super) use acceptor::{Acceptor, Arrival, Turn};
pub use control::{ConnectorDown, ConnectorUp, Connectors, DownReason};
pub(super) use seat::{Approach, approach, approaches};
pub use seat::{CONNECTORS_MAX, Seat, seat};
