//! A page of records: the words that enter the digest, from which the records can be had again.

use crate::base::{CpuId, Nanos, NodeId, Record, RecordType, Recorded, Seq, WORDS};

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

    pub(super) fn node(self) -> Option<NodeId> {
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
    kinds: Vec<&'static RecordType>,
}

impl Page {
    /// An empty page after a page of this digest.
    pub(super) fn after(digest: u128) -> Box<Self> {
        let kinds = Vec::with_capacity(RECORDS_PER_PAGE);
        let mut page = Box::new(Self { bytes: [0; PAGE_BYTES], filled: 0, kinds });
        page.restart(digest);
        page
    }

    /// Becomes an empty page after a page of this digest.
    pub(super) fn restart(&mut self, digest: u128) {
        self.bytes[..DIGEST_BYTES].copy_from_slice(&digest.to_le_bytes());
        self.filled = DIGEST_BYTES;
        self.kinds.clear();
    }

    /// Adds a record; there must be room.
    #[inline]
    pub(super) fn push<R: Recorded>(&mut self, at: Nanos, place: Place, cause: Seq, what: &R) {
        let fields = const { R::TYPE.fields.len() };
        // Room for any record, so that where everything goes is known when this is compiled.
        let room = self.bytes[self.filled..].first_chunk_mut::<{ RECORD_WORDS * 8 }>();
        let room = room.expect("a page has room for all its records");
        let (head, words) = room.as_chunks_mut::<8>().0.split_at_mut(HEAD_WORDS);
        head[0] = at.get().to_le_bytes();
        head[1] = (u64::from(R::TYPE.code) << 32 | u64::from(place.node)).to_le_bytes();
        head[2] = (cause << 16 | u64::from(place.cpu)).to_le_bytes();
        for (bytes, word) in words[..fields].iter_mut().zip(what.words()) {
            *bytes = word.to_le_bytes();
        }
        self.filled += (HEAD_WORDS + fields) * 8;
        self.kinds.push(R::TYPE);
    }

    /// How many records it holds.
    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// What is hashed for its digest.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Its records; the first has this place in the trace.
    pub(super) fn records(&self, first: Seq) -> impl Iterator<Item = Record> {
        let mut words = self.bytes()[DIGEST_BYTES..].as_chunks::<8>().0.iter();
        let mut next = move || words.next().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.kinds.iter().zip(first..).map(move |(kind, seq)| {
            let (at, code, cause) = (Nanos::new(next()), next(), next());
            let place = Place { node: code as u32, cpu: cause as u16 };
            let mut words = [0; WORDS];
            words[..kind.fields.len()].fill_with(&mut next);
            let (node, cpu) = (place.node(), place.cpu());
            Record { at, seq, cause: cause >> 16, node, cpu, kind, words }
        })
    }
}
