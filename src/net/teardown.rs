//! How connections end: closed, reset, broken, or gone with their node. Delivers nothing.

use crate::base::{NodeId, Seq};

use super::connection::{EndState, Item, Side};
use super::fabric::{Core, Event};
use super::port::{Address, Message};
use super::records::{
    CloseReason, ConnectionClosed, DropReason, Kind, MessageDropped, MessageFaulted, NetFault,
};

impl<M: Message> Core<M> {
    /// Closes an end, if it is live. Does not free the connection: that is `settle`.
    pub(super) fn close_end(&mut self, slot: u32, side: Side, why: CloseReason) {
        let conn = self.connections.get_mut(slot);
        if !conn.ends[side].is_live() {
            return;
        }
        conn.ends[side].go(EndState::Closed(why));
        let reader = conn.ends[side].reader.take();
        let (node, peer, connection) = (conn.ends[side].node, conn.ends[1 - side].node, conn.id);
        self.remove_from_node(slot, side);
        let closed = ConnectionClosed { node, peer, connection, why };
        let cause = self.kernel.emit(Some(node), &closed);
        match why {
            CloseReason::Local | CloseReason::NodeDown => {
                self.discard_unread(slot, side);
                self.tell_peer(slot, side, why == CloseReason::NodeDown, cause);
            }
            CloseReason::TimedOut => self.tell_peer(slot, side, true, cause),
            CloseReason::Corrupted => self.tell_of_reset(slot, side, cause),
            CloseReason::HalfOpen
            | CloseReason::Peer
            | CloseReason::Refused
            | CloseReason::Unreachable
            | CloseReason::Reset => {}
        }
        self.wake(reader);
    }

    /// Sends word of an end's closing behind what it has sent. With `gone`, nothing of that will be
    /// transmitted again.
    fn tell_peer(&mut self, slot: u32, side: Side, gone: bool, cause: Seq) {
        let conn = self.connections.get_mut(slot);
        let unanswered = conn.ends[1 - side].state() == EndState::Absent;
        conn.channels[side].orphan |= gone || unanswered;
        if !matches!(conn.ends[1 - side].state(), EndState::Closed(_)) {
            self.push_control(slot, side, Item::Closed, cause);
        }
    }

    /// The sender has lost the same item too often: its end breaks, and it tries to tell the peer.
    pub(super) fn give_up(&mut self, slot: u32, side: Side) {
        self.kernel.set_cause(self.connections.get(slot).trouble);
        self.close_end(slot, side, CloseReason::Unreachable);
        self.tell_of_reset(slot, side, self.kernel.cause());
    }

    /// Tells the peer, if it still has its end, that there is none here any more; once.
    fn tell_of_reset(&mut self, slot: u32, side: Side, cause: Seq) {
        let conn = self.connections.get_mut(slot);
        conn.channels[side].orphan = true;
        if conn.ends[1 - side].is_live() {
            self.push_control(slot, side, Item::Reset, cause);
        }
    }

    /// Nothing will ever come to this end: it will notice when its patience is over.
    pub(super) fn expect_silence(&mut self, slot: u32, side: Side) {
        let conn = self.connections.get(slot);
        if conn.ends[side].is_live() {
            let event = Event::PeerSilent { slot, side, generation: conn.generation };
            self.schedule(self.kernel.now().saturating_add(self.config.patience()), event);
        }
    }

    pub(super) fn peer_silent(&mut self, slot: u32, side: Side, generation: u32) {
        let conn = self.connections.get(slot);
        if Event::same(generation, conn.generation) && conn.ends[side].is_live() {
            self.kernel.set_cause(conn.trouble);
            self.close_end(slot, side, CloseReason::Unreachable);
            self.settle(slot);
        }
    }

    pub(super) fn connect_timed_out(&mut self, slot: u32, generation: u32) {
        let conn = self.connections.get(slot);
        let waits = conn.ends[0].state() == EndState::Connecting;
        if Event::same(generation, conn.generation) && waits {
            self.kernel.set_cause(conn.trouble);
            self.close_end(slot, 0, CloseReason::TimedOut);
            self.settle(slot);
        }
    }

    /// A lane went dead a while ago. If it still is, connections that use it have broken by now.
    pub(super) fn lane_silent(&mut self, lane: u32, epoch: u32) {
        let state = self.links.lane(lane);
        if !state.is_dead() || !Event::same(epoch, state.epoch) {
            return;
        }
        let cause = state.cause;
        let link = self.links.link_of(lane);
        for slot in self.connections_between(link.from, link.to) {
            let conn = self.connections.get(slot);
            let uses = conn.channels.iter().any(|channel| channel.lane == lane);
            if uses && conn.ends.iter().all(|end| end.state() != EndState::Connecting) {
                self.kernel.set_cause(cause);
                self.break_both(slot, DropReason::Broken, CloseReason::Unreachable);
            }
        }
    }

    /// Breaks all connections between two nodes at both ends: how many.
    pub(super) fn reset(&mut self, from: NodeId, to: NodeId) -> u32 {
        let cause = self.kernel.cause();
        let slots = self.connections_between(from, to);
        for slot in &slots {
            self.kernel.set_cause(cause);
            self.note_broken(*slot, (from, to), NetFault::Reset);
            self.break_both(*slot, DropReason::Reset, CloseReason::Reset);
        }
        self.kernel.set_cause(cause);
        slots.len() as u32
    }

    /// An interface has another address from now on: the connections by the old one break. How many.
    pub(super) fn renumber(&mut self, interface: Address) -> u32 {
        let cause = self.kernel.cause();
        let slots = self.connections_by(interface);
        for slot in &slots {
            self.kernel.set_cause(cause);
            let ends = &self.connections.get(*slot).ends;
            let between = (ends[0].node, ends[1].node);
            self.note_broken(*slot, between, NetFault::Renumber);
            self.break_both(*slot, DropReason::Reset, CloseReason::Reset);
        }
        self.kernel.set_cause(cause);
        self.unbind_from(interface);
        slots.len() as u32
    }

    /// The connections with an end on this interface, in the order of their being made.
    fn connections_by(&self, interface: Address) -> Vec<u32> {
        let ends = self.node_if_used(interface.node).into_iter().flat_map(|node| &node.ends);
        let mut found: Vec<(u64, u32)> = ends
            .filter_map(|&(slot, side)| {
                let conn = self.connections.get(slot);
                let local = self.links.lane(conn.channels[side].lane).local;
                let is_remote = conn.ends[0].node != conn.ends[1].node;
                (local == interface.interface && is_remote).then_some((conn.id, slot))
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Takes the connections between two nodes from `to`, without a word to `from`: how many.
    pub(super) fn half_open(&mut self, from: NodeId, to: NodeId) -> u32 {
        let cause = self.kernel.cause();
        let mut taken = 0;
        for slot in self.connections_between(from, to) {
            let conn = self.connections.get_mut(slot);
            let side = usize::from(conn.ends[0].node != from);
            if from == to || !conn.is_whole() {
                continue;
            }
            taken += 1;
            self.kernel.set_cause(cause);
            self.note_broken(slot, (from, to), NetFault::HalfOpen);
            self.purge(slot, side, DropReason::HalfOpen);
            let conn = self.connections.get_mut(slot);
            conn.channels[side].void = true;
            conn.channels[1 - side].orphan = true;
            self.close_end(slot, 1 - side, CloseReason::HalfOpen);
        }
        self.kernel.set_cause(cause);
        taken
    }

    /// The connections that `from` believes in and `to` has forgotten: slots and `from`'s sides.
    pub(super) fn half_open_between(&self, from: NodeId, to: NodeId) -> Vec<(u32, Side)> {
        let ends = self.node_if_used(from).into_iter().flat_map(|node| &node.ends);
        let is_half_open = |(slot, side): &(u32, Side)| {
            let conn = self.connections.get(*slot);
            conn.channels[*side].void && conn.ends[1 - side].node == to
        };
        ends.copied().filter(is_half_open).collect()
    }

    /// Tells `from` that the connections are gone which `to` has forgotten.
    pub(super) fn heal_half_open(&mut self, from: NodeId, to: NodeId) {
        for (slot, side) in self.half_open_between(from, to) {
            self.tell_of_reset(slot, 1 - side, self.kernel.cause());
        }
    }

    /// The same for whoever believes in a connection that was forgotten.
    pub(super) fn heal_all_half_open(&mut self) {
        for slot in self.connections.in_use() {
            for side in [0, 1] {
                let conn = self.connections.get(slot);
                if conn.channels[side].void && conn.ends[side].is_live() {
                    self.tell_of_reset(slot, 1 - side, self.kernel.cause());
                }
            }
        }
    }

    /// Notes that a fault has met a connection itself.
    fn note_broken(&self, slot: u32, (from, to): (NodeId, NodeId), fault: NetFault) {
        let connection = self.connections.get(slot).id;
        let kind = Kind::<M>::NONE;
        self.kernel.emit(None, &MessageFaulted { from, to, connection, kind, fault });
    }

    /// The connections with a live end on one of the nodes and the other end on the other one.
    pub(super) fn connections_between(&self, from: NodeId, to: NodeId) -> Vec<u32> {
        let mut found = Vec::new();
        for (at, peer) in [(from, to), (to, from)] {
            let ends = self.node_if_used(at).into_iter().flat_map(|node| &node.ends);
            for &(slot, side) in ends {
                let conn = self.connections.get(slot);
                if conn.ends[1 - side].node == peer {
                    found.push((conn.id, slot));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|(_, slot)| slot).collect()
    }

    fn break_both(&mut self, slot: u32, dropped: DropReason, closed: CloseReason) {
        for side in [0, 1] {
            self.purge(slot, side, dropped);
        }
        for side in [0, 1] {
            self.close_end(slot, side, closed);
        }
        self.settle(slot);
    }

    /// The owner of an end closes it.
    pub(super) fn close(&mut self, slot: u32, side: Side) {
        let node = self.connections.get(slot).ends[side].node;
        let up = self.kernel.is_up(node);
        let why = if up { CloseReason::Local } else { CloseReason::NodeDown };
        self.close_end(slot, side, why);
        self.discard_unread(slot, side);
    }

    /// The owner of an end lets go of it.
    pub(super) fn let_go(&mut self, slot: u32, side: Side) {
        self.close(slot, side);
        self.connections.get_mut(slot).ends[side].owned = false;
        self.settle(slot);
    }

    /// An incarnation of a node is gone, with all that it had open.
    pub(super) fn node_down(&mut self, node: NodeId) {
        let listeners = self.node(node).listeners.take();
        for listener in listeners {
            for slot in self.listeners.shut(listener) {
                self.let_go(slot, 1);
            }
        }
        self.node(node).sockets.take();
        while let Some((slot, side)) = self.node(node).ends.last().copied() {
            self.close_end(slot, side, CloseReason::NodeDown);
            self.settle(slot);
        }
    }

    /// Drops what is on the wire of one direction.
    pub(super) fn purge(&mut self, slot: u32, side: Side, why: DropReason) {
        let channel = &mut self.connections.get_mut(slot).channels[side];
        channel.armed = false;
        channel.version = channel.version.wrapping_add(1);
        while let Some(flight) = self.connections.get_mut(slot).channels[side].take_head() {
            self.discard(slot, side, &flight, why);
        }
    }

    /// Drops what has arrived at an end and will not be read.
    fn discard_unread(&mut self, slot: u32, side: Side) {
        let conn = self.connections.get(slot);
        let (from, to, connection) = (conn.ends[1 - side].node, conn.ends[side].node, conn.id);
        loop {
            let channel = &mut self.connections.get_mut(slot).channels[1 - side];
            if channel.arrived == 0 {
                return;
            }
            channel.arrived -= 1;
            let Some(flight) = channel.queue.pop_front() else { return };
            let (kind, why) = (flight.item.kind(), DropReason::Unread);
            let dropped = MessageDropped { from, to, connection, kind, why, again: false };
            self.record_drop(flight.cause, &dropped);
        }
    }

    /// Frees a connection that nobody will look at again.
    pub(super) fn settle(&mut self, slot: u32) {
        if self.connections.get(slot).is_over() {
            for side in [0, 1] {
                self.purge(slot, side, DropReason::Closed);
            }
            self.connections.free(slot);
        }
    }

    /// Enters a live end in its node's list.
    pub(super) fn add_to_node(&mut self, slot: u32, side: Side) {
        let node = self.connections.get(slot).ends[side].node;
        let ends = &mut self.node(node).ends;
        let place = ends.len() as u32;
        ends.push((slot, side));
        self.connections.get_mut(slot).ends[side].place = place;
    }

    fn remove_from_node(&mut self, slot: u32, side: Side) {
        let end = &self.connections.get(slot).ends[side];
        let (node, place) = (end.node, end.place);
        let ends = &mut self.node(node).ends;
        ends.swap_remove(place as usize);
        if let Some(&(moved, moved_side)) = ends.get(place as usize) {
            self.connections.get_mut(moved).ends[moved_side].place = place;
        }
    }
}
