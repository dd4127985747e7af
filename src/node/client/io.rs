//! The data service: a write goes to every leg that holds its blocks before it is acknowledged, a read comes
//! from any such leg in sync (rules 4, 6, 11, 13 and 14). Which legs those are is the layout's to say.
//!
//! # Fidelity
//! - Modelled: the unit of all IO is the volume's block, as it is of an NVMe namespace. Requests count blocks, so
//!   that one which begins or ends within a block cannot be asked for; data that are no whole blocks, no blocks at all,
//!   and blocks beyond the volume's end are refused, as Linux refuses them (`EINVAL`), and nothing is done.
//! - Ignored: what lies above a block device and makes blocks of bytes, a page cache or a file system that reads what
//!   it writes in part, and devices whose physical block is larger than the logical one. Who depends on the
//!   read-modify-write of such a layer can't be written against the port.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::{Block, BlockSize, LegIndex, Payload, VolumeId};
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::layout::Run;
use crate::sim::Tracker;

use super::calls::Reply;
use super::coded::{self, Read};
use super::flushes::Opener;
use super::get::Get;
use super::intent::Writing;
use super::locks::Range;
use super::put::{Put, Work, request};
use super::row_write;
use super::together::Together;
use super::volume::Volume;
use crate::base::Epoch;
use crate::base::planted;
use crate::node::probes;
use crate::node::protocol::{LegMode, Topology, Wire};

/// Why an IO failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoError {
    /// It is outside the volume, or empty, or its data are no whole blocks, or the volume was never granted: nothing
    /// was done.
    Refused,
    /// It may have been done, in part or in whole.
    InDoubt,
    /// A block cannot be read from any copy.
    Media,
    /// The volume is no longer this client's: it may have been done, in part or in whole.
    Taken,
}

/// A transient error is tried again so many times before the leg is reported.
pub(super) const RETRIES: u32 = 2;
/// A leg may fail so many times, each a client's patience after the one before, and nobody decide to go on without it,
/// before the application is told: it may be the last in sync, but its managers may also have much to decide on, on slow
/// disks.
pub(super) const FAILURES_MAX: u32 = 40;

/// How often a leg has failed, when it has done so once more. While the manager cannot be told, nobody can decide to go on
/// without the leg, and that it fails is no reason to give up.
pub(super) fn failed_again(failures: u32, volume: &Volume) -> u32 {
    let is_told = volume.client.manager.borrow().is_some();
    let most = if is_told { u32::MAX } else { RETRIES + 1 };
    failures.saturating_add(1).min(most)
}

/// A volume as applications see it. Clones share it.
#[derive(Clone)]
pub struct BlockDevice {
    volume: Rc<Volume>,
    tracker: Tracker,
    /// Reads take turns among the legs.
    turn: Rc<Cell<u32>>,
    opener: Opener,
}

impl BlockDevice {
    pub(super) fn new(volume: Rc<Volume>) -> Self {
        let tracker = volume.client.handle.tracker("io");
        let opener = volume.flushes.open();
        Self { volume, tracker, turn: Rc::default(), opener }
    }

    /// The same volume, opened once more: whoever has opened it is told by its own flushes what was lost, once.
    #[must_use]
    pub fn opened(&self) -> Self {
        Self { opener: self.volume.flushes.open(), ..self.clone() }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> VolumeId {
        self.volume.spec.id
    }

    /// The size of its blocks.
    #[must_use]
    pub fn block_size(&self) -> BlockSize {
        self.volume.client.map.block_size
    }

    /// Its size in blocks.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.volume.spec.blocks
    }

    /// Waits until the volume is no longer this client's by this attachment: it was given back, or taken by
    /// another after the lease had run out. Every operation fails from then on; those that were under way are in
    /// doubt.
    pub async fn lost(&self) {
        self.volume.taken().await;
    }

    /// Waits until there is nothing left to do for a volume that no application uses: all legs are in sync and
    /// equal. `false` if it is another's before that.
    pub(in crate::node) async fn seen_to(&self) -> bool {
        let volume = &self.volume;
        let is_done = || {
            let in_sync = |it: Topology| it.modes.set_in(LegMode::ReadWrite) == it.modes.all();
            let done = volume.topology().is_some_and(in_sync) && volume.is_quiet();
            (done || volume.is_lost()).then_some(!volume.is_lost())
        };
        volume.changed.wait_for(is_done).await
    }

    /// What so many blocks take in memory.
    fn bytes(&self, blocks: u32) -> u64 {
        u64::from(blocks) * self.volume.client.map.block_size.bytes() as u64
    }

    /// What a write takes in memory: its blocks, and what it takes to keep parity right.
    fn bytes_to_write(&self, block: u64, blocks: u32) -> u64 {
        let code = self.volume.spec.layout.code();
        self.bytes(blocks + code.map_or(0, |code| row_write::blocks_beside(&code, block, blocks)))
    }

    /// What a read takes in memory; more, if what it reads is to be computed.
    fn bytes_to_read(&self, blocks: u32, computes: bool) -> u64 {
        let code = self.volume.spec.layout.code();
        self.bytes(code.map_or(blocks, |code| coded::blocks_to_read(&code, blocks, computes)))
    }

    /// What is locked for some blocks.
    fn range(&self, block: u64, blocks: u32) -> Range {
        match self.volume.spec.layout.code() {
            None => Range::new(block, blocks),
            Some(code) => coded::rows_of(&code, block, blocks),
        }
    }

    fn is_inside(&self, block: u64, blocks: u32) -> bool {
        let end = block.checked_add(u64::from(blocks));
        blocks > 0 && end.is_some_and(|end| end <= self.blocks())
    }

    /// Waits until the legs are known to be equal there.
    async fn equal(&self, block: u64, blocks: u32) -> Result<(), IoError> {
        let volume = &self.volume;
        if volume.intent.are_equal(volume.spec.regions_of(block, blocks)) {
            return Ok(());
        }
        crate::sometimes!(
            volume.client.handle,
            volume.intent.is_known(),
            probes::RECOVERY_RACED_IO
        );
        let settled = || {
            if volume.is_lost() {
                return Some(Err(volume.doubt()));
            }
            volume.intent.are_equal(volume.spec.regions_of(block, blocks)).then_some(Ok(()))
        };
        volume.changed.wait_for(settled).await
    }

    /// Writes blocks. When it returns, every leg in sync and every leg being rebuilt has them.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn write(&self, block: u64, data: Payload) -> Result<(), IoError> {
        self.put(block, data, false).await?;
        self.volume.flushes.acknowledged();
        Ok(())
    }

    /// Writes blocks past all volatile caches (forced unit access). When it returns, every leg in sync and
    /// every leg being rebuilt has them for good.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn write_fua(&self, block: u64, data: Payload) -> Result<(), IoError> {
        self.put(block, data, true).await
    }

    async fn put(&self, block: u64, data: Payload, fua: bool) -> Result<(), IoError> {
        let blocks = data.len();
        if !self.is_inside(block, blocks) || !data.fits(self.volume.client.map.block_size) {
            return Err(IoError::Refused);
        }
        let (_io, _open) = (self.tracker.open(), self.volume.open_io());
        let regions = self.volume.spec.regions_of(block, blocks);
        if !self.volume.intent.are_equal(regions.clone()) {
            Box::pin(self.equal(block, blocks)).await?;
        }
        let bytes = self.bytes_to_write(block, blocks);
        let _buffer = self.volume.client.memory.alloc_waiting(bytes).await;
        loop {
            let span = if planted!(NoWriteLock) {
                Range::new(u64::MAX - 1, 1)
            } else {
                self.range(block, blocks)
            };
            // Seldom is anybody in the way: what waits stays out of the way of what doesn't.
            let lock = match self.volume.locks.try_exclusive(span) {
                Some(lock) => lock,
                None => Box::pin(self.volume.locks.exclusive(span)).await,
            };
            if !self.volume.intent.are_equal(regions.clone()) {
                drop(lock);
                Box::pin(self.equal(block, blocks)).await?;
                continue;
            }
            let writing = Writing::begin(&self.volume, block, blocks);
            let run = self.volume.spec.layout.run(block, blocks);
            if let Some(code) = self.volume.spec.layout.code() {
                Box::pin(row_write::write(&self.volume, code, (block, &data))).await?;
            } else if run.blocks == blocks {
                let work = Work::Write { at: run.at, data, fua };
                let put = Put::new(&self.volume, work, run.legs, run.legs).await;
                if put.is_err() && planted!(LeakLockOnFailure) {
                    std::mem::forget(lock);
                }
                put?;
            } else {
                Box::pin(write_runs(&self.volume, block, (&data, fua))).await?;
            }
            writing.complete();
            return Ok(());
        }
    }

    /// Empties blocks: they read as zeroes afterwards, as of a device that promises that of what is deallocated. Legs
    /// are written zeroes for it, since not every device does.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn trim(&self, block: u64, blocks: u32) -> Result<(), IoError> {
        self.write(block, Payload::zeroes(blocks)).await
    }

    /// Makes every write that was acknowledged before durable on all legs. When all of them lost their power
    /// with something of it in their caches, every flush that was under way fails, and the first afterwards of whoever
    /// has opened the volume ([`BlockDevice::opened`]) and was not told by one of those.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn flush(&self) -> Result<(), IoError> {
        let (_io, _open) = (self.tracker.open(), self.volume.open_io());
        let flushing = self.volume.flushes.begin();
        flush(&self.volume, self.volume.spec.layout.all()).await?;
        let kept = self.volume.flushes.end(&self.opener, flushing);
        crate::sometimes!(self.volume.client.handle, !kept, probes::FLUSH_BROKE_PROMISE);
        kept.then_some(()).ok_or(IoError::InDoubt)
    }

    /// Reads blocks.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn read(&self, block: u64, blocks: u32) -> Result<Payload, IoError> {
        if !self.is_inside(block, blocks) {
            return Err(IoError::Refused);
        }
        let (_io, _open) = (self.tracker.open(), self.volume.open_io());
        self.equal(block, blocks).await?;
        let memory = &self.volume.client.memory;
        let is_coded = self.volume.spec.layout.code().is_some();
        let mut computes = is_coded && coded::computes(&self.volume);
        let mut buffer = memory.alloc_waiting(self.bytes_to_read(blocks, computes)).await;
        loop {
            let span = if planted!(ReadDuringWrite) {
                Range::new(u64::MAX - 1, 1)
            } else {
                self.range(block, blocks)
            };
            let lock = self.volume.locks.shared(span).await;
            if !self.volume.intent.are_equal(self.volume.spec.regions_of(block, blocks)) {
                drop(lock);
                self.equal(block, blocks).await?;
                continue;
            }
            let turn = self.turn.get().wrapping_add(1);
            self.turn.set(turn);
            let cold = self.volume.flushes.cold();
            let run = self.volume.spec.layout.run(block, blocks);
            let data = if let Some(code) = self.volume.spec.layout.code() {
                match Box::pin(coded::read(&self.volume, code, (block, blocks), computes)).await? {
                    Read::Data(data) => Some(data),
                    Read::Lost => None,
                    Read::Short => {
                        // Not under the lock, for which somebody may wait who holds what this waits for.
                        drop((lock, buffer));
                        computes = true;
                        let bytes = self.bytes_to_read(blocks, computes);
                        buffer = memory.alloc_waiting(bytes).await;
                        continue;
                    }
                }
            } else if run.blocks == blocks {
                read_run(&self.volume, run, (block, turn)).await?
            } else {
                Box::pin(read_runs(&self.volume, (block, blocks), turn)).await?
            };
            self.lease().await?;
            // All legs may have lost their caches meanwhile, and what one of them showed need not be what
            // they will be made to agree on.
            if self.volume.flushes.cold() != cold {
                continue;
            }
            crate::sometimes!(self.volume.client.handle, data.is_none(), probes::READ_LOST);
            return data.ok_or(IoError::Media);
        }
    }

    /// Waits until the manager surely hasn't given the volume to anybody else.
    async fn lease(&self) -> Result<(), IoError> {
        loop {
            // Whoever was told that it is another's needs no lease to run out.
            if self.volume.is_lost() {
                return Err(self.volume.doubt());
            }
            if self.volume.has_lease() {
                return Ok(());
            }
            crate::sometimes!(self.volume.client.handle, true, probes::LEASE_AWAITED);
            self.volume.client.handle.sleep(self.volume.client.map.timing.heartbeat).await;
            if planted!(TimerMeansLease) {
                return Ok(());
            }
        }
    }
}

/// The runs that blocks of a volume are in, each with its first block there.
pub(super) fn runs(
    volume: &Volume,
    mut block: u64,
    mut blocks: u32,
) -> impl Iterator<Item = (u64, Run)> {
    std::iter::from_fn(move || {
        let run = (blocks > 0).then(|| volume.spec.layout.run(block, blocks))?;
        let first = block;
        block += u64::from(run.blocks);
        blocks -= run.blocks;
        Some((first, run))
    })
}

/// Writes all runs of a write at a time.
async fn write_runs(
    volume: &Rc<Volume>,
    block: u64,
    (data, fua): (&Payload, bool),
) -> Result<(), IoError> {
    loop {
        let cold = volume.flushes.cold();
        let puts = runs(volume, block, data.len()).map(|(first, run)| {
            let data = data.part((first - block) as u32, run.blocks);
            Put::new(volume, Work::Write { at: run.at, data, fua }, run.legs, run.legs)
        });
        let done = Together::new(puts.collect()).await;
        done.into_iter().collect::<Result<(), IoError>>()?;
        // What one leg had done may be gone with its cache, while another was still at it.
        if volume.flushes.cold() == cold {
            return Ok(());
        }
    }
}

/// Has legs flush what they hold.
pub(super) async fn flush(volume: &Rc<Volume>, legs: LegSet) -> Result<(), IoError> {
    let all = volume.spec.layout.all();
    let mut windows = all.windows(Put::LEGS_MAX);
    if let (Some(only), None) = (windows.next(), windows.next()) {
        return Put::new(volume, Work::Flush, only, legs).await;
    }
    let puts = all
        .windows(Put::LEGS_MAX)
        .map(|window| Put::new(volume, Work::Flush, window, legs & window));
    let done = Together::new(puts.collect()).await;
    done.into_iter().collect()
}

/// Reads one run, and has repaired what some leg could not read; `None` when no leg has some block.
async fn read_run(
    volume: &Rc<Volume>,
    run: Run,
    (block, turn): (u64, u32),
) -> Result<Option<Payload>, IoError> {
    let (pieces, bad) = read_pieces(volume, run, turn).await?;
    if !bad.is_empty() {
        let repair = repair(volume.clone(), block, run, bad);
        volume.client.handle.spawn("client.repair", repair);
    }
    Ok(join(pieces))
}

/// Reads all runs of a read at a time.
async fn read_runs(
    volume: &Rc<Volume>,
    (block, blocks): (u64, u32),
    turn: u32,
) -> Result<Option<Payload>, IoError> {
    let reads = runs(volume, block, blocks)
        .map(|(first, run)| Box::pin(read_run(volume, run, (first, turn))));
    let mut read: Vec<Block> = Vec::with_capacity(blocks as usize);
    for data in Together::new(reads.collect()).await {
        let Some(data) = data? else { return Ok(None) };
        read.extend(data.blocks());
    }
    Ok(Some(Payload::from_blocks(&read)))
}

/// Some blocks of legs, as far as they could be read.
pub(super) enum Piece {
    /// From this block of the legs on, these.
    Good(u64, Payload),
    /// This block of the legs cannot be read from any of them.
    Bad(u64),
}

impl Piece {
    pub(super) const fn is_bad(&self) -> bool {
        matches!(self, Self::Bad(_))
    }
}

fn join(mut pieces: Vec<Piece>) -> Option<Payload> {
    // What was read in one go is left as it is.
    if let [Piece::Good(..)] = pieces[..]
        && let Some(Piece::Good(_, data)) = pieces.pop()
    {
        return Some(data);
    }
    let mut blocks: Vec<Block> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Good(_, data) => blocks.extend(data.blocks()),
            Piece::Bad(_) => return None,
        }
    }
    Some(Payload::from_blocks(&blocks))
}

/// Reads in one go, or block by block where some leg has lost some block. Says on which legs blocks
/// were found unreadable.
pub(super) async fn read_pieces(
    volume: &Rc<Volume>,
    run: Run,
    turn: u32,
) -> Result<(Vec<Piece>, LegSet), IoError> {
    let whole = Get::new(volume, run, turn).run().await?;
    let mut bad = whole.bad;
    if let Some(data) = whole.data {
        return Ok((vec![Piece::Good(run.at, data)], bad));
    }
    let mut pieces = Vec::new();
    for at in run.at..run.at + u64::from(run.blocks) {
        let one = Get::new(volume, Run { at, blocks: 1, ..run }, turn).run().await?;
        bad = bad | one.bad;
        pieces.push(one.data.map_or(Piece::Bad(at), |data| Piece::Good(at, data)));
    }
    Ok((pieces, bad))
}

/// Puts what was read onto some legs of a group, past their volatile caches if `fua`; what could not be read is
/// poisoned there.
pub(super) async fn put_pieces(
    volume: &Rc<Volume>,
    pieces: Vec<Piece>,
    (group, legs): (LegSet, LegSet),
    fua: bool,
) -> Result<(), IoError> {
    for piece in pieces {
        let work = match piece {
            Piece::Good(at, data) => Work::Write { at, data, fua },
            Piece::Bad(at) => Work::Poison { at },
        };
        Put::new(volume, work, group, legs).await?;
    }
    Ok(())
}

/// Rewrites what some legs could not read with what others could (rule 13). The run is of the volume's
/// blocks from `block` on.
async fn repair(volume: Rc<Volume>, block: u64, run: Run, bad: LegSet) {
    let blocks = run.blocks;
    // Before the lock: whoever waits for that may hold the memory that this waits for.
    let bytes = u64::from(blocks) * volume.client.map.block_size.bytes() as u64;
    let _buffer = volume.client.memory.alloc_waiting(bytes).await;
    let span = if planted!(RepairWithoutLock) {
        Range::new(u64::MAX - 1, 1)
    } else {
        Range::new(block, blocks)
    };
    let _lock = volume.locks.exclusive(span).await;
    if !volume.intent.are_equal(volume.spec.regions_of(block, blocks)) {
        crate::sometimes!(volume.client.handle, true, probes::REPAIR_LEFT);
        return;
    }
    let writing = Writing::begin(&volume, block, blocks);
    let grant = volume.grant();
    let Ok((mut pieces, _)) = read_pieces(&volume, run, 0).await else { return };
    if planted!(PoisonInsteadOfRepair) {
        let blocks = run.at..run.at + u64::from(run.blocks);
        pieces = blocks.map(Piece::Bad).collect();
    }
    let (lost, good): (Vec<Piece>, _) = pieces.into_iter().partition(Piece::is_bad);
    if put_pieces(&volume, good, (run.legs, bad), false).await.is_err() {
        return;
    }
    // A leg that came into sync meanwhile may have it: the next read asks that one, too.
    if !lost.is_empty() && volume.grant() != grant {
        crate::sometimes!(volume.client.handle, true, probes::REPAIR_LEFT);
        return;
    }
    // Lost is lost on every leg: one that is being rebuilt would keep what it has, for the rebuild goes by marks.
    if put_pieces(&volume, lost, (run.legs, run.legs), false).await.is_ok() {
        crate::sometimes!(volume.client.handle, true, probes::READ_REPAIRED);
        writing.complete();
    }
}

/// Asks a leg something that only some legs can answer: marks, or whether it can be reached.
pub(super) async fn ask(
    volume: &Volume,
    leg: LegIndex,
    epoch: Epoch,
    message: impl FnOnce(u64, Epoch) -> Wire,
) -> Reply {
    match request(volume, leg, epoch, message) {
        Some(call) => call.await,
        None => Reply::Lost,
    }
}
