//! The volatile write cache: what the medium would hold if the power went now. Draws no time of its own.
//!
//! Reads and writes go to the newest contents, which [`Media`] has; beside them the cache keeps a log of
//! the changes that are not on the medium for good, each with what it changed. A power loss takes all of
//! them back, newest first, and does again those that happened to be written back in time.
//!
//! # Fidelity
//! - Modelled: a power loss keeps any subset of the cached commands, per block in their order: no order
//!   holds between blocks. A write within the atomic unit is kept whole or not at all, a larger one block
//!   by block. Flush makes durable what completed before it was submitted; a write with FUA is durable when
//!   it completes and overtakes what is cached of its blocks.
//! - Simplified: the device writes back by age, oldest first; that it may do so in another order shows in
//!   the subset that a power loss keeps. There is no limit to the cache's size: a host that never flushes
//!   isn't slowed down. Write Uncorrectable is never cached.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Block, Nanos, Payload};
use crate::sim::Rng;

use super::media::{Image, Media};

/// What a command made of blocks.
#[derive(Debug)]
pub(super) enum Change {
    /// They hold these now, or zeroes.
    Data(Payload),
    /// They are marked as lost.
    Lost,
}

/// A change that was made to neighbouring blocks.
#[derive(Debug)]
struct Entry {
    lba: u64,
    before: Image,
    change: Change,
    /// It survives whole or not at all.
    atomic: bool,
    /// It is on the medium.
    durable: bool,
    /// When the device has written it back by itself.
    due: Nanos,
}

/// How a change goes into the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) atomic: bool,
    pub(super) durable: bool,
    pub(super) due: Nanos,
}

/// What a power loss did to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// Blocks written that were still on their way to the medium.
    pub(super) cached: u32,
    /// Those that did not get there.
    pub(super) lost: u32,
}

/// The changes that a power loss could take back, oldest first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    log: VecDeque<Entry>,
    /// The number of the oldest.
    first: u64,
}

impl Entry {
    fn redo(&self, media: &mut Media, index: u32) {
        let lba = self.lba + u64::from(index);
        match &self.change {
            Change::Data(data) => media.set(lba, data.block(index)),
            Change::Lost => media.lose(lba, 1),
        }
    }
}

impl Cache {
    /// Takes note of a change that is about to be made to `blocks` blocks from `lba` on.
    pub(super) fn note(
        &mut self,
        media: &mut Media,
        (lba, blocks): (u64, u32),
        change: Change,
        fate: Fate,
    ) {
        if fate.durable && self.log.is_empty() {
            return;
        }
        let before = media.image(lba, blocks);
        let Fate { atomic, durable, due } = fate;
        self.log.push_back(Entry { lba, before, change, atomic, durable, due });
    }

    /// Forgets what is on the medium by now.
    pub(super) fn settle(&mut self, now: Nanos) {
        while self.log.front().is_some_and(|entry| entry.durable || entry.due <= now) {
            self.log.pop_front();
            self.first += 1;
        }
    }

    /// Whether nothing could be lost.
    pub(super) fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// The number that the next change will get: a flush submitted now covers those below it.
    pub(super) fn next(&self) -> u64 {
        self.first + self.log.len() as u64
    }

    /// Makes the changes below this number durable.
    pub(super) fn flush(&mut self, below: u64) {
        while self.first < below && self.log.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Forgets all: everything is on the medium.
    pub(super) fn clear(&mut self) {
        self.first += self.log.len() as u64;
        self.log.clear();
    }

    /// The changes that are not on the medium, as blocks; none twice.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.log.iter().map(|entry| (entry.lba, entry.before.blocks()))
    }

    /// The power is gone: what the medium holds from now on is drawn.
    pub(super) fn lose(&mut self, media: &mut Media, rng: &mut Rng) -> Loss {
        for entry in self.log.iter().rev() {
            media.restore(entry.lba, &entry.before);
        }
        let mut loss = Loss::default();
        // Now and then all of it had been written back, or none.
        let luck = rng.below(4);
        let mut survives = || match luck {
            0 => false,
            1 => true,
            _ => rng.below(2) == 1,
        };
        for entry in &self.log {
            let blocks = entry.before.blocks();
            let whole = entry.atomic.then(&mut survives);
            for index in 0..blocks {
                let kept = entry.durable || whole.unwrap_or_else(&mut survives);
                if kept {
                    entry.redo(media, index);
                }
                loss.cached += u32::from(!entry.durable);
                loss.lost += u32::from(!kept);
            }
        }
        self.clear();
        loss
    }

    /// The blocks that would hold something else if the power went now and nothing more got to the medium;
    /// `None` for one that is marked as lost there.
    pub(super) fn without(&self) -> BTreeMap<u64, Option<Block>> {
        let mut differences = BTreeMap::new();
        for entry in &self.log {
            for index in 0..entry.before.blocks() {
                let lba = entry.lba + u64::from(index);
                if entry.durable {
                    let held = match &entry.change {
                        Change::Data(data) => Some(data.block(index)),
                        Change::Lost => None,
                    };
                    differences.insert(lba, held);
                } else {
                    let held = entry.before.block(entry.lba, index);
                    differences.entry(lba).or_insert(held);
                }
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Cache, Change, Fate};
    use crate::base::{Nanos, Payload, Stamp};
    use crate::disk::media::Media;
    use crate::sim::Seed;

    const CACHED: Fate = Fate { atomic: true, durable: false, due: Nanos::MAX };
    const FUA: Fate = Fate { durable: true, ..CACHED };

    struct Bench {
        media: Media,
        cache: Cache,
    }

    impl Bench {
        fn new() -> Self {
            Self { media: Media::default(), cache: Cache::default() }
        }

        fn write(&mut self, lba: u64, blocks: u32, sequence: u64, fate: Fate) {
            let data = Payload::run(Stamp::new(0, lba, 1, sequence), blocks);
            self.cache.note(&mut self.media, (lba, blocks), Change::Data(data.clone()), fate);
            self.media.write(lba, &data, blocks);
        }

        fn holds(&self, lba: u64) -> u64 {
            self.media.block(lba).stamp().expect("only stamps are written").sequence()
        }

        fn cut(mut self, seed: u64, blocks: u64) -> Vec<u64> {
            self.cache.lose(&mut self.media, &mut Seed::new(seed).stream("test"));
            (0..blocks).map(|lba| self.holds(lba)).collect()
        }
    }

    fn outcomes(blocks: u64, load: impl Fn(&mut Bench)) -> BTreeSet<Vec<u64>> {
        let cut = |seed| {
            let mut bench = Bench::new();
            load(&mut bench);
            bench.cut(seed, blocks)
        };
        (0..200).map(cut).collect()
    }

    #[test]
    fn a_block_holds_any_of_its_writes_and_blocks_know_no_order() {
        let seen = outcomes(2, |bench| {
            bench.write(0, 1, 1, CACHED);
            bench.write(1, 1, 2, CACHED);
            bench.write(0, 1, 3, CACHED);
        });
        let all = [0, 1, 3].into_iter().flat_map(|a| [0, 2].map(|b| vec![a, b]));
        assert_eq!(seen, all.collect());
    }

    #[test]
    fn within_the_atomic_unit_all_or_nothing_beyond_it_block_by_block() {
        let whole = outcomes(2, |bench| bench.write(0, 2, 1, CACHED));
        assert_eq!(whole, BTreeSet::from([vec![0, 0], vec![1, 1]]));
        let torn = Fate { atomic: false, ..CACHED };
        let seen = outcomes(2, |bench| bench.write(0, 2, 1, torn));
        assert_eq!(seen.len(), 4, "{seen:?}");
    }

    #[test]
    fn what_is_durable_stays_and_overtakes_what_is_cached() {
        let seen = outcomes(1, |bench| {
            bench.write(0, 1, 1, CACHED);
            bench.write(0, 1, 2, FUA);
        });
        assert_eq!(seen, BTreeSet::from([vec![2]]));
        let seen = outcomes(1, |bench| {
            bench.write(0, 1, 1, FUA);
            bench.write(0, 1, 2, CACHED);
        });
        assert_eq!(seen, BTreeSet::from([vec![1], vec![2]]));
    }

    #[test]
    fn a_flush_covers_what_was_there_when_it_was_submitted() {
        let mut bench = Bench::new();
        bench.write(0, 1, 1, CACHED);
        let covered = bench.cache.next();
        bench.write(0, 1, 2, CACHED);
        bench.cache.flush(covered);
        let shown = bench.cache.without();
        assert_eq!(shown[&0].as_ref().and_then(|block| block.stamp()?.sequence().into()), Some(1));
        bench.cache.flush(covered);
        assert_eq!(bench.cache.next(), covered + 1, "once is enough");
        bench.cache.flush(bench.cache.next());
        assert!(bench.cache.without().is_empty());
    }

    #[test]
    fn age_writes_back() {
        let mut bench = Bench::new();
        let due = |nanos| Fate { due: Nanos::new(nanos), ..CACHED };
        bench.write(0, 1, 1, due(10));
        bench.write(1, 1, 1, due(20));
        bench.cache.settle(Nanos::new(10));
        assert_eq!(bench.cache.without().keys().copied().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_block_marked_as_lost_is_shown_as_such() {
        let mut bench = Bench::new();
        bench.media.lose(0, 1);
        bench.write(0, 1, 1, CACHED);
        assert_eq!(bench.cache.without()[&0], None);
        let mut rng = Seed::new(4).stream("test");
        let loss = bench.cache.lose(&mut bench.media, &mut rng);
        assert_eq!(loss.cached, 1);
        assert_eq!(bench.media.is_lost(0, 1), loss.lost == 1);
    }
}
