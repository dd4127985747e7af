//! What happens to an item between being put on a channel and arriving. Closes no end, save when it
//! has to give up.

use std::task::{Context, Poll};

use crate::base::{NodeId, Seq};
use crate::sim::Wait;

use super::connection::{EndState, Flight, Item, Side};
use super::fabric::{Core, Event};
use super::link::Verdict;
use super::port::{Closed, Message};
use super::records::{
    CloseReason, ConnectionAccepted, ConnectionOpened, ConnectionStarted, DropReason,
    MessageDelivered, MessageDropped, MessageSent,
};

/// What a message of the network itself takes on the wire.
const CONTROL_BYTES: u64 = 64;

impl<M: Message> Core<M> {
    /// Asks `to` for a connection: its slot.
    pub(super) fn start_connection(&mut self, from: NodeId, to: NodeId, service: u16) -> u32 {
        let links = [self.links.between(from, to), self.links.between(to, from)];
        let slot = self.connections.insert(from, to, links);
        self.add_to_node(slot, 0);
        let incarnation = self.kernel.incarnation(to);
        let conn = self.connections.get_mut(slot);
        conn.ends[0].owned = true;
        conn.ends[1].incarnation = Some(incarnation);
        let (connection, generation) = (conn.id, conn.generation);
        let started = ConnectionStarted { from, to, connection, service };
        let cause = self.kernel.emit(Some(from), &started);
        self.push_control(slot, 0, Item::Open(service), cause);
        let at = self.kernel.now().saturating_add(self.config.connect_timeout);
        self.schedule(at, Event::ConnectTimeout { slot, generation });
        slot
    }

    /// Whether the connection that was asked for is there.
    pub(super) fn poll_connected(
        &mut self,
        slot: u32,
        cx: &Context<'_>,
    ) -> Poll<Result<(), CloseReason>> {
        let conn = self.connections.get_mut(slot);
        match conn.ends[0].state() {
            EndState::Open => Poll::Ready(Ok(())),
            EndState::Closed(why) => Poll::Ready(Err(why)),
            EndState::Connecting | EndState::Absent => {
                conn.ends[0].reader = Some(self.kernel.wake_ref(cx));
                let wait = Wait { what: "an answer on connection", which: conn.id };
                self.kernel.waits_for(wait);
                Poll::Pending
            }
        }
    }

    pub(super) fn send(&mut self, slot: u32, side: Side, message: M) -> Result<(), Closed> {
        let conn = self.connections.get(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        if !conn.ends[side].is_live() || !self.kernel.is_up(from) {
            return Err(Closed);
        }
        let (connection, bytes) = (conn.id, message.bytes());
        let item = Item::Data(message);
        let sent = MessageSent { from, to, connection, kind: item.kind(), bytes };
        let cause = self.kernel.emit(Some(from), &sent);
        self.in_flight += 1;
        self.push(slot, side, item, cause, bytes);
        Ok(())
    }

    pub(super) fn poll_recv(
        &mut self,
        slot: u32,
        side: Side,
        cx: &Context<'_>,
    ) -> Poll<Result<M, Closed>> {
        let conn = self.connections.get_mut(slot);
        let channel = &mut conn.channels[1 - side];
        if channel.arrived > 0
            && let Some(Flight { item: Item::Data(message), cause, .. }) = channel.queue.pop_front()
        {
            channel.arrived -= 1;
            self.kernel.set_cause(cause);
            return Poll::Ready(Ok(message));
        }
        let end = &mut conn.ends[side];
        if !end.is_live() {
            return Poll::Ready(Err(Closed));
        }
        end.reader = Some(self.kernel.wake_ref(cx));
        self.kernel.waits_for(Wait { what: "a message on connection", which: conn.id });
        Poll::Pending
    }

    pub(super) fn push_control(&mut self, slot: u32, side: Side, item: Item<M>, cause: Seq) {
        self.push(slot, side, item, cause, CONTROL_BYTES);
    }

    fn push(&mut self, slot: u32, side: Side, item: Item<M>, cause: Seq, bytes: u64) {
        let link = self.connections.get(slot).channels[side].link;
        let due = self.transmit(link, bytes);
        let epoch = self.links.link(link).epoch;
        let channel = &mut self.connections.get_mut(slot).channels[side];
        channel.last_due = channel.last_due.max(due);
        channel.queue.push_back(Flight { item, due: channel.last_due, cause, epoch });
        if !channel.armed {
            self.arm(slot, side);
        }
    }

    /// Schedules the arrival of the first item on the wire.
    fn arm(&mut self, slot: u32, side: Side) {
        let channel = &mut self.connections.get_mut(slot).channels[side];
        let Some(due) = channel.head().map(|flight| flight.due) else { return };
        channel.armed = true;
        channel.version = channel.version.wrapping_add(1);
        let version = channel.version;
        self.schedule(due, Event::Channel { slot, side, version });
    }

    /// Takes off the wire what is due. All that arrives at one instant arrives in one event.
    pub(super) fn channel_due(&mut self, slot: u32, side: Side, version: u32) {
        let channel = &mut self.connections.get_mut(slot).channels[side];
        if !channel.armed || !Event::same(version, channel.version) {
            return;
        }
        channel.armed = false;
        let now = self.kernel.now();
        loop {
            let channel = &mut self.connections.get_mut(slot).channels[side];
            let Some(flight) = channel.head() else { return };
            if flight.due > now {
                return self.arm(slot, side);
            }
            let link = self.links.link_mut(channel.link);
            let why = match link.verdict(flight.epoch) {
                Verdict::Pass => None,
                Verdict::Wait => {
                    channel.armed = true;
                    let event = Event::Channel { slot, side, version: channel.version };
                    return link.waiting.push_back(event.token());
                }
                Verdict::Drop(why) => Some(why),
                Verdict::Draw(odds) => self.loss.chance(odds).then_some(DropReason::Lost),
            };
            match why.or_else(|| self.nobody_home(slot, side)) {
                Some(why) => return self.lost(slot, side, why),
                None => self.arrive(slot, side),
            }
        }
    }

    /// Whether a request for a connection finds its node gone, so that nobody answers it.
    fn nobody_home(&self, slot: u32, side: Side) -> Option<DropReason> {
        let conn = self.connections.get(slot);
        let asked = &conn.ends[1 - side];
        if asked.state() != EndState::Absent {
            return None;
        }
        let home = self.kernel.is_up(asked.node)
            && asked.incarnation.is_none_or(|it| it == self.kernel.incarnation(asked.node));
        (!home).then_some(DropReason::NodeDown)
    }

    fn arrive(&mut self, slot: u32, side: Side) {
        let conn = self.connections.get_mut(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let (channel, connection) = (&mut conn.channels[side], conn.id);
        channel.failures = 0;
        let is_open = conn.ends[1 - side].state() == EndState::Open;
        if is_open
            && let Some(flight) = channel.queue.get_mut(channel.arrived)
            && flight.item.is_data()
        {
            channel.arrived += 1;
            let kind = flight.item.kind();
            self.kernel.set_cause(flight.cause);
            let delivered = MessageDelivered { from, to, connection, kind };
            flight.cause = self.kernel.emit(Some(to), &delivered);
            self.in_flight -= 1;
            let reader = conn.ends[1 - side].reader.take();
            return self.wake(reader);
        }
        let Some(flight) = channel.take_head() else { return };
        self.kernel.set_cause(flight.cause);
        match flight.item {
            Item::Open(service) => self.open_arrived(slot, service),
            Item::Accepted => self.accepted_arrived(slot),
            Item::Refused => self.close_end(slot, 1 - side, CloseReason::Refused),
            Item::Closed => self.close_end(slot, 1 - side, CloseReason::Peer),
            Item::Reset => self.close_end(slot, 1 - side, CloseReason::Unreachable),
            Item::Data(_) => self.discard(slot, side, &flight, DropReason::Closed),
        }
        self.settle(slot);
    }

    fn open_arrived(&mut self, slot: u32, service: u16) {
        let conn = self.connections.get_mut(slot);
        let (from, to, connection) = (conn.ends[0].node, conn.ends[1].node, conn.id);
        let Some(listener) = self.node(to).listeners.find(service) else {
            return self.push_control(slot, 1, Item::Refused, self.kernel.cause());
        };
        let end = &mut self.connections.get_mut(slot).ends[1];
        end.go(EndState::Open);
        end.owned = true;
        self.add_to_node(slot, 1);
        let accepted = ConnectionAccepted { from, to, connection, service };
        let cause = self.kernel.emit(Some(to), &accepted);
        self.push_control(slot, 1, Item::Accepted, cause);
        let acceptor = self.listeners.offer(listener, slot);
        self.wake(acceptor);
    }

    fn accepted_arrived(&mut self, slot: u32) {
        let conn = self.connections.get_mut(slot);
        if conn.ends[0].state() != EndState::Connecting {
            return;
        }
        conn.ends[0].go(EndState::Open);
        let (from, to, connection) = (conn.ends[0].node, conn.ends[1].node, conn.id);
        let reader = conn.ends[0].reader.take();
        self.kernel.emit(Some(from), &ConnectionOpened { from, to, connection });
        self.wake(reader);
    }

    /// The first item on the wire did not arrive: transmit it again, or else give up.
    fn lost(&mut self, slot: u32, side: Side, why: DropReason) {
        let conn = self.connections.get_mut(slot);
        let channel = &mut conn.channels[side];
        channel.failures += 1;
        let orphan = channel.orphan;
        if orphan || channel.failures >= self.config.retries {
            let flight = channel.take_head();
            if let Some(flight) = flight {
                self.discard(slot, side, &flight, why);
            }
            self.purge(slot, side, DropReason::Broken);
            if orphan {
                self.expect_silence(slot, 1 - side);
            } else {
                self.give_up(slot, side);
            }
            return self.settle(slot);
        }
        let epoch = self.links.link(channel.link).epoch;
        let Some(flight) = channel.queue.get_mut(channel.arrived) else { return };
        flight.due = self.kernel.now().saturating_add(self.config.retransmit);
        flight.epoch = epoch;
        let (cause, kind) = (flight.cause, flight.item.kind());
        if let Item::Open(_) = flight.item {
            conn.ends[1].incarnation = None;
        }
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let dropped = MessageDropped { from, to, connection: conn.id, kind, why, again: true };
        let record = self.record_drop(cause, &dropped);
        self.connections.get_mut(slot).trouble = record;
        self.arm(slot, side);
    }

    /// Drops an item that was on the wire, for good.
    pub(super) fn discard(&mut self, slot: u32, side: Side, flight: &Flight<M>, why: DropReason) {
        self.in_flight -= usize::from(flight.item.is_data());
        let conn = self.connections.get(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let (connection, kind) = (conn.id, flight.item.kind());
        let dropped = MessageDropped { from, to, connection, kind, why, again: false };
        let record = self.record_drop(flight.cause, &dropped);
        self.connections.get_mut(slot).trouble = record;
    }

    /// Writes the record, caused by that of the sending; what runs now keeps its own cause.
    pub(super) fn record_drop(&self, cause: Seq, dropped: &MessageDropped<M>) -> Seq {
        let before = self.kernel.cause();
        self.kernel.set_cause(cause);
        let record = self.kernel.emit(None, dropped);
        self.kernel.set_cause(before);
        record
    }
}
