//! One block as a linearizable register, judged online. Knows neither records nor volumes.
//!
//! The rule is that of P. Gibbons and E. Korach, "Testing shared memories", SIAM Journal on Computing
//! 26(4), 1997: where each write writes a value of its own, the operations of a value form a cluster,
//! and of a cluster two moments suffice: *f*, the first return of any of its operations, and *s*, the
//! last invocation of any. Cluster A must precede B exactly when `A.f < B.s`, and a history is
//! linearizable exactly when no read returned before its write was invoked, no value came from
//! nowhere, and no two clusters must precede each other. Judged online only a read can contradict:
//! the return of a write moves its *f* to the present, later than any invocation.
//!
//! A write that is in doubt, abandoned or pending has not returned, but the reads that showed it have.
//!
//! Zeroes are not unique: they are the initial content and what every trim leaves. A read of
//! zeroes is counted for the one cluster it can have come from; where several are possible it is only
//! checked that one is. That accepts every legal history and, in rare cases, an illegal one: a
//! contradiction that hinges on which of two trims a read saw.
//!
//! The register forgets a value once every read of it, from now on or in flight, would be a
//! violation; such a read is then reported as one of a forgotten value. The argument that forgetting
//! changes no verdict is at [`Register::forget`].

use crate::base::{Nanos, OpId, Seq};

use super::faded;
use super::faded::{Faded, Flushes, Flushing, last_two};
use super::few::Few;

/// An event of an operation: when, in the order of the trace and in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its place in the trace; 0 is before everything, `Seq::MAX` never.
    pub seq: Seq,
    /// Its virtual time.
    pub at: Nanos,
    /// The operation.
    pub op: OpId,
}

impl Moment {
    pub(super) const START: Self = Self { seq: 0, at: Nanos::ZERO, op: OpId::new(u64::MAX) };
    const NEVER: Self = Self { seq: Seq::MAX, at: Nanos::MAX, op: OpId::new(u64::MAX) };
}

/// What became of the write that made a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No write made it: a fresh volume holds it.
    Initial,
    /// It has not returned.
    Pending,
    /// It was done.
    Acknowledged,
    /// It was done, and is past every volatile cache whatever flushes say (forced unit access).
    Durable,
    /// It failed, and may have been done or be done later.
    InDoubt,
    /// Its application died.
    Abandoned,
    /// It was done and not flushed when every copy lost its power: it may be gone.
    Unflushed,
    /// So it was, and a read has shown since that it is there.
    Kept,
    /// It failed, and surely was not done.
    Refused,
}

/// A value that a register may hold, with its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The author word of its write; 0 for zeroes.
    pub author: u64,
    /// Its write.
    pub op: OpId,
    /// What became of its write.
    pub fate: Fate,
    /// When its write was invoked.
    pub invoked_at: Nanos,
    /// When its write returned or was abandoned, or a read showed that it was kept.
    pub ended_at: Nanos,
    /// The first return of its write or of a read that showed it (*f*).
    pub first_return: Moment,
    /// The last invocation of its write or of a read that showed it (*s*).
    pub last_invoke: Moment,
}

impl Value {
    /// Whether a flush that began at `flushed`, and was done, has covered it. What failed or was abandoned is
    /// covered when a read had shown it by then: from its end on, nobody but that read vouches for it.
    #[must_use]
    pub fn is_flushed(&self, flushed: Nanos) -> bool {
        match self.fate {
            Fate::Initial | Fate::Durable => true,
            Fate::Acknowledged | Fate::Kept => self.ended_at < flushed,
            Fate::InDoubt | Fate::Abandoned => {
                self.ended_at < flushed && self.first_return.at < flushed
            }
            Fate::Pending | Fate::Unflushed | Fate::Refused => false,
        }
    }

    /// When its write was acknowledged, if it was; or some time after that.
    pub(super) fn acknowledged_at(&self) -> Nanos {
        if self.first_return.op == self.op { self.first_return.at } else { self.ended_at }
    }

    /// The initial content.
    const ZEROES: Self = Self {
        author: 0,
        op: Moment::START.op,
        fate: Fate::Initial,
        invoked_at: Nanos::ZERO,
        ended_at: Nanos::ZERO,
        first_return: Moment::START,
        last_invoke: Moment::START,
    };
}

/// Why a content is not one that the register can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Its write was refused: it must not have changed anything.
    Refused(Value),
    /// `by` was there before the read began, and `value` was before `by`.
    Superseded {
        /// What was shown.
        value: Box<Value>,
        /// What must have replaced it.
        by: Box<Value>,
    },
    /// It was superseded so long ago that nothing is known of it any more.
    Forgotten,
    /// No write of it was ever invoked on this block.
    Absent,
}

/// How many refused writes a register remembers, to name them if they show up.
const REFUSED_MAX: usize = 4;
/// A register forgets when it has this many values, or twice what was left last time.
const FORGET_AT: u32 = 2;

/// A register at rest: nobody works on the block, and of what was written only one acknowledged write
/// can still be seen. Of its value this says all that is not the same for every such value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) author: u64,
    op: OpId,
    invoked_at: Nanos,
    ended: (Seq, Nanos),
    last_invoke: Moment,
}

impl Settled {
    /// What a write that was invoked and acknowledged left.
    pub(super) const fn of(author: u64, invoked: Moment, ended: Moment) -> Self {
        let ended = (ended.seq, ended.at);
        Self { author, op: invoked.op, invoked_at: invoked.at, ended, last_invoke: invoked }
    }

    /// Its value.
    pub(super) const fn value(&self) -> Value {
        let (seq, at) = self.ended;
        Value {
            author: self.author,
            op: self.op,
            fate: Fate::Acknowledged,
            invoked_at: self.invoked_at,
            ended_at: at,
            first_return: Moment { seq, at, op: self.op },
            last_invoke: self.last_invoke,
        }
    }
}

// What makes it worth its while: the blocks of a run fit the cache.
const _: () = assert!(size_of::<Settled>() <= 64);

/// One block of a volume.
#[derive(Clone, Debug)]
pub struct Register {
    values: Few<Value, 2>,
    /// What is left of values that only a loss of every copy's power can bring back.
    faded: Vec<Faded>,
    /// Invocations of the reads in flight, in order.
    reading: Few<Seq, 2>,
    forget_at: u32,
    has_forgotten: bool,
}

impl Default for Register {
    fn default() -> Self {
        Self::new()
    }
}

impl Register {
    /// A block of zeroes.
    #[must_use]
    pub fn new() -> Self {
        let mut values = Few::new(Value::ZEROES);
        values.push(Value::ZEROES);
        let (faded, reading) = (Vec::new(), Few::new(0));
        Self { values, faded, reading, forget_at: FORGET_AT, has_forgotten: false }
    }

    /// Becomes a block of zeroes; room that it has is kept.
    pub(super) fn restart(&mut self) {
        self.values.clear();
        self.values.push(Value::ZEROES);
        self.faded.clear();
        self.reading.clear();
        self.forget_at = FORGET_AT;
        self.has_forgotten = false;
    }

    /// What is left of it, if it is at rest. That the initial content is no longer among its values
    /// says that it has forgotten.
    pub(super) fn settled(&self) -> Option<Settled> {
        let [value] = self.values() else { return None };
        let ended = value.first_return;
        let rests = value.fate == Fate::Acknowledged
            && (ended.op, ended.at) == (value.op, value.ended_at)
            && self.reading.as_slice().is_empty()
            && self.faded.is_empty()
            && self.forget_at == FORGET_AT
            && self.has_forgotten;
        rests.then_some(Settled {
            author: value.author,
            op: value.op,
            invoked_at: value.invoked_at,
            ended: (ended.seq, ended.at),
            last_invoke: value.last_invoke,
        })
    }

    /// Becomes the register that [`Register::settled`] gave this of.
    pub(super) fn resume(&mut self, settled: &Settled) {
        self.values.clear();
        self.values.push(settled.value());
        self.faded.clear();
        self.reading.clear();
        self.forget_at = FORGET_AT;
        self.has_forgotten = true;
    }

    /// The values that it may still hold, and the refused ones that it remembers; oldest first.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        self.values.as_slice()
    }

    /// Whether it has forgotten any value.
    #[must_use]
    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    /// A write of this author word was invoked; a trim has author 0.
    pub fn write_invoked(&mut self, author: u64, invoked: Moment) {
        self.values.push(Value {
            author,
            op: invoked.op,
            fate: Fate::Pending,
            invoked_at: invoked.at,
            ended_at: Nanos::MAX,
            first_return: Moment::NEVER,
            last_invoke: invoked,
        });
    }

    /// The pending write of `ended.op` has ended. Gives the value back if the write was refused
    /// although a read had shown it. Values that the register forgets on the occasion are added to
    /// `forgotten`. `flushes` are there when media have volatile caches.
    pub(super) fn write_ended(
        &mut self,
        fate: Fate,
        ended: Moment,
        flushes: Option<Flushes<'_>>,
        forgotten: &mut Vec<Value>,
    ) -> Option<Value> {
        let mut newest_first = self.values.as_mut_slice().iter_mut().rev();
        let value =
            newest_first.find(|value| value.op == ended.op && value.fate == Fate::Pending)?;
        let before = *value;
        (value.fate, value.ended_at) = (fate, ended.at);
        match fate {
            Fate::Acknowledged | Fate::Durable | Fate::Unflushed
                if before.first_return == Moment::NEVER =>
            {
                value.first_return = ended;
            }
            Fate::Unflushed => value.fate = Fate::Kept,
            Fate::Refused => {
                // It never was: it must precede nothing and follow nothing.
                (value.first_return, value.last_invoke) = (Moment::NEVER, Moment::START);
                self.limit_refused(forgotten);
            }
            _ => {}
        }
        if self.values().len() >= self.forget_at as usize {
            self.forget(ended.seq, flushes, forgotten);
        }
        (fate == Fate::Refused && before.first_return != Moment::NEVER).then_some(before)
    }

    /// Every copy lost what was in its volatile cache: what was not acknowledged before `flushed` may be
    /// gone, though reads have shown it. If it is there, it has been since its first return; only another
    /// read will tell.
    pub fn caches_lost(&mut self, flushed: Nanos) {
        for value in self.values.as_mut_slice() {
            match value.fate {
                Fate::Acknowledged | Fate::Kept if !value.is_flushed(flushed) => {
                    value.fate = Fate::Unflushed;
                }
                Fate::Pending | Fate::InDoubt | Fate::Abandoned if !value.is_flushed(flushed) => {
                    value.first_return = Moment::NEVER;
                }
                _ => {}
            }
        }
        self.faded.iter_mut().for_each(|lot| lot.caches_lost(flushed));
    }

    /// A flush that was under way when every copy lost its cache was done all the same: what it promised is there.
    pub(super) fn promised(&mut self, flush: &Flushing) {
        for value in self.values.as_mut_slice() {
            let is_uncertain = matches!(value.fate, Fate::Unflushed | Fate::Kept);
            if is_uncertain && flush.promises(value) {
                let acknowledged = value.acknowledged_at();
                (value.fate, value.ended_at) = (Fate::Acknowledged, acknowledged);
            }
        }
    }

    /// Whether a medium that is in sync may hold the value for good: it must not be older than what was
    /// acknowledged before `flushed`.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_survive(&self, author: u64, flushed: Nanos) -> Result<(), Wrong> {
        let mut wrong = if self.has_forgotten { Wrong::Forgotten } else { Wrong::Absent };
        let each = || self.values().iter().enumerate();
        for (index, value) in each().filter(|(_, value)| value.author == author) {
            let by = each().find(|(other, by)| {
                *other != index
                    && by.is_flushed(flushed)
                    && value.first_return.seq < by.last_invoke.seq
            });
            wrong = match by {
                _ if value.fate == Fate::Refused => Wrong::Refused(*value),
                None => return Ok(()),
                Some((_, by)) => Wrong::Superseded { value: Box::new(*value), by: Box::new(*by) },
            };
        }
        let is_left = |lot: &&Faded| {
            let mut flushed = self.values().iter().filter(|by| by.is_flushed(flushed));
            flushed.all(|by| by.last_invoke.seq <= lot.first_return())
        };
        match self.lots_of(author).find(is_left) {
            Some(_) => Ok(()),
            None => Err(wrong),
        }
    }

    /// A read was invoked. It keeps what it may be shown from being forgotten.
    pub fn read_invoked(&mut self, invoked: Seq) {
        self.reading.push(invoked);
    }

    /// A read ended, however it did.
    pub fn read_ended(&mut self, invoked: Seq) {
        self.reading.retain(|seq| *seq != invoked);
    }

    /// A read showed a value: counts it for its cluster.
    ///
    /// # Errors
    /// When the value cannot have been there; the register is then as if the read had not been.
    pub fn read(&mut self, author: u64, invoked: Moment, returned: Moment) -> Result<(), Wrong> {
        let Some(source) = self.source(author, invoked.seq, returned.seq, false)? else {
            let lot = self.lots_of(author).find(|lot| lot.may_be_back());
            if let Some(lot) = lot.filter(|_| author != 0) {
                let value = lot.shown(author, invoked, returned);
                self.values.push(value);
            }
            return Ok(());
        };
        let value = &mut self.values.as_mut_slice()[source];
        if returned.seq < value.first_return.seq {
            value.first_return = returned;
        }
        if invoked.seq > value.last_invoke.seq {
            value.last_invoke = invoked;
        }
        if value.fate == Fate::Unflushed {
            (value.fate, value.ended_at) = (Fate::Kept, returned.at);
        }
        Ok(())
    }

    /// Whether a medium that is in sync may hold the value at `now`. A write that is in flight may be
    /// missing even if a read has shown it already: in-sync media may lag by such writes.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_hold(&self, author: u64, now: Seq) -> Result<(), Wrong> {
        self.source(author, now, now, true).map(|_| ())
    }

    /// The values that a read over this span could have shown.
    pub fn legal(&self, invoked: Seq, returned: Seq) -> impl Iterator<Item = &Value> {
        let each = self.values().iter().enumerate();
        each.filter(move |(index, value)| {
            value.fate != Fate::Refused
                && self.superseded(*index, invoked, returned, false).is_none()
        })
        .map(|(_, value)| value)
    }

    /// How many lots of values have faded.
    #[cfg(test)]
    pub(super) fn lots(&self) -> usize {
        self.faded.len()
    }

    /// What is left of values of this author, where none is there in full. Of zeroes there may be others.
    fn lots_of(&self, author: u64) -> impl Iterator<Item = &Faded> {
        let in_full = author != 0 && self.values().iter().any(|value| value.author == author);
        self.faded.iter().filter(move |lot| !in_full && lot.has(author))
    }

    /// Whether a read over this span may have been shown one of a lot: whether nothing was there before it that
    /// must come after all of them.
    fn may_show(&self, lot: &Faded, invoked: Seq, returned: Seq, may_lag: bool) -> bool {
        let first_return = lot.first_return().min(returned);
        let mut others = self.values().iter();
        !others.any(|other| {
            other.first_return.seq < invoked
                && first_return < other.last_invoke.seq
                && !(may_lag && other.fate == Fate::Pending)
                && other.fate != Fate::Unflushed
        })
    }

    /// The value that a read over this span was shown; `None` if several of this author (zeroes) are
    /// possible, or one that has faded is.
    fn source(
        &self,
        author: u64,
        invoked: Seq,
        returned: Seq,
        may_lag: bool,
    ) -> Result<Option<usize>, Wrong> {
        let mut wrong =
            if author == 0 || self.has_forgotten { Wrong::Forgotten } else { Wrong::Absent };
        let (mut source, mut sources) = (None, 0);
        for (index, value) in self.values().iter().enumerate().rev() {
            if value.author != author {
                continue;
            }
            if value.fate == Fate::Refused {
                if matches!(wrong, Wrong::Forgotten | Wrong::Absent) {
                    wrong = Wrong::Refused(*value);
                }
            } else if let Some(by) = self.superseded(index, invoked, returned, may_lag) {
                if !matches!(wrong, Wrong::Superseded { .. }) {
                    wrong = Wrong::Superseded { value: Box::new(*value), by: Box::new(*by) };
                }
            } else {
                (source, sources) = (Some(index), sources + 1);
            }
        }
        let is_faded =
            self.lots_of(author).any(|lot| self.may_show(lot, invoked, returned, may_lag));
        match sources {
            _ if is_faded => Ok(None),
            0 => Err(wrong),
            1 => Ok(source),
            _ => Ok(None),
        }
    }

    /// A value that was there before `invoked` and that the value at `index` must precede, were it
    /// shown by a read over this span: the two would have to precede each other. The latest, if any.
    fn superseded(
        &self,
        index: usize,
        invoked: Seq,
        returned: Seq,
        may_lag: bool,
    ) -> Option<&Value> {
        let first_return = self.values()[index].first_return.seq.min(returned);
        let others = self.values().iter().enumerate().filter(|(other, _)| *other != index);
        others
            .map(|(_, other)| other)
            .filter(|other| other.first_return.seq < invoked)
            .filter(|other| first_return < other.last_invoke.seq)
            .filter(|other| !(may_lag && other.fate == Fate::Pending))
            .filter(|other| other.fate != Fate::Unflushed)
            .max_by_key(|other| other.last_invoke.seq)
    }

    /// Drops the values of which every further read is a violation.
    ///
    /// X is *dead* when there is a W with `X.f < W.s` and `W.f < oldest`, the invocation of the oldest
    /// read in flight: X must precede W, and W was there before any read to come began. No verdict
    /// changes when all dead values go at once:
    /// - a read of X is a violation either way;
    /// - X was needed to condemn a read of some C with `C.f < X.s`: if `X.s <= W.s`, W condemns it just
    ///   as well and C is as dead as X. Otherwise `X.f < W.s < X.s`, and as W does not precede X,
    ///   `X.s <= W.f < oldest`; so `X.f < oldest`, and X itself makes C dead. Either way C goes too;
    /// - a C that nobody has seen yet has no *f* before `X.s`, now or ever.
    ///
    /// A pending value must stay, for its end is to come, and an in-sync medium may lag behind it. So
    /// while one has been seen, and could be dead or make others dead, nothing is dropped.
    ///
    /// What is not flushed may go and bring back what was before it: W must be on the media for good, and
    /// an X that is not, but condemns more than W does, must stay.
    pub(super) fn forget(
        &mut self,
        now: Seq,
        flushes: Option<Flushes<'_>>,
        forgotten: &mut Vec<Value>,
    ) {
        let lasts = |value: &Value| flushes.is_none_or(|flushes| value.is_flushed(flushes.done));
        let seen = |value: &Value| value.first_return != Moment::NEVER;
        if self.values().iter().any(|value| value.fate == Fate::Pending && seen(value)) {
            return;
        }
        let oldest = self.reading.as_slice().first().copied().unwrap_or(now);
        let is_w = |value: &Value| value.first_return.seq <= oldest && lasts(value);
        let (last, second) = last_two(self.values().iter().filter(|value| is_w(value)));
        let before = self.values().len();
        self.values.retain(|value| {
            let own = is_w(value) && value.last_invoke.seq == last;
            let keep = value.first_return.seq >= if own { second } else { last }
                || (value.last_invoke.seq > last && !lasts(value));
            if !keep {
                forgotten.push(*value);
            }
            keep
        });
        if let Some(flushes) = flushes {
            self.faded.retain(|lot| lot.first_return() >= last);
            faded::fade(&mut self.values, &mut self.faded, (oldest, last), flushes, forgotten);
        }
        self.has_forgotten |= self.values().len() < before;
        self.forget_at = FORGET_AT.max(self.values().len() as u32 * 2);
    }

    fn limit_refused(&mut self, forgotten: &mut Vec<Value>) {
        let refused = |value: &Value| value.fate == Fate::Refused;
        if self.values().iter().filter(|value| refused(value)).count() <= REFUSED_MAX {
            return;
        }
        let mut dropped = false;
        self.values.retain(|value| {
            let drop = !dropped && refused(value);
            if drop {
                forgotten.push(*value);
            }
            dropped |= drop;
            !drop
        });
        self.has_forgotten = true;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::{any, prop};
    use proptest::strategy::Strategy;
    use proptest::test_runner::{Config, TestCaseError, TestRunner};

    use super::{Fate, Moment, Register, Wrong};
    use crate::base::{Nanos, OpId, Seq};

    /// An operation of a small history. Value 0 is zeroes.
    #[derive(Clone, Copy, Debug)]
    struct Op {
        write: bool,
        value: u64,
        fate: Fate,
        invoked: Seq,
        /// `Seq::MAX`: never.
        returned: Seq,
    }

    impl Op {
        fn is_mandatory(&self) -> bool {
            self.returned != Seq::MAX && (!self.write || self.fate == Fate::Acknowledged)
        }
        fn is_possible(&self) -> bool {
            if self.write { self.fate != Fate::Refused } else { self.is_mandatory() }
        }
        /// When it must have taken effect, if it did.
        fn deadline(&self) -> Seq {
            if self.is_mandatory() { self.returned } else { Seq::MAX }
        }
    }

    /// Tries every order.
    fn is_linearizable(ops: &[Op], done: u32, current: u64) -> bool {
        let left = |index: usize| done & 1 << index == 0 && ops[index].is_possible();
        let all = 0..ops.len();
        if !all.clone().any(|index| left(index) && ops[index].is_mandatory()) {
            return true;
        }
        all.clone().any(|next| {
            let op = ops[next];
            left(next)
                && !all.clone().any(|other| left(other) && ops[other].deadline() < op.invoked)
                && (op.write || op.value == current)
                && is_linearizable(ops, done | 1 << next, if op.write { op.value } else { current })
        })
    }

    /// Feeds the history to a register; what it finds first.
    fn judge(ops: &[Op]) -> (Register, Option<Wrong>) {
        let mut events: Vec<(Seq, usize, bool)> = Vec::new();
        for (index, op) in ops.iter().enumerate() {
            events.push((op.invoked, index, true));
            if op.returned != Seq::MAX {
                events.push((op.returned, index, false));
            }
        }
        events.sort_unstable();
        let mut register = Register::new();
        for (seq, index, invoked) in events {
            let op = ops[index];
            let now = moment(seq, index);
            let found = match (invoked, op.write) {
                (true, true) => {
                    register.write_invoked(op.value, now);
                    None
                }
                (true, false) => {
                    register.read_invoked(seq);
                    None
                }
                (false, true) => {
                    register.write_ended(op.fate, now, None, &mut Vec::new()).map(Wrong::Refused)
                }
                (false, false) => {
                    let read = register.read(op.value, moment(op.invoked, index), now);
                    register.read_ended(op.invoked);
                    read.err()
                }
            };
            if found.is_some() {
                return (register, found);
            }
        }
        (register, None)
    }

    fn moment(seq: Seq, op: usize) -> Moment {
        Moment { seq, at: Nanos::new(seq), op: OpId::new(op as u64) }
    }

    type Draw = (u8, u8, u16, u16, u16);

    /// Makes a history of draws: operations at random times on a true register, with some reads
    /// falsified. The values of writes are unique, but for trims.
    fn history(draws: &[Draw], lies: u16, trims: bool) -> Vec<Op> {
        let mut keys: Vec<(u32, usize, u8)> = Vec::new();
        for (index, (_, _, a, b, c)) in draws.iter().enumerate() {
            let mut times = [*a, *b, *c];
            times.sort_unstable();
            keys.extend((0..3).map(|at| (u32::from(times[at as usize]), index, at)));
        }
        keys.sort_unstable();
        let mut next_value = 1;
        let mut ops: Vec<Op> = draws
            .iter()
            .map(|(kind, fate, ..)| {
                let write = kind % 2 == 0 && next_value <= 3;
                let value = if !write || (trims && kind % 8 == 0) { 0 } else { next_value };
                next_value += u64::from(value > 0);
                let fates = [Fate::Pending, Fate::InDoubt, Fate::Abandoned, Fate::Refused];
                let fate =
                    if *fate % 2 == 0 { Fate::Acknowledged } else { fates[*fate as usize / 2 % 4] };
                Op { write, value, fate, invoked: 0, returned: Seq::MAX }
            })
            .collect();
        let mut current = 0;
        for (position, (_, index, at)) in keys.into_iter().enumerate() {
            let (seq, op) = (position as Seq + 1, &mut ops[index]);
            match at {
                0 => op.invoked = seq,
                // A write that ends in doubt has its effect late, or early, or not at all.
                1 if op.write && op.fate != Fate::Refused => current = op.value,
                1 if !op.write => op.value = current,
                2 if !op.write || op.fate != Fate::Pending => op.returned = seq,
                _ => {}
            }
        }
        for (index, op) in ops.iter_mut().enumerate() {
            if !op.write && lies & 1 << index != 0 {
                op.value = u64::from(draws[index].1 % 4);
            }
        }
        ops
    }

    /// Compares the register with the search; counts legal and illegal histories.
    fn compare(ops: &[Op], trims: bool, counts: &[Cell<u32>; 2]) -> Result<(), TestCaseError> {
        let legal = is_linearizable(ops, 0, 0);
        let (register, found) = judge(ops);
        counts[usize::from(legal)].set(counts[usize::from(legal)].get() + 1);
        if legal != found.is_none() && (legal || !trims) {
            return Err(TestCaseError::fail(format!(
                "legal: {legal}, but found {found:?}: {ops:#?}"
            )));
        }
        if found.is_some() {
            return Ok(());
        }
        // What may a medium hold now? What a read done now could show.
        let now = ops.len() as Seq * 3 + 1;
        let seen_in_flight = ops.iter().any(|op| op.write && op.fate == Fate::Pending);
        for value in 0..=3 {
            let read = Op {
                write: false,
                value,
                fate: Fate::Acknowledged,
                invoked: now,
                returned: now + 1,
            };
            let legal = is_linearizable(&[ops, &[read]].concat(), 0, 0);
            let held = register.may_hold(value, now);
            let is_exact = !trims && !seen_in_flight;
            if legal != held.is_ok() && (legal || is_exact) {
                let text = format!("{value} now: legal {legal}, but {held:?}: {ops:#?}");
                return Err(TestCaseError::fail(text));
            }
        }
        Ok(())
    }

    fn agrees_with_the_search(ops_max: usize, cases: u32, trims: bool) {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let draw = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u16>(), any::<u16>());
        let strategy = (prop::collection::vec(draw, 1..=ops_max), any::<u16>())
            .prop_map(|(draws, lies)| history(&draws, lies & lies >> 3, trims));
        let counts = [Cell::new(0), Cell::new(0)];
        let outcome = TestRunner::new(config).run(&strategy, |ops| compare(&ops, trims, &counts));
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        for count in counts {
            assert!(count.get() > cases / 10, "legal and illegal must both be frequent");
        }
    }

    #[test]
    fn agrees_with_a_search_of_every_order() {
        agrees_with_the_search(6, 20_000, false);
        agrees_with_the_search(9, 10_000, false);
    }

    #[test]
    fn never_condemns_a_legal_history_with_trims() {
        agrees_with_the_search(6, 20_000, true);
    }

    #[test]
    fn stays_small_however_long_the_history() {
        let mut register = Register::new();
        for round in 0..10_000_u64 {
            // Each read begins within the write of its round and ends within that of the next: there
            // is no moment without a read.
            let (seq, value) = (round * 10 + 10, 1 << 48 | (round + 1));
            register.write_invoked(value, moment(seq, round as usize));
            register.read_invoked(seq + 1);
            let ended = moment(seq + 2, round as usize);
            register.write_ended(Fate::Acknowledged, ended, None, &mut Vec::new());
            if round > 0 {
                let read = register.read(value, moment(seq - 9, 0), moment(seq + 3, 0));
                assert_eq!(read, Ok(()));
                register.read_ended(seq - 9);
            }
            assert!(register.values().len() <= 8, "{:?}", register.values());
        }
        assert!(register.has_forgotten());
        let old = register.read(1 << 48 | 7, moment(200_000, 0), moment(200_001, 0));
        assert_eq!(old, Err(Wrong::Forgotten));
    }

    #[test]
    fn a_refused_write_is_named_when_it_shows_up() {
        let mut register = Register::new();
        register.write_invoked(5, moment(1, 1));
        assert_eq!(register.write_ended(Fate::Refused, moment(2, 1), None, &mut Vec::new()), None);
        let read = register.read(5, moment(3, 2), moment(4, 2));
        assert!(matches!(read, Err(Wrong::Refused(value)) if value.author == 5), "{read:?}");
    }
}
