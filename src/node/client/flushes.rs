//! Which acknowledged writes a volume's flushes have covered, and which flushes must fail because all legs
//! lost their volatile caches. Flushes nothing.

use std::cell::Cell;

use crate::base::Epoch;
use crate::base::planted;

/// What an owner knows of its flushes.
pub(super) struct Flushes {
    /// Counts acknowledged writes that are only as durable as caches are; what owners before this one left
    /// stands for the first.
    acknowledged: Cell<u64>,
    /// How many of them a flush has covered that kept its promise.
    covered: Cell<u64>,
    /// Whether something may be gone that was acknowledged: the next flush must say so.
    fails: Cell<bool>,
    /// The last epoch that was granted here because all legs in sync had lost their caches.
    cold: Cell<Epoch>,
}

/// A flush under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flushing {
    /// The writes that were acknowledged before it.
    covers: u64,
    /// Whether no flush had covered them all.
    is_needed: bool,
    /// [`Flushes::cold`] when it began.
    cold: Epoch,
}

impl Flushes {
    pub(super) fn new() -> Self {
        Self {
            acknowledged: Cell::new(1),
            covered: Cell::new(0),
            fails: Cell::new(false),
            cold: Cell::new(Epoch::new(0)),
        }
    }

    /// The last epoch that was granted here because all legs in sync had lost their caches.
    pub(super) fn cold(&self) -> Epoch {
        self.cold.get()
    }

    /// A grant names the last epoch before which all legs had lost their caches. Says whether they have since
    /// the grant before it; the `first` says nothing new.
    pub(super) fn granted(&self, first: bool, cold: Epoch) -> bool {
        let are_lost = !first && cold > self.cold.get();
        if are_lost && self.has_unflushed() {
            self.fails.set(true);
        }
        self.cold.set(cold);
        are_lost
    }

    /// A write was acknowledged.
    pub(super) fn acknowledged(&self) {
        self.acknowledged.set(self.acknowledged.get() + 1);
    }

    fn has_unflushed(&self) -> bool {
        self.acknowledged.get() > self.covered.get()
    }

    /// A flush begins: what was acknowledged before is its business.
    pub(super) fn begin(&self) -> Flushing {
        let (covers, is_needed) = (self.acknowledged.get(), self.has_unflushed());
        Flushing { covers, is_needed, cold: self.cold.get() }
    }

    /// Whether a flush that all legs have done kept its promise. Each one fails that was under way when all
    /// caches were lost with something in them, and the first that ends after that.
    pub(super) fn end(&self, flushing: Flushing) -> bool {
        let lost = flushing.is_needed && flushing.cold != self.cold.get();
        let kept = (!self.fails.replace(false) && !lost) || planted!(FlushIgnoresLoss);
        if kept {
            self.covered.set(self.covered.get().max(flushing.covers));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::Flushes;
    use crate::base::Epoch;

    fn attached() -> Flushes {
        let flushes = Flushes::new();
        assert!(!flushes.granted(true, Epoch::new(3)), "that was before");
        assert!(flushes.end(flushes.begin()), "what the owner before left is flushed");
        flushes
    }

    #[test]
    fn every_flush_that_spans_a_loss_of_all_caches_fails() {
        let flushes = attached();
        flushes.acknowledged();
        let spanning = [(); 3].map(|()| flushes.begin());
        assert!(flushes.granted(false, Epoch::new(5)));
        assert_eq!(spanning.map(|flush| flushes.end(flush)), [false; 3]);
        assert!(flushes.end(flushes.begin()), "the application has heard of it");
    }

    #[test]
    fn the_first_flush_after_a_loss_fails_if_none_spanned_it() {
        let flushes = attached();
        flushes.acknowledged();
        flushes.granted(false, Epoch::new(5));
        assert_eq!([(); 2].map(|()| flushes.end(flushes.begin())), [false, true]);
    }

    #[test]
    fn a_flush_that_failed_covers_nothing() {
        let flushes = attached();
        flushes.acknowledged();
        let spanning = flushes.begin();
        flushes.granted(false, Epoch::new(5));
        assert!(!flushes.end(spanning));
        flushes.granted(false, Epoch::new(7));
        assert!(!flushes.end(flushes.begin()), "it may be gone now if it was not before");
    }

    #[test]
    fn no_flush_fails_when_there_was_nothing_to_lose() {
        let flushes = attached();
        let spanning = flushes.begin();
        assert!(flushes.granted(false, Epoch::new(5)));
        assert!(flushes.end(spanning));
        // The same epoch again is no other loss.
        flushes.acknowledged();
        let flush = flushes.begin();
        assert!(!flushes.granted(false, Epoch::new(5)));
        assert!(flushes.end(flush));
    }
}
