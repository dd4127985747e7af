//! The plots of random scenarios: each runs as it expects, and does all that it tells of.

use std::collections::{BTreeMap, BTreeSet};

use stormglass::run::{Judgement, Outcome};
use stormglass::scenario::{Effect, Inert, Profile, Scenario, generate};
use stormglass::world::{RunOptions, simulate};

/// So many runs of each are made at least, and so many are enough for all of its actions to land.
const RUNS: (usize, usize) = (4, 16);

/// Scenarios of each plot, with their seeds.
fn told() -> BTreeMap<String, Vec<(u64, Scenario)>> {
    let mut told: BTreeMap<String, Vec<(u64, Scenario)>> = BTreeMap::new();
    for seed in 1..4_000 {
        let scenario = generate(seed, Profile::Everything);
        let Some((_, plot)) = scenario.about.split_once(", plot ") else { continue };
        let of_plot = told.entry(plot.trim_end_matches('.').to_owned()).or_default();
        if of_plot.len() < RUNS.1 {
            of_plot.push((seed, scenario));
        }
    }
    told
}

/// The names of the actions of its script.
fn actions(scenario: &Scenario) -> impl Iterator<Item = String> {
    scenario.script.iter().filter_map(|entry| match &entry.effect {
        Effect::Do(action) => Some(action.name().to_owned()),
        _ => None,
    })
}

#[test]
fn each_plot_ends_as_it_expects_and_each_of_its_actions_lands() {
    for (plot, scenarios) in told() {
        assert_eq!(scenarios.len(), RUNS.1, "{plot}");
        let mut missing: BTreeSet<String> =
            scenarios.iter().flat_map(|(_, scenario)| actions(scenario)).collect();
        for (at, (seed, scenario)) in scenarios.into_iter().enumerate() {
            if at >= RUNS.0 && missing.is_empty() {
                break;
            }
            // The same run, and judged by whether all entries land, too.
            let strict = Scenario { inert: Inert::Failure, ..scenario };
            let report = simulate(&strict, seed, &RunOptions::default());
            match Judgement::of(&strict.expect, &report.verdict).outcome {
                Outcome::Pass => {
                    missing.retain(|one| !actions(&strict).any(|landed| landed == *one))
                }
                outcome => assert_eq!(outcome, Outcome::Inert, "{plot}, seed {seed}"),
            }
        }
        assert!(missing.is_empty(), "{plot}: in no run in which all entries land: {missing:?}");
    }
}
