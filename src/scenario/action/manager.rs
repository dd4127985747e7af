//! Arguments of the actions on the manager. Applies none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::{Arguments, Where};
use crate::base::MessageKind;
use crate::scenario::ids::NodeSelector;
use crate::scenario::name::name_enum;
use crate::scenario::units::within;

name_enum! {
    /// Something that a manager says and that nobody must believe.
    pub enum FalseWord {
        /// To a client: an attachment is over that it never had.
        Detached = "detached",
        /// To a client: a grant for an attachment that it never had.
        Grant = "grant",
        /// To a target: serve a leg under an epoch that is over.
        Register = "register",
        /// To a target: see to a volume, whoever has it.
        CareFor = "care-for",
        /// To anybody: the answer to a heartbeat that was never sent.
        Pong = "pong",
    }
}

name_enum! {
    /// What clients and targets say to a manager.
    pub enum ToldManager {
        /// A client wants to be the owner.
        Attach = "attach",
        /// An owner gives a volume back.
        Detach = "detach",
        /// A leg has failed.
        LegFailed = "leg-failed",
        /// A dead leg is back.
        LegBack = "leg-back",
        /// A leg is rebuilt.
        Rebuilt = "rebuilt",
        /// A target tells of its legs.
        TargetHello = "target-hello",
        /// A target answers that it serves a leg under an epoch.
        Registered = "registered",
        /// A heartbeat.
        Ping = "ping",
    }
}

impl ToldManager {
    /// The kind of the message.
    #[must_use]
    pub const fn kind(self) -> MessageKind {
        match self {
            Self::Attach => MessageKind::Attach,
            Self::Detach => MessageKind::Detach,
            Self::LegFailed => MessageKind::LegFailed,
            Self::LegBack => MessageKind::LegBack,
            Self::Rebuilt => MessageKind::Rebuilt,
            Self::TargetHello => MessageKind::TargetHello,
            Self::Registered => MessageKind::Registered,
            Self::Ping => MessageKind::Ping,
        }
    }
}

/// Something false that the manager says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InjectFalseMessage {
    /// To which client or target.
    pub to: NodeSelector,
    /// What.
    pub message: FalseWord,
}

/// Messages that reach the manager and are overlooked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IgnoreNextClientMessage {
    /// Of which kind.
    pub message: ToldManager,
    /// How many, 1 to 10000.
    #[serde(default = "one", deserialize_with = "within::<1, 10_000, _, _>")]
    #[schemars(range(min = 1, max = 10_000))]
    pub count: u32,
}

const fn one() -> u32 {
    1
}

/// Answers and orders that are kept back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldAcks {
    /// Whether each goes out twice in the end.
    #[serde(default)]
    pub twice: bool,
}

/// A manager whose connections all break at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceReboot {
    /// Whether it forgets nothing, and only its connections are gone. Else it dies, and is up again in two milliseconds.
    #[serde(default)]
    pub keep_memory: bool,
}

impl Arguments for InjectFalseMessage {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        vec![("to", Where::Node(self.to))]
    }
}

impl Arguments for IgnoreNextClientMessage {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        Vec::new()
    }
}

impl Arguments for HoldAcks {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        Vec::new()
    }
}

impl Arguments for ForceReboot {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        Vec::new()
    }
}
