//! Single actions of a random scenario, by their names: where they act and how much. Draws no time at which.

use crate::base::Nanos;
use crate::scenario::action::{
    Action, BreakWith, Burst, ClientOnly, ClientVolume, ClockDrift, ClockJump, CpuOnly, DiskClient,
    DiskOnly, FailNext, FailNextMemory, FalseWord, FlipBits, ForceReboot, HangDisk, HoldAcks,
    IgnoreNextClientMessage, InjectFalseMessage, InjectRandomFailure, InsertBadSector, LimitMemory,
    NextCommands, NodeOnly, Ops, Phase, Reboot, RestoreOldImage, SlowCpu, SlowDisk, StatusName,
    SwapDisks, ToldManager, Wipe,
};
use crate::scenario::amounts::{Bytes, TimeShift};
use crate::scenario::ids::{CpuRef, CpuSelector, DiskSelector, NodeClass, NodeRef, NodeSelector};
use crate::scenario::units::NanosRange;
use crate::scenario::volume::{Integrity, Volume};

use super::calls::{by_the_database, call};
use super::connectors::on_a_connector;
use super::dice::Dice;
use super::external::on_programs;
use super::links::on_a_link;
use super::profile::Profile;
use super::script::Scene;
use super::swarm::least_integrity;

/// How long an action lasts that is undone.
pub(super) fn undo_after(dice: &mut Dice) -> NanosRange {
    let usual = span(dice);
    dice.range(usual, &[1, 40_000])
}

/// How long things last, in microseconds: now and then longer than a lease, for what somebody who is cut off may still do
/// shows only then.
pub(super) fn span(dice: &mut Dice) -> (u64, u64) {
    if dice.one_in(5) { (15_000, 60_000) } else { (50, 12_000) }
}

/// The action of this name. Where it `may_fix`, it may be one for a certain node or disk.
pub(super) fn action(dice: &mut Dice, scene: &Scene<'_>, name: &str, may_fix: bool) -> Action {
    match name.split_once('.').map_or("", |(family, _)| family) {
        "disk" => on_a_disk(dice, scene, name, may_fix),
        "net" => on_a_link(dice, scene, name),
        "node" => on_a_node(dice, scene, name, may_fix),
        "api" => call(dice, scene, name),
        "database" => by_the_database(dice, name),
        "connector" => on_a_connector(dice, scene, name),
        "external" => on_programs(dice, scene, name),
        "manager" => by_the_manager(dice, scene, name),
        _ => on_a_program(dice, scene, name),
    }
}

fn on_a_disk(dice: &mut Dice, scene: &Scene<'_>, name: &str, may_fix: bool) -> Action {
    let disk = disk(dice, scene, least_integrity(name), may_fix);
    let status = dice.pick(StatusName::ALL);
    let count = dice.amount((1, 8), &[1, 100]);
    match name {
        "disk.insert_bad_sector" => bad_sector(dice, scene, disk),
        "disk.inject_random_failure" => Action::DiskInjectRandomFailure(InjectRandomFailure {
            disk,
            ops: ops(dice),
            odds: dice.odds((2, 40), &[1, 1_000]),
            status,
            phase: dice.pick(Phase::ALL),
        }),
        "disk.fail_next" => {
            let (ops, phase) = (ops(dice), dice.pick(Phase::ALL));
            Action::DiskFailNext(FailNext { disk, ops, count, status, phase })
        }
        "disk.disconnect_from_client" => {
            Action::DiskDisconnectFromClient(DiskClient { disk, client: client(dice, scene) })
        }
        "disk.slow" => {
            let factor = dice.amount((2, 60), &[1_000]) as u32;
            Action::DiskSlow(SlowDisk { disk, factor })
        }
        "disk.hang" => Action::DiskHang(HangDisk { disk, ops: ops(dice) }),
        "disk.unplug" => Action::DiskUnplug(DiskOnly { disk }),
        "disk.break_with" => Action::DiskBreakWith(BreakWith { disk, status }),
        "disk.replace" => Action::DiskReplace(DiskOnly { disk }),
        "disk.swap" => {
            let with = self::disk(dice, scene, Integrity::None, false);
            Action::DiskSwap(SwapDisks { disk, with })
        }
        "disk.read_only" => Action::DiskReadOnly(DiskOnly { disk }),
        "disk.tear_next_write" => Action::DiskTearNextWrite(NextCommands { disk, count }),
        "disk.misdirect_next_read" => Action::DiskMisdirectNextRead(NextCommands { disk, count }),
        "disk.lose_next_write" => Action::DiskLoseNextWrite(NextCommands { disk, count }),
        "disk.misdirect_next_write" => Action::DiskMisdirectNextWrite(NextCommands { disk, count }),
        "disk.duplicate_next_completion" => {
            Action::DiskDuplicateNextCompletion(NextCommands { disk, count })
        }
        "disk.flip_bits" => {
            let (block, bits) = (block(dice, scene), dice.amount((1, 8), &[1, 4_096]));
            Action::DiskFlipBits(FlipBits { disk, block, bits })
        }
        _ => Action::DiskDropCache(DiskOnly { disk }),
    }
}

/// A disk, mostly one that holds something, of a volume that finds out what is done to it.
fn disk(dice: &mut Dice, scene: &Scene<'_>, least: Integrity, may_fix: bool) -> DiskSelector {
    let fitting = scene.volumes.iter().filter(|volume| volume.integrity >= least);
    let volume = dice.pick(&fitting.cloned().collect::<Vec<Volume>>());
    match dice.between(0, 11) {
        _ if least != Integrity::None => DiskSelector::AnyLegOf(volume.name),
        0 | 1 if may_fix => match &volume.legs {
            Some(legs) => DiskSelector::Fixed(dice.pick(legs)),
            None => DiskSelector::AnyLegOf(volume.name),
        },
        2 if may_fix => DiskSelector::All,
        3 => DiskSelector::Any,
        _ => DiskSelector::AnyLegOf(volume.name),
    }
}

fn ops(dice: &mut Dice) -> Ops {
    match dice.between(0, 4) {
        0 => Ops { read: true, write: false, flush: false },
        1 => Ops { read: false, write: true, flush: false },
        2 => Ops { read: true, write: true, flush: false },
        _ => Ops::ALL,
    }
}

/// A block of a disk that is likely to be in use.
fn block(dice: &mut Dice, scene: &Scene<'_>) -> u64 {
    let (blocks, first) = (scene.cluster.disk.blocks, scene.cluster.disk.first_block);
    let used = scene.volumes.iter().map(|volume| volume.blocks).max().unwrap_or(1);
    match dice.one_in(12) {
        true => blocks - dice.between(1, 4),
        false => first + dice.between(0, (used / 2).min(blocks - 1 - first)),
    }
}

fn bad_sector(dice: &mut Dice, scene: &Scene<'_>, disk: DiskSelector) -> Action {
    let block = block(dice, scene);
    let left = scene.cluster.disk.blocks - block;
    let count = dice.amount((1, 128), &[1, 2_048]).min(left);
    let burst = dice.one_in(4).then(|| {
        let span = (count * dice.between(1, 4)).min(left);
        Burst { span, within: dice.micros((10, 5_000), &[0]) }
    });
    let statuses =
        [StatusName::UnrecoveredRead, StatusName::UnrecoveredRead, StatusName::GuardCheck];
    let status = dice.pick(&statuses);
    Action::DiskInsertBadSector(InsertBadSector { disk, block, count, status, burst })
}

fn on_a_node(dice: &mut Dice, scene: &Scene<'_>, name: &str, may_fix: bool) -> Action {
    let node = node(dice, scene, may_fix);
    let downtime = (!dice.one_in(4)).then(|| dice.range((100, 8_000), &[1, 40_000]));
    match name {
        "node.reboot" => Action::NodeReboot(Reboot { node, downtime }),
        "node.crash" => Action::NodeCrash(Reboot { node, downtime }),
        "node.power_off" => Action::NodePowerOff(NodeOnly { node }),
        "node.pause" => Action::NodePause(NodeOnly { node }),
        "node.wipe" => {
            // One of several managers may lose its disk as a target may.
            let of_manager = scene.cluster.managers > 1 && dice.one_in(2);
            let class = if of_manager { NodeClass::Manager } else { NodeClass::Target };
            Action::NodeWipe(Wipe { node: NodeSelector::Any(class) })
        }
        "node.fire_timers" => Action::NodeFireTimers(NodeOnly { node }),
        "node.clock_jump" => Action::NodeClockJump(ClockJump { node, by: shift(dice) }),
        _ => {
            let ppm = dice.amount((10, 5_000), &[1, 45_000]) as i32;
            let ppm = if dice.one_in(2) { ppm } else { -ppm };
            Action::NodeClockDrift(ClockDrift { node, ppm })
        }
    }
}

fn shift(dice: &mut Dice) -> TimeShift {
    let span = dice.micros((1, 10_000_000), &[1, 80_000_000_000]);
    let sign = if dice.one_in(2) { "-" } else { "" };
    format!("{sign}{span}").parse().expect("a span with a sign is a shift")
}

/// A node of any kind, as the profile has it.
pub(super) fn node(dice: &mut Dice, scene: &Scene<'_>, may_fix: bool) -> NodeSelector {
    if scene.swarm.profile == Profile::Manager && !dice.one_in(3) {
        return manager(dice, scene);
    }
    if scene.swarm.power_cuts && !dice.one_in(3) {
        return NodeSelector::All(dice.pick(&[
            NodeClass::Target,
            NodeClass::Target,
            NodeClass::Node,
        ]));
    }
    if scene.cluster.databases > 0 && dice.one_in(8) {
        return NodeSelector::Fixed(NodeRef::Database(0));
    }
    match dice.between(0, 11) {
        0 => manager(dice, scene),
        1 if may_fix => NodeSelector::All(dice.pick(&[NodeClass::Target, NodeClass::Client])),
        2 if may_fix => fixed(dice, scene, NodeClass::Target),
        3 => fixed(dice, scene, NodeClass::Client),
        4 => NodeSelector::Any(NodeClass::Node),
        5 | 6 => NodeSelector::Any(NodeClass::Client),
        _ => NodeSelector::Any(NodeClass::Target),
    }
}

/// The manager, or one of several, seldom all.
pub(super) fn manager(dice: &mut Dice, scene: &Scene<'_>) -> NodeSelector {
    match scene.cluster.managers {
        0 | 1 => NodeSelector::Fixed(NodeRef::Manager(0)),
        _ if dice.one_in(12) => NodeSelector::All(NodeClass::Manager),
        _ if dice.one_in(2) => fixed(dice, scene, NodeClass::Manager),
        _ => NodeSelector::Any(NodeClass::Manager),
    }
}

/// A certain node of a class.
pub(super) fn fixed(dice: &mut Dice, scene: &Scene<'_>, class: NodeClass) -> NodeSelector {
    let (clients, targets) = (scene.cluster.clients, scene.cluster.targets);
    let mut below = |count: u16| dice.between(0, u64::from(count) - 1) as u16;
    NodeSelector::Fixed(match class {
        NodeClass::Client => NodeRef::Client(below(clients)),
        NodeClass::Target => NodeRef::Target(below(targets)),
        NodeClass::Manager if scene.cluster.managers > 1 => {
            NodeRef::Manager(below(scene.cluster.managers))
        }
        NodeClass::Manager | NodeClass::Database | NodeClass::Node => NodeRef::Manager(0),
    })
}

fn client(dice: &mut Dice, scene: &Scene<'_>) -> NodeSelector {
    match dice.one_in(3) {
        true => NodeSelector::Any(NodeClass::Client),
        false => fixed(dice, scene, NodeClass::Client),
    }
}

fn by_the_manager(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    match name {
        "manager.inject_false_message" => {
            let message = dice.pick(FalseWord::ALL);
            let to = match message {
                FalseWord::Detached | FalseWord::Grant => client(dice, scene),
                FalseWord::Register | FalseWord::CareFor => NodeSelector::Any(NodeClass::Target),
                FalseWord::Pong => NodeSelector::Any(NodeClass::Node),
            };
            Action::ManagerInjectFalseMessage(InjectFalseMessage { to, message })
        }
        "manager.ignore_next_client_message" => {
            let (message, count) = (dice.pick(ToldManager::ALL), dice.amount((1, 4), &[1, 20]));
            Action::ManagerIgnoreNextClientMessage(IgnoreNextClientMessage {
                message,
                count: count as u32,
            })
        }
        "manager.hold_acks" => Action::ManagerHoldAcks(HoldAcks { twice: dice.one_in(2) }),
        _ => Action::ManagerForceReboot(ForceReboot { keep_memory: dice.one_in(2) }),
    }
}

fn on_a_program(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    match name {
        "memory.limit" => {
            let kibibytes = dice.amount((120, 700), &[64, 1_500]);
            let bytes = format!("{kibibytes}KiB").parse::<Bytes>().expect("an amount of memory");
            Action::MemoryLimit(LimitMemory { node: node(dice, scene, true), bytes })
        }
        "memory.fail_next" => {
            let count = dice.amount((1, 10), &[1, 200]) as u32;
            let after = if dice.one_in(2) { 0 } else { dice.amount((1, 100), &[1, 2_000]) as u32 };
            Action::MemoryFailNext(FailNextMemory { node: node(dice, scene, true), count, after })
        }
        "app.pause" => Action::AppPause(ClientOnly { client: client(dice, scene) }),
        "app.kill" => Action::AppKill(ClientOnly { client: client(dice, scene) }),
        "app.detach" => {
            let (client, volume) = (client(dice, scene), dice.pick(scene.volumes).name);
            Action::AppDetach(ClientVolume { client, volume })
        }
        "cpu.stop" => Action::CpuStop(CpuOnly { cpu: cpu(dice, scene) }),
        _ => {
            let factor = dice.amount((2, 100), &[1_000]) as u32;
            Action::CpuSlow(SlowCpu { cpu: cpu(dice, scene), factor })
        }
    }
}

fn cpu(dice: &mut Dice, scene: &Scene<'_>) -> CpuSelector {
    let of_manager = scene.swarm.profile == Profile::Manager;
    if !of_manager && !dice.one_in(3) {
        return CpuSelector::Any;
    }
    let classes = [NodeClass::Client, NodeClass::Target, NodeClass::Manager];
    let class = if of_manager { NodeClass::Manager } else { dice.pick(&classes) };
    CpuSelector::Fixed(certain_cpu(dice, scene, class))
}

/// A certain CPU of a node of this class.
pub(super) fn certain_cpu(dice: &mut Dice, scene: &Scene<'_>, class: NodeClass) -> CpuRef {
    let NodeSelector::Fixed(node) = fixed(dice, scene, class) else {
        unreachable!("a fixed selector")
    };
    let cluster = scene.cluster;
    let cpus = match class {
        NodeClass::Client => cluster.client_cpus,
        NodeClass::Target => cluster.target_cpus,
        NodeClass::Manager | NodeClass::Database | NodeClass::Node => cluster.manager_cpus,
    };
    CpuRef { node, cpu: dice.between(0, u64::from(cpus) - 1) as u16 }
}

/// An image of a disk as it was some time ago.
pub(super) fn old_image(dice: &mut Dice, disk: DiskSelector) -> Action {
    let age = Nanos::from_micros(dice.scaled(1_000, 8_000));
    Action::DiskRestoreOldImage(RestoreOldImage { disk, age })
}
