//! RAID 1: every leg holds every block. Spreads nothing.

use crate::base::LegIndex;

use super::legs::LegSet;
use super::shape::{Layout, Run};

/// Copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raid1 {
    /// How many, 2 to 4.
    pub copies: u8,
}

impl Layout for Raid1 {
    fn legs(&self) -> u8 {
        self.copies
    }

    fn group_of(&self, _leg: LegIndex) -> LegSet {
        self.all()
    }

    fn writes_through(&self) -> bool {
        false
    }

    fn needed(&self) -> u32 {
        1
    }

    fn columns(&self) -> u32 {
        1
    }

    fn row_depth(&self) -> u32 {
        1
    }

    fn run(&self, block: u64, blocks: u32) -> Run {
        Run { legs: self.all(), at: block, blocks }
    }

    fn block_at(&self, _leg: LegIndex, at: u64) -> Option<u64> {
        Some(at)
    }
}
