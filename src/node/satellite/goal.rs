//! What a target is to have, resource by resource, and what takes it there from what it has. Does nothing.

use std::collections::BTreeMap;

use crate::node::control::{Config, Resource, ResourceName, Rows};

/// A volume that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its size in KiB, with metadata.
    pub size: u64,
    /// Where it is stored.
    pub pool: String,
}

/// The volumes that a resource is to have; none, if it is to be gone.
pub type Goal = BTreeMap<String, Wanted>;

/// How a volume of a resource is called on its machine.
#[must_use]
pub fn volume_name(resource: &str, number: &str) -> String {
    format!("{resource}_{number:0>5}")
}

/// The resource that a volume is of, by how it is called.
pub(super) fn resource_of(volume: &str) -> Option<&str> {
    let (resource, number) = volume.rsplit_once('_')?;
    (number.len() == 5 && number.parse::<u16>().is_ok()).then_some(resource)
}

/// What all resources are to have that stand in these rows.
#[must_use]
pub fn goals(rows: &Rows) -> BTreeMap<String, Goal> {
    let config = Config::of_rows(rows).expect("a controller sends rows that say something");
    let resources = config.resources.iter();
    resources.map(|((name, _), it)| (name.key().to_owned(), volumes(name, it).collect())).collect()
}

/// The volumes of a resource.
fn volumes(name: &ResourceName, of: &Resource) -> impl Iterator<Item = (String, Wanted)> {
    of.volumes.iter().map(|(number, gross)| {
        let name = volume_name(name.key(), &number.to_string());
        (name, Wanted { size: gross.get(), pool: of.pool.to_string() })
    })
}

/// All volumes that a node is to have by the rows of a whole configuration.
#[must_use]
pub fn on_node(rows: &Rows, node: &str) -> Goal {
    let config = Config::of_rows(rows).expect("a database holds rows that say something");
    let resources = config.resources.iter();
    let here = resources.filter(|((_, at), _)| at.to_string().eq_ignore_ascii_case(node));
    here.flat_map(|((name, _), it)| volumes(name, it)).collect()
}

/// Reads what the volume manager lists; the first line that says nothing, if there is one.
pub(super) fn listed(text: &[u8]) -> Result<Goal, String> {
    let text = std::str::from_utf8(text)
        .map_err(|_| String::from_utf8_lossy(text).chars().take(40).collect::<String>())?;
    let volume = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, size, pool] = fields[..] else { return Err(line.to_owned()) };
        let Ok(size) = size.parse() else { return Err(line.to_owned()) };
        Ok((name.to_owned(), Wanted { size, pool: pool.to_owned() }))
    };
    text.lines().map(volume).collect()
}

/// What is to be done away with first: what nobody wants, or wants otherwise.
pub(super) fn excess(there: &Goal, goal: &Goal) -> Vec<String> {
    let excess = there.iter().filter(|(name, it)| goal.get(*name) != Some(it));
    excess.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Goal, Wanted, excess, listed, resource_of, volume_name};

    fn volumes(of: &[(&str, u64)]) -> Goal {
        let volume = |(name, size): &(&str, u64)| {
            (String::from(*name), Wanted { size: *size, pool: "disk0".to_owned() })
        };
        of.iter().map(volume).collect()
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let expected = volumes(&[("A_00000", 68), ("B_00001", 100)]);
        assert_eq!(listed(b"A_00000 68 disk0\nB_00001 100 disk0\n"), Ok(expected));
        assert_eq!(listed(b""), Ok(Goal::new()));
        assert_eq!(listed(b"A_00000 68 disk0\nB_00001 x disk0\n"), Err("B_00001 x disk0".into()));
        assert_eq!(listed(b"A_00000 68\n"), Err("A_00000 68".into()));
        assert!(listed(&[0xFF, 0xFE]).is_err());
    }

    #[test]
    fn what_nobody_wants_or_wants_otherwise_is_done_away_with() {
        let there = volumes(&[("A_00000", 68), ("A_00001", 68), ("A_00002", 68)]);
        let goal = volumes(&[("A_00000", 68), ("A_00001", 100), ("A_00003", 68)]);
        assert_eq!(excess(&there, &goal), ["A_00001", "A_00002"]);
    }

    #[test]
    fn a_volume_is_called_after_its_resource() {
        assert_eq!(volume_name("A_B", "7"), "A_B_00007");
        assert_eq!(resource_of("A_B_00007"), Some("A_B"));
        assert_eq!(resource_of("root"), None);
        assert_eq!(resource_of("home_2"), None);
    }
}
