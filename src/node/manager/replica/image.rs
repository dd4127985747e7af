//! How a log stands on a manager's disk: whole, in one of two areas in turn, with a hash over all of it, so that a write cut
//! short leaves the one before it. Reads and writes no disk.

use std::collections::BTreeMap;

use omnipaxos::ballot_leader_election::Ballot;

use super::entry::{Entry, Outcome, Term};
use super::log::Log;
use crate::base::{Block, BlockSize, VolumeId};
use crate::node::layout::hash_of_words;
use crate::node::manager::record::VolumeRecord;

const MAGIC: u64 = 0x7374_6f72_6d6c_6f01;
/// Words of a block that are used, of whatever size it is.
const WORDS: usize = 64;
/// Words of a head.
const HEAD: usize = 16;
/// Where an entry's own words begin: a record comes first.
const OWN: usize = 60;
/// So many entries are in a log beside one for each volume, at the very most.
const ENTRIES_MAX: u64 = 96;

const BEGIN: u64 = 1;
const RECORD: u64 = 2;

/// A log as it was put on a disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Grows with every one.
    pub(super) number: u64,
    pub(super) log: Log,
}

/// How a manager's disk begins when it is installed, from block 0 on: with a log in which nothing stands. One that has not even
/// that is blank because it was lost.
#[must_use]
pub fn installed(size: BlockSize) -> Vec<Block> {
    Image { number: 1, log: Log::default() }.to_blocks(size)
}

/// How many blocks each of the two areas has, in a cluster of so many volumes.
#[must_use]
pub fn area_blocks(volumes: usize) -> u64 {
    1 + volumes as u64 + ENTRIES_MAX
}

impl Image {
    /// As blocks.
    pub(super) fn to_blocks(&self, size: BlockSize) -> Vec<Block> {
        let log = &self.log;
        let summary = log.summary.iter().flatten();
        let body: Vec<[u64; WORDS]> =
            summary.chain(&log.entries).map(|it| words(it, size)).collect();
        let hash = hash_of_words(body.as_flattened());
        let [promise, accepted] = [log.promise, log.accepted].map(ballot_words);
        let head = [
            MAGIC,
            self.number,
            promise[0],
            promise[1],
            accepted[0],
            accepted[1],
            log.decided as u64,
            log.compacted as u64,
            log.summary.as_ref().map_or(0, |summary| summary.len() as u64 + 1),
            log.entries.len() as u64,
            hash,
        ];
        let mut words = [0; HEAD];
        words[..head.len()].copy_from_slice(&head);
        words[HEAD - 1] = hash_of_words(&words[..HEAD - 1]);
        let body = body.iter().map(|words| Block::of_words(words, size));
        [Block::of_words(&words, size)].into_iter().chain(body).collect()
    }

    /// How many blocks follow a head; `None` if it is none.
    pub(super) fn body_blocks(head: &Block, size: BlockSize) -> Option<u64> {
        let words = head_words(head, size)?;
        Some(words[8].saturating_sub(1) + words[9])
    }

    /// What blocks hold; `None` when they hold no image, or not all of one.
    pub(super) fn from_blocks(blocks: &[Block], size: BlockSize) -> Option<Self> {
        let (head, body) = blocks.split_first()?;
        let words = head_words(head, size)?;
        let read = |block: &Block| {
            let mut found = [0; WORDS];
            if block.stamp().is_none() {
                block.read_words(&mut found, size);
            }
            found
        };
        let raw: Vec<[u64; WORDS]> = body.iter().map(read).collect();
        if hash_of_words(raw.as_flattened()) != words[10] {
            return None;
        }
        let entries = body.iter().zip(&raw).map(|(block, words)| entry(block, words, size));
        let mut entries: Vec<Entry> = entries.collect::<Option<_>>()?;
        let summarised = (words[8] > 0).then(|| words[8] as usize - 1);
        let suffix = entries.split_off(summarised.unwrap_or(0));
        let log = Log {
            promise: ballot([words[2], words[3]]),
            accepted: ballot([words[4], words[5]]),
            decided: words[6] as usize,
            compacted: words[7] as usize,
            summary: summarised.map(|_| entries),
            entries: suffix,
        };
        Some(Self { number: words[1], log })
    }
}

/// The newest of the two images on a disk, whose blocks `read` reads; `None` while there is none.
pub fn newest(
    volumes: usize,
    size: BlockSize,
    mut read: impl FnMut(u64) -> Block,
) -> Option<Image> {
    let images = (0..2).filter_map(|area| {
        let first = area * area_blocks(volumes);
        let head = read(first);
        let body = Image::body_blocks(&head, size)?.min(area_blocks(volumes) - 1);
        let body: Vec<Block> = (1..=body).map(|at| read(first + at)).collect();
        Image::from_blocks(&[&[head][..], &body].concat(), size)
    });
    images.max_by_key(|image| image.number)
}

/// What the managers have agreed on, as their disks have it: what one of them knows to be agreed on, and what a majority
/// of them has accepted in the same round, whether one of them knows it or not. A disk that was lost has no image.
#[must_use]
pub fn chosen(images: &[Image], managers: usize) -> BTreeMap<VolumeId, VolumeRecord> {
    let accepted = |image: &Image| image.log.length();
    // Where one has lost its disk, no majority comes about without all others: what the latest of them has accepted is
    // what the others will.
    let is_latest = |image: &Image| {
        let place = |image: &Image| (image.log.accepted, accepted(image));
        images.iter().all(|other| place(other) <= place(image))
    };
    let agreed = |image: &Image| {
        if images.len() < managers {
            return if is_latest(image) { accepted(image) } else { 0 };
        }
        let peers = images.iter().filter(|other| other.log.accepted == image.log.accepted);
        let mut lengths: Vec<usize> = peers.map(accepted).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        let by_majority = lengths.get(managers / 2).copied().unwrap_or(0);
        by_majority.max(image.log.decided).min(accepted(image))
    };
    let Some(best) = images.iter().max_by_key(|image| agreed(image)) else {
        return BTreeMap::new();
    };
    let mut outcome = Outcome::default();
    let suffix = agreed(best).saturating_sub(best.log.compacted);
    let entries = best.log.summary.iter().flatten().chain(best.log.entries.iter().take(suffix));
    entries.for_each(|entry| {
        outcome.take(entry);
    });
    outcome.records
}

fn head_words(head: &Block, size: BlockSize) -> Option<[u64; HEAD]> {
    if head.stamp().is_some() {
        return None;
    }
    let mut words = [0; HEAD];
    head.read_words(&mut words, size);
    let fits = words[0] == MAGIC && words[HEAD - 1] == hash_of_words(&words[..HEAD - 1]);
    fits.then_some(words)
}

fn ballot_words(ballot: Option<Ballot>) -> [u64; 2] {
    ballot.map_or([0, 0], |it| {
        [u64::from(it.config_id) << 32 | u64::from(it.n), u64::from(it.priority) << 32 | it.pid]
    })
}

fn ballot(words: [u64; 2]) -> Option<Ballot> {
    let [round, who] = words;
    let ballot =
        Ballot::with((round >> 32) as u32, round as u32, (who >> 32) as u32, who & 0xffff_ffff);
    (words != [0, 0]).then_some(ballot)
}

/// An entry's words: a record's, then its own.
fn words(entry: &Entry, size: BlockSize) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let (kind, term, volume) = match entry {
        Entry::Begin(term) => (BEGIN, term, 0),
        Entry::Record(term, volume, record) => {
            record.to_block(size).read_words(&mut words[..OWN], size);
            (RECORD, term, u64::from(volume.get()))
        }
    };
    words[OWN] = kind << 32 | volume;
    words[OWN + 1] = u64::from(term.round) << 32 | u64::from(term.nth);
    words[OWN + 2] = term.leader;
    words
}

fn entry(block: &Block, words: &[u64; WORDS], size: BlockSize) -> Option<Entry> {
    let (round, nth) = ((words[OWN + 1] >> 32) as u32, words[OWN + 1] as u32);
    let term = Term { round, nth, leader: words[OWN + 2] };
    match words[OWN] >> 32 {
        BEGIN => Some(Entry::Begin(term)),
        RECORD => {
            let record = VolumeRecord::from_block(block, size)?;
            Some(Entry::Record(term, VolumeId::new(words[OWN] as u16), Box::new(record)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use omnipaxos::ballot_leader_election::Ballot;

    use super::{Entry, Image, Log, Term, area_blocks, chosen, newest};
    use crate::base::{Block, BlockSize, Epoch, VolumeId};
    use crate::node::manager::record::VolumeRecord;

    const TERM: Term = Term { round: 3, leader: 2, nth: 1 };

    fn record(epoch: u64) -> Entry {
        let record = VolumeRecord { epoch: Epoch::new(epoch), ..VolumeRecord::new(2) };
        Entry::Record(TERM, VolumeId::new(0), Box::new(record))
    }

    fn log(round: u32, decided: usize, epochs: &[u64]) -> Log {
        let entries = epochs.iter().map(|epoch| record(*epoch));
        Log {
            promise: Some(Ballot::with(1, 9, 0, 2)),
            accepted: Some(Ballot::with(1, round, 0, 3)),
            decided,
            compacted: 5,
            summary: Some(vec![Entry::Begin(TERM), record(1)]),
            entries: entries.collect(),
        }
    }

    fn image(number: u64, log: Log) -> Image {
        Image { number, log }
    }

    #[test]
    fn an_image_reads_back_and_a_torn_one_leaves_the_one_before_it() {
        for size in [BlockSize::B512, BlockSize::B4096] {
            let (old, new) = (image(7, log(3, 6, &[2])), image(8, log(3, 7, &[2, 3])));
            let mut disk = vec![Block::ZERO; 2 * area_blocks(1) as usize];
            let at = area_blocks(1) as usize;
            disk[at..at + old.to_blocks(size).len()].clone_from_slice(&old.to_blocks(size));
            assert_eq!(newest(1, size, |lba| disk[lba as usize].clone()), Some(old.clone()));
            let blocks = new.to_blocks(size);
            for written in 0..1 << blocks.len() {
                for (index, block) in blocks.iter().enumerate() {
                    let is_written = written >> index & 1 == 1;
                    disk[index] = if is_written { block.clone() } else { Block::ZERO };
                }
                let is_whole = written == (1 << blocks.len()) - 1;
                let found = newest(1, size, |lba| disk[lba as usize].clone());
                assert_eq!(found.as_ref(), Some(if is_whole { &new } else { &old }));
            }
        }
    }

    #[test]
    fn a_blank_disk_has_no_image() {
        assert_eq!(newest(1, BlockSize::B4096, |_| Block::ZERO), None);
    }

    #[test]
    fn what_a_majority_has_in_one_round_is_chosen_whoever_knows() {
        let epoch = |images: &[Image]| {
            chosen(images, 3).get(&VolumeId::new(0)).map(|record| record.epoch.get())
        };
        let one = image(1, log(3, 5, &[2, 3]));
        let none = image(1, Log::default());
        let beside = |other: Image| epoch(&[one.clone(), other, none.clone()]);
        assert_eq!(epoch(&[none.clone(), none.clone(), none.clone()]), None);
        assert_eq!(beside(none.clone()), Some(1), "what was summed up is agreed on");
        assert_eq!(beside(image(1, log(2, 5, &[2, 3]))), Some(1), "another round");
        assert_eq!(beside(image(9, log(3, 5, &[2]))), Some(2));
        let both = image(9, log(3, 5, &[2, 3]));
        assert_eq!(epoch(&[image(4, log(2, 5, &[])), both, one.clone()]), Some(3));
        assert_eq!(beside(image(1, log(4, 6, &[7]))), Some(7), "one of them knows");
    }

    #[test]
    fn where_a_disk_was_lost_the_latest_of_the_others_counts() {
        let epoch = |images: &[Image]| {
            chosen(images, 3).get(&VolumeId::new(0)).map(|record| record.epoch.get())
        };
        assert_eq!(epoch(&[]), None);
        let one = image(1, log(3, 5, &[2, 3]));
        assert_eq!(
            epoch(&[image(7, log(2, 5, &[2, 4, 5])), one.clone()]),
            Some(3),
            "the later round"
        );
        assert_eq!(epoch(&[image(7, log(3, 5, &[2])), one]), Some(3), "the longer log");
    }
}
