//! What a call comes to: the configuration as it would be afterwards, and the reply; or why not. A plain function of the
//! configuration: stores nothing and tells nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::code::Detail;
use super::config::{Config, NodeType, ResourceDefinition, VolumeDefinition};
use super::list;
use super::name::{NodeName, ResourceName, StoragePoolName};
use super::number::{TcpPort, VolumeNumber, VolumeSize};
use super::place;
use super::reply::{Reply, ReplyList, refs};
use super::request::Request;
use crate::base::control::SatelliteStatus;
use crate::node::satellite::Standings;

/// What the controller knows besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Nodes that it is connected to, and that have what they are to have.
    pub online: BTreeSet<NodeName>,
    /// How it stands with the satellites that it has heard of.
    pub statuses: BTreeMap<NodeName, SatelliteStatus>,
    /// How the resources of each satellite stand, as it told last.
    pub standings: BTreeMap<NodeName, Rc<Standings>>,
    /// Resources that clients are given as volumes once they are on all of these nodes.
    pub volumes: BTreeMap<ResourceName, BTreeSet<NodeName>>,
}

impl Surroundings {
    /// Whether clients are given a resource, and may have it in use.
    fn serves(&self, config: &Config, name: &ResourceName) -> bool {
        let on = |at: &NodeName| config.resources.contains_key(&(name.clone(), at.clone()));
        self.volumes.get(name).is_some_and(|nodes| nodes.iter().all(on))
    }
}

/// The configuration afterwards, if it is another, with the reply; or the reply that says why not.
pub type Executed = Result<(Option<Config>, ReplyList), Box<Reply>>;

/// Does what is asked, on a copy.
pub fn execute(config: &Config, around: &Surroundings, request: &Request) -> Executed {
    if request.is_query() {
        return Ok((None, list::list(config, around, request)));
    }
    let mut next = config.clone();
    let reply = change(&mut next, around, request)?;
    Ok((Some(next), reply))
}

type Done = Result<ReplyList, Box<Reply>>;

fn change(config: &mut Config, around: &Surroundings, request: &Request) -> Done {
    match request {
        Request::CreateNode { name, node_type } => {
            create_node(config, request, name, node_type.as_deref())
        }
        Request::ModifyNode { name, node_type } => modify_node(config, request, name, node_type),
        Request::DeleteNode { name } => delete_node(config, request, name),
        Request::CreateStoragePool { node, name, capacity } => {
            create_pool(config, request, (node, name), *capacity)
        }
        Request::DeleteStoragePool { node, name } => delete_pool(config, request, (node, name)),
        Request::CreateResourceDefinition { name, port } => {
            create_definition(config, request, name, *port)
        }
        Request::DeleteResourceDefinition { name } => {
            delete_definition(config, around, request, name)
        }
        Request::CreateVolumeDefinition { definition, number, size } => {
            create_volume(config, request, definition, (*number, *size))
        }
        Request::ModifyVolumeDefinition { definition, number, size } => {
            modify_volume(config, request, definition, (*number, *size))
        }
        Request::DeleteVolumeDefinition { definition, number } => {
            delete_volume(config, request, definition, *number)
        }
        Request::CreateResource { .. } => place::create(config, around, request),
        Request::DeleteResource { definition, node } => {
            delete_resource(config, around, request, (definition, node))
        }
        _ => unreachable!("queries change nothing"),
    }
}

/// That a request was not done, and why.
pub(super) fn refusal(request: &Request, what: &str, detail: Detail, cause: &str) -> Box<Reply> {
    let target = request.target();
    let verb = match target.0.name() {
        "create" => "created",
        "delete" => "deleted",
        _ => "modified",
    };
    let message = format!("{what} was not {verb}.");
    Box::new(Reply::failed(target, detail, message).cause(cause))
}

fn done(request: &Request, what: &str) -> Reply {
    let (operation, object) = request.target();
    let verb = match operation.name() {
        "create" => "created",
        "delete" => "deleted",
        _ => "modified",
    };
    Reply::done(operation, object, format!("{what} was {verb}."))
}

/// The valid name that a text is.
pub(super) fn node(request: &Request, what: &str, text: &str) -> Result<NodeName, Box<Reply>> {
    NodeName::new(text).map_err(|error| {
        let reply = refusal(request, what, Detail::InvalidNodeName, &error.to_string());
        Box::new(reply.correction("Give the node's host name.").about(refs::NODE, text))
    })
}

/// The node of this name, which there is.
pub(super) fn known_node(
    (config, request): (&Config, &Request),
    what: &str,
    text: &str,
) -> Result<(NodeName, NodeType), Box<Reply>> {
    let name = node(request, what, text)?;
    match config.nodes.get_key_value(&name) {
        Some((name, kind)) => Ok((name.clone(), *kind)),
        None => {
            let cause = format!("There is no node `{name}`.");
            let reply = refusal(request, what, Detail::NoNode, &cause);
            let correction = "Create the node first, or name one that `list_nodes` shows.";
            Err(Box::new(reply.correction(correction).about(refs::NODE, name)))
        }
    }
}

pub(super) fn pool_name(
    request: &Request,
    what: &str,
    text: &str,
) -> Result<StoragePoolName, Box<Reply>> {
    StoragePoolName::new(text).map_err(|error| {
        let reply = refusal(request, what, Detail::InvalidStoragePoolName, &error.to_string());
        Box::new(
            reply.correction("Give the storage pool another name.").about(refs::STORAGE_POOL, text),
        )
    })
}

fn resource_name(request: &Request, what: &str, text: &str) -> Result<ResourceName, Box<Reply>> {
    ResourceName::new(text).map_err(|error| {
        let reply = refusal(request, what, Detail::InvalidResourceName, &error.to_string());
        let reply = reply.correction("Give the resource another name.");
        Box::new(reply.about(refs::RESOURCE_DEFINITION, text))
    })
}

/// The resource definition of this name, which there is.
pub(super) fn known_definition(
    (config, request): (&Config, &Request),
    what: &str,
    text: &str,
) -> Result<ResourceName, Box<Reply>> {
    let name = resource_name(request, what, text)?;
    match config.definitions.get_key_value(&name) {
        Some((name, _)) => Ok(name.clone()),
        None => {
            let cause = format!("There is no resource definition `{name}`.");
            let reply = refusal(request, what, Detail::NoResourceDefinition, &cause);
            let correction = "Create the resource definition first.";
            Err(Box::new(reply.correction(correction).about(refs::RESOURCE_DEFINITION, name)))
        }
    }
}

fn node_type(request: &Request, what: &str, text: &str) -> Result<NodeType, Box<Reply>> {
    NodeType::of_name(text).ok_or_else(|| {
        let cause = format!("`{text}` is no type of node.");
        let reply = refusal(request, what, Detail::InvalidNodeType, &cause);
        Box::new(reply.correction("Use Controller, Satellite, Combined or Auxiliary."))
    })
}

fn create_node(config: &mut Config, request: &Request, text: &str, kind: Option<&str>) -> Done {
    let what = format!("Node `{text}`");
    let name = node(request, &what, text)?;
    let kind = kind.map_or(Ok(NodeType::Satellite), |kind| node_type(request, &what, kind))?;
    if config.nodes.contains_key(&name) {
        let cause = format!("There is a node `{name}` already.");
        let reply = refusal(request, &what, Detail::NodeExists, &cause);
        return Err(Box::new(reply.about(refs::NODE, name)));
    }
    config.nodes.insert(name.clone(), kind);
    Ok(vec![done(request, &what).details(format!("It is a {kind}.")).about(refs::NODE, name)])
}

fn modify_node(config: &mut Config, request: &Request, text: &str, kind: &str) -> Done {
    let what = format!("Node `{text}`");
    let (name, _) = known_node((config, request), &what, text)?;
    let kind = node_type(request, &what, kind)?;
    let has_pools = config.pools.keys().any(|(at, _)| *at == name);
    if has_pools && !kind.has_storage() {
        let cause = format!("It has storage pools, and a {kind} has none.");
        let reply = refusal(request, &what, Detail::InUse, &cause);
        let correction = "Delete its storage pools first.";
        return Err(Box::new(reply.correction(correction).about(refs::NODE, name)));
    }
    config.nodes.insert(name.clone(), kind);
    let details = format!("It is a {kind} now.");
    Ok(vec![done(request, &what).details(details).about(refs::NODE, name)])
}

fn delete_node(config: &mut Config, request: &Request, text: &str) -> Done {
    let what = format!("Node `{text}`");
    let (name, _) = known_node((config, request), &what, text)?;
    let resources = config.resources.keys().filter(|(_, at)| *at == name).count();
    let pools = config.pools.keys().filter(|(at, _)| *at == name).count();
    if resources + pools > 0 {
        let cause = format!("It has {pools} storage pools and {resources} resources.");
        let reply = refusal(request, &what, Detail::InUse, &cause);
        let correction = "Delete its resources first, then its storage pools.";
        return Err(Box::new(reply.correction(correction).about(refs::NODE, name)));
    }
    config.nodes.remove(&name);
    Ok(vec![done(request, &what).about(refs::NODE, name)])
}

fn create_pool(
    config: &mut Config,
    request: &Request,
    (at, text): (&str, &str),
    capacity: u64,
) -> Done {
    let what = format!("Storage pool `{text}` on node `{at}`");
    let name = pool_name(request, &what, text)?;
    let (at, kind) = known_node((config, request), &what, at)?;
    let about = |reply: Reply| reply.about(refs::NODE, &at).about(refs::STORAGE_POOL, &name);
    if !kind.has_storage() {
        let cause = format!("The node is a {kind}, which has no storage.");
        let reply = refusal(request, &what, Detail::InvalidNodeType, &cause);
        let correction = "Make it a Satellite or Combined first.";
        return Err(Box::new(about(*reply).correction(correction)));
    }
    let key = (at.clone(), name.clone());
    if config.pools.contains_key(&key) {
        let cause = format!("There is a storage pool `{name}` on the node already.");
        let reply = refusal(request, &what, Detail::StoragePoolExists, &cause);
        return Err(Box::new(about(*reply)));
    }
    config.pools.insert(key, capacity);
    Ok(vec![about(done(request, &what)).details(format!("It holds {capacity} KiB."))])
}

fn delete_pool(config: &mut Config, request: &Request, (at, text): (&str, &str)) -> Done {
    let what = format!("Storage pool `{text}` on node `{at}`");
    let name = pool_name(request, &what, text)?;
    let (at, _) = known_node((config, request), &what, at)?;
    let about = |reply: Reply| reply.about(refs::NODE, &at).about(refs::STORAGE_POOL, &name);
    let key = (at.clone(), name.clone());
    if !config.pools.contains_key(&key) {
        let reply =
            refusal(request, &what, Detail::NoStoragePool, "There is no such pool on the node.");
        return Err(Box::new(about(*reply)));
    }
    let here = config.resources.iter().filter(|((_, on), it)| *on == at && it.pool == name);
    let users = here.count();
    if users > 0 {
        let cause = format!("{users} resources are stored in it.");
        let reply = refusal(request, &what, Detail::InUse, &cause);
        return Err(Box::new(about(*reply).correction("Delete the resources first.")));
    }
    config.pools.remove(&key);
    Ok(vec![about(done(request, &what))])
}

fn create_definition(
    config: &mut Config,
    request: &Request,
    text: &str,
    port: Option<u64>,
) -> Done {
    let what = format!("Resource definition `{text}`");
    let name = resource_name(request, &what, text)?;
    let about = |reply: Reply| reply.about(refs::RESOURCE_DEFINITION, &name);
    let refuse = |detail, cause: &str, correction: &str| {
        Err(Box::new(about(*refusal(request, &what, detail, cause)).correction(correction)))
    };
    if config.definitions.contains_key(&name) {
        let cause = format!("There is a resource definition `{name}` already.");
        let correction = "Give it another name, or use the one that there is.";
        return refuse(Detail::ResourceDefinitionExists, &cause, correction);
    }
    let port = match port.map(TcpPort::new) {
        Some(Err(error)) => {
            let correction = "Leave the port out to be given a free one.";
            return refuse(Detail::InvalidPort, &format!("{error}."), correction);
        }
        Some(Ok(port)) if config.is_taken(port) => {
            let cause = format!("Another resource listens on port {port}.");
            let correction = "Leave the port out to be given a free one.";
            return refuse(Detail::InvalidPort, &cause, correction);
        }
        Some(Ok(port)) => Some(port),
        None => TcpPort::automatic().find(|port| !config.is_taken(*port)),
    };
    let Some(port) = port else {
        let cause = "All ports from 7000 to 7999 are taken.";
        return refuse(Detail::NoPortLeft, cause, "Name a port outside that range.");
    };
    config.definitions.insert(name.clone(), ResourceDefinition { port, volumes: BTreeMap::new() });
    Ok(vec![about(done(request, &what)).details(format!("It has port {port}."))])
}

fn delete_definition(
    config: &mut Config,
    around: &Surroundings,
    request: &Request,
    text: &str,
) -> Done {
    let what = format!("Resource definition `{text}`");
    let name = known_definition((config, request), &what, text)?;
    refuse_served((config, around), request, (&what, &name))?;
    let before = config.resources.len();
    config.resources.retain(|(of, _), _| *of != name);
    let gone = before - config.resources.len();
    config.definitions.remove(&name);
    let details = format!("Its resources on {gone} nodes were deleted with it.");
    Ok(vec![done(request, &what).details(details).about(refs::RESOURCE_DEFINITION, name)])
}

/// Clients may have what they are given at any time.
fn refuse_served(
    (config, around): (&Config, &Surroundings),
    request: &Request,
    (what, name): (&str, &ResourceName),
) -> Result<(), Box<Reply>> {
    if !around.serves(config, name) {
        return Ok(());
    }
    let cause = format!("Clients are given `{name}` as a volume, and may have it in use.");
    let reply = refusal(request, what, Detail::InUse, &cause);
    Err(Box::new(reply.about(refs::RESOURCE_DEFINITION, name)))
}

fn create_volume(
    config: &mut Config,
    request: &Request,
    definition: &str,
    (number, size): (Option<u64>, u64),
) -> Done {
    let shown = number.map_or_else(String::new, |number| format!(" {number}"));
    let what = format!("Volume definition{shown} of resource definition `{definition}`");
    let name = known_definition((config, request), &what, definition)?;
    let about = |reply: Reply| reply.about(refs::RESOURCE_DEFINITION, &name);
    let refuse =
        |detail, cause: String| Err(Box::new(about(*refusal(request, &what, detail, &cause))));
    let size = match VolumeSize::new(size) {
        Ok(size) => size,
        Err(error) => return refuse(Detail::InvalidVolumeSize, format!("{error}.")),
    };
    if config.replicas(&name).next().is_some() {
        let cause = "The resource is on nodes already, where the volume would be missing.";
        return refuse(Detail::InUse, cause.to_owned());
    }
    let taken = &config.definitions[&name].volumes;
    let number = match number.map(VolumeNumber::new) {
        Some(Err(error)) => return refuse(Detail::InvalidVolumeNumber, format!("{error}.")),
        Some(Ok(number)) if taken.contains_key(&number) => {
            let cause = format!("There is a volume definition {number} already.");
            return refuse(Detail::VolumeDefinitionExists, cause);
        }
        Some(Ok(number)) => Some(number),
        None => VolumeNumber::all().find(|number| !taken.contains_key(number)),
    };
    let Some(number) = number else {
        let cause = "All volume numbers of the definition are taken.";
        return refuse(Detail::NoVolumeNumberLeft, cause.to_owned());
    };
    let Some(minor) = config.free_minor() else {
        return refuse(Detail::NoMinorLeft, "All minor numbers are taken.".to_owned());
    };
    let volume = VolumeDefinition { size, minor };
    let definition = config.definitions.get_mut(&name).expect("it was found above");
    definition.volumes.insert(number, volume);
    let details = format!("It is volume {number} of {size} KiB, with minor number {minor}.");
    let reply = about(done(request, &what)).about(refs::VOLUME_NUMBER, number);
    Ok(vec![reply.details(details)])
}

/// The volume definition of this number, which there is, of a resource that is nowhere yet.
fn idle_volume(
    (config, request): (&Config, &Request),
    what: &str,
    (definition, number): (&str, u64),
) -> Result<(ResourceName, VolumeNumber), Box<Reply>> {
    let name = known_definition((config, request), what, definition)?;
    let refuse = |detail, cause: String| {
        let reply = refusal(request, what, detail, &cause).about(refs::VOLUME_NUMBER, number);
        Err(Box::new(reply.about(refs::RESOURCE_DEFINITION, &name)))
    };
    let number = match VolumeNumber::new(number) {
        Ok(number) => number,
        Err(error) => return refuse(Detail::InvalidVolumeNumber, format!("{error}.")),
    };
    if !config.definitions[&name].volumes.contains_key(&number) {
        let cause = format!("There is no volume definition {number}.");
        return refuse(Detail::NoVolumeDefinition, cause);
    }
    let nodes = config.replicas(&name).count();
    if nodes > 0 {
        return refuse(Detail::InUse, format!("The resource is on {nodes} nodes."));
    }
    Ok((name, number))
}

fn modify_volume(
    config: &mut Config,
    request: &Request,
    definition: &str,
    (number, size): (u64, u64),
) -> Done {
    let what = format!("Volume definition {number} of resource definition `{definition}`");
    let (name, number) = idle_volume((config, request), &what, (definition, number))?;
    let size = VolumeSize::new(size).map_err(|error| {
        refusal(request, &what, Detail::InvalidVolumeSize, &format!("{error}."))
    })?;
    let definition = config.definitions.get_mut(&name).expect("it was found above");
    definition.volumes.get_mut(&number).expect("it was found above").size = size;
    let reply = done(request, &what).details(format!("Its size is {size} KiB now."));
    Ok(vec![reply.about(refs::RESOURCE_DEFINITION, name).about(refs::VOLUME_NUMBER, number)])
}

fn delete_volume(config: &mut Config, request: &Request, definition: &str, number: u64) -> Done {
    let what = format!("Volume definition {number} of resource definition `{definition}`");
    let (name, number) = idle_volume((config, request), &what, (definition, number))?;
    let definition = config.definitions.get_mut(&name).expect("it was found above");
    definition.volumes.remove(&number);
    let reply = done(request, &what).about(refs::RESOURCE_DEFINITION, name);
    Ok(vec![reply.about(refs::VOLUME_NUMBER, number)])
}

fn delete_resource(
    config: &mut Config,
    around: &Surroundings,
    request: &Request,
    (definition, at): (&str, &str),
) -> Done {
    let what = format!("Resource `{definition}` on node `{at}`");
    let name = known_definition((config, request), &what, definition)?;
    let (at, _) = known_node((config, request), &what, at)?;
    let about = |reply: Reply| reply.about(refs::NODE, &at).about(refs::RESOURCE_DEFINITION, &name);
    let key = (name.clone(), at.clone());
    if !config.resources.contains_key(&key) {
        let cause = "The resource is not on the node.";
        return Err(Box::new(about(*refusal(request, &what, Detail::NoResource, cause))));
    }
    refuse_served((config, around), request, (&what, &name))?;
    config.resources.remove(&key);
    Ok(vec![about(done(request, &what))])
}
