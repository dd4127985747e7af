//! The machines of satellites in the world: what they are to have by what is stored, and what they truly have. Sets nothing
//! wrong.

use std::collections::BTreeMap;

use crate::base::NodeId;
use crate::check::OnMachine;
use crate::disk::control::Namespace;
use crate::node::SatelliteTiming;
use crate::node::control::Rows;
use crate::node::satellite::{SatelliteHost, on_node};
use crate::process::control::Machine;
use crate::scenario::Scenario;

use super::build::Stage;

/// How long satellites wait for what.
pub(super) fn timing(scenario: &Scenario) -> SatelliteTiming {
    let wanted = scenario.cluster.satellites.clone().unwrap_or_default();
    let timing = SatelliteTiming::REAL.scaled(u64::from(wanted.speed));
    SatelliteTiming {
        wait: wanted.wait.unwrap_or(timing.wait),
        terminate: wanted.terminate.unwrap_or(timing.terminate),
        kill: wanted.kill.unwrap_or(timing.kill),
        ..timing
    }
}

/// What a target's satellite runs on; none, where there is no controller.
pub(super) fn satellite(stage: &Stage, target: usize) -> Option<SatelliteHost> {
    let machine = stage.control.as_ref()?.machines[target].host();
    let disk = report_disks(stage).nth(target).expect("each target has a disk for reports");
    Some(SatelliteHost { host: machine, reports: disk.drive() })
}

/// The disks that satellites' error reports are on, by target; none, where there is no controller.
pub(super) fn report_disks(stage: &Stage) -> impl Iterator<Item = &Namespace> {
    // Before them are those of the managers and of the database.
    let machines = stage.control.as_ref().map_or(0, |control| control.machines.len());
    let before = stage.nodes.target_disks().count() + stage.map.managers.len() + 1;
    stage.disks.iter().skip(before).take(machines)
}

/// The disk that the error reports of a node's satellite are on; none, where it has no satellite.
pub(super) fn report_disk(stage: &Stage, node: NodeId) -> Option<&Namespace> {
    let machines = &stage.control.as_ref()?.machines;
    let at = machines.iter().position(|machine| machine.node() == node)?;
    report_disks(stage).nth(at)
}

/// The machine of a node with a satellite.
pub(super) fn machine(stage: &Stage, node: NodeId) -> Option<&Machine> {
    let machines = &stage.control.as_ref()?.machines;
    machines.iter().find(|machine| machine.node() == node)
}

/// What each target is to have by these rows.
pub(super) fn wanted(stage: &Stage, rows: &Rows) -> Vec<BTreeMap<String, String>> {
    let Some(control) = &stage.map.control else { return Vec::new() };
    let on = |(_, name): &(NodeId, String)| {
        let volumes = on_node(rows, name).into_iter();
        volumes.map(|(name, it)| (name, told(it.size, &it.pool, true))).collect()
    };
    control.targets.iter().map(on).collect()
}

/// What each machine that is up truly has, beside what it is to have.
pub(super) fn machines(
    stage: &Stage,
    wanted: &[BTreeMap<String, String>],
) -> Vec<(NodeId, OnMachine)> {
    let Some(control) = &stage.control else { return Vec::new() };
    let machines = control.machines.iter().zip(wanted);
    let found = machines.map(|(machine, wanted)| {
        let exports = machine.exports();
        let volumes = machine.volumes().into_iter();
        let there = volumes.map(|(name, it)| {
            let is_exported = exports.contains(&name);
            (name, told(it.size, &it.pool, is_exported))
        });
        let unreaped = machine.processes().into_iter().filter(|(.., is_over)| *is_over);
        let unreaped = unreaped.map(|(pid, program, _)| format!("process {pid}, {program},"));
        let (there, unreaped) = (there.collect(), unreaped.collect());
        (machine.node(), OnMachine { wanted: wanted.clone(), there, unreaped })
    });
    found.collect()
}

fn told(size: u64, pool: &str, is_exported: bool) -> String {
    let exported = if is_exported { "exported" } else { "not exported" };
    format!("{size} KiB in {pool}, {exported}")
}
