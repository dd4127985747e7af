//! What of the configuration is on its way to whom: each target is told all that it is to have, whenever that has changed
//! and whenever it connects; volumes are given to clients when all their resources are there. Stores nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::config::Config;
use super::execute::Surroundings;
use super::name::{NodeName, ResourceName, StoragePoolName};
use super::rows::{Rows, Table, fingerprint};
use super::serve::{Desk, Order};
use crate::base::control::ControllerDeploys;
use crate::base::planted;
use crate::base::{NodeId, VolumeId};
use crate::node::protocol::Wire;

/// A target, and what is known of it.
struct Target {
    name: NodeName,
    is_connected: bool,
    /// What it is to have, and as of which version.
    wanted: Option<(u64, Rc<Rows>)>,
    /// Whether it was told.
    is_told: bool,
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
            let name = NodeName::new(name).expect("a target's name is a host name");
            (*id, Target { name, is_connected: false, wanted: None, is_told: false })
        });
        Self { desk: desk.clone(), targets: targets.collect(), served: Vec::new() }
    }

    /// A target has connected: what it was told before does not count.
    pub(super) fn target_back(&mut self, target: NodeId) {
        if let Some(it) = self.targets.get_mut(&target) {
            it.is_connected = true;
            it.is_told = false;
        }
    }

    /// A target is gone.
    pub(super) fn target_gone(&mut self, target: NodeId, around: &mut Surroundings) {
        if let Some(it) = self.targets.get_mut(&target) {
            it.is_connected = false;
            it.is_told = false;
            around.online.remove(&it.name);
        }
    }

    /// A target has what it is to have as of this version.
    pub(super) fn synced(&mut self, target: NodeId, version: u64, around: &mut Surroundings) {
        let Some(it) = self.targets.get(&target) else { return };
        if it.is_connected && it.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == version) {
            around.online.insert(it.name.clone());
        }
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

    /// Tells whoever is to be told.
    pub(super) fn deploy(&mut self, config: &Config, version: u64) {
        for (id, target) in &mut self.targets {
            let part = part_of(config, &target.name);
            let has_shrunk =
                target.wanted.as_ref().is_some_and(|(_, wanted)| wanted.len() > part.len());
            if target.wanted.as_ref().is_none_or(|(_, wanted)| **wanted != part) {
                let fingerprint = fingerprint(&part);
                self.desk.handle.emit(&ControllerDeploys { target: *id, version, fingerprint });
                target.wanted = Some((version, Rc::new(part)));
                target.is_told = planted!(DeletedStaysDeployed) && has_shrunk;
            }
            if let (Some((version, rows)), true) = (&target.wanted, target.is_connected)
                && !target.is_told
            {
                let sync = Wire::Sync { version: *version, rows: rows.clone() };
                (self.desk.orders)(Order::Tell(*id, sync));
                target.is_told = true;
            }
        }
        for volume in &self.desk.map.volumes {
            if !self.served.contains(&volume.id) && self.is_complete(config, volume.id) {
                (self.desk.orders)(Order::Serve(volume.id));
            }
        }
    }

    /// Whether all resources are there that a volume has its legs in.
    fn is_complete(&self, config: &Config, volume: VolumeId) -> bool {
        let control = &self.desk.control;
        let Ok(name) = ResourceName::new(&control.volumes[volume.index()]) else { return false };
        let legs = &self.desk.map.volume(volume).legs;
        legs.iter().all(|leg| {
            let at = self.targets.get(&leg.target).map(|target| target.name.clone());
            let found = at.and_then(|at| config.resources.get(&(name.clone(), at)));
            // Legs that share a target share its resource.
            let here = legs.iter().filter(|other| other.target == leg.target);
            let mut pools =
                here.filter_map(|it| StoragePoolName::new(&control.pools[it.disk.index()]).ok());
            found.is_some_and(|resource| pools.any(|pool| pool == resource.pool))
        })
    }
}

/// What a node is to have: its resources and their volumes.
fn part_of(config: &Config, node: &NodeName) -> Rows {
    let here = config.resources.iter().filter(|((_, at), _)| at == node);
    let part = Config {
        resources: here.map(|(at, it)| (at.clone(), it.clone())).collect(),
        ..Config::default()
    };
    let mut rows = part.rows();
    rows.retain(|(table, _), _| matches!(table, Table::Resources | Table::Volumes));
    rows
}
