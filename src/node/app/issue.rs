//! Issues an application's operations, one after the other, and tells the history of each.

use std::rc::Rc;

use crate::base::history::{BlockRead, OpAbandoned, OpInvoked, OpKind, OpResult, OpReturned};
use crate::base::{Nanos, OpId, Payload, Stamp, VolumeId};
use crate::sim::NodeHandle;

use super::application::{AppConfig, AppKind, AppProgress, OpCounter};
use super::draw::{Choice, Draw};
use crate::node::client::{BlockDevice, IoError};

/// How long one that waits for others lets them have their turn.
const TURN: Nanos = Nanos::from_micros(1);

/// One worker of an application.
pub(super) struct Issuer {
    pub(super) handle: NodeHandle,
    pub(super) config: AppConfig,
    pub(super) progress: Rc<AppProgress>,
    pub(super) device: BlockDevice,
    pub(super) ops: OpCounter,
    /// Which start of the application it belongs to.
    pub(super) start: u64,
}

impl Issuer {
    pub(super) async fn run(self, mut draw: Draw) {
        self.handle.sleep_until(self.config.start).await;
        loop {
            if let Some(slot) = self.next_slot() {
                self.handle.sleep_until(slot).await;
            }
            if self.progress.is_paused.get() {
                self.wait_to_go_on().await;
            }
            if self.progress.starts.get() != self.start {
                return;
            }
            let stopped = self.config.stop.is_some_and(|stop| self.handle.monotonic() >= stop);
            let choice = if stopped { None } else { draw.next(&self.progress) };
            let Some(choice) = choice else {
                self.progress.is_finished.set(true);
                return;
            };
            let began = self.handle.monotonic();
            self.issue(choice).await;
            // One that waits for the others' writes must not keep them from their turn by what returns at once.
            let waits = matches!(self.config.kind, AppKind::Verify) && choice.kind == OpKind::Flush;
            if waits && self.handle.monotonic() == began {
                self.handle.sleep(TURN).await;
            }
        }
    }

    /// Waits until the application is resumed, or started anew.
    async fn wait_to_go_on(&self) {
        let resumed = self.progress.resumed.borrow().clone();
        let Some(resumed) = resumed else { return };
        let goes_on = || {
            let over = self.progress.starts.get() != self.start;
            (over || !self.progress.is_paused.get()).then_some(())
        };
        resumed.wait_for(goes_on).await;
    }

    /// When the next operation may be issued, for an application with a rate.
    fn next_slot(&self) -> Option<Nanos> {
        let AppKind::Random { rate: Some(rate), .. } = self.config.kind else { return None };
        let slot = self.progress.next_at.get().max(self.handle.monotonic());
        self.progress.next_at.set(slot + Nanos::new(1_000_000_000 / rate.max(1)));
        Some(slot)
    }

    async fn issue(&self, choice: Choice) {
        let Choice { kind, block, blocks } = choice;
        let volume = self.device.volume();
        let stamp = self.stamp(kind, volume, block);
        let op = OpenOp::new(self, volume, kind);
        let author = stamp.words()[1];
        self.handle.emit(&OpInvoked { op: op.id, volume, kind, block, blocks, author });
        let result = match kind {
            OpKind::Write => self.device.write(block, Payload::run(stamp, blocks)).await,
            OpKind::WriteFua => self.device.write_fua(block, Payload::run(stamp, blocks)).await,
            OpKind::Trim => self.device.trim(block, blocks).await,
            OpKind::Flush => self.device.flush().await,
            OpKind::Read => self.device.read(block, blocks).await.map(|data| {
                for (at, content) in (block..).zip(data.blocks()) {
                    let [place, author] = content.fingerprint().words();
                    self.handle.emit(&BlockRead { op: op.id, volume, block: at, place, author });
                }
            }),
        };
        op.returned(result);
    }

    /// The stamp of the operation's first block; of no use but to a write.
    fn stamp(&self, kind: OpKind, volume: VolumeId, block: u64) -> Stamp {
        if !kind.is_write() {
            return Stamp::default();
        }
        let sequence = self.progress.writes.get() + 1;
        self.progress.writes.set(sequence);
        Stamp::new(volume.get(), block, self.config.writer, sequence)
    }
}

/// An operation under way. If its application dies, the history is told.
struct OpenOp<'a> {
    issuer: &'a Issuer,
    id: OpId,
    volume: VolumeId,
    kind: OpKind,
    is_open: bool,
}

impl<'a> OpenOp<'a> {
    fn new(issuer: &'a Issuer, volume: VolumeId, kind: OpKind) -> Self {
        let progress = &issuer.progress;
        progress.issued.set(progress.issued.get() + 1);
        progress.open.set(progress.open.get() + 1);
        let writes = progress.open_writes.get() + u64::from(kind.is_write());
        progress.open_writes.set(writes);
        let id = issuer.ops.next();
        Self { issuer, id, volume, kind, is_open: true }
    }

    fn returned(mut self, result: Result<(), IoError>) {
        let result = match result {
            Ok(()) => OpResult::Ok,
            Err(IoError::Refused) => OpResult::Refused,
            Err(IoError::InDoubt) => OpResult::InDoubt,
            Err(IoError::Media) => OpResult::MediaError,
            Err(IoError::Taken) => OpResult::Taken,
        };
        self.is_open = false;
        let (op, volume, kind) = (self.id, self.volume, self.kind);
        self.issuer.handle.emit(&OpReturned { op, volume, kind, result });
    }
}

impl Drop for OpenOp<'_> {
    fn drop(&mut self) {
        let progress = &self.issuer.progress;
        progress.open.set(progress.open.get() - 1);
        let writes = progress.open_writes.get() - u64::from(self.kind.is_write());
        progress.open_writes.set(writes);
        if self.is_open {
            self.issuer.handle.emit(&OpAbandoned { op: self.id, volume: self.volume });
        }
    }
}
