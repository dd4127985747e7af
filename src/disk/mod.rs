//! The NVMe simulator: a device door for node code, a control door for tests. Knows no net and no node.
//!
//! [`port`] is shaped like an NVMe controller with one queue pair per host; [`control`] makes a
//! namespace, breaks it and looks at its medium. Both meet in the `engine`, which is told by the
//! kernel when each command is due.
//!
//! # Fidelity
//! - Modelled: submission queues with a depth, completions out of order (each command draws its own
//!   latency), status codes as NVMe numbers them with DNR, CRD and More, aborted queues that leave a drawn
//!   prefix of a write, a volatile write cache with FUA and flush (`cache`), an atomic write unit with its
//!   boundary, the longest transfer, Abort, controller reset, bad sectors that a rewrite remaps and that
//!   come in bursts, loss of path per host, loss of the namespace, loss of power, protection information
//!   (`protection`), faults that the device doesn't tell of (`silent`), completions lost, late and twice. A
//!   command takes effect at the instant it completes: overlapping commands in flight settle in any
//!   order, as the standard allows.
//! - Modelled: what a host does about a device's longest transfer (`split`): parts that are commands of their own.
//! - Modelled: addresses that are wrong. Blocks beyond the namespace are refused; within it, contents say which block
//!   of which volume they were written to, so that a reader finds what is not where it belongs, and the check `bounds`
//!   knows each leg's place. Volumes may begin behind a disk's first block (`disk.first_block` of a scenario), so that
//!   no block has the same number on the disk as in its volume. Commands carry blocks, not memory: there are no
//!   buffers to run over, and so no guard bytes around them.
//! - Simplified: dropping a queue pair aborts its commands at once; a real controller takes time to
//!   delete a queue, and the host waits for it. Latency depends on the kind of a command, not on its
//!   length or on the load: code that tunes itself by disk throughput isn't exercised. A command carries
//!   one range; Deallocate always zeroes. Reference tags are the device's own, of the address that a command names:
//!   they find a device that goes astray, and a host that names the wrong block is found by what stands there. Writes below and beyond the power-fail unit are torn by the same
//!   rule (AWUN is AWUPF).
//! - Ignored: multiple namespaces on a controller, reservations, asynchronous events, separate metadata
//!   buffers, host-chosen application tags. Code that relies on them can't be written against the port.

#![deny(clippy::float_arithmetic)]

pub mod backing;
mod cache;
mod command;
mod config;
pub mod control;
pub mod driver;
mod engine;
mod execute;
mod fault;
mod journal;
mod media;
pub mod port;
mod protection;
mod queue;
mod records;
mod sabotage;
mod silent;
mod split;
mod status;

pub use config::DiskConfig;
pub use control::{Fault, FaultId, FaultKind, Namespace, OpMask, Phase};
pub use driver::{Driver, DriverConfig};
pub use port::{
    Command, Completion, Drive, Identity, Op, OpCode, QueueFull, QueuePair, Splitter, Standing,
    Status,
};
pub use records::{
    BadSectorBurst, BadSectorInserted, BitsFlipped, BrokenWith, CacheDropped, CacheLost,
    ClientDisconnected, ClientReconnected, CommandAborted, CommandCompleted, CommandFaulted,
    CommandSubmitted, CommandTimedOut, ControllerReset, DuplicateNextCompletionSet, FailNextSet,
    FaultLifted, HangSet, Healed, LoseNextWriteSet, MisdirectNextReadSet, MisdirectNextWriteSet,
    OldImageRestored, Plugged, PowerLost, RandomFailureInjected, RawWritten, ReadOnlySet, Replaced,
    SectorRemapped, SlowSet, Swapped, TearNextWriteSet, Unplugged,
};
