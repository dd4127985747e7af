//! What a failure takes: the same seed again without each of the things that the scenario does to the cluster. Words
//! no report.

use crate::scenario::{Effect, Scenario};
use crate::world::RunOptions;

use super::engine::{Engine, HarnessCrash, run_once};
use super::outcome::{Outcome, Signature};

/// What was left out of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// This entry of the script, and its action.
    Entry(usize, String),
    /// A planted bug.
    Bug(&'static str),
}

/// What a run without something came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What was left out.
    pub without: Without,
    /// What the run came to.
    pub outcome: Outcome,
    /// What it is known by, if it failed.
    pub signature: Option<Signature>,
}

impl Trial {
    /// Whether the run failed in the same way all the same.
    #[must_use]
    pub fn fails_alike(&self, signature: Option<&Signature>) -> bool {
        signature.is_some() && self.signature.as_ref() == signature
    }
}

/// Runs a seed without each action of its script, and without each bug that is planted. Each run takes a
/// course of its own from where something is missing on: a trial says what this seed shows, and no more.
///
/// # Errors
/// When the engine panics.
pub fn trials(
    engine: &Engine<'_>,
    scenario: &Scenario,
    seed: u64,
) -> Result<Vec<Trial>, HarnessCrash> {
    let mut trials = Vec::new();
    for (entry, of_script) in scenario.script.iter().enumerate() {
        let Effect::Do(action) = &of_script.effect else { continue };
        let mut without = scenario.clone();
        without.script.remove(entry);
        trials.push(trial(
            engine,
            &without,
            seed,
            Without::Entry(entry, action.name().to_owned()),
        )?);
    }
    for (at, bug) in scenario.plant.iter().enumerate() {
        let mut without = scenario.clone();
        without.plant.remove(at);
        trials.push(trial(engine, &without, seed, Without::Bug(bug.name()))?);
    }
    Ok(trials)
}

fn trial(
    engine: &Engine<'_>,
    scenario: &Scenario,
    seed: u64,
    without: Without,
) -> Result<Trial, HarnessCrash> {
    let ran = run_once(engine, scenario, seed, &RunOptions::default())?;
    let (outcome, signature) = (ran.judgement.outcome, ran.judgement.signature);
    Ok(Trial { without, outcome, signature })
}

#[cfg(test)]
mod tests {
    use crate::run::fake::{passes_but, scenario, stuck};
    use crate::run::{Outcome, Signature};
    use crate::scenario::{Effect, Scenario};

    use super::{Without, trials};

    fn does(scenario: &Scenario, name: &str) -> bool {
        let mut effects = scenario.script.iter().map(|entry| &entry.effect);
        effects.any(|effect| matches!(effect, Effect::Do(action) if action.name() == name))
    }

    #[test]
    fn what_was_needed_is_told_from_what_was_not() {
        let script = r#"[
            { "at": "1ms", "do": { "disk.slow": { "disk": "t0/d0", "factor": 2 } } },
            { "at": "2ms", "freeze": ["mirrors"] },
            { "at": "3ms", "do": { "node.reboot": { "node": "t0" } } }
        ]"#;
        let mut scenario = scenario("a");
        scenario.script = serde_json::from_str(script).unwrap();
        let engine =
            passes_but(|scenario, _| does(scenario, "node.reboot").then(|| stuck("hangs")));
        let found = trials(&engine, &scenario, 7).unwrap();
        let hangs = Signature::new(&["liveness", "hangs"]);
        assert_eq!(found.len(), 2, "a freeze harms nobody");
        assert_eq!(found[0].without, Without::Entry(0, "disk.slow".to_owned()));
        assert!(found[0].fails_alike(Some(&hangs)));
        assert_eq!(found[1].without, Without::Entry(2, "node.reboot".to_owned()));
        assert_eq!(found[1].outcome, Outcome::Pass);
        assert!(!found[1].fails_alike(Some(&hangs)) && !found[1].fails_alike(None));
    }
}
