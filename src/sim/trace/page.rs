//! A page of records: the words that enter the digest, from which the records can be had again.

use std::slice;

use crate::base::{CpuId, Nanos, NodeId, Record, RecordType, Seq, WORDS};

/// Records in a page.
pub(super) const RECORDS_PER_PAGE: usize = 64;
/// What a page begins with: the digest of the page before.
const DIGEST_BYTES: usize = 16;
const HEAD_WORDS: usize = 3;
const RECORD_WORDS: usize = HEAD_WORDS + WORDS;
const PAGE_BYTES: usize = DIGEST_BYTES + RECORDS_PER_PAGE * RECORD_WORDS * 8;

/// Where a record is written: node and CPU, each plus one; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct Place {
    node: u32,
    cpu: u16,
}

impl Place {
    /// On a node, in no task; or on none.
    pub(in crate::sim) fn of(node: Option<NodeId>) -> Self {
        Self { node: node.map_or(0, |node| node.get() + 1), cpu: 0 }
    }

    /// In a task.
    pub(in crate::sim) fn on_cpu(node: NodeId, cpu: CpuId) -> Self {
        Self { node: node.get() + 1, cpu: cpu.get() + 1 }
    }

    /// Whether it is on this node.
    pub(in crate::sim) fn is_on(self, node: NodeId) -> bool {
        self.node == node.get() + 1
    }

    /// Where a record goes that is said to be of `given`, or of no node, while this runs: a task's records
    /// of its own node name its CPU.
    pub(in crate::sim) fn or_given(self, given: Self) -> Self {
        if given.node == 0 || given.node == self.node { self } else { given }
    }

    pub(in crate::sim) fn node(self) -> Option<NodeId> {
        self.node.checked_sub(1).map(NodeId::new)
    }

    pub(in crate::sim) fn cpu(self) -> Option<CpuId> {
        self.cpu.checked_sub(1).map(CpuId::new)
    }
}

/// Up to [`RECORDS_PER_PAGE`] records, serialised.
pub(super) struct Page {
    bytes: [u8; PAGE_BYTES],
    filled: usize,
    /// The types of its records, and how many there are.
    kinds: [Option<&'static RecordType>; RECORDS_PER_PAGE],
    len: usize,
}

impl Page {
    /// An empty page after a page of this digest.
    pub(super) fn after(digest: u128) -> Box<Self> {
        let kinds = [None; RECORDS_PER_PAGE];
        let mut page = Box::new(Self { bytes: [0; PAGE_BYTES], filled: 0, kinds, len: 0 });
        page.restart(digest);
        page
    }

    /// Becomes an empty page after a page of this digest.
    pub(super) fn restart(&mut self, digest: u128) {
        self.bytes[..DIGEST_BYTES].copy_from_slice(&digest.to_le_bytes());
        self.filled = DIGEST_BYTES;
        self.len = 0;
    }

    /// Adds a record; there must be room.
    #[inline]
    pub(super) fn push(
        &mut self,
        (at, place, cause): (Nanos, Place, Seq),
        kind: &'static RecordType,
        fields: &[u64; WORDS],
    ) {
        // Room for any record: all words are written, of which those that the type lacks are written over.
        let room = self.bytes[self.filled..].first_chunk_mut::<{ RECORD_WORDS * 8 }>();
        let room = room.expect("a page has room for all its records");
        let (head, words) = room.as_chunks_mut::<8>().0.split_at_mut(HEAD_WORDS);
        head[0] = at.get().to_le_bytes();
        head[1] = (u64::from(kind.code) << 32 | u64::from(place.node)).to_le_bytes();
        head[2] = (cause << 16 | u64::from(place.cpu)).to_le_bytes();
        for (bytes, word) in words.iter_mut().zip(fields) {
            *bytes = word.to_le_bytes();
        }
        self.filled += (HEAD_WORDS + kind.fields.len().min(WORDS)) * 8;
        self.kinds[self.len] = Some(kind);
        self.len += 1;
    }

    /// How many records it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What is hashed for its digest.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The record that was added last, which has this place in the trace.
    pub(super) fn last(&self, seq: Seq) -> Option<Record> {
        let kind = self.kinds[..self.len].last().copied().flatten()?;
        let words = self.bytes().as_chunks::<8>().0;
        let (_, last) = words.split_at(words.len() - HEAD_WORDS - kind.fields.len());
        Some(record(kind, seq, &mut last.iter()))
    }

    /// Its records; the first has this place in the trace.
    pub(super) fn records(&self, first: Seq) -> impl Iterator<Item = Record> {
        let mut words = self.bytes()[DIGEST_BYTES..].as_chunks::<8>().0.iter();
        let kinds = self.kinds[..self.len].iter().flatten();
        kinds.zip(first..).map(move |(kind, seq)| record(kind, seq, &mut words))
    }
}

/// The record that these words were written for.
fn record(kind: &'static RecordType, seq: Seq, words: &mut slice::Iter<'_, [u8; 8]>) -> Record {
    let mut next = || words.next().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (at, code, cause) = (Nanos::new(next()), next(), next());
    let place = Place { node: code as u32, cpu: cause as u16 };
    let mut words = [0; WORDS];
    words[..kind.fields.len()].fill_with(&mut next);
    let (node, cpu) = (place.node(), place.cpu());
    Record { at, seq, cause: cause >> 16, node, cpu, kind, words }
}
