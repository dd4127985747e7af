//! Block payloads: what a block holds, cheap to hand from an application to every mirror.
//!
//! A block that an application wrote is kept as the [`Stamp`] it was written with and expands to
//! bytes only when somebody asks for them, and so is the parity of such blocks (see `pattern`); any other
//! content is reference-counted bytes. Either way a block is never copied on its way, and two mirrors are
//! compared by stamp or by pointer first.

use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::field::add_product;
use super::pattern::Pattern;

/// Bytes in a logical block: 512 or 4096.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BlockSize {
    /// 512 bytes.
    B512,
    /// 4096 bytes.
    B4096,
}

impl BlockSize {
    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }
    /// The size of that many bytes, if there is one.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Option<Self> {
        match bytes {
            512 => Some(Self::B512),
            4096 => Some(Self::B4096),
            _ => None,
        }
    }
}

/// Says of a block's content who wrote it: unique for every block of every write in a run.
///
/// Layout of the two words: `place` is volume (16 bits) and block within it (48 bits), `author` is
/// writer (16 bits) and that writer's sequence number (48 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    place: u64,
    author: u64,
}

const LOW_48: u64 = (1 << 48) - 1;

impl Stamp {
    /// A stamp of its parts; block and sequence must be below 2^48.
    #[must_use]
    pub const fn new(volume: u16, block: u64, writer: u16, sequence: u64) -> Self {
        assert!(block <= LOW_48 && sequence <= LOW_48, "a stamp's parts have 48 bits");
        Self { place: (volume as u64) << 48 | block, author: (writer as u64) << 48 | sequence }
    }
    /// The volume that the content was written to.
    #[must_use]
    pub const fn volume(self) -> u16 {
        (self.place >> 48) as u16
    }
    /// The block of the volume that the content was written to.
    #[must_use]
    pub const fn block(self) -> u64 {
        self.place & LOW_48
    }
    /// Which application wrote it, numbered from 1 over the run.
    #[must_use]
    pub const fn writer(self) -> u16 {
        (self.author >> 48) as u16
    }
    /// The writer's own count of its writes.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.author & LOW_48
    }
    /// Both words: place, author.
    #[must_use]
    pub const fn words(self) -> [u64; 2] {
        [self.place, self.author]
    }
    /// From the words of [`Stamp::words`].
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { place: words[0], author: words[1] }
    }
    /// The same write's stamp, `blocks` further on.
    #[must_use]
    pub const fn advanced(self, blocks: u64) -> Self {
        Self { place: self.place + blocks, author: self.author }
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.writer() == 0 {
            return f.write_str("zeroes");
        }
        write!(f, "vol{}:{} w{}#{}", self.volume(), self.block(), self.writer(), self.sequence())
    }
}

/// What one block holds.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Block(Content);

#[derive(Clone, Default, Serialize, Deserialize)]
enum Content {
    #[default]
    Zero,
    Stamp(Stamp),
    /// A [`Pattern`] that is neither: a sum of stamps, each so many times.
    Sum {
        times: u8,
        words: [u64; 2],
    },
    /// Any others: as many bytes, of which all that follow those which are kept are zero. Metadata fill the beginning
    /// of their blocks.
    Bytes {
        size: u32,
        bytes: Rc<[u8]>,
    },
}

impl Block {
    /// A block of zeroes, as a fresh disk returns.
    pub const ZERO: Self = Self(Content::Zero);

    /// The block that a write with this stamp makes.
    #[must_use]
    pub const fn stamped(stamp: Stamp) -> Self {
        Self(Content::Stamp(stamp))
    }

    /// A block of these bytes; bytes that are a stamp's, a sum of stamps or all zero are recognised as such.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let Some(last) = last_nonzero(bytes) else { return Self::ZERO };
        let size = bytes.len() as u32;
        Pattern::of_bytes(bytes).map_or_else(
            || Self(Content::Bytes { size, bytes: bytes[..=last].into() }),
            Self::of_pattern,
        )
    }

    /// A block that begins with these words, little-endian, and holds zeroes from there on.
    #[must_use]
    pub fn of_words(words: &[u64], size: BlockSize) -> Self {
        let used = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        let mut bytes = vec![0; used * 8];
        for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *chunk = word.to_le_bytes();
        }
        let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else { return Self::ZERO };
        // Of a pattern no two copies in a row are zero: one of few words is none.
        if last + 32 >= size.bytes() {
            return Self::from_bytes(&[&bytes[..], &vec![0; size.bytes() - bytes.len()]].concat());
        }
        let size = size.bytes() as u32;
        Self(Content::Bytes { size, bytes: bytes[..=last].into() })
    }

    /// The sum of blocks, each so many times, byte by byte over the field of 256 elements.
    #[must_use]
    pub fn sum(terms: &[(u8, &Self)], size: BlockSize) -> Self {
        let pattern = terms.iter().try_fold(Pattern::default(), |mut sum, (factor, block)| {
            sum.add(block.pattern()?, *factor);
            Some(sum)
        });
        if let Some(pattern) = pattern {
            return Self::of_pattern(pattern);
        }
        let mut sum = vec![0; size.bytes()];
        for (factor, block) in terms.iter().filter(|(factor, _)| *factor != 0) {
            add_product(&mut sum, &block.bytes(size), *factor);
        }
        Self::from_bytes(&sum)
    }

    /// Whether it can be a block of this size: bytes have to be as many. What its bytes follow from has any size.
    #[must_use]
    pub fn fits(&self, size: BlockSize) -> bool {
        if let Content::Bytes { size: own, .. } = self.0 {
            own as usize == size.bytes()
        } else {
            true
        }
    }

    /// What its bytes follow from; `None` if they are all that is known.
    const fn pattern(&self) -> Option<Pattern> {
        match self.0 {
            Content::Zero => Some(Pattern { words: [0, 0], times: 0 }),
            Content::Stamp(stamp) => Some(Pattern::of_stamp(stamp.words())),
            Content::Sum { times, words } => Some(Pattern { words, times }),
            Content::Bytes { .. } => None,
        }
    }

    /// The one block of this pattern: of each content there is one form.
    const fn of_pattern(pattern: Pattern) -> Self {
        let Pattern { words, times } = pattern;
        match pattern.stamp() {
            Some(stamp) if Stamp::from_words(stamp).writer() != 0 => {
                Self::stamped(Stamp::from_words(stamp))
            }
            _ if times == 0 && words[0] == 0 && words[1] == 0 => Self::ZERO,
            _ => Self(Content::Sum { times, words }),
        }
    }

    /// The stamp it was written with, if it was; zeroes have the all-zero stamp.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        match &self.0 {
            Content::Zero => Some(Stamp::default()),
            Content::Stamp(stamp) => Some(*stamp),
            Content::Sum { .. } | Content::Bytes { .. } => None,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self, size: BlockSize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size.bytes());
        self.append_to(&mut bytes, size);
        bytes
    }

    /// Puts its bytes behind others.
    pub fn append_to(&self, out: &mut Vec<u8>, size: BlockSize) {
        let start = out.len();
        if let Content::Bytes { size, bytes } = &self.0 {
            out.extend_from_slice(bytes);
            return out.resize(start + *size as usize, 0);
        }
        out.resize(start + size.bytes(), 0);
        self.pattern().unwrap_or_default().fill(&mut out[start..]);
    }

    /// Its first words, as many as there is room for, as [`Block::of_words`] puts them there.
    pub fn read_words(&self, words: &mut [u64], size: BlockSize) {
        let read = |words: &mut [u64], bytes: &[u8]| {
            let (whole, rest) = bytes.as_chunks::<8>();
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            let chunks = whole.iter().chain([&last]);
            words
                .iter_mut()
                .zip(chunks)
                .for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
        };
        match &self.0 {
            Content::Zero => words.fill(0),
            Content::Bytes { bytes, .. } => {
                words.fill(0);
                read(words, bytes);
            }
            Content::Stamp(_) | Content::Sum { .. } => read(words, &self.bytes(size)),
        }
    }

    /// Two words that tell contents apart: the stamp's, or writer 65535 and a hash of the bytes, or of what they
    /// follow from.
    #[must_use]
    pub fn fingerprint(&self) -> Stamp {
        let of_hash =
            |hash: u128| Stamp::from_words([hash as u64, (hash >> 64) as u64 | 0xffff << 48]);
        match &self.0 {
            Content::Zero => Stamp::default(),
            Content::Stamp(stamp) => *stamp,
            Content::Sum { times, words } => {
                let mut bytes = [*times; 17];
                bytes[..8].copy_from_slice(&words[0].to_le_bytes());
                bytes[8..16].copy_from_slice(&words[1].to_le_bytes());
                of_hash(xxhash_rust::xxh3::xxh3_128(&bytes))
            }
            Content::Bytes { size, bytes } => {
                of_hash(xxhash_rust::xxh3::xxh3_128(&in_full(bytes, *size)))
            }
        }
    }
}

/// Where the last byte is that isn't zero. Most of a block of metadata is, and is passed over in large steps.
fn last_nonzero(bytes: &[u8]) -> Option<usize> {
    const STEP: usize = 64;
    let mut end = bytes.len();
    while let Some(step) = bytes[..end].last_chunk::<STEP>()
        && *step == [0; STEP]
    {
        end -= STEP;
    }
    bytes[..end].iter().rposition(|byte| *byte != 0)
}

/// So many bytes, of which these are the first and the others zero.
fn in_full(bytes: &[u8], size: u32) -> Vec<u8> {
    let mut whole = vec![0; size as usize];
    whole[..bytes.len()].copy_from_slice(bytes);
    whole
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Content::Zero, Content::Zero) => true,
            (Content::Stamp(a), Content::Stamp(b)) => a == b,
            (Content::Sum { .. }, Content::Sum { .. }) => self.pattern() == other.pattern(),
            (Content::Bytes { size, bytes }, Content::Bytes { size: other, bytes: others }) => {
                size == other && (Rc::ptr_eq(bytes, others) || bytes == others)
            }
            _ => false,
        }
    }
}

impl Eq for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Zero => f.write_str("zeroes"),
            Content::Stamp(stamp) => stamp.fmt(f),
            Content::Sum { .. } => {
                let [low, high] = self.fingerprint().words();
                write!(f, "sum {:016x}", low ^ high)
            }
            Content::Bytes { size, bytes } => {
                write!(f, "bytes {:016x}", xxhash_rust::xxh3::xxh3_64(&in_full(bytes, *size)))
            }
        }
    }
}

/// The blocks that one command carries, in order. Cloning it copies no block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload(Blocks);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Blocks {
    /// One write's blocks: the first one's stamp, and how many.
    Run(Stamp, u32),
    Any(Rc<[Block]>),
}

impl Payload {
    /// No blocks.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Blocks::Run(Stamp::from_words([0, 0]), 0))
    }

    /// The blocks of one stamped write: block `i` holds `first.advanced(i)`.
    #[must_use]
    pub const fn run(first: Stamp, count: u32) -> Self {
        Self(Blocks::Run(first, count))
    }

    /// This many blocks of zeroes.
    #[must_use]
    pub const fn zeroes(count: u32) -> Self {
        Self(Blocks::Run(Stamp::from_words([0, 0]), count))
    }

    /// These blocks.
    #[must_use]
    pub fn from_blocks(blocks: &[Block]) -> Self {
        if blocks.is_empty() { Self::empty() } else { Self(Blocks::Any(blocks.into())) }
    }

    /// These blocks, which are not copied one by one.
    #[must_use]
    pub fn from_vec(blocks: Vec<Block>) -> Self {
        if blocks.is_empty() { Self::empty() } else { Self(Blocks::Any(blocks.into())) }
    }

    /// The blocks of all of these, one payload behind the other.
    #[must_use]
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        let count = parts.iter().map(Self::len).sum();
        let mut from = 0;
        let continues = |first: &Stamp| {
            parts.iter().all(|part| {
                let expected = if first.writer() == 0 { *first } else { first.advanced(from) };
                from += u64::from(part.len());
                part.first_of_run() == Some(expected)
            })
        };
        if let Some(first) = parts.first().and_then(Self::first_of_run).filter(continues) {
            return Self::run(first, count);
        }
        let blocks: Vec<Block> = parts.iter().flat_map(Self::blocks).collect();
        Self::from_blocks(&blocks)
    }

    /// The bytes of its blocks.
    #[must_use]
    pub fn bytes(&self, size: BlockSize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() as usize * size.bytes());
        self.blocks().for_each(|block| block.append_to(&mut bytes, size));
        bytes
    }

    /// Whether each of its blocks can be one of this size.
    #[must_use]
    pub fn fits(&self, size: BlockSize) -> bool {
        match &self.0 {
            Blocks::Run(..) => true,
            Blocks::Any(blocks) => blocks.iter().all(|block| block.fits(size)),
        }
    }

    /// How many blocks it carries.
    #[must_use]
    pub fn len(&self) -> u32 {
        match &self.0 {
            Blocks::Run(_, count) => *count,
            Blocks::Any(blocks) => blocks.len() as u32,
        }
    }

    /// Whether it carries none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stamp of the first block, if block `i` is that stamp's `advanced(i)`, or if all are zeroes.
    /// The stamp of zeroes has no writer.
    #[must_use]
    pub fn first_of_run(&self) -> Option<Stamp> {
        match &self.0 {
            Blocks::Run(first, _) if first.writer() != 0 => Some(*first),
            Blocks::Run(..) => Some(Stamp::default()),
            Blocks::Any(_) => None,
        }
    }

    /// Its blocks, where they are not a run of one write.
    #[must_use]
    pub fn as_blocks(&self) -> Option<&[Block]> {
        match &self.0 {
            Blocks::Run(..) => None,
            Blocks::Any(blocks) => Some(blocks),
        }
    }

    /// The block at `index`; panics when there is none.
    #[must_use]
    pub fn block(&self, index: u32) -> Block {
        match &self.0 {
            Blocks::Run(first, count) => {
                assert!(index < *count, "block {index} of a payload of {count}");
                if first.writer() == 0 {
                    return Block::ZERO;
                }
                Block::stamped(first.advanced(u64::from(index)))
            }
            Blocks::Any(blocks) => blocks[index as usize].clone(),
        }
    }

    /// `count` of its blocks from `from` on; panics when there are not so many.
    #[must_use]
    pub fn part(&self, from: u32, count: u32) -> Self {
        assert!(count <= self.len() && from <= self.len() - count, "a part of what is there");
        match &self.0 {
            Blocks::Run(first, _) if first.writer() == 0 => Self::zeroes(count),
            Blocks::Run(first, _) => Self::run(first.advanced(u64::from(from)), count),
            Blocks::Any(blocks) => {
                Self::from_blocks(&blocks[from as usize..(from + count) as usize])
            }
        }
    }

    /// Its blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        (0..self.len()).map(|index| self.block(index))
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, BlockSize, Payload, Stamp};
    use crate::base::product;

    #[test]
    fn the_last_byte_that_is_not_zero_is_found_wherever_it_is() {
        for length in 0..200 {
            for last in 0..=length {
                let mut bytes = vec![0; length];
                bytes[..last].fill(7);
                assert_eq!(super::last_nonzero(&bytes), last.checked_sub(1), "{last} of {length}");
            }
        }
    }

    #[test]
    fn a_stamp_survives_the_trip_through_bytes() {
        let stamp = Stamp::new(3, 77, 2, 9);
        for size in [BlockSize::B512, BlockSize::B4096] {
            let bytes = Block::stamped(stamp).bytes(size);
            assert_eq!(bytes.len(), size.bytes());
            assert_eq!(Block::from_bytes(&bytes).stamp(), Some(stamp));
        }
    }

    #[test]
    fn one_flipped_bit_makes_another_block() {
        let block = Block::stamped(Stamp::new(0, 1, 1, 1));
        let mut bytes = block.bytes(BlockSize::B4096);
        bytes[4000] ^= 4;
        let flipped = Block::from_bytes(&bytes);
        assert_ne!(flipped, block);
        assert_eq!(flipped.stamp(), None);
        assert_eq!(flipped.bytes(BlockSize::B4096), bytes);
    }

    #[test]
    fn words_make_the_block_of_their_bytes_and_are_read_from_it() {
        let size = BlockSize::B512;
        let whole = |block: &Block| -> Vec<u64> {
            let bytes = block.bytes(size);
            bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        let stamped = Block::stamped(Stamp::new(3, 77, 2, 9));
        let few = [[0, 0, 0], [7, 0, 0], [0, 0, 9], [u64::MAX, 1, 2], [5 << 32, 0, 0]];
        let all = [vec![u64::MAX; 64], whole(&stamped), vec![3; 63]];
        for words in few.iter().map(|words| words.to_vec()).chain(all) {
            let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            bytes.resize(512, 0);
            let block = Block::of_words(&words, size);
            assert_eq!((&block, block.bytes(size)), (&Block::from_bytes(&bytes), bytes));
            for room in [1, 3, 64] {
                let mut read = vec![1; room];
                block.read_words(&mut read, size);
                assert_eq!(read, whole(&block)[..room]);
            }
        }
        assert_eq!(Block::of_words(&whole(&stamped), size), stamped);
    }

    #[test]
    fn zero_bytes_are_the_zero_block() {
        assert_eq!(Block::from_bytes(&[0; 512]), Block::ZERO);
        assert_eq!(Block::ZERO.bytes(BlockSize::B512), vec![0; 512]);
    }

    /// Blocks of all forms.
    fn blocks() -> Vec<Block> {
        let stamp = |writer, sequence| Block::stamped(Stamp::new(2, 5, writer, sequence));
        let sum = Block::sum(&[(3, &stamp(1, 9)), (7, &stamp(2, 4))], BlockSize::B512);
        let even = Block::sum(&[(1, &stamp(1, 9)), (1, &stamp(1, 8))], BlockSize::B512);
        let bytes: Vec<u8> = (0..512).map(|at| (at * 7 % 251) as u8).collect();
        vec![Block::ZERO, stamp(1, 1), stamp(9, 0), sum, even, Block::from_bytes(&bytes)]
    }

    #[test]
    fn a_sum_of_blocks_is_the_sum_of_their_bytes() {
        let size = BlockSize::B512;
        for (a, b) in
            blocks().iter().flat_map(|a| blocks().into_iter().map(move |b| (a.clone(), b)))
        {
            for factors in [[1, 1], [0, 1], [2, 0x8d], [0xff, 0x53], [0, 0]] {
                let sum = Block::sum(&[(factors[0], &a), (factors[1], &b)], size);
                let bytes = a.bytes(size).into_iter().zip(b.bytes(size));
                let byte = |(a, b)| product(factors[0], a) ^ product(factors[1], b);
                let expected: Vec<u8> = bytes.map(byte).collect();
                assert_eq!(sum.bytes(size), expected, "{factors:?} of {a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn the_same_bytes_are_the_same_block_however_they_came_about() {
        let size = BlockSize::B512;
        let blocks = blocks();
        for (at, block) in blocks.iter().enumerate() {
            let again = Block::from_bytes(&block.bytes(size));
            assert_eq!((&again, again.fingerprint()), (block, block.fingerprint()));
            for other in &blocks[..at] {
                assert_ne!(block, other);
                assert_ne!(block.fingerprint(), other.fingerprint());
            }
            // What was added is taken away by adding it again.
            let sum = Block::sum(&[(1, block), (5, &blocks[3])], size);
            assert_eq!(Block::sum(&[(1, &sum), (5, &blocks[3])], size), *block);
        }
        // Cheap to copy: a block is three words.
        assert_eq!(size_of::<Block>(), 24);
    }

    #[test]
    fn a_run_is_the_same_blocks_one_by_one() {
        let first = Stamp::new(1, 10, 1, 5);
        let run = Payload::run(first, 3);
        let blocks: Vec<Block> = run.blocks().collect();
        assert_eq!(blocks[2].stamp().map(Stamp::block), Some(12));
        assert_eq!(Payload::from_blocks(&blocks).blocks().collect::<Vec<_>>(), blocks);
        assert!(Payload::zeroes(2).blocks().all(|block| block == Block::ZERO));
        for whole in [run, Payload::from_blocks(&blocks), Payload::zeroes(3)] {
            for (from, count) in [(0, 3), (1, 2), (2, 1), (3, 0), (0, 0)] {
                let part: Vec<Block> = whole.part(from, count).blocks().collect();
                let expected = whole.blocks().skip(from as usize).take(count as usize);
                assert_eq!(part, expected.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn parts_that_are_joined_are_the_whole_again() {
        let run = Payload::run(Stamp::new(1, 10, 1, 5), 5);
        let mixed: Vec<Block> = run.part(0, 2).blocks().chain([Block::ZERO]).collect();
        for whole in [run, Payload::zeroes(4), Payload::from_blocks(&mixed)] {
            let (first, rest) = (whole.part(0, 2), whole.part(2, whole.len() - 2));
            assert_eq!(Payload::joined([first, rest]), whole);
        }
        let torn = [Payload::run(Stamp::new(1, 0, 1, 5), 2), Payload::zeroes(1)];
        assert_eq!(Payload::joined(torn).block(2), Block::ZERO);
        assert!(Payload::joined([]).is_empty());
    }
}
