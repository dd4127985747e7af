//! Logarithms and powers of two in whole numbers, the same on every machine. Draws nothing.
//!
//! Both are exact to about 2^-30 of the true value: far finer than the tables that are made of them.

/// Fractional bits of a logarithm.
pub(super) const LOG_BITS: u32 = 32;
/// Fractional bits of a power.
pub(super) const POWER_BITS: u32 = 62;

/// The logarithm to the base 2 of a number above 0, with 32 fractional bits, rounded down.
pub(super) fn log2(number: u64) -> u64 {
    let whole = number.ilog2();
    let mut fraction = 0;
    // Between 1 and 2, with 63 fractional bits; squared, its whole part is the next bit of the logarithm.
    let mut rest = u128::from(number) << (63 - whole);
    for _ in 0..LOG_BITS {
        rest = (rest * rest) >> 63;
        fraction <<= 1;
        if rest >> 64 != 0 {
            fraction |= 1;
            rest >>= 1;
        }
    }
    (u64::from(whole) << LOG_BITS) | fraction
}

/// Two to the power of minus a number with 32 fractional bits, with 62 fractional bits.
pub(super) fn exp2_minus(exponent: u64) -> u64 {
    let whole = exponent >> LOG_BITS;
    if whole > u64::from(POWER_BITS) {
        return 0;
    }
    let mut power = 1_u128 << POWER_BITS;
    // Two to the power of minus 1/2, 1/4, 1/8, …: each the root of the one before.
    let mut root = 1_u128 << (POWER_BITS - 1);
    for bit in (0..LOG_BITS).rev() {
        root = (root << POWER_BITS).isqrt();
        if exponent & (1 << bit) != 0 {
            power = (power * root) >> POWER_BITS;
        }
    }
    (power >> whole) as u64
}

#[cfg(test)]
mod tests {
    use super::{LOG_BITS, POWER_BITS, exp2_minus, log2};

    /// With nine decimals.
    fn decimals(number: u64, bits: u32) -> u64 {
        ((u128::from(number) * 1_000_000_000) >> bits) as u64
    }

    #[test]
    fn known_values_come_out() {
        assert_eq!(log2(1), 0);
        assert_eq!(log2(1 << 40), 40 << LOG_BITS);
        assert!(decimals(log2(3), LOG_BITS).abs_diff(1_584_962_500) < 3);
        assert!(decimals(log2(1_000_000), LOG_BITS).abs_diff(19_931_568_569) < 3);
        assert!(log2(u64::MAX) < 64 << LOG_BITS);
        assert_eq!(exp2_minus(0), 1 << POWER_BITS);
        assert_eq!(exp2_minus(3 << LOG_BITS), 1 << (POWER_BITS - 3));
        assert!(decimals(exp2_minus(1 << 31), POWER_BITS).abs_diff(707_106_781) < 3);
        assert!(decimals(exp2_minus(log2(7)), POWER_BITS).abs_diff(142_857_142) < 3);
        assert_eq!(exp2_minus(u64::MAX), 0);
    }

    #[test]
    fn both_are_monotonic() {
        assert!((1..5_000).map(log2).is_sorted());
        assert!((0..5_000).map(|n| exp2_minus(n << 22)).rev().is_sorted());
    }
}
