//! Reads what may be taken from the table of instructions in `docs/performance.md`. Runs nothing.

use std::path::Path;

use crate::SCENARIOS;

/// What the last row of the table allows for one scenario.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Instructions for an operation of an application.
    pub per_io: u64,
}

/// The heading above the table.
const HEADING: &str = "## Instructions per IO";

/// The last row's figures, in the order of the scenarios. A row is what changed and one figure for each.
pub fn budget() -> Result<[Budget; SCENARIOS.len()], String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("docs/performance.md: {error}"))?;
    let (_, below) = text
        .split_once(HEADING)
        .ok_or_else(|| format!("docs/performance.md has no heading `{HEADING}`"))?;
    let rows = below.lines().skip_while(|line| !line.starts_with('|'));
    let last = rows.take_while(|line| line.starts_with('|')).last().unwrap_or_default();
    let figures: Vec<Budget> = last.split('|').filter_map(figure).collect();
    figures.try_into().map_err(|_| {
        format!("docs/performance.md: the last row below `{HEADING}` has no three figures: {last}")
    })
}

/// A cell that is nothing but a number.
fn figure(cell: &str) -> Option<Budget> {
    let digits = cell.trim().replace(',', "");
    digits.parse().ok().map(|per_io| Budget { per_io })
}
