//! The kernel simulator: tasks, virtual CPUs, time, clocks, random streams, trace.
//!
//! Knows no disk, net or node. Start at [`Kernel`], whose [`Kernel::turn`] is the main loop's step;
//! node code sees [`NodeHandle`] (`port`), tests and the world see the methods of `control`.
//!
//! # Fidelity
//! - Modelled: virtual CPUs with one run queue each; every poll of a task costs virtual time on its CPU;
//!   tasks interleave at their await points; timers are exact to the nanosecond on the node's own clock.
//!   A stopped CPU holds its tasks, and with them the timers and completions that they wait for; a slow
//!   one takes longer for each poll. Work queues run, refuse, flush and drain work as Linux's do, and
//!   unbound work leaves a stopped CPU. Per-CPU data, clocks, memory of one incarnation end with it.
//! - Modelled: per node a monotonic clock that drifts and is bent (timers follow), a wall clock that is off
//!   and jumps; both go on while the node is down, where a machine's monotonic clock would start anew.
//! - Modelled: timers that are made to fire before their time (`fire_timers`), as a module's are when it is
//!   drained. Waits of the host itself (a connection's, a device's) are no timers of the node and keep their time.
//! - Modelled: memory as node code declares it, with limits, refusals and use by place in the code. What it
//!   does not declare is not counted; a refusal is immediate, there is no reclaim, no fragmentation, no
//!   killer of processes. Code that leans on those would notice.
//! - Stored only: the names of tasks, works and queues (reports, `starve` and the dump use them); the CPU
//!   that unbound work was queued on, which says nothing of where it runs.
//! - Ignored: preemption inside a poll (two CPUs never run between two awaits of a third): code that relies
//!   on data races of real memory is not exercised. Caches, NUMA and the cost of interrupts and of
//!   moving a task: whoever measures time finds it shorter. Interrupt contexts: a completion is seen
//!   when its task is polled, so no handler ever runs between two polls of another task on its CPU.
//!   Priorities of work queues (`WQ_HIGHPRI`, `WQ_MEM_RECLAIM`): no work overtakes another for them, and
//!   none is saved from a shortage of workers. A stopped CPU is not taken out of service: nothing migrates
//!   bound work away from it, as an unplugged CPU's would be.

#![deny(clippy::float_arithmetic)]

mod clock;
mod config;
mod control;
mod cpu;
mod crash;
mod inspect;
mod join;
mod kernel;
mod ledger;
pub mod log;
mod memory;
mod node;
mod owned;
mod percpu;
mod port;
mod probe;
mod queue;
mod records;
mod schedule;
mod scheduler;
mod scope;
mod seal;
mod strict;
mod sync;
mod task;
mod timer;
pub mod trace;
mod wait;
mod workqueue;

pub use crate::base::{Rng, Seed};
pub use clock::ClockConfig;
pub use config::{KernelConfig, NodeConfig, ScheduleKind};
pub use crash::{Crash, Stack};
pub use inspect::{ArmedTimer, CpuState, TaskState};
pub use join::{Aborted, JoinHandle};
pub use kernel::{Device, Kernel, OwnerId, Turn};
pub use ledger::{LeakedCount, Tracked, Tracker};
pub use memory::{Allocation, Memory, MemorySite, MemoryUse, OutOfMemory};
pub use percpu::PerCpu;
pub use port::{Interval, NodeHandle, TimedOut};
pub use probe::{BuggifySite, Probe, Probes};
pub use records::{
    AllocationRefused, ClockDriftSet, ClockJumped, CpuResumed, CpuSlowed, CpuStopped,
    MemoryFailNextSet, MemoryLimited, MemoryUnlimited, NodePaused, NodeResumed, NodeUp,
    ResourceLeaked, TaskPolled, TimersFired,
};
pub use schedule::{CpuSlot, Misfit, Ready, Recording, RecordingError, Schedule};
pub use scope::Scope;
pub use seal::{sealed, sealed_strictly, strict_seal, trespassed};
pub use strict::Trespass;
pub use sync::{Queue, Signal};
pub use task::{TaskId, WakeRef};
pub use timer::Sleep;
pub use wait::{Wait, WaitingTask};
pub use workqueue::{Work, WorkDump, WorkQueue, WorkQueueDump, WorkQueueKind, WorkStage};
