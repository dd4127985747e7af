//! Starts a client and its tasks. What they do is in their own files.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::{NodeId, VolumeId};
use crate::net::port::Port;
use crate::node::config::ClusterMap;
use crate::node::protocol::Wire;
use crate::sim::NodeHandle;

use super::calls::Calls;
use super::intent;
use super::io::BlockDevice;
use super::manager_link;
use super::monitor;
use super::rebuild;
use super::target_link;
use super::target_link::TargetLink;
use super::volume::Volume;

/// What the tasks of a client share.
pub(super) struct Client {
    pub(super) handle: NodeHandle,
    pub(super) map: Rc<ClusterMap>,
    pub(super) port: Port<Wire>,
    /// Tells this life of the client from any other.
    pub(super) session: u64,
    pub(super) calls: Calls,
    pub(super) links: BTreeMap<NodeId, Rc<TargetLink>>,
}

/// Starts a client that attaches these volumes; gives a block device for each, in order.
pub fn boot(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Wire>,
    volumes: &[VolumeId],
) -> Vec<BlockDevice> {
    let legs = volumes.iter().flat_map(|volume| &map.volume(*volume).legs);
    let links =
        legs.map(|leg| (leg.target, Rc::new(TargetLink::new(handle, leg.target)))).collect();
    let client = Rc::new(Client {
        handle: handle.clone(),
        map: map.clone(),
        port,
        session: handle.rng("session").bits(),
        calls: Calls::new(handle.kernel()),
        links,
    });
    let volumes: Vec<Rc<Volume>> = volumes
        .iter()
        .map(|volume| Rc::new(Volume::new(client.clone(), map.volume(*volume))))
        .collect();
    for link in client.links.values() {
        let run = target_link::run(client.clone(), link.clone(), volumes.clone());
        handle.spawn("client.target", run);
    }
    handle.spawn("client.manager", manager_link::run(client.clone(), volumes.clone()));
    handle.spawn("client.monitor", monitor::run(client, volumes.clone()));
    for volume in &volumes {
        handle.spawn("client.recover", rebuild::recover(volume.clone()));
        handle.spawn("client.rebuild", rebuild::rebuild(volume.clone()));
        handle.spawn("client.clean", intent::clean(volume.clone()));
    }
    volumes.into_iter().map(BlockDevice::new).collect()
}
