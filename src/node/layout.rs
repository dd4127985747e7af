//! What a leg keeps on its disk: data, write-intent bitmap, superblock. Issues no command.
//!
//! Data grows from the first block that volumes use of the disk, metadata from its last block down.

use crate::base::{Block, BlockSize, Epoch, LegIndex, PlaceIndex, Region, VolumeId};

/// Where a leg's blocks are on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First block of the data.
    pub data: u64,
    /// Number of data blocks.
    pub blocks: u64,
    /// Blocks of the stripe journal, right after the data; none where the layout keeps no such journal.
    pub journal_blocks: u64,
    /// Block of the superblock; the bitmap is in the blocks after it.
    pub superblock: u64,
    /// Blocks of the bitmap.
    pub bitmap_blocks: u32,
}

impl Extent {
    /// Blocks that a bitmap of this many regions takes.
    #[must_use]
    pub fn bitmap_blocks(regions: u32, size: BlockSize) -> u32 {
        regions.div_ceil(size.bytes() as u32 * 8)
    }

    /// First block of the bitmap.
    #[must_use]
    pub const fn bitmap(&self) -> u64 {
        self.superblock + 1
    }
}

/// Marks a superblock.
const MAGIC: u64 = 0x7374_6f72_6d67_6c02;

/// Says whose leg this is, in which place it was written, and the last epoch that the leg was registered under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// The volume.
    pub volume: VolumeId,
    /// The leg.
    pub leg: LegIndex,
    /// The place of the volume that the disk was in: a disk that shows another one is not where it belongs.
    pub place: PlaceIndex,
    /// Its generation: the epoch of its last registration.
    pub generation: Epoch,
    /// The device's life at that time: in another one, what was only in a volatile cache may be lost.
    pub life: u32,
    /// The last epoch that the leg was asked to register once more, because it was on record by then that the
    /// epoch may be granted. Zero if none was.
    pub confirmed: Epoch,
    /// The rebuild in whole for which every region was marked, by the epoch that ordered it; zero if it is not
    /// rebuilt in whole.
    pub rebuild: Epoch,
}

impl Superblock {
    /// Whether it was written in this place of this volume.
    #[must_use]
    pub fn is_of(&self, volume: VolumeId, place: PlaceIndex) -> bool {
        (self.volume, self.place) == (volume, place)
    }

    /// As a block: magic, volume, leg, generation, life, confirmed epoch, rebuild, place, and a hash of these.
    #[must_use]
    pub fn to_block(self, size: BlockSize) -> Block {
        let words = [
            MAGIC,
            u64::from(self.volume.get()),
            u64::from(self.leg.get()),
            self.generation.get(),
            u64::from(self.life),
            self.confirmed.get(),
            self.rebuild.get(),
            u64::from(self.place.get()),
        ];
        let mut hashed = [hash_of_words(&words); 9];
        hashed[..8].copy_from_slice(&words);
        Block::of_words(&hashed, size)
    }

    /// What a block says; `None` when it is no superblock or a damaged one.
    #[must_use]
    pub fn from_block(block: &Block, size: BlockSize) -> Option<Self> {
        if block.stamp().is_some() {
            return None;
        }
        let mut words = [0; 9];
        block.read_words(&mut words, size);
        if words[0] != MAGIC || words[8] != hash_of_words(&words[..8]) {
            return None;
        }
        Some(Self {
            volume: VolumeId::new(words[1] as u16),
            leg: LegIndex::new(words[2] as u8),
            place: PlaceIndex::new(words[7] as u8),
            generation: Epoch::new(words[3]),
            life: words[4] as u32,
            confirmed: Epoch::new(words[5]),
            rebuild: Epoch::new(words[6]),
        })
    }
}

/// A set of regions, one bit each: the write-intent bitmap.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IntentMap {
    regions: u32,
    words: Vec<u64>,
}

impl IntentMap {
    /// No region marked.
    #[must_use]
    pub fn empty(regions: u32) -> Self {
        Self { regions, words: vec![0; regions.div_ceil(64) as usize] }
    }

    /// Every region marked.
    #[must_use]
    pub fn full(regions: u32) -> Self {
        let mut map = Self::empty(regions);
        (0..regions).for_each(|region| map.set(Region::new(region)));
        map
    }

    /// How many regions there are.
    #[must_use]
    pub const fn regions(&self) -> u32 {
        self.regions
    }

    /// Whether a region is marked.
    #[must_use]
    pub fn has(&self, region: Region) -> bool {
        self.words[region.index() / 64] >> (region.get() % 64) & 1 == 1
    }

    /// Marks a region.
    pub fn set(&mut self, region: Region) {
        self.words[region.index() / 64] |= 1 << (region.get() % 64);
    }

    /// Unmarks a region.
    pub fn clear(&mut self, region: Region) {
        self.words[region.index() / 64] &= !(1 << (region.get() % 64));
    }

    /// Marks whatever `other` marks.
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// How many regions are marked.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// The first marked region at or after `from`.
    #[must_use]
    pub fn next_from(&self, from: Region) -> Option<Region> {
        let first = from.index() / 64;
        let words = self.words.iter().enumerate().skip(first);
        let found = words.map(|(at, word)| match at == first {
            true => (at, *word & u64::MAX << (from.get() % 64)),
            false => (at, *word),
        });
        let (at, word) = found.into_iter().find(|(_, word)| *word != 0)?;
        let region = Region::new(at as u32 * 64 + word.trailing_zeros());
        (region.get() < self.regions).then_some(region)
    }

    /// The marked regions, in order.
    pub fn iter(&self) -> impl Iterator<Item = Region> + '_ {
        let first = self.next_from(Region::new(0));
        std::iter::successors(first, |last| self.next_from(Region::new(last.get() + 1)))
    }

    /// The regions that it marks and another one, of as many regions, does not.
    pub fn added_to<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Region> + 'a {
        let words = self.words.iter().zip(&other.words).zip(0_u32..);
        words.flat_map(|((own, other), at)| {
            let mut added = own & !other;
            std::iter::from_fn(move || {
                let bit = added.trailing_zeros();
                added &= added.checked_sub(1)?;
                Some(Region::new(at * 64 + bit))
            })
        })
    }

    /// The bitmap's blocks, as they stand on a disk.
    #[must_use]
    pub fn to_blocks(&self, size: BlockSize) -> Vec<Block> {
        let chunks = self.words.chunks(size.bytes() / 8);
        chunks.map(|words| Block::of_words(words, size)).collect()
    }

    /// The bitmap that stands in these blocks.
    #[must_use]
    pub fn from_blocks(blocks: &[Block], regions: u32, size: BlockSize) -> Self {
        let mut map = Self::empty(regions);
        for (block, words) in blocks.iter().zip(map.words.chunks_mut(size.bytes() / 8)) {
            block.read_words(words, size);
        }
        map
    }
}

/// The hash by which metadata show that they are whole.
pub(super) fn hash_of_words(words: &[u64]) -> u64 {
    let mut bytes = vec![0; words.len() * 8];
    for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::{IntentMap, Superblock};
    use crate::base::{Block, BlockSize, Epoch, LegIndex, PlaceIndex, Region, VolumeId};

    #[test]
    fn a_bitmap_survives_its_blocks() {
        for size in [BlockSize::B512, BlockSize::B4096] {
            let mut map = IntentMap::empty(5000);
            for region in [0, 63, 64, 4095, 4096, 4999] {
                map.set(Region::new(region));
            }
            let read = IntentMap::from_blocks(&map.to_blocks(size), 5000, size);
            assert_eq!(read, map);
            assert_eq!(read.iter().count(), 6);
            assert_eq!(read.next_from(Region::new(65)), Some(Region::new(4095)));
        }
    }

    #[test]
    fn a_damaged_superblock_is_none() {
        let size = BlockSize::B512;
        let written = Superblock {
            volume: VolumeId::new(2),
            leg: LegIndex::new(1),
            place: PlaceIndex::new(17),
            generation: Epoch::new(9),
            life: 3,
            confirmed: Epoch::new(7),
            rebuild: Epoch::new(5),
        };
        let mut bytes = written.to_block(size).bytes(size);
        assert_eq!(Superblock::from_block(&Block::from_bytes(&bytes), size), Some(written));
        bytes[24] ^= 1;
        assert_eq!(Superblock::from_block(&Block::from_bytes(&bytes), size), None);
        assert_eq!(Superblock::from_block(&Block::ZERO, size), None);
    }
}
