//! The NVMe simulator: a device door for node code, a control door for tests. Knows no net and no node.
//!
//! [`port`] is shaped like an NVMe controller with one queue pair per host; [`control`] makes a
//! namespace, breaks it and looks at its medium. Both meet in the `engine`, which is told by the
//! kernel when each command is due.
//!
//! # Fidelity
//! - Modelled: submission queues with a depth, completions out of order (each command draws its own
//!   latency), status codes as NVMe numbers them, power loss and aborted queues that leave a drawn
//!   prefix of a write, bad sectors that a rewrite remaps, loss of path per host, loss of the
//!   namespace. A command takes effect at the instant it completes: overlapping commands in flight
//!   settle in any order, as the standard allows.
//! - Stored only: FUA. Every write is on the medium when it completes (no volatile cache), so FUA
//!   changes nothing and a flush only takes its time.
//! - Simplified: dropping a queue pair aborts its commands at once; a real controller takes time to
//!   delete a queue, and the host waits for it. Latency depends on the kind of a command, not on its
//!   length or on the load: code that tunes itself by disk throughput isn't exercised.
//! - Ignored: transfer size limits, multiple namespaces on a controller, reservations, protection
//!   information, asynchronous events, the Abort command.

#![deny(clippy::float_arithmetic)]

mod command;
mod config;
pub mod control;
mod engine;
mod fault;
mod media;
pub mod port;
mod queue;
mod records;
mod status;

pub use config::DiskConfig;
pub use control::{Fault, FaultId, FaultKind, Namespace, OpMask, Phase};
pub use port::{Command, Completion, Drive, Identity, Op, OpCode, QueueFull, QueuePair, Status};
pub use records::{
    BadSectorInserted, ClientDisconnected, ClientReconnected, CommandAborted, CommandCompleted,
    CommandFaulted, CommandSubmitted, FailNextSet, FaultLifted, HangSet, Healed, Plugged,
    RandomFailureInjected, RawWritten, ReadOnlySet, Replaced, SectorRemapped, SlowSet, Unplugged,
};
