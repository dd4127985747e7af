//! The field of 256 elements, as bytes, and rows of them multiplied and added. Knows of no code.
//!
//! Addition is exclusive or; multiplication is that of polynomials over one bit modulo
//! x^8 + x^4 + x^3 + x^2 + 1.

/// The product of two elements.
pub const fn product(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    POWERS[(LOGARITHMS[a as usize] as usize + LOGARITHMS[b as usize] as usize) % ORDER]
}

/// The element whose product with this one is 1; there is none for 0.
pub const fn inverse(a: u8) -> u8 {
    assert!(a != 0, "zero has no inverse");
    POWERS[(ORDER - LOGARITHMS[a as usize] as usize) % ORDER]
}

/// Every element but zero is a power of 2, and the powers come round after so many.
const ORDER: usize = 255;

/// The powers of 2, from its power 0 on.
const POWERS: [u8; ORDER] = {
    let mut powers = [1; ORDER];
    let mut at = 1;
    while at < ORDER {
        powers[at] = by_bits(powers[at - 1], 2);
        at += 1;
    }
    powers
};

/// By element, the power of 2 that it is; of no meaning for 0.
const LOGARITHMS: [u8; 256] = {
    let mut logarithms = [0; 256];
    let mut at = 0;
    while at < ORDER {
        logarithms[POWERS[at] as usize] = at as u8;
        at += 1;
    }
    logarithms
};

/// The product, bit by bit.
const fn by_bits(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut sum) = (a, b, 0);
    while b > 0 {
        if b & 1 == 1 {
            sum ^= a;
        }
        a = (a << 1) ^ if a >> 7 == 1 { 0x1d } else { 0 };
        b >>= 1;
    }
    sum
}

/// Bytes that are worked on at a time: a few machine words, for the compiler to keep side by side.
const STEP: usize = 32;

/// Adds `factor` times each byte of `from` to the one in its place; both are as long, a multiple of 32.
pub(super) fn add_product(to: &mut [u8], from: &[u8], factor: u8) {
    assert_eq!(to.len(), from.len(), "rows of one length");
    let (to, _) = to.as_chunks_mut::<STEP>();
    let (from, _) = from.as_chunks::<STEP>();
    for (to, from) in to.iter_mut().zip(from) {
        let mut sum = words(to);
        add_words(&mut sum, words(from), factor);
        for (to, sum) in to.as_chunks_mut::<8>().0.iter_mut().zip(sum) {
            *to = sum.to_le_bytes();
        }
    }
}

/// Adds `factor` times each byte of some words to the one in its place.
pub(super) fn add_words<const N: usize>(sum: &mut [u64; N], mut power: [u64; N], factor: u8) {
    for bit in 0..8 - factor.leading_zeros() {
        let mask = 0_u64.wrapping_sub(u64::from(factor >> bit & 1));
        for (sum, power) in sum.iter_mut().zip(&mut power) {
            *sum ^= *power & mask;
            *power = doubled(*power);
        }
    }
}

fn words(bytes: &[u8; STEP]) -> [u64; STEP / 8] {
    let mut words = [0; STEP / 8];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Each of eight bytes times two.
const fn doubled(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let carry = word >> 7 & LOW;
    (word & !(LOW << 7)) << 1 ^ carry << 4 ^ carry << 3 ^ carry << 2 ^ carry
}

#[cfg(test)]
mod tests {
    use super::{add_product, by_bits, inverse, product};

    #[test]
    fn it_is_a_field() {
        for a in 0..=255 {
            assert_eq!((product(a, 1), product(a, 0)), (a, 0));
            if a > 0 {
                assert_eq!(product(a, inverse(a)), 1);
            }
            for b in (0..=255).step_by(7) {
                assert_eq!(product(a, b), by_bits(a, b));
                assert_eq!(product(a, b), product(b, a));
                let c = 0x53;
                assert_eq!(product(a, product(b, c)), product(product(a, b), c));
                assert_eq!(product(a, b ^ c), product(a, b) ^ product(a, c));
            }
        }
    }

    #[test]
    fn rows_are_multiplied_byte_by_byte() {
        let from: Vec<u8> = (0..=255).collect();
        for factor in [0, 1, 2, 3, 0x1d, 0x80, 0xff] {
            let mut to: Vec<u8> = (0..=255).rev().collect();
            let expected: Vec<u8> =
                to.iter().zip(&from).map(|(to, from)| to ^ product(*from, factor)).collect();
            add_product(&mut to, &from, factor);
            assert_eq!(to, expected, "{factor}");
        }
    }
}
