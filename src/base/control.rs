//! What the control plane tells those who watch it: calls and their answers, what the controller holds, what the database
//! has committed, what targets have of it, errors. Judges nothing.
//!
//! As with the history, a checker sees these records and no cluster code: a control plane that is not ours is held to the
//! same rules as soon as its parts emit them.

use super::{Nanos, NodeId};

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
    /// The answer has come, from the controller on node `by`. `version`: that of the configuration in which the change is
    /// stored, 0 if none was made; `error`: the number of the report that the answer names, 0 if it names none.
    pub struct ApiAnswered = "api.answered", Notable {
        call: u64, code: i64, version: u64, is_error: bool, error: u32, by: NodeId
    }
}
crate::record! {
    /// The configuration in the controller's memory is this one from now on; `loaded`: as it was read from the database.
    pub struct ControllerHolds = "controller.holds", Notable {
        version: u64, fingerprint: u64, loaded: bool
    }
}
crate::record! {
    /// A controller has heard from its database that another one has taken over, in this term: it does nothing any more.
    pub struct ControllerDeposed = "controller.deposed", Notable { term: u64, by: u64 }
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
crate::word_enum! {
    /// How the controller stands with a satellite.
    pub enum SatelliteStatus {
        /// There is no connection.
        Offline = "OFFLINE",
        /// There is one, and the satellite does not have everything yet.
        Connected = "CONNECTED",
        /// It has all that it is to have, or is about to bring it about.
        Online = "ONLINE",
        /// It speaks another version of the protocol.
        VersionMismatch = "VERSION_MISMATCH",
        /// It has refused what it was to have.
        FullSyncFailed = "FULL_SYNC_FAILED",
        /// It calls itself something else.
        HostnameMismatch = "HOSTNAME_MISMATCH",
    }
}
crate::record! {
    /// The controller stands with a satellite otherwise than before.
    pub struct SatelliteStanding = "satellite.status", Notable {
        target: NodeId, status: SatelliteStatus
    }
}
crate::record! {
    /// A satellite has brought about all that a resource is to have. `deployed`: so many of its `wanted` resources are as
    /// they are to be now.
    pub struct ResourceDeployed = "resource.deployed", Notable { deployed: u32, wanted: u32 }
}
crate::record! {
    /// A satellite could not do so, and tries again later.
    pub struct ResourceFailed = "resource.failed", Notable { code: i64, attempt: u32, again_in: Nanos }
}
crate::record! {
    /// A satellite has started an external program that it waits for.
    pub struct ProgramBegun = "program.begun", Notable { pid: u32 }
}
crate::record! {
    /// It waits no longer: the program is over, or was given up. Of what it wrote `read` bytes were read, and at most `kept`
    /// held at a time.
    pub struct ProgramOver = "program.over", Notable { pid: u32, read: u64, kept: u64, given_up: bool }
}
crate::record! {
    /// Not even SIGKILL ended a program: the operating system's kernel does not do what it is to do.
    pub struct KernelMalfunctions = "kernel.malfunction", Notable { pid: u32 }
}
crate::record! {
    /// A device file does not open in time: whoever opens it waits elsewhere, and everything else goes on.
    pub struct OpenOverdue = "device.open-overdue", Notable { volumes: u32 }
}
crate::record! {
    /// A satellite's event stream is over, or says what nobody understands. `restarts`: how often it was started again.
    pub struct StreamLost = "stream.lost", Notable { code: i64, restarts: u32 }
}
crate::record! {
    /// A version of the configuration is in the database, and durable: since now, by the controller of this term (0, where
    /// there is only one manager), or as a database that starts finds it.
    pub struct DatabaseCommitted = "database.committed", Notable { version: u64, term: u64 }
}
crate::record! {
    /// The controller of this term has the database from now on, and those of all terms before it no longer: that is durable.
    pub struct DatabaseClaimed = "database.claimed", Notable { term: u64 }
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
