//! Ids as newtypes: no bare integer names a thing in a signature. Knows nothing of what they name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::record::{FieldKind, Word};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty), $prefix:literal, $kind:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name($int);

        impl $name {
            /// Wraps an index.
            #[must_use]
            pub const fn new(index: $int) -> Self {
                Self(index)
            }
            /// The wrapped integer.
            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }
            /// The wrapped integer, as an index into a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl Word for $name {
            const KIND: FieldKind = FieldKind::$kind;
            fn to_word(self) -> u64 {
                u64::from(self.0)
            }
            fn from_word(word: u64) -> Self {
                Self(word as $int)
            }
        }
    };
}

id!(/// A node of the cluster, numbered in the order in which the simulation made them.
    NodeId(u32), "n", Node);
id!(/// A virtual CPU, numbered from 0 within its node.
    CpuId(u16), "cpu", Cpu);
id!(/// A disk (NVMe namespace), numbered over the whole simulation.
    DiskId(u32), "disk", Disk);
id!(/// A volume that applications issue IO on.
    VolumeId(u16), "vol", Volume);
id!(/// One leg (copy) of a volume, in the order of its layout.
    LegIndex(u8), "leg", Number);
id!(/// A place on a disk where a leg of a volume is or may be: first those where the legs are at first, then spares.
    PlaceIndex(u8), "place", Number);
id!(/// An application's operation, unique in a run.
    OpId(u64), "op", Number);
id!(/// A configuration of a volume. Only grows; messages of a lower epoch are refused.
    Epoch(u64), "e", Number);
id!(/// A region of a leg: the unit of the write-intent bitmap (128 KiB).
    Region(u32), "region", Number);
id!(/// A place in the code that holds memory, a lock or the like, in the order of first use in a run.
    SiteId(u32), "site", Site);

impl Epoch {
    /// The epoch that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The names that a person knows nodes, disks and volumes by (`c0`, `t0/d0`, `vol0`).
///
/// Records hold numbers only; whoever shows them looks the names up here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Node names by [`NodeId`].
    pub nodes: Vec<String>,
    /// Disk names by [`DiskId`].
    pub disks: Vec<String>,
    /// Volume names by [`VolumeId`].
    pub volumes: Vec<String>,
    /// Places in the code by [`SiteId`], as `file:line`.
    pub sites: Vec<String>,
    /// Names that a program adds to those of a field, by how far their words are beyond [`OWN_WORDS`](super::OWN_WORDS).
    pub own: Vec<String>,
}

impl Names {
    /// The node's name, or its number where it has none.
    #[must_use]
    pub fn node(&self, id: NodeId) -> String {
        self.nodes.get(id.index()).cloned().unwrap_or_else(|| id.to_string())
    }
    /// The disk's name, or its number where it has none.
    #[must_use]
    pub fn disk(&self, id: DiskId) -> String {
        self.disks.get(id.index()).cloned().unwrap_or_else(|| id.to_string())
    }
    /// The volume's name, or its number where it has none.
    #[must_use]
    pub fn volume(&self, id: VolumeId) -> String {
        self.volumes.get(id.index()).cloned().unwrap_or_else(|| id.to_string())
    }
    /// The name of a word that a program added, or its number where it has none.
    #[must_use]
    pub fn own(&self, word: u64) -> String {
        let at = word.checked_sub(super::OWN_WORDS).and_then(|at| usize::try_from(at).ok());
        let name = at.and_then(|at| self.own.get(at)).cloned();
        name.unwrap_or_else(|| word.to_string())
    }
    /// The place in the code, or its number where it is not known yet.
    #[must_use]
    pub fn site(&self, id: SiteId) -> String {
        self.sites.get(id.index()).cloned().unwrap_or_else(|| id.to_string())
    }
}
