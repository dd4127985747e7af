//! Applies the actions on single CPUs through the kernel's control door, and undoes them. Decides no time.

use crate::base::{CpuId, NodeId};
use crate::scenario::{Action, CpuSelector};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select::{self, Choice};
use crate::world::simulate::World;

/// A CPU of a node.
pub(in crate::world) type Place = (NodeId, CpuId);

/// How to take an action on a CPU back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum CpuUndo {
    Resume,
    SpeedUp,
}

impl World<'_> {
    pub(super) fn apply_to_cpu(&mut self, entry: u32, action: &Action) -> Applied {
        let (selector, harms): (CpuSelector, bool) = match action {
            Action::CpuStop(args) => (args.cpu, true),
            Action::CpuSlow(args) => (args.cpu, true),
            Action::CpuResume(args) => (args.cpu, false),
            _ => return Applied::Nothing,
        };
        let (Choice::Each(all) | Choice::OneOf(all)) = select::cpus(selector, &self.stage);
        let could = all.into_iter().any(|place| self.cpu_action_has_effect(action, place));
        let mut rng = self.rng.clone();
        let chosen = select::cpus(selector, &self.stage).draw(&mut rng, |taken, place| {
            let nodes: Vec<NodeId> = taken.iter().chain([&place]).map(|(node, _)| *node).collect();
            let (budget, stage) = (&self.budget, &self.stage);
            let taken = (&nodes[..], self.is_for_long(entry, action));
            let allowed = !harms || budget.may_take_nodes(taken, stage, &self.conditions);
            allowed && self.cpu_action_has_effect(action, place)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for (node, cpu) in &chosen {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *node };
            self.stage.kernel.emit(None, &applied);
            undos.extend(self.act_on_cpu(action, (*node, *cpu)));
            self.note_trouble(&[*node]);
        }
        self.outcome(!chosen.is_empty(), harms, undos, could)
    }

    fn cpu_action_has_effect(&self, action: &Action, (node, cpu): Place) -> bool {
        let kernel = &self.stage.kernel;
        let (stopped, slow) = (kernel.is_cpu_stopped(node, cpu), kernel.is_cpu_slow(node, cpu));
        let fits = match action {
            Action::CpuResume(_) => stopped,
            Action::CpuSlow(_) => !stopped && !slow,
            _ => !stopped,
        };
        kernel.is_up(node) && fits
    }

    fn act_on_cpu(&mut self, action: &Action, place: Place) -> Option<Undo> {
        let (node, cpu) = place;
        match action {
            Action::CpuStop(_) => {
                self.stage.kernel.stop_cpu(node, cpu);
                self.budget.troubled_cpus.push(place);
                Some(Undo::Cpu(node, cpu, CpuUndo::Resume))
            }
            Action::CpuSlow(args) => {
                self.stage.kernel.slow_cpu(node, cpu, args.factor);
                self.budget.troubled_cpus.push(place);
                Some(Undo::Cpu(node, cpu, CpuUndo::SpeedUp))
            }
            Action::CpuResume(_) => {
                self.undo_on_cpu(place, CpuUndo::Resume);
                None
            }
            _ => None,
        }
    }

    /// Lifts one fault of a CPU; what else it has goes on.
    pub(super) fn undo_on_cpu(&mut self, place: Place, undo: CpuUndo) {
        let (node, cpu) = place;
        self.note_trouble(&[node]);
        let kernel = &self.stage.kernel;
        match undo {
            CpuUndo::Resume if kernel.is_cpu_stopped(node, cpu) => kernel.resume_cpu(node, cpu),
            CpuUndo::SpeedUp if kernel.is_cpu_slow(node, cpu) => kernel.slow_cpu(node, cpu, 1),
            // It went with a reboot.
            CpuUndo::Resume | CpuUndo::SpeedUp => {}
        }
        if !kernel.is_cpu_stopped(node, cpu) && !kernel.is_cpu_slow(node, cpu) {
            self.budget.troubled_cpus.retain(|troubled| *troubled != place);
        }
    }

    /// Lets every CPU run as it should.
    pub(super) fn stop_cpu_faults(&mut self) {
        for place in std::mem::take(&mut self.budget.troubled_cpus) {
            self.undo_on_cpu(place, CpuUndo::Resume);
            self.undo_on_cpu(place, CpuUndo::SpeedUp);
        }
    }
}
