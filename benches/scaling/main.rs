//! What one IO costs as clusters, CPUs and runs grow, what a second core adds to a sweep, and what beginning and ending takes; `--plot` draws it.
//!
//! `cargo bench -p stormglass-benches --bench scaling` takes some minutes; `-- --all` goes on to 3,000 targets and 10^8 operations, which takes
//! far longer.
//! Times are those that the process spends on a CPU. Where the start of a cluster would hide what an IO costs, it
//! is the difference of two runs of which one makes twice as many.

#[path = "../host.rs"]
mod host;
mod load;
mod plot;
mod start;
mod sweep;

use std::path::PathBuf;

use load::{Cost, Load, cost, difference};

/// Nodes with a disk each.
const TARGETS: [u16; 7] = [3, 10, 30, 100, 300, 1_000, 3_000];
/// Of these only with `--all`.
const MANY: u16 = 1_000;
/// So many operations for each of them: enough that most meet regions which are marked already.
const OPS_PER_TARGET: u64 = 2_000;
/// Virtual CPUs of the client.
const CPUS: [u16; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Operations of a run.
const OPS: [u64; 6] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// Of these only with `--all`.
const LONG: u64 = 10_000_000;

/// A row of figures: what grows, and the cost at each size.
pub struct Series {
    /// What grows.
    pub name: &'static str,
    /// Its sizes, and what an IO cost there.
    pub points: Vec<(u64, Cost)>,
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| given.iter().any(|argument| argument == option);
    // In this order: what one run leaves the allocator with counts in the peaks of those that follow.
    let operations = by_operations(has("--all"));
    start::and_end();
    let series = [operations, by_cpus(), by_targets(has("--all"))];
    sweep::over_cores();
    if has("--plot") {
        let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scaling.svg"));
        match plot::draw(&file, &series) {
            Ok(()) => println!("drawn: docs/scaling.svg"),
            Err(error) => eprintln!("docs/scaling.svg could not be drawn: {error}"),
        }
    }
}

fn by_targets(all: bool) -> Series {
    let sizes = TARGETS.into_iter().filter(|targets| all || *targets < MANY);
    let points = sizes.map(|targets| {
        let ops = OPS_PER_TARGET * u64::from(targets);
        let load = Load { targets, ops: ops.max(60_000), ..Load::default() };
        (u64::from(targets), difference(load))
    });
    shown("targets", points.collect())
}

fn by_cpus() -> Series {
    let points = CPUS.map(|client_cpus| {
        let load = Load { client_cpus, ops: 60_000, ..Load::default() };
        (u64::from(client_cpus), difference(load))
    });
    shown("virtual CPUs of the client", points.into())
}

fn by_operations(all: bool) -> Series {
    let sizes = OPS.into_iter().filter(|ops| all || *ops < LONG);
    let points = sizes.map(|ops| (ops, cost(Load { ops, ..Load::default() })));
    shown("operations", points.collect())
}

/// Prints a series as a table.
fn shown(name: &'static str, points: Vec<(u64, Cost)>) -> Series {
    println!("{name:>28} {:>10} {:>12}", "ns per IO", "peak, KiB");
    for (size, cost) in &points {
        println!("{size:>28} {:>10} {:>12}", cost.nanos_per_io, cost.peak_kib);
    }
    let nanos = || points.iter().map(|(_, cost)| cost.nanos_per_io.max(1));
    let (least, most) = (nanos().min().unwrap_or(1), nanos().max().unwrap_or(1));
    println!("{:>28} {:>9.2}x\n", "most to least", most as f64 / least as f64);
    Series { name, points }
}
