//! The result as a table for people and as one line for programs.

use crate::measured::Measured;

/// A row: what was measured, and how.
pub struct Row {
    /// What ran.
    pub name: &'static str,
    /// The median of its measurements.
    pub measured: Measured,
}

/// Prints the rows, each against the first.
pub fn print(rows: &[Row]) {
    println!(
        "{:<34} {:>10} {:>9} {:>11} {:>12} {:>7}",
        "", "IO/s", "ns per IO", "reboots/s", "simulated", "against"
    );
    let first = rows.first().map_or(0, |row| row.measured.iops());
    for Row { name, measured } in rows {
        println!(
            "{name:<34} {:>10} {:>9} {:>11} {:>12} {:>7}",
            measured.iops(),
            measured.nanos_per_op(),
            measured.reboots_per_second(),
            format!("{:.3?}", measured.simulated),
            format!("{:.2}x", ratio(first, measured.iops()))
        );
    }
}

/// How many times `other` goes into `one`, to two decimals.
pub fn ratio(one: u64, other: u64) -> f64 {
    (one as f64 / other.max(1) as f64 * 100.0).round() / 100.0
}
