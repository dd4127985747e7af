//! What happens to an item between being put on a channel and arriving. Closes no end, save when it
//! has to give up.

use std::task::{Context, Poll};

use crate::base::Seq;
use crate::sim::Wait;

use super::connection::{EndState, Flight, Item, Side, both};
use super::fabric::{Core, Event};
use super::port::{Address, Closed, Message};
use super::records::{
    CloseReason, ConnectionAccepted, ConnectionOpened, ConnectionRouted, ConnectionStarted,
    DropReason, Kind, MessageDelivered, MessageDropped, MessageSent, NetFault,
};
use super::rule::{Met, Verdict};

/// What is to be done about the items of a channel that are due.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// To take the first, a message to an open end, to its reader.
    Deliver,
    /// To look at the one that is the first now.
    GoOn,
    /// Nothing more now.
    Stop,
}

impl<M: Message> Core<M> {
    /// Asks for a connection between two interfaces: its slot.
    pub(super) fn start_connection(
        &mut self,
        local: Address,
        remote: Address,
        service: u16,
    ) -> u32 {
        let lanes =
            [self.links.lane_between(local, remote), self.links.lane_between(remote, local)];
        let (from, to) = (local.node, remote.node);
        let slot = self.connections.insert(from, to, lanes);
        self.add_to_node(slot, 0);
        let incarnation = self.kernel.incarnation(to);
        let conn = self.connections.get_mut(slot);
        conn.ends[0].owned = true;
        conn.ends[1].incarnation = Some(incarnation);
        let (connection, generation) = (conn.id, conn.generation);
        let started = ConnectionStarted { from, to, connection, service };
        let cause = self.kernel.emit(Some(from), &started);
        if self.config.interfaces > 1 {
            let (local, remote) = (local.interface, remote.interface);
            self.kernel.emit(Some(from), &ConnectionRouted { connection, local, remote });
        }
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
        let (side, other) = both(side);
        let conn = self.connections.get(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[other].node);
        if !conn.ends[side].is_live() || !self.kernel.is_up(from) {
            return Err(Closed);
        }
        let (connection, bytes, kind) = (conn.id, message.bytes(), Kind::new(message.kind()));
        let sent = MessageSent::<M> { from, to, connection, kind, bytes };
        let cause = self.kernel.emit(Some(from), &sent);
        self.in_flight += 1;
        self.push(slot, side, Item::Data(message), cause, bytes);
        Ok(())
    }

    pub(super) fn poll_recv(
        &mut self,
        slot: u32,
        side: Side,
        cx: &Context<'_>,
    ) -> Poll<Result<M, Closed>> {
        let (side, other) = both(side);
        let conn = self.connections.get_mut(slot);
        let channel = &mut conn.channels[other];
        if channel.arrived > 0
            && let Some(Flight { item: Item::Data(message), cause, .. }) = channel.queue.pop_front()
        {
            channel.arrived -= 1;
            if channel.queue.is_empty() {
                // Begins again where it lies in the cache, instead of going round.
                channel.queue.clear();
            }
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
        let bytes = item.bytes();
        self.push(slot, side, item, cause, bytes);
    }

    fn push(&mut self, slot: u32, side: Side, item: Item<M>, cause: Seq, bytes: u64) {
        let transmission = self.draw_transmission(bytes);
        let channel = &mut self.connections.get_mut(slot).channels[both(side).0];
        let (due, epoch) = self.links.lane_mut(channel.lane).transmit(transmission);
        channel.last_due = channel.last_due.max(due);
        let due = channel.last_due;
        let flight = Flight { item, due, cause, epoch, timed: false, is_copy: false };
        channel.queue.push_back(flight);
        if !channel.armed
            && let Some((due, version)) = channel.arm()
        {
            self.schedule(due, Event::Channel { slot, side, version });
        }
    }

    /// Schedules the arrival of the first item on the wire.
    pub(super) fn arm(&mut self, slot: u32, side: Side) {
        if let Some((due, version)) = self.connections.get_mut(slot).channels[side].arm() {
            self.schedule(due, Event::Channel { slot, side, version });
        }
    }

    /// Takes off the wire what is due. All that arrives at one instant arrives in one event.
    pub(super) fn channel_due(&mut self, slot: u32, side: Side, version: u32) {
        let (side, other) = both(side);
        let channel = &mut self.connections.get_mut(slot).channels[side];
        if !channel.armed || !Event::same(version, channel.version) {
            return;
        }
        channel.armed = false;
        let now = self.kernel.now();
        loop {
            let conn = self.connections.get(slot);
            let is_open = conn.ends[other].state() == EndState::Open;
            let channel = &conn.channels[side];
            let Some(flight) = channel.head() else { return };
            if flight.due > now {
                return self.arm(slot, side);
            }
            let is_clear = self.links.lane(channel.lane).is_clear(flight.epoch);
            let is_plain = is_clear && is_open && flight.item.is_data();
            match if is_plain { Next::Deliver } else { self.look_at_head(slot, side, is_clear) } {
                Next::Deliver => self.deliver(slot, side),
                Next::GoOn => {}
                Next::Stop => return,
            }
        }
    }

    /// Takes the first item on the wire, a message to an open end, to its reader.
    #[inline]
    fn deliver(&mut self, slot: u32, side: Side) {
        let (side, other) = both(side);
        let conn = self.connections.get_mut(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[other].node);
        let (channel, connection) = (&mut conn.channels[side], conn.id);
        channel.failures = 0;
        let Some(flight) = channel.queue.get_mut(channel.arrived) else { return };
        channel.arrived += 1;
        let kind = flight.item.kind();
        self.kernel.set_cause(flight.cause);
        let delivered = MessageDelivered { from, to, connection, kind };
        flight.cause = self.kernel.emit(Some(to), &delivered);
        self.in_flight -= 1;
        let reader = conn.ends[other].reader.take();
        self.wake(reader);
    }

    /// Deals with the first item on the wire where a fault may concern it, it is the network's own, or
    /// nobody takes it.
    #[inline(never)]
    fn look_at_head(&mut self, slot: u32, side: Side, is_clear: bool) -> Next {
        let why = match is_clear {
            true => None,
            false => match self.judge_head(slot, side, self.kernel.now()) {
                Verdict::Pass => None,
                Verdict::After(_) => return Next::Stop,
                Verdict::Drop(DropReason::DropNext) => {
                    self.drop_head(slot, side, DropReason::DropNext);
                    return Next::GoOn;
                }
                Verdict::Drop(DropReason::Corrupted) => {
                    self.corrupted(slot, side);
                    return Next::Stop;
                }
                Verdict::Drop(why) => Some(why),
            },
        };
        match why.or_else(|| self.nobody_home(slot, side)) {
            Some(why) => {
                self.lost(slot, side, why);
                Next::Stop
            }
            None => self.arrive(slot, side),
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

    /// Takes the first item on the wire off it, unless it is a message that an open end is waiting for.
    fn arrive(&mut self, slot: u32, side: Side) -> Next {
        let conn = self.connections.get_mut(slot);
        let is_open = conn.ends[1 - side].state() == EndState::Open;
        let channel = &mut conn.channels[side];
        if is_open && channel.head().is_some_and(|flight| flight.item.is_data()) {
            return Next::Deliver;
        }
        channel.failures = 0;
        let Some(flight) = channel.take_head() else { return Next::Stop };
        self.kernel.set_cause(flight.cause);
        match flight.item {
            Item::Open(service) => self.open_arrived(slot, service),
            Item::Accepted => self.accepted_arrived(slot),
            Item::Refused => self.close_end(slot, 1 - side, CloseReason::Refused),
            Item::Closed => self.close_end(slot, 1 - side, CloseReason::Peer),
            Item::Reset => self.close_end(slot, 1 - side, CloseReason::Unreachable),
            Item::Data(_) => {
                let void = self.connections.get(slot).channels[side].void;
                let why = if void { DropReason::HalfOpen } else { DropReason::Closed };
                if void {
                    self.record_met(slot, side, &flight, Met::one(NetFault::HalfOpen));
                }
                self.discard(slot, side, &flight, why);
            }
        }
        self.settle(slot);
        Next::GoOn
    }

    fn open_arrived(&mut self, slot: u32, service: u16) {
        let conn = self.connections.get_mut(slot);
        let (from, to, connection) = (conn.ends[0].node, conn.ends[1].node, conn.id);
        let interface = self.links.lane(self.connections.get(slot).channels[0].lane).remote;
        let Some(listener) = self.node(to).listeners.find(service, interface) else {
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
        let epoch = self.links.lane(channel.lane).epoch;
        let Some(flight) = channel.queue.get_mut(channel.arrived) else { return };
        flight.due = self.kernel.now().saturating_add(self.config.retransmit);
        flight.epoch = epoch;
        flight.timed = false;
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
