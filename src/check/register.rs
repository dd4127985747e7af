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

use crate::base::{Nanos, Seq};

use super::faded;
use super::faded::{Faded, Flushes, Flushing, last_two};
use super::few::Few;
use super::value::{Fate, Moment, Settled, Value};

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

/// Where the value is that a read was shown.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// In this place among the values.
    InFull(usize),
    /// It has faded, and is in this lot.
    Faded(usize),
    /// Several are possible, or it is no longer known which one it is.
    Several,
}

/// How many refused writes a register remembers, to name them if they show up.
const REFUSED_MAX: usize = 4;
/// A register forgets when it has this many values, or twice what was left last time.
const FORGET_AT: u32 = 2;

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
        rests.then(|| Settled::of_value(value))
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

    /// A flush was done although every copy had lost its cache: what it promised is there. If a read has shown since
    /// that it is not, what was shown in its place.
    pub(super) fn promised(&mut self, flush: &Flushing) -> Option<Wrong> {
        let mut has_promised = false;
        for value in self.values.as_mut_slice() {
            let is_uncertain = matches!(value.fate, Fate::Unflushed | Fate::Kept);
            if is_uncertain && flush.promises(value) {
                (value.fate, has_promised) = (Fate::Acknowledged, true);
            }
        }
        if has_promised { self.shown_in_place(flush) } else { None }
    }

    /// A value that reads have shown in the place of another one, which a flush promises: each must precede the
    /// other.
    fn shown_in_place(&self, flush: &Flushing) -> Option<Wrong> {
        let there = || self.values().iter().filter(|value| value.fate != Fate::Unflushed);
        let promised = there().filter(|by| by.fate == Fate::Acknowledged && flush.promises(by));
        let mut pairs = promised.flat_map(|by| there().map(move |value| (value, by)));
        let (value, by) = pairs.find(|(value, by)| {
            value.first_return.seq < by.last_invoke.seq
                && by.first_return.seq < value.last_invoke.seq
                && value.op != by.op
        })?;
        Some(Wrong::Superseded { value: Box::new(*value), by: Box::new(*by) })
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
        let is_left = |(_, lot): &(usize, &Faded)| {
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
        let source = match self.source(author, invoked.seq, returned.seq, false)? {
            Source::InFull(source) => source,
            Source::Faded(lot) => {
                let lots = &mut self.faded;
                self.values.push(lots[lot].shown(author, invoked, returned));
                lots.retain(|lot| !lot.is_empty());
                return Ok(());
            }
            Source::Several => return Ok(()),
        };
        let value = &mut self.values.as_mut_slice()[source];
        if returned.seq < value.first_return.seq {
            value.first_return = returned;
        }
        if invoked.seq > value.last_invoke.seq {
            value.last_invoke = invoked;
        }
        if value.fate == Fate::Unflushed {
            value.fate = Fate::Kept;
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
    fn lots_of(&self, author: u64) -> impl Iterator<Item = (usize, &Faded)> {
        let in_full = author != 0 && self.values().iter().any(|value| value.author == author);
        self.faded.iter().enumerate().filter(move |(_, lot)| !in_full && lot.has(author))
    }

    /// Whether a read over this span may have been shown what has faded and was first there at `first_return`:
    /// whether nothing was there before it that must come after that.
    fn may_show(&self, first_return: Seq, invoked: Seq, returned: Seq, may_lag: bool) -> bool {
        let first_return = first_return.min(returned);
        let mut others = self.values().iter();
        !others.any(|other| {
            other.first_return.seq < invoked
                && first_return < other.last_invoke.seq
                && !(may_lag && other.fate == Fate::Pending)
                && other.fate != Fate::Unflushed
        })
    }

    /// Where the value is that a read over this span was shown.
    fn source(
        &self,
        author: u64,
        invoked: Seq,
        returned: Seq,
        may_lag: bool,
    ) -> Result<Source, Wrong> {
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
        let may_show = |first_return| self.may_show(first_return, invoked, returned, may_lag);
        let mut lots = self.lots_of(author).filter(|(_, lot)| may_show(lot.first_return()));
        match (source, lots.next()) {
            (None, None) => Err(wrong),
            (Some(source), None) if sources == 1 => Ok(Source::InFull(source)),
            (None, Some((at, lot))) if author != 0 => Ok(match lot.may_be_back() {
                true => Source::Faded(at),
                false => Source::Several,
            }),
            (None, Some((at, lot))) if lots.next().is_none() && lot.is_last_trim(may_show) => {
                Ok(Source::Faded(at))
            }
            _ => Ok(Source::Several),
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
        let lasts = |value: &Value| flushes.is_none_or(|flushes| value.is_flushed(flushes.done()));
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
