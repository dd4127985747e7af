//! How long a leg has been away, now and lately. Decides nothing.

use crate::base::Nanos;

/// What is longer ago than so many times the patience for one absence doesn't count.
const WINDOW: u64 = 4;
/// A leg that dies for so many a time within that is away too often, however soon it comes back each time.
const DEATHS_MAX: usize = 5;

/// When one leg was away.
#[derive(Clone, Debug)]
pub(super) struct Absences {
    /// Since when it is, or was the last time.
    since: Nanos,
    /// From when to when it was before.
    past: Vec<(Nanos, Nanos)>,
}

impl Absences {
    /// Nothing is known of it; if it is away, then from now on.
    pub(super) fn from(now: Nanos) -> Self {
        Self { since: now, past: Vec::new() }
    }

    pub(super) fn begin(&mut self, now: Nanos) {
        self.since = now;
    }

    pub(super) fn end(&mut self, now: Nanos, patience: Nanos) {
        let start = window(now, patience);
        self.past.retain(|(_, until)| *until > start);
        self.past.push((self.since, now));
    }

    /// Whether it, which is away, has been so for too long: once, or altogether, or too often.
    pub(super) fn are_too_much(&self, now: Nanos, patience: Nanos) -> bool {
        let start = window(now, patience);
        let present = std::iter::once((self.since, now));
        let all = || self.past.iter().copied().chain(present.clone());
        let counted = |(from, until): (Nanos, Nanos)| until.saturating_sub(from.max(start));
        let away = all().fold(Nanos::ZERO, |sum, span| sum.saturating_add(counted(span)));
        let deaths = all().filter(|(from, _)| *from >= start).count();
        away >= patience || deaths >= DEATHS_MAX
    }

    /// Whether this absence alone is as long as that.
    pub(super) fn is_long(&self, now: Nanos, patience: Nanos) -> bool {
        now >= self.since + patience
    }
}

fn window(now: Nanos, patience: Nanos) -> Nanos {
    now.saturating_sub(patience.saturating_mul(WINDOW))
}

#[cfg(test)]
mod tests {
    use super::Absences;
    use crate::base::Nanos;

    const PATIENCE: Nanos = Nanos::from_millis(50);

    /// A leg that was away at these times, in milliseconds, and is again from the last one on.
    fn leg(past: &[(u64, u64)], since: u64) -> Absences {
        let mut absences = Absences::from(Nanos::ZERO);
        for (from, until) in past {
            absences.begin(Nanos::from_millis(*from));
            absences.end(Nanos::from_millis(*until), PATIENCE);
        }
        absences.begin(Nanos::from_millis(since));
        absences
    }

    #[track_caller]
    fn check(past: &[(u64, u64)], since: u64, too_much_from: u64) {
        let absences = leg(past, since);
        let is = |at: u64| absences.are_too_much(Nanos::from_millis(at), PATIENCE);
        assert!(!is(too_much_from - 1) && is(too_much_from), "{past:?}, {since}");
    }

    #[test]
    fn one_absence_counts_by_its_length() {
        check(&[], 10, 60);
        assert!(!leg(&[], 10).is_long(Nanos::from_millis(59), PATIENCE));
        assert!(leg(&[], 10).is_long(Nanos::from_millis(60), PATIENCE));
    }

    #[test]
    fn several_count_together_as_far_as_they_are_not_long_ago() {
        check(&[(10, 40)], 100, 120);
        check(&[(10, 25), (50, 65)], 100, 120);
        check(&[(10, 40)], 230, 280);
    }

    #[test]
    fn the_fifth_in_a_row_is_one_too_many() {
        let past = [(100, 101), (110, 111), (120, 121), (130, 131)];
        check(&past[1..], 140, 187);
        assert!(leg(&past, 140).are_too_much(Nanos::from_millis(140), PATIENCE));
        assert!(!leg(&past, 320).are_too_much(Nanos::from_millis(320), PATIENCE), "long ago");
    }
}
