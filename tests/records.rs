//! The list of record names that scenarios may wait for is the list of the records that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stormglass::scenario::EVENTS;

/// Records of examples and tests within the sources.
const SAMPLES: [&str; 4] = ["fake.tick", "lamp.switched", "sample.shown", "sample.written"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The names in `pub struct Type = "family.name"`, as the macros that define records have it.
fn defined(text: &str) -> impl Iterator<Item = &str> {
    text.split("pub struct ").skip(1).filter_map(|after| {
        let (head, rest) = after.split_once('"')?;
        let is_record = head.trim_end().ends_with('=') && !head.contains([';', '{', '(']);
        let (name, _) = rest.split_once('"')?;
        (is_record && name.contains('.')).then_some(name)
    })
}

#[test]
fn every_record_can_be_waited_for_by_its_name() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let texts: Vec<String> =
        files.iter().map(|file| fs::read_to_string(file).expect("readable text")).collect();
    let mut names: BTreeSet<&str> = texts.iter().flat_map(|text| defined(text)).collect();
    for sample in SAMPLES {
        assert!(names.remove(sample), "{sample} is gone: take it off the list of samples");
    }
    let names: Vec<&str> = names.into_iter().collect();
    assert_eq!(EVENTS, names, "src/scenario/events.rs lists the records that there are, in order");
}
