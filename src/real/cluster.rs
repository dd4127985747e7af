//! The file that says which nodes there are, where they listen and which disks they have. Starts none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::scenario::{LoadError, NodeClass, NodeRef, Scenario, parse};
use crate::world::disks_of;

/// Why a cluster file cannot be used.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// It is no JSON.
    #[error("{0}: {1}")]
    Json(PathBuf, serde_json::Error),
    /// Its cluster or its volumes are none.
    #[error("{0}: its `cluster` and `volumes` are those of a scenario")]
    Scenario(PathBuf, #[source] Box<LoadError>),
    /// Something of it makes no sense.
    #[error("{0}: {1}")]
    Sense(PathBuf, String),
}

/// A cluster whose nodes run in processes of their own.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its shape and its volumes.
    pub scenario: Scenario,
    addresses: BTreeMap<String, SocketAddr>,
    disks: BTreeMap<String, PathBuf>,
    digest: u64,
}

impl Cluster {
    /// Reads a cluster file: `cluster` and `volumes` as in a scenario, `addresses` of targets and manager, and `disks`,
    /// which are files or block devices by their names.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn load(path: &Path) -> Result<Self, ClusterError> {
        let file = path.to_owned();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ClusterError::File(file.clone(), error))?;
        let mut given: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| ClusterError::Json(file.clone(), error))?;
        let sense = |what: String| ClusterError::Sense(file.clone(), what);
        let addresses = taken(&mut given, "addresses").map_err(sense)?;
        let disks: BTreeMap<String, PathBuf> = taken(&mut given, "disks").map_err(sense)?;
        if let Some(key) = given.keys().find(|key| !["cluster", "volumes"].contains(&key.as_str()))
        {
            return Err(sense(format!(
                "found `{key}`, expected `cluster`, `volumes`, `addresses`, `disks`"
            )));
        }
        let digest = xxh3_64(json!([given, addresses]).to_string().as_bytes());
        let scenario = scenario(given, &file)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let disks = disks.into_iter().map(|(name, disk)| (name, directory.join(disk))).collect();
        let cluster = Self { scenario, addresses: BTreeMap::new(), disks, digest };
        let addresses = cluster.parsed(addresses).map_err(sense)?;
        let cluster = Self { addresses, ..cluster };
        cluster.check().map_err(sense)?;
        Ok(cluster)
    }

    /// Tells clusters from each other: nodes of different ones don't speak.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Where a node listens; clients listen nowhere.
    #[must_use]
    pub fn address(&self, node: NodeRef) -> Option<SocketAddr> {
        self.addresses.get(&node.to_string()).copied()
    }

    /// The node of this name.
    ///
    /// # Errors
    /// Which there are.
    pub fn node(&self, name: &str, class: NodeClass) -> Result<NodeRef, String> {
        let all = self.nodes(class);
        let found = all.iter().copied().find(|node| node.to_string() == name);
        found.ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|node| format!("`{node}`")).collect();
            format!("found `{name}`, expected {}", names.join(", "))
        })
    }

    /// Each disk of a node: its name, its size in blocks, its file.
    #[must_use]
    pub fn disks(&self, node: NodeRef) -> Vec<(String, u64, PathBuf)> {
        let of_node = disks_of(&self.scenario, node).into_iter();
        of_node.map(|(name, blocks)| (name.clone(), blocks, self.disks[&name].clone())).collect()
    }

    fn nodes(&self, class: NodeClass) -> Vec<NodeRef> {
        let cluster = &self.scenario.cluster;
        match class {
            NodeClass::Client => (0..cluster.clients).map(NodeRef::Client).collect(),
            NodeClass::Target => (0..cluster.targets).map(NodeRef::Target).collect(),
            _ => vec![NodeRef::Manager(0)],
        }
    }

    fn servers(&self) -> Vec<NodeRef> {
        [NodeClass::Target, NodeClass::Manager].into_iter().flat_map(|it| self.nodes(it)).collect()
    }

    fn parsed(
        &self,
        given: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, SocketAddr>, String> {
        let servers = self.servers();
        let parsed = given.into_iter().map(|(name, address)| {
            if !servers.iter().any(|node| node.to_string() == name) {
                return Err(format!(
                    "addresses: found `{name}`, which is no target and no manager"
                ));
            }
            let parsed = address.parse().map_err(|_| {
                format!("addresses.{name}: found `{address}`, expected such as `127.0.0.1:7001`")
            })?;
            Ok((name, parsed))
        });
        parsed.collect()
    }

    fn check(&self) -> Result<(), String> {
        let scenario = &self.scenario;
        let alone = scenario.cluster.managers == 1
            && scenario.cluster.databases == 0
            && scenario.cluster.satellites.is_none();
        if !alone {
            return Err("cluster: one manager without a controller is what can be served".into());
        }
        for node in self.servers() {
            if self.address(node).is_none() {
                return Err(format!("addresses: none for `{node}`"));
            }
            let of_node = disks_of(scenario, node);
            if let Some((name, _)) = of_node.iter().find(|(name, _)| !self.disks.contains_key(name))
            {
                return Err(format!("disks: no file for `{name}`"));
            }
        }
        Ok(())
    }
}

/// A key that is an object of strings.
fn taken<T: From<String> + Ord>(
    given: &mut Map<String, Value>,
    key: &str,
) -> Result<BTreeMap<String, T>, String> {
    let Some(Value::Object(found)) = given.remove(key) else {
        return Err(format!("`{key}` is missing, or no object"));
    };
    let each = found.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, T::from(text))),
        other => Err(format!("{key}.{name}: found {other}, expected a text")),
    });
    each.collect()
}

/// The cluster as the scenario that it would be without any application.
fn scenario(mut given: Map<String, Value>, file: &Path) -> Result<Scenario, ClusterError> {
    for (key, value) in [
        ("version", json!(1)),
        ("name", json!("served")),
        ("about", json!("Its nodes run in processes of their own.")),
    ] {
        given.insert(key.to_owned(), value);
    }
    let text = serde_json::to_string_pretty(&given).expect("what was JSON is JSON");
    let name = file.display().to_string();
    parse(&name, &text).map_err(|error| ClusterError::Scenario(file.to_owned(), Box::new(error)))
}
