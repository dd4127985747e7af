//! What a second core adds to a sweep: many short runs on one thread, and on one for each core.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stormglass::world::{RunOptions, simulate};

use crate::load::{Load, scenario};

/// Runs of a measurement.
const SEEDS: u64 = 240;

/// Prints seeds per second on one core and on all.
pub fn over_cores() {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let (alone, together) = (seconds(1), seconds(cores));
    let speedup = alone.as_secs_f64() / together.as_secs_f64();
    println!(
        "{SEEDS} seeds of 3,000 IOs: {:.2} s on one core, {:.2} s on {cores}: {speedup:.2} times as fast, {:.0} % of linear\n",
        alone.as_secs_f64(),
        together.as_secs_f64(),
        speedup / cores as f64 * 100.0
    );
}

/// The time on the wall that all seeds take on so many threads.
fn seconds(threads: u64) -> Duration {
    let scenario = scenario(Load { ops: 3_000, ..Load::default() });
    let next = AtomicU64::new(0);
    let start = wall();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < SEEDS {
                    let seed = next.load(Ordering::Relaxed);
                    let _report = simulate(&scenario, seed, &RunOptions::default());
                }
            });
        }
    });
    wall() - start
}

fn wall() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
