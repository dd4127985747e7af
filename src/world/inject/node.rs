//! Applies the actions on nodes through the kernel's control door, and undoes them. Decides no time.

use crate::base::{DiskId, NodeId};
use crate::scenario::{Action, NodeClass, NodeSelector};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select::{self, Choice};
use crate::world::simulate::World;
use crate::world::{control, external};

/// How to take an action on a node back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum NodeUndo {
    PowerOn,
    Resume,
    RunTrue,
}

impl World<'_> {
    pub(super) fn any_node(&mut self, selector: NodeSelector) -> Option<NodeId> {
        let choice = select::nodes(selector, &self.stage);
        choice.draw(&mut self.rng, |_, _| true).first().copied()
    }

    pub(super) fn apply_to_node(&mut self, entry: u32, action: &Action) -> Applied {
        let (selector, harms) = match action {
            Action::NodeReboot(args) | Action::NodeCrash(args) => (args.node, true),
            Action::NodeWipe(args) => (args.node, true),
            Action::NodeFireTimers(args) => (args.node, true),
            Action::NodeClockJump(args) => (args.node, false),
            Action::NodeClockDrift(args) => (args.node, false),
            Action::NodePowerOff(args) | Action::NodePause(args) => (args.node, true),
            Action::NodePowerOn(args) | Action::NodeResume(args) => (args.node, false),
            _ => return Applied::Nothing,
        };
        let (Choice::Each(all) | Choice::OneOf(all)) = select::nodes(selector, &self.stage);
        let could = all.into_iter().any(|node| self.node_action_has_effect(action, node));
        let mut rng = self.rng.clone();
        let chosen = select::nodes(selector, &self.stage).draw(&mut rng, |taken, node| {
            let taken = [taken, &[node]].concat();
            let allowed = !harms || self.may_take((entry, action), &taken);
            allowed && self.node_action_has_effect(action, node)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for node in &chosen {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *node };
            self.stage.kernel.emit(None, &applied);
            undos.extend(self.act_on_node(action, *node));
            self.note_trouble(&[*node]);
        }
        self.outcome(!chosen.is_empty(), harms, undos, could)
    }

    fn may_take(&self, (entry, action): (u32, &Action), nodes: &[NodeId]) -> bool {
        let (stage, conditions) = (&self.stage, &self.conditions);
        match action {
            Action::NodeWipe(_) => {
                let disks: Vec<DiskId> =
                    nodes.iter().flat_map(|node| stage.nodes.disks_of(*node)).collect();
                self.budget.may_lose_blocks(&disks, stage, conditions)
                    && self.budget.may_lose_logs(nodes, stage)
            }
            _ => {
                let taken = (nodes, self.is_for_long(entry, action));
                self.budget.may_take_nodes(taken, stage, conditions)
            }
        }
    }

    fn node_action_has_effect(&self, action: &Action, node: NodeId) -> bool {
        let up = self.stage.kernel.is_up(node);
        let paused = self.budget.paused.contains(&node);
        match action {
            Action::NodePowerOn(_) => !up,
            Action::NodePause(_) => up && !paused,
            Action::NodeResume(_) => paused,
            Action::NodeClockJump(_) | Action::NodeClockDrift(_) => true,
            Action::NodeFireTimers(_) => {
                up && self.stage.kernel.armed_timers().iter().any(|timer| timer.node == node)
            }
            Action::NodeWipe(_) => {
                let mut disks = self.stage.nodes.disks_of(node).into_iter();
                up && !disks.any(|disk| self.is_swapped(disk))
            }
            _ => up,
        }
    }

    fn act_on_node(&mut self, action: &Action, node: NodeId) -> Option<Undo> {
        match action {
            Action::NodeReboot(args) | Action::NodeCrash(args) => {
                self.take_down(node);
                if matches!(action, Action::NodeReboot(_)) {
                    self.lose_power(node);
                }
                let range = args.downtime.unwrap_or(self.scenario.cluster.boot_time);
                let downtime = self.draw(range);
                self.boot_after(node, downtime);
                None
            }
            Action::NodeWipe(_) => {
                self.take_down(node);
                for disk in self.stage.nodes.disks_of(node) {
                    self.stage.disks[disk.index()].replace();
                }
                if let Some(manager) = self.stage.map.managers.iter().position(|it| *it == node) {
                    self.stage.records_disks()[manager].replace();
                }
                if let Some(machine) = external::machine(&self.stage, node) {
                    machine.wipe();
                }
                let downtime = self.draw(self.scenario.cluster.boot_time);
                self.boot_after(node, downtime);
                None
            }
            Action::NodeClockJump(args) => {
                self.stage.kernel.clock_jump(node, args.by.nanos());
                None
            }
            Action::NodeClockDrift(args) => {
                self.stage.kernel.clock_drift(node, args.ppm);
                Some(Undo::Node(node, NodeUndo::RunTrue))
            }
            Action::NodeFireTimers(_) => {
                self.stage.kernel.fire_timers(node);
                None
            }
            Action::NodePowerOff(_) => {
                self.take_down(node);
                self.lose_power(node);
                Some(Undo::Node(node, NodeUndo::PowerOn))
            }
            Action::NodePowerOn(_) => {
                self.bring_up(node);
                None
            }
            Action::NodePause(_) => {
                self.stage.kernel.pause(node);
                self.budget.paused.push(node);
                Some(Undo::Node(node, NodeUndo::Resume))
            }
            Action::NodeResume(_) => {
                self.resume(node);
                None
            }
            _ => None,
        }
    }

    /// The machine's power is gone, and with it whatever its disks' caches held.
    pub(in crate::world) fn lose_power(&mut self, node: NodeId) {
        for disk in self.stage.nodes.disks_of(node) {
            self.stage.disks[disk.index()].power_loss();
            self.note_cache_lost(disk);
        }
        if let Some(disk) = external::report_disk(&self.stage, node) {
            disk.power_loss();
        }
        if let Some(manager) = self.stage.map.managers.iter().position(|it| *it == node) {
            self.stage.records_disks()[manager].power_loss();
            if self.stage.map.managers.len() > 1 && self.stage.control.is_some() {
                control::report_disk(&self.stage, manager).power_loss();
            }
        }
        if let Some(control) = &self.stage.control
            && node == control.server()
        {
            self.stage.disks[control.disk.index()].power_loss();
        }
    }

    fn resume(&mut self, node: NodeId) {
        self.budget.paused.retain(|paused| *paused != node);
        if self.stage.kernel.is_up(node) {
            self.stage.kernel.resume(node);
        }
    }

    fn resume_if_paused(&mut self, node: NodeId) {
        if self.budget.paused.contains(&node) {
            self.resume(node);
        }
    }

    pub(super) fn undo_on_node(&mut self, node: NodeId, undo: NodeUndo) {
        self.note_trouble(&[node]);
        match undo {
            NodeUndo::PowerOn => self.bring_up(node),
            NodeUndo::Resume => self.resume(node),
            NodeUndo::RunTrue => self.stage.kernel.clock_drift(node, 0),
        }
    }

    /// Brings every node back.
    pub(super) fn stop_node_faults(&mut self) {
        for node in self.stage.nodes.class(NodeClass::Node) {
            self.resume_if_paused(node);
            self.bring_up(node);
        }
    }
}
