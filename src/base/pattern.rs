//! The bytes of stamped blocks, and of what is computed from them, by two words and a factor. Knows of no block.
//!
//! The bytes of a stamp are two words over and over, with the offset of each copy added in the field of 256
//! elements (exclusive or). So a sum of stamps, each so many times, has as its bytes the sum of their words over
//! and over, with each offset added as often as their factors come to: seventeen bytes say exactly what
//! thousands hold. Parity of stamps, parity of parity, and a stamp computed from parity are all of that form.
//!
//! The two words are not the stamp's own but those scrambled: stamps of one write have much in common, which
//! would cancel in a sum. Parity that was not brought up to date would then fit all the same, and what is
//! computed from blocks of two times would look like a stamp.

use super::field::{add_words, inverse, product};

/// What the bytes of a block follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The first sixteen bytes.
    pub(super) words: [u64; 2],
    /// How often each offset is added.
    pub(super) times: u8,
}

/// The offset of a copy of the words, spread over all bits: no part of a block can pass for another part or
/// another block.
const fn spread(index: u64) -> u64 {
    index.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Scrambles a word: the finalizer of the generator SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom
/// Number Generators", 2014).
const fn scrambled(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

impl Pattern {
    /// That of a stamp of these words.
    pub(super) const fn of_stamp([mut a, mut b]: [u64; 2]) -> Self {
        a ^= scrambled(b);
        b ^= scrambled(a);
        a ^= scrambled(b);
        Self { words: [a, b], times: 1 }
    }

    /// The words of the stamp that this would be that of, if its offsets are a stamp's.
    pub(super) const fn stamp(self) -> Option<[u64; 2]> {
        if self.times != 1 {
            return None;
        }
        let [mut a, mut b] = self.words;
        a ^= scrambled(b);
        b ^= scrambled(a);
        a ^= scrambled(b);
        Some([a, b])
    }

    /// Adds another one, so many times.
    pub(super) fn add(&mut self, other: Self, factor: u8) {
        add_words(&mut self.words, other.words, factor);
        self.times ^= product(other.times, factor);
    }

    /// Both words of a copy.
    fn copy(self, index: u64) -> [u64; 2] {
        let mut offset = [0];
        add_words(&mut offset, [spread(index)], self.times);
        self.words.map(|word| word ^ offset[0])
    }

    /// The bytes, as many as there is room for in whole copies.
    pub(super) fn fill(self, bytes: &mut [u8]) {
        for (index, chunk) in bytes.chunks_exact_mut(16).enumerate() {
            let [first, second] = self.copy(index as u64);
            chunk[..8].copy_from_slice(&first.to_le_bytes());
            chunk[8..].copy_from_slice(&second.to_le_bytes());
        }
    }

    /// The pattern whose bytes these are, if they are any pattern's. Fewer than two copies tell nothing.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (copies, []) = bytes.as_chunks::<16>() else { return None };
        let words = |copy: &[u8; 16]| {
            let word = |at: usize| copy.as_chunks::<8>().0[at];
            [u64::from_le_bytes(word(0)), u64::from_le_bytes(word(1))]
        };
        let (first, second) = (copies.first()?, copies.get(1)?);
        // The one factor by which the second copy can differ from the first in its first byte.
        let times = product(first[0] ^ second[0], inverse(spread(1) as u8));
        let pattern = Self { words: words(first), times };
        // Nearly all that is no pattern's shows it in the second copy.
        let fits = |(index, copy): (u64, &[u8; 16])| words(copy) == pattern.copy(index);
        (1..).zip(&copies[1..]).all(fits).then_some(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_stamp_comes_back_and_stamps_of_one_write_do_not_cancel() {
        let stamp = |block: u64, sequence: u64| Pattern::of_stamp([block, 1 << 48 | sequence]);
        assert_eq!(stamp(7, 9).stamp(), Some([7, 1 << 48 | 9]));
        // Two blocks of one write, written anew: their difference is not that of one of them.
        let mut sum = stamp(0, 1);
        for other in [stamp(1, 1), stamp(0, 2), stamp(1, 2)] {
            sum.add(other, 1);
        }
        assert_ne!(sum, Pattern::default());
        // Three stamps of one writer are no stamp of that writer's.
        let mut sum = stamp(0, 1);
        for other in [stamp(1, 1), stamp(2, 1)] {
            sum.add(other, 1);
        }
        assert_ne!(sum.stamp().map(|[_, author]| author >> 48), Some(1));
    }

    #[test]
    fn bytes_tell_their_pattern_and_no_byte_can_be_another() {
        for times in [0, 1, 2, 0x80, 0xff] {
            let pattern = Pattern { words: [0x0123_4567_89ab_cdef, 0xfedc_ba98], times };
            let mut bytes = [0; 512];
            pattern.fill(&mut bytes);
            assert_eq!(Pattern::of_bytes(&bytes), Some(pattern));
            for at in 0..bytes.len() {
                bytes[at] ^= 0x10;
                assert_eq!(Pattern::of_bytes(&bytes), None, "byte {at}");
                bytes[at] ^= 0x10;
            }
        }
        assert_eq!(Pattern::of_bytes(&[7; 16]), None);
        assert_eq!(Pattern::of_bytes(&[7; 40]), None);
    }
}
