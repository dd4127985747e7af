//! Applies the actions on the network through its control door, and undoes them. Decides no time.

use crate::base::NodeId;
use crate::net::RuleId;
use crate::scenario::{Action, NodeSelector};

use super::apply::{Applied, Undo};
use crate::world::budget::NetImpairment;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

/// How to take an action on the network back: what to lift, and the nodes at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) struct NetUndo {
    rule: RuleId,
    ends: (NodeId, NodeId),
}

impl World<'_> {
    pub(super) fn apply_to_net(&mut self, entry: u32, action: &Action) -> Applied {
        let (from, to) = match action {
            Action::NetIsolate(args) => (args.node, None),
            Action::NetPartition(args) => (args.a, Some(args.b)),
            Action::NetDelay(args) => (args.from, Some(args.to)),
            Action::NetLoss(args) => (args.from, Some(args.to)),
            Action::NetReset(args) | Action::NetHold(args) => (args.from, Some(args.to)),
            _ => return Applied::Nothing,
        };
        let harms = !matches!(action, Action::NetReset(_));
        let pairs = self.choose_pairs(from, to, harms);
        let mut undos = Vec::new();
        for (a, b) in &pairs {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *a };
            self.stage.kernel.emit(None, &applied);
            let undo = self.act_on_link(action, *a, *b);
            if let Some(undo) = undo {
                let nodes = if to.is_some() { vec![*a, *b] } else { vec![*a] };
                self.impair(undo, nodes);
            }
            undos.extend(undo.map(Undo::Net));
            self.note_trouble(&[*a, *b]);
        }
        self.outcome(!pairs.is_empty(), harms, undos, true)
    }

    /// The links that two selectors stand for: never one from a node to itself, none that the budget
    /// forbids.
    fn choose_pairs(
        &mut self,
        from: NodeSelector,
        to: Option<NodeSelector>,
        harms: bool,
    ) -> Vec<(NodeId, NodeId)> {
        let fits = |world: &Self, nodes: &[NodeId]| {
            !harms || world.budget.may_take_nodes(nodes, &world.stage, &world.conditions)
        };
        let mut rng = self.rng.clone();
        let with = |taken: &[NodeId], more: &[NodeId]| fits(self, &[taken, more].concat());
        let firsts = select::nodes(from, &self.stage).draw(&mut rng, |taken, a| with(taken, &[a]));
        let mut pairs = Vec::new();
        let mut ends: Vec<NodeId> = Vec::new();
        for a in firsts {
            match to {
                None => pairs.push((a, a)),
                Some(to) => {
                    let ends_of_others = ends.clone();
                    let fits_both = |taken: &[NodeId], b: NodeId| {
                        b != a && with(&[&ends_of_others, taken].concat(), &[a, b])
                    };
                    let seconds = select::nodes(to, &self.stage).draw(&mut rng, fits_both);
                    ends.push(a);
                    ends.extend(&seconds);
                    pairs.extend(seconds.into_iter().map(|b| (a, b)));
                }
            }
        }
        self.rng = rng;
        pairs
    }

    fn act_on_link(&mut self, action: &Action, a: NodeId, b: NodeId) -> Option<NetUndo> {
        let fabric = &self.stage.fabric;
        let rule = match action {
            Action::NetPartition(args) => fabric.partition(a, b, args.oneway),
            Action::NetIsolate(_) => fabric.isolate(a),
            Action::NetDelay(args) => fabric.delay(a, b, args.latency.min, args.latency.max),
            Action::NetLoss(args) => fabric.loss(a, b, args.odds),
            Action::NetHold(_) => fabric.hold(a, b),
            Action::NetReset(_) => {
                fabric.reset(a, b);
                return None;
            }
            _ => return None,
        };
        Some(NetUndo { rule, ends: (a, b) })
    }

    fn impair(&mut self, undo: NetUndo, nodes: Vec<NodeId>) {
        self.budget.net.push(NetImpairment { undo, nodes });
    }

    pub(super) fn undo_on_net(&mut self, undo: NetUndo) {
        let (a, b) = undo.ends;
        if a == b {
            self.note_trouble(&[a]);
        } else {
            self.note_trouble(&[a, b]);
        }
        // Lifted with all the others meanwhile: nothing is left to lift.
        let _was_in_force = self.stage.fabric.lift(undo.rule);
        if let Some(at) = self.budget.net.iter().position(|fault| fault.undo == undo) {
            self.budget.net.remove(at);
        }
    }

    /// Stops every fault of the network that is in force.
    pub(super) fn stop_net_faults(&mut self) {
        self.stage.fabric.heal_all();
        self.budget.net.clear();
    }
}
