//! Stands in for the simulation of a scenario until the world is composed. Simulates nothing.

use crate::scenario::Scenario;

use super::report::{RunOptions, RunReport};

/// Runs one simulation on a fresh thread.
///
/// # Panics
/// Always: there is no world to run yet.
#[must_use]
pub fn simulate(scenario: &Scenario, seed: u64, _: &RunOptions) -> RunReport {
    panic!("{} seed {seed}: there is no world to run yet", scenario.name)
}
