//! How long simulations took by the wall clock, in constant memory. Measures nothing itself.

use std::time::Duration;

/// Each power of two is split into this many buckets, so that a quantile is off by 1/16 at most.
const SPLIT_BITS: u32 = 4;
const SPLIT: usize = 1 << SPLIT_BITS;

/// A distribution of durations, to the microsecond.
#[derive(Clone, Debug, Default)]
pub struct WallTimes {
    buckets: Vec<u64>,
    count: u64,
    max: Duration,
    sum: Duration,
}

impl WallTimes {
    /// Takes in a duration.
    pub fn add(&mut self, wall: Duration) {
        let bucket = bucket_of(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX));
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(wall);
        self.sum += wall;
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// All together: what one core would have taken.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// At least half took this long or less, rounded up by 1/16 at most; zero when there is none.
    #[must_use]
    pub fn median(&self) -> Duration {
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen * 2 >= self.count && seen > 0 {
                return Duration::from_micros(upper_end(bucket)).min(self.max);
            }
        }
        Duration::ZERO
    }
}

fn bucket_of(micros: u64) -> usize {
    if micros < SPLIT as u64 {
        return micros as usize;
    }
    let shift = micros.ilog2() - SPLIT_BITS;
    let within = (micros >> shift) as usize - SPLIT;
    (shift as usize + 1) * SPLIT + within
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    if bucket < SPLIT {
        return bucket as u64;
    }
    let shift = (bucket / SPLIT - 1) as u32;
    let first = ((SPLIT + bucket % SPLIT) as u64) << shift;
    first + ((1_u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{WallTimes, bucket_of, upper_end};

    #[test]
    fn every_value_lies_in_its_bucket() {
        for micros in [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 123_456_789, u64::MAX] {
            let bucket = bucket_of(micros);
            assert!(upper_end(bucket) >= micros, "{micros}");
            assert!(bucket == 0 || upper_end(bucket - 1) < micros, "{micros}");
        }
    }

    #[test]
    fn the_median_is_near_and_the_maximum_exact() {
        let mut times = WallTimes::default();
        assert_eq!(times.median(), Duration::ZERO);
        for millis in 1..=99 {
            times.add(Duration::from_millis(millis));
        }
        let median = times.median().as_micros();
        assert!((50_000..=53_200).contains(&median), "{median}");
        assert_eq!(times.max(), Duration::from_millis(99));
        assert_eq!(times.sum(), Duration::from_millis(99 * 50));
    }
}
