//! Applies the actions on disks through the disks' control door, and undoes them. Decides no time.

use crate::base::{DiskId, NodeId};
use crate::disk::control::{Fault, FaultId, FaultKind, OpMask, Phase};
use crate::disk::port::Status;
use crate::scenario::{self, Action, DiskSelector, Ops, StatusName};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, DiskFaultApplied};
use crate::world::select::{self, Choice};
use crate::world::simulate::World;
use crate::world::watch::Awaited;

/// How to take an action on a disk back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum DiskUndo {
    Lift(FaultId),
    Reconnect(NodeId),
    Plug,
}

/// What an action on a disk may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// It brings something back.
    Nothing,
    /// The disk does not serve, or not well.
    Service,
    /// Blocks of the disk are lost.
    Data,
}

impl World<'_> {
    pub(super) fn apply_to_disk(&mut self, entry: u32, action: &Action) -> Applied {
        let (selector, harms) = match action {
            Action::DiskInsertBadSector(args) => (&args.disk, true),
            Action::DiskInjectRandomFailure(args) => (&args.disk, true),
            Action::DiskFailNext(args) => (&args.disk, true),
            Action::DiskDisconnectFromClient(args) => (&args.disk, true),
            Action::DiskSlow(args) => (&args.disk, true),
            Action::DiskHang(args) => (&args.disk, true),
            Action::DiskUnplug(args) => (&args.disk, true),
            Action::DiskReconnectToClient(args) => (&args.disk, false),
            Action::DiskHeal(args) | Action::DiskPlug(args) => (&args.disk, false),
            _ => return Applied::Nothing,
        };
        let client = match action {
            Action::DiskDisconnectFromClient(args) | Action::DiskReconnectToClient(args) => {
                self.any_node(args.client)
            }
            _ => None,
        };
        let harm = match action {
            Action::DiskInsertBadSector(_) => Harm::Data,
            _ if harms => Harm::Service,
            _ => Harm::Nothing,
        };
        let chosen = self.choose_disks(selector, harm, |world, disk| {
            world.disk_action_has_effect(action, disk, client)
        });
        let mut undos = Vec::new();
        for disk in &chosen {
            let action_name = ActionName::of(action);
            let applied = DiskFaultApplied { entry, action: action_name, disk: *disk };
            self.stage.kernel.emit(None, &applied);
            // First, for cutting a disk off ends commands at once.
            if let Some(fault) = fault_kind(action) {
                self.watch.await_effect(Awaited::Disk(*disk, fault), entry);
            }
            undos.extend(self.act_on_disk(action, *disk, client));
            self.note_trouble_of_disk(*disk);
        }
        self.outcome(
            !chosen.is_empty(),
            harms,
            undos,
            self.could_act_on_disk(selector, action, client),
        )
    }

    fn could_act_on_disk(
        &self,
        selector: &DiskSelector,
        action: &Action,
        client: Option<NodeId>,
    ) -> bool {
        let (Choice::Each(disks) | Choice::OneOf(disks)) =
            select::disks(selector, &self.stage, self.scenario);
        disks.into_iter().any(|disk| self.disk_action_has_effect(action, disk, client))
    }

    fn choose_disks(
        &mut self,
        selector: &DiskSelector,
        harm: Harm,
        has_effect: impl Fn(&Self, DiskId) -> bool,
    ) -> Vec<DiskId> {
        let choice = select::disks(selector, &self.stage, self.scenario);
        let mut rng = self.rng.clone();
        let chosen = choice.draw(&mut rng, |taken, disk| {
            let taken = [taken, &[disk]].concat();
            let place = (&self.stage, &self.conditions);
            let allowed = match harm {
                Harm::Nothing => true,
                Harm::Service => self.budget.may_take_disks(&taken, place.0, place.1),
                Harm::Data => self.budget.may_lose_blocks(&taken, place.0, place.1),
            };
            allowed && has_effect(self, disk)
        });
        self.rng = rng;
        chosen
    }

    fn disk_action_has_effect(
        &self,
        action: &Action,
        disk: DiskId,
        client: Option<NodeId>,
    ) -> bool {
        let faults = self.stage.disks[disk.index()].faults();
        let is_disconnected = faults.iter().any(
            |fault| matches!(fault, Fault::Disconnected { client: cut } if Some(*cut) == client),
        );
        let is_unplugged = faults.contains(&Fault::Unplugged);
        match action {
            Action::DiskHeal(_) => !faults.is_empty(),
            Action::DiskPlug(_) => is_unplugged,
            Action::DiskUnplug(_) => !is_unplugged,
            Action::DiskDisconnectFromClient(_) => client.is_some() && !is_disconnected,
            Action::DiskReconnectToClient(_) => is_disconnected,
            _ => true,
        }
    }

    fn act_on_disk(
        &mut self,
        action: &Action,
        disk: DiskId,
        client: Option<NodeId>,
    ) -> Option<Undo> {
        let namespace = &self.stage.disks[disk.index()];
        let fault = match action {
            Action::DiskInsertBadSector(args) => {
                namespace.insert_bad_sector(args.block, args.count, status(args.status))
            }
            Action::DiskInjectRandomFailure(args) => {
                let phase = match args.phase {
                    scenario::Phase::Before => Phase::Before,
                    scenario::Phase::After => Phase::After,
                };
                let (ops, status) = (op_mask(args.ops), status(args.status));
                namespace.inject_random_failure(ops, args.odds, status, phase)
            }
            Action::DiskFailNext(args) => {
                let (ops, status) = (op_mask(args.ops), status(args.status));
                namespace.fail_next(ops, args.count as u32, status, Phase::Before)
            }
            Action::DiskSlow(args) => namespace.slow(args.factor),
            Action::DiskHang(args) => namespace.hang(op_mask(args.ops)),
            _ => return self.connect_or_plug(action, disk, client),
        };
        Some(Undo::Disk(disk, DiskUndo::Lift(fault)))
    }

    fn connect_or_plug(
        &mut self,
        action: &Action,
        disk: DiskId,
        client: Option<NodeId>,
    ) -> Option<Undo> {
        let namespace = &self.stage.disks[disk.index()];
        match action {
            Action::DiskHeal(_) => namespace.heal(),
            Action::DiskPlug(_) => namespace.plug(),
            Action::DiskUnplug(_) => {
                namespace.unplug();
                return Some(Undo::Disk(disk, DiskUndo::Plug));
            }
            Action::DiskDisconnectFromClient(_) => {
                let client = client?;
                namespace.disconnect_from_client(client);
                return Some(Undo::Disk(disk, DiskUndo::Reconnect(client)));
            }
            Action::DiskReconnectToClient(_) => namespace.reconnect_to_client(client?),
            _ => {}
        }
        None
    }

    fn note_trouble_of_disk(&mut self, disk: DiskId) {
        let held =
            self.stage.nodes.target_disks().find(|held| self.stage.nodes.disk(*held) == disk);
        if let Some(held) = held {
            self.note_trouble(&[self.stage.nodes.target(held.target)]);
        }
    }

    pub(super) fn undo_on_disk(&mut self, disk: DiskId, undo: DiskUndo) {
        self.note_trouble_of_disk(disk);
        let namespace = &self.stage.disks[disk.index()];
        match undo {
            DiskUndo::Lift(fault) => {
                // Healed meanwhile: nothing is left to lift.
                let _lifted = namespace.lift(fault);
            }
            DiskUndo::Reconnect(client) => namespace.reconnect_to_client(client),
            DiskUndo::Plug => namespace.plug(),
        }
    }

    /// Stops every fault of disks that is in force.
    pub(super) fn stop_disk_faults(&self) {
        for disk in &self.stage.disks {
            disk.heal();
            for fault in disk.faults() {
                match fault {
                    Fault::Disconnected { client } => disk.reconnect_to_client(client),
                    Fault::Unplugged => disk.plug(),
                    _ => {}
                }
            }
        }
    }
}

/// The fault that a command meets after this action.
fn fault_kind(action: &Action) -> Option<FaultKind> {
    match action {
        Action::DiskInsertBadSector(_) => Some(FaultKind::BadSector),
        Action::DiskInjectRandomFailure(_) => Some(FaultKind::RandomFailure),
        Action::DiskFailNext(_) => Some(FaultKind::FailNext),
        Action::DiskDisconnectFromClient(_) => Some(FaultKind::Disconnected),
        Action::DiskSlow(_) => Some(FaultKind::Slow),
        Action::DiskHang(_) => Some(FaultKind::Hang),
        Action::DiskUnplug(_) => Some(FaultKind::Unplugged),
        _ => None,
    }
}

fn op_mask(ops: Ops) -> OpMask {
    let mut mask = OpMask::NONE;
    for (wanted, of_kind) in
        [(ops.read, OpMask::READ), (ops.write, OpMask::WRITE), (ops.flush, OpMask::FLUSH)]
    {
        if wanted {
            mask = mask | of_kind;
        }
    }
    mask
}

fn status(name: StatusName) -> Status {
    match name {
        StatusName::DataTransferError => Status::DataTransferError,
        StatusName::PowerLoss => Status::PowerLoss,
        StatusName::Internal => Status::Internal,
        StatusName::AbortRequested => Status::AbortRequested,
        StatusName::InvalidNamespace => Status::InvalidNamespace,
        StatusName::WriteProtected => Status::NamespaceWriteProtected,
        StatusName::Interrupted => Status::CommandInterrupted,
        StatusName::TransportError => Status::TransientTransport,
        StatusName::NamespaceNotReady => Status::NamespaceNotReady,
        StatusName::WriteFault => Status::WriteFault,
        StatusName::UnrecoveredRead => Status::UnrecoveredRead,
        StatusName::GuardCheck => Status::GuardCheck,
        StatusName::ReferenceTagCheck => Status::RefTagCheck,
        StatusName::AccessDenied => Status::AccessDenied,
        StatusName::HostPathError => Status::HostPath,
    }
}
