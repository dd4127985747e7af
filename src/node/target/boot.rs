//! Starts a target and its tasks, and takes connections. Serves no block itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::NodeId;
use crate::base::planted;
use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::node::channel::Channel;
use crate::node::channel::Frame;
use crate::node::config::{ClusterMap, SESSION_BYTES};
use crate::node::probes;
use crate::node::protocol::Service;
use crate::node::satellite::{self, SatelliteHost};
use crate::sim::{JoinHandle, Memory, NodeHandle};

use super::caretaker::Caretaker;
use super::keeper;
use super::leg::Leg;
use super::link;
use super::serve;

/// What the tasks of a target share.
pub(super) struct Target {
    pub(super) handle: NodeHandle,
    pub(super) map: Rc<ClusterMap>,
    pub(super) port: Port<Frame>,
    pub(super) memory: Memory,
    pub(super) legs: Vec<Rc<Leg>>,
    pub(super) caretaker: Caretaker,
    /// The newest session of each client.
    sessions: RefCell<BTreeMap<NodeId, JoinHandle<()>>>,
}

impl Target {
    /// Ends the sessions of these clients, and with them all their commands: they connect anew.
    pub(super) fn end_sessions(&self, clients: &[NodeId]) {
        for client in clients {
            let session = self.sessions.borrow_mut().remove(client);
            if let Some(session) = session {
                session.abort();
            }
        }
    }
}

/// Starts a target that holds these disks, and the satellite beside it, where there is a controller.
pub fn boot(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
    drives: &[Drive],
    satellite: Option<&SatelliteHost>,
) {
    if let Some(host) = satellite {
        satellite::boot(handle, map, port.clone(), host);
    }
    let mut legs = Vec::new();
    for volume in &map.volumes {
        for (place, spec) in volume.places() {
            if spec.target != handle.node() {
                continue;
            }
            let drive = drives.iter().find(|drive| drive.id() == spec.disk);
            let drive = drive.expect("the map gives a target only legs on its own disks");
            legs.push(Rc::new(Leg::new(handle, volume, place, spec, drive.clone())));
        }
    }
    let caretaker = Caretaker::new(handle, map, &port);
    let target = Rc::new(Target {
        handle: handle.clone(),
        map: map.clone(),
        port,
        memory: handle.memory(),
        legs,
        caretaker,
        sessions: RefCell::new(BTreeMap::new()),
    });
    for leg in &target.legs {
        handle.spawn("target.keeper", keeper::run(target.clone(), leg.clone()));
    }
    handle.spawn("target.link", link::run(target.clone()));
    handle.spawn("target.accept", accept(target));
}

/// Takes clients' connections. A client that comes anew has given its earlier connection up: that one
/// ends first, with all its commands over, so that nothing it sent can land after what comes now.
async fn accept(target: Rc<Target>) {
    let listener = target.port.listen(Service::Data as u16);
    loop {
        let connection = listener.accept().await;
        let client = connection.peer();
        if crate::buggify!(target.handle, probes::SLOW_ACCEPT) {
            target.handle.sleep(target.map.timing.heartbeat).await;
        }
        let earlier = target.sessions.borrow_mut().remove(&client);
        if let Some(earlier) = earlier {
            crate::sometimes!(target.handle, !earlier.is_over(), probes::CLIENT_RECONNECTED);
            if !planted!(EarlierSessionLivesOn) {
                earlier.abort();
            }
        }
        let Ok(session) = target.memory.reserve(SESSION_BYTES) else {
            // The client tries again when it finds the connection closed.
            target.handle.sleep(target.map.timing.reconnect).await;
            connection.close();
            continue;
        };
        let serve =
            serve::run(target.clone(), Channel::new(connection, target.handle.probes()), session);
        let task = target.handle.spawn("target.serve", serve);
        target.sessions.borrow_mut().insert(client, task);
    }
}
