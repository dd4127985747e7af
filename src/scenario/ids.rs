//! The ids and selectors that a scenario names nodes and disks by. Knows no cluster: whether a node
//! exists is for the validation to say.

use std::fmt;
use std::str::FromStr;

use super::name::text_format;

/// A node of the cluster: `c0`, `t3`, `m0`, `db0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeRef {
    /// A client, numbered from 0.
    Client(u16),
    /// A target, numbered from 0.
    Target(u16),
    /// A manager, numbered from 0.
    Manager(u16),
    /// A server of the configuration's database, numbered from 0.
    Database(u16),
}

impl NodeRef {
    /// The class it belongs to.
    #[must_use]
    pub const fn class(self) -> NodeClass {
        match self {
            Self::Client(_) => NodeClass::Client,
            Self::Target(_) => NodeClass::Target,
            Self::Manager(_) => NodeClass::Manager,
            Self::Database(_) => NodeClass::Database,
        }
    }
    /// Its number within its class.
    #[must_use]
    pub const fn index(self) -> u16 {
        match self {
            Self::Client(index)
            | Self::Target(index)
            | Self::Manager(index)
            | Self::Database(index) => index,
        }
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(index) => write!(f, "c{index}"),
            Self::Target(index) => write!(f, "t{index}"),
            Self::Manager(index) => write!(f, "m{index}"),
            Self::Database(index) => write!(f, "db{index}"),
        }
    }
}

impl FromStr for NodeRef {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let letters = if text.starts_with("db") { 2 } else { 1 };
        let (class, index) = text.split_at_checked(letters).ok_or(())?;
        let index = number(index)?;
        match class {
            "c" => Ok(Self::Client(index)),
            "t" => Ok(Self::Target(index)),
            "m" => Ok(Self::Manager(index)),
            "db" => Ok(Self::Database(index)),
            _ => Err(()),
        }
    }
}

/// A disk of a target: `t0/d1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskRef {
    /// The target that holds it.
    pub target: u16,
    /// Its number within the target, from 0.
    pub disk: u16,
}

impl DiskRef {
    /// The target that holds it, as a node.
    #[must_use]
    pub const fn node(self) -> NodeRef {
        NodeRef::Target(self.target)
    }
}

impl fmt::Display for DiskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}/d{}", self.target, self.disk)
    }
}

impl FromStr for DiskRef {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (target, disk) = text.split_once('/').ok_or(())?;
        let target = number(target.strip_prefix('t').ok_or(())?)?;
        let disk = number(disk.strip_prefix('d').ok_or(())?)?;
        Ok(Self { target, disk })
    }
}

/// A CPU of a node: `c0/cpu3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuRef {
    /// The node that it is in.
    pub node: NodeRef,
    /// Its number within the node, from 0.
    pub cpu: u16,
}

impl fmt::Display for CpuRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/cpu{}", self.node, self.cpu)
    }
}

impl FromStr for CpuRef {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (node, cpu) = text.split_once('/').ok_or(())?;
        let cpu = number(cpu.strip_prefix("cpu").ok_or(())?)?;
        Ok(Self { node: node.parse()?, cpu })
    }
}

/// A number as an id writes it: no sign, no leading zero.
pub(super) fn number(text: &str) -> Result<u16, ()> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return Err(());
    }
    text.parse().map_err(|_| ())
}

/// A kind of node that a selector draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeClass {
    /// Clients.
    Client,
    /// Targets.
    Target,
    /// Managers.
    Manager,
    /// Servers of the configuration's database.
    Database,
    /// Nodes of every class.
    Node,
}

impl NodeClass {
    const ALL: [Self; 5] = [Self::Client, Self::Target, Self::Manager, Self::Database, Self::Node];

    /// The name that a selector uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Target => "target",
            Self::Manager => "manager",
            Self::Database => "database",
            Self::Node => "node",
        }
    }
    /// Whether nodes of class `other` are among this class.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        self == Self::Node || self == other
    }
}

/// Which node or nodes an action is for: `t0`, `any:target`, `all:node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeSelector {
    /// This one.
    Fixed(NodeRef),
    /// One of the class, drawn at each firing.
    Any(NodeClass),
    /// Every one of the class.
    All(NodeClass),
}

impl NodeSelector {
    /// The class that it selects from.
    #[must_use]
    pub const fn class(self) -> NodeClass {
        match self {
            Self::Fixed(node) => node.class(),
            Self::Any(class) | Self::All(class) => class,
        }
    }
}

impl fmt::Display for NodeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(node) => node.fmt(f),
            Self::Any(class) => write!(f, "any:{}", class.name()),
            Self::All(class) => write!(f, "all:{}", class.name()),
        }
    }
}

impl FromStr for NodeSelector {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let class = |name: &str| NodeClass::ALL.into_iter().find(|c| c.name() == name).ok_or(());
        match text.split_once(':') {
            Some(("any", name)) => class(name).map(Self::Any),
            Some(("all", name)) => class(name).map(Self::All),
            Some(_) => Err(()),
            None => text.parse().map(Self::Fixed),
        }
    }
}

/// Which disk or disks an action is for: `t0/d0`, `any:disk`, `all:disk`, `any:leg-of:vol0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskSelector {
    /// This one.
    Fixed(DiskRef),
    /// Any of the cluster, drawn at each firing.
    Any,
    /// Every one of the cluster.
    All,
    /// Any that holds a leg of the volume of this name, drawn at each firing.
    AnyLegOf(String),
}

impl fmt::Display for DiskSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(disk) => disk.fmt(f),
            Self::Any => f.write_str("any:disk"),
            Self::All => f.write_str("all:disk"),
            Self::AnyLegOf(volume) => write!(f, "any:leg-of:{volume}"),
        }
    }
}

impl FromStr for DiskSelector {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "any:disk" => Ok(Self::Any),
            "all:disk" => Ok(Self::All),
            _ => match text.strip_prefix("any:leg-of:") {
                Some("") => Err(()),
                Some(volume) => Ok(Self::AnyLegOf(volume.to_owned())),
                None => text.parse().map(Self::Fixed),
            },
        }
    }
}

/// Which CPU or CPUs an action is for: `c0/cpu3`, `any:cpu`, `all:cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CpuSelector {
    /// This one.
    Fixed(CpuRef),
    /// Any of the cluster, drawn at each firing.
    Any,
    /// Every one of the cluster.
    All,
}

impl fmt::Display for CpuSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(cpu) => cpu.fmt(f),
            Self::Any => f.write_str("any:cpu"),
            Self::All => f.write_str("all:cpu"),
        }
    }
}

impl FromStr for CpuSelector {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "any:cpu" => Ok(Self::Any),
            "all:cpu" => Ok(Self::All),
            _ => text.parse().map(Self::Fixed),
        }
    }
}

text_format!(
    CpuSelector,
    "CpuSelector",
    "a CPU such as `c0/cpu3`, or `any:cpu` or `all:cpu`",
    "^(([ctm]|db)(0|[1-9][0-9]*)/cpu(0|[1-9][0-9]*)|(any|all):cpu)$"
);
text_format!(
    NodeRef,
    "NodeRef",
    "a node such as `c0`, `t0` or `m0`",
    "^([ctm]|db)(0|[1-9][0-9]*)$"
);
text_format!(
    DiskRef,
    "DiskRef",
    "a disk such as `t0/d0` (target 0, disk 0)",
    "^t(0|[1-9][0-9]*)/d(0|[1-9][0-9]*)$"
);
text_format!(
    NodeSelector,
    "NodeSelector",
    "a node such as `t0`, or `any:` or `all:` with `client`, `target`, `manager`, `database` or `node`",
    "^(([ctm]|db)(0|[1-9][0-9]*)|(any|all):(client|target|manager|database|node))$"
);
text_format!(
    DiskSelector,
    "DiskSelector",
    "a disk such as `t0/d0`, or `any:disk`, `all:disk`, `any:leg-of:<volume>`",
    "^(t(0|[1-9][0-9]*)/d(0|[1-9][0-9]*)|(any|all):disk|any:leg-of:.+)$"
);

#[cfg(test)]
mod tests {
    use super::{CpuSelector, DiskRef, DiskSelector, NodeClass, NodeRef, NodeSelector};

    #[test]
    fn ids_read_back_as_they_are_shown() {
        for text in
            ["c0", "t12", "m3", "db0", "any:client", "all:node", "any:manager", "any:database"]
        {
            assert_eq!(text.parse::<NodeSelector>().unwrap().to_string(), text);
        }
        for text in ["c0/cpu3", "t12/cpu0", "m0/cpu1", "any:cpu", "all:cpu"] {
            assert_eq!(text.parse::<CpuSelector>().unwrap().to_string(), text);
        }
        for text in ["t0/d0", "t23/d7", "any:disk", "all:disk", "any:leg-of:vol0"] {
            assert_eq!(text.parse::<DiskSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn near_misses_are_no_ids() {
        for text in [
            "",
            "c",
            "db",
            "d0",
            "db01",
            "t-1",
            "t01",
            "t+1",
            "x0",
            "t0/d0",
            "é0",
            "any:",
            "some:target",
        ] {
            assert!(text.parse::<NodeSelector>().is_err(), "{text}");
        }
        for text in ["t0", "t0/", "t0/d", "d0/t0", "t0/d0/d1", "any:leg-of:", "t0/d99999999"] {
            assert!(text.parse::<DiskSelector>().is_err(), "{text}");
        }
        for text in ["c0", "c0/", "c0/cpu", "c0/3", "c0/cpu03", "x0/cpu0", "any:client", "c0/cpu0/"]
        {
            assert!(text.parse::<CpuSelector>().is_err(), "{text}");
        }
        assert!("t65536".parse::<NodeRef>().is_err(), "more than an index can hold");
        assert!("t0/d65536".parse::<DiskRef>().is_err());
    }

    #[test]
    fn the_class_of_all_nodes_holds_every_class() {
        assert!(NodeClass::Node.holds(NodeClass::Target));
        assert!(NodeClass::Target.holds(NodeClass::Target));
        assert!(!NodeClass::Target.holds(NodeClass::Node));
    }
}
