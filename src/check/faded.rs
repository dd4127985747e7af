//! Values that are of no matter unless every copy loses its power: what is left of them takes no room for each.
//! Judges no read.
//!
//! Where media have volatile caches, a value that was replaced may come back as long as nothing that replaced it is
//! there for good. An application that never flushes writes without end, and each of its values may come back. But
//! until a loss every read of one is a violation, and after a loss all that were not flushed are equal: whichever is
//! shown, the others are gone. So it is enough to know who wrote them, and when the last of them was
//! first there. Nothing is condemned that is legal, for the bounds are those of the whole; nor is anything let
//! pass, for values that differ in what a flush under way will have promised of them are kept apart.
//!
//! Of zeroes, which several trims may have left, nobody knows which a read was shown, here no more than elsewhere.
//! But where only the last of them can have been, it is counted for that one: trims fade apart from what writes
//! left, and of each lot the last is known in full.
//!
//! Who wrote them is known by runs of each writer's numbers. Numbers in between that went to other blocks belong to
//! contents that are at home there, and never come up here.

use crate::base::{Nanos, OpId, Seq, VolumeId};

use super::caches::Caches;
use super::few::Few;
use super::value::{Fate, Moment, Value};

/// How many values a register has in full before it lets some fade: more than a block is mostly written between
/// two flushes, so that reports name them.
pub(super) const FADE_AT: usize = 32;

/// A flush under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flushing {
    pub(super) volume: VolumeId,
    /// The number of the application that asked for it.
    pub(super) writer: u16,
    pub(super) op: OpId,
    /// When it was invoked, and when every copy had last lost its power by then.
    pub(super) invoked: Nanos,
    pub(super) lost_before: Nanos,
    /// Since when the volume's owner has been the same, and whoever asked for the flush was told of no loss by one
    /// that failed.
    pub(super) unbroken_since: Nanos,
}

impl Flushing {
    /// Whether it promises that the value is there, once it is done: what was acknowledged before it began. But
    /// what every copy's loss of power may have taken, it promises only if somebody would have been told: by it,
    /// if the value was written after the last loss before it began; by it or an earlier one, if none failed and
    /// the volume's owner has been the same since the value was acknowledged.
    pub(super) fn promises(&self, value: &Value) -> bool {
        match value.fate {
            Fate::Acknowledged | Fate::Kept => value.acknowledged_at() < self.invoked,
            Fate::Unflushed => self.promises_after_loss(value),
            _ => false,
        }
    }

    /// Whether it promises that the value is there although every copy has lost its power since.
    pub(super) fn promises_after_loss(&self, value: &Value) -> bool {
        let acknowledged = value.acknowledged_at();
        matches!(value.fate, Fate::Acknowledged | Fate::Kept | Fate::Unflushed)
            && acknowledged < self.invoked
            && (value.invoked_at > self.lost_before || acknowledged > self.unbroken_since)
    }

    /// The same, should whoever asked for it be told of a loss meanwhile.
    const fn broken(self) -> Self {
        Self { unbroken_since: Nanos::MAX, ..self }
    }

    /// One that nobody has begun yet, and that is done after a loss of every copy's power that is to come: if it
    /// begins before that, `lost_before` is when the last one was, else it is never.
    fn to_come(volume: VolumeId, lost_before: Nanos, unbroken_since: Nanos) -> Self {
        let (writer, op, invoked) = (0, Moment::START.op, Nanos::MAX);
        Self { volume, writer, op, invoked, lost_before, unbroken_since }
    }
}

/// The flushes of a volume whose media have volatile caches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flushes<'a> {
    pub(super) volume: VolumeId,
    /// What they have done so far, and who may ask for others.
    pub(super) caches: &'a Caches,
    /// Those under way, of whatever volume.
    pub(super) under_way: &'a [Flushing],
    /// How many values a register has in full before it lets some fade.
    pub(super) fade_at: usize,
}

impl<'a> Flushes<'a> {
    /// What was acknowledged before this is on every leg for good.
    pub(super) fn done(self) -> Nanos {
        self.caches.flushed
    }

    /// Those under way, each also as it is if its application is told of a loss before it is done.
    fn pending(self) -> impl Iterator<Item = Flushing> {
        let its = self.under_way.iter().filter(move |flush| flush.volume == self.volume);
        its.flat_map(|flush| [*flush, flush.broken()])
    }

    /// Those that nobody has begun yet: two for each time since when an opener was told of nothing, by whether they
    /// begin before the next loss or after it; and one of who will have been told.
    fn to_come(self) -> impl Iterator<Item = Flushing> {
        let openers = self.caches.openers();
        let times = openers.iter().map(|opener| opener.broken_at).enumerate();
        let earlier = move |at: usize| openers[..at].iter().map(|opener| opener.broken_at);
        let times = times.filter(move |(at, since)| !earlier(*at).any(|other| other == *since));
        let each = times.flat_map(move |(_, since)| {
            [self.caches.lost_at(), Nanos::MAX]
                .map(|lost| Flushing::to_come(self.volume, lost, since))
        });
        each.chain([Flushing::to_come(self.volume, self.caches.lost_at(), Nanos::MAX)])
    }
}

/// A flush under way or to come, with the last two of the invocations by which values are known that it
/// promises.
struct Promised {
    flush: Flushing,
    promises: fn(&Flushing, &Value) -> bool,
    last: Seq,
    second: Seq,
}

impl Promised {
    fn of(flush: Flushing, promises: fn(&Flushing, &Value) -> bool, values: &[Value]) -> Self {
        let (last, second) = last_two(values.iter().filter(|value| promises(&flush, value)));
        Self { flush, promises, last, second }
    }

    /// Whether values that were invoked and acknowledged within these times fare alike, whatever comes of it.
    fn treats_alike(&self, invoked: (Nanos, Nanos), acknowledged: (Nanos, Nanos)) -> bool {
        let Flushing { invoked: begun, lost_before, unbroken_since, .. } = self.flush;
        (acknowledged.0 < begun) == (acknowledged.1 < begun)
            && (invoked.0 > lost_before) == (invoked.1 > lost_before)
            && (acknowledged.0 > unbroken_since) == (acknowledged.1 > unbroken_since)
    }
}

/// What decides which values fade, and which of them together.
struct Fading {
    /// What was acknowledged before this is on every leg for good.
    done: Nanos,
    promised: Vec<Promised>,
}

/// What is left of values that have faded together.
#[derive(Clone, Debug)]
pub(super) struct Faded {
    fate: Fate,
    /// The first and the last author word of each run of a writer's numbers; zeroes are a writer's of their own.
    authors: Vec<(u64, u64)>,
    /// The first and the last of the times when their writes were invoked.
    invoked: (Nanos, Nanos),
    /// The same of when they were acknowledged.
    acknowledged: (Nanos, Nanos),
    /// The one whose first return is the latest. Once it has been shown, only the first return of what was
    /// before it.
    latest: Value,
    is_latest_known: bool,
    /// Of zeroes, the latest of the others' first returns.
    second: Option<Seq>,
}

impl Faded {
    fn of(value: &Value) -> Self {
        let acknowledged = value.acknowledged_at();
        Self {
            fate: value.fate,
            authors: vec![(value.author, value.author)],
            invoked: (value.invoked_at, value.invoked_at),
            acknowledged: (acknowledged, acknowledged),
            latest: *value,
            is_latest_known: true,
            second: None,
        }
    }

    fn is_of_trims(&self) -> bool {
        self.has(0)
    }

    /// Whether nothing is left in it.
    pub(super) fn is_empty(&self) -> bool {
        self.authors.is_empty()
    }

    /// Whether one of them is of this author.
    pub(super) fn has(&self, author: u64) -> bool {
        self.authors.iter().any(|(first, last)| (*first..=*last).contains(&author))
    }

    /// When the last of them was first there.
    pub(super) fn first_return(&self) -> Seq {
        self.latest.first_return.seq
    }

    /// Of trims, whether it can only have been the last that a read was shown, and that is known; `may_show`
    /// says whether it may have been one that was first there at a time.
    pub(super) fn is_last_trim(&self, may_show: impl Fn(Seq) -> bool) -> bool {
        self.may_be_back() && self.is_latest_known && self.second.is_none_or(|it| !may_show(it))
    }

    /// Whether they may be gone, and any of them back.
    pub(super) fn may_be_back(&self) -> bool {
        self.fate == Fate::Unflushed
    }

    /// One of them, which a read has shown after all: it was there, and is. Of a write, which one it was is no
    /// longer known; of trims it was the last, which goes from the lot.
    pub(super) fn shown(&mut self, author: u64, invoked: Moment, returned: Moment) -> Value {
        let mut value = Value { fate: Fate::Kept, ..self.latest };
        if author == 0 {
            if invoked.seq > value.last_invoke.seq {
                value.last_invoke = invoked;
            }
            self.forget_latest();
        } else {
            let (op, at) = (Moment::START.op, self.acknowledged.1);
            (value.author, value.op, value.last_invoke) = (author, op, invoked);
            (value.invoked_at, value.ended_at) = (self.invoked.0, at);
            (value.first_return.at, value.first_return.op) = (at, op);
        }
        if returned.seq < value.first_return.seq {
            value.first_return = returned;
        }
        value
    }

    fn forget_latest(&mut self) {
        match self.second.take() {
            Some(second) => self.latest.first_return.seq = second,
            None => self.authors.clear(),
        }
        self.is_latest_known = false;
    }

    /// Every copy lost its power.
    pub(super) fn caches_lost(&mut self, flushed: Nanos) {
        if self.acknowledged.1 >= flushed {
            self.fate = Fate::Unflushed;
        }
    }

    /// Whether they fare alike whatever becomes of the flushes under way.
    fn goes_with(&self, other: &Self, fading: &Fading) -> bool {
        let invoked = hull(self.invoked, other.invoked);
        let acknowledged = hull(self.acknowledged, other.acknowledged);
        let (one, another) = (self.first_return(), other.first_return());
        (self.fate, self.is_of_trims()) == (other.fate, other.is_of_trims())
            && (acknowledged.0 < fading.done) == (acknowledged.1 < fading.done)
            && fading.promised.iter().all(|promised| {
                promised.treats_alike(invoked, acknowledged)
                    && (one < promised.last) == (another < promised.last)
            })
    }

    fn take_in(&mut self, other: &Self) {
        for (first, last) in &other.authors {
            let mut runs = self.authors.iter_mut();
            match runs.find(|(known, _)| known >> 48 == first >> 48) {
                Some(run) => *run = (run.0.min(*first), run.1.max(*last)),
                None => self.authors.push((*first, *last)),
            }
        }
        self.invoked = hull(self.invoked, other.invoked);
        self.acknowledged = hull(self.acknowledged, other.acknowledged);
        let (one, another) = (self.first_return(), other.first_return());
        self.second = self.second.max(other.second).max(Some(one.min(another)));
        if another > one {
            (self.latest, self.is_latest_known) = (other.latest, other.is_latest_known);
        }
    }
}

fn hull(one: (Nanos, Nanos), other: (Nanos, Nanos)) -> (Nanos, Nanos) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// The last two of the invocations by which values are known to have been there: the second for the value
/// that has the last, for none makes itself dead.
pub(super) fn last_two<'a>(values: impl Iterator<Item = &'a Value>) -> (Seq, Seq) {
    values.map(|value| value.last_invoke.seq).fold((0, 0), |(last, second), seq| match seq {
        _ if seq >= last => (seq, last),
        _ => (last, second.max(seq)),
    })
}

/// Lets those values fade that are dead but for a loss of power, if there are many. A value stays that a flush
/// under way would make the last to be there for good; one that makes others dead stays until another does.
/// What lies before `lasting`, the last invocation by which a value is known that is there for good, never comes back,
/// and leaves nothing. `oldest`: the invocation of the oldest read in flight.
pub(super) fn fade(
    values: &mut Few<Value, 2>,
    faded: &mut Vec<Faded>,
    (oldest, lasting): (Seq, Seq),
    flushes: Flushes<'_>,
    gone: &mut Vec<Value>,
) {
    if values.as_slice().len() < flushes.fade_at {
        return;
    }
    let is_there =
        |value: &Value| value.first_return.seq <= oldest && value.fate != Fate::Unflushed;
    let (last, second) = last_two(values.as_slice().iter().filter(|value| is_there(value)));
    let all = values.as_slice();
    let under_way = flushes.pending().map(|flush| Promised::of(flush, Flushing::promises, all));
    let to_come = flushes.to_come();
    let to_come = to_come.map(|flush| Promised::of(flush, Flushing::promises_after_loss, all));
    let fading = Fading { done: flushes.done(), promised: under_way.chain(to_come).collect() };
    // The last but one stays, too: it may tell that the last was shown when it was gone.
    let is_dead_before = |value: &Value, last: Seq, second: Seq| {
        value.first_return.seq < last && value.last_invoke.seq < second
    };
    let fades = |value: &Value| {
        matches!(value.fate, Fate::Acknowledged | Fate::Kept | Fate::Unflushed)
            && !value.is_flushed(flushes.done())
            && is_dead_before(value, last, second)
            && fading.promised.iter().all(|Promised { flush, promises, last, second }| {
                !promises(flush, value) || is_dead_before(value, *last, *second)
            })
    };
    values.retain(|value| {
        let fades = fades(value);
        if fades {
            gone.push(*value);
        }
        if fades && value.first_return.seq >= lasting {
            add(faded, &Faded::of(value), &fading);
        }
        !fades
    });
    // What a flush kept apart that is over goes together.
    for lot in std::mem::take(faded) {
        add(faded, &lot, &fading);
    }
}

fn add(faded: &mut Vec<Faded>, more: &Faded, fading: &Fading) {
    match faded.iter_mut().find(|lot| lot.goes_with(more, fading)) {
        Some(lot) => lot.take_in(more),
        None => faded.push(more.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
    use proptest::test_runner::{Config, TestCaseError, TestRunner};

    use super::{Flushes, Flushing};
    use crate::base::{Nanos, NodeId, OpId, Seq, VolumeId};
    use crate::check::caches::Caches;
    use crate::check::register::Register;
    use crate::check::value::{Fate, Moment};

    const VOLUME: VolumeId = VolumeId::new(0);
    const WRITER: u64 = 1 << 48;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Write(Fate),
        Trim,
        /// Of a value, from the newest backwards.
        Read(u8),
        /// By which application.
        FlushBegun(u16),
        /// An application opens the volume anew, or all are gone and do.
        Opened(u16),
        Down,
        /// Of a flush under way, done or not.
        FlushOver(u8, bool),
        Lost,
    }

    /// One block, with all that happens to it.
    struct Tale {
        register: Register,
        fade_at: usize,
        seq: Seq,
        writes: u64,
        caches: Caches,
        under_way: Vec<Flushing>,
    }

    impl Tale {
        fn new(fade_at: usize) -> Self {
            let (register, mut caches) = (Register::new(), Caches::default());
            caches.used_by(Some(NodeId::new(0)), Nanos::ZERO);
            (0..2).for_each(|writer| caches.opened(writer));
            let (seq, writes, under_way) = (0, 0, Vec::new());
            Self { register, fade_at, seq, writes, caches, under_way }
        }

        fn next(&mut self) -> Moment {
            self.seq += 1;
            Moment { seq: self.seq, at: Nanos::new(self.seq * 10), op: OpId::new(self.seq) }
        }

        fn write(&mut self, author: u64, fate: Fate) {
            let invoked = self.next();
            self.register.write_invoked(author, invoked);
            let ended = Moment { op: invoked.op, ..self.next() };
            let (under_way, fade_at) = (&self.under_way[..], self.fade_at);
            let flushes = Flushes { volume: VOLUME, caches: &self.caches, under_way, fade_at };
            let mut gone = Vec::new();
            let _ = self.register.write_ended(fate, ended, Some(flushes), &mut gone);
            // However many there are: what is forgotten is the same then, faded or not.
            self.register.forget(ended.seq, Some(flushes), &mut gone);
        }

        /// Whether a read was shown what it may be shown.
        fn tell(&mut self, step: Step) -> bool {
            match step {
                Step::Write(fate) => {
                    self.writes += 1;
                    self.write(WRITER | self.writes, fate);
                }
                Step::Trim => self.write(0, Fate::Acknowledged),
                Step::Read(back) => {
                    let number = self.writes.saturating_sub(u64::from(back));
                    let author = if number == 0 { 0 } else { WRITER | number };
                    let (invoked, returned) = (self.next(), self.next());
                    return self.register.read(author, invoked, returned).is_ok();
                }
                Step::FlushBegun(writer) => {
                    let Moment { at, op, .. } = self.next();
                    self.under_way.push(self.caches.flush((VOLUME, writer), op, at));
                }
                Step::FlushOver(which, is_done) if !self.under_way.is_empty() => {
                    let at = usize::from(which) % self.under_way.len();
                    let mut flush = self.under_way.remove(at);
                    let now = self.next().at;
                    if is_done {
                        let _ = self.caches.flush_done(&mut flush, now);
                        return self.register.promised(&flush).is_none();
                    } else {
                        self.caches.flush_failed(&flush, now);
                    }
                }
                Step::FlushOver(..) => {}
                Step::Opened(writer) => self.caches.opened(writer),
                Step::Down => {
                    let now = self.next().at;
                    self.caches.down(NodeId::new(0), now);
                }
                Step::Lost => {
                    let now = self.next();
                    self.caches.lose(now.seq, now.at);
                    self.register.caches_lost(self.caches.flushed);
                }
            }
            true
        }

        /// Whether two values must come one before the other, and the other way round, too.
        fn is_contradictory(&self) -> bool {
            let values = self.register.values().iter();
            let there = values.filter(|value| value.fate != Fate::Unflushed);
            let there: Vec<_> = there.map(|it| (it.first_return.seq, it.last_invoke.seq)).collect();
            let mut pairs =
                there.iter().flat_map(|one| there.iter().map(move |other| (one, other)));
            pairs.any(|(one, other)| one != other && one.0 < other.1 && other.0 < one.1)
        }

        /// Which values may be on a medium now, and which for good.
        fn possible(&self) -> Vec<(u64, bool, bool)> {
            let authors = (0..=self.writes).map(|number| (WRITER * number.min(1)) | number);
            let each = authors.map(|author| {
                let holds = self.register.may_hold(author, self.seq + 1).is_ok();
                (author, holds, self.register.may_survive(author, self.caches.flushed).is_ok())
            });
            each.collect()
        }
    }

    fn steps(trims: bool) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            24 => Just(Step::Write(Fate::Acknowledged)),
            2 => Just(Step::Write(Fate::InDoubt)),
            1 => Just(Step::Write(Fate::Durable)),
            1 => Just(if trims { Step::Trim } else { Step::Read(0) }),
            8 => (0..6_u8).prop_map(Step::Read),
            3 => (0..2_u16).prop_map(Step::FlushBegun),
            3 => (any::<u8>(), any::<bool>()).prop_map(|(at, ok)| Step::FlushOver(at, ok)),
            3 => Just(Step::Lost),
            1 => (0..2_u16).prop_map(Step::Opened),
            1 => Just(Step::Down),
        ];
        prop::collection::vec(step, 0..80)
    }

    fn compare(steps: &[Step], is_exact: bool) -> Result<(), TestCaseError> {
        let (mut full, mut faded) = (Tale::new(usize::MAX), Tale::new(3));
        for step in steps {
            let (expected, told) = (full.tell(*step), faded.tell(*step));
            if told && !expected && !is_exact {
                // Which of several trims a read was shown is not known; from here on they differ.
                return Ok(());
            }
            if full.is_contradictory() {
                // What follows from that is anybody's guess.
                return Ok(());
            }
            let (known, left) = (full.possible(), faded.possible());
            let mut pairs = known.iter().zip(&left);
            let is_legal = pairs.all(|(full, faded)| (!full.1 || faded.1) && (!full.2 || faded.2));
            if is_exact && (expected, &known) != (told, &left) || !is_legal || expected && !told {
                let differ: Vec<_> = known.iter().zip(&left).filter(|(a, b)| a != b).collect();
                let text = format!("{step:?}: {expected} {told}, {differ:?}, of {steps:?}");
                return Err(TestCaseError::fail(text));
            }
        }
        Ok(())
    }

    #[test]
    fn what_has_faded_is_judged_as_if_it_were_there_in_full() {
        for trims in [false, true] {
            let config = Config { cases: 6_000, failure_persistence: None, ..Config::default() };
            let outcome =
                TestRunner::new(config).run(&steps(trims), |steps| compare(&steps, !trims));
            assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        }
    }

    #[test]
    fn a_register_stays_small_however_long_nobody_flushes() {
        let mut tale = Tale::new(super::FADE_AT);
        for round in 1..=1_000_000_u64 {
            tale.tell(Step::Write(Fate::Acknowledged));
            match round % 1_000 {
                // A flush that takes long, and fails.
                100 => assert!(tale.tell(Step::FlushBegun(0))),
                900 => assert!(tale.tell(Step::FlushOver(0, false))),
                _ => {}
            }
            if round % 50_000 == 0 {
                tale.tell(Step::Lost);
                assert!(tale.tell(Step::Read(200)), "any of them may be back");
                assert!(!tale.tell(Step::Read(100)), "but only one");
            }
            let (values, lots) = (tale.register.values().len(), tale.register.lots());
            assert!(
                values <= 2 * super::FADE_AT && lots <= 6,
                "{round}: {values} values, {lots} lots"
            );
        }
    }
}
