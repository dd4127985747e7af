//! The RAID 1 data service: writes go to every leg before they are acknowledged, reads come from any
//! leg in sync (rules 4, 6, 11, 13 and 14).

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{Block, Epoch, LegIndex, Payload, VolumeId};
use crate::sim::{Sleep, Tracker};

use super::calls::{Call, Reply};
use super::intent::Writing;
use super::locks::Range;
use super::volume::Volume;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegStatus, MAX_LEGS, Topology, Wire};

/// Why an IO failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoError {
    /// It is outside the volume, or empty: nothing was done.
    Refused,
    /// It may have been done, in part or in whole.
    InDoubt,
    /// A block cannot be read from any copy.
    Media,
}

/// A transient error is tried again so many times before the leg is reported.
const RETRIES: u32 = 2;
/// The last leg in sync may fail so many times before the application is told.
const FAILURES_MAX: u32 = 12;

/// A volume as applications see it. Clones share it.
#[derive(Clone)]
pub struct BlockDevice {
    volume: Rc<Volume>,
    tracker: Tracker,
    /// Reads take turns among the legs.
    turn: Rc<Cell<u32>>,
}

impl BlockDevice {
    pub(super) fn new(volume: Rc<Volume>) -> Self {
        let tracker = volume.client.handle.tracker("io");
        Self { volume, tracker, turn: Rc::default() }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> VolumeId {
        self.volume.spec.id
    }

    /// Its size in blocks.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.volume.spec.blocks
    }

    /// What so many blocks take in memory.
    fn bytes(&self, blocks: u32) -> u64 {
        u64::from(blocks) * self.volume.client.map.block_size.bytes() as u64
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
                return Some(Err(IoError::InDoubt));
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
        if !self.is_inside(block, blocks) {
            return Err(IoError::Refused);
        }
        let (_io, _open) = (self.tracker.open(), self.volume.open_io());
        self.equal(block, blocks).await?;
        let _buffer = self.volume.client.memory.alloc_waiting(self.bytes(blocks)).await;
        loop {
            let lock = self.volume.locks.exclusive(Range::new(block, blocks)).await;
            if !self.volume.intent.are_equal(self.volume.spec.regions_of(block, blocks)) {
                drop(lock);
                self.equal(block, blocks).await?;
                continue;
            }
            let writing = Writing::begin(&self.volume, block, blocks);
            Put::new(&self.volume, Work::Write { block, data, fua }, Legs::ALL).await?;
            writing.complete();
            return Ok(());
        }
    }

    /// Deallocates blocks: they read as zeroes afterwards.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn trim(&self, block: u64, blocks: u32) -> Result<(), IoError> {
        self.write(block, Payload::zeroes(blocks)).await
    }

    /// Makes every write that was acknowledged before durable on all legs. When all of them lost their power
    /// with something of it in their caches, every flush that was under way fails, and else the first
    /// afterwards.
    ///
    /// # Errors
    /// See [`IoError`].
    pub async fn flush(&self) -> Result<(), IoError> {
        let (_io, _open) = (self.tracker.open(), self.volume.open_io());
        let flushing = self.volume.flushes.begin();
        Put::new(&self.volume, Work::Flush, Legs::ALL).await?;
        let kept = self.volume.flushes.end(flushing);
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
        let _buffer = self.volume.client.memory.alloc_waiting(self.bytes(blocks)).await;
        loop {
            let lock = self.volume.locks.shared(Range::new(block, blocks)).await;
            if !self.volume.intent.are_equal(self.volume.spec.regions_of(block, blocks)) {
                drop(lock);
                self.equal(block, blocks).await?;
                continue;
            }
            let turn = self.turn.get().wrapping_add(1);
            self.turn.set(turn);
            let cold = self.volume.flushes.cold();
            let (pieces, bad) = read_pieces(&self.volume, block, blocks, turn).await?;
            if bad.0 != 0 {
                let repair = repair(self.volume.clone(), block, blocks, bad);
                self.volume.client.handle.spawn("client.repair", repair);
            }
            self.lease().await?;
            // All legs may have lost their caches meanwhile, and what one of them showed need not be what
            // they will be made to agree on.
            if self.volume.flushes.cold() != cold {
                continue;
            }
            let data = join(pieces);
            crate::sometimes!(self.volume.client.handle, data.is_err(), probes::READ_LOST);
            return data;
        }
    }

    /// Waits until the manager surely hasn't given the volume to anybody else.
    async fn lease(&self) -> Result<(), IoError> {
        while !self.volume.has_lease() {
            if self.volume.is_lost() {
                return Err(IoError::InDoubt);
            }
            crate::sometimes!(self.volume.client.handle, true, probes::LEASE_AWAITED);
            self.volume.client.handle.sleep(self.volume.client.map.timing.heartbeat).await;
        }
        Ok(())
    }
}

/// Some of a volume's blocks, as far as they could be read.
pub(super) enum Piece {
    /// From this block on, these.
    Good(u64, Payload),
    /// This block cannot be read from any copy.
    Bad(u64),
}

fn join(pieces: Vec<Piece>) -> Result<Payload, IoError> {
    let mut blocks: Vec<Block> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Good(_, data) if blocks.is_empty() && data.len() > 1 => return Ok(data),
            Piece::Good(_, data) => blocks.extend(data.blocks()),
            Piece::Bad(_) => return Err(IoError::Media),
        }
    }
    Ok(Payload::from_blocks(&blocks))
}

/// Reads in one go, or block by block where some leg has lost some block. Says on which legs blocks
/// were found unreadable.
pub(super) async fn read_pieces(
    volume: &Rc<Volume>,
    block: u64,
    blocks: u32,
    turn: u32,
) -> Result<(Vec<Piece>, Legs), IoError> {
    let whole = Get::new(volume, block, blocks, turn).run().await?;
    let mut bad = whole.bad;
    if let Some(data) = whole.data {
        return Ok((vec![Piece::Good(block, data)], bad));
    }
    let mut pieces = Vec::new();
    for block in block..block + u64::from(blocks) {
        let one = Get::new(volume, block, 1, turn).run().await?;
        bad.0 |= one.bad.0;
        pieces.push(one.data.map_or(Piece::Bad(block), |data| Piece::Good(block, data)));
    }
    Ok((pieces, bad))
}

/// Puts what was read onto legs, past their volatile caches if `fua`; what could not be read is poisoned there.
pub(super) async fn put_pieces(
    volume: &Rc<Volume>,
    pieces: Vec<Piece>,
    legs: Legs,
    fua: bool,
) -> Result<(), IoError> {
    for piece in pieces {
        let work = match piece {
            Piece::Good(block, data) => Work::Write { block, data, fua },
            Piece::Bad(block) => Work::Poison { block },
        };
        Put::new(volume, work, legs).await?;
    }
    Ok(())
}

/// Rewrites what some legs could not read with what others could (rule 13).
async fn repair(volume: Rc<Volume>, block: u64, blocks: u32, bad: Legs) {
    // Before the lock: whoever waits for that may hold the memory that this waits for.
    let bytes = u64::from(blocks) * volume.client.map.block_size.bytes() as u64;
    let _buffer = volume.client.memory.alloc_waiting(bytes).await;
    let _lock = volume.locks.exclusive(Range::new(block, blocks)).await;
    if !volume.intent.are_equal(volume.spec.regions_of(block, blocks)) {
        return;
    }
    let writing = Writing::begin(&volume, block, blocks);
    let Ok((pieces, _)) = read_pieces(&volume, block, blocks, 0).await else { return };
    if put_pieces(&volume, pieces, bad, false).await.is_ok() {
        crate::sometimes!(volume.client.handle, true, probes::READ_REPAIRED);
        writing.complete();
    }
}

/// A set of legs, a bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Legs(pub(super) u8);

impl Legs {
    pub(super) const ALL: Self = Self(u8::MAX);
    const NONE: Self = Self(0);

    pub(super) fn one(leg: LegIndex) -> Self {
        Self(1 << leg.get())
    }

    fn has(self, leg: LegIndex) -> bool {
        self.0 >> leg.get() & 1 == 1
    }

    fn add(&mut self, leg: LegIndex) {
        self.0 |= 1 << leg.get();
    }

    fn remove(&mut self, leg: LegIndex) {
        self.0 &= !(1 << leg.get());
    }
}

/// What is to be done on legs.
#[derive(Clone)]
pub(super) enum Work {
    Write { block: u64, data: Payload, fua: bool },
    Poison { block: u64 },
    Flush,
}

impl Work {
    fn message(&self, cookie: u64, volume: &Volume, leg: LegIndex, epoch: Epoch) -> Wire {
        let size = volume.client.map.block_size;
        let volume = volume.spec.id;
        match self {
            Self::Write { block, data, fua } => {
                let (block, data, fua) = (*block, data.clone(), *fua);
                Wire::Write { cookie, volume, leg, epoch, block, data, size, fua }
            }
            Self::Poison { block } => {
                Wire::Poison { cookie, volume, leg, epoch, block: *block, blocks: 1 }
            }
            Self::Flush => Wire::Flush { cookie, volume, leg, epoch },
        }
    }
}

/// Sends a request to a leg, if it can be reached.
fn request(
    volume: &Volume,
    leg: LegIndex,
    epoch: Epoch,
    message: impl FnOnce(u64, Epoch) -> Wire,
) -> Option<Call> {
    let link = volume.link(leg);
    if !link.is_up() {
        return None;
    }
    let now = volume.client.handle.monotonic();
    let call = volume.client.calls.open(volume.leg(leg).target, volume.spec.id, leg, now);
    link.send(message(call.cookie(), epoch)).ok().map(|()| call)
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

/// Work under way on every written leg of a set, until each of them has done it or is dead.
pub(super) struct Put {
    volume: Rc<Volume>,
    work: Work,
    legs: Legs,
    done: Legs,
    grant: u64,
    /// The topology's `cold` that `done` counts from.
    cold: Epoch,
    calls: [Option<(Call, u64)>; MAX_LEGS],
    /// The grant under which a leg refused or failed: it is asked again under a later one.
    held: [u64; MAX_LEGS],
    failures: u32,
    retry: Option<Pin<Box<Sleep>>>,
}

impl Put {
    pub(super) fn new(volume: &Rc<Volume>, work: Work, legs: Legs) -> Self {
        Self {
            volume: volume.clone(),
            work,
            legs,
            done: Legs::NONE,
            grant: 0,
            cold: Epoch::new(0),
            calls: Default::default(),
            held: [0; MAX_LEGS],
            failures: 0,
            retry: None,
        }
    }

    /// Takes note of a new grant: what a leg did before it died counts no longer.
    fn follow(&mut self, topology: &Topology) {
        let grant = self.volume.grant();
        if self.grant == grant {
            return;
        }
        let handle = &self.volume.client.handle;
        crate::sometimes!(handle, self.grant != 0, probes::WRITE_UNDER_NEW_GRANT);
        self.grant = grant;
        if topology.cold != self.cold {
            // What legs had done may have gone with their caches, also if they have yet to tell.
            self.cold = topology.cold;
            self.done = Legs::NONE;
            self.calls = Default::default();
        }
        for leg in topology.modes.legs_in(LegMode::Dead) {
            crate::sometimes!(handle, self.done.has(leg), probes::WRITE_ON_DYING_LEG);
            self.done.remove(leg);
            self.calls[leg.index()] = None;
        }
    }

    /// Moves one leg on. Says whether anything changed.
    fn step(&mut self, leg: LegIndex, epoch: Epoch, cx: &mut Context<'_>) -> bool {
        let at = leg.index();
        if let Some((call, grant)) = &mut self.calls[at] {
            let grant = *grant;
            let Poll::Ready(reply) = Pin::new(call).poll(cx) else { return false };
            self.calls[at] = None;
            self.answered(leg, grant, &reply);
            return true;
        }
        if self.held[at] == self.grant {
            return false;
        }
        let (work, volume) = (&self.work, &self.volume);
        let message = |cookie, epoch| work.message(cookie, volume, leg, epoch);
        let Some(mut call) = request(volume, leg, epoch, message) else { return false };
        if let Some((other, _)) = self.calls.iter().flatten().next() {
            call.join(other);
        }
        // Has itself woken for the answer, which cannot be here yet.
        let answered = Pin::new(&mut call).poll(cx).is_ready();
        assert!(!answered, "an answer takes a message");
        self.calls[at] = Some((call, self.grant));
        false
    }

    fn answered(&mut self, leg: LegIndex, grant: u64, reply: &Reply) {
        match reply {
            Reply::Answer(LegStatus::Ok, _) => self.done.add(leg),
            Reply::Answer(LegStatus::WrongEpoch, _) => self.held[leg.index()] = grant,
            Reply::Answer(LegStatus::Disk(status), _) => {
                self.failures += 1;
                if status.dnr() || self.failures > RETRIES {
                    self.fail(leg, grant);
                }
            }
            Reply::Answer(LegStatus::Unusable, _) | Reply::Intent(_) => {
                self.failures += 1;
                self.fail(leg, grant);
            }
            Reply::TimedOut => self.volume.report_failed(leg),
            // It is sent again over the next connection; `monitor` reports a leg that stays away.
            Reply::Lost => {}
        }
    }

    /// Takes back what has not been answered: after this, the connection that carried it is over, and
    /// nothing of it can land on top of what is written next.
    fn give_up(&mut self) {
        for leg in self.volume.spec.leg_ids() {
            if self.calls[leg.index()].take().is_some() {
                crate::sometimes!(self.volume.client.handle, true, probes::WRITE_GIVEN_UP);
                self.volume.link(leg).close();
            }
        }
    }

    fn fail(&mut self, leg: LegIndex, grant: u64) {
        self.held[leg.index()] = grant;
        if grant == self.volume.grant() {
            self.volume.report_failed(leg);
        }
        if self.retry.is_none() {
            let pause = self.volume.client.map.timing.patience;
            self.retry = Some(Box::pin(self.volume.client.handle.sleep(pause)));
        }
    }

    /// Whether it is time to ask legs again that failed and were not given up.
    fn is_retry_due(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.retry.as_mut().is_some_and(|retry| retry.as_mut().poll(cx).is_ready());
        if due {
            crate::sometimes!(self.volume.client.handle, true, probes::WRITE_RETRIED);
            self.retry = None;
            self.held = [0; MAX_LEGS];
            self.volume.report_anew();
        }
        due
    }
}

impl Future for Put {
    type Output = Result<(), IoError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if this.volume.is_lost() || this.failures > FAILURES_MAX {
                this.give_up();
                return Poll::Ready(Err(IoError::InDoubt));
            }
            let Some(topology) = this.volume.topology() else { break };
            this.follow(&topology);
            let (mut missing, mut moved) = (false, false);
            let legs = this.legs;
            for leg in topology.modes.written().filter(|leg| legs.has(*leg)) {
                if !this.done.has(leg) {
                    moved |= this.step(leg, topology.epoch, cx);
                    missing |= !this.done.has(leg);
                }
            }
            if !missing {
                return Poll::Ready(Ok(()));
            }
            if !moved && !this.is_retry_due(cx) {
                break;
            }
        }
        // A leg without a call waits for a connection or a grant; calls are nudged by a grant.
        let waits = this.volume.topology().is_none_or(|topology| {
            let mut legs = topology.modes.written();
            legs.any(|leg| !this.done.has(leg) && this.calls[leg.index()].is_none())
        });
        if waits {
            this.volume.changed.register(cx);
        }
        Poll::Pending
    }
}

/// What a [`Get`] found.
struct Got {
    /// `None` when every leg in sync has lost some block of the range.
    data: Option<Payload>,
    /// The legs that have.
    bad: Legs,
}

/// A read under way: from one leg in sync after the other, until one gives the data.
struct Get {
    volume: Rc<Volume>,
    block: u64,
    blocks: u32,
    turn: u32,
    bad: Legs,
    tried: Legs,
    failures: u32,
}

impl Get {
    fn new(volume: &Rc<Volume>, block: u64, blocks: u32, turn: u32) -> Self {
        let (bad, tried) = (Legs::NONE, Legs::NONE);
        Self { volume: volume.clone(), block, blocks, turn, bad, tried, failures: 0 }
    }

    async fn run(mut self) -> Result<Got, IoError> {
        loop {
            if self.volume.is_lost() || self.failures > FAILURES_MAX {
                return Err(IoError::InDoubt);
            }
            let Some(topology) = self.volume.topology() else {
                self.wait().await;
                continue;
            };
            let in_sync = topology.modes.legs_in(LegMode::ReadWrite);
            if in_sync.clone().all(|leg| self.bad.has(leg)) {
                return Ok(Got { data: None, bad: self.bad });
            }
            let Some(leg) = self.choose(&topology) else {
                self.wait().await;
                self.tried = self.bad;
                continue;
            };
            self.tried.add(leg);
            let (volume, block, blocks) = (self.volume.spec.id, self.block, self.blocks);
            let read = |cookie, epoch| Wire::Read { cookie, volume, leg, epoch, block, blocks };
            let reply = ask(&self.volume, leg, topology.epoch, read).await;
            // What a leg answered after it was given up may be stale by now.
            if self.volume.topology().is_none_or(|now| now.modes.of(leg) != LegMode::ReadWrite) {
                crate::sometimes!(self.volume.client.handle, true, probes::READ_STALE_DISCARDED);
                continue;
            }
            let failed_before = self.failures > 0 || self.bad != Legs::NONE;
            if let Some(data) = self.answered(leg, reply) {
                crate::sometimes!(
                    self.volume.client.handle,
                    failed_before,
                    probes::READ_ON_OTHER_LEG
                );
                return Ok(Got { data: Some(data), bad: self.bad });
            }
        }
    }

    /// The next leg in sync that can be reached and was not tried.
    fn choose(&self, topology: &Topology) -> Option<LegIndex> {
        let legs = topology.modes.legs_in(LegMode::ReadWrite);
        let usable = |leg: &LegIndex| !self.tried.has(*leg) && self.volume.link(*leg).is_up();
        let count = legs.clone().filter(usable).count();
        if count == 0 {
            return None;
        }
        legs.filter(usable).nth(self.turn as usize % count)
    }

    fn answered(&mut self, leg: LegIndex, reply: Reply) -> Option<Payload> {
        match reply {
            Reply::Answer(LegStatus::Ok, data) => return Some(data),
            Reply::Answer(LegStatus::Disk(status), _) if status.is_unreadable() => {
                self.bad.add(leg);
            }
            Reply::Answer(LegStatus::Disk(status), _) => {
                self.failures += 1;
                if status.dnr() || self.failures > RETRIES {
                    self.volume.report_failed(leg);
                }
            }
            Reply::Answer(LegStatus::Unusable, _) | Reply::TimedOut => {
                self.failures += 1;
                self.volume.report_failed(leg);
            }
            Reply::Answer(LegStatus::WrongEpoch, _) | Reply::Intent(_) | Reply::Lost => {}
        }
        None
    }

    /// Waits for a change, but not for long: a leg that failed may serve again.
    async fn wait(&self) {
        let grant = self.volume.grant();
        let changed = self.volume.changed.wait_for(|| {
            let legs = self.volume.topology().map(|topology| {
                let mut legs = topology.modes.legs_in(LegMode::ReadWrite);
                legs.any(|leg| !self.tried.has(leg) && self.volume.link(leg).is_up())
            });
            (self.volume.is_lost() || self.volume.grant() != grant || legs == Some(true))
                .then_some(())
        });
        let pause = self.volume.client.map.timing.patience;
        if self.volume.client.handle.timeout(pause, changed).await.is_err() {
            self.volume.report_anew();
        }
    }
}
