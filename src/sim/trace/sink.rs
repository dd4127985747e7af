//! Where records go: digest, observers, the last few for a report, and all of them on demand.

use crate::base::{Audience, Nanos, Record, RecordType, Seq, WORDS};

use super::digest::Digest;
use super::page::Place;

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
    pub(in crate::sim) digest: Digest,
    keep: Keep,
    kept: Vec<Record>,
    observers: Vec<Observer>,
    watched: Vec<u32>,
    /// Of which records somebody may be shown some that otherwise nobody is: a bit for all whose codes end alike.
    curious: u64,
}

/// Codes that have this bit in [`TraceSink::curious`] end alike.
const fn bit(code: u32) -> u64 {
    1 << (code % 64)
}

impl TraceSink {
    pub(in crate::sim) fn keep(&mut self, keep: Keep) {
        self.keep = keep;
        self.curious = match keep {
            Keep::Nothing => self.watched.iter().fold(0, |curious, code| curious | bit(*code)),
            Keep::All | Keep::Window { .. } => u64::MAX,
        };
    }

    pub(in crate::sim) fn observe(&mut self, observer: Observer) {
        self.observers.push(observer);
    }

    /// Shows records of this code to the observers whatever their audience.
    pub(in crate::sim) fn watch(&mut self, code: u32) {
        self.watched.push(code);
        self.curious |= bit(code);
    }

    /// Takes one call of [`TraceSink::watch`] back.
    pub(in crate::sim) fn unwatch(&mut self, code: u32) {
        if let Some(at) = self.watched.iter().position(|watched| *watched == code) {
            self.watched.swap_remove(at);
        }
        self.keep(self.keep);
    }

    pub(in crate::sim) fn seq(&self) -> Seq {
        self.digest.seq()
    }

    pub(in crate::sim) fn take_kept(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.kept)
    }

    /// The records kept so far.
    pub(in crate::sim) fn kept(&self) -> &[Record] {
        &self.kept
    }

    /// The last record.
    pub(in crate::sim) fn last(&self) -> Option<Record> {
        self.digest.last()
    }

    /// The last records, oldest first.
    pub(in crate::sim) fn recent(&self) -> Vec<Record> {
        self.digest.recent()
    }

    /// Writes a record: its place in the trace. Nobody is shown it yet, and the page may be full: see
    /// [`TraceSink::is_done`].
    #[inline]
    pub(in crate::sim) fn write(
        &mut self,
        head: (Nanos, Place, Seq),
        kind: &'static RecordType,
        words: &[u64; WORDS],
    ) -> Seq {
        self.digest.push(head, kind, words)
    }

    /// Whether nothing is left to do about the record that was written last, as about most.
    #[inline]
    pub(in crate::sim) fn is_done(&self, kind: &RecordType) -> bool {
        kind.audience == Audience::Trace
            && self.curious & bit(kind.code) == 0
            && !self.digest.is_page_full()
    }

    /// Does what is left to do about the record that was written last.
    pub(in crate::sim) fn finish(
        &mut self,
        seq: Seq,
        head: (Nanos, Place, Seq),
        kind: &'static RecordType,
        words: &[u64; WORDS],
    ) {
        if self.digest.is_page_full() {
            self.digest.turn_page();
        }
        if kind.audience != Audience::Trace || self.wants(kind) {
            self.show(seq, head, kind, words);
        }
    }

    /// Whether a record is kept or watched that nobody is shown otherwise.
    fn wants(&self, kind: &RecordType) -> bool {
        self.keep != Keep::Nothing || self.watched.contains(&kind.code)
    }

    /// Shows the record that was written last.
    fn show(
        &mut self,
        seq: Seq,
        (at, place, cause): (Nanos, Place, Seq),
        kind: &'static RecordType,
        words: &[u64; WORDS],
    ) {
        let (node, cpu) = (place.node(), place.cpu());
        let record = Record { at, seq, cause, node, cpu, kind, words: *words };
        let kept = match self.keep {
            Keep::Nothing => false,
            Keep::All => true,
            Keep::Window { from, to } => (from..=to).contains(&record.seq),
        };
        if kept {
            self.kept.push(record);
        }
        if record.kind.audience != Audience::Trace || self.watched.contains(&record.kind.code) {
            for observer in &mut self.observers {
                observer(&record);
            }
        }
    }
}
