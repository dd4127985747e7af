//! Applies the actions on disks through the disks' control door, and undoes them. Decides no time.

use crate::base::{DiskId, Epoch, Nanos, NodeId};
use crate::disk::control::{Fault, FaultId, FaultKind, Namespace, OpMask, Phase};
use crate::disk::port::Status;
use crate::node::{METADATA_READS, Superblock};
use crate::scenario::{self, Action, DiskSelector, InsertBadSector, Ops, StatusName};

use super::apply::{Applied, Undo};
use crate::world::database;
use crate::world::freeze;
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
    SwapBack,
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
        if let Action::DiskSwap(args) = action {
            return self.apply_swap(entry, args);
        }
        let Some((selector, harm)) = costs(action) else { return Applied::Nothing };
        let harms = harm != Harm::Nothing;
        let client = match action {
            Action::DiskDisconnectFromClient(args) | Action::DiskReconnectToClient(args) => {
                self.any_node(args.client)
            }
            _ => None,
        };
        let chosen = self.choose_disks(selector, harm, |world, disk| {
            world.is_told(action, disk) && world.disk_action_has_effect(action, disk, client)
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
            Action::DiskDropCache(_) => self.scenario.cluster.disk.volatile_cache,
            // Each would leave the wrong disk behind when they are put back, or go home with one.
            Action::DiskReplace(_)
            | Action::DiskRestoreOldImage(_)
            | Action::DiskInsertBadSector(_)
            | Action::DiskFlipBits(_)
                if self.is_swapped(disk) =>
            {
                false
            }
            // A superblock that cannot be read, however often it is tried, shows nobody that the disk belongs elsewhere.
            Action::DiskMisdirectNextRead(args) if self.is_swapped(disk) => {
                faults.is_empty() && args.count < u64::from(METADATA_READS)
            }
            Action::DiskFailNext(args)
                if self.is_swapped(disk) && status(args.status).is_unreadable() =>
            {
                faults.is_empty() && args.count < u64::from(METADATA_READS)
            }
            Action::DiskInjectRandomFailure(args)
                if self.is_swapped(disk) && status(args.status).is_unreadable() =>
            {
                false
            }
            Action::DiskRestoreOldImage(args) => {
                self.stage.disks[disk.index()].images_kept() >= args.age
                    && self.stage.kernel.now() >= args.age
            }
            _ => true,
        }
    }

    /// Whether the cluster can find out what the device doesn't tell; outside the budget it need not.
    fn is_told(&self, action: &Action, disk: DiskId) -> bool {
        if self.scenario.budget == scenario::Budget::None {
            return true;
        }
        if let Action::DiskRestoreOldImage(args) = action {
            return self.is_image_recognised(disk, args.age);
        }
        let Some(wanted) = action.integrity_to_find() else { return true };
        let specs = self.stage.map.volumes.iter().zip(&self.scenario.volumes);
        let mut on_disk =
            specs.filter(|(spec, _)| spec.places().any(|(_, place)| place.disk == disk));
        on_disk.all(|(_, volume)| volume.integrity >= wanted)
    }

    /// Whether every leg on the disk would show a lower generation than its manager knows of (rule 8), and
    /// nobody serves from it meanwhile.
    fn is_image_recognised(&self, disk: DiskId, age: Nanos) -> bool {
        let (stage, held) = (&self.stage, &self.stage.disks[disk.index()]);
        stage.map.volumes.iter().all(|spec| {
            let record = database::record(stage, spec);
            let mut held_here = freeze::places(spec, &record).filter(|(_, leg)| leg.disk == disk);
            held_here.all(|(id, leg)| {
                let old = held.raw_read_old(leg.extent.superblock, age);
                let found = Superblock::from_block(&old, stage.map.block_size);
                let generation = found.map_or(Epoch::new(0), |found| found.generation);
                !stage.kernel.is_up(leg.target) && generation < record.generation_min(id)
            })
        })
    }

    fn act_on_disk(
        &mut self,
        action: &Action,
        disk: DiskId,
        client: Option<NodeId>,
    ) -> Option<Undo> {
        let namespace = &self.stage.disks[disk.index()];
        let fault = match action {
            Action::DiskInsertBadSector(args) => insert_bad_sectors(namespace, args),
            Action::DiskInjectRandomFailure(args) => {
                let (ops, status) = (op_mask(args.ops), status(args.status));
                namespace.inject_random_failure(ops, args.odds, status, phase(args.phase))
            }
            Action::DiskFailNext(args) => {
                let (ops, status) = (op_mask(args.ops), status(args.status));
                namespace.fail_next(ops, args.count as u32, status, phase(args.phase))
            }
            Action::DiskSlow(args) => namespace.slow(args.factor),
            Action::DiskHang(args) => namespace.hang(op_mask(args.ops)),
            Action::DiskBreakWith(args) => namespace.break_with(status(args.status)),
            Action::DiskReadOnly(_) => namespace.read_only(),
            Action::DiskTearNextWrite(args) => namespace.tear_next_write(args.count as u32),
            Action::DiskLoseNextWrite(args) => namespace.lose_next_write(args.count as u32),
            Action::DiskMisdirectNextWrite(args) => {
                namespace.misdirect_next_write(args.count as u32)
            }
            Action::DiskMisdirectNextRead(args) => namespace.misdirect_next_read(args.count as u32),
            Action::DiskDuplicateNextCompletion(args) => {
                namespace.duplicate_next_completion(args.count as u32)
            }
            Action::DiskFlipBits(args) => namespace.flip_bits(args.block, args.bits as u32),
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
            Action::DiskReplace(_) => namespace.replace(),
            Action::DiskDropCache(_) => {
                namespace.drop_cache();
                self.note_cache_lost(disk);
            }
            Action::DiskRestoreOldImage(args) => {
                namespace.restore_old_image(args.age);
            }
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

    pub(super) fn note_trouble_of_disk(&mut self, disk: DiskId) {
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
            DiskUndo::SwapBack => self.swap_back(disk),
        }
    }

    /// Stops every fault of disks that is in force.
    pub(super) fn stop_disk_faults(&mut self) {
        while let Some((disk, _)) = self.swapped.first().copied() {
            self.swap_back(disk);
        }
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
        Action::DiskBreakWith(_) => Some(FaultKind::BrokenWith),
        Action::DiskReadOnly(_) => Some(FaultKind::ReadOnly),
        Action::DiskReplace(_) => Some(FaultKind::Replaced),
        Action::DiskTearNextWrite(_) => Some(FaultKind::TearNextWrite),
        Action::DiskLoseNextWrite(_) => Some(FaultKind::LoseNextWrite),
        Action::DiskMisdirectNextWrite(_) => Some(FaultKind::MisdirectNextWrite),
        Action::DiskMisdirectNextRead(_) => Some(FaultKind::MisdirectNextRead),
        Action::DiskDuplicateNextCompletion(_) => Some(FaultKind::DuplicateNextCompletion),
        Action::DiskFlipBits(_) => Some(FaultKind::FlipBits),
        Action::DiskDropCache(_) => Some(FaultKind::PowerLost),
        _ => None,
    }
}

/// Where an action on disks is applied, and what it may cost; `None` for any other action.
fn costs(action: &Action) -> Option<(&DiskSelector, Harm)> {
    Some(match action {
        Action::DiskInjectRandomFailure(args) => (&args.disk, Harm::Service),
        Action::DiskFailNext(args) => (&args.disk, Harm::Service),
        Action::DiskDisconnectFromClient(args) => (&args.disk, Harm::Service),
        Action::DiskSlow(args) => (&args.disk, Harm::Service),
        Action::DiskHang(args) => (&args.disk, Harm::Service),
        Action::DiskUnplug(args) | Action::DiskReadOnly(args) => (&args.disk, Harm::Service),
        Action::DiskBreakWith(args) => (&args.disk, Harm::Service),
        Action::DiskInsertBadSector(args) => (&args.disk, Harm::Data),
        Action::DiskFlipBits(args) => (&args.disk, Harm::Data),
        Action::DiskRestoreOldImage(args) => (&args.disk, Harm::Data),
        Action::DiskReplace(args) | Action::DiskDropCache(args) => (&args.disk, Harm::Data),
        Action::DiskTearNextWrite(args)
        | Action::DiskLoseNextWrite(args)
        | Action::DiskMisdirectNextWrite(args)
        | Action::DiskMisdirectNextRead(args) => (&args.disk, Harm::Data),
        Action::DiskDuplicateNextCompletion(args) => (&args.disk, Harm::Nothing),
        Action::DiskReconnectToClient(args) => (&args.disk, Harm::Nothing),
        Action::DiskHeal(args) | Action::DiskPlug(args) => (&args.disk, Harm::Nothing),
        _ => return None,
    })
}

fn insert_bad_sectors(namespace: &Namespace, args: &InsertBadSector) -> FaultId {
    let status = status(args.status);
    match &args.burst {
        None => namespace.insert_bad_sector(args.block, args.count, status),
        Some(burst) => {
            let bounds = (burst.span, burst.within);
            namespace.insert_bad_sector_burst(args.block, args.count, bounds, status)
        }
    }
}

fn phase(phase: scenario::Phase) -> Phase {
    match phase {
        scenario::Phase::Before => Phase::Before,
        scenario::Phase::After => Phase::After,
        scenario::Phase::Completion => Phase::Completion,
        scenario::Phase::Delayed => Phase::Delayed,
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
        StatusName::InvalidField => Status::InvalidField,
        StatusName::DataTransferError => Status::DataTransferError,
        StatusName::PowerLoss => Status::PowerLoss,
        StatusName::Internal => Status::Internal,
        StatusName::AbortRequested => Status::AbortRequested,
        StatusName::AbortQueue => Status::AbortQueue,
        StatusName::InvalidNamespace => Status::InvalidNamespace,
        StatusName::WriteProtected => Status::NamespaceWriteProtected,
        StatusName::Interrupted => Status::CommandInterrupted,
        StatusName::TransportError => Status::TransientTransport,
        StatusName::LbaRange => Status::LbaRange,
        StatusName::CapacityExceeded => Status::CapacityExceeded,
        StatusName::NamespaceNotReady => Status::NamespaceNotReady,
        StatusName::ReservationConflict => Status::ReservationConflict,
        StatusName::FormatInProgress => Status::FormatInProgress,
        StatusName::ConflictingAttributes => Status::ConflictingAttributes,
        StatusName::ReadOnlyRange => Status::ReadOnlyRange,
        StatusName::WriteFault => Status::WriteFault,
        StatusName::UnrecoveredRead => Status::UnrecoveredRead,
        StatusName::GuardCheck => Status::GuardCheck,
        StatusName::ApplicationTagCheck => Status::AppTagCheck,
        StatusName::ReferenceTagCheck => Status::RefTagCheck,
        StatusName::CompareFailure => Status::CompareFailure,
        StatusName::AccessDenied => Status::AccessDenied,
        StatusName::UnwrittenBlock => Status::UnwrittenBlock,
        StatusName::AnaInaccessible => Status::AnaInaccessible,
        StatusName::ControllerPathError => Status::CtrlPath,
        StatusName::HostPathError => Status::HostPath,
        StatusName::AbortedByHost => Status::AbortedByHost,
    }
}

#[cfg(test)]
mod tests {
    use super::status;
    use crate::disk::port::Status;
    use crate::scenario::StatusName;

    #[test]
    fn every_failure_that_a_disk_knows_can_be_injected() {
        let injected: Vec<Status> = StatusName::ALL.iter().map(|name| status(*name)).collect();
        let mut known = Status::ALL.iter().filter(|status| !status.is_ok());
        assert!(known.all(|status| injected.contains(status)), "{injected:?}");
        assert_eq!(injected.len(), Status::ALL.len() - 1);
    }
}
