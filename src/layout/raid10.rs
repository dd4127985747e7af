//! RAID 10: stripes over mirrors. Neighbouring legs are copies of each other.

use crate::base::LegIndex;

use super::legs::LegSet;
use super::shape::{Layout, Run};

/// Stripes over groups of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raid10 {
    /// How many groups, at least 1.
    pub groups: u8,
    /// How many legs each has, at least 1.
    pub copies: u8,
    /// Neighbouring blocks that are in the same group, at least 1.
    pub stripe_blocks: u32,
}

impl Layout for Raid10 {
    fn legs(&self) -> u8 {
        self.groups * self.copies
    }

    fn group_of(&self, leg: LegIndex) -> LegSet {
        LegSet::span(leg.get() / self.copies * self.copies, self.copies)
    }

    fn needed(&self) -> u32 {
        1
    }

    fn columns(&self) -> u32 {
        u32::from(self.groups)
    }

    fn row_depth(&self) -> u32 {
        self.stripe_blocks
    }

    fn run(&self, block: u64, blocks: u32) -> Run {
        let depth = u64::from(self.stripe_blocks);
        let (stripe, within) = (block / depth, block % depth);
        let groups = u64::from(self.groups);
        let (row, group) = (stripe / groups, (stripe % groups) as u8);
        let left = self.stripe_blocks - within as u32;
        Run {
            legs: LegSet::span(group * self.copies, self.copies),
            at: row * depth + within,
            blocks: blocks.min(left),
        }
    }

    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        let depth = u64::from(self.stripe_blocks);
        let (row, within) = (at / depth, at % depth);
        let stripe = row * u64::from(self.groups) + u64::from(leg.get() / self.copies);
        Some(stripe * depth + within)
    }
}
