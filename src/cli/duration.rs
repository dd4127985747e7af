//! Durations of the command line, in the form that scenarios use. Measures nothing.

use std::time::Duration;

use crate::base::Nanos;
use crate::scenario::parse_duration;

/// Virtual time.
pub(super) fn virtual_time(text: &str) -> Result<Nanos, String> {
    let wanted = "expected a duration such as `250us`, `20ms`, `1.5s` or `10min`, at most a day";
    parse_duration(text).ok_or_else(|| wanted.to_owned())
}

/// Wall time: as [`virtual_time`], and whole hours such as `8h` up to a thousand.
pub(super) fn wall_time(text: &str) -> Result<Duration, String> {
    let hours = text.strip_suffix('h').and_then(|hours| hours.parse::<u16>().ok());
    if let Some(hours) = hours.filter(|hours| *hours <= 1_000) {
        return Ok(Duration::from_secs(u64::from(hours) * 3_600));
    }
    let wanted = "expected a duration such as `30s`, `10min` or `8h`";
    let time = parse_duration(text).ok_or(wanted)?;
    Ok(Duration::from_nanos(time.get()))
}

/// Wall time that something may take: as [`wall_time`], and not nothing.
pub(super) fn wall_limit(text: &str) -> Result<Duration, String> {
    match wall_time(text)? {
        Duration::ZERO => Err("expected more than no time at all, such as `30s`".to_owned()),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{virtual_time, wall_limit, wall_time};

    #[test]
    fn wall_time_may_be_long() {
        assert_eq!(wall_time("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(wall_time("48h"), Ok(Duration::from_secs(172_800)));
        for text in ["", "h", "-1h", "5", "1001h", "999999h", "1 s"] {
            assert!(wall_time(text).is_err(), "{text}");
        }
        assert!(virtual_time("48h").is_err());
        assert_eq!(wall_limit("30s"), Ok(Duration::from_secs(30)));
        assert!(wall_limit("0s").is_err() && wall_limit("0h").is_err());
    }
}
