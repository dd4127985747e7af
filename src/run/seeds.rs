//! Which seeds a command covers, and which of them a shard takes. Draws nothing.

use std::fmt;
use std::str::FromStr;

/// Seeds from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    first: u64,
    last: u64,
}

/// The highest seed that [`SeedRange::named`] takes.
pub const NAMED_SEEDS_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// Bits of a named seed that are its number; the others are the name's. Together they are 53, so that every
/// reader of JSON has a seed to the last digit, also one that reads numbers as floats.
const NUMBER_BITS: u32 = 24;
const NAME_BITS: u32 = 29;

impl SeedRange {
    /// Every seed but 0.
    pub const ALL: Self = Self { first: 1, last: u64::MAX };

    /// The seeds `1..=count`; `None` for a count of 0.
    #[must_use]
    pub const fn up_to(count: u64) -> Option<Self> {
        Self::new(1, count)
    }

    /// The seeds `first..=last`; `None` when there is none.
    #[must_use]
    pub const fn new(first: u64, last: u64) -> Option<Self> {
        if first > last {
            return None;
        }
        Some(Self { first, last })
    }

    /// The seeds of these numbers in the range that belongs to a name, such as a date or a commit: a function of
    /// the name alone. The ranges of two names are the same with odds of 1 to 2^29 and have no seed in common
    /// otherwise, nor one with the seeds up to [`NAMED_SEEDS_MAX`]. `None` when a number is larger than that.
    #[must_use]
    pub fn named(self, name: &str) -> Option<Self> {
        const NAMES: u64 = (1 << NAME_BITS) - 1;
        let name = xxhash_rust::xxh3::xxh3_64(name.as_bytes()) % NAMES + 1;
        let base = name << NUMBER_BITS;
        let fits = self.last <= NAMED_SEEDS_MAX;
        fits.then(|| Self { first: base + self.first, last: base + self.last })
    }

    /// The first.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The last.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.last
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u128 {
        (self.last - self.first) as u128 + 1
    }

    /// The seed at this position, counted from 0.
    #[must_use]
    pub fn at(self, position: u64) -> Option<u64> {
        self.first.checked_add(position).filter(|seed| *seed <= self.last)
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// Text that names no seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a count such as `100` (seeds 1 to 100) or a range from the lower to the higher such \
     as `500..599` (both ends included), of whole numbers below 2^64"
)]
pub struct BadSeedRange;

impl FromStr for SeedRange {
    type Err = BadSeedRange;

    fn from_str(text: &str) -> Result<Self, BadSeedRange> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten().ok_or(BadSeedRange)
        };
        let range = match text.split_once("..") {
            Some((first, last)) => Self::new(number(first)?, number(last)?),
            None => Self::up_to(number(text)?),
        };
        range.ok_or(BadSeedRange)
    }
}

/// Part `index` of `count` equal parts of the work; counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// All of the work.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Part `index` of `count`; `None` unless 1 ≤ index ≤ count.
    #[must_use]
    pub const fn new(index: u64, count: u64) -> Option<Self> {
        if index == 0 || index > count {
            return None;
        }
        Some(Self { index, count })
    }

    /// Whether the seed at this position of this scenario is in this part. Every seed is in exactly
    /// one, and every part has its share of every scenario.
    #[must_use]
    pub fn takes(self, scenario: usize, position: u64) -> bool {
        (u128::from(position) + scenario as u128) % u128::from(self.count)
            == u128::from(self.index - 1)
    }

    /// How many of the first `seeds` seeds of this scenario are in this part.
    #[must_use]
    pub fn share(self, scenario: usize, seeds: u128) -> u128 {
        let count = u128::from(self.count);
        let before = scenario as u128 % count;
        let first = (u128::from(self.index - 1) + count - before) % count;
        if first >= seeds { 0 } else { (seeds - 1 - first) / count + 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Text that names no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `I/N` with 1 <= I <= N, such as `1/4` for the first of four parts")]
pub struct BadShard;

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let (index, count) = text.split_once('/').ok_or(BadShard)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| BadShard);
        Self::new(number(index)?, number(count)?).ok_or(BadShard)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadSeedRange, BadShard, NAMED_SEEDS_MAX, SeedRange, Shard};

    /// The seeds `1..1000` of a night.
    const NIGHT: &str = "3621618446237697..3621618446238696";

    #[test]
    fn a_count_and_a_range_name_seeds() {
        let range = |text: &str| text.parse::<SeedRange>();
        assert_eq!(range("100"), range("1..100"));
        assert_eq!(range("7..7").map(SeedRange::count), Ok(1));
        assert_eq!(range("0..18446744073709551615").map(SeedRange::count), Ok(1 << 64));
        for text in
            ["", "0", "8..7", "1..", "..5", "-1", "+1", "1..=5", "1e3", "18446744073709551616"]
        {
            assert_eq!(range(text), Err(BadSeedRange), "{text}");
        }
    }

    #[test]
    fn positions_end_with_the_range_and_never_overflow() {
        let last = SeedRange::new(u64::MAX - 1, u64::MAX).unwrap();
        assert_eq!(last.at(1), Some(u64::MAX));
        assert_eq!(last.at(2), None);
    }

    #[test]
    fn names_have_ranges_of_their_own_for_ever() {
        let of = |name: &str| SeedRange::up_to(1_000).unwrap().named(name).unwrap();
        let found = of("2026-11-29");
        assert_eq!(found.to_string(), NIGHT, "what a name stands for must never change");
        assert_eq!(found.count(), 1_000);
        let days = (0..4_000).map(|day| of(&format!("day {day}")).first());
        let mut firsts: Vec<u64> = days.collect();
        firsts.sort_unstable();
        assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] > NAMED_SEEDS_MAX));
        assert!(firsts[0] > NAMED_SEEDS_MAX && firsts[3_999] < 1 << 53);
    }

    #[test]
    fn the_numbers_of_a_name_end() {
        let whole = SeedRange::new(0, NAMED_SEEDS_MAX).unwrap();
        assert_eq!(whole.named("").unwrap().count(), 1 << 24);
        assert_eq!(SeedRange::ALL.named(""), None);
        assert_eq!(SeedRange::up_to(NAMED_SEEDS_MAX + 1).unwrap().named(""), None);
    }

    #[test]
    fn shards_part_all_work_evenly() {
        for count in 1..=7 {
            let mut taken = vec![[0; 4]; count as usize];
            for (scenario, position) in (0..4).flat_map(|s| (0..28).map(move |p| (s, p))) {
                let takes = |index| Shard::new(index, count).unwrap().takes(scenario, position);
                let takers: Vec<u64> = (1..=count).filter(|index| takes(*index)).collect();
                assert_eq!(takers.len(), 1);
                taken[takers[0] as usize - 1][scenario] += 1;
            }
            let share = 28 / count as u32;
            for part in taken {
                assert!(part.iter().all(|n| *n >= share && *n <= share + 1), "{count}: {part:?}");
            }
        }
    }

    #[test]
    fn shards_count_from_one() {
        let shard = |text: &str| text.parse::<Shard>();
        assert_eq!(shard("1/1"), Ok(Shard::WHOLE));
        for text in ["0/4", "5/4", "1/0", "1", "a/b", "1/4/2", ""] {
            assert_eq!(shard(text), Err(BadShard), "{text}");
        }
    }
}
