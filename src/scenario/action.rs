//! The actions of a fault script and their arguments. Applies none.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{DiskSelector, NodeSelector};
use super::name::name_enum;
use super::units::{Chance, NanosRange, odds, within};
use crate::base::Odds;

/// Defines [`Action`]: per action its name in a file, its arguments and whether `for` can undo it.
macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident($args:ident) = $name:literal, $undo:ident;)*) => {
        /// What a script entry does to the cluster. Named as the control methods and the trace are.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub enum Action { $($(#[$doc])* #[serde(rename = $name)] $variant($args)),* }

        impl Action {
            /// The name of every action, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name in a scenario, such as `disk.slow`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }
            /// Whether an entry may undo it after a time with `for`.
            #[must_use]
            pub const fn can_be_undone(&self) -> bool {
                match self { $(Self::$variant(_) => actions!(@ $undo)),* }
            }
        }
    };
    (@ undoes) => { true };
    (@ stays) => { false };
}

actions! {
    /// Blocks of the disk fail every read until they are rewritten or healed.
    DiskInsertBadSector(InsertBadSector) = "disk.insert_bad_sector", undoes;
    /// Lifts every bad sector and injected failure from the disk.
    DiskHeal(DiskOnly) = "disk.heal", stays;
    /// Commands of the disk fail at random.
    DiskInjectRandomFailure(InjectRandomFailure) = "disk.inject_random_failure", undoes;
    /// The next commands of the disk fail.
    DiskFailNext(FailNext) = "disk.fail_next", stays;
    /// The client can no longer reach the disk; everybody else can.
    DiskDisconnectFromClient(DiskClient) = "disk.disconnect_from_client", undoes;
    /// The client can reach the disk again.
    DiskReconnectToClient(DiskClient) = "disk.reconnect_to_client", stays;
    /// Commands of the disk take `factor` times as long.
    DiskSlow(SlowDisk) = "disk.slow", undoes;
    /// Commands of the disk do not complete.
    DiskHang(HangDisk) = "disk.hang", undoes;
    /// The disk is pulled out: its commands fail, its contents stay.
    DiskUnplug(DiskOnly) = "disk.unplug", undoes;
    /// The disk is put back.
    DiskPlug(DiskOnly) = "disk.plug", stays;
    /// No message passes between `a` and `b`.
    NetPartition(Partition) = "net.partition", undoes;
    /// No message passes to or from the node.
    NetIsolate(NodeOnly) = "net.isolate", undoes;
    /// Messages take longer.
    NetDelay(DelayLink) = "net.delay", undoes;
    /// Messages are lost at random.
    NetLoss(LossyLink) = "net.loss", undoes;
    /// The connections break; what was on its way is lost.
    NetReset(LinkOnly) = "net.reset", stays;
    /// Messages are held back; undoing it releases them all at once.
    NetHold(LinkOnly) = "net.hold", undoes;
    /// The node loses power and boots again.
    NodeReboot(Reboot) = "node.reboot", stays;
    /// The node loses power.
    NodePowerOff(NodeOnly) = "node.power_off", undoes;
    /// The node gets its power back and boots.
    NodePowerOn(NodeOnly) = "node.power_on", stays;
    /// Nothing runs on the node; messages to it queue up.
    NodePause(NodeOnly) = "node.pause", undoes;
    /// The node runs on where it was paused.
    NodeResume(NodeOnly) = "node.resume", stays;
}

/// An argument that says where an action is applied.
#[derive(Clone, Copy, Debug)]
pub(super) enum Where<'a> {
    Node(NodeSelector),
    Client(NodeSelector),
    Disk(&'a DiskSelector),
}

impl Action {
    /// The arguments that say where it is applied, by their keys.
    pub(super) fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        match self {
            Self::DiskInsertBadSector(InsertBadSector { disk, .. })
            | Self::DiskHeal(DiskOnly { disk })
            | Self::DiskInjectRandomFailure(InjectRandomFailure { disk, .. })
            | Self::DiskFailNext(FailNext { disk, .. })
            | Self::DiskSlow(SlowDisk { disk, .. })
            | Self::DiskHang(HangDisk { disk, .. })
            | Self::DiskUnplug(DiskOnly { disk })
            | Self::DiskPlug(DiskOnly { disk }) => vec![("disk", Where::Disk(disk))],
            Self::DiskDisconnectFromClient(DiskClient { disk, client })
            | Self::DiskReconnectToClient(DiskClient { disk, client }) => {
                vec![("disk", Where::Disk(disk)), ("client", Where::Client(*client))]
            }
            Self::NetPartition(Partition { a, b, .. }) => {
                vec![("a", Where::Node(*a)), ("b", Where::Node(*b))]
            }
            Self::NetDelay(DelayLink { from, to, .. })
            | Self::NetLoss(LossyLink { from, to, .. })
            | Self::NetReset(LinkOnly { from, to })
            | Self::NetHold(LinkOnly { from, to }) => {
                vec![("from", Where::Node(*from)), ("to", Where::Node(*to))]
            }
            Self::NetIsolate(NodeOnly { node })
            | Self::NodeReboot(Reboot { node, .. })
            | Self::NodePowerOff(NodeOnly { node })
            | Self::NodePowerOn(NodeOnly { node })
            | Self::NodePause(NodeOnly { node })
            | Self::NodeResume(NodeOnly { node }) => vec![("node", Where::Node(*node))],
        }
    }
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskOnly {
    /// Which disk.
    pub disk: DiskSelector,
}

/// Bad sectors to insert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InsertBadSector {
    /// Which disk.
    pub disk: DiskSelector,
    /// The first bad block, counted on the disk, from 0.
    pub block: u64,
    /// How many blocks from there on are bad, 1 to 2^32.
    #[serde(default = "one", deserialize_with = "within::<1, 0x1_0000_0000, _, _>")]
    #[schemars(range(min = 1, max = 0x1_0000_0000_u64))]
    pub count: u64,
    /// What a read of them returns.
    #[serde(default = "unrecovered_read")]
    pub status: StatusName,
}

/// Random failures to inject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InjectRandomFailure {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands may fail.
    #[serde(default)]
    pub ops: Ops,
    /// How likely each of them fails.
    #[serde(with = "odds")]
    #[schemars(with = "Chance")]
    pub odds: Odds,
    /// What a failed command returns.
    #[serde(default = "internal")]
    pub status: StatusName,
    /// Whether a failed command was executed.
    #[serde(default)]
    pub phase: Phase,
}

/// Commands to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailNext {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands fail.
    #[serde(default)]
    pub ops: Ops,
    /// How many of them fail, 1 to 1,000,000.
    #[serde(default = "one", deserialize_with = "within::<1, 1_000_000, _, _>")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u64,
    /// What they return.
    #[serde(default = "internal")]
    pub status: StatusName,
}

/// A disk as one client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskClient {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which client.
    pub client: NodeSelector,
}

/// A disk to slow down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowDisk {
    /// Which disk.
    pub disk: DiskSelector,
    /// How many times as long its commands take, 1 to 1000.
    #[serde(deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub factor: u32,
}

/// A disk whose commands hang.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HangDisk {
    /// Which disk.
    pub disk: DiskSelector,
    /// Which commands hang.
    #[serde(default)]
    pub ops: Ops,
}

/// Two sides that are cut off from each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One side.
    pub a: NodeSelector,
    /// The other side.
    pub b: NodeSelector,
    /// Whether only messages from `a` to `b` are cut off.
    #[serde(default)]
    pub oneway: bool,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeOnly {
    /// Which node.
    pub node: NodeSelector,
}

/// A directed link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOnly {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
}

/// A directed link that is slower than usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayLink {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How much longer a message is on its way, drawn per message.
    pub latency: NanosRange,
}

/// A directed link that loses messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossyLink {
    /// Who sends.
    pub from: NodeSelector,
    /// Who receives.
    pub to: NodeSelector,
    /// How likely each message is lost.
    #[serde(with = "odds")]
    #[schemars(with = "Chance")]
    pub odds: Odds,
}

/// A node to reboot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reboot {
    /// Which node.
    pub node: NodeSelector,
    /// How long it is down; left out, the cluster's `boot_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<NanosRange>,
}

const fn one() -> u64 {
    1
}

const fn unrecovered_read() -> StatusName {
    StatusName::UnrecoveredRead
}

const fn internal() -> StatusName {
    StatusName::Internal
}

name_enum! {
    /// When a command that is to fail does.
    #[derive(Default)]
    pub enum Phase {
        /// Before it is executed: nothing changes.
        #[default]
        Before = "before",
        /// After it was executed: the media changed, the host is told that it failed.
        After = "after",
    }
}

name_enum! {
    /// A failure that a disk reports, by its NVMe name.
    pub enum StatusName {
        /// 0h/04h: the data did not make it over the bus.
        DataTransferError = "data_transfer_error",
        /// 0h/05h: aborted because power was lost.
        PowerLoss = "power_loss",
        /// 0h/06h: an error within the device.
        Internal = "internal",
        /// 0h/07h: aborted by request.
        AbortRequested = "abort_requested",
        /// 0h/0Bh: the namespace is gone.
        InvalidNamespace = "invalid_namespace",
        /// 0h/20h: the namespace is write-protected.
        WriteProtected = "write_protected",
        /// 0h/21h: interrupted; to be tried again.
        Interrupted = "interrupted",
        /// 0h/22h: a transient transport error.
        TransportError = "transport_error",
        /// 0h/82h: the namespace is not ready; to be tried again.
        NamespaceNotReady = "namespace_not_ready",
        /// 2h/80h: the write was not committed to the media.
        WriteFault = "write_fault",
        /// 2h/81h: the media could not be read.
        UnrecoveredRead = "unrecovered_read",
        /// 2h/82h: the guard checksum does not match.
        GuardCheck = "guard_check",
        /// 2h/84h: the reference tag, the block's own address, does not match.
        ReferenceTagCheck = "reference_tag_check",
        /// 2h/86h: access to the blocks is denied.
        AccessDenied = "access_denied",
        /// 3h/70h: the path to the device failed in the host.
        HostPathError = "host_path_error",
    }
}

/// The kinds of disk commands that a fault is for. Never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ops {
    /// Reads.
    pub read: bool,
    /// Writes.
    pub write: bool,
    /// Flushes.
    pub flush: bool,
}

impl Ops {
    /// Every kind.
    pub const ALL: Self = Self { read: true, write: true, flush: true };
    const NONE: Self = Self { read: false, write: false, flush: false };
    const WANTED: &'static str =
        "`\"all\"`, or a list of at least one of `\"read\"`, `\"write\"` and `\"flush\"`";

    fn add(&mut self, op: OpName) {
        match op {
            OpName::Read => self.read = true,
            OpName::Write => self.write = true,
            OpName::Flush => self.flush = true,
        }
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self::ALL
    }
}

/// A kind of disk command.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OpName {
    Read,
    Write,
    Flush,
}

impl Serialize for Ops {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::ALL {
            return serializer.serialize_str("all");
        }
        let given =
            [(OpName::Read, self.read), (OpName::Write, self.write), (OpName::Flush, self.flush)];
        let mut list = serializer.serialize_seq(None)?;
        for (name, _) in given.iter().filter(|(_, given)| *given) {
            list.serialize_element(name)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Ops {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OpsVisitor;
        impl<'de> Visitor<'de> for OpsVisitor {
            type Value = Ops;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Ops::WANTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Ops, E> {
                match text {
                    "all" => Ok(Ops::ALL),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ops, A::Error> {
                let mut ops = Ops::NONE;
                while let Some(op) = list.next_element()? {
                    ops.add(op);
                }
                if ops == Ops::NONE {
                    return Err(A::Error::invalid_length(0, &self));
                }
                Ok(ops)
            }
        }
        deserializer.deserialize_any(OpsVisitor)
    }
}

impl JsonSchema for Ops {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ops".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": Self::WANTED,
            "oneOf": [
                { "const": "all" },
                {
                    "type": "array", "minItems": 1,
                    "items": { "enum": ["read", "write", "flush"] }
                }
            ]
        })
    }
}
