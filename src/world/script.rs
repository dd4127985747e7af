//! Plays a scenario's script: which entry is due, what it does, whether it ever did anything.

use crate::base::control::ApiAnswered;
use crate::base::history::FenceRaised;
use crate::base::protocol::Elected;
use crate::base::{Nanos, Record, record_code};
use crate::check::Check;
use crate::scenario::{CheckName, Condition, Effect, NodeState, Trigger};

use super::conditions::Conditions;
use super::freeze;
use super::inject::{Applied, Undo};
use super::records::{ExpectationFailed, Frozen};
use super::report::{LivenessReport, Verdict};
use super::simulate::{Alarm, World};

/// An entry that the budget withholds is tried again after this time.
const RETRY: Nanos = Nanos::from_micros(200);

/// How an entry has fared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EntryState {
    /// Firings.
    fired: u64,
    /// Firings that acted on something.
    landed: u64,
    /// How often its condition came to hold.
    came_true: u32,
    /// It fires no more.
    done: bool,
    /// How often the event happened that it asserts.
    seen: u64,
    /// How often it has to have happened.
    wanted: u64,
    /// It asserts a condition that has until then to come true.
    deadline: Option<Nanos>,
}

impl EntryState {
    /// Firings so far, and how many of them had something to act on.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.fired, self.landed)
    }
}

/// An action to be taken back.
pub(super) struct Pending {
    entry: u32,
    undo: Undo,
}

impl World<'_> {
    /// Sets the script going.
    pub(super) fn start_script(&mut self) {
        for at in 0..self.scenario.script.len() {
            if let Effect::Expect { condition: Condition::Event { event, .. }, .. } =
                &self.scenario.script[at].effect
            {
                self.watch.want(&self.stage.kernel, record_code(event));
            }
            match self.scenario.script[at].trigger.clone() {
                Trigger::At(range) => {
                    let when = self.draw(range);
                    self.alarm_in(when, Alarm::Fire(at as u32));
                }
                Trigger::Every { interval, from, .. } => {
                    let when = from.saturating_add(self.draw(interval));
                    self.alarm_in(when, Alarm::Fire(at as u32));
                }
                Trigger::When { condition: Condition::Event { event, .. }, .. } => {
                    self.watch.want(&self.stage.kernel, record_code(&event));
                }
                Trigger::After(_) | Trigger::When { .. } => {}
            }
        }
        self.want_acked();
        self.start_own();
    }

    /// Has the main loop look when the next awaited number of operations is acknowledged.
    fn want_acked(&self) {
        let acked = self.watch.acked.get();
        let wanted = self.scenario.script.iter().filter_map(|entry| {
            let awaited = match &entry.trigger {
                Trigger::When { condition: Condition::Acked(wanted), .. } => Some(*wanted),
                _ => None,
            };
            awaited.filter(|wanted| *wanted > acked)
        });
        self.watch.acked_wanted.set(wanted.min().unwrap_or(u64::MAX));
    }

    /// Looks at what the records told: fires entries whose conditions came to hold.
    pub(super) fn take_records(&mut self, records: &[Record]) {
        for record in records {
            self.own.observe(record);
            let change = self.conditions.note(record, self.stage.manager());
            if let Some((volume, before)) = change.modes {
                let now = self.conditions.volumes[volume].modes;
                self.budget.caches.note_modes(volume, before, now);
            }
            if let Some(FenceRaised { volume, leg, .. }) = record.get() {
                self.budget.caches.note_registered(&self.stage, volume.index(), leg);
            }
            let is_alone = self.stage.map.managers.len() == 1;
            if is_alone && change.node == Some((self.stage.manager(), NodeState::Down)) {
                self.conditions.recall(&self.stage);
            }
            if let Some(Elected { manager, place, .. }) = record.get()
                && self.stage.takes_over(manager, place)
            {
                self.conditions.recall(&self.stage);
            }
            self.count_expected(record);
            if let Some(answered) = record.get::<ApiAnswered>() {
                self.api_answered(&answered);
            }
            for at in 0..self.scenario.script.len() {
                let Trigger::When { condition, nth } = &self.scenario.script[at].trigger else {
                    continue;
                };
                let place = (self.scenario, &self.stage);
                if !self.entries[at].done
                    && Conditions::came_true(condition, record, &change, place)
                {
                    self.entries[at].came_true += 1;
                    if self.entries[at].came_true == *nth {
                        self.fire(at as u32);
                    }
                }
            }
        }
        self.look_at_acked();
        self.look_at_own();
        self.look_at_expectations();
    }

    /// Fires entries that wait for conditions of the program's own which have come to hold.
    fn look_at_own(&mut self) {
        for at in self.own_came_true() {
            let Trigger::When { nth, .. } = &self.scenario.script[at].trigger else { continue };
            let state = &mut self.entries[at];
            state.came_true += 1;
            if !state.done && state.came_true == *nth {
                self.fire(at as u32);
            }
        }
    }

    /// Notes an event that an entry asserts.
    fn count_expected(&mut self, record: &Record) {
        for (entry, state) in self.scenario.script.iter().zip(&mut self.entries) {
            if let Effect::Expect { condition: condition @ Condition::Event { .. }, .. } =
                &entry.effect
            {
                let is_it = Conditions::is_event(condition, record, &self.stage);
                state.seen += u64::from(is_it);
            }
        }
    }

    fn look_at_acked(&mut self) {
        if self.watch.acked.get() < self.watch.acked_wanted.get() {
            return;
        }
        for at in 0..self.scenario.script.len() {
            if let Trigger::When { condition: Condition::Acked(wanted), .. } =
                self.scenario.script[at].trigger
                && !self.entries[at].done
                && self.watch.acked.get() >= wanted
            {
                self.fire(at as u32);
            }
        }
        self.want_acked();
    }

    fn look_at_expectations(&mut self) {
        for at in 0..self.scenario.script.len() {
            if self.entries[at].deadline.is_some() && self.expectation_holds(at) {
                self.entries[at].deadline = None;
            }
        }
    }

    fn expectation_holds(&self, at: usize) -> bool {
        let Effect::Expect { condition, .. } = &self.scenario.script[at].effect else {
            return true;
        };
        if matches!(condition, Condition::Event { .. }) {
            return self.entries[at].seen >= self.entries[at].wanted;
        }
        if matches!(condition, Condition::Own(_)) {
            return self.own_holds(at);
        }
        self.conditions.holds(condition, (self.scenario, &self.stage, &self.watch))
    }

    /// An entry's time has come.
    pub(super) fn fire(&mut self, entry: u32) {
        let at = entry as usize;
        let script = &self.scenario.script;
        if self.entries[at].done || self.is_over(at) {
            // Its last interval ended after its time.
            self.entries[at].done = true;
            return;
        }
        let landed = match &script[at].effect {
            Effect::Do(action) => match self.apply(entry, action) {
                Applied::Landed(undos) => {
                    self.faults += 1;
                    self.put_off(entry, undos);
                    true
                }
                Applied::Nothing => false,
                Applied::Withheld => {
                    let once = !matches!(script[at].trigger, Trigger::Every { .. });
                    if once && !self.is_hopeless() {
                        self.alarm_in(RETRY, Alarm::Fire(entry));
                        return;
                    }
                    false
                }
            },
            Effect::Freeze(checks) => {
                self.freeze(entry, checks);
                true
            }
            Effect::Expect { within, .. } => {
                self.expect(entry, *within);
                true
            }
        };
        self.fired(at, landed);
    }

    /// Whether the last IO was so long ago that nothing is left that could make an action land.
    fn is_hopeless(&self) -> bool {
        let idle = self.stage.kernel.now().saturating_sub(self.progress.1);
        idle > self.scenario.limits.settle
    }

    /// Whether an `every` entry has had its time or its number of firings, or faults have stopped.
    fn is_over(&self, at: usize) -> bool {
        let script = &self.scenario.script[at];
        match &script.trigger {
            Trigger::Every { until, times, .. } => {
                let now = self.stage.kernel.now();
                let late = until.is_some_and(|until| now > until);
                let enough = times
                    .is_some_and(|times| self.entries[at].landed >= times || self.is_hopeless());
                late || enough || !self.faults_allowed
            }
            _ => !self.faults_allowed && matches!(script.effect, Effect::Do(_)),
        }
    }

    fn fired(&mut self, at: usize, landed: bool) {
        let state = &mut self.entries[at];
        state.fired += 1;
        state.landed += u64::from(landed);
        let first = state.fired == 1;
        match &self.scenario.script[at].trigger {
            Trigger::Every { interval, .. } => {
                let next = self.draw(*interval);
                self.alarm_in(next, Alarm::Fire(at as u32));
                self.entries[at].done = self.is_over(at);
            }
            _ => self.entries[at].done = true,
        }
        if first
            && let Some(next) = self.scenario.script.get(at + 1)
            && let Trigger::After(range) = next.trigger
        {
            let pause = self.draw(range);
            self.alarm_in(pause, Alarm::Fire(at as u32 + 1));
        }
    }

    fn put_off(&mut self, entry: u32, undos: Vec<Undo>) {
        let Some(range) = self.scenario.script[entry as usize].undo_after else { return };
        for undo in undos {
            let after = self.draw(range);
            self.pending.push(Some(Pending { entry, undo }));
            self.alarm_in(after, Alarm::Undo(self.pending.len() as u32 - 1));
        }
    }

    /// Takes back what an earlier firing did.
    pub(super) fn undo_pending(&mut self, slot: u32) {
        if let Some(pending) = self.pending[slot as usize].take()
            && self.faults_allowed
        {
            self.undo(pending.entry, pending.undo);
        }
    }

    fn freeze(&mut self, entry: u32, checks: &[CheckName]) {
        self.stage.kernel.emit(None, &Frozen { entry });
        let now = self.stage.kernel.now();
        let mut checkers = self.watch.checkers.borrow_mut();
        let seen = (&self.stage, &self.budget.caches);
        freeze::show(seen, &mut checkers, now, &chosen(checks), false);
    }

    fn expect(&mut self, entry: u32, within: Option<Nanos>) {
        let state = &mut self.entries[entry as usize];
        // What happened before counts only for an assertion of this very moment.
        state.wanted = if within.is_some() { state.seen + 1 } else { 1 };
        if self.expectation_holds(entry as usize) {
            return;
        }
        let within = within.unwrap_or(Nanos::ZERO);
        self.entries[entry as usize].deadline = Some(self.stage.kernel.now() + within);
        self.alarm_in(within, Alarm::Deadline(entry));
    }

    /// An assertion had until now to come true.
    pub(super) fn deadline(&mut self, entry: u32) {
        let at = entry as usize;
        if self.entries[at].deadline.take().is_none() || self.expectation_holds(at) {
            return;
        }
        self.stage.kernel.emit(None, &ExpectationFailed { entry });
        let report = LivenessReport {
            kind: "expectation-failed".to_owned(),
            waiting: vec![format!("script[{at}]: what it expects did not come to hold in time")],
        };
        self.fail(Verdict::Liveness(report));
    }

    /// Whether entries bound to time have all had their turn.
    pub(super) fn script_is_played(&self) -> bool {
        self.is_played(false)
    }

    /// The same, but for entries that come after one that need never fire.
    pub(super) fn rest_may_never_fire(&self) -> bool {
        self.is_played(true)
    }

    fn is_played(&self, but_for_uncertain: bool) -> bool {
        self.unplayed(but_for_uncertain).next().is_none()
    }

    /// The entries that have not had all their turns.
    fn unplayed(&self, but_for_uncertain: bool) -> impl Iterator<Item = usize> + '_ {
        let mut uncertain = false;
        let entries = self.scenario.script.iter().zip(&self.entries).enumerate();
        let unplayed = entries.filter(move |(_, (entry, state))| {
            let endless = match &entry.trigger {
                Trigger::Every { until, times, .. } => until.is_none() && times.is_none(),
                Trigger::When { .. } => true,
                Trigger::After(_) => but_for_uncertain && uncertain,
                Trigger::At(_) => false,
            };
            uncertain = endless && state.fired == 0;
            !(endless || state.done) || state.deadline.is_some()
        });
        unplayed.map(|(at, _)| at)
    }

    /// What the script still has to do, for the report of a hang.
    pub(super) fn script_waits(&self) -> impl Iterator<Item = String> + '_ {
        self.unplayed(true).map(|at| {
            let (entry, state) = (&self.scenario.script[at], &self.entries[at]);
            let what = match &entry.effect {
                Effect::Do(action) => action.name(),
                Effect::Freeze(_) => "freeze",
                Effect::Expect { .. } => "expect",
            };
            match &entry.trigger {
                Trigger::Every { times: Some(times), .. } => {
                    format!("script[{at}] {what} has landed {} of {times} times", state.landed)
                }
                _ => format!("script[{at}] {what} has not had its turn"),
            }
        })
    }

    /// Entries that never fired, never had anything to act on, or whose faults nothing ever met.
    pub(super) fn inert_entries(&self) -> Vec<String> {
        let entries = self.scenario.script.iter().zip(&self.entries).enumerate();
        let unmet = |at: usize| self.watch.unmet_by(at as u32);
        let inert = entries.filter(|(at, (_, state))| {
            let at = *at;
            state.landed == 0
                || unmet(at).is_some()
                || self.is_unmissed(at as u32)
                || self.is_uncommitted(at as u32)
                || self.never_done(at as u32).is_some()
                || self.is_unmet_by_programs(at as u32)
        });
        let described = inert.map(|(at, (entry, state))| {
            let what = match &entry.effect {
                Effect::Do(action) => action.name(),
                Effect::Freeze(_) => "freeze",
                Effect::Expect { .. } => "expect",
            };
            let why = match (state.fired, state.landed) {
                (0, _) => "never fired".to_owned(),
                (_, 0) => "had nothing to act on".to_owned(),
                _ if self.is_unmissed(at as u32) => "took memory that nobody missed".to_owned(),
                _ if self.is_uncommitted(at as u32) => "was met by no commit".to_owned(),
                _ if self.is_unmet_by_programs(at as u32) => "was met by no program".to_owned(),
                _ => {
                    let unmet = unmet(at).or_else(|| self.never_done(at as u32));
                    format!("was met by no {}", unmet.unwrap_or("event"))
                }
            };
            format!("script[{at}] {what} {why}")
        });
        described.chain(self.stage.kernel.idle_schedule()).collect()
    }
}

/// The checks that names of the format stand for.
pub(super) fn chosen(names: &[CheckName]) -> Vec<Check> {
    let all = Check::ALL.iter().copied();
    let named = |check: &Check| {
        names.iter().any(|name| *name == CheckName::All || name.name() == check.name())
    };
    all.filter(named).collect()
}
