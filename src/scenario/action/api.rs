//! Arguments of the calls of the controller's API. Makes none, and checks no name: what the controller says of a wrong one
//! is for a scenario to see. `{n}` in a name stands for how often the call's entry has fired, so that one that fires again
//! and again makes an object each time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::amounts::Bytes;
use crate::scenario::units::maybe_within;

/// What a call is to be answered with; what is left out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyWanted {
    /// Whether it is to succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The return code's last bits, of the worst that is said: 1 for created, 500 for a node that there is already.
    #[serde(deserialize_with = "maybe_within::<1, 32_767, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32_767))]
    pub code: Option<u16>,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $type:ident {
        $($(#[$fdoc:meta])* $field:ident: $ftype:ty),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            $($(#[$fdoc])* pub $field: $ftype,)*
            /// What the answer is to be.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub reply: Option<ReplyWanted>,
        }

        impl Arguments for $type {
            fn places(&self) -> Vec<(&'static str, Where<'_>)> {
                Vec::new()
            }
        }
    )*};
}

calls! {
    /// A node that is made known.
    NewNode {
        /// Its host name.
        name: String,
        /// Its type: `Controller`, `Satellite`, `Combined` or `Auxiliary`; `Satellite`, if left out.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        node_type: Option<String>,
    }
    /// A node that is given another type.
    ChangedNode {
        /// Its host name.
        name: String,
        /// Its type: `Controller`, `Satellite`, `Combined` or `Auxiliary`.
        #[serde(rename = "type")]
        node_type: String,
    }
    /// An object by its name.
    Named {
        /// Its name.
        name: String,
    }
    /// Storage of a node that is made known.
    NewStoragePool {
        /// The node.
        node: String,
        /// The storage pool's name.
        name: String,
        /// How much fits.
        capacity: Bytes,
    }
    /// A storage pool.
    PoolNamed {
        /// The node.
        node: String,
        /// The storage pool's name.
        name: String,
    }
    /// A resource definition that is made.
    NewResourceDefinition {
        /// The resource's name. One of the scenario's volumes that a script makes does not come to be by itself.
        name: String,
        /// Its port; a free one, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u32>,
    }
    /// A volume definition that is made.
    NewVolumeDefinition {
        /// The resource's name.
        resource_definition: String,
        /// The volume's number; a free one, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<u32>,
        /// Its size, in whole KiB.
        size: Bytes,
    }
    /// A volume definition that is given another size.
    ChangedVolumeDefinition {
        /// The resource's name.
        resource_definition: String,
        /// The volume's number.
        volume: u32,
        /// Its size, in whole KiB.
        size: Bytes,
    }
    /// A volume definition.
    VolumeNumbered {
        /// The resource's name.
        resource_definition: String,
        /// The volume's number.
        volume: u32,
    }
    /// A resource that is made: on a node, or on some.
    NewResource {
        /// The resource's name.
        resource_definition: String,
        /// The node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// The storage pool on the node: `disk0` for its first disk; the one with most room, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage_pool: Option<String>,
        /// In place of a node: on how many, which the controller chooses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<u32>,
    }
    /// A resource on a node.
    ResourceOn {
        /// The resource's name.
        resource_definition: String,
        /// The node.
        node: String,
    }
    /// Nothing but what the answer is to be.
    Listing {}
}
