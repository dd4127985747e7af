//! The running digest of all records. Two runs with equal digests did the same.
//!
//! Specification: a record is serialised as 64-bit words, little-endian: its time in nanoseconds; the code
//! of its type << 32 | its node + 1; its cause << 16 | its CPU + 1 (node and CPU are 0 where there is none);
//! then its fields in order, as many as its type has. 64 records make a page. The digest of a page is
//! XXH3-128 over the digest of the page before (16 bytes, little-endian; zeroes at first) followed by the
//! page's words. The digest of a run is that of its last page, which may be short.

use std::collections::VecDeque;

use twox_hash::XxHash3_128;

use crate::base::{Nanos, Record, RecordType, Seq, WORDS};

use super::page::{Page, Place, RECORDS_PER_PAGE};

const CHECKPOINTS_MAX: usize = 4096;
/// Pages that are kept behind the one being written, so that the last records can be shown.
const OLDER_MAX: usize = 4;
/// How many of the last records are shown.
const RECENT_MAX: usize = OLDER_MAX * RECORDS_PER_PAGE;

/// The digest after all records up to and including `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record covered.
    pub seq: Seq,
    /// The digest up to there.
    pub digest: u128,
}

/// A running 128-bit digest with checkpoints.
pub(in crate::sim) struct Digest {
    /// Records so far.
    seq: Seq,
    page: Box<Page>,
    /// Full pages, oldest first.
    older: VecDeque<Box<Page>>,
    pages: u64,
    pages_per_checkpoint: u64,
    checkpoints: Vec<Checkpoint>,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            seq: 0,
            page: Page::after(0),
            older: VecDeque::new(),
            pages: 0,
            pages_per_checkpoint: 1,
            checkpoints: Vec::new(),
        }
    }
}

impl Digest {
    /// Takes in a record: its place in the trace. There must be room on the page.
    #[inline]
    pub(super) fn push(
        &mut self,
        head: (Nanos, Place, Seq),
        kind: &'static RecordType,
        fields: &[u64; WORDS],
    ) -> Seq {
        self.page.push(head, kind, fields);
        self.seq += 1;
        self.seq
    }

    /// Whether the page has to be turned before the next record.
    #[inline]
    pub(super) fn is_page_full(&self) -> bool {
        self.page.len() == RECORDS_PER_PAGE
    }

    #[cold]
    pub(super) fn turn_page(&mut self) {
        let digest = self.value();
        let spare = if self.older.len() < OLDER_MAX { None } else { self.older.pop_front() };
        let next = match spare {
            Some(mut page) => {
                page.restart(digest);
                page
            }
            None => Page::after(digest),
        };
        self.older.push_back(std::mem::replace(&mut self.page, next));
        self.pages += 1;
        if self.pages.is_multiple_of(self.pages_per_checkpoint) {
            self.checkpoints.push(Checkpoint { seq: self.seq, digest });
            self.thin_out();
        }
    }

    /// Halves the checkpoints when there are too many, so that memory stays flat in a long run.
    fn thin_out(&mut self) {
        if self.checkpoints.len() < CHECKPOINTS_MAX {
            return;
        }
        let mut keep = false;
        self.checkpoints.retain(|_| {
            keep = !keep;
            !keep
        });
        self.pages_per_checkpoint *= 2;
    }

    /// How many records there are.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// The digest of all records so far.
    pub(in crate::sim) fn value(&self) -> u128 {
        XxHash3_128::oneshot(self.page.bytes())
    }

    /// The last record.
    pub(super) fn last(&self) -> Option<Record> {
        self.page.last(self.seq).or_else(|| self.older.back()?.last(self.seq))
    }

    /// The last records, oldest first.
    pub(super) fn recent(&self) -> Vec<Record> {
        let pages = self.older.iter().chain([&self.page]);
        let held: usize = pages.clone().map(|page| page.len()).sum();
        let mut first = self.seq + 1 - held as u64;
        let mut records = Vec::with_capacity(held);
        for page in pages {
            records.extend(page.records(first));
            first += page.len() as u64;
        }
        records.drain(..held.saturating_sub(RECENT_MAX));
        records
    }

    /// Digests at regular distances: the first that differs between two runs brackets the first
    /// event that differs.
    pub(in crate::sim) fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }
}
