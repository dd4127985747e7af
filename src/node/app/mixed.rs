//! Operations of mixed sizes that meet each other: a database, a file system and a backup on one volume. Issues none.
//!
//! Of a hundred operations about 45 are pages: 1, 2 or 4 blocks, aligned to their size. 25 are extents: a power of two
//! up to 64 blocks, anywhere. 15 are a stream of the largest, one behind the other. 15 are of any size, small ones as
//! likely as large ones: its logarithm is uniform. All but the stream fall half of the time onto one of the last 16
//! operations, by as little as a block of it: they begin before it or within it, and end within it or behind it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::sim::Rng;

/// The last operations, which others fall onto.
const RECENT: usize = 16;
/// The longest extent of a file.
const EXTENT_BITS: u64 = 6;

/// Where operations of mixed sizes went; survives its client.
#[derive(Debug, Default)]
pub(super) struct Mixed {
    recent: RefCell<VecDeque<(u64, u64)>>,
    stream: Cell<u64>,
}

impl Mixed {
    /// First block and length of the next operation, of `fewest` to `most` blocks, in a region of `size` blocks, no
    /// fewer than `most`.
    pub(super) fn next(&self, rng: &mut Rng, (fewest, most): (u64, u64), size: u64) -> (u64, u64) {
        let within = |blocks: u64| blocks.clamp(fewest, most);
        let class = rng.below(100);
        let (place, blocks) = if class < 15 {
            let start = self.stream.get();
            let start = if start + most <= size { start } else { 0 };
            self.stream.set(start + most);
            (start, most)
        } else if class < 60 {
            let blocks = within(1 << rng.below(3));
            let place = self.place(rng, blocks, size);
            // An aligned page that holds the place is within the region, unless the region's end cuts it off.
            ((place / blocks * blocks).min(size - blocks), blocks)
        } else {
            let blocks = if class < 85 {
                1 << rng.below(EXTENT_BITS + 1)
            } else {
                let bits = rng.below(u64::from(most.ilog2()) + 1);
                rng.between(1 << bits, (2 << bits) - 1)
            };
            let blocks = within(blocks);
            (self.place(rng, blocks, size), blocks)
        };
        let mut recent = self.recent.borrow_mut();
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back((place, blocks));
        (place, blocks)
    }

    /// Anywhere, or onto an operation of late.
    fn place(&self, rng: &mut Rng, blocks: u64, size: u64) -> u64 {
        let last = size - blocks;
        let recent = self.recent.borrow();
        if recent.is_empty() || rng.below(2) == 0 {
            return rng.between(0, last);
        }
        let (start, length) = recent[rng.index(recent.len())];
        let from = start.saturating_sub(blocks - 1).min(last);
        rng.between(from, (start + length - 1).min(last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Mixed;
    use crate::sim::Seed;

    #[test]
    fn sizes_are_mixed_and_operations_overlap() {
        let (mixed, mut rng) = (Mixed::default(), Seed::new(5).stream("mixed"));
        let drawn: Vec<(u64, u64)> =
            (0..4_000).map(|_| mixed.next(&mut rng, (1, 1024), 8192)).collect();
        assert!(drawn.iter().all(|(place, blocks)| *blocks >= 1 && place + blocks <= 8192));
        let sizes: BTreeSet<u64> = drawn.iter().map(|(_, blocks)| *blocks).collect();
        assert!(sizes.contains(&1) && sizes.contains(&1024) && sizes.len() > 100, "{sizes:?}");
        let meets = |pair: &&[(u64, u64)]| {
            let ((a, n), (b, m)) = (pair[0], pair[1]);
            a < b + m && b < a + n
        };
        let partly = |pair: &&[(u64, u64)]| meets(pair) && pair[0] != pair[1];
        let overlaps = drawn.windows(2).filter(partly).count();
        assert!(overlaps > 200, "{overlaps} of 4000 fall onto a part of the one before");
    }

    #[test]
    fn narrow_ranges_and_small_regions_hold() {
        let mut rng = Seed::new(6).stream("mixed");
        for (fewest, most, size) in [(1, 1, 1), (3, 5, 5), (7, 7, 100), (1, 64, 64), (5, 6, 13)] {
            let mixed = Mixed::default();
            for _ in 0..1_000 {
                let (place, blocks) = mixed.next(&mut rng, (fewest, most), size);
                assert!((fewest..=most).contains(&blocks) && place + blocks <= size);
            }
        }
    }
}
