//! Issues an application's operations, one after the other, and tells the history of each.

use std::rc::Rc;

use crate::base::history::{BlockRead, OpAbandoned, OpInvoked, OpKind, OpResult, OpReturned};
use crate::base::{Job, Nanos, OpId, Payload, Replay, Stamp, VolumeId};
use crate::sim::{NodeHandle, Seed};

use super::application::{AppConfig, AppKind, AppProgress, OpCounter};
use super::draw::{Choice, Draw};
use super::job::{JobState, Turn};
use super::records::Replaying;
use super::replay::Slot;
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
        self.wait_for_start().await;
        loop {
            match self.next_slot() {
                Slot::Now => {}
                Slot::At(slot) => self.handle.sleep_until(slot).await,
                Slot::Never => return,
            }
            self.go_on().await;
            if self.is_stale() {
                return;
            }
            match self.choose(&mut draw) {
                Turn::Op(choice) => self.issue_in_turn(choice).await,
                Turn::Quiet => self.wait_until_quiet().await,
                Turn::Wait(span) => {
                    let until = self.origin().saturating_add(span);
                    let until = self.config.stop.map_or(until, |stop| until.min(stop));
                    self.handle.sleep_until(until).await;
                }
                Turn::Over => {
                    self.finished();
                    return;
                }
            }
        }
    }

    /// Waits for the time to begin.
    pub(super) async fn wait_for_start(&self) {
        self.handle.sleep_until(self.config.start).await;
        if !self.config.behind.is_empty() || self.config.delay > Nanos::ZERO {
            self.wait_for_turn().await;
        }
    }

    /// Waits while the application is paused.
    pub(super) async fn go_on(&self) {
        if self.progress.is_paused.get() {
            self.wait_to_go_on().await;
        }
    }

    /// Whether the application was started anew, and it is to end.
    pub(super) fn is_stale(&self) -> bool {
        self.progress.starts.get() != self.start
    }

    /// Whether it is to issue no more.
    pub(super) fn is_at_stop(&self) -> bool {
        self.config.stop.is_some_and(|stop| self.handle.monotonic() >= stop)
    }

    /// The application is over.
    pub(super) fn finished(&self) {
        self.progress.is_finished.set(true);
        self.tell();
    }

    /// What to do next.
    fn choose(&self, draw: &mut Draw) -> Turn {
        if self.is_at_stop() {
            return Turn::Over;
        }
        match &self.config.kind {
            AppKind::Job(job) => self.turn(job),
            _ => draw.next(&self.progress),
        }
    }

    async fn issue_in_turn(&self, choice: Choice) {
        let began = self.handle.monotonic();
        // How it ended is for the history to know.
        let _ended = self.issue(choice).await;
        self.tell();
        // One that waits for its time to be up must not keep time from going on by what returns at once.
        let is_timed = matches!(self.config.kind, AppKind::Job(_));
        if is_timed && self.handle.monotonic() == began {
            self.handle.sleep(TURN).await;
        }
    }

    /// Waits until those are over that it comes behind, and then as long as it is told.
    async fn wait_for_turn(&self) {
        let is_stale = || self.is_stale();
        let is_turn = || self.config.behind.iter().all(|other| other.is_over());
        self.wait_for(|| is_stale() || is_turn()).await;
        if !is_stale() {
            self.handle.sleep_until(self.origin()).await;
        }
    }

    /// Waits until nothing of the application is under way, or it is started anew. Others may have begun something by
    /// the time that this one looks, though all were told: then it goes on, to see whether it must wait any longer.
    async fn wait_until_quiet(&self) {
        let AppProgress { awaits_quiet, open, .. } = &*self.progress;
        awaits_quiet.set(true);
        let is_told = || !awaits_quiet.get() || open.get() == 0;
        self.wait_for(|| self.is_stale() || is_told()).await;
    }

    /// Waits for what is told by [`AppProgress::look_again`].
    async fn wait_for(&self, holds: impl Fn() -> bool) {
        let resumed = self.progress.resumed.borrow().clone();
        let Some(resumed) = resumed else { return };
        resumed.wait_for(|| holds().then_some(())).await;
    }

    /// Tells those who wait that nothing is under way, or that it is over.
    fn tell(&self) {
        if self.progress.open.get() > 0 {
            return;
        }
        if self.progress.awaits_quiet.replace(false) {
            self.progress.look_again();
        }
        if self.progress.is_over() {
            self.config.before.iter().for_each(|other| other.look_again());
        }
    }

    /// When it began; if it didn't, it does now.
    fn began(&self) -> Nanos {
        self.progress.began.get().unwrap_or_else(|| {
            let now = self.handle.monotonic();
            self.progress.began.set(Some(now));
            now
        })
    }

    /// When its first operation could be issued: so long after it began as it was told to wait.
    fn origin(&self) -> Nanos {
        self.began().saturating_add(self.config.delay)
    }

    /// What a job does next. Its draws are its own, wherever and however often it is started.
    fn turn(&self, job: &Job) -> Turn {
        let since = self.handle.monotonic().saturating_sub(self.origin());
        let is_quiet = self.progress.open.get() == 0;
        let mut state = self.progress.job.borrow_mut();
        let state = state.get_or_insert_with(|| {
            let name = format!("app.{}.job", self.config.writer);
            let rng = match job.seed {
                Some(seed) => Seed::new(seed).stream(&name),
                None => self.handle.kernel().stream(&name),
            };
            JobState::new(job, rng)
        });
        state.next(job, since, is_quiet)
    }

    /// Waits until the application is resumed, or started anew.
    async fn wait_to_go_on(&self) {
        let is_stale = || self.is_stale();
        self.wait_for(|| is_stale() || !self.progress.is_paused.get()).await;
    }

    /// When the next operation may be issued, for an application with a rate or with times.
    fn next_slot(&self) -> Slot {
        match &self.config.kind {
            AppKind::Random { rate: Some(rate), .. } | AppKind::Mixed { rate: Some(rate), .. } => {
                self.next_at(*rate)
            }
            AppKind::Job(job) => job.rate.map_or(Slot::Now, |rate| self.next_at(rate)),
            AppKind::Replay(replay) => self.next_step(replay),
            AppKind::Random { .. } | AppKind::Mixed { .. } => Slot::Now,
            AppKind::Verify | AppKind::Guest(_) => Slot::Now,
        }
    }

    pub(super) fn next_at(&self, rate: u64) -> Slot {
        let slot = self.progress.next_at.get().max(self.handle.monotonic());
        self.progress.next_at.set(slot + Nanos::new(1_000_000_000 / rate.max(1)));
        Slot::At(slot)
    }

    /// When the next operation of a recording may be issued. Workers of an earlier start reserve none.
    fn next_step(&self, replay: &Replay) -> Slot {
        if self.is_stale() {
            return Slot::Never;
        }
        if self.progress.replayed.is_at_start() {
            self.tell_of(replay);
        }
        let began = self.origin();
        match (self.progress.replayed.reserve(replay, began), self.config.stop) {
            (Slot::At(at), Some(stop)) => Slot::At(at.min(stop)),
            (slot, _) => slot,
        }
    }

    fn tell_of(&self, replay: &Replay) {
        let &Replay { skipped, moved, clamped, rounded, .. } = replay;
        let (writer, operations) = (u32::from(self.config.writer), replay.steps.len() as u64);
        self.handle.emit(&Replaying { writer, operations, skipped, moved, clamped, rounded });
    }

    /// Issues an operation, and gives what it read.
    pub(super) async fn issue(&self, choice: Choice) -> Result<Payload, IoError> {
        let Choice { kind, block, blocks } = choice;
        let volume = self.device.volume();
        let stamp = self.stamp(kind, volume, block);
        let op = OpenOp::new(self, volume, kind);
        let author = stamp.words()[1];
        self.handle.emit(&OpInvoked { op: op.id, volume, kind, block, blocks, author });
        let done = match kind {
            OpKind::Write => self.device.write(block, Payload::run(stamp, blocks)).await,
            OpKind::WriteFua => self.device.write_fua(block, Payload::run(stamp, blocks)).await,
            OpKind::Trim => self.device.trim(block, blocks).await,
            OpKind::Flush => self.device.flush().await,
            OpKind::Read => {
                let read = self.device.read(block, blocks).await;
                for (at, content) in (block..).zip(read.iter().flat_map(Payload::blocks)) {
                    let [place, author] = content.fingerprint().words();
                    self.handle.emit(&BlockRead { op: op.id, volume, block: at, place, author });
                }
                op.returned(read.as_ref().map(drop).map_err(|error| *error));
                return read;
            }
        };
        op.returned(done);
        done.map(|()| Payload::empty())
    }

    /// The stamp of a write's first block; of a flush, one that says whose it is.
    fn stamp(&self, kind: OpKind, volume: VolumeId, block: u64) -> Stamp {
        if kind == OpKind::Flush {
            return Stamp::new(volume.get(), block, self.config.writer, 0);
        }
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
        if self.is_open {
            self.issuer.handle.emit(&OpAbandoned { op: self.id, volume: self.volume });
        }
    }
}
