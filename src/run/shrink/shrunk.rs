//! Shrinking from a seed file to a smaller one, with the sizes of both. Words nothing.

use std::num::NonZeroUsize;

use crate::base::Nanos;
use crate::run::corpus::seed_file;
use crate::run::engine::{Engine, HarnessCrash, run_once};
use crate::run::outcome::{Outcome, Signature};
use crate::run::plan::StopFlag;
use crate::run::tally::SeedResult;
use crate::scenario::{Scenario, SeedFile};
use crate::world::RunOptions;

use super::judge::{Failing, Judge};
use super::reducer::Reducer;

/// How large a failing scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Entries of its script.
    pub entries: u64,
    /// Operations that were issued when it failed.
    pub ops: u64,
    /// Nodes.
    pub nodes: u64,
    /// Volumes.
    pub volumes: u64,
    /// Applications.
    pub apps: u64,
    /// Records written when it failed.
    pub events: u64,
    /// Virtual time when it failed.
    pub virtual_time: Nanos,
}

impl Size {
    fn of(failing: &Failing) -> Self {
        let Scenario { cluster, script, volumes, workload, .. } = &failing.scenario;
        Self {
            entries: script.len() as u64,
            ops: failing.ops,
            nodes: u64::from(cluster.clients + cluster.targets + cluster.managers),
            volumes: volumes.len() as u64,
            apps: workload.len() as u64,
            events: failing.events,
            virtual_time: failing.virtual_time,
        }
    }
}

/// How far a shrinking is.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkProgress {
    /// What it is at.
    pub step: &'static str,
    /// The smallest that fails so far.
    pub size: Size,
    /// Runs so far.
    pub runs: u64,
}

/// A failure made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The small scenario as a seed file, which expects the failure again.
    pub file: SeedFile,
    /// What stayed the same.
    pub signature: Signature,
    /// How large it was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// How many runs it took; on more threads a few more.
    pub runs: u64,
    /// Whether it was stopped from outside, with the best so far.
    pub interrupted: bool,
}

/// Why a seed file was not shrunk.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// Its run passes.
    #[error("{scenario} seed {seed} does not fail: there is nothing to shrink")]
    Passes {
        /// The scenario's name.
        scenario: String,
        /// The seed.
        seed: u64,
    },
    /// Stormglass itself panicked.
    #[error(transparent)]
    Harness(#[from] HarnessCrash),
}

/// Makes the scenario of a seed file as small as it goes while its run fails with the same signature. The result
/// depends on the file alone, not on the number of threads. When `stop` is raised, it is the best so far.
///
/// # Errors
/// When the run passes, or Stormglass itself panics.
pub fn shrink(
    engine: &Engine<'_>,
    file: &SeedFile,
    jobs: NonZeroUsize,
    stop: &StopFlag,
    watch: &mut dyn FnMut(&ShrinkProgress),
) -> Result<Shrunk, ShrinkError> {
    let (scenario, seed) = (&file.scenario, file.seed);
    let ran = run_once(engine, scenario, seed, &RunOptions::default())?;
    // That an expected failure did not come is no failure that could be made smaller.
    let is_missed = ran.judgement.outcome == Outcome::Missed;
    let Some(signature) = ran.judgement.signature.filter(|_| !is_missed) else {
        return Err(ShrinkError::Passes { scenario: scenario.name.clone(), seed });
    };
    let report = ran.report;
    let (ops, events, virtual_time) = (report.ops, report.events, report.virtual_time);
    let best = Failing { scenario: scenario.clone(), seed, ops, events, virtual_time };
    let before = Size::of(&best);
    let mut tell = |step: &'static str, best: &Failing, runs: u64| {
        watch(&ShrinkProgress { step, size: Size::of(best), runs });
    };
    let judge = Judge::new(engine, signature.clone(), jobs, stop);
    let mut reducer = Reducer { judge, best, watch: &mut tell, step: "" };
    reducer.reduce();
    let (best, runs) = (reducer.best, reducer.judge.runs());
    let interrupted = stop.is_up();
    let after = Size::of(&best);
    let file = small_file(engine, file, &best)?;
    Ok(Shrunk { file, signature, before, after, runs, interrupted })
}

/// The seed file of the small scenario.
fn small_file(
    engine: &Engine<'_>,
    file: &SeedFile,
    best: &Failing,
) -> Result<SeedFile, HarnessCrash> {
    let ran = run_once(engine, &best.scenario, best.seed, &RunOptions::default())?;
    let result = SeedResult {
        scenario: 0,
        seed: best.seed,
        outcome: ran.judgement.outcome,
        signature: ran.judgement.signature,
        digest: ran.report.digest,
        virtual_time: ran.report.virtual_time,
        ops: ran.report.ops,
        reboots: ran.report.reboots,
        faults: ran.report.faults,
        events: ran.report.events,
    };
    let note = format!("shrunk from {} seed {}", file.scenario.name, file.seed);
    Ok(seed_file(&best.scenario, &result, &note))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};

    use crate::run::fake::{passes_but, report, scenario, stuck};
    use crate::run::plan::StopFlag;
    use crate::scenario::{Digest, Scenario, SeedFile, Workload};
    use crate::world::{RunOptions, RunReport};

    use super::{ShrinkError, Shrunk, shrink};

    /// A large scenario, of which it takes two entries and seven operations.
    fn large() -> SeedFile {
        let mut large = scenario("large");
        let entry = |at: u64, node: &str| {
            format!(
                r#"{{ "at": "{at}ms..40ms", "do": {{ "node.reboot": {{ "node": "{node}" }} }} }}"#
            )
        };
        let many: Vec<String> = (1..20).map(|at| entry(at, "any:client")).collect();
        let script = format!("[{}, {}, {}]", entry(7, "t2"), many.join(","), entry(9, "m0"));
        large.script = serde_json::from_str(&script).unwrap();
        large.workload = serde_json::from_str(
            r#"[{ "app": "random", "client": "c0", "volume": "vol0", "ops": 5000, "fua": "1/2" },
                { "app": "verify", "client": "c0", "volume": "vol0" }]"#,
        )
        .unwrap();
        large.cluster.targets = 8;
        large.cluster.disk.volatile_cache = true;
        SeedFile {
            version: 1,
            scenario: large,
            seed: 3,
            expect: "liveness".into(),
            signature: Some("liveness/hangs".into()),
            digest: Digest(0),
            found_by: "0.1.0".into(),
            note: None,
        }
    }

    fn fails(scenario: &Scenario) -> bool {
        let script = serde_json::to_string(&scenario.script).unwrap();
        let ops = scenario.workload.iter().map(|app| match app {
            Workload::Random(app) => app.ops,
            _ => 0,
        });
        script.matches("node.reboot").count() >= 2 && script.contains("m0") && ops.sum::<u64>() >= 7
    }

    fn run(jobs: usize) -> Shrunk {
        let engine = passes_but(|scenario, _| fails(scenario).then(|| stuck("hangs")));
        let jobs = NonZeroUsize::new(jobs).unwrap();
        shrink(&engine, &large(), jobs, &StopFlag::new(), &mut |_| {}).unwrap()
    }

    #[test]
    fn what_it_takes_is_left_on_any_number_of_threads() {
        let (one, four) = (run(1), run(4));
        assert_eq!(one.file, four.file);
        let small = &one.file.scenario;
        assert_eq!((small.script.len(), small.workload.len()), (2, 1));
        assert!(matches!(&small.workload[0], Workload::Random(app) if app.ops == 7));
        assert!(!small.cluster.disk.volatile_cache);
        assert_eq!(small.cluster.targets, 2, "a mirror has two copies on targets of their own");
        assert_eq!(one.file.signature.as_deref(), Some("liveness/hangs"));
        assert_eq!((one.before.entries, one.after.entries), (21, 2));
        assert!(!one.interrupted && one.runs < 400, "{} runs", one.runs);
    }

    #[test]
    fn a_simpler_scenario_that_takes_far_more_records_is_given_up() {
        let entries = |scenario: &Scenario| scenario.script.len();
        // Without all of its entries there is a storm, at the end of which it fails as well.
        let made_whole = AtomicU64::new(0);
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| -> RunReport {
            let events = if entries(scenario) == 21 { 1_000 } else { 54_001 };
            let mut report = report(scenario, seed, options, &[1]);
            report.events = events.min(options.events_max.unwrap_or(u64::MAX));
            if report.events == events {
                report.verdict = stuck("hangs");
                made_whole.fetch_add(u64::from(events > 1_000), Ordering::SeqCst);
            }
            report
        };
        let shrunk = shrink(&engine, &large(), NonZeroUsize::MIN, &StopFlag::new(), &mut |_| {});
        assert_eq!(entries(&shrunk.unwrap().file.scenario), 21);
        assert_eq!(made_whole.into_inner(), 0, "none of them went on to its end");
    }

    #[test]
    fn of_a_trace_the_lines_that_matter_are_left() {
        let line = |at: u64| format!("{at}0,web,0,Write,{at}000,4096,1\n");
        let text: String = (1..60).map(line).collect();
        let app = serde_json::json!({
            "app": "trace", "client": "c0", "volume": "vol0", "format": "msr", "text": text
        });
        let mut file = large();
        file.scenario.workload = vec![serde_json::from_value(app).unwrap()];
        let takes = |scenario: &Scenario| {
            let mut texts = scenario.workload.iter().filter_map(Workload::text);
            texts.any(|text| [line(17), line(41)].iter().all(|line| text.contains(line)))
        };
        let engine = passes_but(|scenario, _| takes(scenario).then(|| stuck("hangs")));
        let shrunk = shrink(&engine, &file, NonZeroUsize::MIN, &StopFlag::new(), &mut |_| {});
        let scenario = shrunk.unwrap().file.scenario;
        assert_eq!(scenario.workload[0].text(), Some([line(17), line(41)].concat().as_str()));
    }

    #[test]
    fn whatever_fails_in_another_way_is_none_of_it() {
        let engine = passes_but(|scenario, _| match fails(scenario) {
            true => Some(stuck("hangs")),
            false => Some(stuck("hangs otherwise")),
        });
        let shrunk =
            shrink(&engine, &large(), NonZeroUsize::MIN, &StopFlag::new(), &mut |_| {}).unwrap();
        assert!(fails(&shrunk.file.scenario));
        assert_eq!(shrunk.signature.as_str(), "liveness/hangs");
    }

    /// A run, which hangs if the scenario is one that fails.
    fn hangs(scenario: &Scenario, seed: u64, options: &RunOptions) -> RunReport {
        let mut report = report(scenario, seed, options, &[1, 2, 3]);
        if fails(scenario) {
            report.verdict = stuck("hangs");
        }
        report
    }

    #[test]
    fn the_best_so_far_is_left_when_it_is_stopped() {
        let (calls, stop) = (AtomicU64::new(0), StopFlag::new());
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| -> RunReport {
            if calls.fetch_add(1, Ordering::SeqCst) == 40 {
                stop.raise();
            }
            hangs(scenario, seed, options)
        };
        let shrunk = shrink(&engine, &large(), NonZeroUsize::MIN, &stop, &mut |_| {}).unwrap();
        assert!(shrunk.interrupted && fails(&shrunk.file.scenario));
        assert!(calls.load(Ordering::SeqCst) < 50);
        assert_ne!(shrunk.file.scenario, large().scenario);
    }

    #[test]
    fn a_run_that_is_under_way_ends_when_it_is_stopped() {
        let (calls, stop) = (AtomicU64::new(0), StopFlag::new());
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| -> RunReport {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            let is_halted = || options.stop.as_ref().is_some_and(|it| it.load(Ordering::SeqCst));
            if call == 40 {
                stop.raise();
                // One that would go on for ever.
                while !is_halted() {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
            assert!(call <= 40 || !is_halted(), "what is left is run as a whole");
            hangs(scenario, seed, options)
        };
        let shrunk = shrink(&engine, &large(), NonZeroUsize::MIN, &stop, &mut |_| {}).unwrap();
        assert!(shrunk.interrupted && fails(&shrunk.file.scenario));
    }

    #[test]
    fn what_passes_is_not_shrunk() {
        let engine = passes_but(|_, _| None);
        let result = shrink(&engine, &large(), NonZeroUsize::MIN, &StopFlag::new(), &mut |_| {});
        assert!(matches!(result, Err(ShrinkError::Passes { seed: 3, .. })));
    }
}
