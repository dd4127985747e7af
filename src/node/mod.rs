//! The reference cluster: applications, clients with their RAID 1 data service, targets, a manager.
//!
//! It sees only the simulators' ports. `protocol` is what its nodes say to each other, `channel` what
//! they say it over, `connector` where the manager is reached, `layout` and
//! `journal` what they put on disks, `config` how long they wait. Each kind of node has a folder with a `boot` function.
//! # Fidelity
//! - Modelled: a client is one process, applications and data service together: a crash of the one is a crash
//!   of the other; a volume has one client at a time, is given back and attached elsewhere; nodes account for
//!   sessions, bitmaps, and the buffers of operations and requests, and work within a limit.
//! - Stored only: the wall clock's time in the manager's records; no rule reads it.
//! - Ignored: small allocations (locks, timers, messages' headers), page caches, and what a kernel would do
//!   to a process that runs out of memory. Who tunes memory to the last kilobyte would notice.
//!
//! No checker or verdict lives here: the cluster does not know that it is watched.

#![deny(clippy::float_arithmetic)]

pub mod app;
mod backlog;
mod channel;
pub mod client;
mod config;
pub mod connector;
pub mod control;
pub mod database;
mod journal;
mod layout;
mod link;
pub mod manager;
mod probes;
mod protocol;
mod records;
pub mod satellite;
pub mod target;

pub use channel::Frame;
pub use config::{CLEARED_MAX, ClusterMap, ControlMap, LegSpec, Timing, VolumeSpec};
pub use journal::{Entry, Header, Part};
pub use layout::{Extent, IntentMap, Superblock};
pub use probes::{BUGGIFY_SITES, PROBES};
pub use protocol::{
    LegMode, LegReport, LegStatus, Modes, Occupant, Places, Service, Topology, Wire,
};
pub use records::{
    FalselySaid, Finding, ForeignDisk, LegSlow, Overlooked, RegionRecovered, ScrubFound,
    WriteMissing,
};
pub use satellite::SatelliteTiming;
pub use target::METADATA_READS;
