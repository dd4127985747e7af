//! A client: attaches volumes and serves applications' IO on them (RAID 1).
//!
//! `volume` is what the client knows of a volume, `io` the data service, `locks` the range locks,
//! `rebuild` brings legs back together, `monitor` notices what fails to happen, `calls` are requests
//! under way, `target_link` and `manager_link` the connections.

mod calls;
mod intent;
mod io;
mod locks;
mod manager_link;
mod monitor;
mod rebuild;
mod target_link;
mod volume;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::{NodeId, VolumeId};
use crate::net::port::Port;
use crate::sim::NodeHandle;

use super::config::ClusterMap;
use super::protocol::Wire;
use calls::Calls;
use target_link::TargetLink;
use volume::Volume;

pub use io::{BlockDevice, IoError};

/// What the tasks of a client share.
struct Client {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Wire>,
    /// Tells this life of the client from any other.
    session: u64,
    calls: Calls,
    links: BTreeMap<NodeId, Rc<TargetLink>>,
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
