//! The statistics of a run as text for a person. Counts nothing.

use crate::base::Nanos;
use crate::view::{Latency, Stats};

use super::console::Console;
use super::figures::grouped;

/// Latencies, the highest rate, rebuilds, and how long volumes were in each state.
pub(super) fn show_stats(console: &mut Console, stats: &Stats) {
    let head = ["count", "50 %", "90 %", "99 %", "99.9 %", "max"];
    console.line("");
    row(console, "latency", &head.map(str::to_owned));
    for latency in stats.operations.iter().chain(&stats.disks) {
        row(console, &latency.name, &cells(latency));
    }
    let (step, most) = (stats.rate.step, stats.rate.returned.iter().max().copied().unwrap_or(0));
    let second = Nanos::from_secs(1).get();
    let rate = grouped(most.saturating_mul(second) / step.max(1));
    console.line(format_args!("\nat most {rate} IO/s, over {} of virtual time", Nanos::new(step)));
    for rebuild in &stats.rebuilds {
        let (Some(first), Some(last)) = (rebuild.points.first(), rebuild.points.last()) else {
            continue;
        };
        console.line(format_args!(
            "{} leg{} rebuilt from {} to {}: {} of {} regions at last",
            rebuild.volume,
            rebuild.leg,
            Nanos::new(first.at_ns),
            Nanos::new(last.at_ns),
            last.done,
            last.total
        ));
    }
    for state in &stats.states {
        console.line(format_args!("{} {} for {}", state.volume, state.state, Nanos::new(state.ns)));
    }
}

fn row(console: &mut Console, name: &str, cells: &[String; 6]) {
    let mut line = format!("{name:<20}");
    for cell in cells {
        line.push_str(&format!("{cell:>14}"));
    }
    console.line(line);
}

fn cells(latency: &Latency) -> [String; 6] {
    let time = |ns: u64| Nanos::new(ns).to_string();
    [
        grouped(latency.count),
        time(latency.p50_ns),
        time(latency.p90_ns),
        time(latency.p99_ns),
        time(latency.p999_ns),
        time(latency.max_ns),
    ]
}
