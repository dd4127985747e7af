//! The door for tests and the world: faults set and lifted, and what is open counted.
//!
//! A message is judged when it is about to come out of its link, so every fault holds for what is on the wire
//! when it is set; a fault that is lifted has no hold on what has not come out yet, save that a
//! message which was put off stays put off, and what was lost stays lost. Each method leaves a record of
//! its own name, and each message that meets a fault a `net.faulted`.

use crate::base::{Nanos, NodeId, Odds};

use super::connection::EndState;
use super::fabric::{Core, Event, Fabric};
use super::port::{Address, Message};
use super::records::{
    AddressConflictSet, BandwidthSet, CorruptSet, DelayNextSet, DelaySet, DropNextSet,
    DuplicateNextSet, DuplicateSet, FaultLifted, HalfOpenDone, HalfOpenHealed, Healed, HoldSet,
    InterfaceDownSet, IsolateSet, Kind, LossSet, NetFault, PartitionSet, PortInUseSet, Renumbered,
    ReorderSet, ResetDone,
};
use super::rule::{Next, Rule};

pub use super::rule::RuleId;

impl<M: Message> Fabric<M> {
    /// Cuts `a` off from `b`, and `b` from `a` unless `oneway`. What is on the wire is lost. After
    /// [`NetConfig::patience`](super::NetConfig::patience), connections between the two break at both
    /// ends, however idle.
    pub fn partition(&self, a: NodeId, b: NodeId, oneway: bool) -> RuleId {
        self.kernel.emit(None, &PartitionSet { a, b, oneway });
        let ends: &[_] = if oneway { &[(a, b)] } else { &[(a, b), (b, a)] };
        self.with(|core| core.set(ends, Rule::Partition))
    }

    /// Cuts a node off from all others, both ways; it still reaches itself. As a partition otherwise.
    pub fn isolate(&self, node: NodeId) -> RuleId {
        self.kernel.emit(None, &IsolateSet { at: node });
        self.with(|core| {
            let (id, died) = core.links.isolate(node);
            core.expect_silence_on(&died);
            id
        })
    }

    /// Takes an interface down. What is on the wire to or from it is lost; connections that use it break
    /// as of a partition, and no others. Who listens on it alone is told, and cannot do so again meanwhile.
    ///
    /// # Panics
    /// When nodes have no such interface.
    pub fn interface_down(&self, interface: Address) -> RuleId {
        self.check_exists(interface);
        let (at, number) = (interface.node, interface.interface);
        self.kernel.emit(None, &InterfaceDownSet { at, interface: number });
        self.with(|core| {
            let (id, died) = core.links.take_down(interface);
            core.expect_silence_on(&died);
            core.unbind_from(interface);
            id
        })
    }

    /// Gives an interface another address: connections by the old one break at both ends, and who listened there has to do
    /// so anew. Who looks for the interface finds the new one at once.
    ///
    /// # Panics
    /// When nodes have no such interface.
    pub fn renumber(&self, interface: Address) -> u32 {
        self.check_exists(interface);
        let (at, number) = (interface.node, interface.interface);
        let connections = self.with(|core| core.renumber(interface));
        self.kernel.emit(None, &Renumbered { at, interface: number, connections });
        connections
    }

    /// Has another machine use the address of an interface: its node gives it up for as long. Nothing passes, connections
    /// break as of an interface that is down, who listens there is told, and nobody can listen there.
    ///
    /// # Panics
    /// When nodes have no such interface.
    pub fn address_conflict(&self, interface: Address) -> RuleId {
        self.check_exists(interface);
        let (at, number) = (interface.node, interface.interface);
        self.kernel.emit(None, &AddressConflictSet { at, interface: number });
        self.with(|core| {
            let (id, died) = core.links.contest(interface);
            core.expect_silence_on(&died);
            core.unbind_from(interface);
            id
        })
    }

    /// Has another program of a node take a port for as long: nobody else can listen there. Who has it already keeps it,
    /// and loses it with the first pause that it makes.
    pub fn port_in_use(&self, node: NodeId, service: u16) -> RuleId {
        self.kernel.emit(None, &PortInUseSet { at: node, service });
        self.with(|core| core.links.take_port(node, service))
    }

    fn check_exists(&self, interface: Address) {
        let exists = self.look(|core| interface.interface < core.config.interfaces);
        assert!(exists, "there is no interface {interface}");
    }

    /// Makes every message take longer, by a span drawn from `min` to `max`. What is on the wire takes it,
    /// too.
    ///
    /// # Panics
    /// When `min` is above `max`.
    pub fn delay(&self, from: NodeId, to: NodeId, min: Nanos, max: Nanos) -> RuleId {
        assert!(min <= max, "a delay from {min} to {max}: the least must not be above the most");
        self.kernel.emit(None, &DelaySet { from, to, min, max });
        self.with(|core| core.set(&[(from, to)], Rule::Delay(min, max)))
    }

    /// Loses messages at these odds. Connections transmit again, and break after too many losses in
    /// a row; datagrams are gone. [`Odds::ALWAYS`] breaks idle connections as a partition does.
    pub fn loss(&self, from: NodeId, to: NodeId, odds: Odds) -> RuleId {
        let (numerator, denominator) = (odds.numerator(), odds.denominator());
        self.kernel.emit(None, &LossSet { from, to, numerator, denominator });
        self.with(|core| core.set(&[(from, to)], Rule::Loss(odds)))
    }

    /// Has the wire carry messages twice at these odds. A datagram's copy arrives a latency later; a
    /// connection drops it, so that it costs only the time of its transmission.
    pub fn duplicate(&self, from: NodeId, to: NodeId, odds: Odds) -> RuleId {
        let (numerator, denominator) = (odds.numerator(), odds.denominator());
        self.kernel.emit(None, &DuplicateSet { from, to, numerator, denominator });
        self.with(|core| core.set(&[(from, to)], Rule::Duplicate(odds)))
    }

    /// Makes messages late at these odds, by up to four times the most that the network's latency is. Others
    /// overtake a datagram meanwhile; on a connection all that follows waits for the late one.
    pub fn reorder(&self, from: NodeId, to: NodeId, odds: Odds) -> RuleId {
        let (numerator, denominator) = (odds.numerator(), odds.denominator());
        self.kernel.emit(None, &ReorderSet { from, to, numerator, denominator });
        self.with(|core| {
            let most = core.config.latency.1.max(Nanos::new(1));
            core.set(&[(from, to)], Rule::Reorder(odds, most, most.saturating_mul(4)))
        })
    }

    /// Alters messages at these odds. With [`NetConfig::checksum`](super::NetConfig::checksum) that is
    /// noticed: a datagram is dropped, and a connection breaks at its receiver, which tells the
    /// sender. Without, the message arrives as [`Message::corrupt`] left it.
    pub fn corrupt(&self, from: NodeId, to: NodeId, odds: Odds) -> RuleId {
        let (numerator, denominator) = (odds.numerator(), odds.denominator());
        self.kernel.emit(None, &CorruptSet { from, to, numerator, denominator });
        self.with(|core| core.set(&[(from, to)], Rule::Corrupt(odds)))
    }

    /// Has everything from `from` to `to` pass a narrow place, of so many bits a second, one message after
    /// the other, what is on the wire too.
    ///
    /// # Panics
    /// When the rate is 0: that is a partition.
    pub fn bandwidth(&self, from: NodeId, to: NodeId, bits_per_second: u64) -> RuleId {
        assert!(bits_per_second > 0, "a link without bandwidth is partitioned");
        self.kernel.emit(None, &BandwidthSet { from, to, rate: bits_per_second });
        let rule = Rule::Bandwidth(bits_per_second, Nanos::ZERO);
        self.with(|core| core.set(&[(from, to)], rule))
    }

    /// Breaks all connections between two nodes at both ends, now: how many. What is on the wire is
    /// lost.
    pub fn reset(&self, from: NodeId, to: NodeId) -> u32 {
        let connections = self.with(|core| core.reset(from, to));
        self.kernel.emit(None, &ResetDone { from, to, connections });
        connections
    }

    /// Takes all connections between two nodes from `to`, where they close, while `from` believes
    /// them alive: how many. What `from` has on the wire and what it sends from then on vanishes, until it
    /// gives the connection up itself or [`Fabric::heal_half_open`] tells it. New connections are whole.
    pub fn half_open(&self, from: NodeId, to: NodeId) -> u32 {
        let connections = self.with(|core| core.half_open(from, to));
        self.kernel.emit(None, &HalfOpenDone { from, to, connections });
        connections
    }

    /// Has `from` told that the connections which `to` has forgotten are gone: they break.
    pub fn heal_half_open(&self, from: NodeId, to: NodeId) {
        self.kernel.emit(None, &HalfOpenHealed { from, to });
        self.with(|core| core.heal_half_open(from, to));
    }

    /// Holds back what `from` sends to `to`: it waits, in order, until released. Connections do not
    /// break over it.
    pub fn hold(&self, from: NodeId, to: NodeId) -> RuleId {
        self.kernel.emit(None, &HoldSet { from, to });
        self.with(|core| core.set(&[(from, to)], Rule::Hold))
    }

    /// Lets through what was held, in order, at once.
    pub fn release(&self, from: NodeId, to: NodeId) {
        for hold in self.with(|core| core.links.holds_between(from, to)) {
            self.lift(hold);
        }
    }

    /// Drops the next `count` messages of a [kind](Message::kind), those on the wire first; a connection goes
    /// on without them.
    pub fn drop_next(&self, from: NodeId, to: NodeId, kind: u64, count: u32) -> RuleId {
        let message = Kind::<M>::new(kind);
        self.kernel.emit(None, &DropNextSet { from, to, message, count });
        self.with(|core| core.set(&[(from, to)], Rule::DropNext(Next { kind, left: count })))
    }

    /// Has the next `count` messages of a [kind](Message::kind) arrive later, by a span drawn from `min` to
    /// `max`, those on the wire first. On a connection, what follows waits.
    ///
    /// # Panics
    /// When the span's least is above its most.
    pub fn delay_next(
        &self,
        (from, to): (NodeId, NodeId),
        kind: u64,
        count: u32,
        (min, max): (Nanos, Nanos),
    ) -> RuleId {
        assert!(min <= max, "a delay from {min} to {max}: the least must not be above the most");
        let message = Kind::<M>::new(kind);
        self.kernel.emit(None, &DelayNextSet { from, to, message, count, min, max });
        let rule = Rule::DelayNext(Next { kind, left: count }, min, max);
        self.with(|core| core.set(&[(from, to)], rule))
    }

    /// Has the next `count` messages of a [kind](Message::kind) arrive twice, those on the wire first. On
    /// a connection the copy comes right behind the message.
    pub fn duplicate_next(&self, from: NodeId, to: NodeId, kind: u64, count: u32) -> RuleId {
        let message = Kind::<M>::new(kind);
        self.kernel.emit(None, &DuplicateNextSet { from, to, message, count });
        self.with(|core| core.set(&[(from, to)], Rule::DuplicateNext(Next { kind, left: count })))
    }

    /// Lifts a fault. What was held by it alone goes on, in order, at once. Says whether it was in force:
    /// one of a number of messages is not after the last of them.
    pub fn lift(&self, rule: RuleId) -> bool {
        self.with(|core| core.lift(rule)).is_some_and(|fault| {
            self.kernel.emit(None, &FaultLifted { fault, rule: rule.0 });
            true
        })
    }

    /// Lifts all that was set on the directed link from one node to another, and on both ways at once.
    pub fn heal_link(&self, from: NodeId, to: NodeId) {
        for rule in self.with(|core| core.links.rules_between(from, to)) {
            self.lift(rule);
        }
    }

    /// Lifts the isolation of a node. Partitions stay.
    pub fn heal(&self, node: NodeId) {
        for rule in self.look(|core| core.links.isolations(node)) {
            self.lift(rule);
        }
    }

    /// Lifts every fault.
    pub fn heal_all(&self) {
        let rules = self.look(|core| core.links.in_force());
        if !rules.is_empty() {
            self.kernel.emit(None, &Healed { rules: rules.len() as u32 });
        }
        self.with(|core| {
            for rule in rules {
                core.lift(rule);
            }
            core.heal_all_half_open();
        });
    }

    /// How many faults are in force. Resets and half-open connections are none: they are done once.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.look(|core| core.links.in_force().len())
    }

    /// Whether a fault has been lifted neither by hand nor, one of a number of messages, by the last of
    /// them.
    #[must_use]
    pub fn is_in_force(&self, rule: RuleId) -> bool {
        self.look(|core| core.links.is_in_force(rule))
    }

    /// How many connections `from` believes in that `to` has forgotten.
    #[must_use]
    pub fn half_open_connections(&self, from: NodeId, to: NodeId) -> usize {
        self.look(|core| core.half_open_between(from, to).len())
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

    /// How many connections there are between two nodes, whoever asked for them: being made, open, or
    /// forgotten at one end.
    #[must_use]
    pub fn connections(&self, a: NodeId, b: NodeId) -> usize {
        self.look(|core| core.connections_between(a, b).len())
    }

    /// How many of them are open at both ends.
    #[must_use]
    pub fn whole_connections(&self, a: NodeId, b: NodeId) -> usize {
        self.look(|core| {
            let slots = core.connections_between(a, b).into_iter();
            slots.filter(|slot| core.connections.get(*slot).is_whole()).count()
        })
    }

    /// Whether an open connection uses this interface.
    #[must_use]
    pub fn is_in_use(&self, interface: Address) -> bool {
        self.look(|core| {
            let ends = core.node_if_used(interface.node).into_iter().flat_map(|node| &node.ends);
            let uses = |slot: u32, side: usize| {
                let conn = core.connections.get(slot);
                let local = core.links.lane(conn.channels[side].lane).local;
                conn.is_whole() && local == interface.interface
            };
            ends.copied().any(|(slot, side)| uses(slot, side))
        })
    }

    /// How many messages have been sent and neither delivered nor dropped.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.look(|core| core.in_flight)
    }

    /// Whether two nodes have ever sent each other anything, or tried to.
    #[must_use]
    pub fn have_met(&self, a: NodeId, b: NodeId) -> bool {
        self.look(|core| core.links.is_used(a, b) || core.links.is_used(b, a))
    }

    /// How many directed links have been used or given a fault.
    #[must_use]
    pub fn links(&self) -> usize {
        self.look(|core| core.links.len())
    }
}

impl<M: Message> Core<M> {
    fn set(&mut self, ends: &[(NodeId, NodeId)], rule: Rule) -> RuleId {
        let (id, died) = self.links.set(ends, rule);
        self.expect_silence_on(&died);
        id
    }

    fn lift(&mut self, rule: RuleId) -> Option<NetFault> {
        let (fault, released) = self.links.lift(rule)?;
        for token in released {
            self.schedule_token(self.kernel.now(), token);
        }
        Some(fault)
    }

    /// These lanes have gone dead: the connections that use them will notice.
    fn expect_silence_on(&mut self, lanes: &[u32]) {
        let at = self.kernel.now().saturating_add(self.config.patience());
        for lane in lanes {
            let cause = self.kernel.cause();
            let state = self.links.lane_mut(*lane);
            state.cause = cause;
            let event = Event::LaneSilent { lane: *lane, epoch: state.epoch };
            self.schedule(at, event);
        }
    }
}
