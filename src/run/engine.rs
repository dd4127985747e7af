//! One simulation, run and judged. Knows no file and no other run.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::time::Duration;

use panic_message::panic_message;

use crate::scenario::Scenario;
use crate::world::RunOptions;
use crate::world::RunReport;

use super::outcome::Judgement;
use super::stopwatch::Stopwatch;

/// What runs one simulation: `world::simulate`, or a test's own.
pub type Engine<'a> = dyn Fn(&Scenario, u64, &RunOptions) -> RunReport + Sync + 'a;

/// Stormglass itself panicked, outside node code. Says nothing about the scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stormglass itself panicked in {scenario} seed {seed}: {message}")]
pub struct HarnessCrash {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The panic's message.
    pub message: String,
}

/// A simulation that was run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What it did.
    pub report: RunReport,
    /// What that comes to.
    pub judgement: Judgement,
    /// How long it took by the wall clock.
    pub wall: Duration,
}

/// Runs a scenario once and judges it.
///
/// # Errors
/// When the engine panics.
pub fn run_once(
    engine: &Engine<'_>,
    scenario: &Scenario,
    seed: u64,
    options: &RunOptions,
) -> Result<Ran, HarnessCrash> {
    let watch = Stopwatch::start();
    let report = catch_unwind(AssertUnwindSafe(|| engine(scenario, seed, options)));
    let wall = watch.elapsed();
    let report = report.map_err(|panic| {
        let message = panic_message(&panic).to_owned();
        HarnessCrash { scenario: scenario.name.clone(), seed, message }
    })?;
    let judgement = Judgement::of(&scenario.expect, &report.verdict);
    Ok(Ran { report, judgement, wall })
}
