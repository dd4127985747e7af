//! The corpus: every seed that ever failed runs again, and ends as its file says.

use std::path::Path;

use stormglass::run::{expected_outcome, replay};
use stormglass::scenario::SeedFile;
use stormglass::world::{RunOptions, simulate};

#[test]
fn every_saved_seed_ends_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for path in files {
        let file = SeedFile::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let replayed = replay(&simulate, &file, &RunOptions::default());
        let replayed = replayed.unwrap_or_else(|crash| panic!("{}: {crash}", path.display()));
        assert_eq!(
            Some(replayed.ran.judgement.outcome),
            expected_outcome(&file),
            "{}",
            path.display()
        );
    }
}
