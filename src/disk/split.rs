//! A host's queue pair for commands of any length: what carries more blocks than the device takes at a time (MDTS)
//! goes to it in parts. Gives no command a time and tries none again.
//!
//! It follows Linux, whose block layer splits what is longer than a device's largest transfer: the parts are
//! commands of their own, under way at the same time and executed in any order, and what a device promises of
//! one command (a write within its atomic unit is done whole or not at all) it promises of each part alone.
//!
//! # Fidelity
//! - Modelled: reads, writes and compares are split, each part with the command's tag and its forced unit
//!   access; the whole ends when all parts have that were sent. Parts that find no room in the queue wait, and
//!   commands behind them do too.
//! - Simplified: once a part failed, those that still wait for room are not sent.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::base::{NodeId, Payload, planted};

use super::command::{Command, Completion, Op, OpCode};
use super::port::{Drive, QueueFull, QueuePair, Standing};
use super::status::Status;

/// Cookies of parts have this bit, those of whole commands must not.
const PART: u64 = 1 << 63;

/// A command that is done in parts.
struct Whole {
    command: Command,
    /// Blocks of each part but the last.
    longest: u32,
    /// Parts that were sent, and of these the ones under way.
    sent: u32,
    open: u32,
    /// What the parts read so far, by their place.
    data: BTreeMap<u32, Payload>,
    status: Status,
}

#[derive(Default)]
struct State {
    /// By their place in the order of coming.
    wholes: BTreeMap<u64, Whole>,
    /// Parts under way, by their cookies: what they are of, and which part.
    parts: BTreeMap<u64, (u64, u32)>,
    /// The one that has parts to send. Nothing else is sent before them.
    waiting: Option<u64>,
    numbered: u64,
}

/// A queue pair whose commands may be longer than the device takes. Used like [`QueuePair`]; cookies are
/// below 2^63.
pub struct Splitter {
    pair: QueuePair,
    state: RefCell<State>,
    /// Whether `state` has anything waiting: asked with every command.
    is_waiting: Cell<bool>,
}

impl fmt::Debug for Splitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Splitter({:?}, {} in parts)", self.pair, self.state.borrow().wholes.len())
    }
}

impl Splitter {
    /// Opens a queue pair on behalf of `host`.
    #[must_use]
    pub fn open(drive: &Drive, host: NodeId) -> Self {
        Self { pair: drive.open(host), state: RefCell::default(), is_waiting: Cell::new(false) }
    }

    /// Queues a command, in parts of `longest` blocks if it carries more than the device takes at a time
    /// ([`Identity::transfer_blocks`](super::port::Identity); 0 is no limit).
    ///
    /// # Errors
    /// [`QueueFull`] when the queue depth is used up, or parts of an earlier command wait for room; nothing was
    /// queued then.
    #[inline]
    pub fn submit(&self, command: Command, longest: u32) -> Result<(), QueueFull> {
        assert!(command.cookie & PART == 0, "cookies with the highest bit are those of parts");
        if self.is_waiting.get() {
            return Err(QueueFull);
        }
        let is_long = longest > 0 && command.op.range().1 > longest;
        if !is_long || !carries(command.op.code()) {
            return self.pair.submit(command);
        }
        self.submit_in_parts(command, longest)
    }

    #[cold]
    fn submit_in_parts(&self, command: Command, longest: u32) -> Result<(), QueueFull> {
        if self.pair.is_full() {
            return Err(QueueFull);
        }
        let state = &mut *self.state.borrow_mut();
        let at = state.number();
        let data = BTreeMap::new();
        let whole = Whole { command, longest, sent: 0, open: 0, data, status: Status::Success };
        state.wholes.insert(at, whole);
        state.waiting = Some(at);
        self.send(state);
        Ok(())
    }

    /// Sends parts that wait for as long as there is room.
    fn send(&self, state: &mut State) {
        while let Some(at) = state.waiting
            && !self.pair.is_full()
        {
            let cookie = state.number() | PART;
            let whole = state.wholes.get_mut(&at).expect("what waits is not over");
            if whole.is_sent() {
                state.waiting = None;
                break;
            }
            let op = whole.part(whole.sent);
            state.parts.insert(cookie, (at, whole.sent));
            whole.sent += 1;
            whole.open += 1;
            let tag = whole.command.tag;
            self.pair.submit(Command { cookie, tag, op }).expect("the queue has room");
            if whole.is_sent() {
                state.waiting = None;
            }
        }
        self.is_waiting.set(state.waiting.is_some());
    }

    /// The next completion, or `Pending`. One task at a time may wait.
    pub fn poll_completion(&self, cx: &Context<'_>) -> Poll<Completion> {
        loop {
            let Poll::Ready(completion) = self.pair.poll_completion(cx) else {
                return Poll::Pending;
            };
            let is_part = completion.cookie & PART != 0;
            if !is_part && !self.is_waiting.get() {
                return Poll::Ready(completion);
            }
            let state = &mut *self.state.borrow_mut();
            let over = if is_part { state.part_is_over(completion) } else { Some(completion) };
            self.send(state);
            if let Some(completion) = over {
                return Poll::Ready(completion);
            }
        }
    }

    /// Waits for the next completion.
    pub async fn completion(&self) -> Completion {
        poll_fn(|cx| self.poll_completion(cx)).await
    }

    /// Asks the controller to abort the command of this cookie, or all its parts: see [`QueuePair::abort`].
    pub fn abort(&self, cookie: u64) {
        let state = &mut *self.state.borrow_mut();
        let mut wholes = state.wholes.iter_mut();
        let Some((at, whole)) = wholes.find(|(_, whole)| whole.command.cookie == cookie) else {
            return self.pair.abort(cookie);
        };
        if !whole.is_sent() {
            whole.fails(Status::AbortRequested);
        }
        let parts = state.parts.iter().filter(|(_, (of, _))| of == at);
        parts.for_each(|(part, _)| self.pair.abort(*part));
        self.send(state);
    }

    /// See [`QueuePair::is_dead`].
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.pair.is_dead()
    }

    /// Commands with the device, parts counted one by one. There are some for as long as any command is under way.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.pair.outstanding()
    }

    /// Whether a submission would be refused now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_waiting.get() || self.pair.is_full()
    }

    /// See [`QueuePair::standing`].
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.pair.standing() {
            Standing::Open if self.is_waiting.get() => Standing::Full,
            standing => standing,
        }
    }
}

/// Whether the length of such a command is that of a transfer.
const fn carries(code: OpCode) -> bool {
    matches!(code, OpCode::Read | OpCode::Write | OpCode::Compare)
}

impl State {
    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// A part is over: the completion of the whole, if that is over too. A device may complete a command twice.
    fn part_is_over(&mut self, completion: Completion) -> Option<Completion> {
        let (at, index) = self.parts.remove(&completion.cookie)?;
        let whole = self.wholes.get_mut(&at).expect("a whole outlasts its parts");
        whole.open -= 1;
        match completion.status {
            Status::Success => {
                whole.data.insert(index, completion.data);
                if whole.status != Status::Success
                    && whole.is_written()
                    && planted!(SwallowSplitError)
                {
                    whole.status = Status::Success;
                }
            }
            status => whole.fails(status),
        }
        if whole.open > 0 || !whole.is_sent() {
            return None;
        }
        if self.waiting == Some(at) {
            self.waiting = None;
        }
        self.wholes.remove(&at).map(Whole::into_completion)
    }
}

impl Whole {
    fn parts(&self) -> u32 {
        self.command.op.range().1.div_ceil(self.longest)
    }

    /// Whether no part is to be sent any more.
    fn is_sent(&self) -> bool {
        self.status != Status::Success || self.sent == self.parts()
    }

    fn part(&self, index: u32) -> Op {
        let (first, all) = self.command.op.range();
        let from = index * self.longest;
        let (lba, blocks) = (first + u64::from(from), self.longest.min(all - from));
        match &self.command.op {
            Op::Write { data, fua, .. } => {
                Op::Write { lba, data: data.part(from, blocks), fua: *fua }
            }
            Op::Compare { data, .. } => Op::Compare { lba, data: data.part(from, blocks) },
            _ => Op::Read { lba, blocks },
        }
    }

    /// The whole ends as the part that failed first; but if nobody knows of a part whether it was executed,
    /// then nobody does of the whole.
    fn fails(&mut self, status: Status) {
        let is_graver = status.is_in_doubt() && !self.status.is_in_doubt();
        if self.status == Status::Success || is_graver {
            self.status = status;
        }
    }

    /// Whether it is a write of which all parts were sent.
    fn is_written(&self) -> bool {
        self.command.op.code() == OpCode::Write && self.sent == self.parts()
    }

    fn into_completion(self) -> Completion {
        let Self { command, data, status, .. } = self;
        let is_read = command.op.code() == OpCode::Read && status == Status::Success;
        let data = if is_read { Payload::joined(data.into_values()) } else { Payload::empty() };
        Completion { cookie: command.cookie, status, data }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Command, Op, Status, Whole};
    use crate::base::{Payload, Stamp};

    fn whole(op: Op, longest: u32) -> Whole {
        let command = Command { cookie: 1, tag: 2, op };
        let data = BTreeMap::new();
        Whole { command, longest, sent: 0, open: 0, data, status: Status::Success }
    }

    #[test]
    fn parts_lie_one_behind_the_other_and_the_last_may_be_short() {
        let data = Payload::run(Stamp::new(0, 50, 1, 9), 7);
        let write = whole(Op::Write { lba: 100, data, fua: true }, 3);
        assert_eq!(write.parts(), 3);
        let ranges: Vec<_> = (0..3).map(|index| write.part(index).range()).collect();
        assert_eq!(ranges, [(100, 3), (103, 3), (106, 1)]);
        let Op::Write { data, fua, .. } = write.part(2) else { panic!("a write") };
        assert!(fua);
        assert_eq!(data.block(0).stamp(), Some(Stamp::new(0, 56, 1, 9)));
        assert_eq!(whole(Op::Read { lba: 0, blocks: 6 }, 3).parts(), 2);
    }

    #[test]
    fn a_whole_fails_as_its_first_part_unless_another_is_in_doubt() {
        let ends = |statuses: &[Status]| {
            let mut whole = whole(Op::Read { lba: 0, blocks: 9 }, 3);
            statuses.iter().for_each(|status| whole.fails(*status));
            whole.status
        };
        let (fault, media) = (Status::WriteFault, Status::UnrecoveredRead);
        assert_eq!(ends(&[fault, media]), fault);
        assert_eq!(ends(&[fault, Status::AbortQueue, media]), Status::AbortQueue);
        assert_eq!(ends(&[Status::HostPath, Status::AbortQueue]), Status::HostPath);
    }
}
