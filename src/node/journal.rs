//! The stripe journal: what a leg of an erasure-coded volume keeps of the rows that are being written. Issues
//! no command.
//!
//! A slot is a header and the blocks that are to be written. What the header says of them shows whether all
//! have come: an entry that was cut short is none.

use crate::base::{Block, BlockSize, Epoch, LegIndex, Payload, VolumeId, planted};

use super::layout::hash_of_words;

/// What is to be written to one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The leg.
    pub leg: LegIndex,
    /// Its first block there, within the row.
    pub line: u32,
    /// How many blocks.
    pub count: u32,
    /// What they are to hold; `None` if they are to be unreadable.
    pub data: Option<Payload>,
}

/// What is to be written of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The volume.
    pub volume: VolumeId,
    /// The row.
    pub row: u64,
    /// The owner's epoch and its own count: of two entries in a slot the greater is the newer.
    pub age: (Epoch, u64),
    /// At most `PARTS_MAX`. A leg of parity that has none was away; if it is not when the entry is finished, its
    /// parity is computed anew.
    pub parts: Vec<Part>,
}

/// The most parts of an entry: one for each leg with data, two for each with parity.
pub const PARTS_MAX: usize = 20;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    entry: Entry,
    body_hash: u64,
    /// Whether each part has data.
    with_data: Vec<bool>,
}

const MAGIC: u64 = 0x7374_6f72_6d67_6a01;
/// Words before those of the parts: magic, volume, row, epoch, count, parts, hash of the body.
const FIXED: usize = 7;
const WORDS: usize = FIXED + PARTS_MAX;

impl Entry {
    /// As it stands in a slot: the header, then all that is to be written.
    #[must_use]
    pub fn to_payload(&self, size: BlockSize) -> Payload {
        assert!(self.parts.len() <= PARTS_MAX, "an entry of {} parts", self.parts.len());
        let data = || self.parts.iter().filter_map(|part| part.data.as_ref());
        let count: u32 = data().map(Payload::len).sum();
        let mut blocks = Vec::with_capacity(1 + count as usize);
        // In the header's place until its body is there.
        blocks.push(Block::ZERO);
        data().for_each(|data| blocks.extend(data.blocks()));
        blocks[0] = self.header(hash_of(&blocks[1..]), size);
        Payload::from_vec(blocks)
    }

    fn header(&self, body_hash: u64, size: BlockSize) -> Block {
        let mut words = [0; WORDS + 1];
        words[..FIXED].copy_from_slice(&[
            MAGIC,
            u64::from(self.volume.get()),
            self.row,
            self.age.0.get(),
            self.age.1,
            self.parts.len() as u64,
            body_hash,
        ]);
        for (word, part) in words[FIXED..].iter_mut().zip(&self.parts) {
            *word = u64::from(part.leg.get())
                | u64::from(part.data.is_some()) << 8
                | u64::from(part.line as u16) << 16
                | u64::from(part.count) << 32;
        }
        words[WORDS] = hash_of_words(&words[..WORDS]);
        Block::of_words(&words, size)
    }
}

impl Header {
    /// What a slot's first block says; `None` if it is no header, or a damaged one.
    #[must_use]
    pub fn from_block(block: &Block, size: BlockSize) -> Option<Self> {
        if block.stamp().is_some() {
            return None;
        }
        let mut found = [0; WORDS + 1];
        block.read_words(&mut found, size);
        if found[0] != MAGIC || found[WORDS] != hash_of_words(&found[..WORDS]) {
            return None;
        }
        let word = |at: usize| found[at];
        let words = (0..word(5) as usize).map(|at| word(FIXED + at));
        let parts = words.clone().map(|word| Part {
            leg: LegIndex::new(word as u8),
            line: u32::from((word >> 16) as u16),
            count: (word >> 32) as u32,
            data: None,
        });
        let entry = Entry {
            volume: VolumeId::new(word(1) as u16),
            row: word(2),
            age: (Epoch::new(word(3)), word(4)),
            parts: parts.collect(),
        };
        let with_data = words.map(|word| word >> 8 & 1 == 1).collect();
        Some(Self { entry, body_hash: word(6), with_data })
    }

    /// See [`Entry::age`].
    #[must_use]
    pub fn age(&self) -> (Epoch, u64) {
        self.entry.age
    }

    /// See [`Entry::row`].
    #[must_use]
    pub fn row(&self) -> u64 {
        self.entry.row
    }

    /// How many blocks follow it.
    #[must_use]
    pub fn body_blocks(&self) -> u32 {
        let parts = self.entry.parts.iter().zip(&self.with_data);
        parts.map(|(part, with_data)| if *with_data { part.count } else { 0 }).sum()
    }

    /// The entry, if these are all the blocks that it had.
    #[must_use]
    pub fn with_body(self, body: &Payload) -> Option<Entry> {
        let blocks: Vec<Block> = body.blocks().collect();
        let is_whole = planted!(TornEntryTrusted) || hash_of(&blocks) == self.body_hash;
        if body.len() != self.body_blocks() || !is_whole {
            return None;
        }
        let mut entry = self.entry;
        let mut from = 0;
        for (part, with_data) in entry.parts.iter_mut().zip(self.with_data) {
            if with_data {
                part.data = Some(body.part(from, part.count));
                from += part.count;
            }
        }
        Some(entry)
    }
}

/// Tells bodies apart by what their blocks hold.
fn hash_of(blocks: &[Block]) -> u64 {
    let mut words = Vec::with_capacity(blocks.len() * 2);
    blocks.iter().for_each(|block| words.extend(block.fingerprint().words()));
    hash_of_words(&words)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Header, Part};
    use crate::base::{Block, BlockSize, Epoch, LegIndex, Payload, Stamp, VolumeId};

    fn entry() -> Entry {
        let part = |leg, line, count, data| Part { leg: LegIndex::new(leg), line, count, data };
        let run: Vec<Block> = Payload::run(Stamp::new(0, 9, 1, 4), 3).blocks().collect();
        let run = Payload::from_blocks(&run);
        let parity = Payload::from_blocks(&[Block::from_bytes(&[7; 512]), Block::ZERO]);
        let parts =
            vec![part(2, 5, 3, Some(run)), part(15, 4, 2, Some(parity)), part(4, 6, 1, None)];
        Entry { volume: VolumeId::new(3), row: 1 << 40, age: (Epoch::new(8), 99), parts }
    }

    #[test]
    fn an_entry_survives_its_slot() {
        let slot = entry().to_payload(BlockSize::B512);
        assert_eq!(slot.len(), 6);
        let header = Header::from_block(&slot.block(0), BlockSize::B512).expect("a header");
        assert_eq!((header.row(), header.age().1, header.body_blocks()), (1 << 40, 99, 5));
        assert_eq!(header.with_body(&slot.part(1, 5)), Some(entry()));
    }

    #[test]
    fn an_entry_that_was_cut_short_is_none() {
        let slot = entry().to_payload(BlockSize::B512);
        let header = Header::from_block(&slot.block(0), BlockSize::B512).expect("a header");
        let mut blocks: Vec<Block> = slot.part(1, 5).blocks().collect();
        blocks[4] = Block::stamped(Stamp::new(0, 1, 1, 1));
        assert_eq!(header.clone().with_body(&Payload::from_blocks(&blocks)), None);
        assert_eq!(header.with_body(&slot.part(1, 4)), None);
        let mut bytes = slot.block(0).bytes(BlockSize::B512);
        bytes[70] ^= 1;
        assert_eq!(Header::from_block(&Block::from_bytes(&bytes), BlockSize::B512), None);
        assert_eq!(Header::from_block(&Block::ZERO, BlockSize::B512), None);
    }
}
