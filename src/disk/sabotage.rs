//! The control door's worse half: faults that the device doesn't tell of, loss of power, old images.
//! Decides nothing: `silent.rs`, `cache.rs` and `journal.rs` do the work.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Block, Nanos, NodeId, Seq};
use crate::sim::Rng;

use super::cache::Loss;
use super::control::{Fault, FaultId, FaultKind, Namespace};
use super::engine::{Engine, State};
use super::fault::Verdict;
use super::journal::Journal;
use super::protection::METADATA_BITS;
use super::queue::InFlight;
use super::records::{
    BitsFlipped, CacheDropped, CacheLost, ControllerReset, DuplicateNextCompletionSet,
    LoseNextWriteSet, MisdirectNextReadSet, MisdirectNextWriteSet, OldImageRestored, PowerLost,
    Swapped, TearNextWriteSet,
};
use super::silent::{Shown, rotten};
use super::status::Status;

impl Namespace {
    /// Tears the next `count` (at least 1) writes within one block of theirs: its first half is new, its
    /// second half is as before. They are acknowledged. Protection information finds such a block.
    pub fn tear_next_write(&self, count: u32) -> FaultId {
        self.engine.kernel.emit(None, &TearNextWriteSet { disk: self.engine.id, count });
        self.add_next(FaultKind::TearNextWrite, count)
    }

    /// Has the next `count` (at least 1) writes acknowledged and not done: reads show what was there before,
    /// with protection information that fits.
    pub fn lose_next_write(&self, count: u32) -> FaultId {
        self.engine.kernel.emit(None, &LoseNextWriteSet { disk: self.engine.id, count });
        self.add_next(FaultKind::LoseNextWrite, count)
    }

    /// Has the next `count` (at least 1) writes go to a place near by, and be acknowledged: what they were
    /// for reads as before; where they went, protection information finds a foreign reference tag.
    pub fn misdirect_next_write(&self, count: u32) -> FaultId {
        self.engine.kernel.emit(None, &MisdirectNextWriteSet { disk: self.engine.id, count });
        self.add_next(FaultKind::MisdirectNextWrite, count)
    }

    /// Has the next `count` (at least 1) reads answered from a place near by; with protection information
    /// they fail with `RefTagCheck`.
    pub fn misdirect_next_read(&self, count: u32) -> FaultId {
        self.engine.kernel.emit(None, &MisdirectNextReadSet { disk: self.engine.id, count });
        self.add_next(FaultKind::MisdirectNextRead, count)
    }

    /// Has the completions of the next `count` (at least 1) commands posted twice: again with the next of
    /// the same queue pair, if there is one.
    pub fn duplicate_next_completion(&self, count: u32) -> FaultId {
        let disk = self.engine.id;
        self.engine.kernel.emit(None, &DuplicateNextCompletionSet { disk, count });
        self.add_next(FaultKind::DuplicateNextCompletion, count)
    }

    fn add_next(&self, kind: FaultKind, count: u32) -> FaultId {
        assert!(count > 0, "{kind} of no command");
        self.add(Fault::Next { kind, count })
    }

    /// Flips `bits` bits of a block's data, drawn; at least 1 and at most as many as it has.
    pub fn flip_bits(&self, block: u64, bits: u32) -> FaultId {
        let size = self.engine.config.block_size.bytes() as u32 * 8;
        assert!((1..=size).contains(&bits), "{bits} flipped bits in a block of {size}");
        let drawn = draw_bits(&mut self.engine.state.borrow_mut().silent_rng, bits, size);
        self.flip_bits_at(block, &drawn)
    }

    /// Flips these bits of a block, counted from its first byte's lowest one. Those behind its data are in
    /// the metadata: 64 of the guard, 16 of the application tag, 48 of the reference tag. Panics where
    /// there is no such block or bit.
    pub fn flip_bits_at(&self, block: u64, bits: &[u32]) -> FaultId {
        let engine = &self.engine;
        let config = &engine.config;
        let size = config.block_size.bytes() as u32 * 8;
        assert!(block < config.blocks, "bits flipped in block {block}, beyond the disk's end");
        let beyond = bits.iter().find(|bit| **bit >= size + METADATA_BITS);
        assert!(beyond.is_none(), "bit {beyond:?} of a block of {size} bits and metadata");
        let fault = {
            let state = &mut *engine.state.borrow_mut();
            let fault = state.faults.new_id();
            // A block that is marked as lost has no bits to flip: every read of it fails.
            if let Some((held, beside)) = state.seen(block, config) {
                let (data, metadata): (Vec<u32>, Vec<u32>) =
                    bits.iter().partition(|bit| **bit < size);
                let protection =
                    metadata.iter().fold(beside, |beside, bit| beside.flipped(bit - size));
                let rotten = rotten(&held, &data, config.block_size);
                let kind = FaultKind::FlipBits;
                state.silent.show(block, Shown { fault, kind, block: rotten, protection });
            }
            fault
        };
        let bits = bits.len() as u32;
        engine.kernel.emit(None, &BitsFlipped { disk: engine.id, lba: block, bits });
        fault
    }

    /// The device loses its power together with its host: of what is only in its volatile cache any
    /// subset is lost; commands in flight were executed or not, larger ones than the atomic unit for the
    /// first of their blocks. Queue pairs end. To be called when the host is dead: its commands went with
    /// it, and so nothing happens to a disk without a volatile cache.
    pub fn power_loss(&self) {
        if self.engine.state.borrow().cache.is_none() {
            return;
        }
        let (disk, kernel) = (self.engine.id, &self.engine.kernel);
        self.engine.lose_power(|ended| kernel.emit(None, &PowerLost { disk, ended }));
    }

    /// The device alone loses its power for a moment, as [`Namespace::power_loss`] does to it. Its host
    /// finds its queue pairs dead.
    pub fn drop_cache(&self) {
        let (disk, kernel) = (self.engine.id, &self.engine.kernel);
        self.engine.lose_power(|ended| kernel.emit(None, &CacheDropped { disk, ended }));
    }

    /// Exchanges two devices, as somebody does who mixes up their cables: each is in the other's place from now on,
    /// with its serial number and all that it holds. Both lose their power on the way, as [`Namespace::drop_cache`]
    /// has it. Paths, plugs and what is wrong with whole commands stay with the place. Panics for one disk.
    pub fn swap(&self, other: &Self) {
        let (one, two) = (&self.engine, &other.engine);
        assert!(one.id != two.id, "{} swapped with itself", one.id);
        for (engine, with) in [(one, two.id), (two, one.id)] {
            let disk = engine.id;
            engine.lose_power(|ended| engine.kernel.emit(None, &Swapped { disk, with, ended }));
        }
        let (one, two) = (&mut *one.state.borrow_mut(), &mut *two.state.borrow_mut());
        std::mem::swap(&mut one.media, &mut two.media);
        std::mem::swap(&mut one.silent, &mut two.silent);
        std::mem::swap(&mut one.serial, &mut two.serial);
        std::mem::swap(&mut one.journal, &mut two.journal);
        std::mem::swap(&mut one.cache, &mut two.cache);
        one.faults.exchange_bad(&mut two.faults);
        // Of each place it is another one than any before, and so of each device.
        let life = one.life.max(two.life) + 1;
        (one.life, two.life) = (life, life);
    }

    /// Keeps from now on what is needed to go back by up to `span`.
    pub fn keep_images(&self, span: Nanos) {
        self.engine.state.borrow_mut().journal = Some(Journal::new(span));
    }

    /// How far back [`Namespace::restore_old_image`] may go; zero unless somebody asked for it.
    #[must_use]
    pub fn images_kept(&self) -> Nanos {
        self.engine.state.borrow().journal.as_ref().map_or(Nanos::ZERO, Journal::span)
    }

    /// What a block held `age` ago; what it holds now if nothing was kept.
    #[must_use]
    pub fn raw_read_old(&self, lba: u64, age: Nanos) -> Block {
        let since = self.engine.kernel.now().saturating_sub(age);
        let state = self.engine.state.borrow();
        let old = state.journal.as_ref().and_then(|journal| journal.held(lba, since));
        old.unwrap_or_else(|| state.media.block(lba))
    }

    /// Makes the disk hold again what it held `age` ago, as one that was restored from an image. It can't be
    /// undone. Panics when [`Namespace::keep_images`] was not told to go back so far.
    pub fn restore_old_image(&self, age: Nanos) -> u32 {
        let engine = &self.engine;
        let since = engine.kernel.now().saturating_sub(age);
        let changes = {
            let state = &mut *engine.state.borrow_mut();
            let journal = state.journal.as_mut().filter(|journal| journal.span() >= age);
            let journal = journal.expect("keep_images was told to go back as far");
            let changes = journal.go_back(&mut state.media, since);
            if let Some(cache) = &mut state.cache {
                cache.clear();
            }
            changes
        };
        engine.kernel.emit(None, &OldImageRestored { disk: engine.id, age, changes });
        changes
    }

    /// The blocks of which a part is only in the volatile cache, and what the medium holds of each: what
    /// would be left if the power went now and nothing more got there. `None` for a block that is marked as
    /// lost.
    #[must_use]
    pub fn raw_without_cache(&self) -> BTreeMap<u64, Option<Block>> {
        let now = self.engine.kernel.now();
        let state = &mut *self.engine.state.borrow_mut();
        let Some(cache) = &mut state.cache else { return BTreeMap::new() };
        cache.settle(now);
        cache.without()
    }

    /// What a read of a block gives, for better or worse: under overlays of faults that the device
    /// doesn't tell of. Says nothing of reads that fail.
    #[must_use]
    pub fn raw_seen(&self, lba: u64) -> Block {
        let state = self.engine.state.borrow();
        let shown = state.silent.get(lba).map(|shown| shown.block.clone());
        shown.unwrap_or_else(|| state.media.block(lba))
    }
}

/// Distinct bits below `size`.
fn draw_bits(rng: &mut Rng, bits: u32, size: u32) -> Vec<u32> {
    let mut drawn = BTreeSet::new();
    while (drawn.len() as u32) < bits {
        drawn.insert(rng.below(u64::from(size)) as u32);
    }
    drawn.into_iter().collect()
}

impl Engine {
    fn lose_power(&self, tell: impl FnOnce(u32) -> Seq) {
        {
            let state = &mut *self.state.borrow_mut();
            state.life += 1;
            state.ended_by = FaultKind::PowerLost;
        }
        self.end_in_flight(
            |_| true,
            tell,
            |state, command| {
                let prefix = state.draw_prefix(command, &self.config);
                let verdict = Verdict::refused(Status::PowerLoss, Some(FaultKind::PowerLost));
                (Verdict { executed: prefix > 0, ..verdict }, prefix)
            },
        );
        let cause = self.kernel.cause();
        let (loss, consumers) = {
            let state = &mut *self.state.borrow_mut();
            (state.lose_cache(self.kernel.now()), state.take_consumers())
        };
        if loss.cached > 0 {
            let Loss { cached, lost } = loss;
            self.kernel.emit(None, &CacheLost { disk: self.id, cached, lost });
        }
        // Whoever waits for completions finds the queue pair dead.
        consumers.into_iter().for_each(|consumer| self.kernel.wake(consumer));
        self.kernel.set_cause(cause);
    }

    pub(super) fn is_dead(&self, pair: u32) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.is_dead(pair)
    }

    pub(super) fn reset(&self, host: NodeId) -> Nanos {
        let (min, max) = self.config.reset;
        let takes = self.state.borrow_mut().silent_rng.nanos(min, max);
        let ready_at = self.kernel.now().saturating_add(takes);
        self.state.borrow_mut().ready_at = ready_at;
        let disk = self.id;
        self.end_in_flight(
            |_: &InFlight| true,
            |ended| self.kernel.emit(None, &ControllerReset { disk, host, ended, takes }),
            |state, command| {
                let prefix = state.draw_prefix(command, &self.config);
                let verdict = Verdict::refused(Status::AbortQueue, Some(FaultKind::Reset));
                (Verdict { executed: prefix > 0, ..verdict }, prefix)
            },
        );
        ready_at
    }
}

impl State {
    /// What was only in the cache is lost, or not.
    fn lose_cache(&mut self, now: Nanos) -> Loss {
        let Some(cache) = &mut self.cache else { return Loss::default() };
        cache.settle(now);
        if let Some(journal) = &mut self.journal {
            let ranges: Vec<(u64, u32)> = cache.ranges().collect();
            ranges.into_iter().for_each(|range| journal.note(&mut self.media, now, range));
        }
        if cache.is_empty() {
            return Loss::default();
        }
        cache.lose(&mut self.media, &mut self.cache_rng)
    }
}
