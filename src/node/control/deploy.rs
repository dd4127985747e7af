//! What of the configuration is on its way to whom: each satellite is told all that it is to have, whenever that has changed
//! and whenever it connects; volumes are given to clients when all their resources are brought about. Stores nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::config::Config;
use super::execute::Surroundings;
use super::name::{NodeName, ResourceName, StoragePoolName};
use super::rows::{Rows, fingerprint};
use super::satellites::{News, Satellite};
use super::serve::{Desk, Order};
use crate::base::control::{ControllerDeploys, SatelliteStanding, SatelliteStatus};
use crate::base::planted;
use crate::base::{NodeId, VolumeId};
use crate::node::satellite::Stage;

/// A target, and what is known of it.
struct Target {
    name: NodeName,
    satellite: Rc<Satellite>,
    /// What it is to have, and as of which version.
    wanted: Option<(u64, Rc<Rows>)>,
    status: SatelliteStatus,
    /// Resources that are as they are to be, as its satellite told last.
    deployed: BTreeSet<String>,
}

/// What is on its way to whom.
pub(super) struct Deployment {
    desk: Rc<Desk>,
    targets: BTreeMap<NodeId, Target>,
    /// Volumes that clients are given.
    served: Vec<VolumeId>,
}

impl Deployment {
    pub(super) fn new(desk: &Rc<Desk>) -> Self {
        let targets = desk.control.targets.iter().map(|(id, name)| {
            let satellite = Satellite::new(desk, *id, name);
            let name = NodeName::new(name).expect("a target's name is a host name");
            let (wanted, status, deployed) = (None, SatelliteStatus::Offline, BTreeSet::new());
            (*id, Target { name, satellite, wanted, status, deployed })
        });
        Self { desk: desk.clone(), targets: targets.collect(), served: Vec::new() }
    }

    /// The satellites.
    pub(super) fn satellites(&self) -> Vec<Rc<Satellite>> {
        self.targets.values().map(|target| target.satellite.clone()).collect()
    }

    /// A target has been heard of: what it was told before does not count.
    pub(super) fn target_back(&self, target: NodeId) {
        if let Some(it) = self.targets.get(&target) {
            it.satellite.call();
        }
    }

    /// There is news of a satellite. Whether more can be done now than before.
    pub(super) fn heard(&mut self, target: NodeId, news: News, around: &mut Surroundings) -> bool {
        let Some(it) = self.targets.get_mut(&target) else { return false };
        match news {
            News::Stands(status) => {
                if it.status != status {
                    it.status = status;
                    self.desk.handle.emit(&SatelliteStanding { target, status });
                }
                if status == SatelliteStatus::Online {
                    around.online.insert(it.name.clone());
                } else {
                    around.online.remove(&it.name);
                    it.deployed.clear();
                }
                around.statuses.insert(it.name.clone(), status);
                false
            }
            News::Deployed(version, standings) => {
                let is_current = it.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == version);
                let done = standings.iter().filter(|(_, it)| it.stage == Stage::Deployed);
                let done = done.map(|(key, _)| key.clone());
                it.deployed = if is_current { done.collect() } else { BTreeSet::new() };
                around.standings.insert(it.name.clone(), standings);
                is_current
            }
        }
    }

    /// Whoever is to be told anything is told by another controller.
    pub(super) fn let_go(&self) {
        self.targets.values().for_each(|target| target.satellite.let_go());
    }

    /// Clients are given this volume.
    pub(super) fn served(&mut self, volume: VolumeId) {
        if !self.served.contains(&volume) {
            self.served.push(volume);
        }
    }

    /// The resources that clients are given as volumes, with the nodes that they are to be on.
    pub(super) fn volumes(&self) -> BTreeMap<ResourceName, BTreeSet<NodeName>> {
        let volumes = self.desk.map.volumes.iter().filter_map(|volume| {
            let name = ResourceName::new(&self.desk.control.volumes[volume.id.index()]).ok()?;
            let nodes = volume.legs.iter().filter_map(|leg| self.targets.get(&leg.target));
            Some((name, nodes.map(|target| target.name.clone()).collect()))
        });
        volumes.collect()
    }

    /// The configuration is another: tells whoever is to be told, and has volumes served that are complete.
    pub(super) fn deploy(&mut self, config: &Config, version: u64) {
        for (id, target) in &mut self.targets {
            let part = config.rows_of(&target.name);
            let has_shrunk =
                target.wanted.as_ref().is_some_and(|(_, wanted)| wanted.len() > part.len());
            if target.wanted.as_ref().is_none_or(|(_, wanted)| **wanted != part) {
                let fingerprint = fingerprint(&part);
                self.desk.handle.emit(&ControllerDeploys { target: *id, version, fingerprint });
                let part = Rc::new(part);
                target.wanted = Some((version, part.clone()));
                if !(has_shrunk && planted!(DeletedStaysDeployed)) {
                    target.satellite.want(version, part);
                }
            }
        }
        self.serve(config);
    }

    /// Has volumes served that are complete.
    pub(super) fn serve(&self, config: &Config) {
        for volume in &self.desk.map.volumes {
            if !self.served.contains(&volume.id) && self.is_complete(config, volume.id) {
                (self.desk.orders)(Order::Serve(volume.id));
            }
        }
    }

    /// Whether all resources are configured that a volume has its legs in, and brought about on their targets.
    fn is_complete(&self, config: &Config, volume: VolumeId) -> bool {
        let control = &self.desk.control;
        let Ok(name) = ResourceName::new(&control.volumes[volume.index()]) else { return false };
        let legs = &self.desk.map.volume(volume).legs;
        legs.iter().all(|leg| {
            let Some(target) = self.targets.get(&leg.target) else { return false };
            let found = config.resources.get(&(name.clone(), target.name.clone()));
            let is_there = target.deployed.contains(name.key());
            // Legs that share a target share its resource.
            let here = legs.iter().filter(|other| other.target == leg.target);
            let mut pools =
                here.filter_map(|it| StoragePoolName::new(&control.pools[it.disk.index()]).ok());
            is_there && found.is_some_and(|resource| pools.any(|pool| pool == resource.pool))
        })
    }
}
