//! The order in which a failing scenario is made simpler, and when that is enough. Runs none itself.

use crate::base::Nanos;
use crate::scenario::{
    Effect, Entry, Inert, NanosRange, Scenario, Trigger, amounts, parse_with, removable, simpler,
    with_fewer_nodes, without,
};
use crate::world::Keep;

use super::concrete::concrete;
use super::ddmin::ddmin;
use super::judge::{Failing, Judge};
use super::lines;
use super::load::{fewer_operations, sooner};
use super::merge::merged;

/// A trace of more records than these is not kept.
const TRACED_MAX: u64 = 4_000_000;
/// A long recording is not taken apart line by line: into so many parts at most.
const LINE_PARTS_MAX: usize = 512;
/// Candidates that are tried at a time.
const LINE_CANDIDATES: usize = 8;
/// Rounds of everything, at most: each finds less than the one before.
const ROUNDS_MAX: usize = 4;

/// The best so far, and whoever is told of it.
pub(super) struct Reducer<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) best: Failing,
    /// Told at each step: what is being done, and how it stands.
    pub(super) watch: &'a mut dyn FnMut(&'static str, &Failing, u64),
    pub(super) step: &'static str,
}

impl Reducer<'_> {
    pub(super) fn reduce(&mut self) {
        self.allow_inert();
        self.during("operations", Self::drop_operations);
        self.during("firings", Self::make_concrete);
        for round in 0..ROUNDS_MAX {
            let before = self.best.scenario.clone();
            self.during("entries", Self::drop_entries);
            self.during("operations", Self::drop_operations);
            self.during("applications", Self::drop_applications);
            self.during("lines", Self::drop_lines);
            self.during("volumes", Self::drop_volumes);
            if round == 0 {
                self.during("defaults", Self::drop_keys);
            }
            self.during("nodes", |it| it.take_all(|best| with_fewer_nodes(&best.scenario)));
            self.during("times", |it| it.take_all(|best| sooner(&best.scenario)));
            self.during("amounts", Self::lessen_amounts);
            self.during("operations", Self::drop_operations);
            if self.best.scenario == before || self.judge.is_stopped() {
                break;
            }
        }
    }

    fn during(&mut self, step: &'static str, work: impl FnOnce(&mut Self)) {
        self.step = step;
        (self.watch)(step, &self.best, self.judge.runs());
        work(self);
    }

    /// Goes on with the first of the candidates that fails. Says which that was.
    fn try_all(&mut self, candidates: &[Scenario]) -> Option<usize> {
        let fresh = (0..candidates.len()).filter(|at| !self.judge.is_known(&candidates[*at]));
        let valid: Vec<(usize, Scenario)> =
            fresh.filter_map(|at| Some((at, checked(&candidates[at])?))).collect();
        let scenarios: Vec<Scenario> = valid.iter().map(|(_, it)| it.clone()).collect();
        let (step, best, watch) = (self.step, &self.best, &mut *self.watch);
        let found = self.judge.first(best, &scenarios, &mut |runs| watch(step, best, runs));
        let found = found.map(|(at, failing)| (valid[at].0, failing));
        // Those that stand before it are invalid or do not fail: neither is looked at again.
        let before = found.as_ref().map_or(candidates.len(), |(at, _)| *at);
        self.judge.note(&candidates[..before]);
        let (at, failing) = found?;
        self.best = failing;
        Some(at)
    }

    /// Goes on with candidates of the best for as long as one of them fails.
    fn take_all(&mut self, candidates: impl Fn(&Failing) -> Vec<Scenario>) {
        while self.try_all(&candidates(&self.best)).is_some() {}
    }

    /// What has been cut down need not land in every part.
    fn allow_inert(&mut self) {
        let scenario = Scenario { inert: Inert::Allowed, ..self.best.scenario.clone() };
        if scenario != self.best.scenario {
            self.try_all(&[scenario]);
        }
    }

    fn drop_operations(&mut self) {
        let may_be_slow = !self.judge.is_after_a_hang();
        self.take_all(|best| fewer_operations(best, may_be_slow));
    }

    /// Each firing becomes an entry.
    fn make_concrete(&mut self) {
        let is_concrete =
            |entry: &Entry| matches!(&entry.trigger, Trigger::At(at) if at.fixed().is_some());
        if self.best.events > TRACED_MAX || self.best.scenario.script.iter().all(is_concrete) {
            return;
        }
        let until = self.best.virtual_time.saturating_add(Nanos::new(1));
        let traced = self.judge.run(&self.best.scenario, self.best.seed, Some(until), Keep::All);
        if let Some((_, report)) = traced {
            let whole = concrete(&self.best.scenario, &report);
            let timed = times_only(&self.best.scenario, &whole);
            self.try_all(&[whole, timed]);
        }
    }

    fn drop_entries(&mut self) {
        let entries = self.best.scenario.script.clone();
        let base = self.best.scenario.clone();
        ddmin(&entries, &mut |candidates| {
            let scenarios = candidates.iter().map(|script| with_script(&base, script.clone()));
            self.try_all(&scenarios.collect::<Vec<_>>())
        });
        self.take_all(|best| merged(&best.scenario));
    }

    fn drop_applications(&mut self) {
        let apps = self.best.scenario.workload.clone();
        let base = self.best.scenario.clone();
        ddmin(&apps, &mut |candidates| {
            let scenarios = candidates
                .iter()
                .map(|workload| Scenario { workload: workload.clone(), ..base.clone() });
            self.try_all(&scenarios.collect::<Vec<_>>())
        });
    }

    /// Lines of what applications replay: large parts first, then smaller ones.
    fn drop_lines(&mut self) {
        for app in 0..self.best.scenario.workload.len() {
            let all = lines::count(&self.best.scenario.workload[app]);
            let mut part = all / 2;
            while part > all / LINE_PARTS_MAX {
                self.drop_parts_of_lines(app, part);
                part /= 2;
            }
        }
    }

    fn drop_parts_of_lines(&mut self, app: usize, part: usize) {
        let mut from = 0;
        while from < lines::count(&self.best.scenario.workload[app]) && !self.judge.is_stopped() {
            // An invalid one stands in as the scenario itself, which is known.
            let base = &self.best.scenario;
            let starts = (0..LINE_CANDIDATES).map(|step| from + step * part);
            let candidates = starts
                .map(|from| lines::without(base, app, from, part).unwrap_or_else(|| base.clone()));
            let candidates: Vec<Scenario> = candidates.collect();
            from += match self.try_all(&candidates) {
                Some(at) => at * part,
                None => LINE_CANDIDATES * part,
            };
        }
    }

    fn drop_volumes(&mut self) {
        self.take_all(|best| {
            let scenario = &best.scenario;
            let others = (0..scenario.volumes.len()).map(|gone| {
                let mut other = scenario.clone();
                let name = other.volumes.remove(gone).name;
                other.workload.retain(|app| app.volume() != name);
                other
            });
            others.collect()
        });
    }

    /// Defaults stand in for what is left out.
    fn drop_keys(&mut self) {
        let base = self.best.scenario.clone();
        let keys = removable(&base);
        ddmin(&keys, &mut |candidates| {
            // An invalid one stands in as the scenario itself, which is known.
            let scenarios = candidates.iter().map(|kept| {
                let gone: Vec<_> = keys.iter().filter(|key| !kept.contains(key)).cloned().collect();
                without(&base, &gone).unwrap_or_else(|| base.clone())
            });
            self.try_all(&scenarios.collect::<Vec<_>>())
        });
    }

    /// Smaller and plainer values, place by place.
    fn lessen_amounts(&mut self) {
        for place in amounts(&self.best.scenario) {
            while self.try_all(&simpler(&self.best.scenario, &place)).is_some() {}
            if self.judge.is_stopped() {
                return;
            }
        }
    }
}

fn with_script(scenario: &Scenario, script: Vec<Entry>) -> Scenario {
    Scenario { script, ..scenario.clone() }
}

/// The concrete times, with the selectors of the scenario.
fn times_only(scenario: &Scenario, concrete: &Scenario) -> Scenario {
    let mut other = concrete.clone();
    for entry in &mut other.script {
        let same = |it: &&Entry| match (&it.effect, &entry.effect) {
            (Effect::Do(a), Effect::Do(b)) => a.name() == b.name(),
            _ => false,
        };
        if let Some(own) = scenario.script.iter().find(same) {
            entry.effect = own.effect.clone();
        }
        if let Trigger::At(at) = &mut entry.trigger {
            *at = NanosRange::exactly(at.min);
        }
    }
    other
}

/// The scenario, if it is a valid one.
fn checked(scenario: &Scenario) -> Option<Scenario> {
    let text = serde_json::to_string(scenario).expect("a scenario is plain JSON");
    parse_with("candidate", &text, &scenario.words).ok()
}
