//! What the system tells of this process: time on a CPU, memory. Measures no load.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time on a CPU of all threads of this process.
pub fn busy() -> Duration {
    let busy = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(busy.tv_sec as u64, busy.tv_nsec as u32)
}

/// The most memory that this process has ever had, in KiB; 0 where the system does not tell.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
