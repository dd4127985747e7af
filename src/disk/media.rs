//! The medium: sparse pages of blocks, paid for by what is written, or blocks that are kept elsewhere. Knows no fault.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::base::Block;
use crate::base::BlockSize;
use crate::base::Payload;
use crate::base::Stamp;

use super::backing::Backing;

/// Blocks in a page.
const PAGE: usize = 256;
/// Pages in a directory: 1 GiB of 4 KiB blocks.
const DIRECTORY: usize = 1024;
const DIRECTORY_BLOCKS: u64 = (PAGE * DIRECTORY) as u64;

/// The stamp of each block; zeroes are the all-zero one. Whatever is no stamp's content stands aside.
type Page = Box<[Stamp; PAGE]>;
type Directory = Box<[Option<Page>]>;

const ZERO: Stamp = Stamp::from_words([0, 0]);
/// Stands in a page for a block that stands aside.
const ASIDE: Stamp = Stamp::from_words([u64::MAX, u64::MAX]);

/// What a disk holds, under every fault.
#[derive(Debug, Default)]
pub(super) struct Media {
    directories: Vec<Option<Directory>>,
    /// The blocks that are neither zeroes nor as an application's write made them.
    aside: BTreeMap<u64, Block>,
    /// Blocks marked as lost, until they are written again.
    lost: BTreeSet<u64>,
    /// Collects the blocks of a read that are not one write's.
    scratch: Vec<Block>,
    /// How often something was written.
    changes: u64,
    /// Where the blocks are, if not here.
    outside: Option<Outside>,
}

/// Blocks that are kept elsewhere.
#[derive(Debug)]
struct Outside {
    backing: RefCell<Box<dyn Backing>>,
    size: BlockSize,
}

impl Outside {
    fn read(&self, lba: u64, blocks: u32) -> Vec<Block> {
        let mut bytes = vec![0; blocks as usize * self.size.bytes()];
        self.backing.borrow_mut().read(lba, &mut bytes);
        bytes.chunks(self.size.bytes()).map(Block::from_bytes).collect()
    }

    fn write(&self, lba: u64, blocks: impl Iterator<Item = Block>) {
        let mut bytes = Vec::new();
        blocks.for_each(|block| block.append_to(&mut bytes, self.size));
        self.backing.borrow_mut().write(lba, &bytes);
    }

    fn set_lost(&self, lba: u64, count: u32, lost: bool) {
        self.backing.borrow_mut().set_lost(lba, count, lost);
    }
}

/// What neighbouring blocks held at some time.
#[derive(Debug)]
pub(super) struct Image {
    data: Payload,
    /// Those that were marked as lost.
    lost: Vec<u64>,
}

impl Image {
    /// How many blocks it is of.
    pub(super) fn blocks(&self) -> u32 {
        self.data.len()
    }

    /// One of its blocks, the first of which was at `lba`; `None` if that one was marked as lost.
    pub(super) fn block(&self, lba: u64, index: u32) -> Option<Block> {
        let was_lost = self.lost.contains(&(lba + u64::from(index)));
        (!was_lost).then(|| self.data.block(index))
    }
}

/// Where a block lies: directory, page, place in the page.
const fn place(lba: u64) -> (usize, usize, usize) {
    let within = (lba % DIRECTORY_BLOCKS) as usize;
    ((lba / DIRECTORY_BLOCKS) as usize, within / PAGE, within % PAGE)
}

/// The page of a block, made if there is none.
fn page_in(directories: &mut Vec<Option<Directory>>, lba: u64) -> &mut [Stamp; PAGE] {
    let (directory, page, _) = place(lba);
    if directory >= directories.len() {
        directories.resize_with(directory + 1, || None);
    }
    let pages =
        directories[directory].get_or_insert_with(|| (0..DIRECTORY).map(|_| None).collect());
    pages[page].get_or_insert_with(|| Box::new([ZERO; PAGE]))
}

/// The stamp of the block `offset` further on in a payload that is a run; zeroes follow zeroes.
const fn follows(origin: Stamp, offset: u64) -> Stamp {
    if origin.writer() == 0 { origin } else { origin.advanced(offset) }
}

/// What a page holds of a block; [`ASIDE`] if it has to stand aside.
fn packed(block: &Block) -> Stamp {
    match block.stamp() {
        Some(stamp) if stamp == ZERO || (stamp.writer() != 0 && stamp != ASIDE) => stamp,
        _ => ASIDE,
    }
}

impl Media {
    /// A medium whose blocks are kept elsewhere.
    pub(super) fn outside(backing: Box<dyn Backing>, size: BlockSize) -> Self {
        let lost = backing.lost().into_iter().collect();
        let outside = Some(Outside { backing: RefCell::new(backing), size });
        Self { lost, outside, ..Self::default() }
    }

    fn page(&self, lba: u64) -> Option<&[Stamp; PAGE]> {
        let (directory, page, _) = place(lba);
        self.directories.get(directory)?.as_deref()?[page].as_deref()
    }

    fn page_mut(&mut self, lba: u64) -> &mut [Stamp; PAGE] {
        page_in(&mut self.directories, lba)
    }

    fn unpacked(&self, lba: u64, stamp: Stamp) -> Block {
        match stamp {
            ZERO => Block::ZERO,
            ASIDE => self.aside[&lba].clone(),
            stamp => Block::stamped(stamp),
        }
    }

    /// The block at `lba`; zeroes where nothing was written.
    pub(super) fn block(&self, lba: u64) -> Block {
        if let Some(outside) = &self.outside {
            return outside.read(lba, 1).pop().unwrap_or_default();
        }
        self.page(lba).map_or(Block::ZERO, |page| self.unpacked(lba, page[place(lba).2]))
    }

    /// Marks `count` blocks from `lba` on as lost.
    pub(super) fn lose(&mut self, lba: u64, count: u32) {
        self.lost.extend(lba..lba + u64::from(count));
        if let Some(outside) = &self.outside {
            outside.set_lost(lba, count, true);
        }
    }

    /// Whether one of these blocks is marked as lost.
    pub(super) fn is_lost(&self, lba: u64, blocks: u32) -> bool {
        !self.lost.is_empty() && self.lost.range(lba..lba + u64::from(blocks)).next().is_some()
    }

    fn found_again(&mut self, lba: u64, count: u32) {
        if self.lost.is_empty() || !self.is_lost(lba, count) {
            return;
        }
        (lba..lba + u64::from(count)).for_each(|lba| {
            self.lost.remove(&lba);
        });
        if let Some(outside) = &self.outside {
            outside.set_lost(lba, count, false);
        }
    }

    /// How often something was written: as long as that stays, so does all that it holds.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Sets one block.
    pub(super) fn set(&mut self, lba: u64, block: Block) {
        self.set_all(lba, &[block]);
    }

    /// Sets `count` blocks from `lba` on: to `first` and what follows it.
    fn fill(&mut self, lba: u64, first: Stamp, count: u32) {
        self.changes += 1;
        if let Some(outside) = &self.outside {
            let block = |at| match follows(first, at) {
                ZERO => Block::ZERO,
                stamp => Block::stamped(stamp),
            };
            outside.write(lba, (0..u64::from(count)).map(block));
            return self.found_again(lba, count);
        }
        self.found_again(lba, count);
        let (mut at, end) = (lba, lba + u64::from(count));
        while at < end {
            let within = place(at).2;
            let next = end.min(at + (PAGE - within) as u64);
            // Zeroes take no room where nothing was.
            if first != ZERO || self.page(at).is_some() {
                // Where nothing stands aside, what was there before isn't looked at: it is seldom in the cache.
                let may_hide = !self.aside.is_empty();
                let slots = &mut self.page_mut(at)[within..within + (next - at) as usize];
                let hides = may_hide && slots.contains(&ASIDE);
                for (slot, offset) in slots.iter_mut().zip(at - lba..) {
                    *slot = follows(first, offset);
                }
                if hides {
                    self.aside.retain(|lba, _| !(at..next).contains(lba));
                }
            }
            at = next;
        }
    }

    /// The blocks from `lba` on: as one run where one write wrote them all, or nobody any.
    pub(super) fn read(&mut self, lba: u64, blocks: u32) -> Payload {
        if let Some(outside) = &self.outside {
            return Payload::from_vec(outside.read(lba, blocks));
        }
        let origin = self.block(lba).stamp();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut is_run = origin.is_some();
        for offset in 0..u64::from(blocks) {
            let block = self.block(lba + offset);
            is_run = is_run && block.stamp() == origin.map(|origin| follows(origin, offset));
            scratch.push(block);
        }
        let data = match origin {
            Some(origin) if is_run => Payload::run(origin, blocks),
            _ => Payload::from_blocks(&scratch),
        };
        scratch.clear();
        self.scratch = scratch;
        data
    }

    /// Writes the first `count` blocks of `data` from `lba` on.
    pub(super) fn write(&mut self, lba: u64, data: &Payload, count: u32) {
        match data.as_blocks() {
            Some(blocks) => self.set_all(lba, &blocks[..count as usize]),
            None => self.fill(lba, data.first_of_run().unwrap_or(ZERO), count),
        }
    }

    /// Sets neighbouring blocks, a page at a time.
    fn set_all(&mut self, lba: u64, blocks: &[Block]) {
        self.changes += blocks.len() as u64;
        if let Some(outside) = &self.outside {
            outside.write(lba, blocks.iter().cloned());
        }
        self.found_again(lba, blocks.len() as u32);
        if self.outside.is_some() {
            return;
        }
        let (mut at, mut left) = (lba, blocks);
        while !left.is_empty() {
            let within = place(at).2;
            let (here, later) = left.split_at(left.len().min(PAGE - within));
            let slots = &mut page_in(&mut self.directories, at)[within..];
            for ((slot, block), lba) in slots.iter_mut().zip(here).zip(at..) {
                let stamp = packed(block);
                let before = std::mem::replace(slot, stamp);
                if stamp == ASIDE {
                    self.aside.insert(lba, block.clone());
                } else if before == ASIDE {
                    self.aside.remove(&lba);
                }
            }
            at += here.len() as u64;
            left = later;
        }
    }

    /// Zeroes `count` blocks from `lba` on.
    pub(super) fn zero(&mut self, lba: u64, count: u32) {
        self.fill(lba, ZERO, count);
    }

    /// What the blocks from `lba` on hold now.
    pub(super) fn image(&mut self, lba: u64, blocks: u32) -> Image {
        let lost = self.lost.range(lba..lba + u64::from(blocks)).copied().collect();
        Image { data: self.read(lba, blocks), lost }
    }

    /// Makes the blocks from `lba` on hold again what they did.
    pub(super) fn restore(&mut self, lba: u64, image: &Image) {
        self.write(lba, &image.data, image.blocks());
        self.lost.extend(&image.lost);
    }

    /// Shows each block of `from..to` in a page that was ever written, in order.
    pub(super) fn scan(&self, from: u64, to: u64, mut see: impl FnMut(u64, &Block)) {
        if self.outside.is_some() {
            return (from..to).for_each(|lba| see(lba, &self.block(lba)));
        }
        let mut at = from;
        while at < to {
            let (directory, _, within) = place(at);
            if self.directories.get(directory).is_none_or(Option::is_none) {
                at = at - at % DIRECTORY_BLOCKS + DIRECTORY_BLOCKS;
                continue;
            }
            let end = to.min(at + (PAGE - within) as u64);
            if let Some(page) = self.page(at) {
                for (lba, stamp) in (at..end).zip(&page[within..]) {
                    see(lba, &self.unpacked(lba, *stamp));
                }
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DIRECTORY_BLOCKS, Media, PAGE};
    use crate::base::{Block, Payload, Stamp};

    fn stamp(block: u64, sequence: u64) -> Stamp {
        Stamp::new(1, block, 1, sequence)
    }

    #[test]
    fn what_is_lost_stays_lost_until_it_is_written() {
        let mut media = Media::default();
        media.lose(5, 2);
        assert!(media.is_lost(0, 6) && media.is_lost(6, 1) && !media.is_lost(7, 9));
        media.zero(5, 1);
        assert!(!media.is_lost(5, 1));
        media.write(6, &Payload::run(stamp(6, 1), 1), 1);
        assert!(!media.is_lost(0, 10));
    }

    #[test]
    fn an_image_brings_back_contents_and_what_was_lost() {
        let mut media = Media::default();
        media.write(4, &Payload::run(stamp(4, 1), 3), 3);
        media.lose(5, 1);
        let image = media.image(4, 4);
        assert_eq!((image.block(4, 1), image.block(4, 3)), (None, Some(Block::ZERO)));
        media.write(4, &Payload::run(stamp(4, 2), 4), 4);
        media.restore(4, &image);
        assert_eq!(media.block(4).stamp(), Some(stamp(4, 1)));
        assert!(media.is_lost(5, 1) && !media.is_lost(6, 2) && media.block(7) == Block::ZERO);
    }

    #[test]
    fn what_is_written_across_pages_is_read_back() {
        let mut media = Media::default();
        let first = DIRECTORY_BLOCKS - 3;
        let data = Payload::run(stamp(0, 1), PAGE as u32 + 10);
        media.write(first, &data, data.len());
        let read = media.read(first, data.len());
        assert!(read.blocks().eq(data.blocks()));
        assert_eq!(media.block(first - 1), Block::ZERO);
        assert_eq!(media.block(first + u64::from(data.len())), Block::ZERO);
    }

    #[test]
    fn a_prefix_leaves_the_rest_as_it_was() {
        let mut media = Media::default();
        media.write(10, &Payload::run(stamp(10, 1), 4), 4);
        media.write(10, &Payload::run(stamp(10, 2), 4), 2);
        let read = media.read(10, 4);
        let sequences: Vec<u64> =
            read.blocks().filter_map(|block| Some(block.stamp()?.sequence())).collect();
        assert_eq!(sequences, [2, 2, 1, 1]);
        assert_eq!(media.read(10, 2), Payload::run(stamp(10, 2), 2), "one write, one run");
        assert_eq!(media.read(14, 3), Payload::zeroes(3));
        assert!(media.read(13, 2).blocks().eq([Block::stamped(stamp(13, 1)), Block::ZERO]));
    }

    #[test]
    fn zeroes_take_no_room_where_nothing_was() {
        let mut media = Media::default();
        media.zero(0, 10_000);
        assert!(media.directories.is_empty());
        media.write(300, &Payload::run(stamp(0, 1), 3), 3);
        media.zero(301, 1);
        assert!(media.block(300).stamp() == Some(stamp(0, 1)) && media.block(301) == Block::ZERO);
        assert_eq!(media.block(302).stamp(), Some(stamp(2, 1)));
    }

    #[test]
    fn any_content_is_read_back_until_it_is_overwritten() {
        let mut media = Media::default();
        let odd = [
            Block::from_bytes(&[7; 512]),
            Block::stamped(Stamp::from_words([u64::MAX, u64::MAX])),
            Block::stamped(Stamp::from_words([1, 2])),
        ];
        let data = Payload::from_blocks(&odd);
        media.write(1, &data, 3);
        assert!(media.read(1, 3).blocks().eq(odd));
        media.write(1, &Payload::run(stamp(1, 1), 2), 2);
        media.zero(3, 1);
        assert_eq!(media.block(2), Block::stamped(stamp(2, 1)));
        assert_eq!(media.block(3), Block::ZERO);
        assert!(media.aside.is_empty());
    }

    #[test]
    fn a_scan_sees_written_pages_only_and_within_its_bounds() {
        let mut media = Media::default();
        let far = 3 * DIRECTORY_BLOCKS + 5;
        media.set(far, Block::stamped(stamp(5, 9)));
        let mut seen = Vec::new();
        media.scan(1, far + 2, |lba, block| seen.push((lba, block.clone())));
        assert_eq!(seen.len(), 7, "the page up to the bound: {seen:?}");
        assert_eq!(seen[5], (far, Block::stamped(stamp(5, 9))));
        assert_eq!(seen[6], (far + 1, Block::ZERO));
    }
}
