//! Applies the actions on the manager's records and on the configuration's database: through the database's own door, and
//! that of its disk. Decides no time.

use crate::disk::control::{FaultId, FaultKind};
use crate::node::database::CommitPhase;
use crate::scenario::{self, Action, RestoreOldSnapshot};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::simulate::World;
use crate::world::watch::Awaited;

/// How to take an action on the database back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum DatabaseUndo {
    Up,
    Quicken(FaultId),
    CommitAgain,
}

impl World<'_> {
    pub(super) fn apply_to_database(&mut self, entry: u32, action: &Action) -> Applied {
        if let Action::DatabaseRestoreOldSnapshot(args) = action {
            return self.restore_old_snapshot(entry, action, args);
        }
        let Some(control) = &self.stage.control else { return Applied::Nothing };
        let (faults, disk) = (control.database.faults.clone(), control.disk);
        let has_effect = match action {
            Action::DatabaseDown(_) => !faults.is_down(),
            Action::DatabaseUp(_) => faults.is_down(),
            _ => true,
        };
        if !has_effect {
            return Applied::Nothing;
        }
        let applied = FaultApplied { entry, action: ActionName::of(action), node: faults.node() };
        self.stage.kernel.emit(None, &applied);
        Applied::Landed(match action {
            Action::DatabaseDown(_) => {
                faults.down();
                vec![Undo::Database(DatabaseUndo::Up)]
            }
            Action::DatabaseSlow(args) => {
                let fault = self.stage.disks[disk.index()].slow(args.factor);
                self.watch.await_effect(Awaited::Disk(disk, FaultKind::Slow), entry);
                vec![Undo::Database(DatabaseUndo::Quicken(fault))]
            }
            Action::DatabaseFailCommit(args) => {
                let phase = match args.phase {
                    scenario::CommitPhase::Before => CommitPhase::Before,
                    scenario::CommitPhase::After => CommitPhase::After,
                };
                self.failing_commits.push((entry, faults.failed()));
                faults.fail_commit(phase, args.count);
                vec![Undo::Database(DatabaseUndo::CommitAgain)]
            }
            _ => {
                faults.up();
                Vec::new()
            }
        })
    }

    /// Within the budget no record goes back: which disks have what was acknowledged is known nowhere else.
    fn restore_old_snapshot(
        &mut self,
        entry: u32,
        action: &Action,
        args: &RestoreOldSnapshot,
    ) -> Applied {
        let (manager, now) = (self.stage.manager(), self.stage.kernel.now());
        let records = self.stage.records_disk();
        let is_kept = records.images_kept() >= args.age && now >= args.age;
        let is_down = !self.stage.kernel.is_up(manager);
        if !is_kept {
            return Applied::Nothing;
        }
        if !is_down || self.scenario.budget != scenario::Budget::None {
            return Applied::Withheld;
        }
        let applied = FaultApplied { entry, action: ActionName::of(action), node: manager };
        self.stage.kernel.emit(None, &applied);
        self.stage.records_disk().restore_old_image(args.age);
        self.watch.checkers.borrow_mut().records_went_back();
        Applied::Landed(Vec::new())
    }

    pub(super) fn undo_on_database(&mut self, undo: DatabaseUndo) {
        let Some(control) = &self.stage.control else { return };
        match undo {
            DatabaseUndo::Up if control.database.faults.is_down() => control.database.faults.up(),
            DatabaseUndo::Up => {}
            DatabaseUndo::Quicken(fault) => {
                self.stage.disks[control.disk.index()].lift(fault);
            }
            DatabaseUndo::CommitAgain => {
                control.database.faults.fail_commit(CommitPhase::Before, 0);
            }
        }
    }

    /// Lets the database work again.
    pub(super) fn stop_database_faults(&mut self) {
        let Some(control) = &self.stage.control else { return };
        let faults = &control.database.faults;
        if faults.is_down() {
            faults.up();
        }
        if faults.is_failing() {
            faults.fail_commit(CommitPhase::Before, 0);
        }
        let disk = &self.stage.disks[control.disk.index()];
        if !disk.faults().is_empty() {
            disk.heal();
        }
    }

    /// Whether an entry was to have commits fail, and none did.
    pub(in crate::world) fn is_uncommitted(&self, entry: u32) -> bool {
        let Some(control) = &self.stage.control else { return false };
        let failed = control.database.faults.failed();
        let mut of_entry = self.failing_commits.iter().filter(|(at, _)| *at == entry).peekable();
        of_entry.peek().is_some() && of_entry.all(|(_, before)| *before == failed)
    }
}
