//! A volume's volatile caches, seen from outside: what is flushed, what a loss of every copy's power may have taken,
//! and which of those who have the volume open was told so. Judges nothing.
//!
//! A flush speaks to whoever has opened the volume and asked for it: one application that was told of a loss says
//! nothing to the next. So each has a time of its own since when what was acknowledged must be there, or told.

use std::collections::VecDeque;

use crate::base::{Nanos, NodeId, OpId, Seq, VolumeId};

use super::faded::Flushing;
use super::value::Value;

/// One who has opened the volume, or whoever opens it next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opener {
    /// An application's number in the stamps of its blocks; nobody's for whoever opens the volume next.
    writer: Option<u16>,
    /// What was acknowledged before this may be lost without a flush to come that says so: it was acknowledged to
    /// somebody elsewhere, or before a restart or another attachment; or this one was told since, by a flush that
    /// failed; or somebody else was, before this one opened the volume.
    pub(super) broken_at: Nanos,
    /// When the last write was acknowledged, at the latest, that a loss may have taken and that no flush of this
    /// one has covered since.
    doubtful: Option<Nanos>,
}

/// A flush that was done after every copy had lost its power, and so says that nothing had gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) flush: Flushing,
    /// When it was done.
    pub(super) done_at: Nanos,
    /// When every copy had last lost its power by then.
    pub(super) lost_at: Nanos,
}

/// How many promises are remembered for reports.
const PROMISES_MAX: usize = 8;

/// A volume's volatile caches.
#[derive(Clone, Debug)]
pub(super) struct Caches {
    /// What was acknowledged before this is on every leg for good.
    pub(super) flushed: Nanos,
    /// When every copy last lost its power.
    pub(super) lost: Seq,
    lost_at: Nanos,
    /// The node whose applications use the volume.
    client: Option<NodeId>,
    /// Whoever opens it next, and then those who have.
    openers: Vec<Opener>,
    /// The last flushes that promised something over a loss.
    promises: VecDeque<Promise>,
}

impl Default for Caches {
    fn default() -> Self {
        let (flushed, lost_at, client) = (Nanos::ZERO, Nanos::ZERO, None);
        let openers = vec![Opener::default()];
        Self { flushed, lost: 0, lost_at, client, openers, promises: VecDeque::new() }
    }
}

impl Caches {
    /// When every copy last lost its power.
    pub(super) fn lost_at(&self) -> Nanos {
        self.lost_at
    }

    /// Those who have opened the volume, and whoever opens it next.
    pub(super) fn openers(&self) -> &[Opener] {
        &self.openers
    }

    /// An application has opened the volume, perhaps not for the first time. What others were told before, it is
    /// not.
    pub(super) fn opened(&mut self, writer: u16) {
        let opener = Opener { writer: Some(writer), ..self.openers[0] };
        match self.openers.iter_mut().find(|it| it.writer == opener.writer) {
            Some(earlier) => *earlier = opener,
            None => self.openers.push(opener),
        }
    }

    /// Every copy of the volume has lost its power.
    pub(super) fn lose(&mut self, now: Seq, at: Nanos) {
        (self.lost, self.lost_at) = (now, at);
        self.doubt(at);
    }

    /// What a loss may have taken was acknowledged.
    pub(super) fn doubt(&mut self, at: Nanos) {
        self.openers.iter_mut().for_each(|opener| opener.doubtful = Some(at));
    }

    /// A node's applications use the volume, or are to.
    pub(super) fn used_by(&mut self, client: Option<NodeId>, at: Nanos) {
        if self.client != client {
            self.client = client;
            self.break_off(at);
        }
    }

    /// A node went down, and whoever ran there knows of nothing.
    pub(super) fn down(&mut self, node: NodeId, at: Nanos) {
        if self.client == Some(node) {
            self.break_off(at);
        }
    }

    fn break_off(&mut self, at: Nanos) {
        self.openers.iter_mut().for_each(|opener| opener.broken_at = at);
    }

    /// A flush begins. One who never said that it opened the volume is judged as whoever opens it next.
    pub(super) fn flush(&self, (volume, writer): (VolumeId, u16), op: OpId, at: Nanos) -> Flushing {
        let opener = self.openers[self.place_of(writer)];
        let (lost_before, unbroken_since) = (self.lost_at, opener.broken_at);
        Flushing { volume, writer, op, invoked: at, lost_before, unbroken_since }
    }

    fn place_of(&self, writer: u16) -> usize {
        self.openers.iter().position(|it| it.writer == Some(writer)).unwrap_or_default()
    }

    /// A flush failed: whoever asked for it was told that something may be lost, and whoever comes next is not.
    pub(super) fn flush_failed(&mut self, flush: &Flushing, at: Nanos) {
        let place = self.place_of(flush.writer);
        self.openers[place].broken_at = at;
        self.openers[0].broken_at = at;
    }

    /// A flush is done: what was acknowledged before it began is on every leg for good. Says whether it may promise
    /// something that had been doubtful: if all caches were lost before, however often, but no flush failed since,
    /// nothing was lost.
    pub(super) fn flush_done(&mut self, flush: &mut Flushing, at: Nanos) -> bool {
        self.flushed = self.flushed.max(flush.invoked);
        let place = self.place_of(flush.writer);
        let opener = &mut self.openers[place];
        flush.unbroken_since = opener.broken_at;
        let covers_doubtful = opener.doubtful.is_some();
        opener.doubtful = opener.doubtful.filter(|last| *last >= flush.invoked);
        if covers_doubtful || flush.lost_before < self.lost_at {
            if self.promises.len() == PROMISES_MAX {
                self.promises.pop_front();
            }
            let (flush, done_at, lost_at) = (*flush, at, self.lost_at);
            self.promises.push_back(Promise { flush, done_at, lost_at });
        }
        covers_doubtful
    }

    /// The first flush still known that has promised a value over a loss.
    pub(super) fn promise_of(&self, value: &Value) -> Option<Promise> {
        let spans = |it: &&Promise| value.acknowledged_at() <= it.lost_at;
        let promises = |it: &&Promise| spans(it) && it.flush.promises_after_loss(value);
        self.promises.iter().find(promises).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Caches;
    use crate::base::{Nanos, NodeId, OpId, VolumeId};

    fn since(caches: &Caches, writer: u16) -> u64 {
        caches.flush((VolumeId::new(0), writer), OpId::new(1), Nanos::MAX).unbroken_since.get()
    }

    #[test]
    fn a_flush_that_fails_tells_who_asked_for_it_and_nobody_else() {
        let mut caches = Caches::default();
        caches.opened(1);
        caches.opened(2);
        let flush = caches.flush((VolumeId::new(0), 1), OpId::new(1), Nanos::new(10));
        caches.flush_failed(&flush, Nanos::new(20));
        assert_eq!([1, 2].map(|writer| since(&caches, writer)), [20, 0]);
        assert_eq!(since(&caches, 3), 20, "one who has not opened it is whoever comes next");
        caches.opened(3);
        assert_eq!(since(&caches, 3), 20, "that was before it");
        caches.opened(2);
        assert_eq!(since(&caches, 2), 20, "and so it is when it has opened the volume anew");
    }

    #[test]
    fn a_restart_and_another_owner_tell_everybody() {
        let mut caches = Caches::default();
        caches.used_by(Some(NodeId::new(7)), Nanos::new(5));
        caches.opened(1);
        caches.down(NodeId::new(8), Nanos::new(10));
        assert_eq!(since(&caches, 1), 5, "another node's end is of no matter");
        caches.down(NodeId::new(7), Nanos::new(20));
        assert_eq!(since(&caches, 1), 20);
        caches.used_by(Some(NodeId::new(8)), Nanos::new(30));
        caches.used_by(Some(NodeId::new(8)), Nanos::new(40));
        assert_eq!([since(&caches, 1), since(&caches, 2)], [30, 30]);
    }

    #[test]
    fn what_is_doubtful_is_so_to_each_until_its_own_flush() {
        let mut caches = Caches::default();
        caches.opened(1);
        caches.opened(2);
        caches.lose(9, Nanos::new(10));
        let mut flushes = [1, 2].map(|writer| {
            caches.flush((VolumeId::new(0), writer), OpId::new(writer.into()), Nanos::new(20))
        });
        assert_eq!(
            [0, 1, 0].map(|at| caches.flush_done(&mut flushes[at], Nanos::new(30))),
            [true, true, false]
        );
    }
}
