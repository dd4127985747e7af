//! What a random scenario is to be about: its profile. Draws nothing.

use crate::scenario::action::Family;
use crate::scenario::name::name_enum;

name_enum! {
    /// Which faults a random scenario is made of.
    #[derive(Default)]
    pub enum Profile {
        /// A little of everything, over in some milliseconds.
        Quick = "quick",
        /// What happens to disks.
        Disks = "disks",
        /// What happens to links, connections and messages.
        Network = "network",
        /// What happens to the manager, and to what others tell it.
        Manager = "manager",
        /// Nodes, applications and caches that go away, one by one or all at once.
        Crash = "crash",
        /// All of it.
        #[default]
        Everything = "everything",
    }
}

impl Profile {
    /// The families of actions that it draws from.
    pub(super) const fn families(self) -> &'static [Family] {
        use Family::{
            Api, App, Connector, Cpu, Database, Disk, External, Manager, Memory, Net, Node,
        };
        match self {
            Self::Disks => &[Disk],
            Self::Network => &[Net],
            Self::Manager => &[Manager, Connector, Api, Database, External, Node, Net, Cpu, Memory],
            Self::Crash => &[Node, App, Disk],
            Self::Quick | Self::Everything => {
                &[Disk, Net, Node, Memory, App, Cpu, Manager, Connector, Api, Database, External]
            }
        }
    }

    /// How many operations all applications issue together, from the least to the most.
    pub(super) const fn operations(self) -> (u64, u64) {
        match self {
            Self::Quick => (50, 600),
            _ => (200, 4_000),
        }
    }
}
