//! The values of options: numbers with suffixes, times, percentages, ranges. Knows no option.

use crate::base::Nanos;
use crate::scenario::trace::{FieldText, LineError};

/// An amount of bytes, or a part of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Bytes(u64),
    Percent(u64),
}

/// A number of millionths.
pub(super) const MILLION: u64 = 1_000_000;

/// A number with a suffix of the powers of 1024: `4k`, `1m`, `2g`; `b` and `ib` behind it say nothing more.
pub(super) fn bytes(field: FieldText<'_>) -> Result<u64, LineError> {
    const SUFFIXES: [(char, u32); 5] = [('k', 10), ('m', 20), ('g', 30), ('t', 40), ('p', 50)];
    let wanted = || field.is_not("an amount such as `4096`, `4k`, `1m` or `2g`");
    let lower = field.text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        suffix => {
            let mut letters = suffix.chars();
            let first = letters.next();
            let known = SUFFIXES.iter().find(|(letter, _)| Some(*letter) == first);
            match (known, letters.as_str()) {
                (Some((_, shift)), "" | "b" | "i" | "ib") => *shift,
                _ => return Err(wanted()),
            }
        }
    };
    let number: u64 = digits.parse().map_err(|_| wanted())?;
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes <= i64::MAX as u64);
    bytes.filter(|_| digits.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wanted)
}

/// An amount of bytes, or a percentage such as `50%`.
pub(super) fn amount(field: FieldText<'_>) -> Result<Amount, LineError> {
    match field.text.strip_suffix('%') {
        Some(digits) => {
            let percent = field.slice(0..digits.len());
            within(percent, 1, 100, "a percentage from 1 to 100").map(Amount::Percent)
        }
        None => bytes(field).map(Amount::Bytes),
    }
}

/// A whole number of a range; `what` finishes "expected …".
pub(super) fn within(
    field: FieldText<'_>,
    min: u64,
    max: u64,
    what: &str,
) -> Result<u64, LineError> {
    let number = field.number(what)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(field.is_not(what)) }
}

/// A time; `unit` is that of a number alone, in nanoseconds.
pub(super) fn time(field: FieldText<'_>, unit: u64) -> Result<Nanos, LineError> {
    const UNITS: [(&str, u64); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("usec", 1_000),
        ("ms", 1_000_000),
        ("msec", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let digits = field.text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let wanted = "a time such as `500us`, `20ms`, `1s` or `2m`";
    let unit = match &field.text[digits.len()..] {
        "" => unit,
        "d" => 24 * 3_600_000_000_000,
        suffix => match UNITS.iter().find(|(name, _)| *name == suffix) {
            Some((_, unit)) => *unit,
            None => return Err(field.is_not(wanted)),
        },
    };
    field.slice(0..digits.len()).nanos(wanted, unit).map_err(|_| field.is_not(wanted))
}

/// `1`, `0`, or the key alone, which is yes.
pub(super) fn flag(value: Option<FieldText<'_>>) -> Result<bool, LineError> {
    match value {
        None => Ok(true),
        Some(field) => match field.text {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(field.is_not("`0` or `1`")),
        },
    }
}

/// A decimal number of at most six decimals, in millionths.
pub(super) fn millionths(field: FieldText<'_>, what: &str) -> Result<u64, LineError> {
    let scaled = crate::scenario::units::scaled(&format!("{}x", field.text), &[("x", MILLION)]);
    let scaled = scaled.filter(|number| *number <= 1_000 * MILLION);
    scaled.ok_or_else(|| field.is_not(&format!("{what}, of at most six decimals")))
}

#[cfg(test)]
mod tests {
    use super::{Amount, amount, bytes, flag, millionths, time};
    use crate::scenario::trace::lines;

    fn field(text: &str) -> crate::scenario::trace::FieldText<'_> {
        lines(text).next().unwrap().whole()
    }

    #[test]
    fn amounts_are_of_powers_of_1024() {
        for (text, expected) in [
            ("4096", 4096),
            ("4k", 4096),
            ("1M", 1 << 20),
            ("2GiB", 2 << 30),
            ("7b", 7),
            ("3kb", 3072),
        ] {
            assert_eq!(bytes(field(text)), Ok(expected), "{text}");
        }
        for wrong in ["k", "4x", "4kk", "-1", "1.5k", "99999999999999g", "4k4"] {
            assert!(bytes(field(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(amount(field("50%")), Ok(Amount::Percent(50)));
        assert!(amount(field("101%")).is_err() && amount(field("0%")).is_err());
    }

    #[test]
    fn times_have_units_or_the_option_has() {
        let nanos = |text, unit| time(field(text), unit).map(|time| time.get());
        assert_eq!(nanos("2", 1_000_000_000), Ok(2_000_000_000));
        assert_eq!(nanos("2ms", 1_000), Ok(2_000_000));
        assert_eq!(nanos("1m", 1_000), Ok(60_000_000_000));
        assert_eq!(nanos("1d", 1), Ok(86_400_000_000_000));
        for wrong in ["ms", "1y", "-1s", "1.5s"] {
            assert!(time(field(wrong), 1).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_and_decimals() {
        assert_eq!(flag(None), Ok(true));
        assert_eq!(flag(Some(field("0"))), Ok(false));
        assert!(flag(Some(field("yes"))).is_err());
        assert_eq!(millionths(field("1.25"), "theta"), Ok(1_250_000));
        assert!(millionths(field("1e3"), "theta").is_err());
    }
}
