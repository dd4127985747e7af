//! What a command line names: files, loaded, and profiles. Shows no error.

use std::fs::File;
use std::io;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::scenario::{LoadError, Profile, Scenario, SeedFile, Words, discover, load_with};
use crate::world::{Recording, RecordingError};

use super::report::Failure;

/// A scenario and where it came from.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) scenario: Scenario,
}

/// All scenarios at and below these paths, in the order of the paths' names.
///
/// # Errors
/// When a path names none, or with everything that is wrong with any of them.
pub(super) fn scenarios(paths: &[PathBuf], words: &Words) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for path in discover(paths).map_err(Failure::Paths)? {
        match scenario(&path, words) {
            Ok(scenario) => sources.push(Source { path, scenario }),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(Failure::Files(errors)) }
}

/// One scenario file. An error about a seed file says so.
pub(super) fn scenario(path: &Path, words: &Words) -> Result<Scenario, LoadError> {
    load_with(path, words).map_err(|mut error| {
        if is_seed_file(&error) {
            let command = "this is a seed file: `stormglass replay` runs those".to_owned();
            error.errors.truncate(1);
            error.more = false;
            error.errors.iter_mut().for_each(|error| error.help = Some(command.clone()));
        }
        error
    })
}

/// Whether what could not be loaded as a scenario is a seed file.
pub(super) fn is_seed_file(error: &LoadError) -> bool {
    type Object = serde_json::Map<String, serde_json::Value>;
    let text = error.text.as_deref().unwrap_or_default();
    serde_json::from_str::<Object>(text)
        .is_ok_and(|object| object.contains_key("scenario") && object.contains_key("seed"))
}

/// One seed file.
pub(super) fn seed_file(path: &Path, words: &Words) -> Result<SeedFile, Failure> {
    let file = SeedFile::load_with(path, words).map_err(|error| Failure::Files(vec![error]))?;
    if crate::run::expected_outcome(&file).is_none() {
        return Err(Failure::Expectation { file: path.display().to_string(), found: file.expect });
    }
    Ok(file)
}

/// A recorded schedule.
pub(super) fn schedule(path: &Path) -> Result<Recording, Failure> {
    let bad = |why: String| Failure::Schedule { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    text.trim_end().parse().map_err(|error: RecordingError| bad(error.to_string()))
}

/// A file to write to, made before any work is done so that a path that cannot be written is known
/// at once.
pub(super) struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    /// Makes the file.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let path = path.to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(Failure::Output { path, source }),
        }
    }

    /// Writes to it and closes it.
    pub(super) fn write(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let written = write(&mut self.file).and_then(|()| self.file.flush());
        written.map_err(|source| Failure::Output { path: self.path, source })
    }
}

/// The profile of this name.
pub(super) fn profile(name: &str) -> Result<Profile, String> {
    let known = Profile::ALL.iter().copied().find(|profile| profile.name() == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
        format!("no such profile: there are {}", names.join(", "))
    })
}
