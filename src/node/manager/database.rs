//! The manager's database: one record a volume, two slots each on the manager's disk, written in turn,
//! so that a write cut short leaves the record before it. Decides nothing.

use crate::base::{Block, BlockSize, Nanos, Payload, VolumeId};
use crate::disk::port::{Command, Drive, Driver, DriverConfig, Op, Status};
use crate::sim::NodeHandle;
use crate::sim::Rng;

use super::record::VolumeRecord;
use crate::node::probes;

/// Between two attempts when the disk fails.
const RETRY: Nanos = Nanos::from_millis(1);

/// The database's file, as it were.
pub(super) struct Database {
    handle: NodeHandle,
    drive: Drive,
    queue: Driver,
    config: DriverConfig,
    size: BlockSize,
    /// The slot that holds each volume's newest record.
    newest: Vec<u64>,
    /// Draws how long a buggified write waits.
    rng: Rng,
}

impl Database {
    pub(super) fn open(
        handle: &NodeHandle,
        drive: &Drive,
        size: BlockSize,
        config: DriverConfig,
    ) -> Self {
        let queue = Driver::open(handle, drive, handle.node(), config);
        let (rng, newest) = (handle.rng("database"), Vec::new());
        let (handle, drive) = (handle.clone(), drive.clone());
        Self { handle, drive, queue, config, size, newest, rng }
    }

    /// The newest record of the next volume, in the order of their ids; `None` when it has none yet.
    /// Waits for a disk that fails.
    pub(super) async fn load(&mut self, volume: VolumeId) -> Option<VolumeRecord> {
        let slots = [self.read(slot(volume, 0)).await, self.read(slot(volume, 1)).await];
        let blank = slots.iter().all(|block| *block == Block::ZERO);
        let records = (0..).zip(&slots).filter_map(|(turn, block)| {
            VolumeRecord::from_block(block, self.size).map(|record| (turn, record))
        });
        let newest = records.max_by_key(|(_, record)| record.age());
        assert!(blank || newest.is_some(), "both records of volume {volume} are damaged");
        assert_eq!(self.newest.len(), volume.index(), "volumes are loaded in order");
        self.newest.push(newest.map_or(1, |(turn, _)| turn));
        newest.map(|(_, record)| record)
    }

    /// Makes a record durable. Returns only when it is.
    pub(super) async fn store(&mut self, volume: VolumeId, record: &VolumeRecord) {
        let turn = 1 - self.newest[volume.index()];
        let lba = slot(volume, turn);
        let block = record.to_block(self.size);
        if crate::buggify!(self.handle, probes::SLOW_STORE) {
            let pause = self.rng.nanos(Nanos::ZERO, RETRY);
            self.handle.sleep(pause).await;
        }
        loop {
            let data = Payload::from_blocks(std::slice::from_ref(&block));
            let fails = crate::buggify!(self.handle, probes::FAILED_STORE);
            match self.execute(Op::Write { lba, data, fua: true }).await.0 {
                Status::Success if fails => self.wait_after(Status::Internal).await,
                Status::Success => break,
                status => self.wait_after(status).await,
            }
        }
        self.newest[volume.index()] = turn;
    }

    async fn read(&mut self, lba: u64) -> Block {
        loop {
            match self.execute(Op::Read { lba, blocks: 1 }).await {
                (Status::Success, data) => return data.block(0),
                (status, _) => self.wait_after(status).await,
            }
        }
    }

    async fn wait_after(&mut self, status: Status) {
        crate::sometimes!(self.handle, true, probes::RECORDS_UNWRITABLE);
        tracing::debug!(%status, "the database's disk fails");
        self.handle.sleep(RETRY).await;
        self.queue = Driver::open(&self.handle, &self.drive, self.handle.node(), self.config);
    }

    async fn execute(&self, op: Op) -> (Status, Payload) {
        let command = Command { cookie: 0, tag: u64::MAX, op };
        self.queue.submit(command).expect("the database has one command at a time");
        let completion = self.queue.completion().await;
        (completion.status, completion.data)
    }
}

/// The block of a volume's record: two for each, used in turn.
fn slot(volume: VolumeId, turn: u64) -> u64 {
    u64::from(volume.get()) * 2 + turn
}
