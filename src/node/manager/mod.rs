//! The manager: owns membership, epochs and leg modes; decides, persists, and only then tells.
//!
//! `machine` decides for one volume and touches nothing; `record` is what it decides on; `database`
//! keeps records on the manager's disk; `serve` runs the machines against the network.

mod boot;
#[cfg(test)]
mod cache_stories;
#[cfg(test)]
mod claim_stories;
mod claims;
mod database;
mod machine;
mod record;
#[cfg(test)]
mod rig;
mod serve;
#[cfg(test)]
mod stories;

pub use boot::boot;
pub use record::VolumeRecord;
