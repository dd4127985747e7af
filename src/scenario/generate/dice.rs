//! Draws for scenarios: choices, amounts, spans of time, all of them integers. Knows no scenario.

use crate::base::{Nanos, Odds, Rng, Seed};
use crate::scenario::units::NanosRange;

/// One stream of draws.
pub(super) struct Dice {
    rng: Rng,
    /// How likely an amount is an extreme one.
    spike: Odds,
}

impl Dice {
    /// The stream of this name. An amount is an extreme one with these odds.
    pub(super) fn new(seed: Seed, name: &str, spike: Odds) -> Self {
        Self { rng: seed.stream(name), spike }
    }

    /// True once in `count` times.
    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.rng.below(count) == 0
    }

    /// From `min` to `max`, both included, each as likely as any other.
    pub(super) fn between(&mut self, min: u64, max: u64) -> u64 {
        self.rng.between(min, max)
    }

    /// One of these.
    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.index(from.len())].clone()
    }

    /// Some of these, in their order: each with half the odds, and never none.
    pub(super) fn some<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let certain = self.rng.index(all.len());
        let drawn =
            all.iter().enumerate().filter(|(at, _)| self.rng.below(2) == 1 || *at == certain);
        drawn.map(|(_, one)| one.clone()).collect()
    }

    /// So many different ones of these, in any order; all, if there are no more.
    pub(super) fn distinct<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        let mut drawn = Vec::new();
        while drawn.len() < count && !from.is_empty() {
            let at = self.rng.index(from.len());
            drawn.push(from.swap_remove(at));
        }
        drawn
    }

    /// From `min` to `max`, each order of magnitude as likely as any other.
    pub(super) fn scaled(&mut self, min: u64, max: u64) -> u64 {
        let bits = self.rng.between(u64::from((min + 1).ilog2()), u64::from((max + 1).ilog2()));
        let (low, high) = ((1_u64 << bits) - 1, (1_u64 << bits) * 2 - 2);
        self.rng.between(low.max(min), high.min(max).max(low.max(min)))
    }

    /// As [`Dice::scaled`], but now and then one of the extremes.
    pub(super) fn amount(&mut self, (min, max): (u64, u64), extremes: &[u64]) -> u64 {
        if self.rng.chance(self.spike) {
            return self.pick(extremes);
        }
        self.scaled(min, max)
    }

    /// A span of so many microseconds, by [`Dice::amount`].
    pub(super) fn micros(&mut self, usual: (u64, u64), extremes: &[u64]) -> Nanos {
        Nanos::from_micros(self.amount(usual, extremes))
    }

    /// A range of microseconds that begins with an amount and is up to four times as long.
    pub(super) fn range(&mut self, usual: (u64, u64), extremes: &[u64]) -> NanosRange {
        let min = self.amount(usual, extremes);
        let max = min * self.between(1, 4);
        NanosRange::micros(min, max.min(min.max(usual.1)))
    }

    /// Odds of one in an amount.
    pub(super) fn odds(&mut self, usual: (u64, u64), extremes: &[u64]) -> Odds {
        let denominator = self.amount(usual, extremes) as u32;
        Odds::new(1, denominator).expect("amounts of odds are above zero")
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;
    use crate::base::{Odds, Seed};

    fn dice(spike: Odds) -> Dice {
        Dice::new(Seed::new(7), "test", spike)
    }

    #[test]
    fn magnitudes_stay_in_their_range_and_are_spread() {
        let mut dice = dice(Odds::NEVER);
        let drawn: Vec<u64> = (0..3_000).map(|_| dice.scaled(3, 4_000)).collect();
        assert!(drawn.iter().all(|n| (3..=4_000).contains(n)));
        let small = drawn.iter().filter(|n| **n < 64).count();
        assert!((800..2_000).contains(&small), "{small} of 3000 below 64");
        assert!((0..100).all(|_| dice.scaled(5, 5) == 5));
    }

    #[test]
    fn extremes_come_with_their_odds() {
        let mut never = dice(Odds::NEVER);
        assert!((0..100).all(|_| never.amount((1, 9), &[70]) < 10));
        let mut always = dice(Odds::ALWAYS);
        assert!((0..100).all(|_| always.amount((1, 9), &[70]) == 70));
    }

    #[test]
    fn some_is_never_none_and_often_not_all() {
        let mut dice = dice(Odds::NEVER);
        let sizes: Vec<usize> = (0..200).map(|_| dice.some(&[1, 2, 3]).len()).collect();
        assert!((1..=3).all(|size| sizes.contains(&size)) && !sizes.contains(&0));
        let mut three = dice.distinct(vec![1, 2, 3], 5);
        three.sort_unstable();
        assert_eq!(three, [1, 2, 3]);
    }
}
