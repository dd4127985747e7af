//! The run that a file and a seed mean, run with all its records kept. Shows nothing.

use std::path::Path;

use crate::base::Nanos;
use crate::check::Places;
use crate::run::{Engine, Ran, Signature, describe, headline, run_once, violations};
use crate::scenario::{Scenario, Words};
use crate::view::Scene;
use crate::world::{Keep, RunOptions};

use super::figures::quoted;
use super::report::Failure;
use super::sources::{is_seed_file, scenario, seed_file};

/// A scenario and a seed, and the command that runs them again.
pub(super) struct Subject {
    pub(super) scenario: Scenario,
    pub(super) seed: u64,
    pub(super) replay: String,
}

impl Subject {
    /// What a seed file holds, or a scenario file with this seed, or 1.
    pub(super) fn of(
        path: &Path,
        seed: Option<u64>,
        (program, words): (&str, &Words),
    ) -> Result<Self, Failure> {
        let file = quoted(path);
        match scenario(path, words) {
            Ok(scenario) => {
                let seed = seed.unwrap_or(1);
                Ok(Self { scenario, seed, replay: format!("{program} run {file} --seed {seed}") })
            }
            Err(error) if is_seed_file(&error) => {
                let saved = seed_file(path, words)?;
                if let Some(other) = seed.filter(|seed| *seed != saved.seed) {
                    return Err(Failure::Usage(format!(
                        "--seed {other}: {file} is a seed file, of seed {}: leave --seed out",
                        saved.seed
                    )));
                }
                let replay = format!("{program} replay {file}");
                Ok(Self { scenario: saved.scenario, seed: saved.seed, replay })
            }
            Err(error) => Err(Failure::Files(vec![error])),
        }
    }

    /// Runs it.
    pub(super) fn run(&self, engine: &Engine<'_>, until: Option<Nanos>) -> Result<Ran, Failure> {
        let options = RunOptions { trace: Keep::All, until, ..RunOptions::default() };
        run_once(engine, &self.scenario, self.seed, &options).map_err(Failure::Harness)
    }
}

/// A run in the words and with the places that a view needs.
pub(super) struct Seen<'a> {
    subject: &'a Subject,
    ran: &'a Ran,
    pub(super) headline: String,
    report: String,
    places: Vec<Box<dyn Places>>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(subject: &'a Subject, ran: &'a Ran) -> Self {
        let (headline, report) = (headline(&ran.report), describe(&ran.report));
        let places = crate::world::places(&subject.scenario);
        Self { subject, ran, headline, report, places }
    }

    pub(super) fn scene(&self) -> Scene<'_> {
        let (report, judgement) = (&self.ran.report, &self.ran.judgement);
        Scene {
            scenario: &self.subject.scenario.name,
            seed: self.subject.seed,
            outcome: judgement.outcome.name(),
            failed: !judgement.passed(),
            signature: judgement.signature.as_ref().map(Signature::as_str),
            digest: report.digest,
            end: report.virtual_time,
            headline: &self.headline,
            report: &self.report,
            replay: &self.subject.replay,
            violations: violations(&report.verdict),
            trace: &report.trace,
            names: &report.names,
            places: &self.places,
        }
    }
}
