//! A set of a volume's legs, a bit each. Knows nothing of what they hold.

use std::ops::{BitAnd, BitOr, Not};

use crate::base::LegIndex;

/// The most legs that a volume may have.
pub const LEGS_MAX: usize = 16;
/// The most legs that may be copies of each other.
pub const COPIES_MAX: usize = 4;

/// A set of legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LegSet(u16);

impl LegSet {
    /// No leg.
    pub const NONE: Self = Self(0);

    /// This leg alone.
    #[must_use]
    pub const fn one(leg: LegIndex) -> Self {
        Self(1 << leg.get())
    }

    /// `count` legs from `first` on; at least one, and none beyond [`LEGS_MAX`].
    #[must_use]
    pub const fn span(first: u8, count: u8) -> Self {
        Self((u16::MAX >> (LEGS_MAX as u8 - count)) << first)
    }

    /// The legs of these bits, as [`LegSet::bits`] gives them.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// A bit for each leg, that of the first one lowest.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether it holds the leg.
    #[must_use]
    pub const fn has(self, leg: LegIndex) -> bool {
        self.0 >> leg.get() & 1 == 1
    }

    /// Adds a leg.
    pub const fn add(&mut self, leg: LegIndex) {
        self.0 |= 1 << leg.get();
    }

    /// Takes a leg out.
    pub const fn remove(&mut self, leg: LegIndex) {
        self.0 &= !(1 << leg.get());
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it holds.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The lowest leg; 0 where there is none.
    #[must_use]
    pub const fn first(self) -> LegIndex {
        LegIndex::new(if self.0 == 0 { 0 } else { self.0.trailing_zeros() as u8 })
    }

    /// Parted into rows of at most `size` neighbours.
    pub fn windows(self, size: usize) -> impl Iterator<Item = Self> {
        let mut left = self;
        std::iter::from_fn(move || {
            let whole = u32::from(u16::MAX >> (LEGS_MAX - size)) << left.first().get();
            let window = left & Self(whole as u16);
            left = left & !window;
            (!window.is_empty()).then_some(window)
        })
    }

    /// The legs, in order.
    pub fn iter(self) -> impl Iterator<Item = LegIndex> + Clone + use<> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let leg = (left != 0).then(|| LegIndex::new(left.trailing_zeros() as u8));
            left &= left.wrapping_sub(1);
            leg
        })
    }
}

impl BitAnd for LegSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for LegSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for LegSet {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl FromIterator<LegIndex> for LegSet {
    fn from_iter<I: IntoIterator<Item = LegIndex>>(legs: I) -> Self {
        legs.into_iter().fold(Self::NONE, |set, leg| set | Self::one(leg))
    }
}

#[cfg(test)]
mod tests {
    use super::{LEGS_MAX, LegSet};
    use crate::base::LegIndex;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let all = LegSet::span(0, LEGS_MAX as u8);
        assert_eq!((all.count(), !all), (16, LegSet::NONE));
        let some = LegSet::span(3, 2);
        assert_eq!(some.iter().map(LegIndex::get).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(some.iter().collect::<LegSet>(), some);
        assert_eq!((some.first().get(), LegSet::NONE.first().get()), (3, 0));
        let mut one = some;
        one.remove(LegIndex::new(3));
        assert_eq!(one, LegSet::one(LegIndex::new(4)));
        assert_eq!(one | LegSet::one(LegIndex::new(3)), some);
        assert!(some.has(LegIndex::new(4)) && !some.has(LegIndex::new(5)));
        assert!((some & LegSet::span(5, 3)).is_empty());
        let windows: Vec<u32> = all.windows(4).map(LegSet::count).collect();
        assert_eq!(windows, [4; 4]);
        let windows: Vec<LegSet> = LegSet::span(10, 6).windows(4).collect();
        assert_eq!(windows, [LegSet::span(10, 4), LegSet::span(14, 2)]);
    }
}
