//! The controller's part of a random scenario: calls of its API, by their names, and what its database does. Draws no
//! call that does away with a volume that applications use.

use crate::scenario::action::{
    Action, ChangedNode, ChangedVolumeDefinition, CommitPhase, DatabaseOnly, FailCommit, Listing,
    Named, NewNode, NewResource, NewResourceDefinition, NewStoragePool, NewVolumeDefinition,
    PoolNamed, ResourceOn, SlowDatabase, VolumeNumbered,
};
use crate::scenario::amounts::Bytes;

use super::dice::Dice;
use super::script::Scene;

/// So few names that calls meet each other: what is made twice, what is done away with while it is used, what is missing.
pub(super) const RESOURCES: [&str; 3] = ["data", "logs", "Data"];
const NODES: [&str; 3] = ["spare1", "spare2", "SPARE1"];
const POOLS: [&str; 2] = ["fast", "big"];
const TYPES: [&str; 5] = ["Controller", "Satellite", "Combined", "Auxiliary", "Toaster"];

/// The call of this name.
pub(super) fn call(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    let listing = Listing { reply: None };
    match name {
        "api.create_node" | "api.modify_node" | "api.delete_node" => on_a_node(dice, name),
        "api.create_storage_pool" | "api.delete_storage_pool" => on_a_pool(dice, scene, name),
        "api.create_resource_definition" => {
            let port = dice.one_in(4).then(|| dice.amount((7_000, 7_003), &[0, 1, 70_000]) as u32);
            let name = resource(dice);
            Action::ApiCreateResourceDefinition(NewResourceDefinition { name, port, reply: None })
        }
        "api.delete_resource_definition" => {
            Action::ApiDeleteResourceDefinition(Named { name: resource(dice), reply: None })
        }
        "api.create_resource" => on_a_place(dice, scene),
        "api.delete_resource" => {
            let (resource_definition, node) = (resource(dice), node(dice, scene));
            Action::ApiDeleteResource(ResourceOn { resource_definition, node, reply: None })
        }
        "api.list_nodes" => Action::ApiListNodes(listing),
        "api.list_storage_pools" => Action::ApiListStoragePools(listing),
        "api.list_resource_definitions" => Action::ApiListResourceDefinitions(listing),
        "api.list_resources" => Action::ApiListResources(listing),
        "api.list_volumes" => Action::ApiListVolumes(listing),
        _ => on_a_volume(dice, name),
    }
}

fn resource(dice: &mut Dice) -> String {
    dice.pick(&RESOURCES).to_owned()
}

/// A target that there is, or a node that may have been made.
fn node(dice: &mut Dice, scene: &Scene<'_>) -> String {
    match dice.one_in(4) {
        true => dice.pick(&NODES).to_owned(),
        false => format!("t{}", dice.between(0, u64::from(scene.cluster.targets) - 1)),
    }
}

fn on_a_node(dice: &mut Dice, name: &str) -> Action {
    let (node, node_type) = (dice.pick(&NODES).to_owned(), dice.pick(&TYPES).to_owned());
    match name {
        "api.create_node" => {
            let node_type = dice.one_in(2).then_some(node_type);
            Action::ApiCreateNode(NewNode { name: node, node_type, reply: None })
        }
        "api.modify_node" => {
            Action::ApiModifyNode(ChangedNode { name: node, node_type, reply: None })
        }
        _ => Action::ApiDeleteNode(Named { name: node, reply: None }),
    }
}

fn on_a_pool(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    let (node, pool) = (node(dice, scene), dice.pick(&POOLS).to_owned());
    match name {
        "api.create_storage_pool" => Action::ApiCreateStoragePool(NewStoragePool {
            node,
            name: pool,
            capacity: Bytes::mebibytes(dice.amount((1, 64), &[0, 1 << 20])),
            reply: None,
        }),
        _ => Action::ApiDeleteStoragePool(PoolNamed { node, name: pool, reply: None }),
    }
}

fn on_a_place(dice: &mut Dice, scene: &Scene<'_>) -> Action {
    let pools = ["disk0", POOLS[0], POOLS[1]];
    let (resource_definition, is_placed) = (resource(dice), dice.one_in(2));
    let place = is_placed.then(|| dice.amount((1, 3), &[0, 40]) as u32);
    let node = (!is_placed).then(|| node(dice, scene));
    let storage_pool = dice.one_in(3).then(|| dice.pick(&pools).to_owned());
    let new = NewResource { resource_definition, node, storage_pool, place, reply: None };
    Action::ApiCreateResource(new)
}

fn on_a_volume(dice: &mut Dice, name: &str) -> Action {
    let (resource_definition, volume) = (resource(dice), dice.between(0, 2) as u32);
    let size = Bytes::mebibytes(dice.amount((1, 4), &[0, (1 << 30) - 1]));
    match name {
        "api.create_volume_definition" => {
            let volume = dice.one_in(2).then_some(volume);
            let new = NewVolumeDefinition { resource_definition, volume, size, reply: None };
            Action::ApiCreateVolumeDefinition(new)
        }
        "api.modify_volume_definition" => {
            let changed =
                ChangedVolumeDefinition { resource_definition, volume, size, reply: None };
            Action::ApiModifyVolumeDefinition(changed)
        }
        _ => Action::ApiDeleteVolumeDefinition(VolumeNumbered {
            resource_definition,
            volume,
            reply: None,
        }),
    }
}

/// What the database does.
pub(super) fn by_the_database(dice: &mut Dice, name: &str) -> Action {
    match name {
        "database.down" => Action::DatabaseDown(DatabaseOnly {}),
        "database.slow" => {
            let factor = dice.amount((2, 200), &[10_000]) as u32;
            Action::DatabaseSlow(SlowDatabase { factor })
        }
        _ => Action::DatabaseFailCommit(FailCommit {
            phase: dice.pick(CommitPhase::ALL),
            count: dice.amount((1, 4), &[1, 100]) as u32,
        }),
    }
}
