//! Seed files: a scenario, a seed and how the run ended, kept for ever. Runs nothing.

use std::fs;
use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::LoadError;
use super::load::{Document, read_text};
use super::model::Scenario;
use super::own::Words;
use super::tree::Step;
use super::units::within;

/// A run to be made again: `seeds/<signature-slug>-<seed>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedFile {
    /// The version of the format: 1.
    #[serde(deserialize_with = "within::<1, 1, _, _>")]
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The whole scenario.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// The outcome that the run is to have: `pass` once the bug is fixed.
    pub expect: String,
    /// The failure's signature, if it is to fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The digest of the run, 32 hexadecimal digits.
    pub digest: Digest,
    /// The version of stormglass that found it.
    pub found_by: String,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A run's digest as text: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub u128);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for Digest {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(hex) {
            return Err(());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ())
    }
}

super::name::text_format!(
    Digest,
    "Digest",
    "a digest of 32 lower-case hexadecimal digits",
    "^[0-9a-f]{32}$"
);

/// Why a seed file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: the seed file cannot be written")]
pub struct SaveError {
    /// The file.
    pub path: String,
    /// What the system says.
    #[source]
    pub source: std::io::Error,
}

impl SeedFile {
    /// Reads a seed file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its text.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::load_with(path, &Words::default())
    }

    /// The same of a file whose scenario may have these words beside those of the format.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its text.
    pub fn load_with(path: &Path, words: &Words) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        Self::read(&name, &read_text(path, &name, "a seed file")?, words)
    }

    /// Reads a seed file from text; `name` is what errors call the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(name: &str, text: &str) -> Result<Self, LoadError> {
        Self::read(name, text, &Words::default())
    }

    fn read(name: &str, text: &str, words: &Words) -> Result<Self, LoadError> {
        // It is to be replayed anywhere: it names no other file.
        let prefix = &[Step::from("scenario")];
        let document = Document { directory: None, name, prefix, words };
        document.read(text, |file: &mut Self| &mut file.scenario)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a seed file is plain JSON");
        text + "\n"
    }

    /// Writes the file, making its directory if there is none. A reader sees the old file or the new one,
    /// never a part: it is written beside and then renamed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn save(&self, path: &Path) -> Result<(), SaveError> {
        self.write(path).map_err(|source| SaveError { path: path.display().to_string(), source })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let written = fs::File::create(&beside).and_then(|mut file| {
            file.write_all(self.text().as_bytes())?;
            file.sync_all()
        });
        let renamed = written.and_then(|()| fs::rename(&beside, path));
        if renamed.is_err() {
            // What is left of the attempt is of no use; that it cannot be removed changes nothing.
            let _ = fs::remove_file(&beside);
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, SeedFile};
    use crate::scenario::load::parse;

    fn example() -> SeedFile {
        let scenario = r#"{"version": 1, "name": "a", "cluster": {},
            "volumes": [{"name": "vol0", "layout": "raid1", "blocks": 64}]}"#;
        SeedFile {
            version: 1,
            scenario: parse("a.json", scenario).unwrap(),
            seed: u64::MAX,
            expect: "violation".into(),
            signature: Some("violation/mirrors".into()),
            digest: Digest(0xabc),
            found_by: "0.1.0".into(),
            note: None,
        }
    }

    #[test]
    fn a_seed_file_reads_back_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/seed.json");
        example().save(&path).unwrap();
        example().save(&path).unwrap();
        assert_eq!(SeedFile::load(&path).unwrap(), example());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no leftovers");
    }

    #[test]
    fn errors_point_into_the_scenario_within() {
        let text = example().text().replace("\"blocks\": 64", "\"blocks\": 9999999");
        let error = SeedFile::parse("s.json", &text).unwrap_err();
        assert_eq!(error.errors[0].json_path, "scenario.volumes[0].blocks", "{error}");
        let text = example().text().replace("0abc", "0xyz");
        let error = SeedFile::parse("s.json", &text).unwrap_err().to_string();
        assert!(error.contains("digest: found"), "{error}");
    }

    #[test]
    fn a_directory_in_its_place_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(example().save(dir.path()).is_err());
        assert!(SeedFile::load(dir.path()).unwrap_err().to_string().contains("a directory"));
    }
}
