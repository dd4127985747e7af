//! What actions and conditions of a program's own may see of a simulation. Changes nothing.

use std::any::Any;

use crate::base::history::VolumeState;
use crate::base::{DiskId, Nanos, NodeId};
use crate::disk::control::Namespace;
use crate::net::Fabric;
use crate::node::Frame;
use crate::scenario::{DiskRef, NodeClass, NodeRef, Scenario};
use crate::sim::Kernel;
use crate::world::simulate::World;

/// A simulation, standing still between two turns.
#[derive(Clone, Copy)]
pub struct Look<'w> {
    pub(super) world: &'w World<'w>,
}

impl<'w> Look<'w> {
    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.world.stage.kernel.now()
    }

    /// The scenario that is played.
    #[must_use]
    pub fn scenario(&self) -> &'w Scenario {
        self.world.scenario
    }

    /// The kernel's control door.
    #[must_use]
    pub fn kernel(&self) -> &'w Kernel {
        &self.world.stage.kernel
    }

    /// The network's control door.
    #[must_use]
    pub fn fabric(&self) -> &'w Fabric<Frame> {
        &self.world.stage.fabric
    }

    /// A disk's control door.
    #[must_use]
    pub fn disk(&self, disk: DiskId) -> &'w Namespace {
        &self.world.stage.disks[disk.index()]
    }

    /// The node of this name. There is one, where the arguments' `places` told of it.
    #[must_use]
    pub fn node(&self, node: NodeRef) -> NodeId {
        self.world.stage.nodes.node(node)
    }

    /// The nodes of a class, in order.
    #[must_use]
    pub fn class(&self, class: NodeClass) -> Vec<NodeId> {
        self.world.stage.nodes.class(class)
    }

    /// The disk of this name. There is one, where the arguments' `places` told of it.
    #[must_use]
    pub fn disk_named(&self, disk: DiskRef) -> DiskId {
        self.world.stage.nodes.disk(disk)
    }

    /// The disks of a node; none, if it is no target.
    #[must_use]
    pub fn disks_of(&self, node: NodeId) -> Vec<DiskId> {
        self.world.stage.nodes.disks_of(node)
    }

    /// Whether a node has its power.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.kernel().is_up(node)
    }

    /// The state of a volume, as its manager last told; `None` where there is no such volume.
    #[must_use]
    pub fn volume_state(&self, name: &str) -> Option<VolumeState> {
        let at = self.world.scenario.volume_index(name)?;
        Some(self.world.conditions.volumes[at].state)
    }

    /// Operations of all applications that were acknowledged.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.world.watch.acked.get()
    }

    /// What actions of the program's own keep in this run, if any has kept a `T` so far ([`Scene::state`](super::Scene::state)).
    #[must_use]
    pub fn state<T: Any>(&self) -> Option<&'w T> {
        self.world.own.states.iter().find_map(|state| state.downcast_ref())
    }
}
