//! A connection between nodes of the cluster that notices a message which comes twice or not at all. Opens
//! none, and sends nothing of its own.
//!
//! Every message carries its number within its direction of the connection. One that was there already is passed
//! over; one that comes before its turn shows that another is missing, and costs the connection: both
//! sides then say again all that matters, as after any loss of a connection. The transport promises order and
//! completeness for itself only, not for what stands before and behind it: queues that overrun, proxies,
//! faulty firmware. That the last message is missing shows when another follows, as heartbeats do, or nowhere
//! but in the time-out of the request.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::base::{NodeId, planted};
use crate::net::port::{Closed, Connection, Message};
use crate::node::probes;
use crate::sim::Probes;

use super::protocol::Wire;

/// A message with its number, from 1, within its direction of a connection.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    number: u64,
    wire: Wire,
}

impl Message for Frame {
    fn kind(&self) -> u64 {
        self.wire.kind()
    }
    fn kind_name(kind: u64) -> &'static str {
        Wire::kind_name(kind)
    }
    fn bytes(&self) -> u64 {
        self.wire.bytes()
    }
    fn corrupt(&mut self, noise: u64) -> bool {
        self.wire.corrupt(noise)
    }
}

/// What a message's number says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is the one that is awaited.
    Next,
    /// It was here already.
    Again,
    /// One before it is missing.
    Early,
}

impl Turn {
    fn of(number: u64, received: u64) -> Self {
        match number {
            _ if number == received + 1 => Self::Next,
            _ if number <= received => Self::Again,
            _ => Self::Early,
        }
    }
}

/// One end of a connection.
pub(super) struct Channel {
    connection: Connection<Frame>,
    /// The number of the last message that was sent.
    sent: Cell<u64>,
    /// The number of the last message that was received.
    received: Cell<u64>,
    /// How many messages were read, those among them that came twice.
    read: Cell<u64>,
    probes: Probes,
}

impl Channel {
    /// Takes a connection over which nothing has been said yet.
    pub(super) fn new(connection: Connection<Frame>, probes: &Probes) -> Self {
        let (sent, received, read) = (Cell::new(0), Cell::new(0), Cell::new(0));
        Self { connection, sent, received, read, probes: probes.clone() }
    }

    fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Sends a message; see [`Connection::send`].
    pub(super) fn send(&self, wire: Wire) -> Result<(), Closed> {
        let number = self.sent.get() + 1;
        self.sent.set(number);
        self.connection.send(Frame { number, wire })
    }

    /// The next message, each once and in order; see [`Connection::poll_recv`]. Where one is missing, this end
    /// is closed.
    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Result<Wire, Closed>> {
        loop {
            let frame = match self.connection.poll_recv(cx) {
                Poll::Ready(Ok(frame)) => frame,
                Poll::Ready(Err(closed)) => return Poll::Ready(Err(closed)),
                Poll::Pending => return Poll::Pending,
            };
            self.read.set(self.read.get() + 1);
            let received = self.received.get();
            match Turn::of(frame.number, received) {
                Turn::Next => {
                    self.received.set(frame.number);
                    return Poll::Ready(Ok(frame.wire));
                }
                Turn::Again if planted!(MessageTwiceDoneTwice) => {
                    return Poll::Ready(Ok(frame.wire));
                }
                Turn::Early if planted!(MissingMessageUnnoticed) => {
                    self.received.set(frame.number);
                    return Poll::Ready(Ok(frame.wire));
                }
                Turn::Again => crate::sometimes!(self, true, probes::MESSAGE_TWICE),
                Turn::Early => {
                    crate::sometimes!(self, true, probes::MESSAGE_MISSING);
                    let (connection, got) = (self.connection.id(), frame.number);
                    tracing::debug!(connection, received, got, "a message is missing");
                    self.connection.close();
                    return Poll::Ready(Err(Closed));
                }
            }
        }
    }

    /// Waits for the next message; see [`Channel::poll_recv`].
    pub(super) async fn recv(&self) -> Result<Wire, Closed> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// How many messages have arrived that nobody has read yet: if any, it is this node that is late.
    pub(super) fn unread(&self) -> u64 {
        self.connection.unread() as u64
    }

    /// Whether this end is open.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// How many messages were read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.get()
    }

    /// The node at the other end.
    pub(super) fn peer(&self) -> NodeId {
        self.connection.peer()
    }

    /// Closes this end; see [`Connection::close`].
    pub(super) fn close(&self) {
        self.connection.close();
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Turn};
    use crate::net::port::Message;
    use crate::node::Wire;

    #[test]
    fn each_message_has_one_turn() {
        let numbers = [1, 2, 2, 1, 3, 5];
        let mut received = 0;
        let turns = numbers.map(|number| {
            let turn = Turn::of(number, received);
            if turn == Turn::Next {
                received = number;
            }
            turn
        });
        let expected = [Turn::Next, Turn::Next, Turn::Again, Turn::Again, Turn::Next, Turn::Early];
        assert_eq!(turns, expected);
    }

    #[test]
    fn a_number_takes_a_word_and_nothing_on_the_wire() {
        let wire = Wire::Ping { beat: 1 };
        assert_eq!(Frame { number: 7, wire: wire.clone() }.bytes(), wire.bytes());
        assert!(size_of::<Frame>() <= size_of::<Wire>() + 8);
    }
}
