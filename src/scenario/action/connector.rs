//! Arguments of the actions on managers' connectors. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::scenario::connector::ConnectorSelector;

/// A connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectorOnly {
    /// Which connector.
    pub connector: ConnectorSelector,
}

impl Arguments for ConnectorOnly {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("connector", Where::Connector(self.connector))]
    }
}
