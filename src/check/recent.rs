//! The last records, kept so that a violation can show what led to it. Bounded; judges nothing.

use crate::base::history::{
    BlockRead, FenceRaised, MediaWritten, OpAbandoned, OpInvoked, OpReturned, RebuildProgress,
    VolumeChanged,
};
use crate::base::protocol::MarkChanged;
use crate::base::{Audience, DiskId, OpId, Record, Recorded, VolumeId};

/// How many records of applications are kept. Every record passes through, so the rings are to stay in
/// the processor's cache.
const IO_MAX: usize = 512;
/// How many records of media are kept.
const MEDIA_MAX: usize = 256;
/// How many records of state changes and faults are kept.
const NOTABLE_MAX: usize = 256;
/// How many of applications or media a violation shows.
const IO_SHOWN: usize = 16;
/// How many state changes and faults it shows.
const NOTABLE_SHOWN: usize = 8;

/// The last records, by kind: many of one kind push out none of another.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    io: Ring,
    media: Ring,
    notable: Ring,
}

impl Recent {
    /// Keeps a record of an application.
    pub(super) fn push_io(&mut self, record: &Record) {
        self.io.push(record, IO_MAX);
    }

    /// Keeps a record of a medium.
    pub(super) fn push_media(&mut self, record: &Record) {
        self.media.push(record, MEDIA_MAX);
    }

    /// Keeps a record of any other kind.
    pub(super) fn push(&mut self, record: &Record) {
        if record.kind.audience == Audience::Notable {
            if record.kind.code != RebuildProgress::TYPE.code {
                self.notable.push(record, NOTABLE_MAX);
            }
        } else if record.kind.code != MarkChanged::TYPE.code {
            self.push_io(record);
        }
    }

    /// The last records about these operations, or about that block of the volume if it is given.
    pub(super) fn of_volume(
        &self,
        volume: VolumeId,
        block: Option<u64>,
        ops: &[OpId],
    ) -> Vec<Record> {
        let mut known = ops.to_vec();
        let mut shown = Vec::new();
        for record in self.io.iter() {
            let about = if let Some(invoked) = record.get::<OpInvoked>() {
                let covers = |block| {
                    let end = invoked.block.saturating_add(u64::from(invoked.blocks));
                    (invoked.block..end).contains(&block)
                };
                let about = known.contains(&invoked.op)
                    || (invoked.volume == volume && block.is_some_and(covers));
                if about {
                    known.push(invoked.op);
                }
                about
            } else if let Some(read) = record.get::<BlockRead>() {
                read.volume == volume && Some(read.block) == block
            } else if let Some(returned) = record.get::<OpReturned>() {
                known.contains(&returned.op)
            } else if let Some(abandoned) = record.get::<OpAbandoned>() {
                known.contains(&abandoned.op)
            } else {
                false
            };
            if about {
                shown.push(*record);
            }
        }
        let other = |record: &Record| {
            record.get::<VolumeChanged>().is_some_and(|changed| changed.volume != volume)
                || record.get::<FenceRaised>().is_some_and(|fence| fence.volume != volume)
        };
        self.with_notable(shown, |record| !other(record))
    }

    /// The last writes of that disk that touch these blocks of it.
    pub(super) fn of_disk(&self, disk: DiskId, first: u64, blocks: u64) -> Vec<Record> {
        let end = first.saturating_add(blocks);
        let touches = |record: &&Record| {
            record.get::<MediaWritten>().is_some_and(|written| {
                let written_end = written.lba.saturating_add(u64::from(written.blocks));
                written.disk == disk && written.lba < end && first < written_end
            })
        };
        let shown = self.media.iter().filter(touches).copied().collect();
        let other =
            |record: &Record| record.get::<FenceRaised>().is_some_and(|fence| fence.disk != disk);
        self.with_notable(shown, |record| !other(record))
    }

    fn with_notable(&self, mut shown: Vec<Record>, keep: impl Fn(&Record) -> bool) -> Vec<Record> {
        shown.drain(..shown.len().saturating_sub(IO_SHOWN));
        let mut notable: Vec<Record> =
            self.notable.iter().filter(|record| keep(record)).copied().collect();
        notable.drain(..notable.len().saturating_sub(NOTABLE_SHOWN));
        shown.append(&mut notable);
        shown.sort_by_key(|record| record.seq);
        shown
    }
}

#[derive(Clone, Debug, Default)]
struct Ring {
    records: Vec<Record>,
    /// Where the oldest is, once the ring is full.
    oldest: usize,
}

impl Ring {
    fn push(&mut self, record: &Record, max: usize) {
        if self.records.len() < max {
            self.records.push(*record);
            return;
        }
        self.records[self.oldest] = *record;
        self.oldest = if self.oldest + 1 == max { 0 } else { self.oldest + 1 };
    }

    /// Oldest first.
    fn iter(&self) -> impl Iterator<Item = &Record> {
        let (late, early) = self.records.split_at(self.oldest);
        early.iter().chain(late)
    }
}
