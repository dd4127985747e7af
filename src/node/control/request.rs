//! What may be asked of the controller, as it comes over the wire: texts and numbers that nobody has checked yet.
//! Does none of it.

use super::code::{ObjectKind, Operation};
use crate::base::control::ApiRequest;

/// A call's number, which its caller gives it: the same call asked again is done once.
pub type CallId = u64;

macro_rules! requests {
    ($($(#[$doc:meta])* $variant:ident, $operation:ident $object:ident
        { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        /// What a call asks for, with its parameters.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Request {
            $($(#[$doc])* $variant { $($(#[$fdoc])* $field: $type),* }),*
        }

        impl Request {
            /// What it asks for.
            #[must_use]
            pub const fn kind(&self) -> ApiRequest {
                match self { $(Self::$variant { .. } => ApiRequest::$variant),* }
            }

            /// The operation, and the kind of object that it is about.
            #[must_use]
            pub const fn target(&self) -> (Operation, ObjectKind) {
                match self {
                    $(Self::$variant { .. } => (Operation::$operation, ObjectKind::$object)),*
                }
            }
        }
    };
}

requests! {
    /// Makes a node known.
    CreateNode, Create Node {
        /// Its host name.
        name: String,
        /// Its type: `Satellite`, if not given.
        node_type: Option<String>,
    }
    /// Gives a node another type.
    ModifyNode, Modify Node {
        /// Its host name.
        name: String,
        /// Its new type.
        node_type: String,
    }
    /// Forgets a node.
    DeleteNode, Delete Node {
        /// Its host name.
        name: String,
    }
    /// Makes storage of a node known.
    CreateStoragePool, Create StoragePool {
        /// The node.
        node: String,
        /// The pool's name, unique on the node.
        name: String,
        /// How much fits, in KiB.
        capacity: u64,
    }
    /// Forgets a storage pool.
    DeleteStoragePool, Delete StoragePool {
        /// The node.
        node: String,
        /// The pool's name.
        name: String,
    }
    /// Defines a resource. Nothing is stored anywhere yet.
    CreateResourceDefinition, Create ResourceDefinition {
        /// The resource's name.
        name: String,
        /// Its port; the next free one, if not given.
        port: Option<u64>,
    }
    /// Does away with a resource wherever it is, and with its definition.
    DeleteResourceDefinition, Delete ResourceDefinition {
        /// The resource's name.
        name: String,
    }
    /// Defines a volume of a resource.
    CreateVolumeDefinition, Create VolumeDefinition {
        /// The resource's name.
        definition: String,
        /// The volume's number; the next free one, if not given.
        number: Option<u64>,
        /// Its size in KiB.
        size: u64,
    }
    /// Gives a volume another size, before the resource is anywhere.
    ModifyVolumeDefinition, Modify VolumeDefinition {
        /// The resource's name.
        definition: String,
        /// The volume's number.
        number: u64,
        /// Its size in KiB.
        size: u64,
    }
    /// Does away with the definition of a volume.
    DeleteVolumeDefinition, Delete VolumeDefinition {
        /// The resource's name.
        definition: String,
        /// The volume's number.
        number: u64,
    }
    /// Makes a resource on a node, or on as many as are asked for.
    CreateResource, Create Resource {
        /// The resource's name.
        definition: String,
        /// The node, if it is to be a certain one.
        node: Option<String>,
        /// The storage pool on the node; the one with most room, if not given.
        pool: Option<String>,
        /// On how many nodes, if the controller is to choose them.
        place: Option<u64>,
    }
    /// Does away with a resource on a node.
    DeleteResource, Delete Resource {
        /// The resource's name.
        definition: String,
        /// The node.
        node: String,
    }
    /// Which nodes are there?
    ListNodes, Query Node {}
    /// Which storage pools are there?
    ListStoragePools, Query StoragePool {}
    /// Which resource definitions are there?
    ListResourceDefinitions, Query ResourceDefinition {}
    /// Which resources are there?
    ListResources, Query Resource {}
    /// Which volumes are there?
    ListVolumes, Query Volume {}
}

impl Request {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_query(&self) -> bool {
        matches!(self.target().0, Operation::Query)
    }
}
