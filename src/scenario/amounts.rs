//! Amounts of memory, shifts of a clock and speeds of one, as a scenario writes them. All exact, in integers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::text_format;
use super::units::{parse_duration, read_text_or_number, scaled};
use crate::base::Nanos;

/// An amount of memory in bytes: `64MiB`, or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    const UNITS: [(&'static str, u64); 5] =
        [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    const MAX: u64 = 1 << 50;
    const WANTED: &'static str =
        "bytes from 0 to 2^50: a number, or text such as `64KiB`, `16MiB` or `1GiB`";

    /// From whole mebibytes, below 2^30.
    #[must_use]
    pub const fn mebibytes(count: u64) -> Self {
        assert!(count < 1 << 30, "more memory than a node may have");
        Self(count << 20)
    }
    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits =
            |unit: u64| self.0 == 0 && unit == 1 || self.0 > 0 && self.0.is_multiple_of(unit);
        let (name, unit) = Self::UNITS
            .into_iter()
            .find(|(_, unit)| fits(*unit))
            .expect("every number is a multiple of the last unit");
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl FromStr for Bytes {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().map_err(|_| ())?,
            false => scaled(text, &Self::UNITS).ok_or(())?,
        };
        (bytes <= Self::MAX).then_some(Self(bytes)).ok_or(())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text_or_number(deserializer, Self::WANTED)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(([KMGT]i)?B)?$", "minimum": 0, "maximum": Self::MAX,
            "description": Self::WANTED
        })
    }
}

/// How far a clock is set forward, or back: `2s`, `-1.5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeShift {
    back: bool,
    span: Nanos,
}

impl TimeShift {
    /// In nanoseconds, negative if back; at most a day either way.
    #[must_use]
    pub fn nanos(self) -> i64 {
        let span = i64::try_from(self.span.get()).expect("a day of nanoseconds is a small number");
        if self.back { -span } else { span }
    }
}

impl fmt::Display for TimeShift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.back { "-" } else { "" };
        write!(f, "{sign}{}", self.span)
    }
}

impl FromStr for TimeShift {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (back, span) = text.strip_prefix('-').map_or((false, text), |span| (true, span));
        parse_duration(span).map(|span| Self { back, span }).ok_or(())
    }
}

text_format!(
    TimeShift,
    "TimeShift",
    "a duration of at most `1440min`, such as `2s`, or `-2s` to go back",
    "^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|min)$"
);

#[cfg(test)]
mod tests {
    use super::{Bytes, TimeShift};

    #[test]
    fn amounts_read_back_as_they_are_shown() {
        for (text, bytes) in [("64KiB", 65_536), ("1GiB", 1 << 30), ("0B", 0), ("1000B", 1000)] {
            let read: Bytes = text.parse().unwrap();
            assert_eq!((read.get(), read.to_string().as_str()), (bytes, text));
        }
        assert_eq!("4096".parse::<Bytes>().unwrap().to_string(), "4KiB");
        assert_eq!(serde_json::from_str::<Bytes>("4096").unwrap().get(), 4096);
        for text in ["", "KiB", "-1", "1kB", "2000000GiB", "1 MiB", "1.5KiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_shift_goes_both_ways() {
        for (text, nanos) in [("2s", 2_000_000_000), ("-3ms", -3_000_000), ("0ns", 0)] {
            let shift: TimeShift = text.parse().unwrap();
            assert_eq!(shift.nanos(), nanos);
            assert_eq!(shift.to_string().parse::<TimeShift>(), Ok(shift));
        }
        for text in ["2", "--2s", "-", "1441min", "+2s"] {
            assert!(text.parse::<TimeShift>().is_err(), "{text}");
        }
    }
}
