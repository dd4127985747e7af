//! Applies the actions on the network through its control door, and undoes them. Decides no time.

use crate::base::NodeId;
use crate::net::{NetFault, RuleId};
use crate::scenario::{Action, InterfaceSelector, MessageName, NanosRange, NodeSelector};

use super::apply::{Applied, Undo};
use crate::world::budget::NetImpairment;
use crate::world::build::Stage;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select::{self, Choice};
use crate::world::simulate::World;
use crate::world::watch::{Awaited, Ends};

/// How to take an action on the network back, and the nodes at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum NetUndo {
    Rule(RuleId, NodeId, NodeId),
    HalfOpen(NodeId, NodeId),
}

impl NetUndo {
    /// Whether there is still something to undo. A fault of a number of messages is over after the last
    /// of them, and a half-open connection when its owner has given it up.
    pub(in crate::world) fn is_in_force(self, stage: &Stage) -> bool {
        match self {
            Self::Rule(rule, ..) => stage.fabric.is_in_force(rule),
            Self::HalfOpen(from, to) => stage.fabric.half_open_connections(from, to) > 0,
        }
    }

    fn ends(self) -> (NodeId, NodeId) {
        match self {
            Self::Rule(_, a, b) | Self::HalfOpen(a, b) => (a, b),
        }
    }
}

impl World<'_> {
    pub(super) fn apply_to_net(&mut self, entry: u32, action: &Action) -> Applied {
        let (from, to) = match action {
            Action::NetInterfaceDown(args) => {
                return self.take_down_interfaces((entry, action), args.interface);
            }
            Action::NetIsolate(args) => (args.node, None),
            Action::NetPartition(args) => (args.a, Some(args.b)),
            Action::NetDelay(args) => (args.from, Some(args.to)),
            Action::NetLoss(args)
            | Action::NetDuplicate(args)
            | Action::NetReorder(args)
            | Action::NetCorrupt(args) => (args.from, Some(args.to)),
            Action::NetBandwidth(args) => (args.from, Some(args.to)),
            Action::NetReset(args) | Action::NetHold(args) | Action::NetHalfOpen(args) => {
                (args.from, Some(args.to))
            }
            Action::NetDropNext(args) | Action::NetDuplicateNext(args) => {
                (args.from, Some(args.to))
            }
            Action::NetDelayNext(args) => (args.from, Some(args.to)),
            _ => return Applied::Nothing,
        };
        let harms = !matches!(action, Action::NetReset(_));
        let pairs = self.choose_pairs((entry, action), from, to, harms);
        let mut undos = Vec::new();
        for (a, b) in &pairs {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *a };
            self.stage.kernel.emit(None, &applied);
            // First, for some meet connections at once.
            if let Some(awaited) = awaited(action, *a, *b) {
                self.watch.await_effect(awaited, entry);
            }
            let undo = self.act_on_link(action, *a, *b);
            undos.extend(undo.map(|undo| self.impair(undo)));
            self.note_trouble(&[*a, *b]);
        }
        // Where there is no connection now to act on, there soon is one.
        let waits = harms || matches!(action, Action::NetReset(_));
        self.outcome(!pairs.is_empty(), waits, undos, true)
    }

    fn take_down_interfaces(
        &mut self,
        (entry, action): (u32, &Action),
        selector: InterfaceSelector,
    ) -> Applied {
        let for_long = self.is_for_long(entry, action);
        let mut rng = self.rng.clone();
        let is_drawn = matches!(selector, InterfaceSelector::Any);
        let choice = select::interfaces(selector, &self.stage, self.scenario);
        let chosen = choice.draw(&mut rng, |taken, interface| {
            let nodes: Vec<NodeId> =
                taken.iter().chain([&interface]).map(|interface| interface.node).collect();
            let is_used = !is_drawn || self.stage.fabric.is_in_use(interface);
            is_used && self.budget.may_take_nodes((&nodes, for_long), &self.stage, &self.conditions)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for interface in &chosen {
            let node = interface.node;
            let action = ActionName::named("net.interface_down");
            self.stage.kernel.emit(None, &FaultApplied { entry, action, node });
            let awaited = Awaited::Net(NetFault::InterfaceDown, Ends::Node(node));
            self.watch.await_effect(awaited, entry);
            let rule = self.stage.fabric.interface_down(*interface);
            undos.push(self.impair(NetUndo::Rule(rule, node, node)));
            self.note_trouble(&[node]);
        }
        self.outcome(!chosen.is_empty(), true, undos, true)
    }

    /// The links that two selectors stand for: never one from a node to itself, none that the budget
    /// forbids or on which the action would find nothing, and where `any` has a choice none between nodes that
    /// have nothing to do with each other.
    fn choose_pairs(
        &mut self,
        (entry, action): (u32, &Action),
        from: NodeSelector,
        to: Option<NodeSelector>,
        harms: bool,
    ) -> Vec<(NodeId, NodeId)> {
        let for_long = self.is_for_long(entry, action);
        let fits = |world: &Self, nodes: &[NodeId]| {
            let (taken, stage) = ((nodes, for_long), &world.stage);
            !harms || world.budget.may_take_nodes(taken, stage, &world.conditions)
        };
        let mut rng = self.rng.clone();
        let with = |taken: &[NodeId], more: &[NodeId]| fits(self, &[taken, more].concat());
        let is_drawn = |selector| matches!(selector, NodeSelector::Any(_));
        let met = |a, b| self.stage.fabric.have_met(a, b);
        let acts = |a, b| match action {
            Action::NetReset(_) => self.stage.fabric.connections(a, b) > 0,
            Action::NetHalfOpen(_) => self.stage.fabric.whole_connections(a, b) > 0,
            _ => true,
        };
        let peers = to.map(|to| {
            let (Choice::Each(peers) | Choice::OneOf(peers)) = select::nodes(to, &self.stage);
            peers
        });
        let meets_any = |a: NodeId| {
            let mut peers = peers.iter().flatten();
            !is_drawn(from) || to.is_none() || peers.any(|b| *b != a && met(a, *b) && acts(a, *b))
        };
        let fits_first = |taken: &[NodeId], a: NodeId| meets_any(a) && with(taken, &[a]);
        let firsts = select::nodes(from, &self.stage).draw(&mut rng, fits_first);
        let mut pairs = Vec::new();
        let mut ends: Vec<NodeId> = Vec::new();
        for a in firsts {
            let Some(to) = to else {
                pairs.push((a, a));
                continue;
            };
            let ends_of_others = ends.clone();
            let fits_both = |taken: &[NodeId], b: NodeId| {
                let meets = !(is_drawn(from) || is_drawn(to)) || met(a, b);
                b != a && meets && acts(a, b) && with(&[&ends_of_others, taken].concat(), &[a, b])
            };
            let seconds = select::nodes(to, &self.stage).draw(&mut rng, fits_both);
            ends.push(a);
            ends.extend(&seconds);
            pairs.extend(seconds.into_iter().map(|b| (a, b)));
        }
        self.rng = rng;
        pairs
    }

    fn act_on_link(&mut self, action: &Action, a: NodeId, b: NodeId) -> Option<NetUndo> {
        let fabric = &self.stage.fabric;
        let kind = |message: MessageName| message.0 as u64;
        let rule = match action {
            Action::NetPartition(args) => fabric.partition(a, b, args.oneway),
            Action::NetIsolate(_) => fabric.isolate(a),
            Action::NetDelay(args) => fabric.delay(a, b, args.latency.min, args.latency.max),
            Action::NetLoss(args) => fabric.loss(a, b, args.odds),
            Action::NetDuplicate(args) => fabric.duplicate(a, b, args.odds),
            Action::NetReorder(args) => fabric.reorder(a, b, args.odds),
            Action::NetCorrupt(args) => fabric.corrupt(a, b, args.odds),
            Action::NetBandwidth(args) => fabric.bandwidth(a, b, args.rate.bits_per_second()),
            Action::NetHold(_) => fabric.hold(a, b),
            Action::NetDropNext(args) => fabric.drop_next(a, b, kind(args.message), args.count),
            Action::NetDelayNext(args) => {
                let NanosRange { min, max } = args.latency;
                fabric.delay_next((a, b), kind(args.message), args.count, (min, max))
            }
            Action::NetDuplicateNext(args) => {
                fabric.duplicate_next(a, b, kind(args.message), args.count)
            }
            Action::NetHalfOpen(_) => {
                fabric.half_open(a, b);
                return Some(NetUndo::HalfOpen(a, b));
            }
            Action::NetReset(_) => {
                fabric.reset(a, b);
                return None;
            }
            _ => return None,
        };
        Some(NetUndo::Rule(rule, a, b))
    }

    pub(super) fn impair(&mut self, undo: NetUndo) -> Undo {
        let (a, b) = undo.ends();
        self.budget.net.retain(|fault| fault.undo.is_in_force(&self.stage));
        self.budget.net.push(NetImpairment { undo, nodes: vec![a, b] });
        Undo::Net(undo)
    }

    pub(super) fn undo_on_net(&mut self, undo: NetUndo) {
        let (a, b) = undo.ends();
        self.note_trouble(&[a, b]);
        match undo {
            NetUndo::Rule(rule, ..) => {
                // Over meanwhile, or lifted with all the others: nothing is left to lift.
                let _was_in_force = self.stage.fabric.lift(rule);
            }
            NetUndo::HalfOpen(from, to) => self.stage.fabric.heal_half_open(from, to),
        }
        self.budget.net.retain(|fault| fault.undo != undo);
    }

    /// Stops every fault of the network that is in force.
    pub(super) fn stop_net_faults(&mut self) {
        self.stage.fabric.heal_all();
        self.budget.net.clear();
    }
}

/// What is to meet an action.
fn awaited(action: &Action, a: NodeId, b: NodeId) -> Option<Awaited> {
    let link = Ends::Link(a, b);
    let (fault, ends) = match action {
        Action::NetPartition(args) if args.oneway => (NetFault::Partition, link),
        Action::NetPartition(_) => (NetFault::Partition, Ends::Pair(a, b)),
        Action::NetIsolate(_) => (NetFault::Isolate, Ends::Node(a)),
        Action::NetDelay(_) => (NetFault::Delay, link),
        Action::NetLoss(_) => (NetFault::Loss, link),
        Action::NetDuplicate(_) => (NetFault::Duplicate, link),
        Action::NetReorder(_) => (NetFault::Reorder, link),
        Action::NetCorrupt(_) => (NetFault::Corrupt, link),
        Action::NetBandwidth(_) => (NetFault::Bandwidth, link),
        Action::NetReset(_) => (NetFault::Reset, link),
        Action::NetHalfOpen(_) => (NetFault::HalfOpen, link),
        Action::NetHold(_) => (NetFault::Hold, link),
        Action::NetDropNext(_) => (NetFault::DropNext, link),
        Action::NetDelayNext(_) => (NetFault::DelayNext, link),
        Action::NetDuplicateNext(_) => (NetFault::DuplicateNext, link),
        _ => return None,
    };
    Some(Awaited::Net(fault, ends))
}
