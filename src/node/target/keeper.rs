//! Keeps a leg's metadata on its disk: reads it at boot, writes superblock and bitmap when they change.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::base::{Block, Nanos, Payload};
use crate::disk::port::{Command, Driver, Op, Status};

use super::boot::Target;
use super::leg::{Chore, Leg};
use super::serve::MISSED_MAX;
use crate::base::planted;
use crate::layout::Layout;
use crate::node::config::Timing;
use crate::node::layout::{IntentMap, Superblock};
use crate::node::probes;
use crate::node::records::WriteMissing;
use crate::sim::Rng;

/// Metadata that cannot be read so often are lost. A block that is lost stays so; one that was read from elsewhere, or was
/// damaged on its way, says nothing of what is there, and a disk that belongs elsewhere must not pass for a blank one by it.
pub const METADATA_READS: u32 = 3;

/// The tag of commands that no epoch fences: metadata is the target's own.
const METADATA_TAG: u64 = u64::MAX;

/// Serves one leg's metadata for the life of the target.
pub(super) async fn run(target: Rc<Target>, leg: Rc<Leg>) {
    // Four bitmaps, a count for each region, and the block that a command carries.
    let regions = u64::from(leg.volume.regions());
    let block = target.map.block_size.bytes() as u64;
    let bytes = regions.div_ceil(8) * 4 + regions * 4 + block;
    let _bitmaps = target.memory.reserve_waiting(bytes).await;
    let mut failures = Failures::default();
    loop {
        // A new one each time: a device that was given up, or has lost its power, is looked for again.
        let (host, config) = (target.handle.node(), target.map.timing.driver);
        let queue = Driver::open(&target.handle, &leg.drive, host, config);
        let rng = RefCell::new(target.handle.rng("keeper"));
        let keeper = Keeper { target: target.clone(), leg: leg.clone(), queue, rng };
        match keeper.load().await {
            Ok(()) => {
                let End::Write = keeper.store().await else { continue };
                let now = target.handle.monotonic();
                if let Some(pause) = failures.pause(now, &target.map.timing) {
                    crate::sometimes!(target.handle, true, probes::DISK_LEFT_ALONE);
                    target.handle.sleep(pause).await;
                }
            }
            Err(status) => {
                tracing::debug!(place = %keeper.leg.place, %status, "metadata cannot be read");
                keeper.target.handle.sleep(keeper.target.map.timing.patience).await;
            }
        }
    }
}

/// Failures to write metadata, each soon after the one before. A disk that can be read and takes no write looks usable each
/// time anew, and the manager asks for it at once: the pause before it is read again grows.
#[derive(Default)]
struct Failures {
    count: u32,
    last: Nanos,
}

impl Failures {
    /// A write has failed now: for how long the disk is left alone. Not at all the first time; then for a heartbeat, twice
    /// as long each time, up to the patience that a client has. A failure longer than the time of a request after the one
    /// before is a first one.
    fn pause(&mut self, now: Nanos, timing: &Timing) -> Option<Nanos> {
        let is_first = self.count == 0 || now.saturating_sub(self.last) > timing.io_timeout;
        self.count = if is_first { 1 } else { self.count.saturating_add(1) };
        self.last = now;
        let doublings = self.count.checked_sub(2)?;
        let pause = Nanos::new(timing.heartbeat.get() << doublings.min(16));
        Some(pause.min(timing.patience))
    }
}

/// Why a keeper looks at its disk anew.
enum End {
    /// The device has lost its power or is another.
    Device,
    /// A write failed.
    Write,
}

struct Keeper {
    target: Rc<Target>,
    leg: Rc<Leg>,
    queue: Driver,
    /// Draws how long a buggified write waits.
    rng: RefCell<Rng>,
}

impl Keeper {
    /// Reads superblock and bitmap. Metadata that the disk has lost is replaced by the safe guess:
    /// no generation, every region marked.
    async fn load(&self) -> Result<(), Status> {
        let extent = self.leg.extent;
        let size = self.target.map.block_size;
        let regions = self.leg.volume.regions();
        let identity = self.queue.identify().await?;
        let superblock = self.read(extent.superblock, 1).await?;
        let superblock = superblock.and_then(|blocks| Superblock::from_block(&blocks[0], size));
        if let Some(found) = superblock.filter(|found| self.is_foreign(found)) {
            let Superblock { volume, leg, place, .. } = found;
            let here = self.leg.place;
            tracing::warn!(%here, %volume, %leg, %place, "the disk is another leg's, and is left alone");
            crate::sometimes!(self.target.handle, true, probes::FOREIGN_DISK_REFUSED);
            self.leg.found_foreign(&identity, &found);
            return Ok(());
        }
        let superblock = superblock.filter(|found| self.leg.wrote(found));
        let intent = self.read(extent.bitmap(), extent.bitmap_blocks).await?;
        let cold = self.leg.drive.has_volatile_cache()
            && !planted!(ColdLegTrusted)
            && !self.leg.volume.layout.writes_through()
            && superblock.is_some_and(|found| found.life != identity.life);
        let lost = intent.is_none();
        let intent = intent.filter(|_| !planted!(MarksLostAtBoot));
        let intent = intent.map_or_else(
            || if lost { IntentMap::full(regions) } else { IntentMap::empty(regions) },
            |blocks| IntentMap::from_blocks(&blocks, regions, size),
        );
        crate::sometimes!(self.target.handle, lost, probes::METADATA_LOST);
        // What a disk that loses writes shows now may be followed by what it was told before.
        if lost || self.leg.volume.verified {
            self.write_intent(&intent).await?;
        }
        self.leg.loaded(&identity, superblock, cold, intent);
        Ok(())
    }

    /// Whether the disk belongs elsewhere: only somebody who knows what is on it may have it overwritten.
    fn is_foreign(&self, found: &Superblock) -> bool {
        !self.leg.wrote(found) && !planted!(ForeignDiskTaken)
    }

    /// Writes whatever is to be written, until a write fails or the device is no longer the one that was
    /// read.
    async fn store(&self) -> End {
        loop {
            let Some(chore) = self.next_chore().await else {
                tracing::debug!(place = %self.leg.place, "the device has lost its power or is another");
                self.leg.failed();
                return End::Device;
            };
            if crate::buggify!(self.target.handle, probes::SLOW_METADATA) {
                let heartbeat = self.target.map.timing.heartbeat;
                let pause = self.rng.borrow_mut().nanos(Nanos::ZERO, heartbeat);
                self.target.handle.sleep(pause).await;
            }
            let written = match &chore {
                Chore::Superblock { generation, confirmed, rebuild } => {
                    let block = Superblock {
                        volume: self.leg.volume.id,
                        leg: self.leg.index().expect("only a leg's superblock is written"),
                        place: self.leg.place,
                        generation: *generation,
                        life: self.leg.life(),
                        confirmed: *confirmed,
                        rebuild: *rebuild,
                    };
                    let block = block.to_block(self.target.map.block_size);
                    self.write(self.leg.extent.superblock, &[block]).await
                }
                Chore::Intent(intent) => self.write_intent(intent).await,
            };
            match written {
                Ok(()) => self.leg.chore_done(chore),
                Err(status) => {
                    crate::sometimes!(self.target.handle, true, probes::METADATA_UNWRITABLE);
                    tracing::debug!(place = %self.leg.place, %status, "metadata cannot be written");
                    self.leg.failed();
                    return End::Write;
                }
            }
        }
    }

    /// What is to be written next; `None` when the device ended the queue pair.
    async fn next_chore(&self) -> Option<Chore> {
        poll_fn(|cx| {
            // Nothing is in flight: this only has the keeper woken when the pair ends.
            let _nothing = self.queue.poll_completion(cx);
            if self.queue.is_dead() {
                return Poll::Ready(None);
            }
            self.leg.changed.register(cx);
            self.leg.next_chore().map_or(Poll::Pending, |chore| Poll::Ready(Some(chore)))
        })
        .await
    }

    async fn write_intent(&self, intent: &IntentMap) -> Result<(), Status> {
        let blocks = intent.to_blocks(self.target.map.block_size);
        self.write(self.leg.extent.bitmap(), &blocks).await
    }

    /// The blocks, or `None` when the disk has lost one of them.
    async fn read(&self, lba: u64, blocks: u32) -> Result<Option<Vec<Block>>, Status> {
        for _ in 0..METADATA_READS {
            let (status, data) = self.execute(Op::Read { lba, blocks }).await;
            match status {
                Status::Success => return Ok(Some(data.blocks().collect())),
                status if status.is_unreadable() => {}
                other => return Err(other),
            }
        }
        Ok(None)
    }

    /// Writes blocks; where the disk has to prove its writes, until it has.
    async fn write(&self, lba: u64, blocks: &[Block]) -> Result<(), Status> {
        let data = Payload::from_blocks(blocks);
        for _ in 0..MISSED_MAX {
            let write = Op::Write { lba, data: data.clone(), fua: true };
            let status = self.execute(write).await.0;
            if status != Status::Success {
                return Err(status);
            }
            if !self.leg.volume.verified || planted!(MetadataNotVerified) {
                return Ok(());
            }
            match self.execute(Op::Compare { lba, data: data.clone() }).await.0 {
                Status::Success => return Ok(()),
                status if status == Status::CompareFailure || status.is_unreadable() => {
                    let (disk, blocks) = (self.leg.drive.id(), data.len());
                    self.target.handle.emit(&WriteMissing { disk, lba, blocks });
                }
                other => return Err(other),
            }
        }
        Err(Status::WriteFault)
    }

    async fn execute(&self, op: Op) -> (Status, Payload) {
        let command = Command { cookie: 0, tag: METADATA_TAG, op };
        self.queue.submit(command).expect("the keeper has one command at a time");
        let completion = self.queue.completion().await;
        (completion.status, completion.data)
    }
}

#[cfg(test)]
mod tests {
    use super::Failures;
    use crate::base::Nanos;
    use crate::node::config::Timing;

    #[test]
    fn a_disk_that_takes_no_write_is_left_alone_longer_each_time() {
        let timing = Timing::default();
        let (mut failures, mut now) = (Failures::default(), Nanos::from_millis(50));
        let mut pauses = |idle: u64| -> Vec<u64> {
            let pause = |_| {
                let pause = failures.pause(now, &timing).unwrap_or(Nanos::ZERO);
                now = now + pause + Nanos::from_millis(idle);
                pause.get() / 1_000_000
            };
            (0..6).map(pause).collect()
        };
        assert_eq!(pauses(0), [0, 1, 2, 3, 3, 3], "milliseconds");
        assert_eq!(pauses(12), [3, 0, 0, 0, 0, 0], "each by itself");
    }
}
