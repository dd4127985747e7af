//! Starts a manager. Decides nothing.

use std::rc::Rc;

use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::node::channel::Frame;
use crate::node::config::ClusterMap;
use crate::sim::NodeHandle;

use super::door::ManagerDoor;
use super::serve;

/// Starts a manager whose database is on `drive`, and which the `door` leads to.
pub fn boot(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
    (drive, door): (&Drive, &Rc<ManagerDoor>),
) {
    let handle = handle.clone();
    let serve = serve::run(handle.clone(), map.clone(), port, (drive.clone(), door.clone()));
    handle.spawn("manager", serve);
}
