//! A layout that a program brings along: its name, what it was made of, itself. Judges none (that is `examine`).

use std::fmt;
use std::sync::Arc;

use crate::base::LegIndex;

use super::coded::Coded;
use super::legs::LegSet;
use super::shape::{Layout, Run};

/// What a scenario says of a volume, for a layout of one's own to be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many legs the scenario names; where it leaves that to the manager, how many targets there are for them. 1 to 16.
    pub legs: u8,
    /// `copies` of the volume, 2 to 4.
    pub copies: u8,
    /// `stripe_blocks` of the volume, 1 to 1024.
    pub stripe_blocks: u32,
    /// `data` of the volume, 2 to 12.
    pub data: Option<u8>,
    /// `parity` of the volume, 1 to 4.
    pub parity: Option<u8>,
    /// The volume's size in blocks.
    pub blocks: u64,
}

/// A layout of one's own. Two are equal if they have one name and were made of the same.
#[derive(Clone)]
pub struct OwnLayout {
    name: &'static str,
    of: Wanted,
    layout: Arc<dyn Layout + Send + Sync>,
}

impl OwnLayout {
    /// This layout, under this name, made of what was wanted and of nothing else.
    #[must_use]
    pub fn new(
        name: &'static str,
        of: Wanted,
        layout: impl Layout + Send + Sync + 'static,
    ) -> Self {
        Self { name, of, layout: Arc::new(layout) }
    }
}

impl PartialEq for OwnLayout {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.of) == (other.name, other.of)
    }
}

impl Eq for OwnLayout {}

impl fmt::Debug for OwnLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.name, self.of)
    }
}

impl Layout for OwnLayout {
    fn legs(&self) -> u8 {
        self.layout.legs()
    }
    fn group_of(&self, leg: LegIndex) -> LegSet {
        self.layout.group_of(leg)
    }
    fn writes_through(&self) -> bool {
        self.layout.writes_through()
    }
    fn needed(&self) -> u32 {
        self.layout.needed()
    }
    fn columns(&self) -> u32 {
        self.layout.columns()
    }
    fn row_depth(&self) -> u32 {
        self.layout.row_depth()
    }
    fn code(&self) -> Option<Coded> {
        self.layout.code()
    }
    fn journal_blocks(&self) -> u64 {
        self.layout.journal_blocks()
    }
    fn run(&self, block: u64, blocks: u32) -> Run {
        self.layout.run(block, blocks)
    }
    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        self.layout.block_at(leg, at)
    }
}

#[cfg(test)]
mod tests {
    use super::{OwnLayout, Wanted};
    use crate::layout::{AnyLayout, Layout, Raid1};

    #[test]
    fn they_are_told_apart_by_what_they_are_called_and_made_of() {
        let wanted =
            Wanted { legs: 4, copies: 2, stripe_blocks: 8, data: None, parity: None, blocks: 64 };
        let made = |name, of| AnyLayout::from(OwnLayout::new(name, of, Raid1 { copies: 2 }));
        let one = made("mine.mirror", wanted);
        assert_eq!(one, made("mine.mirror", wanted));
        assert_ne!(one, made("mine.copy", wanted));
        assert_ne!(one, made("mine.mirror", Wanted { copies: 3, ..wanted }));
        assert_ne!(one, Raid1 { copies: 2 }.into());
        assert_eq!((one.legs(), one.run(5, 9)), (2, Raid1 { copies: 2 }.run(5, 9)));
        assert!(format!("{one:?}").contains("mine.mirror"));
    }
}
