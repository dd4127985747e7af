//! Failures as seed files: what is in one, where it is kept. Never removes one.

use std::path::{Path, PathBuf};

use crate::scenario::{Digest, SaveError, Scenario, SeedFile};

use super::outcome::{Outcome, Signature};
use super::tally::SeedResult;

/// The version that new seed files name as their finder.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The seed file of a result of this scenario: it expects that result again.
#[must_use]
pub fn seed_file(scenario: &Scenario, result: &SeedResult, note: &str) -> SeedFile {
    SeedFile {
        version: 1,
        scenario: scenario.clone(),
        seed: result.seed,
        expect: result.outcome.name().to_owned(),
        signature: result.signature.as_ref().map(Signature::to_string),
        digest: Digest(result.digest),
        found_by: VERSION.to_owned(),
        note: (!note.is_empty()).then(|| note.to_owned()),
    }
}

/// Saves a seed file in a directory and says under which name. Where that directory has one of the
/// same scenario, seed and signature that still expects the failure, that is brought up to date; any other
/// file of that name is left alone and this one numbered.
///
/// # Errors
/// When the file cannot be written.
pub fn save(directory: &Path, file: &SeedFile) -> Result<PathBuf, SaveError> {
    let known = file.signature.as_deref().map(Signature::of_text);
    let slug = known.map_or_else(|| file.expect.clone(), |signature| signature.slug());
    let names = std::iter::once(format!("{slug}-{}.json", file.seed))
        .chain((2..).map(|number| format!("{slug}-{}-{number}.json", file.seed)));
    let path = names
        .map(|name| directory.join(name))
        .find(|path| !path.exists() || is_the_same(path, file))
        .expect("the numbers do not end");
    file.save(&path)?;
    Ok(path)
}

fn is_the_same(path: &Path, file: &SeedFile) -> bool {
    SeedFile::load_with(path, &file.scenario.words).is_ok_and(|known| {
        known.scenario == file.scenario
            && known.seed == file.seed
            && known.signature == file.signature
            && known.expect == file.expect
    })
}

/// The outcome that a seed file expects, if it names one.
#[must_use]
pub fn expected_outcome(file: &SeedFile) -> Option<Outcome> {
    expectable().find(|outcome| outcome.name() == file.expect)
}

/// The outcomes that a seed file may expect: all that do not depend on the host.
pub fn expectable() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.iter().copied().filter(|outcome| *outcome != Outcome::StuckHost)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::base::Nanos;
    use crate::run::fake::scenario;
    use crate::run::outcome::{Outcome, Signature};
    use crate::run::tally::SeedResult;
    use crate::scenario::{Digest, SeedFile};

    use super::{expected_outcome, save, seed_file};

    fn failed() -> SeedFile {
        let result = SeedResult {
            scenario: 0,
            seed: 17,
            outcome: Outcome::Violation,
            signature: Some(Signature::new(&["violation", "linear", "stale-read"])),
            digest: 0xabc,
            virtual_time: Nanos::ZERO,
            ops: 1,
            reboots: 0,
            faults: 0,
            events: 2,
        };
        seed_file(&scenario("a"), &result, "")
    }

    fn name(path: &Path) -> &str {
        path.file_name().unwrap().to_str().unwrap()
    }

    #[test]
    fn a_failure_is_saved_under_its_signature_and_seed() {
        let dir = tempfile::tempdir().unwrap();
        let path = save(dir.path(), &failed()).unwrap();
        assert_eq!(name(&path), "violation-linear-stale-read-17.json");
        let loaded = SeedFile::load(&path).unwrap();
        assert_eq!(loaded, failed());
        assert_eq!(expected_outcome(&loaded), Some(Outcome::Violation));
    }

    #[test]
    fn the_same_failure_is_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        let path = save(dir.path(), &failed()).unwrap();
        let newer = SeedFile { digest: Digest(9), ..failed() };
        assert_eq!(save(dir.path(), &newer).unwrap(), path);
        assert_eq!(SeedFile::load(&path).unwrap(), newer);
    }

    #[test]
    fn other_files_are_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let fixed = SeedFile { expect: "pass".into(), ..failed() };
        let path = dir.path().join("violation-linear-stale-read-17.json");
        fixed.save(&path).unwrap();
        let second = save(dir.path(), &failed()).unwrap();
        assert_eq!(name(&second), "violation-linear-stale-read-17-2.json");
        std::fs::write(&second, "junk").unwrap();
        let third = save(dir.path(), &failed()).unwrap();
        assert_eq!(name(&third), "violation-linear-stale-read-17-3.json");
        assert_eq!(SeedFile::load(&path).unwrap(), fixed);
    }
}
