//! What a simulation that stands still looks like inside: nodes, disks, volumes, one block. Changes nothing.

use serde::Serialize;

use crate::base::{Block, LegIndex, Nanos, NodeId};
use crate::check::{Check, Checkers, Violation};
use crate::layout::Layout;
use crate::node::{IntentMap, LegMode, VolumeSpec};
use crate::sim::{ArmedTimer, CpuState, MemoryUse, TaskState};

use super::database;
use super::freeze;
use super::session::Session;

/// A node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeLook {
    /// Its name.
    pub node: String,
    /// Whether it is up.
    pub up: bool,
    /// How often it has come up.
    pub incarnation: u32,
    /// How many CPUs it has.
    pub cpus: usize,
    /// Of these, how many have something to run.
    pub cpus_ready: usize,
    /// How many tasks it has.
    pub tasks: usize,
    /// Ends of connections that are open on it.
    pub connections: usize,
    /// Bytes of memory that it holds.
    pub memory: u64,
    /// What its monotonic clock shows, in ns.
    pub clock_ns: u64,
}

/// A disk.
#[derive(Clone, Debug, Serialize)]
pub struct DiskLook {
    /// Its name.
    pub disk: String,
    /// The device's serial number; another one in its place has another.
    pub serial: u64,
    /// Blocks.
    pub blocks: u64,
    /// Blocks that are not past its volatile cache.
    pub cached: usize,
    /// What is wrong with it, in words.
    pub faults: Vec<String>,
}

/// A leg of a volume.
#[derive(Clone, Debug, Serialize)]
pub struct LegLook {
    /// Its number in the volume.
    pub leg: u8,
    /// Its disk.
    pub disk: String,
    /// Its mode in the manager's database: `RW`, `W` or `DEAD`.
    pub mode: &'static str,
    /// The generation that its disk shows; `None` without a superblock.
    pub generation: Option<u64>,
    /// The lowest generation that the manager takes for its own.
    pub generation_min: u64,
    /// Whether the disk in its place is the one on record.
    pub known: bool,
    /// Regions that its write-intent bitmap marks.
    pub marked: Vec<u32>,
}

/// A volume, as the manager's database and the disks have it.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeLook {
    /// Its name.
    pub volume: String,
    /// Its health, as the manager last said.
    pub state: String,
    /// The epoch on record.
    pub epoch: u64,
    /// Whether that may have been granted.
    pub granted: bool,
    /// Who has it attached.
    pub owner: Option<String>,
    /// Whether the owner has to make marked regions equal before it serves them.
    pub recover: bool,
    /// Percent of the rebuild under way.
    pub rebuilt: u8,
    /// Regions.
    pub regions: u32,
    /// Its legs.
    pub legs: Vec<LegLook>,
}

/// One block of a volume on one leg.
#[derive(Clone, Debug, Serialize)]
pub struct CopyLook {
    /// Which leg.
    pub leg: u8,
    /// The leg's mode in the manager's database.
    pub mode: &'static str,
    /// The leg's disk.
    pub disk: String,
    /// Where on the disk.
    pub lba: u64,
    /// What the medium holds there, by its origin.
    pub holds: String,
    /// What would be left of it if the volatile cache were lost now, where that is something else.
    pub without_cache: Option<String>,
    /// Whether it is on record as lost: every read fails until it is rewritten.
    pub poisoned: bool,
    /// Whether its region is marked on this leg.
    pub marked: bool,
}

fn mode_name(mode: LegMode) -> &'static str {
    match mode {
        LegMode::ReadWrite => "RW",
        LegMode::WriteOnly => "W",
        LegMode::Dead => "DEAD",
    }
}

impl Session<'_> {
    /// The ids of all nodes: clients, targets, managers, each in order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.world.stage.names.nodes.len() as u32).map(NodeId::new)
    }

    /// The node of this name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.nodes().find(|node| self.world.stage.names.node(*node) == name)
    }

    /// A node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> NodeLook {
        let stage = &self.world.stage;
        let kernel = &stage.kernel;
        let cpus = kernel.cpu_states(node);
        NodeLook {
            node: stage.names.node(node),
            up: kernel.is_up(node),
            incarnation: kernel.incarnation(node),
            cpus_ready: cpus.iter().filter(|cpu| !cpu.ready.is_empty()).count(),
            cpus: cpus.len(),
            tasks: kernel.task_states(node).len(),
            connections: stage.fabric.open_connections(node),
            memory: kernel.memory(node).used,
            clock_ns: kernel.handle(node).monotonic().get(),
        }
    }

    /// A node's CPUs.
    #[must_use]
    pub fn cpus(&self, node: NodeId) -> Vec<CpuState> {
        self.world.stage.kernel.cpu_states(node)
    }

    /// A node's tasks.
    #[must_use]
    pub fn tasks(&self, node: NodeId) -> Vec<TaskState> {
        self.world.stage.kernel.task_states(node)
    }

    /// A node's memory account.
    #[must_use]
    pub fn memory(&self, node: NodeId) -> MemoryUse {
        self.world.stage.kernel.memory(node)
    }

    /// All armed timers, soonest first.
    #[must_use]
    pub fn timers(&self) -> Vec<ArmedTimer> {
        self.world.stage.kernel.armed_timers()
    }

    /// Rules and half-open connections in force on the network.
    #[must_use]
    pub fn net_faults(&self) -> usize {
        self.world.stage.fabric.faults()
    }

    /// The names of all disks; the last is the manager's.
    #[must_use]
    pub fn disk_names(&self) -> &[String] {
        &self.world.stage.names.disks
    }

    fn disk_at(&self, name: &str) -> Option<usize> {
        self.disk_names().iter().position(|disk| disk == name)
    }

    /// A disk by its name.
    #[must_use]
    pub fn disk(&self, name: &str) -> Option<DiskLook> {
        let disk = &self.world.stage.disks[self.disk_at(name)?];
        Some(DiskLook {
            disk: name.to_owned(),
            serial: disk.identity().serial,
            blocks: disk.config().blocks,
            cached: disk.raw_without_cache().len(),
            faults: disk.faults().iter().map(ToString::to_string).collect(),
        })
    }

    /// What a disk's medium holds at a place, under all faults: its content by its origin.
    #[must_use]
    pub fn raw_block(&self, disk: &str, lba: u64) -> Option<Block> {
        let disk = &self.world.stage.disks[self.disk_at(disk)?];
        (lba < disk.config().blocks).then(|| disk.raw_read(lba))
    }

    /// The names of all volumes.
    #[must_use]
    pub fn volume_names(&self) -> &[String] {
        &self.world.stage.names.volumes
    }

    fn spec(&self, volume: &str) -> Option<&VolumeSpec> {
        let at = self.volume_names().iter().position(|name| name == volume)?;
        self.world.stage.map.volumes.get(at)
    }

    /// A volume by its name.
    #[must_use]
    pub fn volume(&self, name: &str) -> Option<VolumeLook> {
        let (stage, spec) = (&self.world.stage, self.spec(name)?);
        let record = database::record(stage, spec);
        let status = &self.world.conditions.volumes[spec.id.index()];
        let marks = freeze::marks(stage, spec);
        let legs = spec.leg_ids().map(|leg| {
            let superblock = freeze::superblock(stage, spec, leg);
            LegLook {
                leg: leg.get(),
                disk: stage.names.disk(freeze::place(spec, leg, &record).disk),
                mode: mode_name(record.modes.of(leg)),
                generation: superblock.map(|superblock| superblock.generation.get()),
                generation_min: record.generation_min(leg).get(),
                known: freeze::has_its_disk(stage, spec, leg, &record),
                marked: marked(&marks[leg.index()], spec.regions()),
            }
        });
        Some(VolumeLook {
            volume: name.to_owned(),
            state: status.state.to_string(),
            epoch: record.epoch.get(),
            granted: record.granted,
            owner: record.owner.map(|(owner, _)| stage.names.node(owner)),
            recover: record.recover,
            rebuilt: status.rebuilt,
            regions: spec.regions(),
            legs: legs.collect(),
        })
    }

    /// Where a block of a volume is kept, and what stands there; none beyond the volume's end.
    #[must_use]
    pub fn copies(&self, volume: &str, block: u64) -> Option<Vec<CopyLook>> {
        let (stage, spec) = (&self.world.stage, self.spec(volume)?);
        if block >= spec.blocks {
            return None;
        }
        let record = database::record(stage, spec);
        let marks = freeze::marks(stage, spec);
        let run = spec.layout.run(block, 1);
        let copy = |leg: LegIndex| {
            let placed = freeze::place(spec, leg, &record);
            let disk = &stage.disks[placed.disk.index()];
            let lba = placed.extent.data + run.at;
            let left = disk.raw_without_cache().get(&lba).map(|left| match left {
                Some(block) => block.to_string(),
                None => "anything".to_owned(),
            });
            CopyLook {
                leg: leg.get(),
                mode: mode_name(record.modes.of(leg)),
                disk: stage.names.disk(placed.disk),
                lba,
                holds: disk.raw_read(lba).to_string(),
                without_cache: left,
                poisoned: disk.raw_is_lost(lba),
                marked: marks[leg.index()].has(spec.region_of(block)),
            }
        };
        Some(spec.leg_ids().filter(|leg| run.legs.has(*leg)).map(copy).collect())
    }

    /// Compares all in-sync legs and lines as they stand now, as a `freeze` of `mirrors` and `parity` does.
    #[must_use]
    pub fn compare_mirrors(&self) -> Vec<Violation> {
        let mut checkers = Checkers::new(&[]);
        let seen = (&self.world.stage, &self.world.budget.caches);
        let checks = [Check::Mirrors, Check::Parity];
        freeze::show(seen, &mut checkers, self.position().at, &checks, false);
        checkers.take_violations()
    }

    /// What the script's entries did so far: firings, and how many of them had something to act on.
    #[must_use]
    pub fn script_progress(&self) -> Vec<(u64, u64)> {
        self.world.entries.iter().map(|entry| entry.progress()).collect()
    }

    /// Since when faults have stopped and all has to heal, if they have.
    #[must_use]
    pub fn settling_since(&self) -> Option<Nanos> {
        self.world.settling_since
    }
}

fn marked(marks: &IntentMap, regions: u32) -> Vec<u32> {
    (0..regions).filter(|region| marks.has(crate::base::Region::new(*region))).collect()
}
