//! Durations, ranges, rates and odds as a scenario writes them. All exact, in integers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::text_format;
use crate::base::{BlockSize, Nanos, Odds};

/// The longest duration that a scenario may name: a day.
pub(super) const DURATION_MAX: Nanos = Nanos::from_secs(24 * 60 * 60);

const DURATION: &str =
    "a duration from `0ns` to `1440min`, such as `250ns`, `20us`, `3ms`, `1.5s` or `10min`";
const DURATION_PATTERN: &str = "[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min)";

/// Reads a duration, exactly: `250ns`, `20us`, `3ms`, `1.5s`, `10min`. None for anything else, for what is
/// finer than a nanosecond and for more than a day.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Nanos> {
    const UNITS: [(&str, u64); 5] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("min", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let nanos = Nanos::new(scaled(text, &UNITS)?);
    (nanos <= DURATION_MAX).then_some(nanos)
}

/// A decimal number with a unit, as a whole number of the smallest unit.
pub(super) fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit = u128::from(unit);
    let mut sum = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    let mut step = unit;
    for digit in fraction.bytes().map(|byte| u128::from(byte - b'0')) {
        if digit != 0 && step % 10 != 0 {
            return None;
        }
        step /= 10;
        sum = sum.checked_add(digit * step)?;
    }
    sum.try_into().ok()
}

/// A span of time that is drawn anew at each use, both ends included: `20us..80us`, or one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NanosRange {
    /// The least.
    pub min: Nanos,
    /// The most.
    pub max: Nanos,
}

impl NanosRange {
    /// Only this value.
    #[must_use]
    pub const fn exactly(value: Nanos) -> Self {
        Self { min: value, max: value }
    }
    /// From `min` to `max` microseconds.
    #[must_use]
    pub const fn micros(min: u64, max: u64) -> Self {
        Self { min: Nanos::from_micros(min), max: Nanos::from_micros(max) }
    }
    /// The one value that it allows, if it is only one.
    #[must_use]
    pub fn fixed(self) -> Option<Nanos> {
        (self.min == self.max).then_some(self.min)
    }
}

/// A number that is drawn anew at each use, both ends included: `1..8`, or one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRange {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// Parts per million, drawn once, both ends included: `-50..50`, or one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PpmRange {
    /// The least.
    pub min: i32,
    /// The most.
    pub max: i32,
}

/// Splits `a..b`, or takes one value for both, and refuses `a` beyond `b`.
fn ends<T: Copy + PartialOrd>(text: &str, one: impl Fn(&str) -> Option<T>) -> Result<(T, T), ()> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    match (one(min), one(max)) {
        (Some(min), Some(max)) if min <= max => Ok((min, max)),
        _ => Err(()),
    }
}

fn plain_number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok())?
}

impl FromStr for NanosRange {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        ends(text, parse_duration).map(|(min, max)| Self { min, max })
    }
}

impl FromStr for CountRange {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        ends(text, plain_number).map(|(min, max)| Self { min, max })
    }
}

impl FromStr for PpmRange {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let one = |text: &str| plain_number(text).filter(|ppm: &i32| ppm.abs() <= 100_000);
        ends(text, one).map(|(min, max)| Self { min, max })
    }
}

macro_rules! show_range {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.min == self.max {
                    return write!(f, "{}", self.min);
                }
                write!(f, "{}..{}", self.min, self.max)
            }
        }
    )*};
}
show_range!(NanosRange, CountRange, PpmRange);

text_format!(
    NanosRange,
    "DurationRange",
    "a duration in `ns`, `us`, `ms`, `s` or `min`, such as `20us`, or a range from the shorter to the longer such as `20us..80us`",
    format!("^{DURATION_PATTERN}(\\.\\.{DURATION_PATTERN})?$")
);

/// Makes a range of numbers JSON: a string, or a plain number for one value.
macro_rules! number_range {
    ($type:ty, $name:literal, $least:literal, $wanted:literal, $pattern:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextVisitor($wanted, PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": ["string", "integer"],
                    "pattern": $pattern, "minimum": $least, "description": $wanted
                })
            }
        }
    };
}
number_range!(
    CountRange,
    "CountRange",
    0,
    "a number, or a range from the lower to the higher such as `1..8` (both ends included)",
    "^[0-9]+(\\.\\.[0-9]+)?$"
);
number_range!(
    PpmRange,
    "PpmRange",
    -100_000,
    "parts per million from -100000 to 100000, or a range such as `-50..50`",
    "^-?[0-9]+(\\.\\.-?[0-9]+)?$"
);

/// How much a link carries, in bits per second: `100Gbps`, `10Mbps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(u64);

impl Bandwidth {
    const UNITS: [(&'static str, u64); 5] = [
        ("Tbps", 1_000_000_000_000),
        ("Gbps", 1_000_000_000),
        ("Mbps", 1_000_000),
        ("Kbps", 1_000),
        ("bps", 1),
    ];

    /// From whole gigabits per second, 1 to 10,000.
    #[must_use]
    pub const fn gigabits(gigabits: u64) -> Self {
        assert!(gigabits >= 1 && gigabits <= 10_000, "links carry 1 to 10,000 Gbit/s");
        Self(gigabits * 1_000_000_000)
    }
    /// In bits per second: 1,000 to 10^13.
    #[must_use]
    pub const fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = Self::UNITS
            .into_iter()
            .find(|(_, unit)| self.0.is_multiple_of(*unit))
            .expect("every number is a multiple of the last unit");
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl FromStr for Bandwidth {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let bits = scaled(text, &Self::UNITS).ok_or(())?;
        (1_000..=10_000_000_000_000).contains(&bits).then_some(Self(bits)).ok_or(())
    }
}

text_format!(
    Bandwidth,
    "Bandwidth",
    "bits per second from `1Kbps` to `10Tbps`, such as `100Gbps` or `10Mbps`",
    "^[0-9]+(\\.[0-9]+)?(T|G|M|K)?bps$"
);

/// Reads a string, or a plain number as if it were quoted, through `FromStr`.
struct TextVisitor<T>(&'static str, PhantomData<T>);

impl<T: FromStr> Visitor<'_> for TextVisitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let parsed = number.to_string().parse();
        parsed.map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let parsed = number.to_string().parse();
        parsed.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

/// Reads a string through `FromStr`; `wanted` finishes "expected …".
pub(super) fn read_text<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    wanted: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(wanted, PhantomData))
}

/// Reads a string, or a plain number as if it were quoted, through `FromStr`; `wanted` finishes
/// "expected …".
pub(super) fn read_text_or_number<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    wanted: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(TextVisitor(wanted, PhantomData))
}

/// A whole number of a range.
pub(super) fn within<'de, const MIN: u64, const MAX: u64, D, T>(de: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    struct Within(RangeInclusive<u64>);
    impl Visitor<'_> for Within {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if self.0.start() == self.0.end() {
                return write!(f, "{}", self.0.start());
            }
            write!(f, "a whole number from {} to {}", self.0.start(), self.0.end())
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            if self.0.contains(&number) {
                return Ok(number);
            }
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
            Err(E::invalid_value(Unexpected::Signed(number), &self))
        }
    }
    let number = de.deserialize_u64(Within(MIN..=MAX))?;
    T::try_from(number).map_err(|_| D::Error::custom("a number that its field can hold"))
}

/// The same for a key that may be left out.
pub(super) fn maybe_within<'de, const MIN: u64, const MAX: u64, D, T>(
    de: D,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    within::<MIN, MAX, D, T>(de).map(Some)
}

/// A type of `base` written as text, for `#[serde(with = "…")]` and `#[schemars(with = "…")]`.
macro_rules! foreign_text {
    ($module:ident, $schema:ident, $type:ty, $parse:expr, $wanted:expr, $pattern:expr) => {
        pub(super) mod $module {
            use super::*;

            struct Parsed($type);

            impl FromStr for Parsed {
                type Err = ();
                fn from_str(text: &str) -> Result<Self, ()> {
                    let parse: fn(&str) -> Option<$type> = $parse;
                    parse(text).map(Self).ok_or(())
                }
            }

            pub fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(value)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<$type, D::Error> {
                read_text::<Parsed, D>(de, $wanted).map(|parsed| parsed.0)
            }
        }

        /// Stands for the text in the schema.
        pub(super) struct $schema;

        impl JsonSchema for $schema {
            fn schema_name() -> Cow<'static, str> {
                stringify!($schema).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $wanted })
            }
        }
    };
}

foreign_text!(duration, Duration, Nanos, parse_duration, DURATION, format!("^{DURATION_PATTERN}$"));
foreign_text!(
    odds,
    Chance,
    Odds,
    |text| {
        let (numerator, denominator) = text.split_once('/')?;
        Odds::new(plain_number(numerator)?, plain_number(denominator)?)
    },
    "odds as a ratio of whole numbers, at most 1, such as `1/1000`",
    "^[0-9]+/[1-9][0-9]*$"
);

/// A duration under a key that may be left out.
pub(super) mod maybe_duration {
    use super::*;

    pub fn serialize<S: Serializer>(
        value: &Option<Nanos>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<Nanos>, D::Error> {
        super::duration::deserialize(de).map(Some)
    }
}

/// [`BlockSize`] as its number of bytes.
pub(super) mod block_size {
    use super::*;

    pub fn serialize<S: Serializer>(size: &BlockSize, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(size.bytes() as u64)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<BlockSize, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = BlockSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("512 or 4096 (bytes)")
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<BlockSize, E> {
                BlockSize::from_bytes(bytes)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(bytes), &self))
            }
        }
        de.deserialize_u64(Bytes)
    }
}

/// Stands for [`BlockSize`] in the schema.
pub(super) struct BlockBytes;

impl JsonSchema for BlockBytes {
    fn schema_name() -> Cow<'static, str> {
        "BlockBytes".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "enum": [512, 4096] })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bandwidth, CountRange, NanosRange, PpmRange, parse_duration};
    use crate::base::Nanos;

    #[test]
    fn durations_are_exact() {
        let nanos = |text| parse_duration(text).map(Nanos::get);
        assert_eq!(nanos("250ns"), Some(250));
        assert_eq!(nanos("20us"), Some(20_000));
        assert_eq!(nanos("3ms"), Some(3_000_000));
        assert_eq!(nanos("1.5s"), Some(1_500_000_000));
        assert_eq!(nanos("0.000000001s"), Some(1));
        assert_eq!(nanos("1.50000000000s"), Some(1_500_000_000), "more zeroes than it needs");
        assert_eq!(nanos("10min"), Some(600_000_000_000));
        assert_eq!(nanos("0.1min"), Some(6_000_000_000));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "ms",
            "-3ms",
            "+3ms",
            "3 ms",
            "3.ms",
            ".5ms",
            "1.5ns",
            "0.0000000001s",
            "1e3ms",
            "3msec",
            "99999999999999999999999999999999999999999s",
            "1441min",
            "3µs",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn every_duration_reads_back_as_it_is_shown() {
        for nanos in [0, 1, 999, 1_001, 1_500_000, 61_000_000_001, 86_400_000_000_000] {
            let nanos = Nanos::new(nanos);
            assert_eq!(parse_duration(&nanos.to_string()), Some(nanos));
        }
    }

    #[test]
    fn ranges_have_two_ends_in_order() {
        assert_eq!("20us..80us".parse(), Ok(NanosRange::micros(20, 80)));
        assert_eq!("3us".parse(), Ok(NanosRange::micros(3, 3)));
        assert_eq!("80us..20us".parse::<NanosRange>(), Err(()));
        assert_eq!("1us..".parse::<NanosRange>(), Err(()));
        assert_eq!("1us..2us..3us".parse::<NanosRange>(), Err(()));
        assert_eq!("1..8".parse(), Ok(CountRange { min: 1, max: 8 }));
        assert_eq!("-1..8".parse::<CountRange>(), Err(()));
        assert_eq!("+1".parse::<CountRange>(), Err(()));
        assert_eq!("-50..50".parse(), Ok(PpmRange { min: -50, max: 50 }));
        assert_eq!("200000".parse::<PpmRange>(), Err(()));
    }

    #[test]
    fn bandwidth_is_in_bits_per_second() {
        let bits = |text: &str| text.parse().map(Bandwidth::bits_per_second);
        assert_eq!(bits("100Gbps"), Ok(100_000_000_000));
        assert_eq!(bits("2.5Gbps"), Ok(2_500_000_000));
        assert_eq!(bits("10Mbps"), Ok(10_000_000));
        for text in ["0Gbps", "11Tbps", "10", "10GBps", "10Gb/s", "0.1bps"] {
            assert_eq!(bits(text), Err(()), "{text}");
        }
        for text in ["100Gbps", "2500Mbps", "1001bps"] {
            assert_eq!(text.parse::<Bandwidth>().unwrap().to_string(), text);
        }
    }
}
