//! RAID 0: stripes over legs, each block on one of them. A leg that is gone is missed by nobody but its
//! reader: nothing can be had from another.

use crate::base::LegIndex;

use super::legs::LegSet;
use super::raid10::Raid10;
use super::shape::{Layout, Run};

/// Stripes without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raid0 {
    /// How many legs, 1 to 16.
    pub legs: u8,
    /// Neighbouring blocks that are on the same leg, at least 1.
    pub stripe_blocks: u32,
}

impl Raid0 {
    /// The same, as mirrors of one leg each.
    const fn mirrors(self) -> Raid10 {
        Raid10 { groups: self.legs, copies: 1, stripe_blocks: self.stripe_blocks }
    }
}

impl Layout for Raid0 {
    fn legs(&self) -> u8 {
        self.legs
    }

    fn group_of(&self, leg: LegIndex) -> LegSet {
        LegSet::one(leg)
    }

    fn needed(&self) -> u32 {
        1
    }

    fn columns(&self) -> u32 {
        u32::from(self.legs)
    }

    fn row_depth(&self) -> u32 {
        self.stripe_blocks
    }

    fn run(&self, block: u64, blocks: u32) -> Run {
        self.mirrors().run(block, blocks)
    }

    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        self.mirrors().block_at(leg, at)
    }
}
