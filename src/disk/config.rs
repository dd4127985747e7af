//! A disk's knobs. Draws nothing.

use crate::base::BlockSize;
use crate::base::Nanos;

/// What holds for one disk. Latencies are ranges, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// Capacity in blocks, at least 1.
    pub blocks: u64,
    /// Size of a block.
    pub block_size: BlockSize,
    /// Commands that one queue pair may have outstanding, at least 1.
    pub queue_depth: u16,
    /// Latency of a read and of identify.
    pub read: (Nanos, Nanos),
    /// Latency of a write and of write-zeroes.
    pub write: (Nanos, Nanos),
    /// Latency of a flush.
    pub flush: (Nanos, Nanos),
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            blocks: 65_536,
            block_size: BlockSize::B4096,
            queue_depth: 64,
            read: (Nanos::from_micros(20), Nanos::from_micros(80)),
            write: (Nanos::from_micros(15), Nanos::from_micros(60)),
            flush: (Nanos::from_micros(100), Nanos::from_micros(400)),
        }
    }
}

impl DiskConfig {
    /// Panics where a value is out of its range.
    pub(super) fn check(&self) {
        assert!(self.blocks > 0, "a disk without blocks");
        assert!(self.queue_depth > 0, "a disk with a queue depth of 0");
        for (min, max) in [self.read, self.write, self.flush] {
            assert!(min <= max, "a disk latency range {min}..{max} that ends before it starts");
        }
    }
}
