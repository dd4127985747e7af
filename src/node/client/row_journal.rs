//! The owner's side of the stripe journal: an entry before any block of a row is written in place, and what an
//! earlier owner left is found and finished.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::Rc;

use crate::base::{Block, Epoch, LegIndex, Payload};
use crate::layout::Coded;
use crate::layout::LegSet;
use crate::layout::Run;
use crate::sim::NodeHandle;

use super::coded::{Lines, in_sync, mend, rows_of, topology};
use super::get::Get;
use super::intent::Writing;
use super::io::IoError;
use super::locks::{Lock, Range, RangeLocks};
use super::put::{Put, Work};
use super::together::Together;
use super::volume::Volume;
use crate::base::planted;
use crate::node::journal::{Entry, Header, Part};
use crate::node::layout::IntentMap;
use crate::node::probes;

/// The slots of the stripe journal, as the owner sees them.
pub(super) struct RowJournal {
    locks: RangeLocks,
    /// By slot: what was begun and is not surely complete.
    pending: RefCell<Vec<Option<Entry>>>,
    /// Counts the entries of this owner.
    count: Cell<u64>,
}

impl RowJournal {
    pub(super) fn new(handle: &NodeHandle) -> Self {
        Self { locks: RangeLocks::new(handle), pending: RefCell::default(), count: Cell::new(0) }
    }

    /// The row of what is pending in a slot.
    pub(super) fn pending(&self, slot: u32) -> Option<u64> {
        let pending = self.pending.borrow();
        pending.get(slot as usize)?.as_ref().map(|entry| entry.row)
    }

    /// Waits for the slot of a row, and finishes what is pending in it.
    pub(super) async fn slot<'v>(
        &self,
        volume: &'v Rc<Volume>,
        code: Coded,
        row: u64,
    ) -> Result<Slot<'v>, IoError> {
        let slot = if planted!(RowsShareSlot) { row as u32 } else { code.slot_of(row) };
        let lock = self.lock(slot).await;
        let slot = Slot { volume, code, row, _lock: lock };
        slot.finish().await?;
        Ok(slot)
    }

    /// An age greater than that of every entry so far.
    fn next_age(&self, epoch: Epoch) -> (Epoch, u64) {
        self.count.set(self.count.get() + 1);
        (epoch, self.count.get())
    }

    async fn lock(&self, slot: u32) -> Lock {
        self.locks.exclusive(Range::new(u64::from(slot), 1)).await
    }

    fn set(&self, slot: u32, entry: Option<Entry>) {
        let mut pending = self.pending.borrow_mut();
        if pending.len() <= slot as usize {
            pending.resize(slot as usize + 1, None);
        }
        pending[slot as usize] = entry;
    }
}

/// A slot that nobody else uses, for a row.
pub(super) struct Slot<'v> {
    volume: &'v Rc<Volume>,
    code: Coded,
    row: u64,
    _lock: Lock,
}

impl Slot<'_> {
    /// Writes parts of the row: into the journal first, then in place.
    pub(super) async fn commit(&self, parts: Vec<Part>) -> Result<(), IoError> {
        let (volume, row) = (self.volume.spec.id, self.row);
        let entry = Entry { volume, row, age: (Epoch::new(0), 0), parts };
        self.volume.rows.set(self.code.slot_of(row), Some(entry));
        self.finish().await
    }

    /// Brings what is pending in the slot to an end, if anything is.
    async fn finish(&self) -> Result<(), IoError> {
        let (volume, slot) = (self.volume, self.code.slot_of(self.row));
        let pending = volume.rows.pending.borrow().get(slot as usize).cloned().flatten();
        let Some(mut entry) = pending else { return Ok(()) };
        let topology = topology(volume).await?;
        entry.age = volume.rows.next_age(topology.epoch);
        let slot_at = slot_at(volume, self.code, slot);
        let data = entry.to_payload(volume.client.map.block_size);
        let holders = holders(self.code, entry.row, in_sync(&topology));
        let puts = holders.filter(|_| !planted!(SkipRowJournal)).map(|leg| {
            put(volume, Work::Write { at: slot_at, data: data.clone(), fua: true }, leg)
        });
        all(puts.collect()).await?;
        loop {
            let grant = volume.grant();
            self.write_in_place(&entry).await?;
            if volume.grant() == grant {
                break;
            }
            // A leg that came back meanwhile may have been passed over, and its rebuild be planned already.
            crate::sometimes!(volume.client.handle, true, probes::ROW_WRITTEN_AGAIN);
        }
        volume.rows.set(slot, None);
        Ok(())
    }

    /// Writes what an entry says to where it belongs. Legs of parity that have no part in it were away when it was
    /// made: those that are not are given what then fits.
    async fn write_in_place(&self, entry: &Entry) -> Result<(), IoError> {
        let (volume, code) = (self.volume, self.code);
        let row_at = entry.row * u64::from(code.stripe_blocks);
        let puts = entry.parts.iter().flat_map(|part| {
            let at = row_at + u64::from(part.line);
            let poison = || (at..at + u64::from(part.count)).map(|at| Work::Poison { at });
            let works: Vec<Work> = match &part.data {
                Some(data) => vec![Work::Write { at, data: data.clone(), fua: true }],
                None => poison().collect(),
            };
            works.into_iter().map(|work| put(volume, work, part.leg))
        });
        all(puts.collect()).await?;
        let there = topology(volume).await?.modes.written_set();
        let with_part: LegSet = entry.parts.iter().map(|part| part.leg).collect();
        let first = entry.parts.iter().map(|part| part.line).min().unwrap_or(0);
        let end = entry.parts.iter().map(|part| part.line + part.count).max().unwrap_or(0);
        let lines = Lines { at: row_at + u64::from(first), count: end - first };
        for leg in (code.parity_legs(entry.row) & there & !with_part).iter() {
            crate::sometimes!(volume.client.handle, true, probes::PARITY_CAME_BACK);
            mend(volume, code, (leg, lines), true).await?;
        }
        Ok(())
    }
}

/// The legs that are to hold an entry: as many as may be lost, and one more; of each row others.
fn holders(code: Coded, row: u64, in_sync: LegSet) -> impl Iterator<Item = LegIndex> {
    let width = u64::from(code.data + code.parity);
    let legs = (0..width).map(move |at| LegIndex::new(((row + at) % width) as u8));
    legs.filter(move |leg| in_sync.has(*leg)).take(if planted!(RowJournalOnOneLeg) {
        1
    } else {
        usize::from(code.parity) + 1
    })
}

fn slot_at(volume: &Volume, code: Coded, slot: u32) -> u64 {
    volume.spec.leg_blocks() + u64::from(slot) * code.slot_blocks()
}

fn put(volume: &Rc<Volume>, work: Work, leg: LegIndex) -> Put {
    Put::new(volume, work, LegSet::one(leg), LegSet::one(leg))
}

async fn all(puts: Vec<Put>) -> Result<(), IoError> {
    Together::new(puts).await.into_iter().collect()
}

/// Puts an empty entry into every slot of all legs, once nothing is pending in it: so that a leg that was away
/// brings no entry from before. Newer than all others as it is, it hides an older one of another leg also when
/// this is cut short; plain zeroes would uncover that, and it would be finished a second time.
pub(super) async fn clear(volume: &Rc<Volume>, code: Coded) -> Result<(), IoError> {
    for slot in (0..code.slots()).filter(|_| !planted!(SlotsNotCleared)) {
        let row = u64::from(slot);
        let free = volume.rows.slot(volume, code, row).await?;
        let epoch = topology(volume).await?.epoch;
        let (id, age) = (volume.spec.id, volume.rows.next_age(epoch));
        let entry = Entry { volume: id, row, age, parts: Vec::new() };
        let (at, data) =
            (slot_at(volume, code, slot), entry.to_payload(volume.client.map.block_size));
        let puts = volume
            .spec
            .leg_ids()
            .map(|leg| put(volume, Work::Write { at, data: data.clone(), fua: true }, leg));
        all(puts.collect()).await?;
        drop(free);
    }
    Ok(())
}

/// Finishes what an earlier owner had begun in marked regions. Nobody else works on the volume meanwhile.
pub(super) async fn replay(
    volume: &Rc<Volume>,
    code: Coded,
    marks: &IntentMap,
) -> Result<(), IoError> {
    for slot in (0..code.slots()).filter(|_| !planted!(NoRowReplay)) {
        let Some(entry) = newest(volume, code, slot).await? else { continue };
        let block = entry.row * code.row_blocks();
        if entry.parts.is_empty()
            || block >= volume.spec.blocks
            || !marks.has(volume.spec.region_of(block))
        {
            continue;
        }
        crate::sometimes!(volume.client.handle, true, probes::ROW_REPLAYED);
        let blocks = (volume.spec.blocks - block).min(code.row_blocks()) as u32;
        let _rows = volume.locks.exclusive(rows_of(&code, block, blocks)).await;
        let writing = Writing::begin(volume, block, blocks);
        let lock = volume.rows.lock(slot).await;
        let row = entry.row;
        // What this owner itself has begun there since is newer.
        if volume.rows.pending(slot).is_none() {
            volume.rows.set(slot, Some(entry));
        }
        Slot { volume, code, row, _lock: lock }.finish().await?;
        writing.complete();
    }
    Ok(())
}

/// The newest entry that stands in a slot of any leg in sync. Where no copy of it is whole, it is none, and what is
/// older is done: a slot is used again only then.
async fn newest(volume: &Rc<Volume>, code: Coded, slot: u32) -> Result<Option<Entry>, IoError> {
    let legs = in_sync(&topology(volume).await?);
    let size = volume.client.map.block_size;
    let at = slot_at(volume, code, slot);
    let read = |leg, at, blocks| Get::new(volume, Run { legs: LegSet::one(leg), at, blocks }, 0);
    let headers = Together::new(legs.iter().map(|leg| Box::pin(read(leg, at, 1).run())).collect());
    let mut found: Vec<(Header, LegIndex)> = Vec::new();
    for (got, leg) in headers.await.into_iter().zip(legs.iter()) {
        let block: Option<Block> = got?.data.map(|data| data.block(0));
        let header = block.and_then(|block| Header::from_block(&block, size));
        found.extend(header.map(|header| (header, leg)));
    }
    for (header, leg) in newest_of(found) {
        let body = match header.body_blocks() {
            0 => Some(Payload::empty()),
            blocks => read(leg, at + 1, blocks).run().await?.data,
        };
        if let Some(entry) = body.and_then(|body| header.with_body(&body)) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Those of the newest age.
fn newest_of(mut found: Vec<(Header, LegIndex)>) -> Vec<(Header, LegIndex)> {
    found.sort_by_key(|(header, _)| Reverse(header.age()));
    let newest = found.first().map(|(header, _)| header.age());
    found.retain(|(header, _)| Some(header.age()) == newest || planted!(TornEntryUncoversOlder));
    found
}

#[cfg(test)]
mod tests {
    use super::newest_of;
    use crate::base::{BlockSize, Epoch, LegIndex, VolumeId};
    use crate::node::journal::{Entry, Header};

    #[test]
    fn copies_of_an_older_entry_count_for_nothing_even_if_no_newer_one_is_whole() {
        let size = BlockSize::B4096;
        let header = |epoch, count, leg| {
            let age = (Epoch::new(epoch), count);
            let entry = Entry { volume: VolumeId::new(0), row: 3, age, parts: Vec::new() };
            let block = entry.to_payload(size).block(0);
            (Header::from_block(&block, size).expect("a header"), LegIndex::new(leg))
        };
        let legs =
            |found| -> Vec<u8> { newest_of(found).iter().map(|(_, leg)| leg.get()).collect() };
        assert_eq!(legs(vec![header(4, 9, 0), header(5, 1, 1), header(5, 1, 2)]), [1, 2]);
        assert_eq!(legs(vec![header(5, 2, 0), header(5, 1, 1)]), [0]);
        assert_eq!(legs(Vec::new()), [0; 0]);
    }
}
