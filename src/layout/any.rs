//! One of the layouts that there are, told apart by a `match`: on the way of each IO. Lays nothing out itself.

use crate::base::LegIndex;

use super::coded::Coded;
use super::legs::LegSet;
use super::raid0::Raid0;
use super::raid1::Raid1;
use super::raid10::Raid10;
use super::shape::{Layout, Run};

macro_rules! any_layout {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// One of the layouts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AnyLayout { $($(#[$doc])* $name($name)),* }

        $(impl From<$name> for AnyLayout {
            fn from(layout: $name) -> Self {
                Self::$name(layout)
            }
        })*

        impl Layout for AnyLayout {
            fn legs(&self) -> u8 {
                match self { $(Self::$name(layout) => layout.legs()),* }
            }
            fn group_of(&self, leg: LegIndex) -> LegSet {
                match self { $(Self::$name(layout) => layout.group_of(leg)),* }
            }
            fn writes_through(&self) -> bool {
                match self { $(Self::$name(layout) => layout.writes_through()),* }
            }
            fn needed(&self) -> u32 {
                match self { $(Self::$name(layout) => layout.needed()),* }
            }
            fn columns(&self) -> u32 {
                match self { $(Self::$name(layout) => layout.columns()),* }
            }
            fn row_depth(&self) -> u32 {
                match self { $(Self::$name(layout) => layout.row_depth()),* }
            }
            fn code(&self) -> Option<Coded> {
                match self { $(Self::$name(layout) => layout.code()),* }
            }
            fn journal_blocks(&self) -> u64 {
                match self { $(Self::$name(layout) => layout.journal_blocks()),* }
            }
            fn run(&self, block: u64, blocks: u32) -> Run {
                match self { $(Self::$name(layout) => layout.run(block, blocks)),* }
            }
            fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
                match self { $(Self::$name(layout) => layout.block_at(leg, at)),* }
            }
        }
    };
}

any_layout! {
    /// Data and parity.
    Coded,
    /// Stripes without a copy.
    Raid0,
    /// Copies.
    Raid1,
    /// Stripes over copies.
    Raid10,
}

#[cfg(test)]
mod tests {
    use super::{AnyLayout, Coded, Layout, LegSet, Raid0, Raid1, Raid10};

    /// Every block of the volume is where its run says, on every leg of one group, and nowhere else.
    #[track_caller]
    fn check(layout: impl Into<AnyLayout>, blocks: u64) {
        let layout: AnyLayout = layout.into();
        let groups: Vec<LegSet> = layout.groups().collect();
        assert_eq!(groups.iter().map(|group| group.count()).sum::<u32>(), layout.all().count());
        let mut seen = vec![0; blocks as usize];
        for leg in layout.all().iter() {
            assert!(groups.contains(&layout.group_of(leg)) && layout.group_of(leg).has(leg));
            for at in 0..layout.leg_blocks(blocks) {
                let Some(block) = layout.block_at(leg, at) else { continue };
                if block < blocks {
                    seen[block as usize] += 1;
                    let run = layout.run(block, 1);
                    assert_eq!((run.legs.has(leg), run.at, run.blocks), (true, at, 1));
                }
            }
        }
        let copies = if layout.code().is_some() { 1 } else { groups[0].count() };
        assert!(seen.iter().all(|count| *count == copies), "{layout:?}: {seen:?}");
        let (mut block, mut runs) = (0, 0);
        while block < blocks {
            let run = layout.run(block, (blocks - block) as u32);
            for further in 0..u64::from(run.blocks) {
                let one = layout.run(block + further, 1);
                assert_eq!((one.legs, one.at), (run.legs, run.at + further));
            }
            block += u64::from(run.blocks);
            runs += 1;
        }
        assert!(runs <= blocks.div_ceil(u64::from(layout.row_depth())), "{layout:?}: {runs} runs");
    }

    #[test]
    fn every_block_is_where_its_run_says() {
        check(Raid1 { copies: 3 }, 40);
        for stripe_blocks in [1, 3, 8] {
            for legs in [1, 2, 5, 16] {
                check(Raid0 { legs, stripe_blocks }, 40);
            }
            for (data, parity) in [(2, 1), (3, 2), (8, 2)] {
                check(Coded { data, parity, stripe_blocks }, 100);
            }
            for (groups, copies) in [(1, 2), (2, 2), (3, 3), (4, 4)] {
                check(Raid10 { groups, copies, stripe_blocks }, 100);
            }
        }
    }
}
