//! The network's trace records. Each message that is sent ends in one delivered or one final dropped.

use std::fmt;
use std::marker::PhantomData;

use crate::base::{Audience, Field, FieldKind, Nanos, NodeId, RecordType, Recorded, WORDS, Word};

use super::port::Message;

crate::word_enum! {
    /// Why a message did not arrive.
    pub enum DropReason {
        /// Its link is partitioned, or one of its nodes isolated.
        Partitioned = "partitioned",
        /// Its link loses messages.
        Lost = "lost",
        /// The connection was reset.
        Reset = "reset",
        /// The connection broke before its turn came.
        Broken = "broken",
        /// The receiving end had been closed.
        Closed = "closed",
        /// The node it was sent to, or the one that sent it, was down.
        NodeDown = "node-down",
        /// No socket was bound to the service.
        NobodyListens = "nobody-listens",
        /// It arrived, but its receiver closed without having read it.
        Unread = "unread",
        /// An interface that it was to leave or to arrive by is down.
        InterfaceDown = "interface-down",
        /// Its checksum is wrong: it was altered on the wire.
        Corrupted = "corrupted",
        /// It was one of the next of its kind, which were to be dropped.
        DropNext = "drop-next",
        /// The connection is half open: the receiver has forgotten it.
        HalfOpen = "half-open",
        /// The wire carried it twice, and the connection had it already.
        Duplicate = "duplicate",
        /// Another machine has the address that it was to leave or to arrive by.
        AddressConflict = "address-conflict",
    }
}

crate::word_enum! {
    /// Why an end of a connection closed.
    pub enum CloseReason {
        /// Its owner closed it.
        Local = "closed",
        /// The peer closed or died.
        Peer = "peer-closed",
        /// Its own node went down.
        NodeDown = "node-down",
        /// Nobody listened at the peer.
        Refused = "refused",
        /// The peer did not answer the connection attempt in time.
        TimedOut = "timed-out",
        /// The peer could not be reached for too long.
        Unreachable = "unreachable",
        /// The connection was reset.
        Reset = "reset",
        /// A message came with a wrong checksum.
        Corrupted = "corrupted",
        /// This end was taken away, and the other one not told.
        HalfOpen = "half-open",
    }
}

crate::word_enum! {
    /// The faults of the network, by the names of their control methods and actions.
    pub enum NetFault {
        /// See [`Fabric::partition`](super::Fabric::partition).
        Partition = "partition",
        /// See [`Fabric::isolate`](super::Fabric::isolate).
        Isolate = "isolate",
        /// See [`Fabric::delay`](super::Fabric::delay).
        Delay = "delay",
        /// See [`Fabric::loss`](super::Fabric::loss).
        Loss = "loss",
        /// See [`Fabric::duplicate`](super::Fabric::duplicate).
        Duplicate = "duplicate",
        /// See [`Fabric::reorder`](super::Fabric::reorder).
        Reorder = "reorder",
        /// See [`Fabric::corrupt`](super::Fabric::corrupt).
        Corrupt = "corrupt",
        /// See [`Fabric::bandwidth`](super::Fabric::bandwidth).
        Bandwidth = "bandwidth",
        /// See [`Fabric::reset`](super::Fabric::reset).
        Reset = "reset",
        /// See [`Fabric::half_open`](super::Fabric::half_open).
        HalfOpen = "half_open",
        /// See [`Fabric::hold`](super::Fabric::hold).
        Hold = "hold",
        /// See [`Fabric::drop_next`](super::Fabric::drop_next).
        DropNext = "drop_next",
        /// See [`Fabric::delay_next`](super::Fabric::delay_next).
        DelayNext = "delay_next",
        /// See [`Fabric::duplicate_next`](super::Fabric::duplicate_next).
        DuplicateNext = "duplicate_next",
        /// See [`Fabric::interface_down`](super::Fabric::interface_down).
        InterfaceDown = "interface_down",
        /// See [`Fabric::renumber`](super::Fabric::renumber).
        Renumber = "renumber",
        /// See [`Fabric::address_conflict`](super::Fabric::address_conflict).
        AddressConflict = "address_conflict",
        /// See [`Fabric::port_in_use`](super::Fabric::port_in_use).
        PortInUse = "port_in_use",
    }
}

crate::word_enum! {
    /// Why nobody can listen.
    pub enum BindError {
        /// The port is somebody else's (`EADDRINUSE`).
        InUse = "in-use",
        /// The interface is down, or its address is not to be had (`EADDRNOTAVAIL`).
        NotAvailable = "not-available",
    }
}

crate::record! {
    /// Which interfaces a connection uses: of the node that asked for it, and of the other. Only where nodes
    /// have several.
    pub struct ConnectionRouted = "net.routed", Trace { connection: u64, local: u8, remote: u8 }
}

crate::record! {
    /// A node asks another for a connection to a service.
    pub struct ConnectionStarted = "net.connecting", Trace {
        from: NodeId, to: NodeId, connection: u64, service: u16
    }
}

crate::record! {
    /// The node that was asked has taken the connection, before its program accepts it.
    pub struct ConnectionAccepted = "net.accepted", Trace {
        from: NodeId, to: NodeId, connection: u64, service: u16
    }
}

crate::record! {
    /// The node that asked for a connection has it.
    pub struct ConnectionOpened = "net.connected", Notable {
        from: NodeId, to: NodeId, connection: u64
    }
}

crate::record! {
    /// The end of a connection at `node` closed.
    pub struct ConnectionClosed = "net.closed", Notable {
        node: NodeId, peer: NodeId, connection: u64, why: CloseReason
    }
}

/// The kind of a message of type `M`, or of one that the network itself sends.
pub struct Kind<M> {
    code: u64,
    message: PhantomData<fn() -> M>,
}

/// What the network itself sends on connections; the codes count down from the largest.
const OWN_KINDS: [&str; 6] = ["(connect)", "(accept)", "(refuse)", "(close)", "(reset)", "(none)"];

impl<M> Kind<M> {
    /// No message at all.
    pub const NONE: Self = Self::own(5);

    /// The kind with this code.
    #[must_use]
    pub const fn new(code: u64) -> Self {
        Self { code, message: PhantomData }
    }
    /// A message of the network itself, as an index into its names.
    pub(super) const fn own(index: u64) -> Self {
        Self::new(u64::MAX - index)
    }
    /// Its code.
    #[must_use]
    pub const fn code(self) -> u64 {
        self.code
    }
}

impl<M> Clone for Kind<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Kind<M> {}

impl<M: Message> fmt::Debug for Kind<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(kind_name::<M>(self.code))
    }
}

impl<M: Message> Word for Kind<M> {
    const KIND: FieldKind = FieldKind::Name(kind_name::<M>);
    fn to_word(self) -> u64 {
        self.code
    }
    fn from_word(word: u64) -> Self {
        Self::new(word)
    }
}

fn kind_name<M: Message>(code: u64) -> &'static str {
    match OWN_KINDS.get((u64::MAX - code).min(OWN_KINDS.len() as u64) as usize) {
        Some(own) => own,
        None => M::kind_name(code),
    }
}

/// As [`record!`](crate::record), for the records that show a message's kind.
macro_rules! message_record {
    ($(#[$doc:meta])* pub struct $type:ident = $name:literal, $audience:ident
     { $($field:ident: $ftype:ty),* $(,)? }) => {
        $(#[$doc])*
        pub struct $type<M> {
            $(#[doc = concat!("The record's `", stringify!($field), "`.")]
            pub $field: $ftype,)*
        }

        impl<M> Clone for $type<M> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<M> Copy for $type<M> {}

        impl<M: Message> fmt::Debug for $type<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = f.debug_struct(stringify!($type));
                $(shown.field(stringify!($field), &self.$field);)*
                shown.finish()
            }
        }

        impl<M: Message> Recorded for $type<M> {
            const TYPE: &'static RecordType = &RecordType {
                name: $name,
                code: crate::base::record_code($name),
                fields: &[$(Field {
                    name: stringify!($field),
                    kind: <$ftype as Word>::KIND,
                }),*],
                audience: Audience::$audience,
            };
            fn words(&self) -> [u64; WORDS] {
                let given = [$(self.$field.to_word()),*];
                let mut words = [0; WORDS];
                words[..given.len()].copy_from_slice(&given);
                words
            }
            fn from_words(words: &[u64; WORDS]) -> Self {
                let mut next = words.iter().copied();
                Self { $($field: <$ftype as Word>::from_word(
                    next.next().expect("a record type has at most WORDS fields"))),* }
            }
        }
    };
}

message_record! {
    /// A node handed a message to the network; `connection` is 0 for a datagram.
    pub struct MessageSent = "net.sent", Trace {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>, bytes: u64
    }
}

message_record! {
    /// A message arrived; its cause is its `net.sent`.
    pub struct MessageDelivered = "net.delivered", Trace {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>
    }
}

message_record! {
    /// A message was dropped; its cause is its `net.sent`. With `again`, it will be transmitted again.
    pub struct MessageDropped = "net.dropped", Trace {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>, why: DropReason, again: bool
    }
}

message_record! {
    /// A fault landed on a message, caused by its `net.sent`; or on a connection as such, and then `kind` is
    /// `(none)`. With `duplicate` on a datagram and with `duplicate_next`, a copy is on the wire from then on,
    /// which ends in a `net.delivered` or `net.dropped` of its own.
    pub struct MessageFaulted = "net.faulted", History {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>, fault: NetFault
    }
}

/// The records of faults that hold for messages at odds.
macro_rules! odds_records {
    ($($(#[$doc:meta])* pub struct $type:ident = $name:literal;)*) => {$(
        crate::record! {
            $(#[$doc])*
            pub struct $type = $name, Notable {
                from: NodeId, to: NodeId, numerator: u32, denominator: u32
            }
        }
    )*};
}

odds_records! {
    /// Messages are lost.
    pub struct LossSet = "net.loss";
    /// The wire carries messages twice.
    pub struct DuplicateSet = "net.duplicate";
    /// Messages are late, and overtaken.
    pub struct ReorderSet = "net.reorder";
    /// Messages are altered on the wire.
    pub struct CorruptSet = "net.corrupt";
}

crate::record! {
    /// No message passes from `a` to `b`, nor back unless `oneway`.
    pub struct PartitionSet = "net.partition", Notable { a: NodeId, b: NodeId, oneway: bool }
}
crate::record! {
    /// A node is cut off from all others.
    pub struct IsolateSet = "net.isolate", Notable { at: NodeId }
}
crate::record! {
    /// Messages take longer, by `min` to `max`.
    pub struct DelaySet = "net.delay", Notable { from: NodeId, to: NodeId, min: Nanos, max: Nanos }
}
crate::record! {
    /// Messages pass a narrow place of so many bits a second.
    pub struct BandwidthSet = "net.bandwidth", Notable { from: NodeId, to: NodeId, rate: u64 }
}
crate::record! {
    /// So many connections were reset.
    pub struct ResetDone = "net.reset", Notable { from: NodeId, to: NodeId, connections: u32 }
}
crate::record! {
    /// So many connections are gone at `to`, and `from` was not told.
    pub struct HalfOpenDone = "net.half_open", Notable { from: NodeId, to: NodeId, connections: u32 }
}
crate::record! {
    /// What comes out of the link waits.
    pub struct HoldSet = "net.hold", Notable { from: NodeId, to: NodeId }
}
crate::record! {
    /// An interface is down.
    pub struct InterfaceDownSet = "net.interface_down", Notable { at: NodeId, interface: u8 }
}
crate::record! {
    /// An interface has another address; so many connections broke.
    pub struct Renumbered = "net.renumber", Notable { at: NodeId, interface: u8, connections: u32 }
}
crate::record! {
    /// Another machine has the address of an interface, too.
    pub struct AddressConflictSet = "net.address_conflict", Notable { at: NodeId, interface: u8 }
}
crate::record! {
    /// Another program of the node has a port, or takes it when it is free.
    pub struct PortInUseSet = "net.port_in_use", Notable { at: NodeId, service: u16 }
}
crate::record! {
    /// A program could not listen.
    pub struct BindFailed = "net.bind-failed", Notable { at: NodeId, service: u16, why: BindError }
}
crate::record! {
    /// The address at which a program listened is gone; the program is told.
    pub struct AddressLost = "net.address-lost", Notable { at: NodeId, service: u16, interface: u8 }
}
crate::record! {
    /// A fault was lifted.
    pub struct FaultLifted = "net.lift", Notable { fault: NetFault, rule: u32 }
}
crate::record! {
    /// Those who believed in half-open connections are told.
    pub struct HalfOpenHealed = "net.heal_half_open", Notable { from: NodeId, to: NodeId }
}
crate::record! {
    /// All faults were lifted.
    pub struct Healed = "net.heal_all", Notable { rules: u32 }
}

message_record! {
    /// The next `count` messages of a kind will be dropped.
    pub struct DropNextSet = "net.drop_next", Notable {
        from: NodeId, to: NodeId, message: Kind<M>, count: u32
    }
}
message_record! {
    /// The next `count` messages of a kind will be late, by `min` to `max`.
    pub struct DelayNextSet = "net.delay_next", Notable {
        from: NodeId, to: NodeId, message: Kind<M>, count: u32, min: Nanos, max: Nanos
    }
}
message_record! {
    /// The next `count` messages of a kind will arrive twice.
    pub struct DuplicateNextSet = "net.duplicate_next", Notable {
        from: NodeId, to: NodeId, message: Kind<M>, count: u32
    }
}
