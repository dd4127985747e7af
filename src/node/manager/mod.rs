//! The manager: owns membership, epochs and leg modes; decides, persists, and only then tells.
//!
//! `machine` decides for one volume and touches nothing; `record` is what it decides on; `database`
//! keeps records on the manager's disk; `serve` runs the machines against the network.

mod database;
mod machine;
mod record;
mod serve;

use std::rc::Rc;

use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::sim::NodeHandle;

use super::config::ClusterMap;
use super::protocol::Wire;

pub use record::VolumeRecord;

/// Starts a manager whose database is on `drive`.
pub fn boot(handle: &NodeHandle, map: &Rc<ClusterMap>, port: Port<Wire>, drive: &Drive) {
    let handle = handle.clone();
    let serve = serve::run(handle.clone(), map.clone(), port, drive.clone());
    handle.spawn("manager", serve);
}
