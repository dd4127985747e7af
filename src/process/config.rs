//! How long programs and device files take. Draws nothing.

use crate::base::Nanos;

/// What a machine's programs are like. Spans are drawn between two ends.
#[derive(Clone, Copy, Debug)]
pub struct ProcessConfig {
    /// A run of the volume manager.
    pub volume_manager: (Nanos, Nanos),
    /// A run of the program that configures the NVMe target.
    pub nvme_target: (Nanos, Nanos),
    /// From the start of an event stream to its first line.
    pub event_stream: (Nanos, Nanos),
    /// From a volume that is there to its device file.
    pub device: (Nanos, Nanos),
    /// Opening a device file.
    pub open: (Nanos, Nanos),
    /// What a program takes to write as much as the pipe holds.
    pub write: (Nanos, Nanos),
}

impl Default for ProcessConfig {
    fn default() -> Self {
        let millis = |min, max| (Nanos::from_millis(min), Nanos::from_millis(max));
        let micros = |min, max| (Nanos::from_micros(min), Nanos::from_micros(max));
        Self {
            volume_manager: millis(2, 12),
            nvme_target: millis(1, 4),
            event_stream: micros(500, 2_000),
            device: millis(1, 8),
            open: micros(20, 200),
            write: micros(5, 50),
        }
    }
}
