//! Connections in a slab: two ends and a channel each way. Moves no message itself.

use std::collections::VecDeque;

use crate::base::{Nanos, NodeId, Seq};
use crate::sim::WakeRef;

use super::records::{CloseReason, Kind};

/// Which end of a connection: the one that asked for it is 0. A channel has its sender's side.
pub(super) type Side = usize;

/// A side and the other one, so that the compiler sees that both are sides.
#[inline]
pub(super) const fn both(side: Side) -> (Side, Side) {
    (side & 1, side & 1 ^ 1)
}

/// Where an end is in its life.
///
/// ```text
/// Absent → Open → Closed       the end that was asked
/// Connecting → Open → Closed   the end that asked
///      ↓________________↑
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndState {
    /// The request has not arrived, or was refused.
    Absent,
    /// The answer has not arrived.
    Connecting,
    Open,
    Closed(CloseReason),
}

impl EndState {
    const fn may_go(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::Absent | Self::Connecting, Self::Open)
                | (Self::Connecting | Self::Open, Self::Closed(_))
        )
    }
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) node: NodeId,
    state: EndState,
    pub(super) reader: Option<WakeRef>,
    /// Whether a [`Connection`](super::Connection) or a listener's backlog refers to it.
    pub(super) owned: bool,
    /// Its place in its node's list of ends, while it is in it.
    pub(super) place: u32,
    /// Of an absent end: the incarnation of its node that the request was sent to. A request that is
    /// transmitted again takes whichever it finds.
    pub(super) incarnation: Option<u32>,
}

impl End {
    fn new(node: NodeId, state: EndState) -> Self {
        Self { node, state, reader: None, owned: false, place: 0, incarnation: None }
    }

    pub(super) fn state(&self) -> EndState {
        self.state
    }

    pub(super) fn go(&mut self, next: EndState) {
        assert!(
            self.state.may_go(next),
            "a connection's end went from {:?} to {next:?}",
            self.state
        );
        self.state = next;
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, EndState::Connecting | EndState::Open)
    }
}

/// What a message of the network itself takes on the wire.
const CONTROL_BYTES: u64 = 64;

/// What travels on a channel.
#[derive(Debug)]
pub(super) enum Item<M> {
    /// Asks for a connection to a service.
    Open(u16),
    Accepted,
    Refused,
    Data(M),
    /// The sender has closed; nothing follows.
    Closed,
    /// The sender has given up; nothing follows.
    Reset,
}

impl<M: super::Message> Item<M> {
    pub(super) fn kind(&self) -> Kind<M> {
        match self {
            Self::Data(message) => Kind::<M>::new(message.kind()),
            Self::Open(_) => Kind::own(0),
            Self::Accepted => Kind::own(1),
            Self::Refused => Kind::own(2),
            Self::Closed => Kind::own(3),
            Self::Reset => Kind::own(4),
        }
    }

    pub(super) fn is_data(&self) -> bool {
        matches!(self, Self::Data(_))
    }

    /// What it takes on the wire.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Data(message) => message.bytes(),
            _ => CONTROL_BYTES,
        }
    }
}

/// An item on its way, or arrived and not yet read.
#[derive(Debug)]
pub(super) struct Flight<M> {
    pub(super) item: Item<M>,
    /// When it arrives.
    pub(super) due: Nanos,
    /// The record of its being sent; once it has arrived, that of its delivery.
    pub(super) cause: Seq,
    /// Its lane's epoch when it was put on the wire.
    pub(super) epoch: u32,
    /// Whether rules that take time have acted on it.
    pub(super) timed: bool,
    /// Whether a fault made it of another.
    pub(super) is_copy: bool,
}

/// One direction of a connection: arrived items that nobody read yet, then those on the wire.
#[derive(Debug)]
pub(super) struct Channel<M> {
    pub(super) queue: VecDeque<Flight<M>>,
    /// How many at the front have arrived.
    pub(super) arrived: usize,
    pub(super) lane: u32,
    /// When the last item put on the wire arrives: none overtakes it.
    pub(super) last_due: Nanos,
    /// Losses in a row.
    pub(super) failures: u32,
    /// The sender is gone: what is lost stays lost.
    pub(super) orphan: bool,
    /// The receiver is gone, and nobody tells the sender: the connection is half open.
    pub(super) void: bool,
    /// An event for its first item on the wire is pending, and this is its version.
    pub(super) armed: bool,
    pub(super) version: u32,
}

impl<M> Channel<M> {
    /// The first item on the wire.
    pub(super) fn head(&self) -> Option<&Flight<M>> {
        self.queue.get(self.arrived)
    }

    /// The first item on the wire, to change it.
    pub(super) fn head_mut(&mut self) -> Option<&mut Flight<M>> {
        self.queue.get_mut(self.arrived)
    }

    /// Has an event pending for the first item on the wire, if there is one: when, and its version.
    pub(super) fn arm(&mut self) -> Option<(Nanos, u32)> {
        let due = self.head()?.due;
        self.armed = true;
        self.version = self.version.wrapping_add(1);
        Some((due, self.version))
    }

    /// Takes the first item off the wire.
    pub(super) fn take_head(&mut self) -> Option<Flight<M>> {
        self.queue.remove(self.arrived)
    }
}

impl<M> Default for Channel<M> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            arrived: 0,
            lane: 0,
            last_due: Nanos::ZERO,
            failures: 0,
            orphan: false,
            void: false,
            armed: false,
            version: 0,
        }
    }
}

/// A connection, from the request for it until neither end needs it any more.
#[derive(Debug)]
pub(super) struct Conn<M> {
    /// Unique in a simulation; from 1.
    pub(super) id: u64,
    pub(super) ends: [End; 2],
    pub(super) channels: [Channel<M>; 2],
    /// Tells apart the connections that had this slot.
    pub(super) generation: u32,
    /// The last record that showed something wrong.
    pub(super) trouble: Seq,
    in_use: bool,
}

impl<M> Conn<M> {
    /// Whether it is open at both ends.
    pub(super) fn is_whole(&self) -> bool {
        self.ends.iter().all(|end| end.state() == EndState::Open)
    }

    /// Whether nobody will ever look at it again.
    pub(super) fn is_over(&self) -> bool {
        self.in_use
            && self.ends.iter().all(|end| {
                !end.owned
                    && match end.state() {
                        EndState::Closed(_) => true,
                        EndState::Absent => self.channels[0].head().is_none(),
                        EndState::Connecting | EndState::Open => false,
                    }
            })
    }
}

/// All connections. Slots, with the capacity of their queues, are used again.
#[derive(Debug)]
pub(super) struct Connections<M> {
    slots: Vec<Conn<M>>,
    free: Vec<u32>,
    made: u64,
}

impl<M> Default for Connections<M> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), made: 0 }
    }
}

impl<M> Connections<M> {
    /// A connection that `from` asks `to` for, over these lanes there and back.
    pub(super) fn insert(&mut self, from: NodeId, to: NodeId, lanes: [u32; 2]) -> u32 {
        self.made += 1;
        let ends = [End::new(from, EndState::Connecting), End::new(to, EndState::Absent)];
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        if let Some(conn) = self.slots.get_mut(slot as usize) {
            conn.ends = ends;
        } else {
            let channels = [Channel::default(), Channel::default()];
            let conn = Conn { id: 0, ends, channels, generation: 0, trouble: 0, in_use: false };
            self.slots.push(conn);
        }
        let conn = &mut self.slots[slot as usize];
        conn.id = self.made;
        conn.in_use = true;
        conn.trouble = 0;
        for (channel, lane) in conn.channels.iter_mut().zip(lanes) {
            channel.lane = lane;
            channel.last_due = Nanos::ZERO;
            channel.failures = 0;
            channel.orphan = false;
            channel.void = false;
        }
        slot
    }

    pub(super) fn get(&self, slot: u32) -> &Conn<M> {
        &self.slots[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Conn<M> {
        &mut self.slots[slot as usize]
    }

    /// Frees the slot of a connection that is over and whose channels are empty.
    pub(super) fn free(&mut self, slot: u32) {
        let conn = &mut self.slots[slot as usize];
        conn.in_use = false;
        conn.generation = conn.generation.wrapping_add(1);
        for channel in &mut conn.channels {
            assert!(channel.queue.is_empty(), "connection {} is freed with items in it", conn.id);
            channel.arrived = 0;
            channel.armed = false;
            channel.version = channel.version.wrapping_add(1);
        }
        self.free.push(slot);
    }

    /// The slots of the connections that there are.
    pub(super) fn in_use(&self) -> Vec<u32> {
        let slots = self.slots.iter().enumerate().filter(|(_, conn)| conn.in_use);
        slots.map(|(slot, _)| slot as u32).collect()
    }

    /// How many connections there are, over or not.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::EndState;
    use crate::net::CloseReason;

    #[test]
    fn an_end_goes_only_the_drawn_ways() {
        let states = [
            EndState::Absent,
            EndState::Connecting,
            EndState::Open,
            EndState::Closed(CloseReason::Local),
        ];
        let mut ways = Vec::new();
        for from in states {
            for to in states.into_iter().filter(|to| from.may_go(*to)) {
                ways.push(format!("{from:?} {to:?}"));
            }
        }
        let drawn =
            ["Absent Open", "Connecting Open", "Connecting Closed(Local)", "Open Closed(Local)"];
        assert_eq!(ways, drawn);
    }
}
