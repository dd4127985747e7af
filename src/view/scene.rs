//! What a view is given: a run with all its records and how it ended. Runs and judges nothing.

use crate::base::{DiskId, Names, Nanos, Record, Seq, VolumeId};
use crate::check::{Places, Violation};

/// A run to be looked at. Its records are those of the whole run, or of one piece of it without gaps.
pub struct Scene<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The seed.
    pub seed: u64,
    /// What the run came to, in one word: `pass`, `violation`.
    pub outcome: &'a str,
    /// Whether that is a failure.
    pub failed: bool,
    /// What the failure is known by.
    pub signature: Option<&'a str>,
    /// The digest of all records.
    pub digest: u128,
    /// Virtual time at the end.
    pub end: Nanos,
    /// The verdict in one line.
    pub headline: &'a str,
    /// The verdict with all that is known about it; empty for a run that passed.
    pub report: &'a str,
    /// The command that runs it again.
    pub replay: &'a str,
    /// What the checks found.
    pub violations: &'a [Violation],
    /// What happened.
    pub trace: &'a [Record],
    /// The names that records are shown with.
    pub names: &'a Names,
    /// Where the blocks of each volume are; empty where that isn't known.
    pub places: &'a [Box<dyn Places>],
}

#[cfg(test)]
impl<'a> Scene<'a> {
    /// A run of these records that passed.
    pub(super) fn of_test(trace: &'a [Record], names: &'a Names) -> Self {
        Self {
            scenario: "a",
            seed: 1,
            outcome: "pass",
            failed: false,
            signature: None,
            digest: 0,
            end: trace.last().map_or(Nanos::ZERO, |record| record.at),
            headline: "every check held",
            report: "",
            replay: "stormglass run a.json --seed 1",
            violations: &[],
            trace,
            names,
            places: &[],
        }
    }
}

impl Scene<'_> {
    /// A record's index in the trace by its sequence number, if the trace has it.
    #[must_use]
    pub fn index(&self, seq: Seq) -> Option<usize> {
        let first = self.trace.first()?.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        (seq != 0 && index < self.trace.len()).then_some(index)
    }

    /// The index of the record that led to this one.
    #[must_use]
    pub fn cause(&self, index: usize) -> Option<usize> {
        self.index(self.trace[index].cause)
    }
}

/// A field of a record by its name, as a word.
#[must_use]
pub fn field(record: &Record, name: &str) -> Option<u64> {
    let at = record.kind.fields.iter().position(|field| field.name == name)?;
    Some(record.words[at])
}

/// A field of a record by its name, as the trace shows it; empty where there is none.
#[must_use]
pub fn shown(record: &Record, name: &str, names: &Names) -> String {
    let mut fields = record.fields(names);
    fields.find(|(field, _)| *field == name).map_or_else(String::new, |(_, value)| value)
}

/// A part of a disk that is a leg of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegOnDisk {
    /// The disk.
    pub disk: DiskId,
    /// The volume.
    pub volume: VolumeId,
    /// Which of its legs.
    pub leg: u8,
    /// The first block of its data, counted on the disk.
    pub first: u64,
    /// How many there are.
    pub blocks: u64,
    /// How many of them have a mark together.
    pub depth: u32,
}
