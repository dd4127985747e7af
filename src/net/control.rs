//! The door for tests and the world: faults set and lifted, and what is open counted. All faults but
//! a delay hold for what is already on the wire, too.

use crate::base::{Nanos, NodeId, Odds};

use super::connection::EndState;
use super::fabric::{Core, Event, Fabric};
use super::link::Link;
use super::port::Message;

impl<M: Message> Fabric<M> {
    /// Cuts `a` off from `b`, and `b` from `a` unless `oneway`. What is on the wire is lost. After
    /// [`NetConfig::patience`](super::NetConfig::patience), connections between the two break at both
    /// ends, however idle.
    pub fn partition(&self, a: NodeId, b: NodeId, oneway: bool) {
        self.with(|core| core.partition(a, b, oneway, true));
    }

    /// Lifts a partition; with `oneway`, only that of `a` from `b`.
    pub fn heal_partition(&self, a: NodeId, b: NodeId, oneway: bool) {
        self.with(|core| core.partition(a, b, oneway, false));
    }

    /// Cuts a node off from all others, both ways.
    pub fn isolate(&self, node: NodeId) {
        self.with(|core| core.isolate(node, true));
    }

    /// Lifts the isolation of a node. Partitions stay.
    pub fn heal(&self, node: NodeId) {
        self.with(|core| core.isolate(node, false));
    }

    /// Makes every message sent from now on take longer, by a span drawn from `min` to `max`.
    ///
    /// # Panics
    /// When `min` is above `max`.
    pub fn delay(&self, from: NodeId, to: NodeId, min: Nanos, max: Nanos) {
        assert!(min <= max, "a delay from {min} to {max}: the least must not be above the most");
        self.with(|core| core.change_link(from, to, |link| link.delay = Some((min, max))));
    }

    /// Lifts a delay.
    pub fn heal_delay(&self, from: NodeId, to: NodeId) {
        self.with(|core| core.change_link(from, to, |link| link.delay = None));
    }

    /// Loses messages at these odds. Connections transmit again, and break after too many losses in
    /// a row; datagrams are gone. [`Odds::ALWAYS`] breaks idle connections as a partition does.
    pub fn loss(&self, from: NodeId, to: NodeId, odds: Odds) {
        self.with(|core| core.change_link(from, to, |link| link.loss = odds));
    }

    /// Lifts a loss.
    pub fn heal_loss(&self, from: NodeId, to: NodeId) {
        self.loss(from, to, Odds::NEVER);
    }

    /// Breaks all connections between two nodes at both ends, now. What is on the wire is lost.
    pub fn reset(&self, from: NodeId, to: NodeId) {
        self.with(|core| core.reset(from, to));
    }

    /// Holds back what `from` sends to `to`: it waits, in order, until released. Connections do not
    /// break over it.
    pub fn hold(&self, from: NodeId, to: NodeId) {
        self.with(|core| core.change_link(from, to, |link| link.held = true));
    }

    /// Lets through what was held, in order, at once.
    pub fn release(&self, from: NodeId, to: NodeId) {
        self.with(|core| {
            let link = core.links.between(from, to);
            core.release(link);
        });
    }

    /// Lifts every fault.
    pub fn heal_all(&self) {
        self.with(|core| {
            for node in core.links.isolated().to_vec() {
                core.isolate(node, false);
            }
            for index in 0..core.links.len() as u32 {
                let link = core.links.link_mut(index);
                link.partitioned = false;
                link.loss = Odds::NEVER;
                link.delay = None;
                link.refresh();
                core.release(index);
            }
        });
    }

    /// How many ends of connections are open on a node.
    #[must_use]
    pub fn open_connections(&self, node: NodeId) -> usize {
        self.look(|core| {
            let ends = core.node_if_used(node).into_iter().flat_map(|node| &node.ends);
            let open = |slot: u32, side: usize| {
                core.connections.get(slot).ends[side].state() == EndState::Open
            };
            ends.filter(|(slot, side)| open(*slot, *side)).count()
        })
    }

    /// How many messages have been sent and neither delivered nor dropped.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.look(|core| core.in_flight)
    }

    /// How many directed links have been used or given a fault.
    #[must_use]
    pub fn links(&self) -> usize {
        self.look(|core| core.links.len())
    }
}

impl<M: Message> Core<M> {
    fn partition(&mut self, a: NodeId, b: NodeId, oneway: bool, on: bool) {
        self.change_link(a, b, |link| link.partitioned = on);
        if !oneway {
            self.change_link(b, a, |link| link.partitioned = on);
        }
    }

    fn isolate(&mut self, node: NodeId, on: bool) {
        for link in self.links.isolate(node, on) {
            self.refresh_link(link);
        }
    }

    fn change_link(&mut self, from: NodeId, to: NodeId, change: impl FnOnce(&mut Link)) {
        let index = self.links.between(from, to);
        change(self.links.link_mut(index));
        self.refresh_link(index);
    }

    /// Takes in a change of a link's faults. When it has gone dead, its connections will notice.
    fn refresh_link(&mut self, index: u32) {
        let link = self.links.link_mut(index);
        if link.refresh() {
            link.cause = self.kernel.cause();
            let event = Event::LinkSilent { link: index, epoch: link.epoch };
            self.schedule(self.kernel.now().saturating_add(self.config.patience()), event);
        }
    }

    fn release(&mut self, index: u32) {
        let link = self.links.link_mut(index);
        link.held = false;
        for token in std::mem::take(&mut link.waiting) {
            self.schedule_token(self.kernel.now(), token);
        }
    }
}
