//! The rules that a link's faults are, and what they make of a message: pass it, deliver it after a time, drop
//! it. Delivers nothing itself.
//!
//! A message is judged when it is about to come out of its link, so that a rule holds for what is on the
//! wire already. Rules that take time act once on a message; the others, at its true exit.

use crate::base::{Nanos, Odds};
use crate::sim::{Kernel, Rng};

use super::records::{DropReason, NetFault};

/// Names a fault that is in force, for lifting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(pub(super) u32);

/// What a link does with a message that is about to come out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Deliver it after this time; [`Nanos::MAX`]: after the link is released.
    After(Nanos),
    Drop(DropReason),
}

/// One fault of a directed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Partition,
    Hold,
    Delay(Nanos, Nanos),
    Loss(Odds),
    Duplicate(Odds),
    /// A message is late by a span from the first to the second, so that others overtake it.
    Reorder(Odds, Nanos, Nanos),
    Corrupt(Odds),
    /// Everything passes a narrow place, one message after the other: bits a second, and when the last
    /// one will be through.
    Bandwidth(u64, Nanos),
    DropNext(Next),
    DelayNext(Next, Nanos, Nanos),
    DuplicateNext(Next),
}

impl Rule {
    pub(super) const fn fault(&self) -> NetFault {
        match self {
            Self::Partition => NetFault::Partition,
            Self::Hold => NetFault::Hold,
            Self::Delay(..) => NetFault::Delay,
            Self::Loss(_) => NetFault::Loss,
            Self::Duplicate(_) => NetFault::Duplicate,
            Self::Reorder(..) => NetFault::Reorder,
            Self::Corrupt(_) => NetFault::Corrupt,
            Self::Bandwidth(..) => NetFault::Bandwidth,
            Self::DropNext(_) => NetFault::DropNext,
            Self::DelayNext(..) => NetFault::DelayNext,
            Self::DuplicateNext(_) => NetFault::DuplicateNext,
        }
    }

    fn is_spent(&self) -> bool {
        match self {
            Self::DropNext(next) | Self::DelayNext(next, ..) | Self::DuplicateNext(next) => {
                next.left == 0
            }
            _ => false,
        }
    }
}

/// The next few messages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) kind: u64,
    pub(super) left: u32,
}

impl Next {
    /// Whether a message is one of them; it is counted if so.
    fn takes(&mut self, kind: u64) -> bool {
        let takes = self.left > 0 && self.kind == kind;
        self.left -= u32::from(takes);
        takes
    }
}

/// A message at the end of its link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    pub(super) kind: u64,
    pub(super) bytes: u64,
    /// When it was to arrive; not after `now`.
    pub(super) due: Nanos,
    pub(super) now: Nanos,
    /// Whether rules that take time have acted on it.
    pub(super) timed: bool,
    /// Whether a fault made it of another: no copy is made of a copy.
    pub(super) is_copy: bool,
}

/// The faults that a message met: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met(u32);

impl Met {
    pub(super) fn add(&mut self, fault: NetFault) {
        self.0 |= 1 << fault as u32;
    }

    pub(super) fn one(fault: NetFault) -> Self {
        let mut met = Self::default();
        met.add(fault);
        met
    }

    pub(super) fn iter(self) -> impl Iterator<Item = NetFault> {
        NetFault::ALL.iter().copied().filter(move |fault| self.0 >> *fault as u32 & 1 == 1)
    }

    pub(super) fn remove(&mut self, fault: NetFault) {
        self.0 &= !(1 << fault as u32);
    }

    pub(super) fn has(self, fault: NetFault) -> bool {
        self.0 >> fault as u32 & 1 == 1
    }
}

/// What the rules say of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) met: Met,
    /// Whether a rule has had all its messages.
    pub(super) spent: bool,
}

impl Judgement {
    pub(super) fn drop_for(fault: NetFault, why: DropReason) -> Self {
        Self { verdict: Verdict::Drop(why), met: Met::one(fault), spent: false }
    }
}

/// What faults draw from, a stream for each purpose.
pub(super) struct Draws {
    loss: Rng,
    extra_delay: Rng,
    reorder: Rng,
    duplicate: Rng,
    corrupt: Rng,
}

impl Draws {
    pub(super) fn new(kernel: &Kernel) -> Self {
        Self {
            loss: kernel.stream("net.loss"),
            extra_delay: kernel.stream("net.extra-delay"),
            reorder: kernel.stream("net.reorder"),
            duplicate: kernel.stream("net.duplicate"),
            corrupt: kernel.stream("net.corrupt"),
        }
    }

    /// How much later than the message its copy arrives.
    pub(super) fn copy_lag(&mut self, min: Nanos, max: Nanos) -> Nanos {
        self.duplicate.nanos(min, max)
    }

    /// What a message is altered by.
    pub(super) fn noise(&mut self) -> u64 {
        self.corrupt.bits()
    }
}

/// The faults of one directed link, in the order of their being set.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(RuleId, Rule)>);

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, id: RuleId, rule: Rule) {
        self.0.push((id, rule));
    }

    /// Lifts a rule; says what it was.
    pub(super) fn lift(&mut self, id: RuleId) -> Option<NetFault> {
        let at = self.0.iter().position(|(set, _)| *set == id)?;
        Some(self.0.remove(at).1.fault())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = RuleId> + '_ {
        self.0.iter().map(|(id, _)| *id)
    }

    pub(super) fn ids_of(&self, fault: NetFault) -> impl Iterator<Item = RuleId> + '_ {
        self.0.iter().filter(move |(_, rule)| rule.fault() == fault).map(|(id, _)| *id)
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.iter().any(|(_, rule)| *rule == Rule::Hold)
    }

    /// The fault by which nothing passes at all.
    pub(super) fn cut(&self) -> Option<NetFault> {
        self.0.iter().find_map(|(_, rule)| match rule {
            Rule::Partition => Some(NetFault::Partition),
            Rule::Loss(odds) if odds.numerator() == odds.denominator() => Some(NetFault::Loss),
            _ => None,
        })
    }

    /// Takes away the rules that have had all their messages.
    pub(super) fn take_spent(&mut self) -> Vec<RuleId> {
        let spent = self.0.iter().filter(|(_, rule)| rule.is_spent()).map(|(id, _)| *id).collect();
        self.0.retain(|(_, rule)| !rule.is_spent());
        spent
    }

    /// What becomes of a message that comes out of a link through which something passes.
    pub(super) fn judge(&mut self, exit: &Exit, draws: &mut Draws) -> Judgement {
        if self.is_held() {
            let (verdict, met) = (Verdict::After(Nanos::MAX), Met::one(NetFault::Hold));
            return Judgement { verdict, met, spent: false };
        }
        let mut met = Met::default();
        let mut verdict = Verdict::Pass;
        if !exit.timed {
            let at = self.arrival(exit, draws, &mut met);
            if at > exit.now {
                verdict = Verdict::After(at);
            }
        }
        if verdict == Verdict::Pass {
            verdict = self.fate(exit, draws, &mut met);
        }
        let spent = self.0.iter().any(|(_, rule)| rule.is_spent());
        Judgement { verdict, met, spent }
    }

    /// When a message arrives by the rules that take time.
    fn arrival(&mut self, exit: &Exit, draws: &mut Draws, met: &mut Met) -> Nanos {
        let mut at = exit.due;
        for (_, rule) in &mut self.0 {
            let later = match rule {
                Rule::Delay(min, max) => Some(draws.extra_delay.nanos(*min, *max)),
                Rule::Reorder(odds, min, max) => {
                    let is_late = draws.reorder.chance(*odds);
                    is_late.then(|| draws.reorder.nanos(*min, *max))
                }
                Rule::DelayNext(next, min, max) => {
                    next.takes(exit.kind).then(|| draws.extra_delay.nanos(*min, *max))
                }
                _ => None,
            };
            if let Some(later) = later {
                met.add(rule.fault());
                at = at.saturating_add(later);
            }
        }
        for (_, rule) in &mut self.0 {
            if let Rule::Bandwidth(bits_per_second, busy_until) = rule {
                at = at.max(*busy_until).saturating_add(transmission(exit.bytes, *bits_per_second));
                *busy_until = at;
                met.add(NetFault::Bandwidth);
            }
        }
        at
    }

    /// What becomes of a message at its true exit.
    fn fate(&mut self, exit: &Exit, draws: &mut Draws, met: &mut Met) -> Verdict {
        for (_, rule) in &mut self.0 {
            let met_it = match rule {
                Rule::DropNext(next) => next.takes(exit.kind),
                Rule::Loss(odds) => draws.loss.chance(*odds),
                Rule::Corrupt(odds) => draws.corrupt.chance(*odds),
                Rule::Duplicate(odds) => !exit.is_copy && draws.duplicate.chance(*odds),
                Rule::DuplicateNext(next) => !exit.is_copy && next.takes(exit.kind),
                _ => false,
            };
            if !met_it {
                continue;
            }
            met.add(rule.fault());
            match rule {
                Rule::DropNext(_) => return Verdict::Drop(DropReason::DropNext),
                Rule::Loss(_) => return Verdict::Drop(DropReason::Lost),
                _ => {}
            }
        }
        Verdict::Pass
    }
}

/// How long a message of `bytes` takes at a rate, rounded down; the rate is above 0.
pub(super) fn transmission(bytes: u64, bits_per_second: u64) -> Nanos {
    let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(bits_per_second);
    Nanos::new(u64::try_from(nanos).unwrap_or(u64::MAX))
}
