//! Runs candidates and says which is the first that still fails as it should, on any number of threads the same
//! one. Makes no candidate.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::Nanos;
use crate::run::engine::{Engine, run_once};
use crate::run::outcome::{Outcome, Signature};
use crate::run::plan::StopFlag;
use crate::run::pool::work_off;
use crate::scenario::Scenario;
use crate::world::{Keep, RunOptions, RunReport};

/// A scenario that fails, with a seed.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) scenario: Scenario,
    pub(super) seed: u64,
    pub(super) ops: u64,
    pub(super) events: u64,
    pub(super) virtual_time: Nanos,
}

/// Seeds that a candidate is given when it does not fail with that of the scenario it was made of.
const OTHER_SEEDS: u64 = 3;
/// Only runs of so few records are made with other seeds, too.
const SHORT: u64 = 20_000;
/// A run may take so many times the virtual time of the one that its scenario was made of.
const LONGER: u64 = 2;
/// And so much more.
const AND_MORE: Nanos = Nanos::from_millis(30);
/// And so many times its records: what goes on for longer is no simpler, and where little virtual time takes much work
/// (storms of messages, say) it would hold up all others.
const MORE_EVENTS: u64 = 4;
/// And so many more.
const EVENTS_AND_MORE: u64 = 50_000;

pub(super) struct Judge<'a> {
    engine: &'a Engine<'a>,
    signature: Signature,
    jobs: NonZeroUsize,
    stop: &'a StopFlag,
    /// Ends the runs under way.
    halt: Arc<AtomicBool>,
    /// What has been run and did not fail: as text, digested.
    known: BTreeSet<u128>,
    runs: AtomicU64,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        engine: &'a Engine<'a>,
        signature: Signature,
        jobs: NonZeroUsize,
        stop: &'a StopFlag,
    ) -> Self {
        let halt = Arc::default();
        Self {
            engine,
            signature,
            jobs,
            stop,
            halt,
            known: BTreeSet::new(),
            runs: AtomicU64::new(0),
        }
    }

    /// How many runs it took so far. Depends on the number of threads.
    pub(super) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Whether what is looked for is something that never came to its end.
    pub(super) fn is_after_a_hang(&self) -> bool {
        self.signature.as_str().starts_with(Outcome::Liveness.name())
    }

    /// Whether there is to be no more work.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_up()
    }

    /// The first of the candidates that fails with the signature, with its place among them. `None` when none
    /// does or there is to be no more work. `tick` is called now and then.
    pub(super) fn first(
        &mut self,
        best: &Failing,
        candidates: &[Scenario],
        tick: &mut dyn FnMut(u64),
    ) -> Option<(usize, Failing)> {
        let fresh: Vec<usize> =
            (0..candidates.len()).filter(|at| !self.is_known(&candidates[*at])).collect();
        let found: Mutex<Option<(usize, Failing)>> = Mutex::new(None);
        let lowest = AtomicUsize::new(usize::MAX);
        let work = |at: usize| {
            // A later one does not count any more.
            if at > lowest.load(Ordering::SeqCst) || self.stop.is_up() {
                return;
            }
            if let Some(failing) = self.fails(best, &candidates[at]) {
                lowest.fetch_min(at, Ordering::SeqCst);
                let mut found = found.lock().expect("nobody panics with this lock");
                if found.as_ref().is_none_or(|(other, _)| at < *other) {
                    *found = Some((at, failing));
                }
            }
        };
        let threads = self.jobs.min(NonZeroUsize::new(fresh.len()).unwrap_or(NonZeroUsize::MIN));
        work_off(threads, fresh.iter().copied(), work, |_| {
            self.halt.fetch_or(self.stop.is_up(), Ordering::Relaxed);
            tick(self.runs());
        });
        let found = found.into_inner().expect("nobody panics with this lock");
        if self.stop.is_up() {
            // What a thread had not come to is no answer.
            return None;
        }
        // Those before it were all run; of those after it some were, as threads had it.
        self.note(&candidates[..found.as_ref().map_or(candidates.len(), |(at, _)| *at)]);
        found
    }

    /// Whether it is known that a candidate is of no use.
    pub(super) fn is_known(&self, candidate: &Scenario) -> bool {
        self.known.contains(&digest(candidate))
    }

    /// These candidates are of no use, unless the work was stopped before they were looked at.
    pub(super) fn note(&mut self, candidates: &[Scenario]) {
        if !self.stop.is_up() {
            self.known.extend(candidates.iter().map(digest));
        }
    }

    /// How a scenario fails: with the seed of the best so far, or with one of a few others.
    fn fails(&self, best: &Failing, candidate: &Scenario) -> Option<Failing> {
        let others = if best.events <= SHORT { OTHER_SEEDS } else { 0 };
        let others = (1..=others).filter(|seed| *seed != best.seed);
        let until = best.virtual_time.saturating_mul(LONGER).saturating_add(AND_MORE);
        let events_max = best.events.saturating_mul(MORE_EVENTS).saturating_add(EVENTS_AND_MORE);
        std::iter::once(best.seed).chain(others).find_map(|seed| {
            self.runs.fetch_add(1, Ordering::Relaxed);
            let stop = Some(self.halt.clone());
            let (until, events_max) = (Some(until), Some(events_max));
            let options = RunOptions { until, events_max, stop, ..RunOptions::default() };
            self.run_as(candidate, seed, &options).map(|(failing, _)| failing)
        })
    }

    /// Runs a scenario; `None` if it does not fail as it should.
    pub(super) fn run(
        &self,
        scenario: &Scenario,
        seed: u64,
        until: Option<Nanos>,
        trace: Keep,
    ) -> Option<(Failing, RunReport)> {
        self.run_as(scenario, seed, &RunOptions { until, trace, ..RunOptions::default() })
    }

    fn run_as(
        &self,
        scenario: &Scenario,
        seed: u64,
        options: &RunOptions,
    ) -> Option<(Failing, RunReport)> {
        // Where Stormglass itself panics, it is another failure.
        let ran = run_once(self.engine, scenario, seed, options).ok()?;
        if ran.judgement.signature.as_ref() != Some(&self.signature) {
            return None;
        }
        let RunReport { ops, events, virtual_time, .. } = ran.report;
        let scenario = scenario.clone();
        Some((Failing { scenario, seed, ops, events, virtual_time }, ran.report))
    }
}

fn digest(scenario: &Scenario) -> u128 {
    let text = serde_json::to_string(scenario).expect("a scenario is plain JSON");
    xxhash_rust::xxh3::xxh3_128(text.as_bytes())
}
