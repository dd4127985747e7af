//! When what failed is tried again: ever later, up to once a day. Waits for nothing.

use crate::base::Nanos;

use super::timing::SatelliteTiming;

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
        retry.reset();
        assert_eq!(retry.failed(&timing), Nanos::from_secs(15));
    }
}
