//! What applications did so far: the operations in flight and a register for each block touched, shared
//! by all checkers. Notices contradictions, and leaves it to the checkers to report them.

use crate::base::history::{
    AppOpened, BlockRead, CachesLost, MediaWritten, NodeDown, OpAbandoned, OpInvoked, OpKind,
    OpResult, OpReturned,
};
use crate::base::protocol::{TopologyDecided, TopologyFound};
use crate::base::{Nanos, NodeId, OpId, Record, Recorded, Seq, Stamp, VolumeId};

use super::caches::{Caches, Promise};
use super::faded::{FADE_AT, Flushes, Flushing};
use super::graves::Graves;
use super::operations::{Operation, Operations};
use super::recent::Recent;
use super::register::{Register, Wrong};
use super::registers::Registers;
use super::value::{Fate, Moment, Value};

const WRITTEN: u32 = MediaWritten::TYPE.code;
const INVOKED: u32 = OpInvoked::TYPE.code;
const SHOWN: u32 = BlockRead::TYPE.code;
const RETURNED: u32 = OpReturned::TYPE.code;
const ABANDONED: u32 = OpAbandoned::TYPE.code;
const LOST: u32 = CachesLost::TYPE.code;
const OPENED: u32 = AppOpened::TYPE.code;
const DOWN: u32 = NodeDown::TYPE.code;
const DECIDED: u32 = TopologyDecided::TYPE.code;
const FOUND: u32 = TopologyFound::TYPE.code;

/// The writer of contents that are no stamp's (`Block::fingerprint`).
const NO_WRITER: u16 = u16::MAX;

/// Why a block must not have the content that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No write makes such bytes.
    Garbled,
    /// It was written, but to another block.
    Misplaced,
    /// It is this block's, but it was not to be seen.
    Wrong(Wrong),
    /// Nobody told what it was.
    Unshown,
}

/// An operation whose result no register could have given.
#[derive(Clone, Debug)]
pub struct Contradiction {
    /// The volume.
    pub volume: VolumeId,
    /// The block.
    pub block: u64,
    /// The read that was shown what it must not be shown, the refused write that had been seen, or the flush that was
    /// done though something was gone.
    pub operation: Operation,
    /// When that operation returned.
    pub at: Nanos,
    /// What was shown; to a flush nothing is, but to a read before.
    pub content: Stamp,
    /// Why it must not have been.
    pub unfit: Unfit,
    /// What might have been shown instead.
    pub legal: Vec<Value>,
}

/// The operations in flight and what each block may hold.
#[derive(Clone, Debug, Default)]
pub struct History {
    operations: Operations,
    /// One for each block that an operation touched.
    registers: Registers,
    /// Places that have contradicted themselves already: what follows from that is not worth a report.
    muted: Vec<u64>,
    /// The highest sequence number of each writer.
    newest: Vec<u64>,
    recent: Recent,
    graves: Graves,
    /// Values on their way from a register to the graves.
    forgotten: Vec<Value>,
    contradictions: Vec<Contradiction>,
    now: Seq,
    /// By volume, what flushes and losses of power did to what was acknowledged; `None` where media have
    /// no volatile caches.
    caches: Option<Vec<Caches>>,
    /// The flushes under way, where they matter.
    flushing: Vec<Flushing>,
}

impl History {
    /// A history of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Media lose what they were not told to flush when their power goes: acknowledged writes may be lost
    /// when every copy's does. To be called before the first record.
    pub fn expect_volatile_caches(&mut self) {
        self.caches.get_or_insert_default();
    }

    fn caches_of(&self, volume: VolumeId) -> Option<&Caches> {
        self.caches.as_ref()?.get(volume.index())
    }

    fn caches_mut(&mut self, volume: VolumeId) -> Option<&mut Caches> {
        let caches = self.caches.as_mut()?;
        if caches.len() <= volume.index() {
            caches.resize_with(volume.index() + 1, Caches::default);
        }
        caches.get_mut(volume.index())
    }

    /// Every copy of the volume has lost its power.
    fn caches_lost(&mut self, volume: VolumeId, at: Nanos) {
        let now = self.now;
        let Some(caches) = self.caches_mut(volume) else { return };
        caches.lose(now, at);
        let flushed = caches.flushed;
        self.registers.of_volume(volume.get(), |_, register| register.caches_lost(flushed));
    }

    /// Whether a medium that is in sync may hold this content for good, whatever it holds in a cache.
    ///
    /// # Errors
    /// When it may not, why.
    pub fn may_survive(&self, volume: VolumeId, block: u64, content: Stamp) -> Result<(), Unfit> {
        self.at_home(volume, block, content)?;
        if self.caches.is_none() {
            return Ok(());
        }
        let flushed = self.caches_of(volume).map_or(Nanos::ZERO, |caches| caches.flushed);
        let judged = match self.registers.get(place(volume, block)) {
            Some(register) => register.may_survive(author(content), flushed),
            None if author(content) == 0 => Ok(()),
            None => Err(Wrong::Absent),
        };
        judged.map_err(|wrong| Unfit::Wrong(self.precise(content, wrong)))
    }

    /// Time has come to a record; records must come in the order of the trace.
    fn go_on(&mut self, record: &Record) {
        if !self.contradictions.is_empty() {
            self.contradictions.clear();
        }
        self.now = record.seq;
    }

    /// Takes a record in; records must come in the order of the trace.
    pub fn observe(&mut self, record: &Record) {
        match record.kind.code {
            WRITTEN => return self.written(record),
            INVOKED => return self.invoked(record, &OpInvoked::from_words(&record.words)),
            SHOWN => return self.shown(record, &BlockRead::from_words(&record.words)),
            RETURNED => return self.returned(record, &OpReturned::from_words(&record.words)),
            _ => self.go_on(record),
        }
        self.recent.push(record);
        match record.kind.code {
            ABANDONED => {
                let abandoned = OpAbandoned::from_words(&record.words);
                if let Some(operation) = self.operations.leave(abandoned.op) {
                    self.ended(record, operation, None);
                }
            }
            LOST => self.caches_lost(CachesLost::from_words(&record.words).volume, record.at),
            DOWN => {
                let NodeDown { node, .. } = NodeDown::from_words(&record.words);
                self.caches.iter_mut().flatten().for_each(|it| it.down(node, record.at));
            }
            OPENED => {
                let AppOpened { volume, writer } = AppOpened::from_words(&record.words);
                if let Some(caches) = self.caches_mut(volume) {
                    caches.opened(writer as u16);
                }
            }
            DECIDED => {
                let decided = TopologyDecided::from_words(&record.words);
                self.used_by(decided.volume, Some(decided.owner), record.at);
            }
            // Of a decision that stands although its decider was gone before it said so, only the next manager tells.
            FOUND => {
                let found = TopologyFound::from_words(&record.words);
                self.used_by(found.volume, Some(found.owner), record.at);
            }
            _ => {}
        }
    }

    /// What the last record contradicted; at most one for each block in a run.
    #[must_use]
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// The operation of that id, if it is in flight.
    #[must_use]
    pub fn operation(&self, op: OpId) -> Option<&Operation> {
        self.operations.get(op)
    }

    /// The operations in flight, oldest first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<&Operation> {
        let mut operations: Vec<&Operation> = self.operations.iter().collect();
        operations.sort_by_key(|operation| operation.invoked.seq);
        operations
    }

    /// The operation that has been in flight for longest.
    #[must_use]
    pub fn longest_outstanding(&self) -> Option<&Operation> {
        self.operations.iter().min_by_key(|operation| operation.invoked.seq)
    }

    /// Whether a medium that is in sync may hold this content now. It may lag by writes that are in
    /// flight.
    ///
    /// # Errors
    /// When it may not, why.
    pub fn may_hold(&self, volume: VolumeId, block: u64, content: Stamp) -> Result<(), Unfit> {
        self.at_home(volume, block, content)?;
        let (place, author) = (place(volume, block), author(content));
        if self.registers.settled(place).is_some_and(|settled| settled.author == author) {
            return Ok(());
        }
        let judged = match self.registers.get(place) {
            Some(register) => register.may_hold(author, self.now + 1),
            None if author == 0 => Ok(()),
            None => Err(Wrong::Absent),
        };
        judged.map_err(|wrong| Unfit::Wrong(self.precise(content, wrong)))
    }

    /// As [`History::may_hold`], but takes its time to find out what was wrong: for reports.
    ///
    /// # Errors
    /// When the medium may not hold the content, why.
    pub fn explain_now(&self, volume: VolumeId, block: u64, content: Stamp) -> Result<(), Unfit> {
        let judged = self.may_hold(volume, block, content);
        judged.map_err(|unfit| self.explain((volume, block), content, self.now + 1, unfit))
    }

    /// What a medium that is in sync may hold of that block now, oldest first; nothing if the block was
    /// never touched and holds zeroes.
    #[must_use]
    pub fn legal_now(&self, volume: VolumeId, block: u64) -> Vec<Value> {
        let register = self.registers.get(place(volume, block));
        let now = self.now + 1;
        register.map_or_else(Vec::new, |it| it.legal(now, now).copied().collect())
    }

    /// The values known of that block, oldest first; nothing if it was never touched.
    #[must_use]
    pub fn values(&self, volume: VolumeId, block: u64) -> Vec<Value> {
        self.registers.get(place(volume, block)).map_or_else(Vec::new, |it| it.values().to_vec())
    }

    /// The flush that was done after all copies had lost their power, and so has promised a value that was acknowledged
    /// before that, if one is still known.
    pub(super) fn promise_of(&self, volume: VolumeId, value: &Value) -> Option<Promise> {
        self.caches_of(volume)?.promise_of(value)
    }

    /// The last records about these operations, or about that block of the volume if it is given.
    #[must_use]
    pub fn recent(&self, volume: VolumeId, block: Option<u64>, ops: &[OpId]) -> Vec<Record> {
        self.recent.of_volume(volume, block, ops)
    }

    /// The last records that every checker may quote.
    pub(super) fn records(&self) -> &Recent {
        &self.recent
    }

    /// A medium was written.
    pub(super) fn written(&mut self, record: &Record) {
        self.go_on(record);
        self.recent.push_media(record);
    }

    /// A block was shown to an operation.
    pub(super) fn shown(&mut self, record: &Record, read: &BlockRead) {
        self.go_on(record);
        self.recent.push_io(record);
        if let Some(operation) = self.operations.get_mut(read.op) {
            let stamp = Stamp::from_words([read.place, read.author]);
            operation.shown.push((read.block, stamp));
        }
    }

    /// An operation returned.
    pub(super) fn returned(&mut self, record: &Record, returned: &OpReturned) {
        self.go_on(record);
        self.recent.push_io(record);
        if let Some(operation) = self.operations.leave(returned.op) {
            self.ended(record, operation, Some(returned.result));
        }
    }

    /// An operation was invoked.
    pub(super) fn invoked(&mut self, record: &Record, invoked: &OpInvoked) {
        self.go_on(record);
        self.recent.push_io(record);
        self.operations.enter(record, invoked);
        if invoked.kind != OpKind::Read && self.caches.is_some() {
            self.used_by(invoked.volume, record.node, record.at);
        }
        let moment = Moment { seq: record.seq, at: record.at, op: invoked.op };
        let author = match invoked.kind {
            OpKind::Flush => return self.flush_invoked(invoked, moment),
            OpKind::Write | OpKind::WriteFua => invoked.author,
            OpKind::Read | OpKind::Trim => 0,
        };
        let stamp = Stamp::from_words([0, author]);
        let writer = usize::from(stamp.writer());
        if writer >= self.newest.len() {
            self.newest.resize(writer + 1, 0);
        }
        self.newest[writer] = self.newest[writer].max(stamp.sequence());
        for offset in 0..u64::from(invoked.blocks) {
            let place = place(invoked.volume, invoked.block + offset);
            if invoked.kind == OpKind::Read {
                self.registers.with(place, |register| register.read_invoked(record.seq));
            } else {
                self.registers.write_invoked(place, author, moment);
            }
        }
    }

    /// The operation returned, or was abandoned if it has no result.
    fn ended(&mut self, record: &Record, operation: Operation, result: Option<OpResult>) {
        let ended = Moment { seq: record.seq, at: record.at, op: operation.op() };
        match operation.kind {
            OpKind::Flush => {
                self.flush_ended(&operation, ended, result == Some(OpResult::Ok));
            }
            OpKind::Read => self.read_ended(&operation, ended, result == Some(OpResult::Ok)),
            OpKind::Write | OpKind::WriteFua | OpKind::Trim => {
                let fate = match result {
                    Some(OpResult::Ok) => Fate::Acknowledged,
                    Some(OpResult::Refused) => Fate::Refused,
                    Some(OpResult::InDoubt | OpResult::MediaError | OpResult::Taken) => {
                        Fate::InDoubt
                    }
                    None => Fate::Abandoned,
                };
                self.write_ended(&operation, ended, fate);
            }
        }
        self.operations.recycle(operation);
    }

    /// A node's applications use the volume, or are to.
    fn used_by(&mut self, volume: VolumeId, client: Option<NodeId>, at: Nanos) {
        if let Some(caches) = self.caches_mut(volume) {
            caches.used_by(client, at);
        }
    }

    fn flush_invoked(&mut self, flush: &OpInvoked, Moment { at, op, .. }: Moment) {
        let writer = Stamp::from_words([0, flush.author]).writer();
        if let Some(caches) = self.caches_of(flush.volume) {
            self.flushing.push(caches.flush((flush.volume, writer), op, at));
        }
    }

    /// A flush is over. What it promises if it is done, is there for good; if a read has shown since that it is not,
    /// the flush should have failed.
    fn flush_ended(&mut self, flush: &Operation, ended: Moment, is_done: bool) {
        let Some(slot) = self.flushing.iter().position(|it| it.op == flush.op()) else { return };
        let mut flushing = self.flushing.swap_remove(slot);
        let Some(caches) = self.caches_mut(flush.volume) else { return };
        if !is_done {
            caches.flush_failed(&flushing, ended.at);
            return;
        }
        if caches.flush_done(&mut flushing, ended.at) || flush.invoked.seq < caches.lost {
            let mut gone = None;
            self.registers.of_volume(flush.volume.get(), |place, register| {
                let wrong = register.promised(&flushing);
                gone = gone.take().or(wrong.map(|wrong| (place, wrong)));
            });
            if let Some((place, wrong)) = gone {
                self.broke_promise(flush, ended, (place, wrong));
            }
        }
    }

    /// A flush was done though a read had shown that `by` is gone, which it promises.
    fn broke_promise(&mut self, flush: &Operation, ended: Moment, (place, wrong): (u64, Wrong)) {
        let Wrong::Superseded { value, .. } = &wrong else { return };
        let content = match value.author {
            0 => Stamp::default(),
            author => Stamp::from_words([place, author]),
        };
        self.contradicted(flush, ended, (place & BLOCK_MASK, content), Unfit::Wrong(wrong));
    }

    fn write_ended(&mut self, operation: &Operation, ended: Moment, fate: Fate) {
        let caches = self.caches_mut(operation.volume);
        let is_fua = operation.kind == OpKind::WriteFua && caches.is_some();
        // It may have been on every leg, and lost with every leg's power, before it returned.
        let fate = match (fate, caches) {
            (Fate::Acknowledged, _) if is_fua => Fate::Durable,
            (Fate::Acknowledged, Some(caches)) if operation.invoked.seq < caches.lost => {
                caches.doubt(ended.at);
                Fate::Unflushed
            }
            (other, _) => other,
        };
        for offset in 0..u64::from(operation.blocks) {
            let block = operation.block + offset;
            let caches = self.caches.as_ref().and_then(|all| all.get(operation.volume.index()));
            let (volume, under_way, fade_at) = (operation.volume, &self.flushing[..], FADE_AT);
            let flushes = caches.map(|caches| Flushes { volume, caches, under_way, fade_at });
            let place = place(operation.volume, block);
            if fate == Fate::Acknowledged
                && flushes.is_none()
                && let Some(value) = self.registers.rewritten(place, ended)
            {
                self.graves.bury(place, value);
                continue;
            }
            let forgotten = &mut self.forgotten;
            let end =
                |register: &mut Register| register.write_ended(fate, ended, flushes, forgotten);
            let seen = self.registers.with(place, end);
            self.forgotten.drain(..).for_each(|value| self.graves.bury(place, value));
            if let Some(seen) = seen {
                let content = match seen.author {
                    0 => Stamp::default(),
                    author => Stamp::from_words([place, author]),
                };
                let unfit = Unfit::Wrong(Wrong::Refused(seen));
                self.contradicted(operation, ended, (block, content), unfit);
            }
        }
    }

    fn read_ended(&mut self, operation: &Operation, ended: Moment, ok: bool) {
        // What such a read showed may be gone since.
        let spans_loss = self
            .caches_of(operation.volume)
            .is_some_and(|caches| operation.invoked.seq < caches.lost);
        if ok && !spans_loss {
            for (block, content) in &operation.shown {
                let judged = self.at_home(operation.volume, *block, *content).and_then(|()| {
                    let place = place(operation.volume, *block);
                    let read = self.registers.with(place, |register| {
                        register.read(author(*content), operation.invoked, ended)
                    });
                    read.map_err(Unfit::Wrong)
                });
                if let Err(unfit) = judged {
                    self.contradicted(operation, ended, (*block, *content), unfit);
                }
            }
        }
        let shown = &operation.shown;
        let is_out_of_turn = shown.windows(2).any(|two| two[0].0 >= two[1].0);
        if ok && (shown.len() < operation.blocks as usize || is_out_of_turn) {
            self.not_shown(operation, ended);
        }
        for offset in 0..u64::from(operation.blocks) {
            let place = place(operation.volume, operation.block + offset);
            self.registers.with(place, |register| register.read_ended(operation.invoked.seq));
        }
    }

    /// A read returned well, and of some block nobody told what it gave: nothing can be judged by that.
    #[cold]
    fn not_shown(&mut self, operation: &Operation, ended: Moment) {
        let is_shown = |block: &u64| operation.shown.iter().any(|(shown, _)| shown == block);
        let mut blocks = (0..u64::from(operation.blocks)).map(|offset| operation.block + offset);
        if let Some(block) = blocks.find(|block| !is_shown(block)) {
            let nothing = Stamp::from_words([0, 0]);
            self.contradicted(operation, ended, (block, nothing), Unfit::Unshown);
        }
    }

    fn contradicted(
        &mut self,
        operation: &Operation,
        ended: Moment,
        (block, content): (u64, Stamp),
        unfit: Unfit,
    ) {
        let volume = operation.volume;
        let place = place(volume, block);
        if self.muted.contains(&place) {
            return;
        }
        self.muted.push(place);
        let (from, to) = (operation.invoked.seq, ended.seq);
        let legal = |register: &mut Register| register.legal(from, to).copied().collect();
        let legal = self.registers.with(place, legal);
        let unfit = self.explain((volume, block), content, operation.invoked.seq, unfit);
        self.contradictions.push(Contradiction {
            volume,
            block,
            operation: operation.clone(),
            at: ended.at,
            content,
            unfit,
            legal,
        });
    }

    /// Whether the content is one that some write of this block could have made.
    fn at_home(&self, volume: VolumeId, block: u64, content: Stamp) -> Result<(), Unfit> {
        if author(content) == 0 {
            return Ok(());
        }
        if content.writer() == NO_WRITER {
            return Err(Unfit::Garbled);
        }
        if content.words()[0] != place(volume, block) {
            return Err(Unfit::Misplaced);
        }
        Ok(())
    }

    /// A register that has forgotten values cannot tell an old one from one that never was; the
    /// writer's own count often can.
    fn precise(&self, content: Stamp, wrong: Wrong) -> Wrong {
        let newest = self.newest.get(usize::from(content.writer())).copied().unwrap_or(0);
        match wrong {
            Wrong::Forgotten if content.sequence() > newest => Wrong::Absent,
            other => other,
        }
    }

    /// Finds out more about a content that a register has forgotten: the graves may still have it.
    fn explain(
        &self,
        (volume, block): (VolumeId, u64),
        content: Stamp,
        invoked: Seq,
        unfit: Unfit,
    ) -> Unfit {
        if unfit != Unfit::Wrong(Wrong::Forgotten) {
            return unfit;
        }
        if self.precise(content, Wrong::Forgotten) == Wrong::Absent {
            return Unfit::Wrong(Wrong::Absent);
        }
        let place = place(volume, block);
        let found = self.graves.of(place).filter(|value| value.author == author(content)).last();
        let Some(value) = found else {
            return unfit;
        };
        if value.fate == Fate::Refused {
            return Unfit::Wrong(Wrong::Refused(*value));
        }
        let known = self.values(volume, block);
        let others = self.graves.of(place).chain(&known);
        let by = others
            .filter(|other| other.first_return.seq < invoked)
            .filter(|other| value.first_return.seq < other.last_invoke.seq && *other != value)
            .max_by_key(|other| other.last_invoke.seq);
        match by {
            Some(by) => {
                Unfit::Wrong(Wrong::Superseded { value: Box::new(*value), by: Box::new(*by) })
            }
            None => unfit,
        }
    }
}

/// The block's bits of the word that names it.
const BLOCK_MASK: u64 = (1 << 48) - 1;

/// The word that names a block: the first of its stamps.
const fn place(volume: VolumeId, block: u64) -> u64 {
    (volume.get() as u64) << 48 | (block & BLOCK_MASK)
}

/// Of a content, the word that names its write; 0 for zeroes.
fn author(content: Stamp) -> u64 {
    content.words()[1]
}
