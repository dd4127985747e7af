//! When what failed is tried again: ever later, up to once a day. Waits for nothing.

use crate::base::Nanos;

use super::timing::SatelliteTiming;

/// What failed for want of memory alone is tried again as if it had failed so many times at most: that memory is free
/// again is told by nobody.
const WANT_MAX: usize = 3;

/// How often something has failed in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    /// It failed: how long to wait before it is tried again.
    pub(super) fn failed(&mut self, timing: &SatelliteTiming) -> Nanos {
        let last = timing.retries.len() - 1;
        let after = timing.retries[last.min(self.failures as usize)];
        self.failures += 1;
        after
    }

    /// It failed for want of memory, which says nothing of what was tried: how long to wait before it is tried again.
    pub(super) fn wanted_memory(&mut self, timing: &SatelliteTiming) -> Nanos {
        self.failed(timing).min(timing.retries[WANT_MAX])
    }

    /// It succeeded, or is something else now.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often it has failed in a row.
    pub(super) const fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::{Nanos, Retry, SatelliteTiming};

    #[test]
    fn each_failure_waits_longer_until_there_is_one_attempt_a_day() {
        let (timing, mut retry) = (SatelliteTiming::REAL, Retry::default());
        let waits: Vec<u64> =
            (0..12).map(|_| retry.failed(&timing).get() / 1_000_000_000).collect();
        assert_eq!(waits, [15, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400, 86_400, 86_400]);
        assert_eq!(retry.failures(), 12);
        assert_eq!(retry.wanted_memory(&timing), Nanos::from_secs(120));
        retry.reset();
        assert_eq!(retry.failed(&timing), Nanos::from_secs(15));
        assert_eq!(retry.wanted_memory(&timing), Nanos::from_secs(30));
    }
}
