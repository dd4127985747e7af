//! Where what was swept came from, and the commands that run a seed of it again. Runs nothing.

use std::path::{Path, PathBuf};

use crate::run::SeedResult;

use super::figures::quoted;

/// Where a scenario came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file.
    File(PathBuf),
    /// The random scenarios of this profile.
    Random(String),
}

/// The places of a sweep's scenarios, in their order.
pub(super) struct Places {
    /// How the program was called.
    pub(super) program: String,
    pub(super) places: Vec<Place>,
}

impl Places {
    /// The command that runs a seed again.
    pub(super) fn command(&self, result: &SeedResult) -> String {
        let (program, seed) = (&self.program, result.seed);
        match &self.places[result.scenario] {
            Place::File(path) => format!("{program} run {} --seed {seed}", quoted(path)),
            Place::Random(profile) => {
                format!("{program} sweep --random --profile {profile} --seeds {seed}..{seed}")
            }
        }
    }

    /// The file of a scenario, if it has one.
    pub(super) fn file(&self, scenario: usize) -> Option<&Path> {
        match &self.places[scenario] {
            Place::File(path) => Some(path),
            Place::Random(_) => None,
        }
    }
}
