//! The entry of the validation, the cluster and what concerns the scenario as a whole.

use crate::base::Nanos;
use crate::layout::{Coded, Layout};
use crate::scenario::cluster::DRIFT_PPM_MAX;
use crate::scenario::collect::{Reading, nearest};
use crate::scenario::connector::ConnectorRef;
use crate::scenario::events::EVENTS;
use crate::scenario::ids::{CpuRef, DiskRef, NodeRef};
use crate::scenario::interface::InterfaceRef;
use crate::scenario::model::{Budget, CheckName, Expect, Scenario};
use crate::scenario::schedule::{Schedule, StarveSchedule};
use crate::scenario::tree::{Step, Tree};
use crate::scenario::workload::Workload;

use super::script::{DRIFT_COVERED, DRIFT_HELP};
use super::{budget, script, volumes, workload};

/// Reports everything in the scenario that does not fit together. `prefix` leads to it from the root of
/// the document.
pub(in crate::scenario) fn validate(
    reading: &mut Reading<'_>,
    prefix: &[Step],
    scenario: &Scenario,
) {
    let intact = |key: &str| {
        let mut steps = prefix.to_vec();
        steps.push(Step::from(key));
        let (at, done) = reading.tree.find(Tree::ROOT, &steps);
        // A part that is not there at all was reported as missing, or has its default.
        done == steps.len() && !reading.tree.is_damaged(at)
    };
    let (cluster_known, volumes_known) = (intact("cluster"), intact("volumes"));
    let mut validator = Validator { reading, prefix, scenario, cluster_known, volumes_known };
    validator.whole();
    validator.cluster();
    volumes::check(&mut validator);
    workload::check(&mut validator);
    script::check(&mut validator);
    budget::check(&mut validator);
}

/// What the parts of the validation share.
pub(in crate::scenario) struct Validator<'r, 't> {
    pub(super) reading: &'r mut Reading<'t>,
    prefix: &'r [Step],
    pub scenario: &'r Scenario,
    /// Whether `cluster` was read in full, so that ids can be judged by it.
    pub cluster_known: bool,
    /// Whether `volumes` was read in full, so that names can be judged by it.
    pub volumes_known: bool,
}

/// Steps from the scenario to a value: `steps!["volumes", 0, "legs"]`.
macro_rules! steps {
    ($($step:expr),* $(,)?) => {
        [$($crate::scenario::tree::Step::from($step)),*]
    };
}
pub(super) use steps;

impl Validator<'_, '_> {
    /// Reports that the value is not what is expected.
    pub fn report(&mut self, steps: &[Step], expected: &str, help: &str) {
        self.report_found(steps, None, expected, help);
    }

    /// The same, saying what was found in other words than those of the file.
    pub fn report_found(
        &mut self,
        steps: &[Step],
        found: Option<&str>,
        expected: &str,
        help: &str,
    ) {
        let all = self.whole_path(steps);
        self.reading.report(&all, found, expected, help);
    }

    /// The steps to a value of the scenario from the root of the document.
    pub fn whole_path(&self, steps: &[Step]) -> Vec<Step> {
        [self.prefix, steps].concat()
    }

    /// Reports a name of a volume that there is not.
    pub fn volume_name(&mut self, steps: &[Step], name: &str) {
        let scenario = self.scenario;
        if !self.volumes_known || scenario.volume_index(name).is_some() || self.reading.is_full() {
            return;
        }
        let names = || scenario.volumes.iter().map(|volume| volume.name.as_str());
        let expected = match names().take(8).collect::<Vec<_>>()[..] {
            [] => "a volume, of which there is none".to_owned(),
            ref few => format!("a volume of this scenario such as `{}`", few.join("`, `")),
        };
        self.report(steps, &expected, "");
        self.reading.suggest(name, names());
    }

    /// Reports the name of a trace record that there is not.
    pub fn event_name(&mut self, steps: &[Step], name: &str) {
        if self.reading.is_full() {
            return;
        }
        self.report(steps, "the name of a trace record such as `volume.state`", "");
        let own = self.scenario.words.events();
        self.reading.suggest(name, EVENTS.iter().chain(own).copied());
    }

    /// Reports a node that the cluster does not have.
    pub fn node(&mut self, steps: &[Step], node: NodeRef) {
        let cluster = &self.scenario.cluster;
        if !self.cluster_known || cluster.has_node(node) {
            return;
        }
        let (class, letter, count) = match node {
            NodeRef::Client(_) => ("clients", 'c', cluster.clients),
            NodeRef::Target(_) => ("targets", 't', cluster.targets),
            NodeRef::Manager(_) => ("managers", 'm', cluster.managers),
            NodeRef::Database(_) => return self.database(steps),
        };
        let expected = format!("a node of the cluster: its {class} are {}", ids(letter, count));
        let help = format!("more of them: \"cluster\": {{ \"{class}\": {} }}", node.index() + 1);
        self.report(steps, &expected, &help);
    }

    fn database(&mut self, steps: &[Step]) {
        let expected = match self.scenario.cluster.databases {
            0 => "a node of the cluster: it has no database server",
            _ => "a node of the cluster: its database server is `db0`",
        };
        self.report(steps, expected, "one of them: \"cluster\": { \"databases\": 1 }");
    }

    /// Reports a CPU that the cluster does not have.
    pub fn cpu(&mut self, steps: &[Step], cpu: CpuRef) {
        let cluster = &self.scenario.cluster;
        if !self.cluster_known || cluster.has_cpu(cpu) {
            return;
        }
        if !cluster.has_node(cpu.node) {
            return self.node(steps, cpu.node);
        }
        let key = match cpu.node {
            NodeRef::Client(_) => "client_cpus",
            NodeRef::Target(_) => "target_cpus",
            NodeRef::Manager(_) | NodeRef::Database(_) => "manager_cpus",
        };
        let help =
            format!("more of them: \"cluster\": {{ \"{key}\": {} }}", u32::from(cpu.cpu) + 1);
        self.report(steps, "a CPU that the node has, counted from 0", &help);
    }

    /// Reports an interface that the cluster does not have.
    pub fn interface(&mut self, steps: &[Step], interface: InterfaceRef) {
        let cluster = &self.scenario.cluster;
        if !self.cluster_known || cluster.has_interface(interface) {
            return;
        }
        if !cluster.has_node(interface.node) {
            return self.node(steps, interface.node);
        }
        let last = cluster.interfaces - 1;
        let expected = format!("an interface of the node: `if0` to `if{last}`");
        let help =
            format!("\"cluster\": {{ \"interfaces\": {} }}", u16::from(interface.number) + 1);
        self.report(steps, &expected, &help);
    }

    /// Reports a connector that the cluster does not have.
    pub fn connector(&mut self, steps: &[Step], connector: ConnectorRef) {
        let cluster = &self.scenario.cluster;
        if !self.cluster_known || cluster.has_connector(connector) {
            return;
        }
        if !cluster.has_node(connector.node()) {
            return self.node(steps, connector.node());
        }
        let expected = match cluster.connectors {
            1 => "a connector of the manager: `conn0`".to_owned(),
            count => format!("a connector of the manager: `conn0` to `conn{}`", count - 1),
        };
        let help =
            format!("\"cluster\": {{ \"connectors\": {} }}", u16::from(connector.number) + 1);
        self.report(steps, &expected, &help);
    }

    /// Reports a disk that the cluster does not have.
    pub fn disk(&mut self, steps: &[Step], disk: DiskRef) {
        let cluster = &self.scenario.cluster;
        if !self.cluster_known || cluster.has_disk(disk) || self.reading.is_full() {
            return;
        }
        let expected = format!(
            "a disk of the cluster: its targets are {}, each with {}",
            ids('t', cluster.targets),
            ids('d', cluster.disks_per_target)
        );
        self.report(steps, &expected, "");
        let all = (0..cluster.targets.min(64)).flat_map(|target| {
            (0..cluster.disks_per_target.min(8))
                .map(move |disk| DiskRef { target, disk }.to_string())
        });
        let all: Vec<String> = all.collect();
        if nearest(&disk.to_string(), all.iter().map(String::as_str)).is_some() {
            self.reading.suggest(&disk.to_string(), all.iter().map(String::as_str));
        }
    }

    fn whole(&mut self) {
        let scenario = self.scenario;
        if !is_name(&scenario.name, 100) {
            let expected = "a name of 1 to 100 letters, digits, `-` and `_`";
            self.report(&steps!["name"], expected, "");
        }
        for (key, limit) in
            [("virtual_time", scenario.limits.virtual_time), ("settle", scenario.limits.settle)]
        {
            if limit == Nanos::ZERO {
                self.report(&steps!["limits", key], "a time above zero", "");
            }
        }
        for (index, check) in scenario.checks.iter().enumerate() {
            if scenario.checks[..index].contains(check) {
                self.report(&steps!["checks", index], "each check once", "");
            }
        }
        if scenario.words.checks().is_empty()
            && let Some(index) = scenario.checks.iter().position(|check| *check == CheckName::Own)
        {
            let help = "only a program that brings checks of its own has some";
            self.report(&steps!["checks", index], "a check that this program has", help);
        }
        if let Expect::Violation(check) = scenario.expect
            && !scenario.checks(check)
        {
            let help = format!("add `\"{check}\"` to `checks`");
            self.report(&steps!["expect", "violation"], "a check that is among `checks`", &help);
        }
    }

    fn cluster(&mut self) {
        let cluster = &self.scenario.cluster;
        if !matches!(cluster.managers, 1 | 3) {
            let help = "two agree on nothing once one is away, no better than one";
            self.report(&steps!["cluster", "managers"], "1 or 3", help);
        } else if cluster.managers > 1 && cluster.databases == 0 && self.scenario.has_controller() {
            let help = "whichever manager leads, its controller has to reach the database: on none of them";
            let expected = "1, as the cluster has a controller and several managers";
            self.report(&steps!["cluster", "databases"], expected, help);
        }
        if let Schedule::Starve(StarveSchedule { task }) = &cluster.schedule
            && task.is_empty()
        {
            let expected = "the name of a task such as `client.rebuild`";
            self.report(&steps!["cluster", "schedule", "starve", "task"], expected, "");
        }
        let ppm = cluster.clock.drift_ppm;
        let fastest = ppm.min.abs().max(ppm.max.abs());
        if fastest > DRIFT_PPM_MAX && self.scenario.budget != Budget::None {
            let expected = format!("at most {DRIFT_PPM_MAX} either way: {DRIFT_COVERED}");
            self.report(&steps!["cluster", "clock", "drift_ppm"], &expected, DRIFT_HELP);
        }
        self.memory();
        for (part, key, range) in [
            ("disk", "read", cluster.disk.read),
            ("disk", "write", cluster.disk.write),
            ("disk", "flush", cluster.disk.flush),
            ("net", "latency", cluster.net.latency),
        ] {
            if range.max > Nanos::from_secs(60) {
                let help = "for a single slow disk or link there are `disk.slow` and `net.delay`";
                self.report(&steps!["cluster", part, key], "at most `1min`", help);
            }
        }
    }
}

/// Bytes that a node sets aside for each connection.
const SESSION_BYTES: u64 = 64 << 10;

impl Validator<'_, '_> {
    /// A node has to hold what it reserves and one operation, or nothing would ever be served.
    fn memory(&mut self) {
        let scenario = self.scenario;
        let cluster = &scenario.cluster;
        let Some(memory) = cluster.memory else { return };
        let nodes =
            u64::from(cluster.clients) + u64::from(cluster.targets) + u64::from(cluster.managers);
        let block = cluster.block_size.bytes() as u64;
        let region = |volume| {
            let columns = scenario.shape(volume).columns();
            u64::from(scenario.region_depth(volume)) * u64::from(columns) * block
        };
        let volumes = scenario.volumes.iter().map(|volume| {
            let regions = scenario.regions(volume);
            let (legs, depth) = (scenario.shape(volume).legs(), scenario.region_depth(volume));
            let scrubbed = volume.scrub_rate.map_or(0, |_| legs as u64 * u64::from(depth) * block);
            let buffers = match scenario.shape(volume).code() {
                Some(code) => rows_under_way(&code) * block,
                None => 2 * region(volume),
            };
            regions.saturating_mul(8).saturating_add(buffers + scrubbed + 4096)
        });
        let largest = scenario.workload.iter().map(|app| longest(scenario, app)).max().unwrap_or(0);
        let largest_region = scenario.volumes.iter().map(region).max().unwrap_or(0);
        let largest = largest.saturating_mul(block).max(largest_region);
        let least = volumes.fold(nodes * SESSION_BYTES, u64::saturating_add);
        let least = least.saturating_add(largest.saturating_mul(2));
        if memory.get() < least {
            let expected = format!(
                "at least {}KiB: what a node of this cluster sets aside, and one operation",
                least.div_ceil(1024)
            );
            let help = "for a node that is short of memory for a time there is `memory.limit`";
            self.report(&steps!["cluster", "memory"], &expected, help);
        }
    }
}

/// The most blocks of an operation of this application.
fn longest(scenario: &Scenario, app: &Workload) -> u64 {
    let at = scenario.volume_index(app.volume());
    let volume = at.map_or(0, |at| scenario.volumes[at].blocks);
    // What a leg of a code does not give is computed from a whole line for each block.
    let code = at.and_then(|at| scenario.shape(&scenario.volumes[at]).code());
    let lines = code.map_or(1, |code| 1 + u64::from(code.data + code.parity));
    lines * app.blocks(volume, scenario.cluster.block_size).max
}

/// The blocks that an owner of a coded volume sets aside: the entries of all slots of the stripe journal, and some lines.
fn rows_under_way(code: &Coded) -> u64 {
    let line = u64::from(code.data + code.parity);
    u64::from(code.slots()) * code.slot_blocks() + (1 + line) * u64::from(code.stripe_blocks)
}

/// "`c0`", or "`c0` to `c3`".
fn ids(letter: char, count: u16) -> String {
    match count {
        0 | 1 => format!("`{letter}0`"),
        _ => format!("`{letter}0` to `{letter}{}`", count - 1),
    }
}

/// Whether it can stand in a file name, a selector and a trace without quotes.
pub(super) fn is_name(name: &str, length_max: usize) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= length_max && name.chars().all(plain)
}
