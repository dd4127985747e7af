//! What disk faults say of commands: which kinds, when, with which status. Applies none.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scenario::name::name_enum;

name_enum! {
    /// When a command that is to fail does.
    #[derive(Default)]
    pub enum Phase {
        /// Before it is executed: nothing changes.
        #[default]
        Before = "before",
        /// After it was executed: the media changed, the host is told that it failed.
        After = "after",
        /// Its completion does: it was executed, and the host hears nothing of it. The status says nothing.
        Completion = "completion",
        /// It was executed, and its completion comes much later, as a success. The status says nothing.
        Delayed = "delayed",
    }
}

name_enum! {
    /// A failure that a disk reports, by its NVMe name.
    pub enum StatusName {
        /// 0h/02h: a field of the command is not supported.
        InvalidField = "invalid_field",
        /// 0h/04h: the data did not make it over the bus.
        DataTransferError = "data_transfer_error",
        /// 0h/05h: aborted because power was lost.
        PowerLoss = "power_loss",
        /// 0h/06h: an error within the device.
        Internal = "internal",
        /// 0h/07h: aborted by request.
        AbortRequested = "abort_requested",
        /// 0h/08h: aborted because its queue was deleted.
        AbortQueue = "abort_queue",
        /// 0h/0Bh: the namespace is gone.
        InvalidNamespace = "invalid_namespace",
        /// 0h/20h: the namespace is write-protected.
        WriteProtected = "write_protected",
        /// 0h/21h: interrupted; to be tried again.
        Interrupted = "interrupted",
        /// 0h/22h: a transient transport error.
        TransportError = "transport_error",
        /// 0h/80h: blocks beyond the end of the namespace.
        LbaRange = "lba_range",
        /// 0h/81h: no space is left on a thin namespace.
        CapacityExceeded = "capacity_exceeded",
        /// 0h/82h: the namespace is not ready; to be tried again.
        NamespaceNotReady = "namespace_not_ready",
        /// 0h/83h: another host holds a reservation.
        ReservationConflict = "reservation_conflict",
        /// 0h/84h: the namespace is being formatted; to be tried again.
        FormatInProgress = "format_in_progress",
        /// 1h/80h: attributes of the command contradict each other.
        ConflictingAttributes = "conflicting_attributes",
        /// 1h/82h: the blocks are read-only.
        ReadOnlyRange = "read_only_range",
        /// 2h/80h: the write was not committed to the media.
        WriteFault = "write_fault",
        /// 2h/81h: the media could not be read.
        UnrecoveredRead = "unrecovered_read",
        /// 2h/82h: the guard checksum does not match.
        GuardCheck = "guard_check",
        /// 2h/83h: the application tag does not match.
        ApplicationTagCheck = "application_tag_check",
        /// 2h/84h: the reference tag, the block's own address, does not match.
        ReferenceTagCheck = "reference_tag_check",
        /// 2h/85h: a compare found other data.
        CompareFailure = "compare_failure",
        /// 2h/86h: access to the blocks is denied.
        AccessDenied = "access_denied",
        /// 2h/87h: a block was never written, or was deallocated.
        UnwrittenBlock = "unwritten_block",
        /// 3h/02h: the namespace cannot be reached through this controller.
        AnaInaccessible = "ana_inaccessible",
        /// 3h/60h: the path to the device failed in the controller.
        ControllerPathError = "controller_path_error",
        /// 3h/70h: the path to the device failed in the host.
        HostPathError = "host_path_error",
        /// 3h/71h: the host gave the command up.
        AbortedByHost = "aborted_by_host",
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
