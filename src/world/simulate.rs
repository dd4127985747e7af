//! The main loop: one simulation from its scenario and seed to its verdict.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use crate::base::{DiskId, Names, Nanos, NodeId, met, plant};
use crate::check::{Check, Checkers, Leak, Measure};
use crate::node::control::CallId;
use crate::process::control::FaultId;
use crate::scenario::{self, NodeClass, Scenario};
use crate::sim::{Device, OwnerId, Rng, Turn, sealed, sealed_strictly, trespassed};

use super::budget::Budget;
use super::build::{Stage, stage};
use super::conditions::Conditions;
use super::control;
use super::honest::Honest;
use super::inject::Misdeed;
use super::limits;
use super::own::{self, Played};
use super::place::Laid;
use super::records::{Phase, PhaseBegan};
use super::report::{LivenessReport, RunOptions, RunReport, Verdict};
use super::script::{EntryState, Pending, chosen};
use super::settle;
use super::watch::Watch;

/// How often the world looks whether a phase is over.
const TICK: Nanos = Nanos::from_millis(1);

/// After so many turns, some milliseconds of work, the world looks whether it is to stop.
const TURNS_BETWEEN_LOOKS: u32 = 4_096;

/// What the world has itself woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// A script entry is due.
    Fire(u32),
    /// An action is to be undone.
    Undo(u32),
    /// An assertion has had its time.
    Deadline(u32),
    /// A rebooting node comes up.
    Boot(NodeId),
    /// Time to look round.
    Tick,
}

impl Alarm {
    const fn token(self) -> u64 {
        let (kind, which) = match self {
            Self::Fire(entry) => (0, entry),
            Self::Undo(slot) => (1, slot),
            Self::Deadline(entry) => (2, entry),
            Self::Boot(node) => (3, node.get()),
            Self::Tick => (4, 0),
        };
        kind << 32 | which as u64
    }

    const fn from_token(token: u64) -> Self {
        let which = token as u32;
        match token >> 32 {
            0 => Self::Fire(which),
            1 => Self::Undo(which),
            2 => Self::Deadline(which),
            3 => Self::Boot(NodeId::new(which)),
            _ => Self::Tick,
        }
    }
}

/// The world as a device of the kernel: collects its alarms for the main loop.
struct AlarmClock {
    due: RefCell<Vec<Alarm>>,
    watch: Rc<Watch>,
}

impl Device for AlarmClock {
    fn fire(&self, token: u64) {
        self.due.borrow_mut().push(Alarm::from_token(token));
        self.watch.attention.set(true);
    }
}

/// One simulation under way.
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) stage: Stage,
    pub(super) watch: Rc<Watch>,
    pub(super) conditions: Conditions,
    pub(super) budget: Budget,
    /// Draws times and `any:` selectors of the script.
    pub(super) rng: Rng,
    pub(super) entries: Vec<EntryState>,
    pub(super) pending: Vec<Option<Pending>>,
    /// Faults that were applied and had something to act on.
    pub(super) faults: u64,
    pub(super) faults_allowed: bool,
    pub(super) settling_since: Option<Nanos>,
    pub(super) leaks: Vec<Leak>,
    pub(super) failure: Option<Verdict>,
    clock: Rc<AlarmClock>,
    owner: OwnerId,
    reboots: u64,
    /// Clients whose applications are paused.
    pub(super) paused_apps: Vec<NodeId>,
    /// How many of the manager's words that a fault had held back have gone out and arrived.
    released: u64,
    /// Disks that are in each other's place.
    pub(super) swapped: Vec<(DiskId, DiskId)>,
    /// Nodes that are to boot by themselves, and when.
    booting: Vec<(NodeId, Nanos)>,
    /// Entries that took memory away: the node, and how many requests it had refused before.
    pub(super) shortages: Vec<(u32, NodeId, u64)>,
    /// Entries that have the manager do wrong once it gets the chance.
    pub(super) misdeeds: Vec<(u32, Misdeed)>,
    /// Entries that have commits of the database fail: how many had failed before.
    pub(super) failing_commits: Vec<(u32, u64)>,
    /// Faults of external programs that entries set: nothing has met them before something does.
    pub(super) program_faults: Vec<(u32, NodeId, FaultId)>,
    /// The calls that entries made.
    pub(super) api_calls: Vec<(CallId, u32)>,
    /// Since when nothing but the control plane has anything under way, at the end.
    pub(super) healed_since: Cell<Option<Nanos>>,
    /// What the program's own actions and conditions have and left.
    pub(super) own: Played,
    /// Operations acknowledged when last looked at, and since when that number stands.
    pub(super) progress: (u64, Nanos),
}

/// Runs one simulation on a fresh, sealed thread.
///
/// The report depends on the scenario and the seed alone; of the options, `until`, `events_max`,
/// `stop_at_failure` and `stop` may end it earlier.
///
/// # Panics
/// When the host cannot start a thread, or on a defect of the simulator itself. A panic in node code
/// is a verdict.
#[must_use]
pub fn simulate(scenario: &Scenario, seed: u64, options: &RunOptions) -> RunReport {
    let run = || {
        plant(scenario.plant.iter().copied());
        let mut world = World::new(scenario, seed, options);
        world.run(options);
        world.report(seed)
    };
    if !options.strict {
        return sealed(seed, run);
    }
    let (mut report, trespass) = sealed_strictly(seed, run);
    if let Some(trespass) = trespass {
        report.verdict = Verdict::Nondeterminism(trespass);
    }
    report
}

impl<'a> World<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64, options: &RunOptions) -> Self {
        let stage = stage(scenario, seed, options);
        stage.kernel.keep_trace(options.trace);
        let checks = chosen(&scenario.checks);
        let mut checkers = Checkers::new(&checks);
        if scenario.budget == scenario::Budget::Survivable && checks.contains(&Check::Durable) {
            checkers.add(Box::new(Honest::default()));
        }
        if checks.contains(&Check::Own) {
            own::checkers(scenario).for_each(|checker| checkers.add(checker));
        }
        if scenario.cluster.disk.volatile_cache {
            checkers.expect_volatile_caches();
        }
        for volume in &stage.map.volumes {
            checkers.expect_places(volume.id, Box::new(Laid(volume.layout.clone())));
        }
        checkers.expect_limits(limits::limits(&stage));
        if let Some(control) = &stage.map.control {
            checkers.expect_program_box(control.satellites.box_of_time());
        }
        let watch = Watch::new(&stage.kernel, checkers, options.at_failure);
        stage.kernel.tell_of_panics(options.at_failure);
        let clock = Rc::new(AlarmClock { due: RefCell::default(), watch: watch.clone() });
        let owner = stage.kernel.attach(clock.clone());
        let rng = stage.kernel.stream("world.script");
        Self {
            conditions: Conditions::new(scenario),
            budget: Budget::new(scenario.budget),
            entries: vec![EntryState::default(); scenario.script.len()],
            pending: Vec::new(),
            faults: 0,
            faults_allowed: true,
            settling_since: None,
            leaks: Vec::new(),
            failure: None,
            reboots: 0,
            paused_apps: Vec::new(),
            released: 0,
            swapped: Vec::new(),
            booting: Vec::new(),
            shortages: Vec::new(),
            misdeeds: Vec::new(),
            failing_commits: Vec::new(),
            program_faults: Vec::new(),
            api_calls: Vec::new(),
            healed_since: Cell::new(None),
            own: Played::new(scenario),
            progress: (0, Nanos::ZERO),
            scenario,
            stage,
            watch,
            rng,
            clock,
            owner,
        }
    }

    /// Has itself woken after a span of virtual time.
    pub(super) fn alarm_in(&self, span: Nanos, alarm: Alarm) {
        let at = self.stage.kernel.now().saturating_add(span);
        self.stage.kernel.schedule(at, self.owner, alarm.token());
    }

    /// Notes how the run failed; the first failure stands.
    pub(super) fn fail(&mut self, verdict: Verdict) {
        if self.failure.is_none() {
            self.watch.tell_failure(|| verdict.headline());
        }
        self.failure.get_or_insert(verdict);
    }

    fn run(&mut self, options: &RunOptions) {
        self.begin();
        let until = options.until.unwrap_or(Nanos::MAX);
        let events_max = options.events_max.unwrap_or(u64::MAX);
        loop {
            for _ in 0..TURNS_BETWEEN_LOOKS {
                let over = self.step(options.stop_at_failure);
                if over || self.stage.kernel.now() > until {
                    return;
                }
            }
            if self.stage.kernel.records() >= events_max {
                return;
            }
            let stop = options.stop.as_ref();
            if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) || trespassed() {
                return self.fail(Verdict::Stopped);
            }
        }
    }

    /// Switches the cluster on.
    pub(super) fn begin(&mut self) {
        let kernel = self.stage.kernel.clone();
        kernel.emit(None, &PhaseBegan { phase: Phase::Safety });
        let classes =
            [NodeClass::Database, NodeClass::Manager, NodeClass::Target, NodeClass::Client];
        for class in classes {
            for node in self.stage.nodes.class(class) {
                kernel.boot(node);
            }
        }
        if let Some(control) = &self.stage.control {
            kernel.boot(control.admin);
        }
        self.start_script();
        self.alarm_in(TICK, Alarm::Tick);
    }

    /// One turn of the kernel, and what the world has to do after it. Says whether the run is over.
    #[inline]
    pub(super) fn step(&mut self, stop_at_failure: bool) -> bool {
        let turn = self.stage.kernel.turn();
        if turn != Turn::Ran {
            self.note_end(turn);
            return true;
        }
        self.watch.attention.replace(false) && self.attend(stop_at_failure)
    }

    /// The kernel has nothing more to do, or cannot go on.
    #[cold]
    fn note_end(&mut self, turn: Turn) {
        let kind = match turn {
            Turn::Ran | Turn::Crashed => return,
            Turn::Misfit => {
                let misfit = self.stage.kernel.misfit().expect("a misfit is described");
                return self.fail(Verdict::Misfit(misfit.to_string()));
            }
            Turn::Idle => "nothing-left-to-do",
            Turn::Stuck => "polls-forever",
        };
        let report = LivenessReport { kind: kind.to_owned(), ..self.unsettled() };
        self.fail(Verdict::Liveness(report));
    }

    /// Looks at what has happened. Says whether the run is over.
    fn attend(&mut self, stop_at_failure: bool) -> bool {
        self.watch.show_reads(&self.stage.kernel);
        let records = self.watch.take_inbox();
        self.take_records(&records);
        let due = std::mem::take(&mut *self.clock.due.borrow_mut());
        let mut over = false;
        for alarm in due {
            match alarm {
                Alarm::Fire(entry) => self.fire(entry),
                Alarm::Undo(slot) => self.undo_pending(slot),
                Alarm::Deadline(entry) => self.deadline(entry),
                Alarm::Boot(node) => self.boot_is_due(node),
                Alarm::Tick => over |= self.tick(),
            }
        }
        let violated = !self.watch.checkers.borrow().violations().is_empty();
        over || (stop_at_failure && (violated || self.failure.is_some()))
    }

    /// Moves from one phase to the next. Says whether the run is over.
    fn tick(&mut self) -> bool {
        self.alarm_in(TICK, Alarm::Tick);
        let now = self.stage.kernel.now();
        let messages = self.count_messages();
        self.watch.checkers.borrow_mut().measured(now, messages);
        let limits = &self.scenario.limits;
        let acked = self.watch.acked.get();
        if acked != self.progress.0 {
            self.progress = (acked, now);
        }
        match self.settling_since {
            None => {
                let played = self.script_is_played();
                let stalled = now.saturating_sub(self.progress.1) > limits.settle;
                let idle = self.apps_are_over() || stalled;
                if played && idle {
                    self.begin_settling();
                } else if now > limits.virtual_time && self.rest_may_never_fire() && idle {
                    // Nothing hangs: what is left of the script waits for what does not come.
                    self.begin_settling();
                } else if now > limits.virtual_time {
                    let kind = "virtual-time-spent".to_owned();
                    self.fail(Verdict::Liveness(LivenessReport { kind, ..self.unsettled() }));
                    return true;
                }
                false
            }
            Some(_) if self.is_settled() => {
                self.rest();
                let inert = self.inert_entries();
                if !inert.is_empty() && self.scenario.inert == scenario::Inert::Failure {
                    self.fail(Verdict::Inert(inert));
                }
                true
            }
            Some(since) if now.saturating_sub(since) > limits.settle && !self.gets_on(since) => {
                let report = self.unsettled();
                self.fail(Verdict::Liveness(report));
                true
            }
            Some(_) => false,
        }
    }

    /// Takes a node down; what outlives it is a leak.
    pub(super) fn take_down(&mut self, node: NodeId) {
        self.budget.paused.retain(|paused| *paused != node);
        self.budget.troubled_cpus.retain(|(troubled, _)| *troubled != node);
        self.booting.retain(|(booting, _)| *booting != node);
        self.stage.mounts.forget(node);
        let left = self.stage.kernel.kill(node);
        let owner = self.stage.names.node(node);
        self.leaks.extend(left.into_iter().map(|item| settle::leak(&owner, item)));
    }

    pub(super) fn bring_up(&mut self, node: NodeId) {
        self.note_trouble(&[node]);
        self.booting.retain(|(booting, _)| *booting != node);
        self.stage.kernel.boot(node);
    }

    /// Lets a node that went down boot after a time, unless something else boots it first.
    pub(super) fn boot_after(&mut self, node: NodeId, downtime: Nanos) {
        self.booting.push((node, self.stage.kernel.now().saturating_add(downtime)));
        self.alarm_in(downtime, Alarm::Boot(node));
    }

    fn boot_is_due(&mut self, node: NodeId) {
        // An alarm of a boot that came otherwise, or of an earlier time down, is over.
        if self.booting.contains(&(node, self.stage.kernel.now())) {
            self.bring_up(node);
            self.reboots += 1;
        }
    }

    /// How many messages are on their way. What a fault has held back of the manager's words goes out all at once, and twice
    /// if so wanted: until that has arrived it is the fault that sends so much, and no node.
    fn count_messages(&mut self) -> Measure {
        let (door, mut messages) = (&self.stage.manager_door, limits::messages(&self.stage));
        match messages.found <= messages.limit && !door.is_in_force() {
            true => self.released = door.held_back(),
            false => messages.limit += 2 * (door.held_back() - self.released),
        }
        messages
    }

    fn report(&mut self, seed: u64) -> RunReport {
        let verdict = self.verdict();
        let kernel = self.stage.kernel.clone();
        let failed = !matches!(verdict, Verdict::Pass);
        let report = RunReport {
            scenario: self.scenario.name.clone(),
            seed,
            verdict,
            digest: kernel.digest(),
            checkpoints: kernel.checkpoints(),
            virtual_time: kernel.now(),
            ops: self.stage.ops.count(),
            reboots: self.reboots,
            faults: self.faults,
            events: kernel.records(),
            trace: kernel.take_trace(),
            names: Names { sites: kernel.sites(), ..self.stage.names.clone() },
            last_events: if failed { kernel.recent_records() } else { Vec::new() },
            probes: kernel.reached(),
            schedule: kernel.recorded_schedule(),
            errors: control::errors(&self.stage),
            met: met(),
        };
        kernel.dismantle();
        report
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{RunOptions, simulate};

    /// Unit tests may be built otherwise than the rest: without optimisation, for one.
    #[test]
    fn digests_are_the_pinned_ones_in_this_build_too() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let pinned = include_str!("../../tests/snapshots/determinism__digests.snap");
        for file in ["raid1/client-reboot-mid-write.json", "manager/manager-reboots.json"] {
            let scenario = crate::scenario::load(&root.join("scenarios").join(file));
            let scenario = scenario.unwrap_or_else(|error| panic!("{error}"));
            let digest = simulate(&scenario, 42, &RunOptions::default()).digest;
            let line = format!("{} {digest:032x}", scenario.name);
            assert!(pinned.lines().any(|it| it == line), "{line} is not in {pinned}");
        }
    }
}
