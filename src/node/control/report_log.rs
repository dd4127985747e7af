//! Error reports on a disk of the program that makes them: each is there in whole and durable, or not at all. Words none.
//!
//! A report has a slot of the log by its number. What is behind the slot's first block is written first, then that block,
//! which says how long the report is and has a hash of it: a slot whose first block does not fit the rest holds nothing.
//! When all slots are taken the oldest report makes room.

use crate::base::{Block, BlockSize, Nanos, Payload};
use crate::disk::port::{Command, Drive, Driver, DriverConfig, Op, Status};
use crate::sim::NodeHandle;

use super::report::{ErrorId, ErrorReport};

/// How many reports there is room for.
const SLOTS: u64 = 512;
/// Bytes of a slot.
const SLOT_BYTES: usize = 8192;
const HEADER_BYTES: usize = 40;
const MAGIC: u64 = 0x7374_6f72_6d65_7201;
/// Between two attempts when the disk fails.
const RETRY: Nanos = Nanos::from_millis(1);

const fn slot_blocks(size: BlockSize) -> u64 {
    (SLOT_BYTES / size.bytes()) as u64
}

/// How many blocks the log takes.
#[must_use]
pub const fn log_blocks(size: BlockSize) -> u64 {
    SLOTS * slot_blocks(size)
}

fn encode(report: &ErrorReport) -> Vec<u8> {
    let mut end = report.text.len().min(SLOT_BYTES - HEADER_BYTES);
    while !report.text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &report.text.as_bytes()[..end];
    let id = u64::from(report.id.started) << 32 | u64::from(report.id.number);
    let mut bytes = vec![0; SLOT_BYTES];
    let node = u64::from(report.id.node);
    for (at, word) in [(0, MAGIC), (8, id), (16, end as u64), (32, node)] {
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes[HEADER_BYTES..HEADER_BYTES + end].copy_from_slice(text);
    let hash = hash(&bytes);
    bytes[24..32].copy_from_slice(&hash.to_le_bytes());
    bytes
}

/// Of everything but the hash itself.
fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&bytes[..24]) ^ xxhash_rust::xxh3::xxh3_64(&bytes[32..])
}

fn decode(bytes: &[u8]) -> Option<ErrorReport> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a word"));
    if word(0) != MAGIC || word(24) != hash(bytes) {
        return None;
    }
    let text = bytes.get(HEADER_BYTES..HEADER_BYTES + usize::try_from(word(16)).ok()?)?;
    let (started, number, node) = ((word(8) >> 32) as u32, word(8) as u32, word(32) as u32);
    let id = ErrorId { started, node, number };
    Some(ErrorReport { id, text: String::from_utf8(text.to_vec()).ok()? })
}

/// All reports that a disk holds, in the order of their numbers; for those who may look behind everything. `read` reads a
/// block, and `first` is the log's first.
pub fn reports_on_disk(
    first: u64,
    size: BlockSize,
    read: impl Fn(u64) -> Block,
) -> Vec<ErrorReport> {
    let blocks = slot_blocks(size);
    let slot = |at: u64| -> Option<ErrorReport> {
        let start = first + at * blocks;
        // Most slots are blank.
        if read(start) == Block::ZERO {
            return None;
        }
        let mut bytes = Vec::new();
        (start..start + blocks).for_each(|lba| read(lba).append_to(&mut bytes, size));
        decode(&bytes)
    };
    let mut reports: Vec<ErrorReport> = (0..SLOTS).filter_map(slot).collect();
    reports.sort_by_key(|report| report.id.number);
    reports
}

/// The log on its disk.
pub(in crate::node) struct ReportLog {
    handle: NodeHandle,
    drive: Drive,
    queue: Driver,
    config: DriverConfig,
    size: BlockSize,
    first: u64,
    /// The number of the next report.
    next: u32,
}

impl ReportLog {
    /// Finds out which report was the last. Waits for a disk that fails.
    pub(in crate::node) async fn open(
        (handle, drive): (&NodeHandle, &Drive),
        size: BlockSize,
        config: DriverConfig,
        first: u64,
    ) -> Self {
        let queue = Driver::open_ready(handle, drive, config, RETRY).await;
        let (handle, drive) = (handle.clone(), drive.clone());
        let mut log = Self { handle, drive, queue, config, size, first, next: 1 };
        for slot in 0..SLOTS {
            let lba = first + slot * slot_blocks(size);
            let Some(block) = log.execute(Op::Read { lba, blocks: 1 }).await else { continue };
            if block == Block::ZERO {
                break;
            }
            let bytes = block.bytes(size);
            // Whether the report came to its end or not, its number is taken.
            let number = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
            log.next = log.next.max(number + 1);
        }
        log
    }

    /// The number of the next report.
    pub(in crate::node) fn next(&self) -> u32 {
        self.next
    }

    /// Makes the next report durable.
    pub(super) async fn append(&mut self, report: &ErrorReport) {
        self.next += 1;
        let slot = u64::from(report.id.number - 1) % SLOTS;
        let lba = self.first + slot * slot_blocks(self.size);
        let bytes = encode(report);
        let blocks: Vec<Block> =
            bytes.chunks_exact(self.size.bytes()).map(Block::from_bytes).collect();
        for (lba, part) in [(lba + 1, &blocks[1..]), (lba, &blocks[..1])] {
            self.execute(Op::Write { lba, data: Payload::from_blocks(part), fua: true }).await;
        }
    }

    /// Has a command done, however often it takes. The block that was read, if one was.
    async fn execute(&mut self, op: Op) -> Option<Block> {
        loop {
            let command = Command { cookie: 0, tag: u64::MAX, op: op.clone() };
            self.queue.submit(command).expect("the log has one command at a time");
            let completion = self.queue.completion().await;
            if completion.status == Status::Success {
                let is_read = matches!(op, Op::Read { .. });
                return is_read.then(|| completion.data.block(0));
            }
            tracing::debug!(status = %completion.status, "the disk with the error reports fails");
            self.handle.sleep(RETRY).await;
            let (handle, drive) = (&self.handle, &self.drive);
            self.queue = Driver::open_ready(handle, drive, self.config, RETRY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, reports_on_disk};
    use super::{BlockSize, ErrorId, ErrorReport, HEADER_BYTES, SLOT_BYTES, decode, encode};

    fn report(number: u32, text: &str) -> ErrorReport {
        ErrorReport { id: ErrorId { started: 5, node: 2, number }, text: text.to_owned() }
    }

    #[test]
    fn a_report_is_there_in_whole_or_not_at_all() {
        let written = report(3, "ERROR REPORT");
        let mut bytes = encode(&written);
        assert_eq!(decode(&bytes), Some(written));
        bytes[HEADER_BYTES + 2] ^= 1;
        assert_eq!(decode(&bytes), None, "a word of it is another");
        assert_eq!(decode(&[0; SLOT_BYTES]), None);
    }

    #[test]
    fn a_text_that_does_not_fit_is_cut_between_characters() {
        let long = "ä".repeat(SLOT_BYTES);
        let found = decode(&encode(&report(1, &long))).expect("it is a report");
        assert!(long.starts_with(&found.text) && found.text.len() > SLOT_BYTES - 64);
    }

    #[test]
    fn reports_are_found_in_the_order_of_their_numbers() {
        let size = BlockSize::B4096;
        let slots = [encode(&report(513, "new")), encode(&report(2, "two"))];
        let blocks: Vec<Block> =
            slots.iter().flat_map(|slot| slot.chunks(4096)).map(Block::from_bytes).collect();
        let read = |lba: u64| blocks.get(lba as usize - 7).cloned().unwrap_or(Block::ZERO);
        let found = reports_on_disk(7, size, read);
        let numbers: Vec<u32> = found.iter().map(|report| report.id.number).collect();
        assert_eq!(numbers, [2, 513]);
    }
}
