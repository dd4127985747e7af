//! Where records go: digest, observers, the last few for a report, and all of them on demand.

use crate::base::{Audience, CpuId, Nanos, NodeId, Record, Recorded, Seq};

use super::digest::Digest;

const RECENT_MAX: usize = 256;

/// Which records are kept whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// None (the last few are always at hand).
    #[default]
    Nothing,
    /// All.
    All,
    /// Those with a sequence number in `from..=to`.
    Window {
        /// The first kept.
        from: Seq,
        /// The last kept.
        to: Seq,
    },
}

/// Is shown records as they happen. Must not write records itself.
pub type Observer = Box<dyn FnMut(&Record)>;

/// The sink of one simulation.
#[derive(Default)]
pub(in crate::sim) struct TraceSink {
    seq: Seq,
    pub(in crate::sim) digest: Digest,
    keep: Keep,
    kept: Vec<Record>,
    recent: Vec<Record>,
    observers: Vec<Observer>,
    watched: Vec<u32>,
}

impl TraceSink {
    pub(in crate::sim) fn keep(&mut self, keep: Keep) {
        self.keep = keep;
    }

    pub(in crate::sim) fn observe(&mut self, observer: Observer) {
        self.observers.push(observer);
    }

    /// Shows records of this code to the observers whatever their audience.
    pub(in crate::sim) fn watch(&mut self, code: u32) {
        self.watched.push(code);
    }

    pub(in crate::sim) fn seq(&self) -> Seq {
        self.seq
    }

    pub(in crate::sim) fn take_kept(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.kept)
    }

    /// The last record.
    pub(in crate::sim) fn last(&self) -> Option<Record> {
        let at = self.seq.checked_sub(1)?;
        self.recent.get(at as usize % RECENT_MAX).copied()
    }

    /// The last records, oldest first.
    pub(in crate::sim) fn recent(&self) -> Vec<Record> {
        let mut recent = self.recent.clone();
        recent.sort_by_key(|record| record.seq);
        recent
    }

    pub(in crate::sim) fn write<R: Recorded>(
        &mut self,
        at: Nanos,
        place: (Option<NodeId>, Option<CpuId>),
        cause: Seq,
        what: &R,
    ) -> Seq {
        self.seq += 1;
        let (node, cpu) = place;
        let record =
            Record { at, seq: self.seq, cause, node, cpu, kind: R::TYPE, words: what.words() };
        self.digest.push(&record);
        if self.keep != Keep::Nothing {
            self.keep_whole(&record);
        }
        // Records count from 1: the first of them is at 0.
        match self.recent.get_mut((self.seq - 1) as usize % RECENT_MAX) {
            Some(oldest) => *oldest = record,
            None => self.recent.push(record),
        }
        let shown = R::TYPE.audience != Audience::Trace
            || (!self.watched.is_empty() && self.watched.contains(&R::TYPE.code));
        if shown {
            for observer in &mut self.observers {
                observer(&record);
            }
        }
        self.seq
    }

    fn keep_whole(&mut self, record: &Record) {
        let kept = match self.keep {
            Keep::Nothing => false,
            Keep::All => true,
            Keep::Window { from, to } => (from..=to).contains(&record.seq),
        };
        if kept {
            self.kept.push(*record);
        }
    }
}
