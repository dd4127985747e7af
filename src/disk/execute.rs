//! What becomes of a command that is due, and what it does to the medium. Tells nobody.

use crate::base::{Block, Nanos, Payload, planted};

use super::cache::{Change, Fate};
use super::command::{Op, OpCode};
use super::config::DiskConfig;
use super::engine::State;
use super::fault::{End, FaultId, FaultKind, Verdict};
use super::protection::Protection;
use super::queue::{InFlight, Work};
use super::silent::{Shown, torn};
use super::status::Status;

/// A misdirected command goes so many blocks astray at most.
const ASTRAY_MAX: u64 = 64;

/// What executing a command did to the medium.
#[derive(Debug)]
pub(super) struct Executed {
    /// What a read read.
    pub(super) data: Payload,
    /// The first blocks of the command's range that changed.
    pub(super) changed: u32,
    /// Bad sectors and blocks that read wrong among them.
    pub(super) remapped: u32,
}

impl Executed {
    pub(super) const fn nothing() -> Self {
        Self { data: Payload::empty(), changed: 0, remapped: 0 }
    }
}

/// Where and when a command is executed.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) config: &'a DiskConfig,
    pub(super) now: Nanos,
}

impl State {
    /// What becomes of a command that is due.
    pub(super) fn judge(&mut self, command: &InFlight, setting: Setting<'_>) -> Verdict {
        if let Some((fault, status)) = command.refused {
            return Verdict::refused(status, Some(fault));
        }
        if let Some(status) = refuses(command, setting.config) {
            return Verdict::refused(status, None);
        }
        let (code, (lba, blocks)) = (command.code, command.range);
        let range = (lba, blocks, setting.now);
        let verdict = self.faults.judge(code, range, &mut self.chance);
        if !code.reads_media() || verdict.status != Status::Success {
            return verdict;
        }
        self.judge_read(command, verdict, setting)
    }

    fn judge_read(
        &mut self,
        command: &InFlight,
        verdict: Verdict,
        setting: Setting<'_>,
    ) -> Verdict {
        let (lba, blocks) = command.range;
        if self.media.is_lost(lba, blocks) {
            return Verdict::refused(Status::UnrecoveredRead, None);
        }
        if verdict.fault == Some(FaultKind::MisdirectNextRead) {
            if setting.config.protection && !planted!(ReferenceTagIgnored) {
                return Verdict::refused(Status::RefTagCheck, verdict.fault);
            }
            return verdict;
        }
        let mut verdict = verdict;
        if !self.silent.is_empty()
            && let Some((kind, flaw)) = self.silent.meets((lba, blocks), setting.config.block_size)
        {
            if let Some(flaw) = flaw.filter(|_| setting.config.protection) {
                return Verdict::refused(flaw, Some(kind));
            }
            verdict.fault = verdict.fault.or(Some(kind));
        }
        if let Work::Io(Op::Compare { data, .. }) = &command.work
            && !self.read(lba, blocks).blocks().eq(data.blocks())
        {
            return Verdict { status: Status::CompareFailure, ..verdict };
        }
        verdict
    }

    /// Whether a command that ends early may have been executed.
    pub(super) fn may_execute(&self, command: &InFlight, config: &DiskConfig) -> bool {
        command.refused.is_none()
            && command.held.is_none()
            && command.code.changes_media()
            && refuses(command, config).is_none()
            && !self.faults.is_read_only()
    }

    /// How many of its blocks an aborted command got to: none, all, or anything between, unless it is
    /// atomic.
    pub(super) fn draw_prefix(&mut self, command: &InFlight, config: &DiskConfig) -> u32 {
        if !self.may_execute(command, config) {
            return 0;
        }
        let (lba, blocks) = command.range;
        match self.chance.below(3) {
            0 => 0,
            1 => blocks,
            _ if blocks > 1 && config.is_atomic(lba, blocks) => {
                blocks * self.chance.below(2) as u32
            }
            _ => self.chance.between(0, u64::from(blocks)) as u32,
        }
    }

    pub(super) fn execute_whole(
        &mut self,
        command: &InFlight,
        verdict: &Verdict,
        setting: Setting<'_>,
    ) -> Executed {
        if !verdict.executed {
            return Executed::nothing();
        }
        let (_, blocks) = command.range;
        let mut executed = match verdict.fault {
            // A read may have met what such a write left.
            Some(kind) if kind.is_silent_write() && command.code.changes_media() => {
                self.execute_falsely(command, (kind, verdict.by), setting)
            }
            Some(FaultKind::MisdirectNextRead) => self.read_astray(command, setting),
            _ => self.execute(command, blocks, setting),
        };
        if verdict.status != Status::Success {
            executed.data = Payload::empty();
        }
        executed
    }

    /// Executes the first `count` blocks of a command.
    pub(super) fn execute(
        &mut self,
        command: &InFlight,
        count: u32,
        setting: Setting<'_>,
    ) -> Executed {
        let mut executed = Executed::nothing();
        let Work::Io(op) = &command.work else { return executed };
        match op {
            Op::Flush => {
                if let Some(cache) = &mut self.cache {
                    cache.flush(command.covers);
                }
            }
            _ if count == 0 => {}
            Op::Read { lba, .. } => executed.data = self.read(*lba, count),
            Op::Compare { .. } => {}
            Op::Write { lba, .. }
            | Op::WriteZeroes { lba, .. }
            | Op::Deallocate { lba, .. }
            | Op::WriteUncorrectable { lba, .. } => {
                if self.cache.is_some() || self.journal.is_some() {
                    self.note_change(op, count, setting);
                }
                match op {
                    Op::Write { data, .. } => self.media.write(*lba, data, count),
                    Op::WriteUncorrectable { .. } => self.media.lose(*lba, count),
                    _ => self.media.zero(*lba, count),
                }
                executed.changed = count;
                if !matches!(op, Op::WriteUncorrectable { .. }) {
                    executed.remapped = self.faults.rewritten(*lba, count);
                }
                executed.remapped += self.silent.rewritten(*lba, count);
            }
        }
        executed
    }

    /// What a read gives.
    fn read(&mut self, lba: u64, blocks: u32) -> Payload {
        let data = self.media.read(lba, blocks);
        if self.silent.is_empty() { data } else { self.silent.distort(lba, data) }
    }

    /// Writes down what a change is about to replace, for whoever may want it back.
    fn note_change(&mut self, op: &Op, count: u32, setting: Setting<'_>) {
        let (lba, blocks) = op.range();
        if let Some(journal) = &mut self.journal {
            journal.note(&mut self.media, setting.now, (lba, count));
        }
        let Some(cache) = &mut self.cache else { return };
        cache.settle(setting.now);
        let (change, durable) = match op {
            Op::Write { data, fua, .. } => (Change::Data(data.clone()), *fua),
            Op::WriteUncorrectable { .. } => (Change::Lost, true),
            _ => (Change::Data(Payload::zeroes(count)), false),
        };
        let (min, max) = setting.config.write_back;
        let due = setting.now.saturating_add(self.cache_rng.nanos(min, max));
        let atomic = setting.config.is_atomic(lba, blocks);
        cache.note(&mut self.media, (lba, count), change, Fate { atomic, durable, due });
    }

    /// What a read of one block finds, and beside it; `None` if the block is marked as lost.
    pub(super) fn seen(&self, lba: u64, config: &DiskConfig) -> Option<(Block, Protection)> {
        if self.media.is_lost(lba, 1) {
            return None;
        }
        if let Some(shown) = self.silent.get(lba) {
            return Some((shown.block.clone(), shown.protection));
        }
        let block = self.media.block(lba);
        let protection = Protection::of(&block, config.block_size, lba);
        Some((block, protection))
    }

    /// Executes a write as a device does that lies about it: the medium has what it should, and reads show
    /// what such a device would.
    fn execute_falsely(
        &mut self,
        command: &InFlight,
        (kind, fault): (FaultKind, FaultId),
        setting: Setting<'_>,
    ) -> Executed {
        let (lba, blocks) = command.range;
        let config = setting.config;
        let before: Vec<Option<(Block, Protection)>> =
            (lba..lba + u64::from(blocks)).map(|lba| self.seen(lba, config)).collect();
        let executed = self.execute(command, blocks, setting);
        match kind {
            FaultKind::TearNextWrite => {
                let index = self.silent_rng.below(u64::from(blocks));
                let at = lba + index;
                if let Some((old, _)) = &before[index as usize] {
                    let new = self.media.block(at);
                    let block = torn(&new, old, config.block_size);
                    let protection = Protection::of(&new, config.block_size, at);
                    self.silent.show(at, Shown { fault, kind, block, protection });
                }
            }
            FaultKind::MisdirectNextWrite => {
                if let Some(to) = self.draw_astray(lba, blocks, config) {
                    for index in 0..u64::from(blocks) {
                        let block = self.media.block(lba + index);
                        let protection = Protection::of(&block, config.block_size, lba + index);
                        self.silent.show(to + index, Shown { fault, kind, block, protection });
                    }
                }
                self.keep_showing(lba, before, (kind, fault));
            }
            _ => self.keep_showing(lba, before, (kind, fault)),
        }
        executed
    }

    fn keep_showing(
        &mut self,
        lba: u64,
        before: Vec<Option<(Block, Protection)>>,
        (kind, fault): (FaultKind, FaultId),
    ) {
        for (at, old) in (lba..).zip(before) {
            if let Some((block, protection)) = old {
                self.silent.show(at, Shown { fault, kind, block, protection });
            }
        }
    }

    fn read_astray(&mut self, command: &InFlight, setting: Setting<'_>) -> Executed {
        let (lba, blocks) = command.range;
        let from = self.draw_astray(lba, blocks, setting.config).unwrap_or(lba);
        Executed { data: self.read(from, blocks), ..Executed::nothing() }
    }

    /// A place near by that a command of so many blocks may end up at; `None` on a disk too small for one.
    fn draw_astray(&mut self, lba: u64, blocks: u32, config: &DiskConfig) -> Option<u64> {
        let blocks = u64::from(blocks);
        let distance = self.silent_rng.between(blocks, blocks.max(ASTRAY_MAX));
        let up = Some(lba + distance).filter(|to| to + blocks <= config.blocks);
        let down = lba.checked_sub(distance);
        if self.silent_rng.below(2) == 0 { up.or(down) } else { down.or(up) }
    }
}

/// Why a command is refused whatever the device's state, if it is.
pub(super) fn refuses(command: &InFlight, config: &DiskConfig) -> Option<Status> {
    if matches!(command.code, OpCode::Flush | OpCode::Identify | OpCode::Abort) {
        return None;
    }
    let (lba, blocks) = command.range;
    let end = lba.checked_add(u64::from(blocks));
    if blocks == 0 || end.is_none_or(|end| end > config.blocks) {
        return Some(Status::LbaRange);
    }
    let carries = matches!(command.code, OpCode::Read | OpCode::Write | OpCode::Compare);
    let too_long = config.transfer_blocks > 0 && blocks > config.transfer_blocks;
    (carries && too_long).then_some(Status::InvalidField)
}

/// When a completion that is late comes, counted in latencies of its command.
pub(super) const LATE_FACTOR: u32 = 50;

impl Verdict {
    /// Whether the command stays with the device although it was executed.
    pub(super) const fn is_held(&self) -> bool {
        matches!(self.end, End::Lost | End::Late)
    }
}
