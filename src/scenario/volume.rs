//! The volumes of a scenario: their layout, size and legs. Places no leg.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::DiskRef;
use super::layout::Layout;
use super::name::name_enum;
use super::own::Words;
use super::units::{Duration, duration, maybe_within, within};
use crate::base::Nanos;
use crate::layout::AnyLayout;
use crate::layout::Coded;
use crate::layout::LEGS_MAX;
use crate::layout::Raid0;
use crate::layout::Raid1;
use crate::layout::Raid10;
use crate::layout::Wanted;
use crate::layout::examine;

/// A volume that applications issue IO on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its name, unique in the scenario: letters, digits, `-` and `_`, at most 64.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// How its blocks are laid out over its legs.
    pub layout: Layout,
    /// How many legs of `raid1` and `raid10` hold each block, 2 to 4.
    #[serde(default = "two", deserialize_with = "within::<2, 4, _, _>")]
    #[schemars(range(min = 2, max = 4))]
    pub copies: u8,
    /// Neighbouring blocks of `raid0`, `raid10` and `ec` that are on the same legs, 1 to 1024, of `ec` at most
    /// 64; `raid1` has no stripes.
    #[serde(
        default = "sixteen",
        deserialize_with = "within::<1, 1024, _, _>",
        skip_serializing_if = "is_sixteen"
    )]
    #[schemars(range(min = 1, max = 1024))]
    pub stripe_blocks: u32,
    /// How many legs of each row of `ec` hold data, 2 to 12.
    #[serde(
        default,
        deserialize_with = "maybe_within::<2, 12, _, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 2, max = 12))]
    pub data: Option<u8>,
    /// How many legs of each row of `ec` hold parity, 1 to 4: as many may be lost.
    #[serde(
        default,
        deserialize_with = "maybe_within::<1, 4, _, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 4))]
    pub parity: Option<u8>,
    /// Its size in blocks, 1 to 2^32.
    #[serde(deserialize_with = "within::<1, 0x1_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x1_0000_0000_u64))]
    pub blocks: u64,
    /// The disks that hold its legs, in order; left out, the manager places them on distinct targets: as many
    /// as the layout has, and of `raid0` and `raid10` as many as there are targets for, at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legs: Option<Vec<DiskRef>>,
    /// Disks that are ready to hold a leg whose own is away for too long, at most 16, each on another target than all
    /// others and the legs. In the order of their use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub spares: Vec<DiskRef>,
    /// How long a leg is dead before it is given a spare.
    #[serde(default = "fifty_millis", with = "duration", skip_serializing_if = "is_fifty_millis")]
    #[schemars(with = "Duration")]
    pub spare_after: Nanos,
    /// How its blocks are guarded against silent faults.
    #[serde(default)]
    pub integrity: Integrity,
    /// How many blocks of a leg are rebuilt in a second at most, 1 to 2^40; left out, as many as go.
    #[serde(
        default,
        deserialize_with = "maybe_within::<1, 0x100_0000_0000, _, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    pub rebuild_rate: Option<u64>,
    /// How many blocks of each leg are read in a second, in the background, to see whether they are still there and fit
    /// together, 1 to 2^40; left out, nobody looks.
    #[serde(
        default,
        deserialize_with = "maybe_within::<1, 0x100_0000_0000, _, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    pub scrub_rate: Option<u64>,
}

const fn fifty_millis() -> Nanos {
    Nanos::from_millis(50)
}

fn is_fifty_millis(span: &Nanos) -> bool {
    *span == fifty_millis()
}

const fn two() -> u8 {
    2
}

const fn sixteen() -> u32 {
    16
}

fn is_sixteen(blocks: &u32) -> bool {
    *blocks == sixteen()
}

impl Volume {
    /// What a layout may go by, in a cluster of so many targets.
    pub(super) fn wanted(&self, targets: u16) -> Wanted {
        let free = usize::from(targets).saturating_sub(self.spares.len());
        let legs = self.legs.as_ref().map_or(free, Vec::len).clamp(1, LEGS_MAX) as u8;
        let Self { copies, stripe_blocks, data, parity, blocks, .. } = *self;
        Wanted { legs, copies, stripe_blocks, data, parity, blocks }
    }

    /// How its blocks are laid out, in a cluster of so many targets, by a program with these words. A number of legs that
    /// the layout cannot have is taken for the nearest one below that it can. What stands in for a layout that nobody has,
    /// or that is none, is seen by the validation alone, which reports it.
    #[must_use]
    pub fn shape(&self, targets: u16, words: &Words) -> AnyLayout {
        let wanted = self.wanted(targets);
        let Wanted { legs, copies, stripe_blocks, .. } = wanted;
        match &self.layout {
            Layout::Raid0 => Raid0 { legs, stripe_blocks }.into(),
            Layout::Raid1 => Raid1 { copies }.into(),
            Layout::Ec => {
                let (data, parity) = (self.data.unwrap_or(2), self.parity.unwrap_or(1));
                Coded { data, parity, stripe_blocks: stripe_blocks.min(64) }.into()
            }
            Layout::Raid10 => {
                let groups = (legs / copies).max(1);
                Raid10 { groups, copies, stripe_blocks }.into()
            }
            Layout::Own(name) => {
                let own = words.layout(name).map(|word| word.made(wanted));
                let own = own.filter(|own| examine(own, 0).is_ok());
                own.unwrap_or_else(|| Raid1 { copies }.into())
            }
        }
    }
}

name_enum! {
    /// How the blocks of a volume are guarded against silent faults.
    #[derive(Default)]
    pub enum Integrity {
        /// Not at all.
        None = "none",
        /// By a checksum and an address beside each block: rot, torn and misdirected data are found.
        #[default]
        Inline = "inline",
        /// By looking after each write whether the disk holds it, too: lost writes are found as well.
        Full = "full",
    }
}
