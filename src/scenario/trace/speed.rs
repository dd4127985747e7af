//! How fast a trace is replayed: an exact ratio. Replays none.

use std::fmt;
use std::str::FromStr;

use crate::base::Nanos;
use crate::scenario::name::text_format;
use crate::scenario::units::scaled;

/// How many times as fast as it was recorded a trace is replayed: `10`, `1/2`, `2.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    numerator: u64,
    denominator: u64,
}

text_format!(
    Speed,
    "Speed",
    "how many times as fast as recorded: a number above 0 such as `10`, `2.5` or `1/2`, of at most six decimals",
    "^[0-9]+(\\.[0-9]{1,6})?$|^[0-9]+/[0-9]+$"
);

/// Neither part is larger.
const PART_MAX: u64 = 1_000_000_000;

impl Speed {
    /// As fast as it was recorded.
    pub const RECORDED: Self = Self { numerator: 1, denominator: 1 };

    /// A time of the trace at this speed, rounded down.
    #[must_use]
    pub fn of(self, at: Nanos) -> Nanos {
        let nanos = u128::from(at.get()) * u128::from(self.denominator);
        Nanos::new(u64::try_from(nanos / u128::from(self.numerator)).unwrap_or(u64::MAX))
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self::RECORDED
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

impl FromStr for Speed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let whole = |text: &str| scaled(&format!("{text}x"), &[("x", 1)]);
        let (numerator, denominator) = match text.split_once('/') {
            Some((above, below)) => (whole(above).ok_or(())?, whole(below).ok_or(())?),
            None => (scaled(&format!("{text}x"), &[("x", 1_000_000)]).ok_or(())?, 1_000_000),
        };
        if numerator == 0 || denominator == 0 {
            return Err(());
        }
        let divisor = common_divisor(numerator, denominator);
        let (numerator, denominator) = (numerator / divisor, denominator / divisor);
        let fits = numerator.max(denominator) <= PART_MAX;
        fits.then_some(Self { numerator, denominator }).ok_or(())
    }
}

const fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::Speed;
    use crate::base::Nanos;

    #[test]
    fn speeds_are_exact() {
        let speed = |text: &str| text.parse::<Speed>();
        let at = |text: &str, nanos| speed(text).unwrap().of(Nanos::new(nanos)).get();
        assert_eq!(at("10", 1_000), 100);
        assert_eq!(at("1/2", 1_000), 2_000);
        assert_eq!(at("2.5", 1_000), 400);
        assert_eq!(at("1/1000000000", u64::MAX), u64::MAX);
        assert_eq!(speed("2.5").unwrap().to_string(), "5/2");
        assert_eq!(speed("4/2").unwrap(), speed("2").unwrap());
        for wrong in ["0", "0/1", "1/0", "-1", "1e3", "", "/", "1/2/3", "0.0000001", "9999999999"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
