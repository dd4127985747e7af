//! The network's trace records. Each message that is sent ends in one delivered or one final dropped.

use std::fmt;
use std::marker::PhantomData;

use crate::base::{Audience, Field, FieldKind, NodeId, RecordType, Recorded, WORDS, Word};

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
    }
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
const OWN_KINDS: [&str; 5] = ["(connect)", "(accept)", "(refuse)", "(close)", "(reset)"];

impl<M> Kind<M> {
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
    ($(#[$doc:meta])* pub struct $type:ident = $name:literal { $($field:ident: $ftype:ty),* $(,)? }) => {
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
                audience: Audience::Trace,
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
    pub struct MessageSent = "net.sent" {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>, bytes: u64
    }
}

message_record! {
    /// A message arrived; its cause is its `net.sent`.
    pub struct MessageDelivered = "net.delivered" {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>
    }
}

message_record! {
    /// A message was dropped; its cause is its `net.sent`. With `again`, it will be transmitted again.
    pub struct MessageDropped = "net.dropped" {
        from: NodeId, to: NodeId, connection: u64, kind: Kind<M>, why: DropReason, again: bool
    }
}
