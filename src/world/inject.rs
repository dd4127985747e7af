//! Applies the actions of a script through the control doors, and undoes them. Decides no time.

use crate::base::{DiskId, NodeId};
use crate::disk::control::{Fault, FaultId, FaultKind, OpMask, Phase};
use crate::disk::port::Status;
use crate::scenario::{self, Action, DiskSelector, NanosRange, NodeSelector, Ops, StatusName};

use super::budget::NetImpairment;
use super::records::{ActionName, DiskFaultApplied, FaultApplied, FaultLifted, FaultWithheld};
use super::select::{self, Choice};
use super::simulate::{Alarm, World};

/// How to take an action back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    Lift(DiskId, FaultId),
    Reconnect(DiskId, NodeId),
    Plug(DiskId),
    Partition(NodeId, NodeId, bool),
    Isolate(NodeId),
    Delay(NodeId, NodeId),
    Loss(NodeId, NodeId),
    Hold(NodeId, NodeId),
    PowerOn(NodeId),
    Resume(NodeId),
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

/// What became of an action.
#[derive(Clone, Debug)]
pub(super) enum Applied {
    /// It acted on something; how to undo each.
    Landed(Vec<Undo>),
    /// There was nothing to act on.
    Nothing,
    /// The fault budget does not allow it now.
    Withheld,
}

impl World<'_> {
    /// Applies an action now.
    pub(super) fn apply(&mut self, entry: u32, action: &Action) -> Applied {
        let applied = match action {
            Action::NetPartition(_)
            | Action::NetIsolate(_)
            | Action::NetDelay(_)
            | Action::NetLoss(_)
            | Action::NetReset(_)
            | Action::NetHold(_) => self.apply_to_net(entry, action),
            Action::NodeReboot(_)
            | Action::NodePowerOff(_)
            | Action::NodePowerOn(_)
            | Action::NodePause(_)
            | Action::NodeResume(_) => self.apply_to_node(entry, action),
            _ => self.apply_to_disk(entry, action),
        };
        if matches!(applied, Applied::Withheld) {
            let action = ActionName::of(action);
            self.stage.kernel.emit(None, &FaultWithheld { entry, action });
        }
        applied
    }

    fn apply_to_disk(&mut self, entry: u32, action: &Action) -> Applied {
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
                self.watch.await_effect(*disk, fault, entry);
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

    fn outcome(&self, landed: bool, harms: bool, undos: Vec<Undo>, could: bool) -> Applied {
        match (landed, harms && could) {
            (true, _) => Applied::Landed(undos),
            (false, true) => Applied::Withheld,
            (false, false) => Applied::Nothing,
        }
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
                namespace.fail_next(op_mask(args.ops), args.count as u32, status(args.status))
            }
            Action::DiskSlow(args) => namespace.slow(args.factor),
            Action::DiskHang(args) => namespace.hang(op_mask(args.ops)),
            _ => return self.connect_or_plug(action, disk, client),
        };
        Some(Undo::Lift(disk, fault))
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
                return Some(Undo::Plug(disk));
            }
            Action::DiskDisconnectFromClient(_) => {
                let client = client?;
                namespace.disconnect_from_client(client);
                return Some(Undo::Reconnect(disk, client));
            }
            Action::DiskReconnectToClient(_) => namespace.reconnect_to_client(client?),
            _ => {}
        }
        None
    }

    fn any_node(&mut self, selector: NodeSelector) -> Option<NodeId> {
        let choice = select::nodes(selector, &self.stage);
        choice.draw(&mut self.rng, |_, _| true).first().copied()
    }

    fn apply_to_node(&mut self, entry: u32, action: &Action) -> Applied {
        let (selector, harms) = match action {
            Action::NodeReboot(args) => (args.node, true),
            Action::NodePowerOff(args) | Action::NodePause(args) => (args.node, true),
            Action::NodePowerOn(args) | Action::NodeResume(args) => (args.node, false),
            _ => return Applied::Nothing,
        };
        let (Choice::Each(all) | Choice::OneOf(all)) = select::nodes(selector, &self.stage);
        let could = all.into_iter().any(|node| self.node_action_has_effect(action, node));
        let mut rng = self.rng.clone();
        let chosen = select::nodes(selector, &self.stage).draw(&mut rng, |taken, node| {
            let (budget, taken) = (&self.budget, [taken, &[node]].concat());
            let allowed = !harms || budget.may_take_nodes(&taken, &self.stage, &self.conditions);
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

    fn node_action_has_effect(&self, action: &Action, node: NodeId) -> bool {
        let up = self.stage.kernel.is_up(node);
        let paused = self.budget.paused.contains(&node);
        match action {
            Action::NodePowerOn(_) => !up,
            Action::NodePause(_) => up && !paused,
            Action::NodeResume(_) => paused,
            _ => up,
        }
    }

    fn act_on_node(&mut self, action: &Action, node: NodeId) -> Option<Undo> {
        match action {
            Action::NodeReboot(args) => {
                self.take_down(node);
                let range = args.downtime.unwrap_or(self.scenario.cluster.boot_time);
                let downtime = self.draw(range);
                self.alarm_in(downtime, Alarm::Boot(node));
                None
            }
            Action::NodePowerOff(_) => {
                self.take_down(node);
                Some(Undo::PowerOn(node))
            }
            Action::NodePowerOn(_) => {
                self.bring_up(node);
                None
            }
            Action::NodePause(_) => {
                self.stage.kernel.pause(node);
                self.budget.paused.push(node);
                Some(Undo::Resume(node))
            }
            Action::NodeResume(_) => {
                self.resume(node);
                None
            }
            _ => None,
        }
    }

    /// Draws from a range.
    pub(super) fn draw(&mut self, range: NanosRange) -> crate::base::Nanos {
        self.rng.nanos(range.min, range.max)
    }

    fn resume(&mut self, node: NodeId) {
        self.budget.paused.retain(|paused| *paused != node);
        if self.stage.kernel.is_up(node) {
            self.stage.kernel.resume(node);
        }
    }

    fn apply_to_net(&mut self, entry: u32, action: &Action) -> Applied {
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
            undos.extend(undo);
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

    fn act_on_link(&mut self, action: &Action, a: NodeId, b: NodeId) -> Option<Undo> {
        let fabric = &self.stage.fabric;
        match action {
            Action::NetPartition(args) => {
                fabric.partition(a, b, args.oneway);
                Some(Undo::Partition(a, b, args.oneway))
            }
            Action::NetIsolate(_) => {
                fabric.isolate(a);
                Some(Undo::Isolate(a))
            }
            Action::NetDelay(args) => {
                fabric.delay(a, b, args.latency.min, args.latency.max);
                Some(Undo::Delay(a, b))
            }
            Action::NetLoss(args) => {
                fabric.loss(a, b, args.odds);
                Some(Undo::Loss(a, b))
            }
            Action::NetHold(_) => {
                fabric.hold(a, b);
                Some(Undo::Hold(a, b))
            }
            Action::NetReset(_) => {
                fabric.reset(a, b);
                None
            }
            _ => None,
        }
    }

    fn impair(&mut self, undo: Undo, nodes: Vec<NodeId>) {
        self.budget.net.push(NetImpairment { undo, nodes });
    }

    pub(super) fn note_trouble(&mut self, nodes: &[NodeId]) {
        let now = self.stage.kernel.now();
        nodes.iter().for_each(|node| self.budget.note_trouble(*node, now));
    }

    fn note_trouble_of_disk(&mut self, disk: DiskId) {
        let held =
            self.stage.nodes.target_disks().find(|held| self.stage.nodes.disk(*held) == disk);
        if let Some(held) = held {
            self.note_trouble(&[self.stage.nodes.target(held.target)]);
        }
    }

    /// Takes an action back.
    pub(super) fn undo(&mut self, entry: u32, undo: Undo) {
        if let Some(scenario::Effect::Do(action)) =
            self.scenario.script.get(entry as usize).map(|entry| &entry.effect)
        {
            let action = ActionName::of(action);
            self.stage.kernel.emit(None, &FaultLifted { entry, action });
        }
        match undo {
            Undo::Lift(disk, _) | Undo::Reconnect(disk, _) | Undo::Plug(disk) => {
                self.note_trouble_of_disk(disk);
            }
            Undo::Partition(a, b, _) | Undo::Delay(a, b) | Undo::Loss(a, b) | Undo::Hold(a, b) => {
                self.note_trouble(&[a, b]);
            }
            Undo::Isolate(node) | Undo::PowerOn(node) | Undo::Resume(node) => {
                self.note_trouble(&[node]);
            }
        }
        let fabric = &self.stage.fabric;
        match undo {
            Undo::Lift(disk, fault) => {
                // Healed meanwhile: nothing is left to lift.
                let _lifted = self.stage.disks[disk.index()].lift(fault);
            }
            Undo::Reconnect(disk, client) => {
                self.stage.disks[disk.index()].reconnect_to_client(client);
            }
            Undo::Plug(disk) => self.stage.disks[disk.index()].plug(),
            Undo::Partition(a, b, oneway) => fabric.heal_partition(a, b, oneway),
            Undo::Isolate(node) => fabric.heal(node),
            Undo::Delay(a, b) => fabric.heal_delay(a, b),
            Undo::Loss(a, b) => fabric.heal_loss(a, b),
            Undo::Hold(a, b) => fabric.release(a, b),
            Undo::PowerOn(node) => self.bring_up(node),
            Undo::Resume(node) => self.resume(node),
        }
        if let Some(at) = self.budget.net.iter().position(|fault| fault.undo == undo) {
            self.budget.net.remove(at);
        }
    }

    /// Stops every fault that is in force.
    pub(super) fn stop_faults(&mut self) {
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
        self.stage.fabric.heal_all();
        self.budget.net.clear();
        for node in self.stage.nodes.class(scenario::NodeClass::Node) {
            self.resume_if_paused(node);
            self.bring_up(node);
        }
    }

    fn resume_if_paused(&mut self, node: NodeId) {
        if self.budget.paused.contains(&node) {
            self.resume(node);
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
