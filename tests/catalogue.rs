//! The catalogue of classic failures is complete: each has scenarios, and the gate runs them on 200 seeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use stormglass::scenario::load;

/// All its rows.
const WANTED: std::ops::RangeInclusive<u32> = 1..=48;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// By the number of its row, the scenarios of each failure, as the table in `scenarios/README.md` has it.
fn catalogue() -> BTreeMap<u32, Vec<String>> {
    let text = read("scenarios/README.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let row: u32 = cells.next()?.parse().ok()?;
        let links = cells.nth(1)?.split("](").skip(1);
        let files = links.filter_map(|link| Some(link.split_once(')')?.0.to_owned()));
        Some((row, files.collect()))
    });
    rows.collect()
}

#[test]
fn every_row_of_the_catalogue_has_a_scenario() {
    let catalogue = catalogue();
    for row in WANTED {
        let files = catalogue.get(&row).map_or(&[][..], Vec::as_slice);
        assert!(!files.is_empty(), "row {row} of the catalogue has no scenario");
        for file in files {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
            let scenario = load(&path).unwrap_or_else(|error| panic!("row {row}: {error}"));
            assert!(scenario.about.len() > 40, "row {row}: {file} does not say what it is about");
        }
    }
}

#[test]
fn the_gate_runs_the_catalogue_on_two_hundred_seeds() {
    let gate = read(".ci/run");
    assert!(gate.contains("sweep $catalogue --seeds 200"), "the gate sweeps the catalogue");
}
