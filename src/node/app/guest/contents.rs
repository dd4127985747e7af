//! The bytes of what a guest has written, by the stamps that stand for them on the volume. Does no IO.
//!
//! Of a block it keeps each version that may still be read: what was acknowledged last before the last flush, and all that
//! was written since.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::base::{Block, BlockSize, Stamp};

/// What a guest's blocks hold.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// By block and the write's sequence number.
    versions: BTreeMap<(u64, u64), Rc<[u8]>>,
    /// By block, the last write that was acknowledged.
    acknowledged: BTreeMap<u64, u64>,
    /// Blocks written since the last flush.
    unflushed: BTreeSet<u64>,
    /// By block, the last write that was acknowledged to this life of the guest; 0 for a trim.
    expected: BTreeMap<u64, u64>,
}

impl Contents {
    /// These bytes, whole blocks, are about to be written from a block on by the write of this number.
    pub(super) fn writes(&mut self, first: u64, sequence: u64, bytes: &[u8], size: BlockSize) {
        for (block, bytes) in (first..).zip(bytes.chunks(size.bytes())) {
            self.versions.insert((block, sequence), bytes.into());
            self.unflushed.insert(block);
        }
    }

    /// That write was acknowledged.
    pub(super) fn acknowledged(&mut self, first: u64, blocks: u32, sequence: u64) {
        for block in first..first + u64::from(blocks) {
            self.acknowledged.insert(block, sequence);
            self.expected.insert(block, sequence);
        }
    }

    /// These blocks were trimmed, and that was acknowledged.
    pub(super) fn trimmed(&mut self, first: u64, blocks: u32) {
        self.expected.extend((first..first + u64::from(blocks)).map(|block| (block, 0)));
    }

    /// Whether a block still has what was acknowledged last to this life of the guest.
    pub(super) fn is_kept(&self, own: (u16, u16), block: u64, found: &Block) -> bool {
        self.expected.get(&block).is_none_or(|expected| match expected {
            0 => *found == Block::ZERO,
            _ => own_stamp(own, block, found).is_some_and(|it| it.sequence() == *expected),
        })
    }

    /// What was acknowledged and not flushed may be gone: the guest was told of an error, or died.
    pub(super) fn doubted(&mut self) {
        for block in &self.unflushed {
            self.acknowledged.remove(block);
        }
        self.expected.clear();
    }

    /// All that was acknowledged is durable: nothing from before it is ever read again.
    pub(super) fn flushed(&mut self) {
        for block in std::mem::take(&mut self.unflushed) {
            let Some(last) = self.acknowledged.get(&block) else { continue };
            let old: Vec<(u64, u64)> =
                self.versions.range((block, 0)..(block, *last)).map(|(at, _)| *at).collect();
            for at in old {
                self.versions.remove(&at);
            }
        }
    }

    /// Puts behind others the bytes for what a block of the volume holds: those that the guest wrote, if its stamp says so,
    /// or what is there.
    pub(super) fn append_to(
        &self,
        out: &mut Vec<u8>,
        own: (u16, u16),
        (block, found): (u64, &Block),
        size: BlockSize,
    ) {
        let version = own_stamp(own, block, found)
            .and_then(|stamp| self.versions.get(&(block, stamp.sequence())));
        match version {
            Some(bytes) => out.extend_from_slice(bytes),
            None => found.append_to(out, size),
        }
    }
}

/// The stamp of a block that the guest wrote there.
fn own_stamp((volume, writer): (u16, u16), block: u64, found: &Block) -> Option<Stamp> {
    let is_own = |it: &Stamp| (it.volume(), it.writer(), it.block()) == (volume, writer, block);
    found.stamp().filter(is_own)
}

#[cfg(test)]
mod tests {
    use super::Contents;
    use crate::base::{Block, BlockSize, Stamp};

    const SIZE: BlockSize = BlockSize::B512;
    const OWN: (u16, u16) = (3, 7);

    fn read(contents: &Contents, block: u64, sequence: u64) -> Vec<u8> {
        shown(contents, block, &Block::stamped(Stamp::new(3, block, 7, sequence)))
    }

    fn shown(contents: &Contents, block: u64, found: &Block) -> Vec<u8> {
        let mut bytes = Vec::new();
        contents.append_to(&mut bytes, OWN, (block, found), SIZE);
        bytes
    }

    #[test]
    fn versions_are_kept_until_a_flush_has_covered_a_later_one() {
        let mut contents = Contents::default();
        contents.writes(10, 1, &[1; 1024], SIZE);
        contents.acknowledged(10, 2, 1);
        contents.writes(11, 2, &[2; 512], SIZE);
        // Not acknowledged: either may be there, however often it is flushed.
        contents.flushed();
        assert_eq!((read(&contents, 11, 1), read(&contents, 11, 2)), (vec![1; 512], vec![2; 512]));
        contents.writes(11, 3, &[3; 512], SIZE);
        contents.acknowledged(11, 1, 3);
        assert_eq!(read(&contents, 11, 1), vec![1; 512]);
        contents.flushed();
        assert_eq!((read(&contents, 10, 1), read(&contents, 11, 3)), (vec![1; 512], vec![3; 512]));
        let forgotten = Block::stamped(Stamp::new(3, 11, 7, 1));
        assert_eq!(shown(&contents, 11, &forgotten), forgotten.bytes(SIZE));
    }

    #[test]
    fn what_may_be_gone_takes_no_older_version_with_it() {
        let mut contents = Contents::default();
        for sequence in 1..=2 {
            contents.writes(10, sequence, &[sequence as u8; 512], SIZE);
            contents.acknowledged(10, 1, sequence);
            if sequence == 1 {
                contents.flushed();
            }
        }
        contents.doubted();
        contents.flushed();
        assert_eq!((read(&contents, 10, 1), read(&contents, 10, 2)), (vec![1; 512], vec![2; 512]));
        contents.writes(10, 3, &[3; 512], SIZE);
        contents.acknowledged(10, 1, 3);
        contents.flushed();
        assert_eq!(contents.versions.len(), 1);
    }

    #[test]
    fn what_was_acknowledged_to_this_life_is_there_or_it_is_not_kept() {
        let stamped = |sequence| Block::stamped(Stamp::new(3, 10, 7, sequence));
        let mut contents = Contents::default();
        assert!(contents.is_kept(OWN, 10, &stamped(9)), "nothing was acknowledged yet");
        contents.writes(10, 2, &[1; 512], SIZE);
        assert!(contents.is_kept(OWN, 10, &stamped(1)));
        contents.acknowledged(10, 1, 2);
        assert!(contents.is_kept(OWN, 10, &stamped(2)));
        for less in [stamped(1), Block::ZERO, Block::from_bytes(&[1; 512])] {
            assert!(!contents.is_kept(OWN, 10, &less));
        }
        contents.trimmed(10, 1);
        assert!(contents.is_kept(OWN, 10, &Block::ZERO) && !contents.is_kept(OWN, 10, &stamped(2)));
        contents.doubted();
        assert!(contents.is_kept(OWN, 10, &stamped(1)), "another life finds what there is");
    }

    #[test]
    fn what_is_not_its_own_is_handed_on_as_it_is() {
        let mut contents = Contents::default();
        contents.writes(10, 1, &[1; 512], SIZE);
        for found in [
            Block::ZERO,
            Block::from_bytes(&[9; 512]),
            Block::stamped(Stamp::new(3, 9, 7, 1)),
            Block::stamped(Stamp::new(3, 10, 6, 1)),
        ] {
            assert_eq!(shown(&contents, 10, &found), found.bytes(SIZE));
        }
    }
}
