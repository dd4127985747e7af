//! Datagrams: they may overtake each other, and what is lost is gone.

use crate::base::{NodeId, Seq};

use super::fabric::{Core, Event};
use super::link::Verdict;
use super::port::Message;
use super::records::{DropReason, Kind, MessageDelivered, MessageDropped, MessageSent};
use super::slab::Slab;

/// A datagram on the wire.
#[derive(Debug)]
pub(super) struct Datagram<M> {
    from: NodeId,
    to: NodeId,
    service: u16,
    /// The incarnation of the receiver that it was sent to.
    incarnation: u32,
    link: u32,
    /// Its link's epoch when it was put on the wire.
    epoch: u32,
    /// The record of its being sent.
    sent: Seq,
    message: M,
}

/// All datagrams on the wire.
pub(super) type Datagrams<M> = Slab<Datagram<M>>;

impl<M: Message> Core<M> {
    pub(super) fn send_to(&mut self, from: NodeId, to: NodeId, service: u16, message: M) {
        let (kind, bytes) = (Kind::<M>::new(message.kind()), message.bytes());
        let sent = MessageSent { from, to, connection: 0, kind, bytes };
        let sent = self.kernel.emit(Some(from), &sent);
        let link = self.links.between(from, to);
        let epoch = self.links.link(link).epoch;
        let incarnation = self.kernel.incarnation(to);
        let datagram = Datagram { from, to, service, incarnation, link, epoch, sent, message };
        self.in_flight += 1;
        let slot = self.datagrams.insert(datagram);
        if !self.kernel.is_up(from) {
            return self.drop_datagram(slot, DropReason::NodeDown);
        }
        let due = self.transmit(link, bytes);
        self.schedule(due, Event::Datagram { slot });
    }

    pub(super) fn datagram_due(&mut self, slot: u32) {
        let Some(datagram) = self.datagrams.get(slot) else { return };
        let link = self.links.link_mut(datagram.link);
        let why = match link.verdict(datagram.epoch) {
            Verdict::Pass => None,
            Verdict::Wait => return link.waiting.push_back(Event::Datagram { slot }.token()),
            Verdict::Drop(why) => Some(why),
            Verdict::Draw(odds) => self.loss.chance(odds).then_some(DropReason::Lost),
        };
        match why.map_or_else(|| self.find_socket(slot), Err) {
            Ok(socket) => self.deliver_datagram(slot, socket),
            Err(why) => self.drop_datagram(slot, why),
        }
    }

    fn find_socket(&mut self, slot: u32) -> Result<u32, DropReason> {
        let datagram = self.datagrams.get(slot).ok_or(DropReason::Lost)?;
        let (to, service) = (datagram.to, datagram.service);
        if !self.kernel.is_up(to) || self.kernel.incarnation(to) != datagram.incarnation {
            return Err(DropReason::NodeDown);
        }
        self.node(to).sockets.find(service).ok_or(DropReason::NobodyListens)
    }

    fn deliver_datagram(&mut self, slot: u32, socket: u32) {
        let Some(datagram) = self.datagrams.remove(slot) else { return };
        let Datagram { from, to, sent, message, .. } = datagram;
        self.in_flight -= 1;
        self.kernel.set_cause(sent);
        let kind = Kind::<M>::new(message.kind());
        let delivered = MessageDelivered { from, to, connection: 0, kind };
        let delivered = self.kernel.emit(Some(to), &delivered);
        let reader = self.sockets.deliver(socket, delivered, from, message);
        self.wake(reader);
    }

    fn drop_datagram(&mut self, slot: u32, why: DropReason) {
        let Some(datagram) = self.datagrams.remove(slot) else { return };
        let Datagram { from, to, sent, message, .. } = datagram;
        self.in_flight -= 1;
        let kind = Kind::<M>::new(message.kind());
        let dropped = MessageDropped { from, to, connection: 0, kind, why, again: false };
        self.record_drop(sent, &dropped);
    }
}
