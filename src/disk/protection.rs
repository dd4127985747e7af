//! Protection information: the eight bytes of metadata beside each block. Stores none.
//!
//! The layout is that of the NVM command set with 16-bit guards: guard (a CRC of the data), application
//! tag, reference tag (the low bits of the block's address). What a healthy write leaves follows from the
//! block and its address, so nothing is kept of it; only where something went wrong is what really stands
//! beside the block kept, in `silent`.

use crate::base::{Block, BlockSize};

use super::status::Status;

/// Bits of metadata beside a block.
pub const METADATA_BITS: u32 = 64;

/// The application tag that hosts of the simulated cluster write.
const APPLICATION: u16 = 0x5347;

/// What stands beside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    guard: u16,
    application: u16,
    reference: u32,
}

impl Protection {
    /// What a write of this block to this address leaves.
    pub(super) fn of(block: &Block, size: BlockSize, lba: u64) -> Self {
        let guard = crc16_t10dif(&block.bytes(size));
        Self { guard, application: APPLICATION, reference: lba as u32 }
    }

    /// With one of its 64 bits flipped: guard first, then application tag, then reference tag.
    pub(super) fn flipped(self, bit: u32) -> Self {
        let flip = 1_u64 << (bit % METADATA_BITS);
        let guard = self.guard ^ flip as u16;
        let application = self.application ^ (flip >> 16) as u16;
        Self { guard, application, reference: self.reference ^ (flip >> 32) as u32 }
    }

    /// Which check of a read of `lba` fails that finds this beside `block`, if any does.
    pub(super) fn flaw(self, block: &Block, size: BlockSize, lba: u64) -> Option<Status> {
        let expected = Self::of(block, size, lba);
        if self.guard != expected.guard {
            Some(Status::GuardCheck)
        } else if self.application != expected.application {
            Some(Status::AppTagCheck)
        } else if self.reference != expected.reference {
            Some(Status::RefTagCheck)
        } else {
            None
        }
    }
}

/// The CRC of T10 DIF: polynomial 8BB7h, nothing reflected, nothing inverted.
fn crc16_t10dif(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8bb7 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Protection, crc16_t10dif};
    use crate::base::{Block, BlockSize, Stamp};
    use crate::disk::Status;

    #[test]
    fn the_guard_is_the_crc_of_t10_dif() {
        // The check value of CRC-16/T10-DIF in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc16_t10dif(b"123456789"), 0xd0db);
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
        assert_eq!(flaw(20), Some(Status::AppTagCheck));
        assert_eq!(flaw(40), Some(Status::RefTagCheck));
    }
}
