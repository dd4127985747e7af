//! A disk's knobs. Draws nothing.

use crate::base::BlockSize;
use crate::base::Nanos;

/// What holds for one disk. Latencies are ranges, both ends included.
///
/// The names of the NVM command set: `volatile_cache` is VWC, `atomic_blocks` stands for AWUN and AWUPF
/// alike (there counted from 0), `atomic_boundary` is NABSPF, `transfer_blocks` is MDTS in blocks.
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
    /// Whether writes complete into a cache that goes with the power.
    pub volatile_cache: bool,
    /// Latency of a write into the cache; a write with FUA takes as long as one without a cache.
    pub cache_write: (Nanos, Nanos),
    /// How long a write stays in the cache before the device puts it on the medium by itself.
    pub write_back: (Nanos, Nanos),
    /// A write of so many blocks or fewer is done whole or not at all, whatever happens; at least 1.
    pub atomic_blocks: u32,
    /// A write that crosses a multiple of so many blocks is atomic per block only; 0 is no boundary.
    pub atomic_boundary: u32,
    /// The most blocks that a read, write or compare may carry; 0 is no limit.
    pub transfer_blocks: u32,
    /// Whether each block has metadata with protection information: guard, application and reference tag.
    pub protection: bool,
    /// How long a controller reset takes.
    pub reset: (Nanos, Nanos),
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
            volatile_cache: false,
            cache_write: (Nanos::from_micros(5), Nanos::from_micros(15)),
            write_back: (Nanos::from_millis(1), Nanos::from_millis(10)),
            atomic_blocks: 1,
            atomic_boundary: 0,
            transfer_blocks: 0,
            protection: false,
            reset: (Nanos::from_micros(500), Nanos::from_millis(2)),
        }
    }
}

impl DiskConfig {
    /// Panics where a value is out of its range.
    pub(super) fn check(&self) {
        assert!(self.blocks > 0, "a disk without blocks");
        assert!(self.queue_depth > 0, "a disk with a queue depth of 0");
        assert!(self.atomic_blocks > 0, "a disk whose writes of one block are not atomic");
        let cache = [self.cache_write, self.write_back, self.reset];
        for (min, max) in [self.read, self.write, self.flush].into_iter().chain(cache) {
            assert!(min <= max, "a disk latency range {min}..{max} that ends before it starts");
        }
    }

    /// Whether a write of these blocks is done whole or not at all.
    pub(super) fn is_atomic(&self, lba: u64, blocks: u32) -> bool {
        let last = lba + u64::from(blocks.max(1)) - 1;
        let boundary = u64::from(self.atomic_boundary);
        blocks <= self.atomic_blocks && (boundary == 0 || lba / boundary == last / boundary)
    }
}

#[cfg(test)]
mod tests {
    use super::DiskConfig;

    #[test]
    fn a_write_is_atomic_within_the_unit_and_the_boundary() {
        let config = DiskConfig { atomic_blocks: 4, atomic_boundary: 8, ..DiskConfig::default() };
        assert!(config.is_atomic(4, 4) && config.is_atomic(8, 1));
        assert!(!config.is_atomic(0, 5) && !config.is_atomic(6, 4));
        let config = DiskConfig { atomic_boundary: 0, ..config };
        assert!(config.is_atomic(6, 4));
    }
}
