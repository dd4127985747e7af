//! How often which place is gone to, by fio's distributions: tables of whole numbers. Draws nothing.
//!
//! Places that are nearly alike share an entry: up to 1/64 of their rank, so that a place's weight is off by at most
//! 1/128 of its exponent's share (below 1 % for a theta of 1.2); a bell curve has 1,024 steps.

use crate::base::Bucket;

use super::fixed::{LOG_BITS, exp2_minus, log2};
use super::values::MILLION;

/// Where the random operations of a job go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    /// Anywhere alike.
    Random,
    /// The place of rank k as often as k to the power of minus theta, in millionths.
    Zipf(u64),
    /// So many of the operations in the other part of the places, and so on within it: h in millionths.
    Pareto(u64),
    /// Around the middle, with a standard deviation of so much of a hundred, in millionths.
    Normal(u64),
    /// Parts of the operations in parts of the area, one behind the other, of a hundred each.
    Zoned(Vec<(u64, u64)>),
}

impl Distribution {
    /// The weights of so many places, at least 1; `None` where all are alike.
    pub(super) fn buckets(&self, places: u64) -> Option<Vec<Bucket>> {
        let weighted = match self {
            Self::Random => return None,
            Self::Zipf(theta) => zipf(*theta, places),
            Self::Pareto(h) => pareto(*h, places),
            Self::Normal(deviation) => normal(*deviation, places),
            Self::Zoned(zones) => zoned(zones, places),
        };
        Some(summed(weighted))
    }

    /// Whether the hot places are all over the area.
    pub(super) const fn is_scattered(&self) -> bool {
        matches!(self, Self::Zipf(_) | Self::Pareto(_))
    }
}

/// A first place, how many are like it, and their weight together.
type Weighted = (u64, u64, u128);

/// Weights to running sums that 63 bits hold.
fn summed(weighted: Vec<Weighted>) -> Vec<Bucket> {
    let total: u128 = weighted.iter().map(|(_, _, weight)| *weight).sum();
    let shift = (128 - total.leading_zeros()).saturating_sub(62);
    let mut upto = 0;
    let buckets = weighted.into_iter().map(|(first, count, weight)| {
        upto += ((weight >> shift) as u64).max(1);
        Bucket { first, count, upto }
    });
    buckets.collect()
}

/// Places by rank from 0, together with up to 1/64 of what is before them.
fn ranks(places: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next;
        let count = (first / 64).max(1).min(places - first);
        next += count;
        (count > 0).then_some((first, count))
    })
}

/// A product with 32 fractional bits by a number of millionths.
fn times(number: u64, millionths: u64) -> u64 {
    let product = u128::from(number) * u128::from(millionths) / u128::from(MILLION);
    u64::try_from(product).unwrap_or(u64::MAX)
}

fn zipf(theta: u64, places: u64) -> Vec<Weighted> {
    let weight = |(first, count): (u64, u64)| {
        let middle = first + count / 2 + 1;
        let each = exp2_minus(times(log2(middle), theta));
        (first, count, u128::from(each) * u128::from(count))
    };
    ranks(places).map(weight).collect()
}

/// The share of the places below rank r is (r / n) to the power of log(1 - h) / log(h).
fn pareto(h: u64, places: u64) -> Vec<Weighted> {
    let minus_log = |millionths: u64| log2(MILLION) - log2(millionths);
    let power = (u128::from(minus_log(MILLION - h)) << LOG_BITS) / u128::from(minus_log(h));
    let below = |rank: u64| match rank {
        0 => 0,
        rank => {
            let exponent = (u128::from(log2(places) - log2(rank)) * power) >> LOG_BITS;
            exp2_minus(u64::try_from(exponent).unwrap_or(u64::MAX))
        }
    };
    let weight = |(first, count): (u64, u64)| {
        (first, count, u128::from(below(first + count).saturating_sub(below(first))))
    };
    ranks(places).map(weight).collect()
}

/// exp(-x²/2) is 2 to the power of minus x² times this, with 32 fractional bits: log2(e) / 2.
const HALF_LOG2_E: u128 = 3_098_164_009;
const STEPS: u64 = 1_024;

fn normal(percent: u64, places: u64) -> Vec<Weighted> {
    let width = places.div_ceil(STEPS).max(1);
    // In millionths of a place: both are far below 2^63.
    let deviation = (u128::from(places) * u128::from(percent) / 100).max(1);
    let weight = |first: u64| {
        let count = width.min(places - first);
        let middle = u128::from(2 * first + count).abs_diff(u128::from(places));
        let off = middle * u128::from(MILLION) / 2;
        // Six decimals of the distance in deviations are enough; from 40 on nothing is left.
        let ratio = (off * u128::from(MILLION) / deviation).min(u128::from(40 * MILLION));
        let square = ratio * ratio / u128::from(MILLION);
        let exponent = square * HALF_LOG2_E / u128::from(MILLION);
        let each = exp2_minus(u64::try_from(exponent).unwrap_or(u64::MAX));
        (first, count, u128::from(each) * u128::from(count))
    };
    (0..places).step_by(width as usize).map(weight).collect()
}

fn zoned(zones: &[(u64, u64)], places: u64) -> Vec<Weighted> {
    let (mut percent, mut first, mut weighted) = (0, 0, Vec::new());
    for (operations, size) in zones {
        percent += size;
        let end = (u128::from(places) * u128::from(percent) / 100) as u64;
        let end = end.clamp(first, places);
        if end > first && *operations > 0 {
            weighted.push((first, end - first, u128::from(*operations) << 32));
        }
        first = end;
    }
    if weighted.is_empty() { vec![(0, places, 1)] } else { weighted }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Distribution;
    use crate::scenario::fio::values::MILLION;

    /// Parts per million of the draws below a place.
    fn below(distribution: &Distribution, places: u64, place: u64) -> u64 {
        let buckets = distribution.buckets(places).unwrap();
        let total = u128::from(buckets.last().unwrap().upto);
        let upto = buckets.iter().take_while(|it| it.first + it.count <= place).last();
        (upto.map_or(0, |it| u128::from(it.upto)) * u128::from(MILLION) / total) as u64
    }

    #[test]
    fn zipf_is_what_the_formula_says() {
        // The sum of 1/k up to 100 is 5.187378; up to 10, 2.928968.
        let zipf = Distribution::Zipf(MILLION);
        assert!(below(&zipf, 100, 1).abs_diff(192_776) < 1_000);
        assert!(below(&zipf, 100, 10).abs_diff(564_634) < 1_000);
        // Of a million places a hundredth part, by the sum of 1/k: 9.787606 of 14.392727.
        assert!(below(&zipf, 1_000_000, 10_000).abs_diff(680_038) < 3_000);
    }

    #[test]
    fn pareto_gives_its_share_to_the_first_part() {
        // With h = 0.2, eighty of a hundred go to the first twenty of a hundred.
        let pareto = Distribution::Pareto(200_000);
        let share = below(&pareto, 100_000, 20_000);
        assert!((790_000..=800_100).contains(&share), "{share}");
    }

    #[test]
    fn a_bell_curve_has_its_middle_and_its_deviation() {
        let normal = Distribution::Normal(10 * MILLION);
        assert!(below(&normal, 102_400, 51_200).abs_diff(500_000) < 1_000);
        // 68.27 % within one deviation.
        let within = below(&normal, 102_400, 61_440) - below(&normal, 102_400, 40_960);
        assert!(within.abs_diff(682_690) < 3_000, "{within}");
    }

    #[test]
    fn zones_have_their_shares() {
        let zones = vec![(60, 10), (30, 20), (8, 30), (2, 40)];
        let zoned = Distribution::Zoned(zones);
        assert_eq!(below(&zoned, 1_000, 100), 600_000);
        assert_eq!(below(&zoned, 1_000, 600), 980_000);
    }

    proptest! {
        #[test]
        fn every_table_covers_its_places_and_can_be_drawn_from(
            places in 1_u64..2_000_000,
            theta in 1_u64..5 * MILLION,
            h in 1_u64..MILLION,
            deviation in 1_u64..=100 * MILLION,
        ) {
            for distribution in
                [Distribution::Zipf(theta), Distribution::Pareto(h), Distribution::Normal(deviation)]
            {
                let buckets = distribution.buckets(places).unwrap();
                let mut next = 0;
                for (at, bucket) in buckets.iter().enumerate() {
                    prop_assert_eq!(bucket.first, next);
                    prop_assert!(bucket.count > 0);
                    prop_assert!(at == 0 || bucket.upto > buckets[at - 1].upto);
                    next += bucket.count;
                }
                prop_assert_eq!(next, places);
            }
        }
    }
}
