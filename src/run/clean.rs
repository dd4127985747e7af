//! Runs without any bug, each made once, whoever asks for it. Hunts none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::base::Bug;
use crate::scenario::Scenario;
use crate::world::RunOptions;

use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{Outcome, Signature};
use super::subject::{Subject, Tested};

/// A run without any bug: how it failed, if it did, and to which bugs' places it came.
#[derive(Clone, Debug, Default)]
pub(super) struct CleanRun {
    pub(super) failure: Option<(Outcome, Signature)>,
    pub(super) met: Vec<Bug>,
}

/// A run that somebody makes or has made.
#[derive(Default)]
struct Cell {
    is_taken: AtomicBool,
    ran: OnceLock<Result<CleanRun, HarnessCrash>>,
}

/// The runs without any bug.
pub(super) struct CleanRuns<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) scenarios: &'a [Tested],
    runs: Mutex<BTreeMap<(usize, u64), Arc<Cell>>>,
}

impl<'a> CleanRuns<'a> {
    pub(super) fn new(engine: &'a Engine<'a>, scenarios: &'a [Tested]) -> Self {
        Self { engine, scenarios, runs: Mutex::default() }
    }

    /// The scenario of a seed as it is without any bug.
    pub(super) fn scenario(&self, at: usize, seed: u64) -> Scenario {
        clean(&self.scenarios[at].of_seed(seed))
    }

    /// The run, which is waited for if somebody else makes it.
    pub(super) fn run(&self, at: usize, seed: u64) -> Result<CleanRun, HarnessCrash> {
        self.ran(&self.cell(at, seed), at, seed)
    }

    /// The run, unless somebody else is about to make it: that would take as long as to go without it.
    pub(super) fn run_or_pass(
        &self,
        at: usize,
        seed: u64,
    ) -> Option<Result<CleanRun, HarnessCrash>> {
        let cell = self.cell(at, seed);
        let is_others = cell.ran.get().is_none() && cell.is_taken.swap(true, Ordering::Relaxed);
        (!is_others).then(|| self.ran(&cell, at, seed))
    }

    fn cell(&self, at: usize, seed: u64) -> Arc<Cell> {
        self.runs.lock().expect("nothing panics with it").entry((at, seed)).or_default().clone()
    }

    fn ran(&self, cell: &Cell, at: usize, seed: u64) -> Result<CleanRun, HarnessCrash> {
        let run = || {
            let ran = run_once(self.engine, &self.scenario(at, seed), seed, &RunOptions::default());
            ran.map(|ran| CleanRun { failure: failure(&ran), met: ran.report.met })
        };
        cell.ran.get_or_init(run).clone()
    }

    /// All that were made, by scenario and seed.
    pub(super) fn made(
        self,
    ) -> impl Iterator<Item = ((usize, u64), Result<CleanRun, HarnessCrash>)> {
        let cells = self.runs.into_inner().expect("nothing panics with it").into_iter();
        cells.filter_map(|(at, cell)| cell.ran.get().map(|ran| (at, ran.clone())))
    }
}

/// A scenario as it is without any bug.
pub(super) fn clean(scenario: &Scenario) -> Scenario {
    Scenario { plant: Vec::new(), ..scenario.clone() }
}

/// How a run failed, if a check or a hang said so: that a fault never landed is no sign of a bug.
pub(super) fn failure(ran: &Ran) -> Option<(Outcome, Signature)> {
    let outcome = ran.judgement.outcome;
    let tells = matches!(outcome, Outcome::Violation | Outcome::Liveness | Outcome::Crash);
    ran.judgement.signature.clone().filter(|_| tells).map(|signature| (outcome, signature))
}
