//! Applies the actions on nodes' memory through the kernel's control door, and undoes them. Decides no time.

use crate::base::NodeId;
use crate::scenario::{Action, NodeClass};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

/// How to take an action on a node's memory back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum MemoryUndo {
    Unlimit,
}

impl World<'_> {
    pub(super) fn apply_to_memory(&mut self, entry: u32, action: &Action) -> Applied {
        let selector = match action {
            Action::MemoryLimit(args) => args.node,
            Action::MemoryFailNext(args) => args.node,
            _ => return Applied::Nothing,
        };
        let mut rng = self.rng.clone();
        let chosen = select::nodes(selector, &self.stage).draw(&mut rng, |taken, node| {
            let taken = [taken, &[node]].concat();
            let taken = (&taken[..], self.is_for_long(entry, action));
            self.budget.may_take_nodes(taken, &self.stage, &self.conditions)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for node in &chosen {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *node };
            self.stage.kernel.emit(None, &applied);
            let refused = self.stage.kernel.memory(*node).refused;
            self.shortages.push((entry, *node, refused));
            undos.extend(self.act_on_memory(action, *node));
            self.note_trouble(&[*node]);
        }
        self.outcome(!chosen.is_empty(), true, undos, true)
    }

    fn act_on_memory(&self, action: &Action, node: NodeId) -> Option<Undo> {
        let kernel = &self.stage.kernel;
        match action {
            Action::MemoryLimit(args) => {
                kernel.limit_memory(node, args.bytes.get());
                return Some(Undo::Memory(node, MemoryUndo::Unlimit));
            }
            Action::MemoryFailNext(args) => {
                kernel.fail_next_memory(node, u64::from(args.count), u64::from(args.after));
            }
            _ => {}
        }
        None
    }

    pub(super) fn undo_on_memory(&mut self, node: NodeId, undo: MemoryUndo) {
        self.note_trouble(&[node]);
        match undo {
            MemoryUndo::Unlimit => self.stage.kernel.unlimit_memory(node),
        }
    }

    /// Gives every node its memory back.
    pub(super) fn stop_memory_faults(&mut self) {
        let kernel = &self.stage.kernel;
        for node in self.stage.nodes.class(NodeClass::Node) {
            if kernel.is_short_of_memory(node) {
                kernel.unlimit_memory(node);
                kernel.fail_next_memory(node, 0, 0);
            }
        }
    }

    /// Whether an entry took memory away, and no node that it took it from ever missed any.
    pub(in crate::world) fn is_unmissed(&self, entry: u32) -> bool {
        let of_entry = || self.shortages.iter().filter(|(at, ..)| *at == entry);
        let missed = |(_, node, before): &(u32, NodeId, u64)| {
            self.stage.kernel.memory(*node).refused > *before
        };
        of_entry().next().is_some() && !of_entry().any(missed)
    }
}
