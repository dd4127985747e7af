//! A node's own clocks: they start off, drift against virtual time and jump. Fires no timer.
//!
//! The monotonic clock never goes back and never jumps: a change of its drift bends it where it stands. The
//! wall clock follows it at a distance, which a jump changes.

use crate::base::Nanos;

const MILLION: u64 = 1_000_000;

/// How far a node's clock is from virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockConfig {
    /// Added to the wall clock: its error at the start, in nanoseconds, either way.
    pub offset: i64,
    /// Parts per million by which both clocks run fast (or slow, if negative); above -1,000,000.
    pub drift_ppm: i32,
}

/// A node's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Where the monotonic clock was bent last: virtual time, and what it showed.
    bent: (Nanos, Nanos),
    /// Nanoseconds of the clock in a million of virtual time.
    rate: u64,
    /// Whether the monotonic clock shows virtual time: it was never bent, and it doesn't drift.
    is_true: bool,
    /// How far the wall clock is ahead of the monotonic one, in nanoseconds.
    ahead: i64,
}

impl Clock {
    pub(super) fn new(config: ClockConfig) -> Self {
        let rate = rate(config.drift_ppm);
        let is_true = rate == MILLION;
        Self { bent: (Nanos::ZERO, Nanos::ZERO), rate, is_true, ahead: config.offset }
    }

    /// The monotonic clock at virtual time `now`: no offset, never back, but it drifts.
    #[inline]
    pub(super) fn monotonic(&self, now: Nanos) -> Nanos {
        if self.is_true { now } else { self.bent_monotonic(now) }
    }

    #[cold]
    fn bent_monotonic(&self, now: Nanos) -> Nanos {
        let (since, shown) = self.bent;
        let passed = now.saturating_sub(since).get();
        let passed = match passed.checked_mul(self.rate) {
            Some(product) => product / MILLION,
            None => narrow(u128::from(passed) * u128::from(self.rate) / u128::from(MILLION)),
        };
        shown.saturating_add(Nanos::new(passed))
    }

    /// The wall clock at virtual time `now`; zero where it would show less.
    pub(super) fn wall(&self, now: Nanos) -> Nanos {
        let local = i128::from(self.monotonic(now).get()) + i128::from(self.ahead);
        Nanos::new(u64::try_from(local.max(0)).unwrap_or(u64::MAX))
    }

    /// The first virtual time, not before the clock was bent last, at which the monotonic clock shows
    /// `local` or later.
    #[inline]
    pub(super) fn virtual_at(&self, local: Nanos) -> Nanos {
        if self.is_true { local } else { self.bent_virtual_at(local) }
    }

    #[cold]
    fn bent_virtual_at(&self, local: Nanos) -> Nanos {
        let (since, shown) = self.bent;
        let left = local.saturating_sub(shown).get();
        let span = match left.checked_mul(MILLION) {
            Some(product) => product.div_ceil(self.rate),
            None => narrow((u128::from(left) * u128::from(MILLION)).div_ceil(self.rate.into())),
        };
        since.saturating_add(Nanos::new(span))
    }

    /// Lets both clocks run fast by `drift_ppm` from `now` on.
    pub(super) fn drift(&mut self, now: Nanos, drift_ppm: i32) {
        let shown = self.monotonic(now);
        self.bent = (now, shown);
        self.rate = rate(drift_ppm);
        self.is_true = self.rate == MILLION && now == shown;
    }

    /// Sets the wall clock forward, or back, by so many nanoseconds.
    pub(super) fn jump(&mut self, by: i64) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

fn rate(drift_ppm: i32) -> u64 {
    let rate = MILLION.checked_add_signed(drift_ppm.into()).filter(|rate| *rate > 0);
    rate.expect("a clock that stands still or runs back")
}

/// Of what no clock shows, the last that one does.
fn narrow(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Clock, ClockConfig};
    use crate::base::Nanos;

    #[test]
    fn a_fast_clock_reaches_a_deadline_early() {
        let clock = Clock::new(ClockConfig { offset: -5_000, drift_ppm: 100 });
        assert_eq!(clock.monotonic(Nanos::from_secs(1)), Nanos::new(1_000_100_000));
        assert_eq!(clock.wall(Nanos::from_secs(1)), Nanos::new(1_000_095_000));
        let at = clock.virtual_at(Nanos::from_secs(1));
        assert!(at < Nanos::from_secs(1));
        assert!(clock.monotonic(at) >= Nanos::from_secs(1));
        assert!(clock.monotonic(Nanos::new(at.get() - 1)) < Nanos::from_secs(1));
    }

    #[test]
    fn a_change_of_drift_bends_the_clock_where_it_stands() {
        let mut clock = Clock::new(ClockConfig::default());
        let (second, two) = (Nanos::from_secs(1), Nanos::from_secs(2));
        clock.drift(second, -500_000);
        assert_eq!(clock.monotonic(second), second, "it never goes back");
        assert_eq!(clock.monotonic(two), Nanos::from_millis(1_500));
        assert_eq!(clock.virtual_at(Nanos::from_millis(1_500)), two);
        clock.drift(two, 1_000_000);
        assert_eq!(clock.monotonic(Nanos::from_secs(3)), Nanos::from_millis(3_500));
        assert_eq!(clock.virtual_at(Nanos::from_millis(3_500)), Nanos::from_secs(3));
        assert_eq!(clock.virtual_at(second), two, "what has passed is due at once");
    }

    #[test]
    fn centuries_from_now_it_is_as_exact() {
        let clock = Clock::new(ClockConfig { offset: 0, drift_ppm: 100 });
        let (far, shown) = (Nanos::new(10_u64.pow(19)), Nanos::new(10_001 * 10_u64.pow(15)));
        assert_eq!((clock.monotonic(far), clock.virtual_at(shown)), (shown, far));
        let last = Nanos::new(u64::MAX);
        assert_eq!((clock.monotonic(last), clock.virtual_at(last) < last), (last, true));
    }

    #[test]
    fn a_jump_moves_the_wall_clock_alone() {
        let mut clock = Clock::new(ClockConfig::default());
        clock.jump(-3_000_000_000);
        assert_eq!(clock.wall(Nanos::from_secs(1)), Nanos::ZERO);
        assert_eq!(clock.wall(Nanos::from_secs(5)), Nanos::from_secs(2));
        assert_eq!(clock.monotonic(Nanos::from_secs(5)), Nanos::from_secs(5));
    }
}
