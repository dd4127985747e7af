//! The calls of the controller's API as methods of the console, named as a script names them. Checks no parameter.

use super::console::Console;
use super::request::{CallId, Request};

impl Console {
    /// Makes a node known.
    pub fn create_node(&self, name: String, node_type: Option<String>) -> CallId {
        self.call(Request::CreateNode { name, node_type })
    }

    /// Gives a node another type.
    pub fn modify_node(&self, name: String, node_type: String) -> CallId {
        self.call(Request::ModifyNode { name, node_type })
    }

    /// Forgets a node.
    pub fn delete_node(&self, name: String) -> CallId {
        self.call(Request::DeleteNode { name })
    }

    /// Makes storage of a node known.
    pub fn create_storage_pool(&self, node: String, name: String, capacity: u64) -> CallId {
        self.call(Request::CreateStoragePool { node, name, capacity })
    }

    /// Forgets a storage pool.
    pub fn delete_storage_pool(&self, node: String, name: String) -> CallId {
        self.call(Request::DeleteStoragePool { node, name })
    }

    /// Defines a resource.
    pub fn create_resource_definition(&self, name: String, port: Option<u64>) -> CallId {
        self.call(Request::CreateResourceDefinition { name, port })
    }

    /// Does away with a resource and its definition.
    pub fn delete_resource_definition(&self, name: String) -> CallId {
        self.call(Request::DeleteResourceDefinition { name })
    }

    /// Defines a volume of a resource.
    pub fn create_volume_definition(
        &self,
        definition: String,
        number: Option<u64>,
        size: u64,
    ) -> CallId {
        self.call(Request::CreateVolumeDefinition { definition, number, size })
    }

    /// Gives a volume another size.
    pub fn modify_volume_definition(&self, definition: String, number: u64, size: u64) -> CallId {
        self.call(Request::ModifyVolumeDefinition { definition, number, size })
    }

    /// Does away with the definition of a volume.
    pub fn delete_volume_definition(&self, definition: String, number: u64) -> CallId {
        self.call(Request::DeleteVolumeDefinition { definition, number })
    }

    /// Makes a resource on nodes.
    pub fn create_resource(
        &self,
        definition: String,
        node: Option<String>,
        pool: Option<String>,
        place: Option<u64>,
    ) -> CallId {
        self.call(Request::CreateResource { definition, node, pool, place })
    }

    /// Does away with a resource on a node.
    pub fn delete_resource(&self, definition: String, node: String) -> CallId {
        self.call(Request::DeleteResource { definition, node })
    }

    /// Asks which nodes there are.
    pub fn list_nodes(&self) -> CallId {
        self.call(Request::ListNodes {})
    }

    /// Asks which storage pools there are.
    pub fn list_storage_pools(&self) -> CallId {
        self.call(Request::ListStoragePools {})
    }

    /// Asks which resource definitions there are.
    pub fn list_resource_definitions(&self) -> CallId {
        self.call(Request::ListResourceDefinitions {})
    }

    /// Asks which resources there are.
    pub fn list_resources(&self) -> CallId {
        self.call(Request::ListResources {})
    }

    /// Asks which volumes there are.
    pub fn list_volumes(&self) -> CallId {
        self.call(Request::ListVolumes {})
    }
}
