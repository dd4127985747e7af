//! Applies an action by its family, and undoes it. Knows no single action.

use crate::base::{CpuId, DiskId, Nanos, NodeId};
use crate::process::control::FaultId;
use crate::scenario::{self, Action, Family, NanosRange};

use super::app::AppUndo;
use super::connector::ConnectorUndo;
use super::cpu::CpuUndo;
use super::database::DatabaseUndo;
use super::disk::DiskUndo;
use super::manager::ManagerUndo;
use super::memory::MemoryUndo;
use super::net::NetUndo;
use super::node::NodeUndo;
use crate::world::records::{ActionName, FaultLifted, FaultWithheld};
use crate::world::simulate::World;

/// So long no majority of several managers may be left, within the budget.
const WITHOUT_MAJORITY_MAX: Nanos = Nanos::from_millis(100);

/// How to take an action back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Undo {
    Disk(DiskId, DiskUndo),
    Net(NetUndo),
    Node(NodeId, NodeUndo),
    Cpu(NodeId, CpuId, CpuUndo),
    Memory(NodeId, MemoryUndo),
    App(NodeId, AppUndo),
    Manager(ManagerUndo),
    Database(DatabaseUndo),
    External(NodeId, FaultId),
    Connector(ConnectorUndo),
    /// By its place among those that actions of the program's own have left.
    Own(usize),
}

/// What became of an action.
#[derive(Clone, Debug)]
pub(in crate::world) enum Applied {
    /// It acted on something; how to undo each.
    Landed(Vec<Undo>),
    /// There was nothing to act on.
    Nothing,
    /// The fault budget does not allow it now.
    Withheld,
}

impl World<'_> {
    /// Applies an action now.
    pub(in crate::world) fn apply(&mut self, entry: u32, action: &Action) -> Applied {
        let name = self.name_of(action);
        let applied = match action.family() {
            Family::Disk => self.apply_to_disk(entry, action),
            Family::Net => self.apply_to_net(entry, action),
            Family::Node => self.apply_to_node(entry, action),
            Family::Cpu => self.apply_to_cpu(entry, action),
            Family::Memory => self.apply_to_memory(entry, action),
            Family::App => self.apply_to_app(entry, action),
            Family::Manager => self.apply_to_manager(entry, action),
            Family::Database => self.apply_to_database(entry, action),
            Family::Connector => self.apply_to_connector(entry, action),
            Family::Api => self.apply_to_api(entry, action),
            Family::External => self.apply_to_programs(entry, action),
            Family::Own => self.apply_own((entry, name), action),
        };
        if matches!(applied, Applied::Withheld) {
            self.stage.kernel.emit(None, &FaultWithheld { entry, action: name });
        }
        applied
    }

    fn name_of(&self, action: &Action) -> ActionName {
        match action {
            // One that the program does not have is never applied.
            Action::Own(call) => {
                ActionName::own(self.scenario.words.action_index(&call.name).unwrap_or_default())
            }
            _ => ActionName::of(action),
        }
    }

    /// What became of an action: `harms` if the budget may forbid it, `could` if it had anything to act on.
    pub(super) fn outcome(
        &self,
        landed: bool,
        harms: bool,
        undos: Vec<Undo>,
        could: bool,
    ) -> Applied {
        match (landed, harms && could) {
            (true, _) => Applied::Landed(undos),
            (false, true) => Applied::Withheld,
            (false, false) => Applied::Nothing,
        }
    }

    /// Whether an action of this entry takes what it takes for longer than managers may go without a majority.
    pub(in crate::world) fn is_for_long(&self, entry: u32, action: &Action) -> bool {
        let undo_after = self.scenario.script.get(entry as usize).and_then(|it| it.undo_after);
        let (boot_time, can_last) = (self.scenario.cluster.boot_time, action.can_be_undone());
        let longest = match (action, undo_after) {
            (Action::NodeReboot(args) | Action::NodeCrash(args), _) => {
                Some(args.downtime.unwrap_or(boot_time).max)
            }
            // They end by themselves, with the last of their messages or with their connection.
            (
                Action::NetDropNext(_)
                | Action::NetDuplicateNext(_)
                | Action::NetDelayNext(_)
                | Action::NetHalfOpen(_),
                None,
            ) => Some(Nanos::ZERO),
            (_, Some(range)) => Some(range.max),
            (_, None) => (!can_last).then_some(Nanos::ZERO),
        };
        longest.is_none_or(|longest| longest > WITHOUT_MAJORITY_MAX)
    }

    /// Draws from a range.
    pub(in crate::world) fn draw(&mut self, range: NanosRange) -> Nanos {
        self.rng.nanos(range.min, range.max)
    }

    pub(in crate::world) fn note_trouble(&mut self, nodes: &[NodeId]) {
        let now = self.stage.kernel.now();
        nodes.iter().for_each(|node| self.budget.note_trouble(*node, now));
    }

    /// Takes an action back.
    pub(in crate::world) fn undo(&mut self, entry: u32, undo: Undo) {
        if let Some(scenario::Effect::Do(action)) =
            self.scenario.script.get(entry as usize).map(|entry| &entry.effect)
        {
            let action = self.name_of(action);
            self.stage.kernel.emit(None, &FaultLifted { entry, action });
        }
        match undo {
            Undo::Disk(disk, undo) => self.undo_on_disk(disk, undo),
            Undo::Net(undo) => self.undo_on_net(undo),
            Undo::Node(node, undo) => self.undo_on_node(node, undo),
            Undo::Cpu(node, cpu, undo) => self.undo_on_cpu((node, cpu), undo),
            Undo::Memory(node, undo) => self.undo_on_memory(node, undo),
            Undo::App(node, undo) => self.undo_on_app(node, undo),
            Undo::Manager(undo) => self.undo_on_manager(undo),
            Undo::Database(undo) => self.undo_on_database(undo),
            Undo::External(node, fault) => self.undo_on_programs(node, fault),
            Undo::Connector(undo) => self.undo_on_connector(undo),
            Undo::Own(slot) => self.undo_own(slot),
        }
    }

    /// Stops every fault that is in force.
    pub(in crate::world) fn stop_faults(&mut self) {
        self.stop_own_faults();
        self.stop_disk_faults();
        self.stop_net_faults();
        self.stop_cpu_faults();
        self.stop_memory_faults();
        self.stop_database_faults();
        self.stop_program_faults();
        self.stop_node_faults();
        self.stop_app_faults();
        self.stop_manager_faults();
        self.stop_connector_faults();
    }
}
