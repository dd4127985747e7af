//! One load of two-copy writes, of any size, and what an IO of it costs. Draws and prints nothing.

use std::fs;
use std::time::Duration;

use serde_json::json;
use stormglass::scenario::{Scenario, parse};
use stormglass::world::{RunOptions, Verdict, simulate};

use crate::host::{busy, peak_memory};

/// How large a run is.
#[derive(Clone, Copy)]
pub struct Load {
    /// Nodes with a disk each.
    pub targets: u16,
    /// Virtual CPUs of the client.
    pub client_cpus: u16,
    /// Operations of all applications together, about.
    pub ops: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self { targets: 6, client_cpus: 8, ops: 0 }
    }
}

/// What was measured.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Time on a CPU for an operation, in nanoseconds.
    pub nanos_per_io: u64,
    /// The most memory that the process had during the run, in KiB; 0 where the system does not tell.
    pub peak_kib: u64,
}

/// What an operation costs in a run that makes no more than these, start and end included.
pub fn cost(load: Load) -> Cost {
    let (ops, time, peak_kib) = run(load);
    Cost { nanos_per_io: per_io(ops, time), peak_kib }
}

/// What an operation more costs, without start and end.
pub fn difference(load: Load) -> Cost {
    let (few, short, _) = run(load);
    let (many, long, peak_kib) = run(Load { ops: load.ops * 2, ..load });
    Cost { nanos_per_io: per_io(many - few, long.saturating_sub(short)), peak_kib }
}

fn per_io(ops: u64, time: Duration) -> u64 {
    (time.as_nanos() / u128::from(ops.max(1))) as u64
}

/// Operations of a run, its time on a CPU, its peak of memory: of several runs the quickest, for whatever else the machine
/// does only adds to it. Of long ones there are fewer.
fn run(load: Load) -> (u64, Duration, u64) {
    let runs = (2_000_000 / load.ops.max(1)).clamp(1, 9);
    let all = (0..runs).map(|_| run_once(load));
    all.min_by_key(|(_, time, _)| *time).expect("there is a run")
}

fn run_once(load: Load) -> (u64, Duration, u64) {
    let scenario = scenario(load);
    // From here on the peak counts anew.
    let _unsupported = fs::write("/proc/self/clear_refs", "5");
    let start = busy();
    let report = simulate(&scenario, 1, &RunOptions::default());
    let time = busy() - start;
    let verdict = &report.verdict;
    assert!(matches!(verdict, Verdict::Pass), "the load failed: {verdict:?}");
    (report.ops, time, peak_memory())
}

/// A ring of targets, each with a leg of its own volume and one of its neighbour's.
pub fn scenario(load: Load) -> Scenario {
    let targets = u64::from(load.targets);
    let volumes: Vec<_> = (0..targets)
        .map(|at| {
            let legs = [format!("t{at}/d0"), format!("t{}/d0", (at + 1) % targets)];
            json!({ "name": format!("vol{at}"), "layout": "raid1", "blocks": 256, "legs": legs })
        })
        .collect();
    let workload: Vec<_> = (0..targets)
        .map(|at| {
            json!({ "app": "random", "client": "c0", "volume": format!("vol{at}"), "depth": 3,
                "ops": load.ops.div_ceil(targets), "mix": { "write": 100 }, "blocks": "1..1" })
        })
        .collect();
    let text = json!({
        "version": 1, "name": "scaling",
        "cluster": { "clients": 1, "client_cpus": load.client_cpus, "targets": load.targets,
            "disk": { "blocks": 8192 } },
        "volumes": volumes, "workload": workload,
        "limits": { "virtual_time": "60min" },
    });
    parse("scaling", &text.to_string()).expect("the load is a valid scenario")
}
