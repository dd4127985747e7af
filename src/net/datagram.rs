//! Datagrams: they may overtake each other, and what is lost is gone.

use crate::base::{Nanos, Seq};

use super::fabric::{Core, Event};
use super::port::{Address, Message};
use super::records::{DropReason, Kind, MessageDelivered, MessageDropped, MessageSent, NetFault};
use super::rule::{Exit, Judgement, Verdict};
use super::slab::Slab;

/// A datagram on the wire.
#[derive(Clone, Debug)]
pub(super) struct Datagram<M> {
    from: Address,
    to: Address,
    service: u16,
    /// The incarnation of the receiver that it was sent to.
    incarnation: u32,
    lane: u32,
    /// Its lane's epoch when it was put on the wire.
    epoch: u32,
    /// When it arrives.
    due: Nanos,
    /// Whether rules that take time have acted on it.
    timed: bool,
    /// Whether a fault made it of another.
    is_copy: bool,
    /// The record of its being sent.
    sent: Seq,
    message: M,
}

/// All datagrams on the wire.
pub(super) type Datagrams<M> = Slab<Datagram<M>>;

impl<M: Message> Core<M> {
    pub(super) fn send_to(&mut self, from: Address, to: Address, service: u16, message: M) {
        let (kind, bytes) = (Kind::<M>::new(message.kind()), message.bytes());
        let sent = MessageSent { from: from.node, to: to.node, connection: 0, kind, bytes };
        let sent = self.kernel.emit(Some(from.node), &sent);
        let lane = self.links.lane_between(from, to);
        let (due, epoch) = match self.kernel.is_up(from.node) {
            true => {
                let transmission = self.draw_transmission(bytes);
                self.links.lane_mut(lane).transmit(transmission)
            }
            false => (Nanos::ZERO, 0),
        };
        let incarnation = self.kernel.incarnation(to.node);
        self.in_flight += 1;
        let slot = self.datagrams.insert(Datagram {
            from,
            to,
            service,
            incarnation,
            lane,
            epoch,
            due,
            timed: false,
            is_copy: false,
            sent,
            message,
        });
        if !self.kernel.is_up(from.node) {
            return self.drop_datagram(slot, DropReason::NodeDown);
        }
        self.schedule(due, Event::Datagram { slot });
    }

    pub(super) fn datagram_due(&mut self, slot: u32) {
        let Some(datagram) = self.datagrams.get(slot) else { return };
        if !self.links.lane(datagram.lane).is_clear(datagram.epoch) && !self.judge_datagram(slot) {
            return;
        }
        match self.find_socket(slot) {
            Ok(socket) => self.deliver_datagram(slot, socket),
            Err(why) => self.drop_datagram(slot, why),
        }
    }

    /// Judges a datagram on a lane that some fault concerns; says whether it arrives now.
    #[cold]
    fn judge_datagram(&mut self, slot: u32) -> bool {
        let now = self.kernel.now();
        let Some(datagram) = self.datagrams.get(slot) else { return false };
        let (lane, epoch, sent) = (datagram.lane, datagram.epoch, datagram.sent);
        let exit = Exit {
            kind: datagram.message.kind(),
            bytes: datagram.message.bytes(),
            due: datagram.due,
            now,
            timed: datagram.timed,
            is_copy: datagram.is_copy,
        };
        let ends = (datagram.from.node, datagram.to.node);
        let mut judgement = self.links.judge(lane, epoch, &exit, &mut self.draws);
        self.corrupt_datagram(slot, &mut judgement);
        self.record_faults(ends, 0, (Kind::new(exit.kind), sent), judgement.met);
        match judgement.verdict {
            Verdict::Pass => {
                let copied = [NetFault::Duplicate, NetFault::DuplicateNext];
                if copied.into_iter().any(|fault| judgement.met.has(fault)) {
                    self.copy_datagram(slot);
                }
                return true;
            }
            Verdict::After(Nanos::MAX) => {
                let token = Event::Datagram { slot }.token();
                self.links.link_of_mut(lane).waiting.push_back(token);
            }
            Verdict::After(at) => {
                if let Some(datagram) = self.datagrams.get_mut(slot) {
                    (datagram.due, datagram.timed) = (at, true);
                }
                self.schedule(at, Event::Datagram { slot });
            }
            Verdict::Drop(why) => self.drop_datagram(slot, why),
        }
        false
    }

    fn corrupt_datagram(&mut self, slot: u32, judgement: &mut Judgement) {
        if judgement.verdict != Verdict::Pass || !judgement.met.has(NetFault::Corrupt) {
            return;
        }
        if self.config.checksum {
            judgement.verdict = Verdict::Drop(DropReason::Corrupted);
            return;
        }
        let noise = self.draws.noise();
        let altered = self.datagrams.get_mut(slot).is_some_and(|it| it.message.corrupt(noise));
        if !altered {
            judgement.met.remove(NetFault::Corrupt);
        }
    }

    /// Has a copy arrive a while after the datagram.
    fn copy_datagram(&mut self, slot: u32) {
        let Some(datagram) = self.datagrams.get(slot) else { return };
        let (min, max) = self.config.latency;
        let due = self.kernel.now().saturating_add(self.draws.copy_lag(min, max));
        let copy = Datagram { due, timed: true, is_copy: true, ..datagram.clone() };
        let slot = self.datagrams.insert(copy);
        self.in_flight += 1;
        self.schedule(due, Event::Datagram { slot });
    }

    fn find_socket(&mut self, slot: u32) -> Result<u32, DropReason> {
        let datagram = self.datagrams.get(slot).ok_or(DropReason::Lost)?;
        let (to, service) = (datagram.to.node, datagram.service);
        if !self.kernel.is_up(to) || self.kernel.incarnation(to) != datagram.incarnation {
            return Err(DropReason::NodeDown);
        }
        self.node(to).sockets.find(service, 0).ok_or(DropReason::NobodyListens)
    }

    fn deliver_datagram(&mut self, slot: u32, socket: u32) {
        let Some(datagram) = self.datagrams.remove(slot) else { return };
        let Datagram { from, to, sent, message, .. } = datagram;
        self.in_flight -= 1;
        self.kernel.set_cause(sent);
        let kind = Kind::<M>::new(message.kind());
        let delivered = MessageDelivered { from: from.node, to: to.node, connection: 0, kind };
        let delivered = self.kernel.emit(Some(to.node), &delivered);
        let reader = self.sockets.deliver(socket, delivered, from, message);
        self.wake(reader);
    }

    fn drop_datagram(&mut self, slot: u32, why: DropReason) {
        let Some(datagram) = self.datagrams.remove(slot) else { return };
        let Datagram { from, to, sent, message, .. } = datagram;
        self.in_flight -= 1;
        let kind = Kind::<M>::new(message.kind());
        let (from, to) = (from.node, to.node);
        let dropped = MessageDropped { from, to, connection: 0, kind, why, again: false };
        self.record_drop(sent, &dropped);
    }
}
