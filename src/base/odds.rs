//! Probability as a ratio of integers, so that no float decides anything. Draws nothing itself.

use std::fmt;

/// A chance of `numerator` in `denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    numerator: u32,
    denominator: u32,
}

impl Odds {
    /// Never.
    pub const NEVER: Self = Self { numerator: 0, denominator: 1 };
    /// Always.
    pub const ALWAYS: Self = Self { numerator: 1, denominator: 1 };

    /// A chance of `numerator` in `denominator`; `None` unless 0 ≤ chance ≤ 1.
    #[must_use]
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if denominator == 0 || numerator > denominator {
            return None;
        }
        Some(Self { numerator, denominator })
    }

    /// The upper part of the ratio.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }
    /// The lower part of the ratio; at least 1.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

impl fmt::Display for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}
