//! A node's own clocks: they start off and drift against virtual time. Fires no timer.

use crate::base::Nanos;

const MILLION: i128 = 1_000_000;

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
    config: ClockConfig,
}

impl Clock {
    pub(super) fn new(config: ClockConfig) -> Self {
        assert!(i128::from(config.drift_ppm) > -MILLION, "a clock that stands still or runs back");
        Self { config }
    }

    /// The monotonic clock at virtual time `now`: no offset, never back, but it drifts.
    pub(super) fn monotonic(self, now: Nanos) -> Nanos {
        if self.config.drift_ppm == 0 {
            return now;
        }
        let local = i128::from(now.get()) * (MILLION + i128::from(self.config.drift_ppm)) / MILLION;
        Nanos::new(u64::try_from(local).unwrap_or(u64::MAX))
    }

    /// The wall clock at virtual time `now`; zero where the offset would take it below.
    pub(super) fn wall(self, now: Nanos) -> Nanos {
        let local = i128::from(self.monotonic(now).get()) + i128::from(self.config.offset);
        Nanos::new(u64::try_from(local.max(0)).unwrap_or(u64::MAX))
    }

    /// The first virtual time at which the monotonic clock shows `local` or later.
    pub(super) fn virtual_at(self, local: Nanos) -> Nanos {
        if self.config.drift_ppm == 0 {
            return local;
        }
        let rate = MILLION + i128::from(self.config.drift_ppm);
        let virtual_time = (i128::from(local.get()) * MILLION + rate - 1) / rate;
        Nanos::new(u64::try_from(virtual_time).unwrap_or(u64::MAX))
    }
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
}
