//! Arguments of the actions on targets' external programs and device files. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::amounts::Bytes;
use crate::scenario::ids::NodeSelector;
use crate::scenario::name::name_enum;
use crate::scenario::units::within;

name_enum! {
    /// A program that satellites start.
    pub enum ProgramName {
        /// Makes logical volumes, activates them, does away with them, lists them.
        VolumeManager = "volume-manager",
        /// Exports devices over NVMe, and takes them back.
        NvmeTarget = "nvme-target",
        /// Says what happens to device files.
        EventStream = "event-stream",
    }
}

macro_rules! aimed {
    ($($(#[$doc:meta])* $type:ident $(($program:ident))? {
        $($(#[$fdoc:meta])* $field:ident: $ftype:ty),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            /// On which target.
            pub node: NodeSelector,
            $(
            /// Which program; any, if left out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $program: Option<ProgramName>,
            )?
            /// About which resource; any, and none, if left out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub resource: Option<String>,
            $($(#[$fdoc])* pub $field: $ftype,)*
        }

        impl Arguments for $type {
            fn places(&self) -> Vec<(&'static str, Where<'_>)> {
                vec![("node", Where::Target(self.node))]
            }
        }
    )*};
}

aimed! {
    /// External programs.
    ProgramsOnly(program) {}
    /// Programs that write too much.
    Flood(program) {
        /// How much more than they have to say, up to 64 MiB.
        bytes: Bytes,
    }
    /// Programs that fail.
    ExitWith(program) {
        /// With this code, 1 to 255.
        #[serde(deserialize_with = "within::<1, 255, _, _>")]
        #[schemars(range(min = 1, max = 255))]
        code: u8,
    }
    /// Programs that take longer.
    SlowPrograms(program) {
        /// How many times as long they take, 2 to 1,000,000.
        #[serde(deserialize_with = "within::<2, 1_000_000, _, _>")]
        #[schemars(range(min = 2, max = 1_000_000))]
        factor: u32,
    }
    /// Device files.
    DevicesOnly {}
}
