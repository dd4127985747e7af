//! What a disk that is not simulated keeps its blocks on. Knows no command and no fault.

use std::fmt;

/// Where the blocks of a disk are when they outlive the process: a file, or a device.
///
/// Everything is durable when it returns. A backing that cannot read or write what it holds has nothing to answer with:
/// it ends the process, as a controller ends that has lost its medium, and the cluster goes on without it.
pub trait Backing: fmt::Debug {
    /// Fills `bytes`, which are whole blocks, with the blocks from `lba` on; zeroes where nothing was written.
    fn read(&mut self, lba: u64, bytes: &mut [u8]);
    /// Writes whole blocks from `lba` on.
    fn write(&mut self, lba: u64, bytes: &[u8]);
    /// Notes for good that `count` blocks from `lba` on are lost, or that they are not any more.
    fn set_lost(&mut self, lba: u64, count: u32, lost: bool);
    /// The blocks that are noted as lost.
    fn lost(&self) -> Vec<u64>;
    /// The serial number of the medium: the same for ever.
    fn serial(&self) -> u64;
}
