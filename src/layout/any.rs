//! One of the layouts that there are, told apart by a `match`: on the way of each IO. Lays nothing out itself.
//!
//! Those that come with the library are called as what they are; one of a program's own is called through the trait.

use crate::base::LegIndex;

use super::coded::Coded;
use super::legs::LegSet;
use super::own::OwnLayout;
use super::raid0::Raid0;
use super::raid1::Raid1;
use super::raid10::Raid10;
use super::shape::{Layout, Run};

macro_rules! any_layout {
    ($($(#[$doc:meta])* $name:ident($layout:ident)),* $(,)?) => {
        /// One of the layouts.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum AnyLayout { $($(#[$doc])* $name($layout)),* }

        $(impl From<$layout> for AnyLayout {
            fn from(layout: $layout) -> Self {
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
    Coded(Coded),
    /// Stripes without a copy.
    Raid0(Raid0),
    /// Copies.
    Raid1(Raid1),
    /// Stripes over copies.
    Raid10(Raid10),
    /// One that a program brings.
    Own(OwnLayout),
}

#[cfg(test)]
mod tests {
    use super::{AnyLayout, Coded, Layout, Raid0, Raid1, Raid10};
    use crate::layout::examine;

    /// It keeps its promises, and its runs are no shorter than its rows are deep.
    #[track_caller]
    fn check(layout: impl Into<AnyLayout>, blocks: u64) {
        let layout: AnyLayout = layout.into();
        assert_eq!(examine(&layout, blocks), Ok(()), "{layout:?}");
        let (mut block, mut runs) = (0, 0);
        while block < blocks {
            block += u64::from(layout.run(block, (blocks - block) as u32).blocks);
            runs += 1;
        }
        assert!(runs <= blocks.div_ceil(u64::from(layout.row_depth())), "{layout:?}: {runs} runs");
    }

    #[test]
    fn every_layout_keeps_its_promises() {
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
        let large = Raid10 { groups: 4, copies: 4, stripe_blocks: 1024 };
        assert_eq!(examine(&large, 1 << 40), Ok(()));
    }
}
