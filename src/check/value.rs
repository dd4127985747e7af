//! What one write left in a block, and the moments by which it is judged. Judges nothing.

use crate::base::{Nanos, OpId, Seq};

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
    pub(super) const NEVER: Self = Self { seq: Seq::MAX, at: Nanos::MAX, op: OpId::new(u64::MAX) };
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
    /// When its write returned or was abandoned.
    pub ended_at: Nanos,
    /// The first return of its write or of a read that showed it (*f*).
    pub first_return: Moment,
    /// The last invocation of its write or of a read that showed it (*s*).
    pub last_invoke: Moment,
}

impl Value {
    /// Whether a flush that began at `flushed`, and was done, has covered it. What failed or was abandoned is
    /// covered when a read had shown it by then: from its end on, nobody but that read vouches for it. What a
    /// read has shown after a loss was there all the while, so that any flush since it was acknowledged covers it.
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

    /// When its write was acknowledged, if it was.
    pub(super) fn acknowledged_at(&self) -> Nanos {
        if self.first_return.op == self.op { self.first_return.at } else { self.ended_at }
    }

    /// The initial content.
    pub(super) const ZEROES: Self = Self {
        author: 0,
        op: Moment::START.op,
        fate: Fate::Initial,
        invoked_at: Nanos::ZERO,
        ended_at: Nanos::ZERO,
        first_return: Moment::START,
        last_invoke: Moment::START,
    };
}

/// A register at rest: nobody works on the block, and of what was written only one acknowledged write
/// can still be seen. Of its value this says all that is not the same for every such value. It lies in one cache
/// line, not across two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
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

    /// Of a value whose write returned first and was acknowledged.
    pub(super) const fn of_value(value: &Value) -> Self {
        let Value { author, op, invoked_at, first_return, last_invoke, .. } = *value;
        let ended = (first_return.seq, first_return.at);
        Self { author, op, invoked_at, ended, last_invoke }
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
