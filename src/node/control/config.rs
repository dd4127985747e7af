//! The configuration of a cluster: nodes, storage pools, resource and volume definitions, resources and volumes, and the
//! calls that made them. A plain value; whoever wants to change it changes a copy, and has it stored first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::name::{NodeName, ResourceName, StoragePoolName};
use super::number::{
    GrossSize, MinorNumber, PeerCount, ReplicaId, TcpPort, VolumeNumber, VolumeSize,
};
use super::request::CallId;

/// So many calls are remembered, in case they are asked again.
const CALLS_KEPT: usize = 64;

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeType {
    /// It runs the controller.
    Controller,
    /// It has storage.
    Satellite,
    /// Both.
    Combined,
    /// Neither: it is known by name only.
    Auxiliary,
}

impl NodeType {
    const ALL: [Self; 4] = [Self::Controller, Self::Satellite, Self::Combined, Self::Auxiliary];

    /// The type of this name, whatever its case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.to_string().eq_ignore_ascii_case(name))
    }

    /// Whether it may have storage pools.
    #[must_use]
    pub const fn has_storage(self) -> bool {
        matches!(self, Self::Satellite | Self::Combined)
    }
}

impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A resource as it is defined, wherever it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceDefinition {
    /// Where it listens.
    pub port: TcpPort,
    /// Its volumes.
    pub volumes: BTreeMap<VolumeNumber, VolumeDefinition>,
}

/// A volume as it is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeDefinition {
    /// Its size.
    pub size: VolumeSize,
    /// The number of its block device.
    pub minor: MinorNumber,
}

/// A resource on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Where its volumes are stored.
    pub pool: StoragePoolName,
    /// What tells it from the others of its definition.
    pub id: ReplicaId,
    /// Its volumes, with what each takes of the pool.
    pub volumes: BTreeMap<VolumeNumber, GrossSize>,
}

/// What a call came to that was done: what its caller is told if it asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The return code.
    pub code: i64,
    /// The message.
    pub message: String,
}

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Nodes.
    pub nodes: BTreeMap<NodeName, NodeType>,
    /// Storage pools, with how much fits, in KiB.
    pub pools: BTreeMap<(NodeName, StoragePoolName), u64>,
    /// Resource definitions.
    pub definitions: BTreeMap<ResourceName, ResourceDefinition>,
    /// Resources.
    pub resources: BTreeMap<(ResourceName, NodeName), Resource>,
    /// The last calls that changed something.
    pub calls: BTreeMap<CallId, Outcome>,
}

impl Config {
    /// How much of a pool is free, in KiB.
    #[must_use]
    pub fn free(&self, node: &NodeName, pool: &StoragePoolName) -> u64 {
        let capacity = self.pools.get(&(node.clone(), pool.clone())).copied().unwrap_or(0);
        let here = self.resources.iter().filter(|((_, at), it)| at == node && it.pool == *pool);
        let taken: u64 = here.flat_map(|(_, it)| it.volumes.values()).map(|size| size.get()).sum();
        capacity.saturating_sub(taken)
    }

    /// The resources of a definition, by node.
    pub fn replicas<'a>(
        &'a self,
        of: &'a ResourceName,
    ) -> impl Iterator<Item = (&'a NodeName, &'a Resource)> {
        self.resources.iter().filter(move |((name, _), _)| name == of).map(|((_, at), it)| (at, it))
    }

    /// What a resource of this definition takes of a pool, in KiB.
    #[must_use]
    pub fn needed(definition: &ResourceDefinition) -> u64 {
        definition.volumes.values().map(|it| it.size.gross(PeerCount::MAX).get()).sum()
    }

    /// Puts a resource where it is to be, with all volumes of its definition.
    pub fn place(
        &mut self,
        of: &ResourceName,
        at: &NodeName,
        pool: &StoragePoolName,
        id: ReplicaId,
    ) {
        let defined = &self.definitions[of].volumes;
        let gross = |it: &VolumeDefinition| it.size.gross(PeerCount::MAX);
        let volumes = defined.iter().map(|(number, it)| (*number, gross(it))).collect();
        let resource = Resource { pool: pool.clone(), id, volumes };
        self.resources.insert((of.clone(), at.clone()), resource);
    }

    /// A node id that no resource of the definition has.
    #[must_use]
    pub fn free_id(&self, of: &ResourceName) -> Option<ReplicaId> {
        let taken: BTreeSet<ReplicaId> = self.replicas(of).map(|(_, it)| it.id).collect();
        ReplicaId::all().find(|id| !taken.contains(id))
    }

    /// A minor number that no volume has.
    #[must_use]
    pub fn free_minor(&self) -> Option<MinorNumber> {
        let volumes = self.definitions.values().flat_map(|it| it.volumes.values());
        let taken: BTreeSet<MinorNumber> = volumes.map(|it| it.minor).collect();
        // The first thousand are left to others on the node.
        MinorNumber::all().skip(1000).find(|minor| !taken.contains(minor))
    }

    /// Whether a resource listens on a port already.
    #[must_use]
    pub fn is_taken(&self, port: TcpPort) -> bool {
        self.definitions.values().any(|it| it.port == port)
    }

    /// Remembers a call that changed something.
    pub fn remember(&mut self, call: CallId, outcome: Outcome) {
        self.calls.insert(call, outcome);
        while self.calls.len() > CALLS_KEPT {
            self.calls.pop_first();
        }
    }
}
