//! What a fault does to an item of a connection that has come to the end of its link. Sets no fault.

use crate::base::{Nanos, NodeId, Seq};

use super::connection::{Flight, Item, Side};
use super::fabric::{Core, Event};
use super::port::Message;
use super::records::{CloseReason, DropReason, Kind, MessageDropped, MessageFaulted, NetFault};
use super::rule::{Exit, Met, Verdict};

impl<M: Message> Core<M> {
    /// Judges the first item on the wire, on a lane that some fault concerns. One that is to be delivered
    /// later has been put off when this returns, and a copy that a fault makes is on the wire.
    #[cold]
    pub(super) fn judge_head(&mut self, slot: u32, side: Side, now: Nanos) -> Verdict {
        let channel = &self.connections.get(slot).channels[side];
        let (lane, armed) = (channel.lane, channel.version);
        let Some(flight) = channel.head() else { return Verdict::Pass };
        let (kind, bytes) = (flight.item.kind().code(), flight.item.bytes());
        let (due, timed, is_copy) = (flight.due, flight.timed, flight.is_copy);
        let exit = Exit { kind, bytes, due, now, timed, is_copy };
        let (epoch, is_data) = (flight.epoch, flight.item.is_data());
        let mut judgement = self.links.judge(lane, epoch, &exit, &mut self.draws);
        if judgement.verdict == Verdict::Pass && judgement.met.has(NetFault::Corrupt) {
            if self.config.checksum {
                // What the network itself sends is sent again.
                let why = if is_data { DropReason::Corrupted } else { DropReason::Lost };
                judgement.verdict = Verdict::Drop(why);
            } else if !self.alter_head(slot, side) {
                judgement.met.remove(NetFault::Corrupt);
            }
        }
        self.record_met_by_head(slot, side, judgement.met);
        match judgement.verdict {
            Verdict::After(Nanos::MAX) => {
                let event = Event::Channel { slot, side, version: armed };
                self.connections.get_mut(slot).channels[side].armed = true;
                self.links.link_of_mut(lane).waiting.push_back(event.token());
            }
            Verdict::After(at) => {
                if let Some(flight) = self.connections.get_mut(slot).channels[side].head_mut() {
                    (flight.due, flight.timed) = (at, true);
                }
                self.arm(slot, side);
            }
            Verdict::Pass => {
                if judgement.met.has(NetFault::DuplicateNext) {
                    self.copy_head(slot, side);
                }
                if judgement.met.has(NetFault::Duplicate) {
                    self.copy_in_vain(slot, side);
                }
            }
            Verdict::Drop(_) => {}
        }
        judgement.verdict
    }

    fn alter_head(&mut self, slot: u32, side: Side) -> bool {
        let noise = self.draws.noise();
        match self.connections.get_mut(slot).channels[side].head_mut() {
            Some(Flight { item: Item::Data(message), .. }) => message.corrupt(noise),
            _ => false,
        }
    }

    /// Has a message arrive twice, the copy right behind it.
    fn copy_head(&mut self, slot: u32, side: Side) {
        let channel = &mut self.connections.get_mut(slot).channels[side];
        let at = channel.arrived + 1;
        let Some(Flight { item: Item::Data(message), due, cause, epoch, .. }) = channel.head()
        else {
            return;
        };
        let (item, due, cause, epoch) = (Item::Data(message.clone()), *due, *cause, *epoch);
        let copy = Flight { item, due, cause, epoch, timed: true, is_copy: true };
        channel.queue.insert(at, copy);
        self.in_flight += 1;
    }

    /// The wire carries an item twice; the connection has no use for the second, which takes its time
    /// all the same.
    fn copy_in_vain(&mut self, slot: u32, side: Side) {
        let conn = self.connections.get(slot);
        let Some(flight) = conn.channels[side].head() else { return };
        let (lane, bytes, cause) = (conn.channels[side].lane, flight.item.bytes(), flight.cause);
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        let (connection, kind, why) = (conn.id, flight.item.kind(), DropReason::Duplicate);
        let (now, taken) = (self.kernel.now(), self.config.transmission(bytes));
        let lane = self.links.lane_mut(lane);
        lane.busy_until = lane.busy_until.max(now).saturating_add(taken);
        let dropped = MessageDropped { from, to, connection, kind, why, again: false };
        self.record_drop(cause, &dropped);
    }

    /// Drops the first item on the wire for good; the connection goes on.
    pub(super) fn drop_head(&mut self, slot: u32, side: Side, why: DropReason) {
        if let Some(flight) = self.connections.get_mut(slot).channels[side].take_head() {
            self.discard(slot, side, &flight, why);
        }
    }

    /// A message came with a wrong checksum: its receiver gives the connection up, as an NVMe/TCP
    /// controller does at a data digest error that it takes for fatal, and tells the sender.
    pub(super) fn corrupted(&mut self, slot: u32, side: Side) {
        self.drop_head(slot, side, DropReason::Corrupted);
        self.purge(slot, side, DropReason::Broken);
        self.kernel.set_cause(self.connections.get(slot).trouble);
        self.close_end(slot, 1 - side, CloseReason::Corrupted);
        self.settle(slot);
    }

    fn record_met_by_head(&mut self, slot: u32, side: Side, met: Met) {
        let conn = self.connections.get(slot);
        let Some(flight) = conn.channels[side].head() else { return };
        let (cause, kind) = (flight.cause, flight.item.kind());
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        self.record_faults((from, to), conn.id, (kind, cause), met);
    }

    /// Notes that an item, no longer on the wire, met faults.
    pub(super) fn record_met(&self, slot: u32, side: Side, flight: &Flight<M>, met: Met) {
        let conn = self.connections.get(slot);
        let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
        self.record_faults((from, to), conn.id, (flight.item.kind(), flight.cause), met);
    }

    /// Notes which faults a message met, caused by its sending; what runs now keeps its own cause.
    pub(super) fn record_faults(
        &self,
        (from, to): (NodeId, NodeId),
        connection: u64,
        (kind, sent): (Kind<M>, Seq),
        met: Met,
    ) {
        let before = self.kernel.cause();
        self.kernel.set_cause(sent);
        for fault in met.iter() {
            self.kernel.emit(None, &MessageFaulted { from, to, connection, kind, fault });
        }
        self.kernel.set_cause(before);
    }
}
