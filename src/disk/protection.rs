//! Protection information: the sixteen bytes of metadata beside each block. Stores none.
//!
//! The layout is that of the NVM command set with 64-bit guards: guard (a CRC of the data), application tag,
//! reference tag (the low bits of the block's address). Guards of 16 bits are not enough for blocks of 4096 bytes: of those
//! with three bits flipped one in 65,536 has the guard that it had before, and the rest of the cluster believes it. What
//! a healthy write leaves follows from the block and its address, so nothing is kept of it; only where something went
//! wrong is what really stands beside the block kept, in `silent`.

use crc::{CRC_64_NVME, Crc, Table};

use crate::base::{Block, BlockSize, planted};

use super::status::Status;

/// Bits of metadata beside a block.
pub const METADATA_BITS: u32 = 128;

/// The application tag that hosts of the simulated cluster write.
const APPLICATION: u16 = 0x5347;
/// Bits of a reference tag, where no storage tag takes any of them.
const REFERENCE_BITS: u32 = 48;

static GUARD: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_NVME);

/// What stands beside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    guard: u64,
    application: u16,
    reference: u64,
}

impl Protection {
    /// What a write of this block to this address leaves.
    pub(super) fn of(block: &Block, size: BlockSize, lba: u64) -> Self {
        let guard = GUARD.checksum(&block.bytes(size));
        Self { guard, application: APPLICATION, reference: lba & ((1 << REFERENCE_BITS) - 1) }
    }

    /// With one of its 128 bits flipped: guard first, then application tag, then reference tag.
    pub(super) fn flipped(self, bit: u32) -> Self {
        let flip = 1_u128 << (bit % METADATA_BITS);
        let guard = self.guard ^ flip as u64;
        let application = self.application ^ (flip >> 64) as u16;
        Self { guard, application, reference: self.reference ^ (flip >> 80) as u64 }
    }

    /// Which check of a read of `lba` fails that finds this beside `block`, if any does.
    pub(super) fn flaw(self, block: &Block, size: BlockSize, lba: u64) -> Option<Status> {
        let expected = Self::of(block, size, lba);
        if self.guard != expected.guard {
            Some(Status::GuardCheck)
        } else if self.application != expected.application {
            Some(Status::AppTagCheck)
        } else if self.reference != expected.reference && !planted!(ReferenceTagIgnored) {
            Some(Status::RefTagCheck)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GUARD, Protection};
    use crate::base::{Block, BlockSize, Stamp};
    use crate::disk::Status;

    #[test]
    fn the_guard_is_the_crc_of_the_nvm_command_set() {
        // The test vectors of the specification: blocks of 4096 bytes, all zeroes and all ones.
        assert_eq!(GUARD.checksum(&[0; 4096]), 0x6482_d367_eb22_b64e);
        assert_eq!(GUARD.checksum(&[0xff; 4096]), 0xc0dd_ba73_02ec_a3ac);
    }

    #[test]
    fn each_tag_finds_its_own_kind_of_damage() {
        let size = BlockSize::B512;
        let block = Block::stamped(Stamp::new(1, 7, 1, 1));
        let good = Protection::of(&block, size, 7);
        assert_eq!(good.flaw(&block, size, 7), None);
        assert_eq!(good.flaw(&block, size, 8), Some(Status::RefTagCheck));
        let other = Block::stamped(Stamp::new(1, 7, 1, 2));
        assert_eq!(good.flaw(&other, size, 7), Some(Status::GuardCheck));
        let flaw = |bit| good.flipped(bit).flaw(&block, size, 7);
        assert_eq!(flaw(3), Some(Status::GuardCheck));
        assert_eq!(flaw(68), Some(Status::AppTagCheck));
        assert_eq!(flaw(90), Some(Status::RefTagCheck));
    }
}
