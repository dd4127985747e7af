//! The configuration as rows of the database's tables, and back. Stores none.
//!
//! A row is a key and a text of fields with tabs between. Names are in it as they are shown; a key has them as they are
//! told apart.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::config::{Config, NodeType, Outcome, Resource, ResourceDefinition, VolumeDefinition};
use super::name::{NodeName, ResourceName, StoragePoolName};
use super::number::{GrossSize, MinorNumber, ReplicaId, TcpPort, VolumeNumber, VolumeSize};

crate::word_enum! {
    /// The database's tables. What a row names stands in a table before its own.
    pub enum Table {
        /// Nodes.
        Nodes = "nodes",
        /// Storage pools.
        StoragePools = "storage_pools",
        /// Resource definitions.
        ResourceDefinitions = "resource_definitions",
        /// Volume definitions.
        VolumeDefinitions = "volume_definitions",
        /// Resources.
        Resources = "resources",
        /// Volumes.
        Volumes = "volumes",
        /// Calls that changed something.
        Calls = "calls",
    }
}

/// All rows.
pub type Rows = BTreeMap<(Table, String), String>;

/// A row that is to be there, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table.
    pub table: Table,
    /// The row's key.
    pub key: String,
    /// What it is to be; `None` takes it away.
    pub value: Option<String>,
}

/// What the database holds and no controller has written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row `{key}` of table `{table}` is `{value}`, which is no row of that table")]
pub struct BadRow {
    table: Table,
    key: String,
    value: String,
}

/// What makes the second of the first.
#[must_use]
pub fn difference(from: &Rows, to: &Rows) -> Vec<Change> {
    let gone = from.keys().filter(|at| !to.contains_key(*at)).map(|at| (at, None));
    let new = to.iter().filter(|(at, value)| from.get(*at) != Some(value));
    let changes = gone.chain(new.map(|(at, value)| (at, Some(value.clone()))));
    let change = |((table, key), value): (&(Table, String), Option<String>)| Change {
        table: *table,
        key: key.clone(),
        value,
    };
    changes.map(change).collect()
}

/// What tells one set of rows from another.
#[must_use]
pub fn fingerprint(rows: &Rows) -> u64 {
    let mut text = String::new();
    for ((table, key), value) in rows {
        for part in [table.name(), "\t", key, "\t", value, "\n"] {
            text.push_str(part);
        }
    }
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

impl Config {
    /// As rows.
    #[must_use]
    pub fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        let mut put = |table, key: String, value: String| {
            rows.insert((table, key), value);
        };
        for (node, kind) in &self.nodes {
            put(Table::Nodes, node.key().to_owned(), format!("{node}\t{kind}"));
        }
        for ((node, pool), capacity) in &self.pools {
            let key = format!("{}/{}", node.key(), pool.key());
            put(Table::StoragePools, key, format!("{node}\t{pool}\t{capacity}"));
        }
        for (name, it) in &self.definitions {
            let key = name.key().to_owned();
            put(Table::ResourceDefinitions, key, format!("{name}\t{}", it.port));
            for (number, it) in &it.volumes {
                let value = format!("{name}\t{number}\t{}\t{}", it.size, it.minor);
                put(Table::VolumeDefinitions, format!("{}/{number:05}", name.key()), value);
            }
        }
        for (call, it) in &self.calls {
            put(Table::Calls, format!("{call:020}"), format!("{}\t{}", it.code, it.message));
        }
        self.put_resources(|_| true, &mut rows);
        rows
    }

    /// The rows of a node's resources and their volumes.
    #[must_use]
    pub fn rows_of(&self, node: &NodeName) -> Rows {
        let mut rows = Rows::new();
        self.put_resources(|at| at == node, &mut rows);
        rows
    }

    fn put_resources(&self, is_wanted: impl Fn(&NodeName) -> bool, rows: &mut Rows) {
        for ((name, node), it) in self.resources.iter().filter(|((_, node), _)| is_wanted(node)) {
            let key = format!("{}/{}", name.key(), node.key());
            for (number, gross) in &it.volumes {
                let value = format!("{name}\t{node}\t{number}\t{gross}");
                rows.insert((Table::Volumes, format!("{key}/{number:05}")), value);
            }
            let value = format!("{name}\t{node}\t{}\t{}", it.pool, it.id);
            rows.insert((Table::Resources, key), value);
        }
    }

    /// What rows say.
    ///
    /// # Errors
    /// The first row that says nothing.
    pub fn of_rows(rows: &Rows) -> Result<Self, BadRow> {
        let mut config = Self::default();
        for ((table, key), value) in rows {
            let bad = || BadRow { table: *table, key: key.clone(), value: value.clone() };
            config.read(*table, key, value).ok_or_else(bad)?;
        }
        Ok(config)
    }

    fn read(&mut self, table: Table, key: &str, value: &str) -> Option<()> {
        let fields: Vec<&str> = value.split('\t').collect();
        match (table, &fields[..]) {
            (Table::Nodes, [node, kind]) => {
                self.nodes.insert(node_name(node)?, NodeType::of_name(kind)?);
            }
            (Table::StoragePools, [node, pool, capacity]) => {
                let pool = StoragePoolName::new(pool).ok()?;
                self.pools.insert((node_name(node)?, pool), number(capacity)?);
            }
            (Table::ResourceDefinitions, [name, port]) => {
                let port = TcpPort::new(number(port)?).ok()?;
                let definition = ResourceDefinition { port, volumes: BTreeMap::new() };
                self.definitions.insert(resource_name(name)?, definition);
            }
            (Table::VolumeDefinitions, [name, of, size, minor]) => {
                let size = VolumeSize::new(number(size)?).ok()?;
                let minor = MinorNumber::new(number(minor)?).ok()?;
                let definition = self.definitions.get_mut(&resource_name(name)?)?;
                let volume = VolumeDefinition { size, minor };
                definition.volumes.insert(VolumeNumber::new(number(of)?).ok()?, volume);
            }
            (Table::Resources, [name, node, pool, id]) => {
                let pool = StoragePoolName::new(pool).ok()?;
                let id = ReplicaId::new(number(id)?).ok()?;
                let resource = Resource { pool, id, volumes: BTreeMap::new() };
                self.resources.insert((resource_name(name)?, node_name(node)?), resource);
            }
            (Table::Volumes, [name, node, of, gross]) => {
                let gross = GrossSize::new(number(gross)?).ok()?;
                let at = (resource_name(name)?, node_name(node)?);
                let volume = VolumeNumber::new(number(of)?).ok()?;
                self.resources.get_mut(&at)?.volumes.insert(volume, gross);
            }
            (Table::Calls, [code, message]) => {
                let outcome = Outcome { code: number(code)?, message: (*message).to_owned() };
                self.calls.insert(number(key)?, outcome);
            }
            _ => return None,
        }
        Some(())
    }
}

fn node_name(text: &str) -> Option<NodeName> {
    NodeName::new(text).ok()
}

fn resource_name(text: &str) -> Option<ResourceName> {
    ResourceName::new(text).ok()
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Config, Table, difference, fingerprint};
    use crate::node::control::config::Outcome;
    use crate::node::control::stories::built;

    #[test]
    fn a_configuration_reads_back_from_its_rows() {
        let mut config = built();
        config.remember(7, Outcome { code: -5, message: "It was done.".to_owned() });
        let rows = config.rows();
        assert_eq!(Config::of_rows(&rows), Ok(config));
        assert_eq!(Config::of_rows(&Config::default().rows()), Ok(Config::default()));
    }

    #[test]
    fn the_difference_of_two_makes_one_of_the_other() {
        let (empty, full) = (Config::default().rows(), built().rows());
        for (from, to) in [(&empty, &full), (&full, &empty), (&full, &full)] {
            let mut rows = from.clone();
            for change in difference(from, to) {
                let at = (change.table, change.key);
                match change.value {
                    Some(value) => drop(rows.insert(at, value)),
                    None => drop(rows.remove(&at)),
                }
            }
            assert_eq!(&rows, to);
        }
        assert_ne!(fingerprint(&empty), fingerprint(&full));
    }

    #[test]
    fn a_row_that_says_nothing_is_named() {
        let mut rows = built().rows();
        rows.insert((Table::Volumes, "X/Y/00000".to_owned()), "x\ty\t0\t3".to_owned());
        let error = Config::of_rows(&rows).expect_err("three KiB are no volume").to_string();
        assert!(error.contains("`X/Y/00000` of table `volumes`"), "{error}");
    }
}
