//! Random streams: one 64-bit seed, any number of independent named streams. Draws integers only.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::{Nanos, Odds};

/// The one value that decides a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// Wraps a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The seed's number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
    /// The stream of this name. Streams of different names are independent, so that one more draw
    /// in one place moves nothing elsewhere.
    #[must_use]
    pub fn stream(self, name: &str) -> Rng {
        let key = xxh3_64_with_seed(name.as_bytes(), self.0);
        Rng { generator: Xoshiro256PlusPlus::seed_from_u64(key) }
    }
}

/// A stream of random numbers: xoshiro256++ (Blackman and Vigna, 2018).
#[derive(Clone, Debug)]
pub struct Rng {
    generator: Xoshiro256PlusPlus,
}

impl Rng {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number below `bound`, which must not be 0 (Lemire's multiplication, 2019, without the
    /// rejection step: the bias is below 2^-32 for bounds below 2^32).
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below 0");
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// An index below `len`, which must not be 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number from `min` to `max`, both included.
    pub fn between(&mut self, min: u64, max: u64) -> u64 {
        if min == max {
            return min;
        }
        match (max - min).checked_add(1) {
            Some(span) => min + self.below(span),
            None => self.bits(),
        }
    }

    /// A span from `min` to `max`, both included.
    pub fn nanos(&mut self, min: Nanos, max: Nanos) -> Nanos {
        Nanos::new(self.between(min.get(), max.get()))
    }

    /// True with these odds. Certain odds draw nothing.
    pub fn chance(&mut self, odds: Odds) -> bool {
        match odds.numerator() {
            0 => false,
            n if n == odds.denominator() => true,
            n => self.below(u64::from(odds.denominator())) < u64::from(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;
    use crate::base::Odds;

    #[test]
    fn a_name_and_a_seed_make_a_stream() {
        let draw = |seed, name| Seed::new(seed).stream(name).bits();
        assert_eq!(draw(1, "net.delay"), draw(1, "net.delay"));
        assert_ne!(draw(1, "net.delay"), draw(1, "net.loss"));
        assert_ne!(draw(1, "net.delay"), draw(2, "net.delay"));
        // Pinned: a change of the generator or of the derivation makes every old seed another run.
        assert_eq!(draw(42, "pinned"), 579_992_658_320_442_041);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_both_ends() {
        let mut rng = Seed::new(3).stream("range");
        let drawn: Vec<u64> = (0..1000).map(|_| rng.between(4, 7)).collect();
        assert!(drawn.iter().all(|n| (4..=7).contains(n)));
        assert!(drawn.contains(&4) && drawn.contains(&7));
        let hits = (0..10_000).filter(|_| rng.chance(Odds::new(1, 4).expect("odds"))).count();
        assert!((2_200..2_800).contains(&hits), "{hits} of 10000 at one in four");
    }
}
