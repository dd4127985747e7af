//! The running digest of all records. Two runs with equal digests did the same.
//!
//! Specification: records are serialised as little-endian 64-bit words `time, node+1 << 32 | cpu+1 << 16 …`
//! (see [`Digest::push`]), 64 records to a page; a page's digest is XXH3-128 over the previous page's
//! digest (16 bytes, little-endian; zero at first) followed by the page. The last page may be short.

use xxhash_rust::xxh3::xxh3_128;

use crate::base::{Record, Seq, WORDS};

const RECORDS_PER_PAGE: usize = 64;
const HEAD_WORDS: usize = 4;
const RECORD_BYTES: usize = (HEAD_WORDS + WORDS) * 8;
const PAGE_BYTES: usize = 16 + RECORDS_PER_PAGE * RECORD_BYTES;
const CHECKPOINTS_MAX: usize = 4096;

/// The digest after all records up to and including `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record covered.
    pub seq: Seq,
    /// The digest up to there.
    pub digest: u128,
}

#[inline]
fn put(room: &mut [u8], words: &[u64]) {
    for (bytes, word) in room.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
}

/// A running 128-bit digest with checkpoints.
pub struct Digest {
    page: Box<[u8; PAGE_BYTES]>,
    filled: usize,
    records: usize,
    pages: u64,
    pages_per_checkpoint: u64,
    checkpoints: Vec<Checkpoint>,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            page: Box::new([0; PAGE_BYTES]),
            filled: 16,
            records: 0,
            pages: 0,
            pages_per_checkpoint: 1,
            checkpoints: Vec::new(),
        }
    }
}

impl Digest {
    /// Takes in a record.
    #[inline]
    pub fn push(&mut self, record: &Record) {
        let fields = record.kind.fields.len();
        let node = record.node.map_or(0, |node| u64::from(node.get()) + 1);
        let cpu = record.cpu.map_or(0, |cpu| u64::from(cpu.get()) + 1);
        let code = u64::from(record.kind.code) << 32 | fields as u64;
        let head = [record.at.get(), code, node << 16 | cpu, record.cause];
        // Written in full, whatever the number of fields: the next record overwrites what this one
        // has no use for, and where everything goes is known when this is compiled.
        let room = self.page[self.filled..].first_chunk_mut::<RECORD_BYTES>();
        let room = room.expect("a page has room for all its records");
        let (head_room, words_room) = room.split_at_mut(HEAD_WORDS * 8);
        put(head_room, &head);
        put(words_room, &record.words);
        self.filled += (HEAD_WORDS + fields) * 8;
        self.records += 1;
        if self.records == RECORDS_PER_PAGE {
            self.turn_page(record.seq);
        }
    }

    #[cold]
    fn turn_page(&mut self, seq: Seq) {
        let digest = xxh3_128(&self.page[..self.filled]);
        self.page[..16].copy_from_slice(&digest.to_le_bytes());
        self.filled = 16;
        self.records = 0;
        self.pages += 1;
        if self.pages.is_multiple_of(self.pages_per_checkpoint) {
            self.checkpoints.push(Checkpoint { seq, digest });
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

    /// The digest of all records so far.
    #[must_use]
    pub fn value(&self) -> u128 {
        xxh3_128(&self.page[..self.filled])
    }

    /// Digests at regular distances: the first that differs between two runs brackets the first
    /// event that differs.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }
}
