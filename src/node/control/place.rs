//! Where a resource comes to be: on the nodes that are named, or on distinct ones with most room. Stores nothing.

use std::cmp::Reverse;

use super::code::{Detail, ObjectKind, Operation, ReturnCode, Severity};
use super::config::Config;
use super::execute::{Surroundings, known_definition, known_node, pool_name, refusal};
use super::name::{NodeName, ResourceName, StoragePoolName};
use super::reply::{Reply, ReplyList, refs};
use super::request::Request;

/// A storage pool of a node, with what is free of it.
type Room = (NodeName, StoragePoolName, u64);

/// Puts a resource on nodes.
pub(super) fn create(
    config: &mut Config,
    around: &Surroundings,
    request: &Request,
) -> Result<ReplyList, Box<Reply>> {
    let Request::CreateResource { definition, node, pool, place } = request else {
        unreachable!("it is called for this request alone")
    };
    let shown = node.as_ref().map_or_else(String::new, |node| format!(" on node `{node}`"));
    let what = format!("Resource `{definition}`{shown}");
    let name = known_definition((config, request), &what, definition)?;
    let about = |reply: Reply| reply.about(refs::RESOURCE_DEFINITION, &name);
    let refuse = |detail, cause: String| about(*refusal(request, &what, detail, &cause));
    let needed = Config::needed(&config.definitions[&name]);
    let chosen = match (node, place) {
        (Some(node), None) => {
            vec![named(config, (request, &what), (node, pool.as_deref()), (&name, needed))?]
        }
        (None, Some(count)) => {
            let chosen = choose(config, (&name, needed), *count);
            chosen.map_err(|(detail, cause)| Box::new(refuse(detail, cause)))?
        }
        _ => {
            let cause = "Exactly one of `node` and `place` is to be given.".to_owned();
            let reply = refuse(Detail::MissingParameter, cause);
            let correction = "Name a node, or say on how many nodes the resource is to be.";
            return Err(Box::new(reply.correction(correction)));
        }
    };
    let mut replies = Vec::new();
    for (at, pool, _) in chosen {
        let Some(id) = config.free_id(&name) else {
            let cause = "A resource has at most 32 nodes.".to_owned();
            return Err(Box::new(refuse(Detail::NoReplicaIdLeft, cause)));
        };
        config.place(&name, &at, &pool, id);
        let details = format!("It is in storage pool `{pool}`, with node id {id}.");
        let message = format!("Resource `{name}` on node `{at}` was created.");
        let reply = Reply::done(Operation::Create, ObjectKind::Resource, message);
        replies.push(about(reply).details(details).about(refs::NODE, &at));
        if !around.online.contains(&at) {
            replies.push(about(offline(&name, &at)).about(refs::NODE, &at));
        }
    }
    Ok(replies)
}

fn offline(name: &ResourceName, at: &NodeName) -> Reply {
    let (operation, object) = (Operation::Create, ObjectKind::Resource);
    let (severity, detail) = (Severity::Warning, Detail::Outdated);
    let code = ReturnCode { severity, operation, object, detail };
    let message = format!("Resource `{name}` is not on node `{at}` yet.");
    Reply::new(code, message)
        .cause("The node is not connected.")
        .correction("Nothing is to be done: it is brought there when the node connects.")
}

/// The pool on a node that was named.
fn named(
    config: &Config,
    (request, what): (&Request, &str),
    (node, pool): (&str, Option<&str>),
    (name, needed): (&ResourceName, u64),
) -> Result<Room, Box<Reply>> {
    let (at, _) = known_node((config, request), what, node)?;
    let about = |reply: Reply| reply.about(refs::NODE, &at).about(refs::RESOURCE_DEFINITION, name);
    if config.resources.contains_key(&(name.clone(), at.clone())) {
        let cause = "The resource is on the node already.";
        return Err(Box::new(about(*refusal(request, what, Detail::ResourceExists, cause))));
    }
    let pools = rooms(config).into_iter().filter(|(on, ..)| *on == at);
    let found = match pool {
        None => pools.max_by_key(|(_, name, free)| (*free, Reverse(name.clone()))),
        Some(pool) => {
            let pool = pool_name(request, what, pool)?;
            pools.into_iter().find(|(_, name, _)| *name == pool)
        }
    };
    let Some(found) = found else {
        let cause = "There is no such storage pool on the node.";
        let reply = about(*refusal(request, what, Detail::NoStoragePool, cause));
        let reply = reply.correction("Create the storage pool first.");
        return Err(Box::new(reply.about(refs::STORAGE_POOL, pool.unwrap_or("any"))));
    };
    if found.2 < needed {
        let cause = format!("It takes {needed} KiB, and `{}` has {} KiB free.", found.1, found.2);
        let reply = about(*refusal(request, what, Detail::NoSpace, &cause));
        return Err(Box::new(reply.about(refs::STORAGE_POOL, &found.1)));
    }
    Ok(found)
}

/// Pools on as many nodes as are asked for, each on another node: those with most room; among equals, by name.
fn choose(
    config: &Config,
    (name, needed): (&ResourceName, u64),
    count: u64,
) -> Result<Vec<Room>, (Detail, String)> {
    if count == 0 || count > 32 {
        let cause = format!("A resource is on 1 to 32 nodes, not on {count}.");
        return Err((Detail::ReplicaCount, cause));
    }
    let is_free = |at: &NodeName| !config.resources.contains_key(&(name.clone(), at.clone()));
    let mut rooms: Vec<Room> = rooms(config);
    rooms.retain(|(at, _, free)| is_free(at) && *free >= needed);
    rooms.sort_by_key(|(at, pool, free)| (Reverse(*free), at.clone(), pool.clone()));
    let mut chosen: Vec<Room> = Vec::new();
    for room in rooms {
        let is_new = chosen.iter().all(|(at, ..)| *at != room.0);
        if (chosen.len() as u64) < count && is_new {
            chosen.push(room);
        }
    }
    let found = chosen.len() as u64;
    if found < count {
        let cause = format!("{count} nodes are wanted, and {found} have {needed} KiB free.");
        return Err((Detail::NotEnoughNodes, cause));
    }
    Ok(chosen)
}

fn rooms(config: &Config) -> Vec<Room> {
    let pools = config.pools.keys();
    pools.map(|(at, pool)| (at.clone(), pool.clone(), config.free(at, pool))).collect()
}
