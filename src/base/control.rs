//! What the control plane tells those who watch it: calls and their answers, what the controller holds, what the database
//! has committed, what targets have of it, errors. Judges nothing.
//!
//! As with the history, a checker sees these records and no cluster code: a control plane that is not ours is held to the
//! same rules as soon as its parts emit them.

use super::NodeId;

crate::word_enum! {
    /// What a call of the controller's API asks for.
    pub enum ApiRequest {
        /// Makes a node known.
        CreateNode = "create_node",
        /// Gives a node another type.
        ModifyNode = "modify_node",
        /// Forgets a node.
        DeleteNode = "delete_node",
        /// Makes storage of a node known.
        CreateStoragePool = "create_storage_pool",
        /// Forgets a storage pool.
        DeleteStoragePool = "delete_storage_pool",
        /// Defines a resource.
        CreateResourceDefinition = "create_resource_definition",
        /// Does away with a resource and its definition.
        DeleteResourceDefinition = "delete_resource_definition",
        /// Defines a volume of a resource.
        CreateVolumeDefinition = "create_volume_definition",
        /// Gives a volume another size.
        ModifyVolumeDefinition = "modify_volume_definition",
        /// Does away with the definition of a volume.
        DeleteVolumeDefinition = "delete_volume_definition",
        /// Makes a resource on nodes.
        CreateResource = "create_resource",
        /// Does away with a resource on a node.
        DeleteResource = "delete_resource",
        /// Which nodes are there?
        ListNodes = "list_nodes",
        /// Which storage pools are there?
        ListStoragePools = "list_storage_pools",
        /// Which resource definitions are there?
        ListResourceDefinitions = "list_resource_definitions",
        /// Which resources are there?
        ListResources = "list_resources",
        /// Which volumes are there?
        ListVolumes = "list_volumes",
    }
}

crate::record! {
    /// Somebody asks the controller for something. Calls are numbered over the whole run.
    pub struct ApiCalled = "api.called", Notable { call: u64, request: ApiRequest }
}
crate::record! {
    /// The answer has come. `version`: that of the configuration in which the change is stored, 0 if none was made;
    /// `error`: the number of the report that the answer names, 0 if it names none.
    pub struct ApiAnswered = "api.answered", Notable {
        call: u64, code: i64, version: u64, is_error: bool, error: u32
    }
}
crate::record! {
    /// The configuration in the controller's memory is this one from now on; `loaded`: as it was read from the database.
    pub struct ControllerHolds = "controller.holds", Notable {
        version: u64, fingerprint: u64, loaded: bool
    }
}
crate::record! {
    /// This is what a target is to have.
    pub struct ControllerDeploys = "controller.deploys", Notable {
        target: NodeId, version: u64, fingerprint: u64
    }
}
crate::record! {
    /// This is what the target has.
    pub struct TargetSynced = "target.synced", Notable { version: u64, fingerprint: u64 }
}
crate::record! {
    /// A version of the configuration is in the database, and durable: since now, or as a database that starts finds it.
    pub struct DatabaseCommitted = "database.committed", Notable { version: u64 }
}
crate::record! {
    /// Something went wrong. Errors are numbered over the life of the manager's disk.
    pub struct ErrorRaised = "error.raised", Notable { error: u32, code: i64 }
}
crate::record! {
    /// The report of an error is durable.
    pub struct ErrorReported = "error.reported", Notable { error: u32 }
}
crate::record! {
    /// The line that names an error's report is in the log.
    pub struct ErrorLogged = "error.logged", Notable { error: u32 }
}
