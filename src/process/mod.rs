//! The simulator of an operating system's other half: programs that a node starts, the pipes that it reads them by, the
//! signals that it ends them with, and the device files that appear beside them.
//!
//! Knows no disk, net or node. Node code sees [`port`]; tests and the world see [`control`]. `table` is what a machine has,
//! `life` the life of one program, `programs` what the programs do, `fault` what is wrong with them.
//!
//! # Fidelity
//! - Modelled: programs take time, drawn for each; they write into a pipe that holds 64 KiB and stand still when it is full;
//!   they end by themselves, by SIGTERM unless they ignore it, by SIGKILL unless they hang in the kernel; one that has ended
//!   stays in the table until somebody waits for it. What a program was to do may be done or not when it is ended halfway.
//! - Modelled: a logical volume outlives its machine's reboots; its device file does not, and appears some time after the
//!   volume is made or activated, or its machine has booted. What is exported is forgotten with the machine's memory.
//! - Simplified: three programs, each as far as a storage cluster needs it. A device file says how long it is, and holds no
//!   data. Programs are tasks of their node: a stopped CPU stops them.
//! - Simplified: whatever takes a node down takes its machine's memory with it; where only the node's own program would die,
//!   a real machine would keep the other programs, its device files and its exports.
//! - Ignored: locks that programs have in common (no volume manager waits for another one), process groups, core dumps,
//!   environment, users.

#![deny(clippy::float_arithmetic)]

mod config;
pub mod control;
mod fault;
mod life;
pub mod port;
mod programs;
mod records;
mod table;

pub use config::ProcessConfig;
pub use records::{
    DeviceFilesVanish, DeviceGone, DeviceNeverAppears, DeviceSeen, OpensBlock, OutputFloods,
    OutputGarbled, ProcessEnded, ProcessFaulted, ProcessSignalled, ProcessStarted, Program,
    ProgramsExit, ProgramsHang, ProgramsIgnoreTerm, ProgramsSlow, ProgramsUnkillable, Signal,
    TroubleKind, TroubleLifted,
};
