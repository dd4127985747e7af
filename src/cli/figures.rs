//! Numbers, wall times and paths as a person reads them. Measures nothing.

use std::path::Path;
use std::time::Duration;

/// With a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many a second.
pub(super) fn per_second(count: u64, wall: Duration) -> u64 {
    let nanos = wall.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// `12us`, `3.4ms`, `1.25s`, `3min 20s`, `2h 5min`.
pub(super) fn wall(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..1_000_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        1_000_000..60_000_000 => {
            format!("{}.{:02}s", micros / 1_000_000, micros % 1_000_000 / 10_000)
        }
        60_000_000..3_600_000_000 => {
            format!("{}min {}s", micros / 60_000_000, micros / 1_000_000 % 60)
        }
        _ => format!("{}h {}min", micros / 3_600_000_000, micros / 60_000_000 % 60),
    }
}

/// How many times as fast as the wall clock virtual time passed: `0.52x`, `13x`.
pub(super) fn speed(virtual_nanos: u64, wall: Duration) -> String {
    let hundredths = u128::from(virtual_nanos) * 100 / wall.as_nanos().max(1);
    if hundredths >= 1_000 {
        return format!("{}x", hundredths / 100);
    }
    format!("{}.{:02}x", hundredths / 100, hundredths % 100)
}

/// `1 seed`, `2 seeds`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// A path as a word for a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%\\".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{counted, grouped, per_second, quoted, speed, wall};

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0, 999, 1_000, 123_456, u64::MAX].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "123,456", "18,446,744,073,709,551,615"]);
        assert_eq!(counted(1, "seed"), "1 seed");
        assert_eq!(counted(2_000, "seed"), "2,000 seeds");
    }

    #[test]
    fn wall_times_have_three_digits_or_so() {
        let shown = |micros| wall(Duration::from_micros(micros));
        assert_eq!(shown(0), "0us");
        assert_eq!(shown(3_456), "3.4ms");
        assert_eq!(shown(1_259_999), "1.25s");
        assert_eq!(shown(200_000_000), "3min 20s");
        assert_eq!(shown(7_500_000_000), "2h 5min");
    }

    #[test]
    fn rates_bear_a_clock_that_did_not_move() {
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(0, Duration::ZERO), 0);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
        assert_eq!(speed(500_000_000, Duration::from_secs(1)), "0.50x");
        assert_eq!(speed(13_000_000_000, Duration::from_secs(1)), "13x");
    }

    #[test]
    fn paths_survive_a_shell() {
        assert_eq!(quoted(Path::new("seeds/a-1.json")), "seeds/a-1.json");
        assert_eq!(quoted(Path::new("my seeds/it's.json")), r"'my seeds/it'\''s.json'");
    }
}
