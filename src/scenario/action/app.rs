//! Arguments of the actions on applications. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::ids::NodeSelector;

/// A client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientOnly {
    /// Which client.
    pub client: NodeSelector,
}

/// A client and a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientVolume {
    /// Which client.
    pub client: NodeSelector,
    /// The volume's name.
    pub volume: String,
}

impl Arguments for ClientOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("client", Where::Client(self.client))]
    }
}

impl Arguments for ClientVolume {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("client", Where::Client(self.client)), ("volume", Where::Volume(&self.volume))]
    }
}
