//! What managers agree on, and what that comes to. Knows no disk and no network.

use std::collections::BTreeMap;

use crate::base::{BlockSize, VolumeId};
use crate::node::layout::hash_of_words;
use crate::node::manager::record::VolumeRecord;

/// A time in which a manager leads. No two are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The round in which it was elected.
    pub(super) round: u32,
    /// Which manager, by its number in the election.
    pub(super) leader: u64,
    /// The how manieth of its terms in this round.
    pub(super) nth: u32,
}

/// What stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A term begins, and the one before it ends.
    Begin(Term),
    /// A leader has decided on a volume.
    Record(Term, VolumeId, Box<VolumeRecord>),
}

impl Entry {
    /// Tells it from any other.
    pub(super) fn hash(&self, size: BlockSize) -> u64 {
        let mut words = [0; 64];
        let (term, volume) = match self {
            Self::Begin(term) => (term, u64::MAX),
            Self::Record(term, volume, record) => {
                record.to_block(size).read_words(&mut words[..60], size);
                (term, u64::from(volume.get()))
            }
        };
        let own = [volume, u64::from(term.round), term.leader, u64::from(term.nth)];
        words[60..].copy_from_slice(&own);
        hash_of_words(&words)
    }
}

/// What a log comes to.
#[derive(Clone, Debug, Default)]
pub(in crate::node) struct Outcome {
    /// The term that began last.
    pub(super) term: Option<Term>,
    pub(super) records: BTreeMap<VolumeId, VolumeRecord>,
}

impl Outcome {
    /// Takes the next entry in. A decision counts only in the term in which it was made: whoever leads no longer decides
    /// nothing, however late what it wanted gets into the log. Whether it counts.
    pub(super) fn take(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Begin(term) => {
                self.term = Some(*term);
                true
            }
            Entry::Record(term, volume, record) => {
                let counts = self.term == Some(*term);
                if counts {
                    self.records.insert(*volume, **record);
                }
                counts
            }
        }
    }

    /// The shortest log that comes to the same.
    fn into_entries(self) -> Vec<Entry> {
        let Some(term) = self.term else { return Vec::new() };
        let records = self.records.into_iter();
        let records = records.map(|(volume, it)| Entry::Record(term, volume, Box::new(it)));
        [Entry::Begin(term)].into_iter().chain(records).collect()
    }
}

/// The beginning of a log, shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary(pub(super) Vec<Entry>);

impl omnipaxos::storage::Snapshot<Entry> for Summary {
    fn create(entries: &[Entry]) -> Self {
        // What counts in the middle of a log depends on what stands before it.
        Self(entries.to_vec())
    }

    fn merge(&mut self, delta: Self) {
        let mut outcome = Outcome::default();
        self.0.iter().chain(&delta.0).for_each(|entry| {
            outcome.take(entry);
        });
        self.0 = outcome.into_entries();
    }

    fn use_snapshots() -> bool {
        true
    }
}

impl omnipaxos::storage::Entry for Entry {
    type Snapshot = Summary;
}

#[cfg(test)]
mod tests {
    use omnipaxos::storage::Snapshot;

    use super::{Entry, Outcome, Summary, Term};
    use crate::base::{Epoch, VolumeId};
    use crate::node::manager::record::VolumeRecord;

    fn term(round: u32) -> Term {
        Term { round, leader: 1, nth: 1 }
    }

    fn record(round: u32, epoch: u64) -> Entry {
        let record = VolumeRecord { epoch: Epoch::new(epoch), ..VolumeRecord::new(2) };
        Entry::Record(term(round), VolumeId::new(0), Box::new(record))
    }

    fn epoch(entries: &[Entry]) -> Option<u64> {
        let mut outcome = Outcome::default();
        entries.iter().for_each(|entry| {
            outcome.take(entry);
        });
        outcome.records.get(&VolumeId::new(0)).map(|record| record.epoch.get())
    }

    #[test]
    fn what_a_leader_wants_after_its_term_counts_for_nothing() {
        let log = [
            Entry::Begin(term(1)),
            record(1, 2),
            Entry::Begin(term(2)),
            record(1, 9),
            record(2, 3),
            record(1, 8),
        ];
        assert_eq!(epoch(&log), Some(3));
        assert_eq!(epoch(&log[..2]), Some(2));
        assert_eq!(epoch(&[record(1, 2)]), None, "nobody leads yet");
    }

    #[test]
    fn a_log_comes_to_the_same_wherever_it_is_shortened() {
        let log = [
            Entry::Begin(term(1)),
            record(1, 2),
            record(1, 3),
            Entry::Begin(term(2)),
            record(1, 9),
            record(2, 4),
        ];
        for at in 0..=log.len() {
            let mut summary = Summary::create(&log[..at]);
            summary.merge(Summary::create(&log[at..]));
            assert_eq!(epoch(&summary.0), epoch(&log));
            assert_eq!(summary.0.len(), 2, "the term, and the volume's record");
        }
    }
}
