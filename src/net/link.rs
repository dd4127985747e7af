//! Directed links between nodes, with the rules that are their faults, and the lanes of each: one for every
//! pair of interfaces in use. Either exists once it was used or given a fault, so that cost grows with
//! the links used. Delivers nothing itself.

use std::collections::VecDeque;

use crate::base::{Nanos, NodeId, Seq};

use super::port::Address;
use super::records::{DropReason, NetFault};
use super::rule::{Draws, Exit, Judgement, Rule, RuleId, Rules};

/// One direction between two nodes.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    rules: Rules,
    lanes: Vec<u32>,
    /// The events of what came out while the link was held, oldest first.
    pub(super) waiting: VecDeque<u64>,
}

/// One direction between two interfaces: what it transmits, and whether anything gets through.
#[derive(Debug)]
pub(super) struct Lane {
    link: u32,
    pub(super) local: u8,
    pub(super) remote: u8,
    /// When the last byte handed to it will have been put on the wire.
    pub(super) busy_until: Nanos,
    /// How often it has gone dead: what was on the wire then is lost.
    pub(super) epoch: u32,
    /// No fault concerns it: all that was put on the wire in this epoch passes.
    calm: bool,
    dead: Option<NetFault>,
    /// By which fault it last went dead.
    died_of: NetFault,
    /// The record that led to its being dead.
    pub(super) cause: Seq,
}

/// What it takes to send something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transmission {
    pub(super) now: Nanos,
    /// How long it keeps its lane busy.
    pub(super) taken: Nanos,
    /// How long it is on the wire then.
    pub(super) latency: Nanos,
}

impl Lane {
    /// Puts something on the lane: when it is to arrive, and the lane's epoch.
    pub(super) fn transmit(&mut self, what: Transmission) -> (Nanos, u32) {
        let sent = self.busy_until.max(what.now).saturating_add(what.taken);
        self.busy_until = sent;
        (sent.saturating_add(what.latency), self.epoch)
    }

    /// Whether a message of this epoch passes without a look at the rules.
    pub(super) fn is_clear(&self, epoch: u32) -> bool {
        self.calm && epoch == self.epoch
    }

    /// Whether nothing passes.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_some()
    }
}

/// What a rule is placed on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// These links.
    Links(Vec<u32>),
    /// All lanes to and from a node.
    Node(NodeId),
    /// All lanes to and from an interface.
    Interface(Address),
    /// All lanes to and from an interface whose address another machine has, too.
    Conflict(Address),
    /// No lane: a port of a node, which somebody else has.
    Port(NodeId, u16),
}

/// All links that have been used, and the faults in force.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<Link>,
    lanes: Vec<Lane>,
    /// Per sending node, its links by receiving node, sorted.
    outgoing: Vec<Vec<(NodeId, u32)>>,
    /// Where each rule in force is, by the order of setting.
    placed: Vec<(RuleId, Place)>,
    rules_made: u32,
}

impl Links {
    /// The link between two nodes; made if it was never used.
    pub(super) fn between(&mut self, from: NodeId, to: NodeId) -> u32 {
        if self.outgoing.len() <= from.index() {
            self.outgoing.resize(from.index() + 1, Vec::new());
        }
        let outgoing = &mut self.outgoing[from.index()];
        match outgoing.binary_search_by_key(&to, |(node, _)| *node) {
            Ok(at) => outgoing[at].1,
            Err(at) => {
                let index = self.links.len() as u32;
                outgoing.insert(at, (to, index));
                let (rules, lanes, waiting) = (Rules::default(), Vec::new(), VecDeque::new());
                self.links.push(Link { from, to, rules, lanes, waiting });
                index
            }
        }
    }

    /// Whether anything was ever sent from one node to another.
    pub(super) fn is_used(&self, from: NodeId, to: NodeId) -> bool {
        let outgoing = self.outgoing.get(from.index()).map_or(&[][..], Vec::as_slice);
        let found = outgoing.binary_search_by_key(&to, |(node, _)| *node);
        found.is_ok_and(|at| !self.links[outgoing[at].1 as usize].lanes.is_empty())
    }

    /// The lane between two interfaces; made if it was never used.
    pub(super) fn lane_between(&mut self, from: Address, to: Address) -> u32 {
        let link = self.between(from.node, to.node);
        let (local, remote) = (from.interface, to.interface);
        let lanes = &self.links[link as usize].lanes;
        let of_pair = |lane: &u32| {
            let lane = &self.lanes[*lane as usize];
            lane.local == local && lane.remote == remote
        };
        if let Some(lane) = lanes.iter().copied().find(of_pair) {
            return lane;
        }
        let index = self.lanes.len() as u32;
        self.lanes.push(Lane {
            link,
            local,
            remote,
            busy_until: Nanos::ZERO,
            epoch: 0,
            calm: true,
            dead: None,
            died_of: NetFault::Partition,
            cause: 0,
        });
        self.links[link as usize].lanes.push(index);
        self.refresh(index);
        // Nothing was on the wire yet.
        self.lanes[index as usize].epoch = 0;
        index
    }

    pub(super) fn lane(&self, lane: u32) -> &Lane {
        &self.lanes[lane as usize]
    }

    pub(super) fn lane_mut(&mut self, lane: u32) -> &mut Lane {
        &mut self.lanes[lane as usize]
    }

    /// The link that a lane belongs to.
    pub(super) fn link_of(&self, lane: u32) -> &Link {
        &self.links[self.lanes[lane as usize].link as usize]
    }

    pub(super) fn link_of_mut(&mut self, lane: u32) -> &mut Link {
        &mut self.links[self.lanes[lane as usize].link as usize]
    }

    /// How many links there are.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Judges a message that was put on a lane in `epoch` and is about to come out of it.
    pub(super) fn judge(
        &mut self,
        lane: u32,
        epoch: u32,
        exit: &Exit,
        draws: &mut Draws,
    ) -> Judgement {
        let state = &self.lanes[lane as usize];
        let link = state.link;
        if let Some(fault) = state.dead {
            return Judgement::drop_for(fault, reason(fault));
        }
        if epoch != state.epoch {
            return Judgement::drop_for(state.died_of, reason(state.died_of));
        }
        let judgement = self.links[link as usize].rules.judge(exit, draws);
        if judgement.spent {
            self.forget_spent(link);
        }
        judgement
    }

    #[cold]
    fn forget_spent(&mut self, link: u32) {
        let spent = self.links[link as usize].rules.take_spent();
        self.placed.retain(|(id, _)| !spent.contains(id));
        self.refresh_link(link);
    }

    /// Sets a rule on links: the lanes that have just gone dead.
    pub(super) fn set(&mut self, ends: &[(NodeId, NodeId)], rule: Rule) -> (RuleId, Vec<u32>) {
        let links: Vec<u32> = ends.iter().map(|(from, to)| self.between(*from, *to)).collect();
        let id = self.place(Place::Links(links.clone()));
        let mut died = Vec::new();
        for link in links {
            self.links[link as usize].rules.add(id, rule);
            died.extend(self.refresh_link(link));
        }
        (id, died)
    }

    /// Cuts a node off from all others: the lanes that have just gone dead.
    pub(super) fn isolate(&mut self, node: NodeId) -> (RuleId, Vec<u32>) {
        let id = self.place(Place::Node(node));
        (id, self.refresh_all())
    }

    /// Takes an interface down: the lanes that have just gone dead.
    pub(super) fn take_down(&mut self, interface: Address) -> (RuleId, Vec<u32>) {
        let id = self.place(Place::Interface(interface));
        (id, self.refresh_all())
    }

    /// Has another machine use the address of an interface, which is of no use from now on: the lanes that have just
    /// gone dead.
    pub(super) fn contest(&mut self, interface: Address) -> (RuleId, Vec<u32>) {
        let id = self.place(Place::Conflict(interface));
        (id, self.refresh_all())
    }

    /// Has another program of a node take a port.
    pub(super) fn take_port(&mut self, node: NodeId, port: u16) -> RuleId {
        self.place(Place::Port(node, port))
    }

    /// Whether somebody can listen at this interface.
    pub(super) fn has_address(&self, interface: Address) -> bool {
        let is_of_it = |place: &Place| {
            *place == Place::Interface(interface) || *place == Place::Conflict(interface)
        };
        !self.placed.iter().any(|(_, place)| is_of_it(place))
    }

    /// Whether another machine has the address of this interface, too.
    pub(super) fn is_in_conflict(&self, interface: Address) -> bool {
        self.placed.iter().any(|(_, place)| *place == Place::Conflict(interface))
    }

    /// Whether another program of the node has the port.
    pub(super) fn is_port_in_use(&self, node: NodeId, port: u16) -> bool {
        self.placed.iter().any(|(_, place)| *place == Place::Port(node, port))
    }

    fn place(&mut self, place: Place) -> RuleId {
        self.rules_made += 1;
        let id = RuleId(self.rules_made);
        self.placed.push((id, place));
        id
    }

    /// Lifts a rule; `None` when it is not in force. Else what it was, and the events of what was held
    /// by it and may go on.
    pub(super) fn lift(&mut self, id: RuleId) -> Option<(NetFault, Vec<u64>)> {
        let at = self.placed.iter().position(|(placed, _)| *placed == id)?;
        let (_, place) = self.placed.remove(at);
        let fault = match place {
            Place::Links(links) => return self.lift_from(links, id),
            Place::Node(_) => NetFault::Isolate,
            Place::Interface(_) => NetFault::InterfaceDown,
            Place::Conflict(_) => NetFault::AddressConflict,
            Place::Port(..) => NetFault::PortInUse,
        };
        self.refresh_all();
        Some((fault, Vec::new()))
    }

    fn lift_from(&mut self, links: Vec<u32>, id: RuleId) -> Option<(NetFault, Vec<u64>)> {
        let mut released = Vec::new();
        let mut lifted = None;
        for index in links {
            let link = &mut self.links[index as usize];
            lifted = lifted.or(link.rules.lift(id));
            if !link.rules.is_held() {
                released.extend(link.waiting.drain(..));
            }
            self.refresh_link(index);
        }
        lifted.map(|fault| (fault, released))
    }

    pub(super) fn is_in_force(&self, id: RuleId) -> bool {
        self.placed.iter().any(|(placed, _)| *placed == id)
    }

    /// The rules in force, in the order of their being set.
    pub(super) fn in_force(&self) -> Vec<RuleId> {
        self.placed.iter().map(|(id, _)| *id).collect()
    }

    /// The rules in force on one directed link.
    pub(super) fn rules_between(&mut self, from: NodeId, to: NodeId) -> Vec<RuleId> {
        let link = self.between(from, to);
        self.links[link as usize].rules.ids().collect()
    }

    /// The holds of one directed link.
    pub(super) fn holds_between(&mut self, from: NodeId, to: NodeId) -> Vec<RuleId> {
        let link = self.between(from, to);
        self.links[link as usize].rules.ids_of(NetFault::Hold).collect()
    }

    /// The rules by which a node is isolated.
    pub(super) fn isolations(&self, node: NodeId) -> Vec<RuleId> {
        let of_node = |(_, place): &&(RuleId, Place)| *place == Place::Node(node);
        self.placed.iter().filter(of_node).map(|(id, _)| *id).collect()
    }

    fn refresh_all(&mut self) -> Vec<u32> {
        let lanes = 0..self.lanes.len() as u32;
        lanes.filter(|lane| self.refresh(*lane)).collect()
    }

    fn refresh_link(&mut self, link: u32) -> Vec<u32> {
        let lanes = self.links[link as usize].lanes.clone();
        lanes.into_iter().filter(|lane| self.refresh(*lane)).collect()
    }

    /// Takes in a change of the faults that concern a lane; true when it has just gone dead.
    fn refresh(&mut self, lane: u32) -> bool {
        let state = &self.lanes[lane as usize];
        let link = &self.links[state.link as usize];
        let dead = link.rules.cut().or_else(|| self.cut_ends(link, state));
        let calm = dead.is_none() && link.rules.is_empty();
        let state = &mut self.lanes[lane as usize];
        let died = dead.is_some() && state.dead.is_none();
        state.epoch += u32::from(died);
        state.died_of = dead.unwrap_or(state.died_of);
        (state.dead, state.calm) = (dead, calm);
        died
    }

    /// The fault of a node or an interface by which nothing passes between the ends of a lane.
    fn cut_ends(&self, link: &Link, lane: &Lane) -> Option<NetFault> {
        if link.from == link.to {
            return None;
        }
        let ends = [
            Address { node: link.from, interface: lane.local },
            Address { node: link.to, interface: lane.remote },
        ];
        self.placed.iter().find_map(|(_, place)| match place {
            Place::Node(node) if ends.iter().any(|end| end.node == *node) => {
                Some(NetFault::Isolate)
            }
            Place::Interface(down) if ends.contains(down) => Some(NetFault::InterfaceDown),
            Place::Conflict(contested) if ends.contains(contested) => {
                Some(NetFault::AddressConflict)
            }
            _ => None,
        })
    }
}

/// Why a message did not pass a lane that is dead by this fault.
fn reason(fault: NetFault) -> DropReason {
    match fault {
        NetFault::Loss => DropReason::Lost,
        NetFault::InterfaceDown => DropReason::InterfaceDown,
        NetFault::AddressConflict => DropReason::AddressConflict,
        _ => DropReason::Partitioned,
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Links};
    use crate::base::{Nanos, NodeId, Odds};
    use crate::net::DropReason;
    use crate::net::rule::{Draws, Exit, Rule, Verdict};
    use crate::sim::{Kernel, KernelConfig, Seed};

    fn node(index: u32) -> NodeId {
        NodeId::new(index)
    }

    fn lane(links: &mut Links, from: u32, to: u32) -> u32 {
        links.lane_between(Address::first(node(from)), Address::first(node(to)))
    }

    fn verdict(links: &mut Links, lane: u32, epoch: u32) -> Verdict {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let now = Nanos::from_micros(1);
        let exit = Exit { kind: 0, bytes: 64, due: now, now, timed: false, is_copy: false };
        links.judge(lane, epoch, &exit, &mut Draws::new(&kernel)).verdict
    }

    #[test]
    fn only_links_that_were_used_exist() {
        let mut links = Links::default();
        let there = links.between(node(2_999), node(0));
        let back = links.between(node(0), node(2_999));
        assert_ne!(there, back);
        assert_eq!(links.between(node(2_999), node(0)), there);
        assert_eq!(links.len(), 2);
    }

    #[test]
    fn what_was_on_the_wire_when_a_lane_died_is_lost_even_after_it_healed() {
        let mut links = Links::default();
        let lane = lane(&mut links, 0, 1);
        let (id, died) = links.set(&[(node(0), node(1))], Rule::Partition);
        assert_eq!(died, [lane]);
        assert!(links.lift(id).is_some() && links.lift(id).is_none());
        assert_eq!(verdict(&mut links, lane, 0), Verdict::Drop(DropReason::Partitioned));
        assert_eq!(verdict(&mut links, lane, 1), Verdict::Pass);
        assert!(links.lane(lane).is_clear(1) && !links.lane(lane).is_clear(0));
    }

    #[test]
    fn of_two_partitions_either_cuts() {
        let mut links = Links::default();
        let lane = lane(&mut links, 0, 1);
        let (first, _) = links.set(&[(node(0), node(1))], Rule::Partition);
        let (second, died) = links.set(&[(node(0), node(1))], Rule::Partition);
        assert!(died.is_empty(), "it was dead already");
        links.lift(first);
        assert!(links.lane(lane).is_dead());
        links.lift(second);
        assert!(!links.lane(lane).is_dead());
    }

    #[test]
    fn a_lane_made_while_its_node_is_isolated_is_dead() {
        let mut links = Links::default();
        let (id, _) = links.isolate(node(1));
        let lane_between = lane(&mut links, 0, 1);
        let own = lane(&mut links, 1, 1);
        assert!(links.lane(lane_between).is_dead());
        assert!(!links.lane(own).is_dead(), "a node reaches itself");
        links.lift(id);
        assert!(!links.lane(lane_between).is_dead());
    }

    #[test]
    fn an_interface_takes_down_its_own_lanes() {
        let mut links = Links::default();
        let first = lane(&mut links, 0, 1);
        let other = Address { node: node(1), interface: 1 };
        let second = links.lane_between(Address::first(node(0)), other);
        assert_ne!(first, second);
        let (_, died) = links.take_down(other);
        assert_eq!(died, [second]);
        assert_eq!(verdict(&mut links, second, 1), Verdict::Drop(DropReason::InterfaceDown));
        assert_eq!(verdict(&mut links, first, 0), Verdict::Pass);
    }

    #[test]
    fn losing_everything_is_being_dead() {
        let mut links = Links::default();
        let lane = lane(&mut links, 0, 1);
        let (_, died) = links.set(&[(node(0), node(1))], Rule::Loss(Odds::ALWAYS));
        assert_eq!(died, [lane]);
        assert_eq!(verdict(&mut links, lane, 1), Verdict::Drop(DropReason::Lost));
    }
}
