//! The control plane in the world: the administrator's console, the database, what is set up at the start, what the
//! database's disk truly holds. Makes no call of a script.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::{Block, DiskId, Names, NodeId};
use crate::check::{Stored, Truth};
use crate::disk::control::Namespace;
use crate::layout::Layout;
use crate::node::control::{self, Console, ErrorReport, Request};
use crate::node::database::{self, DatabaseFaults, DatabaseHost};
use crate::node::manager::{self, area_blocks};
use crate::node::{ClusterMap, ControlMap};
use crate::process::ProcessConfig;
use crate::process::control::Machine;
use crate::scenario::{NodeClass, NodeRef, Scenario};
use crate::sim::Kernel;

use super::build::{NodeTable, Stage};
use super::external;

/// How much room the database's disk has.
const DATABASE_BYTES: u64 = 64 << 20;
/// So much more than a disk holds is its storage pool said to hold, for each volume: the controller counts with the
/// metadata of 31 peers, and the legs of this cluster have less.
const METADATA_KIB: u64 = 1 << 10;

/// The name of the machine that administrators call from.
pub(super) const CONSOLE: &str = "admin";

/// The control plane of a cluster that has one.
pub(super) struct ControlStage {
    pub(super) console: Console,
    /// The machine that administrators call from.
    pub(super) admin: NodeId,
    pub(super) database: DatabaseHost,
    /// The database's disk.
    pub(super) disk: DiskId,
    /// What the satellites' programs run on, by target.
    pub(super) machines: Vec<Machine>,
    /// What the database's disk held when it was looked at last.
    known: RefCell<Option<((u32, u64), Known)>>,
}

impl ControlStage {
    pub(super) fn new(
        kernel: &Kernel,
        (admin, server): (NodeId, NodeId),
        disk: &Namespace,
        nodes: &NodeTable,
    ) -> Self {
        let machine = |node| Machine::new(kernel, node, ProcessConfig::default());
        let machines = nodes.class(NodeClass::Target).into_iter().map(machine).collect();
        let faults = DatabaseFaults::new(kernel, server);
        let database = DatabaseHost { drive: disk.drive(), faults };
        let (console, known) = (Console::new(kernel), RefCell::new(None));
        Self { console, admin, database, disk: disk.id(), machines, known }
    }

    /// The node that the database is on.
    pub(super) fn server(&self) -> NodeId {
        self.database.faults.node()
    }
}

/// How many blocks the database's disk has.
pub(super) fn database_blocks(scenario: &Scenario) -> u64 {
    DATABASE_BYTES / scenario.cluster.block_size.bytes() as u64
}

/// How many blocks the manager's disk has: two for the records of each volume, and the error reports; or two areas for a log
/// that managers have in common. The error reports are on disks of their own then: one that is replaced takes no report
/// with it, and none is known by a number that another one had.
pub(super) fn manager_blocks(scenario: &Scenario) -> u64 {
    let reports = match scenario.has_controller() {
        true => control::log_blocks(scenario.cluster.block_size),
        false => 0,
    };
    match scenario.cluster.managers {
        0 | 1 => first_report(scenario) + reports,
        _ => 2 * area_blocks(scenario.volumes.len()),
    }
}

/// How the disk of each of several managers begins.
pub(super) fn installed(scenario: &Scenario) -> Option<Vec<Block>> {
    (scenario.cluster.managers > 1).then(|| manager::installed(scenario.cluster.block_size))
}

fn first_report(scenario: &Scenario) -> u64 {
    match scenario.cluster.managers {
        0 | 1 => 2 * scenario.volumes.len() as u64,
        _ => 0,
    }
}

/// The disk that the error reports of a manager's controller are on.
pub(super) fn report_disk(stage: &Stage, manager: usize) -> &Namespace {
    match stage.map.managers.len() {
        // Their disks are the last ones.
        count if count > 1 && stage.control.is_some() => {
            &stage.disks[stage.disks.len() - count + manager]
        }
        _ => &stage.records_disks()[manager],
    }
}

/// What the controller is to know.
pub(super) fn control_map(
    scenario: &Scenario,
    nodes: &NodeTable,
    names: &Names,
) -> Option<ControlMap> {
    if !scenario.has_controller() {
        return None;
    }
    let managers = nodes.class(NodeClass::Manager);
    let targets = 0..scenario.cluster.targets;
    let targets = targets.map(|at| nodes.target(at)).map(|node| (node, names.node(node)));
    Some(ControlMap {
        managers: managers.into_iter().map(|node| (node, names.node(node))).collect(),
        console: CONSOLE.to_owned(),
        targets: targets.collect(),
        pools: nodes.target_disks().map(|disk| pool_name(disk.disk)).collect(),
        volumes: scenario.volumes.iter().map(|volume| volume.name.clone()).collect(),
        database: (scenario.cluster.databases > 0).then(|| nodes.node(NodeRef::Database(0))),
        reports: first_report(scenario),
        satellites: external::timing(scenario),
    })
}

/// The storage pool that a target's disk is.
fn pool_name(disk: u16) -> String {
    format!("disk{disk}")
}

/// What the administrator has done at the start: nodes, storage pools, and all volumes that the script does not make.
pub(super) fn set_up(
    scenario: &Scenario,
    (map, names): (&ClusterMap, &Names),
    nodes: &NodeTable,
    console: &Console,
) {
    let bytes = scenario.cluster.block_size.bytes() as u64;
    let kibibytes = |blocks: u64| (blocks * bytes).div_ceil(1024);
    let spare = METADATA_KIB * scenario.volumes.len() as u64;
    let capacity = kibibytes(scenario.cluster.disk.blocks).saturating_add(spare);
    for target in 0..scenario.cluster.targets {
        let name = names.node(nodes.target(target));
        console.set_up(Request::CreateNode { name: name.clone(), node_type: None });
        for disk in 0..scenario.cluster.disks_per_target {
            let (node, name) = (name.clone(), pool_name(disk));
            console.set_up(Request::CreateStoragePool { node, name, capacity });
        }
    }
    for (volume, spec) in scenario.volumes.iter().zip(&map.volumes) {
        if scenario.makes(volume) {
            continue;
        }
        let definition = volume.name.clone();
        console.set_up(Request::CreateResourceDefinition { name: definition.clone(), port: None });
        // A leg's share of the volume: of some layouts no leg has all of it.
        let size = kibibytes(spec.layout.leg_blocks(spec.blocks)).max(4);
        let (of, number) = (definition.clone(), Some(0));
        console.set_up(Request::CreateVolumeDefinition { definition: of, number, size });
        let mut placed = Vec::new();
        for leg in spec.legs.iter().filter(|leg| {
            let is_first = !placed.contains(&leg.target);
            placed.push(leg.target);
            is_first
        }) {
            let disk = nodes.target_disks().nth(leg.disk.index());
            let disk = disk.expect("a leg is on a target's disk").disk;
            console.set_up(Request::CreateResource {
                definition: definition.clone(),
                node: Some(names.node(leg.target)),
                pool: Some(pool_name(disk)),
                place: None,
            });
        }
    }
}

/// What the database's disk truly holds, and what machines are to have by that.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) stored: Stored,
    /// By target: the volumes that are to be there.
    pub(super) wanted: Rc<Vec<BTreeMap<String, String>>>,
}

/// What the database's disk truly holds; nothing to say where there is no controller.
fn known(stage: &Stage) -> Option<Known> {
    let control = stage.control.as_ref()?;
    let disk = &stage.disks[control.disk.index()];
    let version = disk.raw_version();
    let mut known = control.known.borrow_mut();
    if let Some((of, known)) = &*known
        && *of == version
    {
        return Some(known.clone());
    }
    let now = match database::stored(stage.map.block_size, |lba| disk.raw_read(lba)) {
        Ok(contents) => Known {
            stored: Stored::Holds(contents.version, control::fingerprint(&contents.rows)),
            wanted: Rc::new(external::wanted(stage, &contents.rows)),
        },
        Err(damage) => Known { stored: Stored::Damaged(damage.to_string()), wanted: Rc::default() },
    };
    *known = Some((version, now.clone()));
    Some(now)
}

/// What is true of the control plane, whatever anybody says; nothing to say where there is none.
pub(super) fn truth(stage: &Stage) -> Option<Truth> {
    let Known { stored, wanted } = known(stage)?;
    Some(Truth { stored, machines: external::machines(stage, &wanted) })
}

/// The reports of errors that the disks hold: the controllers' first, then those of satellites.
pub(super) fn errors(stage: &Stage) -> Vec<ErrorReport> {
    let Some(control) = &stage.map.control else { return Vec::new() };
    let of_satellites = external::report_disks(stage).map(|disk| (disk, 0));
    let managers = 0..stage.map.managers.len();
    let of_controllers = managers.map(|at| (report_disk(stage, at), control.reports));
    let all = of_controllers.chain(of_satellites);
    let size = stage.map.block_size;
    all.flat_map(|(disk, first)| control::reports_on_disk(first, size, |lba| disk.raw_read(lba)))
        .collect()
}
