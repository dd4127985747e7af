//! Puts images of the log on the manager's disk, the newest whenever the disk is free, and reads them back. Decides nothing.

use crate::base::{Block, BlockSize, Nanos, Payload};
use crate::disk::port::{Command, Drive, Driver, DriverConfig, Op, Status};
use crate::sim::NodeHandle;

use super::image::{Image, area_blocks};
use super::log::Log;

/// Between two attempts when the disk fails.
const RETRY: Nanos = Nanos::from_millis(1);

/// The two areas of a disk.
pub(super) struct Disk {
    handle: NodeHandle,
    drive: Drive,
    queue: Driver,
    config: DriverConfig,
    size: BlockSize,
    volumes: usize,
    /// The most blocks that it takes in a command; none, if as many as there are.
    most: Option<usize>,
    /// Which area holds the newest image, and its number.
    newest: (u64, u64),
}

impl Disk {
    /// Finds out what it holds: the log of the newest image; none, if there is no image, for the disk is another one.
    pub(super) async fn open(
        handle: &NodeHandle,
        drive: &Drive,
        (size, config): (BlockSize, DriverConfig),
        volumes: usize,
    ) -> (Self, Option<Log>) {
        let queue = Driver::open(handle, drive, handle.node(), config);
        let (newest, most) = ((1, 0), None);
        let (handle, drive) = (handle.clone(), drive.clone());
        let mut disk = Self { handle, drive, queue, config, size, volumes, most, newest };
        disk.most = disk.most().await;
        let mut log = None;
        for area in 0..2 {
            let Some(image) = disk.image(area).await else { continue };
            if image.number > disk.newest.1 {
                disk.newest = (area, image.number);
                log = Some(image.log);
            }
        }
        (disk, log)
    }

    async fn most(&self) -> Option<usize> {
        loop {
            match self.drive.identify(self.handle.node()).await {
                Ok(identity) => {
                    let most = identity.transfer_blocks as usize;
                    return (most > 0).then_some(most);
                }
                Err(status) => tracing::debug!(%status, "the log's disk does not say what it is"),
            }
            self.handle.sleep(RETRY).await;
        }
    }

    async fn image(&mut self, area: u64) -> Option<Image> {
        let first = area * area_blocks(self.volumes);
        let mut blocks = vec![self.read(first).await];
        let body = Image::body_blocks(&blocks[0], self.size)?.min(area_blocks(self.volumes) - 1);
        for at in 1..=body {
            blocks.push(self.read(first + at).await);
        }
        Image::from_blocks(&blocks, self.size)
    }

    /// Makes a log durable. Returns only when it is.
    pub(super) async fn store(&mut self, log: Log) {
        let (area, number) = (1 - self.newest.0, self.newest.1 + 1);
        let blocks = Image { number, log }.to_blocks(self.size);
        let room = area_blocks(self.volumes);
        assert!(blocks.len() as u64 <= room, "a log of {} blocks is too long", blocks.len());
        let mut lba = area * room;
        for part in blocks.chunks(self.most.unwrap_or(blocks.len())) {
            self.write(lba, part).await;
            lba += part.len() as u64;
        }
        self.newest = (area, number);
    }

    async fn write(&mut self, lba: u64, blocks: &[Block]) {
        loop {
            let data = Payload::from_blocks(blocks);
            match self.execute(Op::Write { lba, data, fua: true }).await.0 {
                Status::Success => return,
                status => self.wait_after(status).await,
            }
        }
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
        tracing::debug!(%status, "the log's disk fails");
        self.handle.sleep(RETRY).await;
        self.queue = Driver::open(&self.handle, &self.drive, self.handle.node(), self.config);
    }

    async fn execute(&self, op: Op) -> (Status, Payload) {
        let command = Command { cookie: 0, tag: u64::MAX, op };
        self.queue.submit(command).expect("the log has one command at a time");
        let completion = self.queue.completion().await;
        (completion.status, completion.data)
    }
}
