//! The reference cluster: applications, clients with their RAID 1 data service, targets, a manager.
//!
//! It sees only the simulators' ports. `protocol` is what its nodes say to each other, `layout` what
//! they put on disks, `config` how long they wait. Each kind of node has a folder with a `boot` function.
//! No checker or verdict lives here: the cluster does not know that it is watched.

#![deny(clippy::float_arithmetic)]

pub mod app;
pub mod client;
mod config;
mod layout;
mod link;
pub mod manager;
mod probes;
mod protocol;
mod records;
pub mod target;

pub use config::{ClusterMap, LegSpec, Timing, VolumeSpec};
pub use layout::{Extent, IntentMap, Superblock};
pub use probes::{BUGGIFY_SITES, PROBES};
pub use protocol::{LegMode, LegReport, LegStatus, MAX_LEGS, Modes, Service, Topology, Wire};
pub use records::{
    LegReported, OwnerGranted, RegionRecovered, RegistrationStarted, TopologyDecided,
    TopologyPersisted,
};
