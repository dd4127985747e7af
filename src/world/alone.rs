//! One node of a scenario's cluster alone, as it runs in a process of its own: the other nodes are elsewhere, its disks
//! outlive it, and there is no fault and no check. Moves no time and carries no message.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::{Nanos, NodeId};
use crate::disk::DiskConfig;
use crate::disk::backing::Backing;
use crate::disk::control::Namespace;
use crate::disk::port::Drive;
use crate::net::Fabric;
use crate::node::client::{self, DataService};
use crate::node::manager::ManagerDisks;
use crate::node::{ClusterMap, Frame, Timing, manager, target};
use crate::scenario::{NodeClass, NodeRef, Scenario};
use crate::sim::Kernel;

use super::build::{NodeTable, Stage, unmanned};
use super::report::RunOptions;

/// How much longer than in the simulation nodes wait for each other, where the clock is the wall's.
const SLOWER: u64 = 100;

/// A node, and stand-ins for all others that run nothing.
pub struct Alone {
    /// What runs it.
    pub kernel: Kernel,
    /// Over which it reaches the stand-ins.
    pub fabric: Rc<Fabric<Frame>>,
    /// The cluster as it knows it.
    pub map: Rc<ClusterMap>,
    /// The node.
    pub node: NodeId,
    nodes: NodeTable,
    service: Rc<RefCell<Option<DataService>>>,
}

impl std::fmt::Debug for Alone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alone({})", self.node)
    }
}

impl Alone {
    /// The stand-in of a node, or the node itself.
    #[must_use]
    pub fn id(&self, node: NodeRef) -> NodeId {
        self.nodes.node(node)
    }

    /// Whether it is a node of the cluster, and another one than this.
    #[must_use]
    pub fn is_other(&self, node: NodeId) -> bool {
        node != self.node && self.nodes.class(NodeClass::Node).contains(&node)
    }

    /// The data service, if the node is a client.
    #[must_use]
    pub fn service(&self) -> Option<DataService> {
        self.service.borrow().clone()
    }
}

/// The disks of a node by their names, such as `t0/d0`: a target's, or the one that holds a manager's records.
#[must_use]
pub fn disks_of(scenario: &Scenario, node: NodeRef) -> Vec<(String, u64)> {
    let stage = unmanned(scenario, 0, &RunOptions::default());
    let disks = disks_in(&stage, node).into_iter();
    disks.map(|at| (stage.names.disks[at].clone(), stage.disks[at].config().blocks)).collect()
}

fn disks_in(stage: &Stage, node: NodeRef) -> Vec<usize> {
    let targets = stage.nodes.target_disks().count();
    match node.class() {
        NodeClass::Target => {
            let id = stage.nodes.node(node);
            stage.nodes.disks_of(id).into_iter().map(|disk| disk.index()).collect()
        }
        NodeClass::Manager => vec![targets + usize::from(node.index())],
        NodeClass::Client | NodeClass::Database | NodeClass::Node => Vec::new(),
    }
}

/// Starts a node of a scenario, with its disks in the order of [`disks_of`]. `seed` must be another one each time.
#[must_use]
pub fn alone(
    scenario: &Scenario,
    node: NodeRef,
    seed: u64,
    backings: Vec<Box<dyn Backing>>,
) -> Alone {
    let mut stage = unmanned(scenario, seed, &RunOptions::default());
    let timing = Timing::default().slower(SLOWER);
    let map = Rc::new(ClusterMap { volatile_caches: false, timing, ..(*stage.map).clone() });
    for (at, backing) in disks_in(&stage, node).into_iter().zip(backings) {
        let (id, config) = (stage.disks[at].id(), at_once(stage.disks[at].config()));
        stage.disks[at] = Namespace::kept_by(&stage.kernel, id, config, backing);
    }
    let service = Rc::default();
    let id = stage.nodes.node(node);
    match node.class() {
        NodeClass::Target => man_target(&stage, &map, node),
        NodeClass::Manager => man_manager(&stage, &map, node),
        _ => man_client(&stage, &map, id, &service),
    }
    for node in stage.nodes.class(NodeClass::Node) {
        stage.kernel.boot(node);
    }
    let Stage { kernel, fabric, nodes, .. } = stage;
    Alone { kernel, fabric, map, node: id, nodes, service }
}

/// The disk itself takes its time: the simulation adds none.
fn at_once(config: &DiskConfig) -> DiskConfig {
    let none = (Nanos::ZERO, Nanos::ZERO);
    DiskConfig {
        read: none,
        write: none,
        flush: none,
        volatile_cache: false,
        protection: false,
        ..config.clone()
    }
}

fn man_target(stage: &Stage, map: &Rc<ClusterMap>, node: NodeRef) {
    let drives: Vec<Drive> =
        disks_in(stage, node).into_iter().map(|at| stage.disks[at].drive()).collect();
    let (map, fabric) = (map.clone(), stage.fabric.clone());
    stage.kernel.on_boot(stage.nodes.node(node), move |handle| {
        target::boot(&handle, &map, fabric.port(&handle), &drives, None);
    });
}

fn man_manager(stage: &Stage, map: &Rc<ClusterMap>, node: NodeRef) {
    let at = usize::from(node.index());
    let (drive, connectors) = (stage.records_disks()[at].drive(), stage.connectors[at].clone());
    // There is no controller that would report anything.
    let disks = ManagerDisks { records: drive.clone(), reports: drive };
    let (map, fabric, door) = (map.clone(), stage.fabric.clone(), stage.manager_door.clone());
    stage.kernel.on_boot(stage.nodes.node(node), move |handle| {
        let port = fabric.port(&handle);
        manager::boot(&handle, &map, port, (&disks, &door, &connectors), None);
    });
}

fn man_client(
    stage: &Stage,
    map: &Rc<ClusterMap>,
    node: NodeId,
    service: &Rc<RefCell<Option<DataService>>>,
) {
    let (map, fabric, service) = (map.clone(), stage.fabric.clone(), service.clone());
    stage.kernel.on_boot(node, move |handle| {
        *service.borrow_mut() = Some(client::boot(&handle, &map, fabric.port(&handle)));
    });
}
