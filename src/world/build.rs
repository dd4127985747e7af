//! Makes the cluster that a scenario describes: kernel, network, disks, nodes, applications.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::{DiskId, Names, Nanos, NodeId};
use crate::disk::control::Namespace;
use crate::disk::{DiskConfig, port::Drive};
use crate::net::{Fabric, NetConfig};
use crate::node::app::OpCounter;
use crate::node::client;
use crate::node::connector::Connectors;
use crate::node::control::{boot_console, log_blocks};
use crate::node::database;
use crate::node::manager::{self, CONFIRMED_FOR, ManagerDisks, ManagerDoor};
use crate::node::{ClusterMap, Frame, Timing, target};
use crate::scenario::{
    Action, Bytes, ConnectorRef, DiskRef, Effect, Integrity, NodeClass, NodeRef, Scenario, Schedule,
};
use crate::sim::{ClockConfig, Kernel, KernelConfig, NodeConfig, Rng, ScheduleKind, Seed};

use super::apps::apps;
use super::control::{self, ControlStage};
use super::database::Records;
use super::external;
use super::mounts::{App, Mounts};
use super::place;
use super::report::RunOptions;

/// Which node and which disk an id of the scenario is.
pub(super) struct NodeTable {
    clients: Vec<NodeId>,
    targets: Vec<NodeId>,
    managers: Vec<NodeId>,
    databases: Vec<NodeId>,
    disks_per_target: u16,
}

impl NodeTable {
    pub(super) fn node(&self, node: NodeRef) -> NodeId {
        let of_class = match node.class() {
            NodeClass::Client => &self.clients,
            NodeClass::Target => &self.targets,
            NodeClass::Database => &self.databases,
            NodeClass::Manager | NodeClass::Node => &self.managers,
        };
        of_class[usize::from(node.index())]
    }

    pub(super) fn target(&self, index: u16) -> NodeId {
        self.targets[usize::from(index)]
    }

    pub(super) fn disk(&self, disk: DiskRef) -> DiskId {
        DiskId::new(
            u32::from(disk.target) * u32::from(self.disks_per_target) + u32::from(disk.disk),
        )
    }

    /// The disks of a node; none, if it is no target.
    pub(super) fn disks_of(&self, node: NodeId) -> Vec<DiskId> {
        let of_node = |disk: &DiskRef| self.target(disk.target) == node;
        self.target_disks().filter(of_node).map(|disk| self.disk(disk)).collect()
    }

    /// All disks of targets, by id.
    pub(super) fn target_disks(&self) -> impl Iterator<Item = DiskRef> + use<> {
        let per_target = self.disks_per_target;
        let targets = 0..self.targets.len() as u16;
        targets.flat_map(move |target| (0..per_target).map(move |disk| DiskRef { target, disk }))
    }

    /// The nodes of a class, in the order of their ids.
    pub(super) fn class(&self, class: NodeClass) -> Vec<NodeId> {
        match class {
            NodeClass::Client => self.clients.clone(),
            NodeClass::Target => self.targets.clone(),
            NodeClass::Manager => self.managers.clone(),
            NodeClass::Database => self.databases.clone(),
            NodeClass::Node => {
                [&self.clients[..], &self.targets, &self.managers, &self.databases].concat()
            }
        }
    }
}

/// A cluster, ready to be booted.
pub(super) struct Stage {
    pub(super) kernel: Kernel,
    pub(super) fabric: Rc<Fabric<Frame>>,
    /// By id; the managers' come after the targets'. Where there is a controller, then the database's, then a disk of each
    /// target for its satellite's reports; where there are several managers, then one of each for its controller's.
    pub(super) disks: Vec<Namespace>,
    pub(super) map: Rc<ClusterMap>,
    /// Makes the manager do wrong.
    pub(super) manager_door: Rc<ManagerDoor>,
    /// Which manager leads, or led last, and where in the managers' log its term begins.
    leader: Cell<(NodeId, u64)>,
    /// Where managers are reached, by manager.
    pub(super) connectors: Vec<Connectors>,
    pub(super) nodes: NodeTable,
    pub(super) names: Names,
    pub(super) apps: Rc<Vec<App>>,
    pub(super) ops: OpCounter,
    pub(super) mounts: Rc<Mounts>,
    pub(super) records: Records,
    /// The control plane, where there is one.
    pub(super) control: Option<ControlStage>,
}

impl Stage {
    /// Whether a connector listens.
    pub(super) fn is_up(&self, connector: ConnectorRef) -> bool {
        self.connectors[usize::from(connector.manager)].is_up(connector.number)
    }

    /// The disk that holds the manager's records; the first manager's, where there are several.
    pub(super) fn records_disk(&self) -> &Namespace {
        &self.records_disks()[0]
    }

    /// The disks that hold the managers' records, by manager.
    pub(super) fn records_disks(&self) -> &[Namespace] {
        let first = self.nodes.target_disks().count();
        &self.disks[first..first + self.map.managers.len()]
    }

    /// The manager that leads, or led last.
    pub(super) fn manager(&self) -> NodeId {
        self.leader.get().0
    }

    /// A manager says that it leads, by a term that begins at this place in the managers' log. Whether it is a new leader:
    /// one that was elected and hears of it late may have been followed by another one before.
    pub(super) fn takes_over(&self, manager: NodeId, place: u64) -> bool {
        let is_later = place > self.leader.get().1;
        if is_later {
            self.leader.set((manager, place));
        }
        is_later
    }
}

/// Makes the cluster of a scenario.
pub(super) fn stage(scenario: &Scenario, seed: u64, options: &RunOptions) -> Stage {
    let stage = unmanned(scenario, seed, options);
    set_boots(&stage);
    stage
}

/// Makes the cluster of a scenario, of which no node runs anything yet.
pub(super) fn unmanned(scenario: &Scenario, seed: u64, options: &RunOptions) -> Stage {
    let cluster = &scenario.cluster;
    let config = KernelConfig {
        schedule: schedule_kind(&cluster.schedule, options),
        record_schedule: options.record_schedule,
        buggify: cluster.buggify,
        ..KernelConfig::default()
    };
    let kernel = Kernel::new(Seed::new(seed), &config);
    let net = NetConfig {
        latency: (cluster.net.latency.min, cluster.net.latency.max),
        bandwidth_bits_per_second: cluster.net.bandwidth.bits_per_second(),
        interfaces: cluster.interfaces,
        checksum: cluster.net.checksum,
        ..NetConfig::default()
    };
    let fabric = Fabric::new(&kernel, net);
    let mut names = Names::default();
    let (nodes, admin) = add_nodes(&kernel, scenario, &mut names);
    let disks = add_disks(&kernel, scenario, &nodes, &mut names);
    names.volumes = scenario.volumes.iter().map(|volume| volume.name.clone()).collect();
    names.own = scenario.words.actions().iter().map(|word| word.name.to_owned()).collect();
    kernel.set_names(names.clone());
    let map = Rc::new(ClusterMap {
        block_size: cluster.block_size,
        volumes: place::volumes(scenario, &nodes),
        managers: nodes.managers.clone(),
        connectors: cluster.connectors,
        queue_depth: cluster.disk.queue_depth.into(),
        volatile_caches: cluster.disk.volatile_cache,
        control: control::control_map(scenario, &nodes, &names).map(Rc::new),
        timing: timing(scenario),
    });
    let apps = Rc::new(apps(scenario, &nodes));
    let ops = OpCounter::default();
    let mounts = Mounts::new(map.volumes.len(), &apps, &ops);
    let records = Records::default();
    let manager_door = Rc::new(ManagerDoor::new());
    let counts = (cluster.connectors, cluster.interfaces);
    let of_manager = |node: &NodeId| Connectors::new(&kernel, *node, counts);
    let connectors = nodes.managers.iter().map(of_manager).collect();
    let control = admin.map(|admin| {
        let server = map.control.as_ref().and_then(|it| it.database).unwrap_or(nodes.managers[0]);
        let first = nodes.target_disks().count() + nodes.managers.len();
        let control = ControlStage::new(&kernel, (admin, server), &disks[first], &nodes);
        control::set_up(scenario, (&map, &names), &nodes, &control.console);
        control
    });
    let leader = Cell::new((nodes.managers[0], 0));
    if let Some(blocks) = control::installed(scenario) {
        for disk in disks.iter().skip(nodes.target_disks().count()).take(nodes.managers.len()) {
            (0..).zip(&blocks).for_each(|(lba, block)| disk.raw_write(lba, block.clone()));
        }
    }
    Stage {
        kernel,
        fabric,
        disks,
        map,
        manager_door,
        leader,
        connectors,
        nodes,
        names,
        apps,
        ops,
        mounts,
        records,
        control,
    }
}

/// How long nodes wait. Where there are several managers, one that leads no longer may not know it for a while, and answer
/// heartbeats.
fn timing(scenario: &Scenario) -> Timing {
    let usual = Timing::default();
    match scenario.cluster.managers {
        0 | 1 => usual,
        _ => Timing { lease_margin: usual.lease_margin + covered(CONFIRMED_FOR), ..usual },
    }
}

/// A span by a clock that runs as slow as can be, of one that runs as fast as can be.
fn covered(span: Nanos) -> Nanos {
    span + Nanos::new(span.get() / 8)
}

fn schedule_kind(schedule: &Schedule, options: &RunOptions) -> ScheduleKind {
    if let Some(recording) = &options.replay_schedule {
        return ScheduleKind::Replay(recording.clone());
    }
    match schedule {
        Schedule::Random => ScheduleKind::Random,
        Schedule::Fifo => ScheduleKind::Fifo,
        Schedule::Lifo => ScheduleKind::Lifo,
        Schedule::Pct(pct) => ScheduleKind::Pct { depth: pct.depth, steps: pct.steps },
        Schedule::Starve(starve) => ScheduleKind::Starve { task: starve.task.clone() },
    }
}

/// The nodes, and the machine that administrators call from, where there is somebody to call.
fn add_nodes(
    kernel: &Kernel,
    scenario: &Scenario,
    names: &mut Names,
) -> (NodeTable, Option<NodeId>) {
    let cluster = &scenario.cluster;
    let mut clocks = kernel.stream("world.clocks");
    let mut add = |prefix: &str, count: u16, cpus: u16| -> Vec<NodeId> {
        let made = (0..count).map(|index| {
            let name = format!("{prefix}{index}");
            let clock = draw_clock(&mut clocks, scenario);
            let memory = cluster.memory.map(Bytes::get);
            let config = NodeConfig { cpus, poll_cost: cluster.poll_cost, clock, memory };
            let id = kernel.add_node(&name, &config);
            names.nodes.push(name);
            id
        });
        made.collect()
    };
    let nodes = NodeTable {
        clients: add("c", cluster.clients, cluster.client_cpus),
        targets: add("t", cluster.targets, cluster.target_cpus),
        managers: add("m", cluster.managers, cluster.manager_cpus),
        databases: add("db", cluster.databases, cluster.manager_cpus),
        disks_per_target: cluster.disks_per_target,
    };
    let admin = scenario.has_controller().then(|| {
        names.nodes.push(control::CONSOLE.to_owned());
        kernel.add_node(control::CONSOLE, &NodeConfig::default())
    });
    (nodes, admin)
}

/// A clock is off by as much one way or the other.
fn draw_clock(rng: &mut Rng, scenario: &Scenario) -> ClockConfig {
    let clock = &scenario.cluster.clock;
    let offset = rng.nanos(clock.offset.min, clock.offset.max).get() as i64;
    let ahead = rng.below(2) == 1;
    let span = i64::from(clock.drift_ppm.max) - i64::from(clock.drift_ppm.min);
    let drift = i64::from(clock.drift_ppm.min) + rng.between(0, span as u64) as i64;
    ClockConfig { offset: if ahead { offset } else { -offset }, drift_ppm: drift as i32 }
}

fn add_disks(
    kernel: &Kernel,
    scenario: &Scenario,
    nodes: &NodeTable,
    names: &mut Names,
) -> Vec<Namespace> {
    let disk = &scenario.cluster.disk;
    let config = DiskConfig {
        blocks: disk.blocks,
        block_size: scenario.cluster.block_size,
        queue_depth: disk.queue_depth,
        read: (disk.read.min, disk.read.max),
        write: (disk.write.min, disk.write.max),
        flush: (disk.flush.min, disk.flush.max),
        volatile_cache: disk.volatile_cache,
        atomic_blocks: disk.atomic_blocks,
        atomic_boundary: disk.atomic_boundary,
        transfer_blocks: disk.transfer_blocks,
        cache_write: (disk.cache_write.min, disk.cache_write.max),
        write_back: (disk.write_back.min, disk.write_back.max),
        reset: (disk.reset.min, disk.reset.max),
        ..DiskConfig::default()
    };
    names.disks = nodes.target_disks().map(|disk| disk.to_string()).collect();
    let of_manager = names.disks.len();
    let managers = usize::from(scenario.cluster.managers);
    names.disks.extend((0..managers).map(|manager| format!("m{manager}/d0")));
    if scenario.has_controller() {
        let is_apart = scenario.cluster.databases > 0;
        names.disks.push(if is_apart { "db0/d0" } else { "m0/d1" }.to_owned());
        // What a target's satellite has to report is on a disk that holds nothing else.
        names.disks.extend((0..scenario.cluster.targets).map(|target| format!("t{target}/os")));
        if managers > 1 {
            names.disks.extend((0..managers).map(|manager| format!("m{manager}/os")));
        }
    }
    let blocks = |at: usize| match at.checked_sub(of_manager) {
        None => disk.blocks,
        Some(manager) if manager < managers => control::manager_blocks(scenario),
        Some(at) if at == managers => control::database_blocks(scenario),
        Some(_) => log_blocks(scenario.cluster.block_size),
    };
    let protected = protected_disks(scenario, nodes);
    let images = oldest(scenario, |action| match action {
        Action::DiskRestoreOldImage(args) => Some(args.age),
        _ => None,
    });
    let snapshots = oldest(scenario, |action| match action {
        Action::DatabaseRestoreOldSnapshot(args) => Some(args.age),
        _ => None,
    });
    let made = (0..names.disks.len()).map(|at| {
        let id = DiskId::new(at as u32);
        let config = DiskConfig { blocks: blocks(at), ..config.clone() };
        let disk = Namespace::new(
            kernel,
            id,
            DiskConfig { protection: protected.contains(&id), ..config },
        );
        let images = if at >= of_manager { snapshots } else { images };
        if images > Nanos::ZERO {
            disk.keep_images(images);
        }
        disk
    });
    made.collect()
}

/// The disks that hold a leg of a volume with integrity: their blocks have protection information.
fn protected_disks(scenario: &Scenario, nodes: &NodeTable) -> Vec<DiskId> {
    let placed = scenario.place_legs().expect("a loaded scenario fits its disks");
    let volumes = scenario.volumes.iter().zip(placed);
    let guarded = volumes.filter(|(volume, _)| volume.integrity != Integrity::None);
    guarded.flat_map(|(_, legs)| legs).map(|leg| nodes.disk(leg.disk)).collect()
}

/// How far back the script may want a disk to go.
fn oldest(scenario: &Scenario, age: impl Fn(&Action) -> Option<Nanos>) -> Nanos {
    let ages = scenario.script.iter().filter_map(|entry| match &entry.effect {
        Effect::Do(action) => age(action),
        _ => None,
    });
    ages.max().unwrap_or(Nanos::ZERO)
}

/// Says what each node runs when it comes up.
fn set_boots(stage: &Stage) {
    let per_target = usize::from(stage.nodes.disks_per_target);
    for (index, node) in stage.nodes.targets.iter().enumerate() {
        let disks = &stage.disks[index * per_target..(index + 1) * per_target];
        let drives: Vec<Drive> = disks.iter().map(Namespace::drive).collect();
        let (map, fabric) = (stage.map.clone(), stage.fabric.clone());
        let satellite = external::satellite(stage, index);
        stage.kernel.on_boot(*node, move |handle| {
            target::boot(&handle, &map, fabric.port(&handle), &drives, satellite.as_ref());
        });
    }
    let managers = stage.nodes.managers.iter().zip(&stage.connectors).enumerate();
    for (at, (node, connectors)) in managers {
        let (records, reports) = (&stage.records_disks()[at], control::report_disk(stage, at));
        let disks = ManagerDisks { records: records.drive(), reports: reports.drive() };
        let database = stage.control.as_ref().map(|control| control.database.clone());
        let (map, fabric) = (stage.map.clone(), stage.fabric.clone());
        let (door, connectors) = (stage.manager_door.clone(), connectors.clone());
        stage.kernel.on_boot(*node, move |handle| {
            let (port, doors) = (fabric.port(&handle), (&disks, &door, &connectors));
            manager::boot(&handle, &map, port, doors, database.as_ref());
        });
    }
    if let Some(control) = &stage.control {
        for node in &stage.nodes.databases {
            let (map, fabric) = (stage.map.clone(), stage.fabric.clone());
            let host = control.database.clone();
            stage.kernel.on_boot(*node, move |handle| {
                database::boot(&handle, &map, fabric.port(&handle), &host);
            });
        }
        let (map, fabric) = (stage.map.clone(), stage.fabric.clone());
        let console = control.console.clone();
        stage.kernel.on_boot(control.admin, move |handle| {
            boot_console(&handle, &map, fabric.port(&handle), &console);
        });
    }
    for node in &stage.nodes.clients {
        let (map, fabric) = (stage.map.clone(), stage.fabric.clone());
        let mounts = stage.mounts.clone();
        stage.kernel.on_boot(*node, move |handle| {
            let service = client::boot(&handle, &map, fabric.port(&handle));
            mounts.booted(&handle, &service);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::covered;
    use crate::node::Timing;
    use crate::node::manager::CONFIRMED_FOR;
    use crate::scenario::DRIFT_PPM_MAX;

    #[test]
    fn the_margin_of_the_lease_covers_the_drift_that_scenarios_may_have() {
        const MILLION: u64 = 1_000_000;
        let drift = u64::from(DRIFT_PPM_MAX.unsigned_abs());
        let timing = Timing::default();
        // The owner's clock is as slow as can be, the manager's as fast.
        let owner_stops = timing.lease.get() * MILLION / (MILLION - drift);
        let manager_waits =
            (timing.lease + timing.lease_margin).get() * MILLION / (MILLION + drift);
        assert!(owner_stops < manager_waits, "{owner_stops} ns, {manager_waits} ns");
        // One that leads no longer has answered for so long, by a clock as slow.
        let answered = CONFIRMED_FOR.get() * MILLION / (MILLION - drift);
        let margin = timing.lease_margin + covered(CONFIRMED_FOR);
        let manager_waits = (timing.lease + margin).get() * MILLION / (MILLION + drift);
        assert!(answered + owner_stops < manager_waits, "{answered} ns more, {manager_waits} ns");
    }
}
