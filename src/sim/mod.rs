//! The kernel simulator: tasks, virtual CPUs, time, clocks, random streams, trace.
//!
//! Knows no disk, net or node. Start at [`Kernel`], whose [`Kernel::turn`] is the main loop's step;
//! node code sees [`NodeHandle`] (`port`), tests and the world see the methods of `control`.
//!
//! # Fidelity
//! - Modelled: virtual CPUs with one run queue each; every poll of a task costs virtual time on its CPU;
//!   tasks interleave at their await points; timers are exact to the nanosecond on the node's own clock.
//! - Not modelled: preemption inside a poll (two CPUs never run between two awaits of a third),
//!   caches, interrupts' own cost. Code that relies on data races of real memory is not exercised.

#![deny(clippy::float_arithmetic)]

mod clock;
mod config;
mod control;
mod cpu;
mod crash;
mod join;
mod kernel;
mod ledger;
pub mod log;
mod node;
mod owned;
mod percpu;
mod port;
mod queue;
mod records;
mod rng;
mod schedule;
mod seal;
mod sync;
mod task;
mod timer;
pub mod trace;
mod wait;
mod workqueue;

pub use clock::ClockConfig;
pub use config::{KernelConfig, NodeConfig, ScheduleKind};
pub use crash::Crash;
pub use join::{Aborted, JoinHandle};
pub use kernel::{Device, Kernel, OwnerId, Turn};
pub use ledger::{LeakedCount, Tracked, Tracker};
pub use percpu::PerCpu;
pub use port::{Interval, NodeHandle, TimedOut};
pub use records::{CpuResumed, CpuSlowed, CpuStopped};
pub use records::{NodeDown, NodePaused, NodeResumed, NodeUp, ResourceLeaked, TaskPolled};
pub use rng::{Rng, Seed};
pub use schedule::{CpuSlot, Misfit, Ready, Recording, RecordingError, Schedule};
pub use seal::sealed;
pub use sync::{Queue, Signal};
pub use task::{TaskId, WakeRef};
pub use timer::Sleep;
pub use wait::{Wait, WaitingTask};
pub use workqueue::{Work, WorkDump, WorkQueue, WorkQueueDump, WorkQueueKind, WorkStage};
