//! Does on a disk what the engine asked of its file, in the order in which it asked; reads the file back after a boot.
//! Understands nothing of what is in it.
//!
//! The disk's first two blocks say how long the file is, written in turn, each with a hash; the file follows. What was
//! written between two syncs goes to the disk at once, in any order, as it would from a page cache; a sync waits for all
//! of it, and has the disk flush its cache. A loss of power between any two of these commands leaves what it leaves.
//!
//! # Fidelity
//! - Modelled: writes in blocks; several writes of one block between two syncs are one; a file that grows does so on the
//!   disk before anything is written there.
//! - Simplified: blocks that the host does not write for a while are not written back by it before a sync.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::base::{Block, BlockSize, Nanos, Payload};
use crate::disk::port::{Command, Completion, Drive, Driver, DriverConfig, Op, Status};
use crate::sim::NodeHandle;

use super::control::DatabaseFaults;
use super::image::Step;

/// Between two attempts when the disk fails.
const RETRY: Nanos = Nanos::from_millis(1);
/// So many commands are under way at a time.
const WINDOW: usize = 8;
/// So many bytes are written in one command at most: the engine's page.
const WRITE_BYTES: usize = 4096;
/// So many blocks are read in one command.
const READ_BLOCKS: u32 = 32;
/// The first block of the file.
const FILE: u64 = 2;
const MAGIC: u64 = 0x7374_6f72_6d64_6201;

crate::record! {
    /// The database sent a write to its disk: blocks of its file, or how long that is.
    pub struct DatabaseWrites = "database.write", Notable { lba: u64, blocks: u32 }
}

/// The service was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Killed;

/// How long the file is, as the disk has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    length: u64,
    /// How many times that was written.
    count: u64,
}

impl Head {
    /// How long the file is, in bytes.
    pub(super) const fn length(self) -> u64 {
        self.length
    }

    fn to_block(self, size: BlockSize) -> Block {
        let mut bytes = vec![0; size.bytes()];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip([MAGIC, self.length, self.count]) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        let hash = xxhash_rust::xxh3::xxh3_64(&bytes[..24]);
        bytes[24..32].copy_from_slice(&hash.to_le_bytes());
        Block::from_bytes(&bytes)
    }

    fn of_block(block: &Block, size: BlockSize) -> Option<Self> {
        let bytes = block.bytes(size);
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a word"));
        let is_whole = word(0) == MAGIC && word(24) == xxhash_rust::xxh3::xxh3_64(&bytes[..24]);
        is_whole.then(|| Self { length: word(8), count: word(16) })
    }
}

/// How long a file is, and where its blocks are, by the disk's first two blocks; nothing, before there was one.
pub(super) fn extent(heads: &[Block; 2], size: BlockSize) -> (Head, std::ops::Range<u64>) {
    let newest = heads.iter().filter_map(|block| Head::of_block(block, size));
    let head = newest.max_by_key(|head| head.count).unwrap_or_default();
    let blocks = head.length.div_ceil(size.bytes() as u64);
    (head, FILE..FILE + blocks)
}

/// A disk with a file on it.
pub(super) struct FileOnDisk {
    handle: NodeHandle,
    drive: Drive,
    queue: Driver,
    config: DriverConfig,
    size: BlockSize,
    faults: DatabaseFaults,
    head: Head,
    /// What the disk was sent, by which a block is whole of which a part is written.
    sent: Vec<u8>,
}

impl FileOnDisk {
    /// Reads a file back. Waits for a disk that fails.
    pub(super) async fn open(
        (handle, drive): (&NodeHandle, &Drive),
        size: BlockSize,
        config: DriverConfig,
        faults: &DatabaseFaults,
    ) -> Result<(Self, Vec<u8>), Killed> {
        let queue = Driver::open_ready(handle, drive, config, RETRY);
        let queue = unless_killed(faults, queue).await?;
        let (handle, drive, faults) = (handle.clone(), drive.clone(), faults.clone());
        let (head, sent) = (Head::default(), Vec::new());
        let mut file = Self { handle, drive, queue, config, size, faults, head, sent };
        let heads = file.read(0, 2).await?;
        let (head, blocks) = extent(&[heads.block(0), heads.block(1)], size);
        file.head = head;
        let mut at = blocks.start;
        while at < blocks.end {
            let count = (blocks.end - at).min(u64::from(READ_BLOCKS)) as u32;
            let data = file.read(at, count).await?;
            data.blocks().for_each(|block| block.append_to(&mut file.sent, size));
            at += u64::from(count);
        }
        let bytes = file.sent[..head.length as usize].to_vec();
        Ok((file, bytes))
    }

    /// Does what was asked, in order; what was not followed by a sync at the end, too.
    pub(super) async fn replay(&mut self, steps: Vec<Step>) -> Result<(), Killed> {
        let mut dirty = BTreeSet::new();
        for step in steps {
            match step {
                Step::Write { offset, bytes } => self.note(offset, &bytes, &mut dirty),
                Step::Sync => self.sync(&mut dirty).await?,
                Step::SetLen(length) => {
                    self.sync(&mut dirty).await?;
                    self.set_length(length).await?;
                }
            }
        }
        self.sync(&mut dirty).await
    }

    fn note(&mut self, offset: u64, bytes: &[u8], dirty: &mut BTreeSet<u64>) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.sent[start..end].copy_from_slice(bytes);
        let size = self.size.bytes();
        dirty.extend((start / size..end.div_ceil(size)).map(|block| block as u64));
    }

    /// What was written is on the disk, past its cache.
    async fn sync(&mut self, dirty: &mut BTreeSet<u64>) -> Result<(), Killed> {
        let longest = (WRITE_BYTES / self.size.bytes()) as u64;
        let mut writes: Vec<(u64, u64)> = Vec::new();
        for block in std::mem::take(dirty) {
            match writes.last_mut() {
                Some((first, count)) if *first + *count == block && *count < longest => *count += 1,
                _ => writes.push((block, 1)),
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        let ops = writes.into_iter().map(|(first, count)| self.write(first, count)).collect();
        self.execute(ops).await?;
        if self.drive.has_volatile_cache() && !crate::base::planted!(CommitWithoutFlush) {
            self.execute(vec![Op::Flush]).await?;
        }
        Ok(())
    }

    fn write(&self, first: u64, count: u64) -> Op {
        let size = self.size.bytes();
        let span = first as usize * size..(first + count) as usize * size;
        let blocks: Vec<Block> =
            self.sent[span].chunks_exact(size).map(Block::from_bytes).collect();
        Op::Write { lba: FILE + first, data: Payload::from_blocks(&blocks), fua: false }
    }

    /// Forgets a file that was never finished.
    pub(super) fn begin_anew(&mut self) {
        self.sent.clear();
    }

    async fn set_length(&mut self, length: u64) -> Result<(), Killed> {
        let size = self.size.bytes();
        let (before, after) = ((self.sent.len() / size) as u64, length.div_ceil(size as u64));
        if after > before {
            // What some longer file left there is not this one's.
            let (lba, blocks) = (FILE + before, (after - before) as u32);
            self.execute(vec![Op::WriteZeroes { lba, blocks }]).await?;
            if self.drive.has_volatile_cache() {
                self.execute(vec![Op::Flush]).await?;
            }
        }
        self.sent.resize((length as usize).div_ceil(size) * size, 0);
        if let Some(rest) = self.sent.get_mut(length as usize..) {
            rest.fill(0);
        }
        self.head = Head { length, count: self.head.count + 1 };
        let lba = self.head.count % 2;
        let data = Payload::from_blocks(&[self.head.to_block(self.size)]);
        self.execute(vec![Op::Write { lba, data, fua: true }]).await
    }

    async fn read(&mut self, lba: u64, blocks: u32) -> Result<Payload, Killed> {
        loop {
            let op = Op::Read { lba, blocks };
            self.queue.submit(Command { cookie: 0, tag: u64::MAX, op }).expect("it is alone");
            match self.completion().await? {
                Completion { status: Status::Success, data, .. } => return Ok(data),
                Completion { status, .. } => self.wait_after(status).await?,
            }
        }
    }

    /// Has commands done, in any order, some at a time.
    async fn execute(&mut self, ops: Vec<Op>) -> Result<(), Killed> {
        let mut waiting: VecDeque<usize> = (0..ops.len()).collect();
        let mut open: BTreeMap<u64, usize> = BTreeMap::new();
        let mut number = 0;
        loop {
            while open.len() < WINDOW
                && !self.queue.is_full()
                && let Some(at) = waiting.pop_front()
            {
                number += 1;
                let (cookie, op) = (number, ops[at].clone());
                if let (lba, blocks @ 1..) = op.range() {
                    self.handle.emit(&DatabaseWrites { lba, blocks });
                }
                let command = Command { cookie, tag: u64::MAX, op };
                self.queue.submit(command).expect("the queue has room");
                open.insert(cookie, at);
            }
            if open.is_empty() {
                return Ok(());
            }
            let completion = self.completion().await?;
            let Some(at) = open.remove(&completion.cookie) else { continue };
            if completion.status != Status::Success {
                // Of those under way nobody knows whether they were done: all are done again.
                waiting.push_back(at);
                waiting.extend(std::mem::take(&mut open).into_values());
                self.wait_after(completion.status).await?;
            }
        }
    }

    async fn wait_after(&mut self, status: Status) -> Result<(), Killed> {
        tracing::debug!(%status, "the database's disk fails");
        self.handle.sleep(RETRY).await;
        let queue = Driver::open_ready(&self.handle, &self.drive, self.config, RETRY);
        self.queue = unless_killed(&self.faults, queue).await?;
        Ok(())
    }

    async fn completion(&self) -> Result<Completion, Killed> {
        unless_killed(&self.faults, self.queue.completion()).await
    }
}

/// What a future comes to, unless the service is killed first.
async fn unless_killed<F: Future>(faults: &DatabaseFaults, future: F) -> Result<F::Output, Killed> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if faults.is_down() {
            return Poll::Ready(Err(Killed));
        }
        faults.changed().register(cx);
        future.as_mut().poll(cx).map(Ok)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::{Block, BlockSize, Head, extent};

    #[test]
    fn the_newer_head_counts_and_a_damaged_one_does_not() {
        let size = BlockSize::B512;
        let [old, new] = [Head { length: 512, count: 6 }, Head { length: 700, count: 7 }];
        let heads = [old.to_block(size), new.to_block(size)];
        assert_eq!(extent(&heads, size), (new, 2..4));
        let mut bytes = heads[1].bytes(size);
        bytes[8] ^= 1;
        let heads = [heads[0].clone(), Block::from_bytes(&bytes)];
        assert_eq!(extent(&heads, size), (old, 2..3));
        assert_eq!(extent(&[Block::ZERO, Block::ZERO], size), (Head::default(), 2..2));
    }
}
