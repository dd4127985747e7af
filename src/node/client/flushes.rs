//! Which acknowledged writes a volume's flushes have covered, and which flushes must fail because all legs
//! lost their volatile caches. Flushes nothing.
//!
//! Whoever opens the volume is told of each loss once, by a flush of its own: of several applications none may take for kept
//! what another one has been told is lost. (Linux came to the same, with `errseq_t`.)

use std::cell::Cell;
use std::rc::Rc;

use crate::base::Epoch;
use crate::base::planted;

/// What an owner knows of its flushes.
pub(super) struct Flushes {
    /// Counts acknowledged writes that are only as durable as caches are; what owners before this one left
    /// stands for the first.
    acknowledged: Cell<u64>,
    /// How many of them a flush has covered that kept its promise.
    covered: Cell<u64>,
    /// How often something may have been lost that was acknowledged: the next flush of each opener must say so.
    losses: Cell<u64>,
    /// How many of these somebody was told of.
    told: Cell<u64>,
    /// The last epoch that was granted here because all legs in sync had lost their caches.
    cold: Cell<Epoch>,
}

/// Somebody who has opened the volume. Its clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    /// How many losses it was told of, or others before it was there.
    told: Rc<Cell<u64>>,
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
            losses: Cell::new(0),
            told: Cell::new(0),
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
            self.losses.set(self.losses.get() + 1);
        }
        self.cold.set(cold);
        are_lost
    }

    /// Somebody opens the volume, who is told of losses from now on, and of one that nobody was told of yet: it may go on
    /// with what somebody wrote who is no more.
    pub(super) fn open(&self) -> Opener {
        Opener { told: Rc::new(self.told.clone()) }
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
    /// caches were lost with something in them, and of each opener the first that ends after that.
    pub(super) fn end(&self, opener: &Opener, flushing: Flushing) -> bool {
        let lost = flushing.is_needed && flushing.cold != self.cold.get();
        let losses = self.losses.get();
        let is_told = opener.told.replace(losses) == losses
            || self.told.get() == losses && planted!(LossToldOnce);
        self.told.set(losses);
        let kept = (is_told && !lost) || planted!(FlushIgnoresLoss);
        if kept {
            self.covered.set(self.covered.get().max(flushing.covers));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::{Flushes, Opener};
    use crate::base::Epoch;

    fn attached() -> (Flushes, Opener) {
        let flushes = Flushes::new();
        let opener = flushes.open();
        assert!(!flushes.granted(true, Epoch::new(3)), "that was before");
        assert!(flushes.end(&opener, flushes.begin()), "what the owner before left is flushed");
        (flushes, opener)
    }

    #[test]
    fn a_flush_that_waits_for_the_first_grant_may_have_waited_since_before_the_loss_that_this_tells_of()
     {
        let flushes = Flushes::new();
        let (opener, early) = (flushes.open(), flushes.begin());
        flushes.granted(true, Epoch::new(3));
        assert!(
            !flushes.end(&opener, early),
            "what was acknowledged to others before it may be lost"
        );
        assert!(flushes.end(&opener, flushes.begin()));
    }

    #[test]
    fn every_flush_that_spans_a_loss_of_all_caches_fails() {
        let (flushes, opener) = attached();
        flushes.acknowledged();
        let spanning = [(); 3].map(|()| flushes.begin());
        assert!(flushes.granted(false, Epoch::new(5)));
        assert_eq!(spanning.map(|flush| flushes.end(&opener, flush)), [false; 3]);
        assert!(flushes.end(&opener, flushes.begin()), "the application has heard of it");
    }

    #[test]
    fn the_first_flush_after_a_loss_fails_if_none_spanned_it() {
        let (flushes, opener) = attached();
        flushes.acknowledged();
        flushes.granted(false, Epoch::new(5));
        assert_eq!([(); 2].map(|()| flushes.end(&opener, flushes.begin())), [false, true]);
    }

    #[test]
    fn a_flush_that_failed_covers_nothing() {
        let (flushes, opener) = attached();
        flushes.acknowledged();
        let spanning = flushes.begin();
        flushes.granted(false, Epoch::new(5));
        assert!(!flushes.end(&opener, spanning));
        flushes.granted(false, Epoch::new(7));
        assert!(!flushes.end(&opener, flushes.begin()), "it may be gone now if it was not before");
    }

    #[test]
    fn no_flush_fails_when_there_was_nothing_to_lose() {
        let (flushes, opener) = attached();
        let spanning = flushes.begin();
        assert!(flushes.granted(false, Epoch::new(5)));
        assert!(flushes.end(&opener, spanning));
        // The same epoch again is no other loss.
        flushes.acknowledged();
        let flush = flushes.begin();
        assert!(!flushes.granted(false, Epoch::new(5)));
        assert!(flushes.end(&opener, flush));
    }

    #[test]
    fn each_opener_is_told_of_a_loss_once() {
        let (flushes, opener) = attached();
        let other = flushes.open();
        flushes.acknowledged();
        flushes.granted(false, Epoch::new(5));
        assert_eq!([(); 2].map(|()| flushes.end(&opener, flushes.begin())), [false, true]);
        let later = flushes.open();
        assert!(flushes.end(&later, flushes.begin()), "that was before it");
        assert_eq!([(); 2].map(|()| flushes.end(&other, flushes.begin())), [false, true]);
    }

    #[test]
    fn who_comes_after_a_loss_that_nobody_was_told_of_is_told() {
        let (flushes, opener) = attached();
        flushes.acknowledged();
        drop(opener);
        flushes.granted(false, Epoch::new(5));
        let next = flushes.open();
        assert_eq!([(); 2].map(|()| flushes.end(&next, flushes.begin())), [false, true]);
    }

    #[test]
    fn a_flush_that_spanned_a_loss_has_told_its_opener_and_no_other() {
        let (flushes, opener) = attached();
        let other = flushes.open();
        flushes.acknowledged();
        let spanning = flushes.begin();
        flushes.granted(false, Epoch::new(5));
        assert!(!flushes.end(&opener, spanning));
        assert!(flushes.end(&opener, flushes.begin()));
        assert!(!flushes.end(&other.clone(), flushes.begin()));
        assert!(flushes.end(&other, flushes.begin()), "a clone is the same one");
    }
}
