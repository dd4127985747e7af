//! A host's NVMe driver over one queue pair: gives commands a time, tries again what may be tried again.
//! Injects nothing and knows no cluster.
//!
//! It follows Linux (`drivers/nvme/host`): a command that takes longer than it may is aborted; if that does
//! not end it, the controller is reset, which ends everything in flight; if commands time out even after
//! that, the device is given up. A command that failed, or that an abort or a reset ended, is tried again, but
//! never more often than `retries_max`, not when the status says Do Not Retry, and not before the delay that
//! the status asks for is over. Unlike Linux it never tries a command again that may have changed the medium and
//! of which nobody knows whether it did (aborted, queue gone): whoever issued it may have given its place
//! to another.
//!
//! # Fidelity
//! - Modelled: time-outs with abort, reset and removal; DNR, CRD; completions that come twice or after the
//!   driver gave their command up are recognised by the command's identifier and dropped.
//! - Simplified: a reset keeps the queue pairs; a device that was given up stays so for this driver, and is
//!   looked for by opening another one. An abort has no completion of its own.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::{Nanos, NodeId, Payload};
use crate::sim::{NodeHandle, Sleep};

use super::command::{Command, Completion, Op};
use super::port::{Drive, Identity, QueueFull};
use super::records::CommandTimedOut;
use super::split::Splitter;
use super::status::Status;

/// How patient a driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// A command that takes longer is aborted; as long again, and the controller is reset.
    pub io_timeout: Nanos,
    /// So long does identify take at most.
    pub admin_timeout: Nanos,
    /// How often a command that failed is tried again at most.
    pub retries_max: u8,
    /// After so many resets without a completion in between the device is given up; at least 1.
    pub resets_max: u8,
}

impl DriverConfig {
    /// What Linux has: 30 s, 60 s for admin commands, 5 retries.
    pub const LINUX: Self = Self {
        io_timeout: Nanos::from_secs(30),
        admin_timeout: Nanos::from_secs(60),
        retries_max: 5,
        resets_max: 1,
    };

    /// Times divided by `divisor` (at least 1), for a cluster whose other times are scaled down so.
    #[must_use]
    pub const fn scaled(self, divisor: u64) -> Self {
        let io_timeout = Nanos::new(self.io_timeout.get() / divisor);
        Self { io_timeout, admin_timeout: Nanos::new(self.admin_timeout.get() / divisor), ..self }
    }

    /// Times multiplied by `factor`.
    #[must_use]
    pub const fn slower(self, factor: u64) -> Self {
        let io_timeout = self.io_timeout.saturating_mul(factor);
        Self { io_timeout, admin_timeout: self.admin_timeout.saturating_mul(factor), ..self }
    }

    /// With so many retries at most.
    #[must_use]
    pub const fn with_retries(self, retries_max: u8) -> Self {
        Self { retries_max, ..self }
    }
}

/// What the driver did last about a command that takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Waits,
    Aborted,
}

/// A command that its issuer waits for.
#[derive(Debug)]
struct Entry {
    cookie: u64,
    tag: u64,
    /// Kept only where it may be tried again.
    op: Option<Op>,
    deadline: Nanos,
    retries: u8,
    step: Step,
    /// It waits for its turn to be tried again, and is not with the device.
    again_at: Option<Nanos>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    entry: Option<Entry>,
}

/// Whether the device still answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Live,
    /// So many resets since it completed anything.
    Reset(u8),
    Removed,
}

struct State {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Completions that the driver makes up itself.
    own: VecDeque<Completion>,
    device: Device,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A queue pair under a driver. Used like [`QueuePair`](super::port::QueuePair).
pub struct Driver {
    handle: NodeHandle,
    drive: Drive,
    host: NodeId,
    config: DriverConfig,
    // Before the pair, which is dropped last: nobody is woken for what is no more.
    state: RefCell<State>,
    /// The most blocks that the device takes at a time, once it was asked; 0 is no limit.
    longest: Cell<u32>,
    pair: Splitter,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({:?})", self.pair)
    }
}

impl Driver {
    /// Opens a queue pair on behalf of `host` and drives it from the node of `handle`.
    #[must_use]
    pub fn open(handle: &NodeHandle, drive: &Drive, host: NodeId, config: DriverConfig) -> Self {
        assert!(config.resets_max > 0, "a driver that gives a device up without a reset");
        let state = State {
            slots: Vec::new(),
            free: Vec::new(),
            own: VecDeque::new(),
            device: Device::Live,
            timer: None,
        };
        Self {
            handle: handle.clone(),
            drive: drive.clone(),
            host,
            config,
            state: RefCell::new(state),
            longest: Cell::new(0),
            pair: Splitter::open(drive, host),
        }
    }

    /// Opens a queue pair as [`open`](Self::open) does and asks the device what it is, every so often until it says so: what is
    /// longer than the device takes at a time goes to it in parts.
    pub async fn open_ready(
        handle: &NodeHandle,
        drive: &Drive,
        config: DriverConfig,
        every: Nanos,
    ) -> Self {
        loop {
            let driver = Self::open(handle, drive, handle.node(), config);
            match driver.identify().await {
                Ok(_) => return driver,
                Err(status) => tracing::debug!(%status, "a disk does not say what it is"),
            }
            handle.sleep(every).await;
        }
    }

    /// Queues a command. Cookies need not differ.
    ///
    /// # Errors
    /// [`QueueFull`] when the queue depth is used up; nothing was queued then.
    pub fn submit(&self, command: Command) -> Result<(), QueueFull> {
        let Command { cookie, tag, op } = command;
        let state = &mut *self.state.borrow_mut();
        if state.device == Device::Removed {
            state.own.push_back(Completion {
                cookie,
                status: Status::HostPath,
                data: Payload::empty(),
            });
            return Ok(());
        }
        if self.pair.is_full() {
            return Err(QueueFull);
        }
        let deadline = self.handle.monotonic().saturating_add(self.config.io_timeout);
        let kept = (self.config.retries_max > 0).then(|| op.clone());
        let (retries, step, again_at) = (0, Step::Waits, None);
        let id = state.insert(Entry { cookie, tag, op: kept, deadline, retries, step, again_at });
        let submitted = self.pair.submit(Command { cookie: id, tag, op }, self.longest.get());
        submitted.expect("the queue has room");
        Ok(())
    }

    /// The next completion, or `Pending`. One task at a time may wait.
    pub fn poll_completion(&self, cx: &mut Context<'_>) -> Poll<Completion> {
        loop {
            if let Some(completion) = self.state.borrow_mut().own.pop_front() {
                return Poll::Ready(completion);
            }
            match self.pair.poll_completion(cx) {
                Poll::Ready(completion) => {
                    if let Some(completion) = self.completed(completion) {
                        return Poll::Ready(completion);
                    }
                }
                Poll::Pending if self.poll_timer(cx) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Waits for the next completion.
    pub async fn completion(&self) -> Completion {
        poll_fn(|cx| self.poll_completion(cx)).await
    }

    /// Asks the device what it is. What carries more blocks than it says it takes goes to it in parts from then on.
    ///
    /// # Errors
    /// Any status but success; `AbortedByHost` when there is no answer in time.
    pub async fn identify(&self) -> Result<Identity, Status> {
        let answer = self.drive.identify(self.host);
        let answered = self.handle.timeout(self.config.admin_timeout, answer).await;
        let identity = answered.unwrap_or(Err(Status::AbortedByHost))?;
        self.longest.set(identity.transfer_blocks);
        Ok(identity)
    }

    /// Whether a submission would be refused now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pair.is_full()
    }

    /// Whether the device lost its power since the driver was opened: see [`QueuePair::is_dead`](super::port::QueuePair).
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.pair.is_dead()
    }

    /// Whether the device was given up: every command ends with `HostPath`.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.state.borrow().device == Device::Removed
    }

    /// Looks at a completion of the device: what its issuer is told, if it is over.
    fn completed(&self, completion: Completion) -> Option<Completion> {
        let state = &mut *self.state.borrow_mut();
        let entry = state.get(completion.cookie)?;
        if !self.may_retry(entry, completion.status) {
            let cookie = entry.cookie;
            state.remove(completion.cookie);
            if state.device != Device::Removed && !was_ended_by_host(completion.status) {
                state.device = Device::Live;
            }
            return Some(Completion { cookie, ..completion });
        }
        entry.retries += 1;
        let now = self.handle.monotonic();
        let delays = self.drive.retry_delays();
        let delay = match completion.status.crd() {
            0 => Nanos::ZERO,
            which => delays[usize::from(which - 1).min(delays.len() - 1)],
        };
        entry.again_at = Some(now.saturating_add(delay));
        entry.step = Step::Waits;
        state.timer = None;
        None
    }

    fn may_retry(&self, entry: &Entry, status: Status) -> bool {
        let fails_again = status.is_ok() || status.dnr() || status.is_path();
        let is_open = was_ended_by_host(status) || status == Status::PowerLoss;
        !fails_again
            && entry.op.as_ref().is_some_and(|op| !is_open || !op.code().changes_media())
            && entry.retries < self.config.retries_max
            && !self.pair.is_dead()
    }

    /// Does what is due by now, and has itself woken for what comes next. Says whether to look again.
    fn poll_timer(&self, cx: &mut Context<'_>) -> bool {
        let now = self.handle.monotonic();
        let due = {
            let state = &mut *self.state.borrow_mut();
            if let Some(timer) = &mut state.timer
                && timer.as_mut().poll(cx).is_pending()
            {
                return false;
            }
            state.timer = None;
            state.due(now)
        };
        let acted = !due.is_empty();
        due.into_iter().for_each(|id| self.act(id, now));
        let state = &mut *self.state.borrow_mut();
        let Some(next) = state.next_deadline() else { return acted };
        let mut timer = Box::pin(self.handle.sleep_until(next));
        let is_due = timer.as_mut().poll(cx).is_ready();
        state.timer = Some(timer);
        acted || is_due
    }

    /// A command is due to be tried again, or has taken too long.
    fn act(&self, id: u64, now: Nanos) {
        let step = {
            let state = &mut *self.state.borrow_mut();
            let Some(entry) = state.get(id) else { return };
            if entry.again_at.take().is_some() {
                let op = entry.op.clone().expect("kept for as long as it may be tried again");
                entry.deadline = now.saturating_add(self.config.io_timeout);
                let command = Command { cookie: id, tag: entry.tag, op };
                if self.pair.submit(command, self.longest.get()).is_err() {
                    // Others took the room: it waits for one of them.
                    let entry = state.get(id).expect("it was just there");
                    entry.again_at = Some(now.saturating_add(FULL_PAUSE));
                }
                return;
            }
            let step = entry.step;
            entry.step = Step::Aborted;
            entry.deadline = now.saturating_add(self.config.io_timeout);
            step
        };
        match step {
            Step::Waits => {
                self.tell(id, 1);
                self.pair.abort(id);
            }
            Step::Aborted => self.reset_or_remove(id),
        }
    }

    fn reset_or_remove(&self, id: u64) {
        let resets = match self.state.borrow().device {
            Device::Live => 0,
            Device::Reset(resets) => resets,
            Device::Removed => return,
        };
        if resets < self.config.resets_max {
            self.state.borrow_mut().device = Device::Reset(resets + 1);
            self.tell(id, 2);
            self.drive.reset(self.host);
            return;
        }
        self.tell(id, 3);
        let state = &mut *self.state.borrow_mut();
        state.device = Device::Removed;
        state.end_all(Status::HostPath);
    }

    fn tell(&self, id: u64, step: u8) {
        let cookie = self.state.borrow_mut().get(id).map_or(0, |entry| entry.cookie);
        let (disk, host) = (self.drive.id(), self.host);
        self.handle.emit(&CommandTimedOut { disk, host, cookie, step });
    }
}

/// How long a command that finds the queue full waits before it is tried again.
const FULL_PAUSE: Nanos = Nanos::from_micros(10);

/// Whether a command was ended by what its host did: nobody knows whether it was executed.
const fn was_ended_by_host(status: Status) -> bool {
    matches!(status, Status::AbortRequested | Status::AbortQueue | Status::AbortedByHost)
}

impl State {
    fn insert(&mut self, entry: Entry) -> u64 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[at as usize];
        slot.entry = Some(entry);
        u64::from(slot.generation) << 32 | u64::from(at)
    }

    /// The command of this identifier, if it is still waited for.
    fn get(&mut self, id: u64) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(id as u32 as usize)?;
        if u64::from(slot.generation) == id >> 32 { slot.entry.as_mut() } else { None }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let slot = self.slots.get_mut(id as u32 as usize)?;
        let entry = slot.entry.take()?;
        // Identifiers are cookies, whose highest bit is not theirs.
        slot.generation = slot.generation.wrapping_add(1) & (u32::MAX >> 1);
        self.free.push(id as u32);
        Some(entry)
    }

    fn end_all(&mut self, status: Status) {
        for at in 0..self.slots.len() {
            let id = u64::from(self.slots[at].generation) << 32 | at as u64;
            if let Some(entry) = self.remove(id) {
                let (cookie, data) = (entry.cookie, Payload::empty());
                self.own.push_back(Completion { cookie, status, data });
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let entry = slot.entry.as_ref()?;
            Some((u64::from(slot.generation) << 32 | at as u64, entry))
        })
    }

    fn due(&self, now: Nanos) -> Vec<u64> {
        let at = |entry: &Entry| entry.again_at.unwrap_or(entry.deadline);
        self.entries().filter(|(_, entry)| at(entry) <= now).map(|(id, _)| id).collect()
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.entries().map(|(_, entry)| entry.again_at.unwrap_or(entry.deadline)).min()
    }
}
