//! The end of a run: faults stop, everything must heal, then the last freeze and the count of what is
//! left over.

use crate::base::Nanos;
use crate::base::history::VolumeState;
use crate::check::{Check, Leak, MemoryAtRest, Violation, guest_name, is_of_damage};
use crate::disk::control::Namespace;
use crate::scenario::NodeClass;
use crate::sim::LeakedCount;

use super::control;
use super::freeze;
use super::mounts::App;
use super::records::{Phase, PhaseBegan};
use super::report::{LivenessReport, Verdict};
use super::script::chosen;
use super::simulate::World;

/// Kinds of items that a client at rest has none of.
const NONE_AT_REST: [&str; 2] = ["io", "range lock"];
/// How long the control plane has at least, when everything else has healed, to have done what it was asked.
const CONTROL_PATIENCE: Nanos = Nanos::from_millis(500);
/// Kinds of items that an owner, a client or a target that cares for a volume, has while it has commands under way that no
/// application asked for: it reads a region in the background, or what the owner before it may have left different or half
/// done; it has everything flushed before it clears marks, which may be gone already, and before it gives the volume back.
const BY_ITSELF: [&str; 4] = ["scrub", "look at marks", "flush of what was marked", "last flush"];

impl World<'_> {
    /// Whether every application has issued all it is going to, and got its answers.
    pub(super) fn apps_are_over(&self) -> bool {
        self.stage.apps.iter().all(|app| app.progress.is_over())
    }

    pub(super) fn begin_settling(&mut self) {
        self.faults_allowed = false;
        self.settling_since = Some(self.stage.kernel.now());
        self.stage.kernel.emit(None, &PhaseBegan { phase: Phase::Settle });
        self.stop_faults();
    }

    /// Whether everything has healed.
    pub(super) fn is_settled(&self) -> bool {
        self.apps_are_over()
            && self.conditions.volumes.iter().all(|volume| volume.is_settled())
            && freeze::is_unmarked(&self.stage)
            && freeze::all_have_their_disks(&self.stage)
            && self.nobody_works_by_itself()
            && self.nobody_waits_for_a_lost_answer()
            && self.connectors_listen()
            && self.control_is_settled()
    }

    /// Whether applications that stood still until faults stopped, a while ago, get on with their work on volumes that are
    /// well, or have just come to its end, which others have work of. For as long as a run may take, once more.
    pub(super) fn gets_on(&self, settling_since: Nanos) -> bool {
        let (now, limits) = (self.stage.kernel.now(), &self.scenario.limits);
        self.conditions.volumes.iter().all(|volume| volume.is_settled())
            && now.saturating_sub(self.progress.1) <= limits.settle
            && now.saturating_sub(settling_since) <= limits.virtual_time
    }

    /// Whether no target still waits, with memory, for a completion that was lost or comes late.
    fn nobody_waits_for_a_lost_answer(&self) -> bool {
        !self.stage.disks.iter().any(Namespace::holds_answers)
    }

    /// Whether no connector fails to listen.
    fn connectors_listen(&self) -> bool {
        let all = self.stage.connectors.iter();
        all.flat_map(|it| (0..it.count()).map(move |at| it.is_failing(at))).all(|fails| !fails)
    }

    /// Whether the control plane has nothing under way, or has had its time: what is left then is for the checks to say.
    fn control_is_settled(&self) -> bool {
        let Some(truth) = control::truth(&self.stage) else { return true };
        let now = self.stage.kernel.now();
        let since = self.healed_since.get().unwrap_or(now);
        self.healed_since.set(Some(since));
        let console = self.stage.control.as_ref().map_or(0, |control| control.console.open());
        let is_pending = || self.watch.checkers.borrow().control_is_pending(&truth);
        // What a satellite failed to do it tries again on a schedule of its own: most of the time that there is.
        let patience = Nanos::new(self.scenario.limits.settle.get() / 4 * 3).max(CONTROL_PATIENCE);
        now.saturating_sub(since) > patience || (console == 0 && !is_pending())
    }

    /// Whether no owner happens to work by itself, with locks and memory, here and at targets: scrubbing goes on for as long
    /// as a volume is attached.
    fn nobody_works_by_itself(&self) -> bool {
        let nodes = self.stage.nodes.class(NodeClass::Node).into_iter();
        let mut open = nodes.flat_map(|node| self.stage.kernel.open_items(node));
        !open.any(|item| BY_ITSELF.contains(&item.what))
    }

    /// What has not healed in time.
    pub(super) fn unsettled(&self) -> LivenessReport {
        let kind = if self.conditions.volumes.iter().any(|v| v.state != VolumeState::Healthy) {
            "volume-never-healthy"
        } else if !self.apps_are_over() {
            "io-never-returned"
        } else if !self.connectors_listen() {
            "connector-never-up"
        } else {
            "never-at-rest"
        };
        let mut waiting = Vec::new();
        for (name, status) in self.stage.names.volumes.iter().zip(&self.conditions.volumes) {
            waiting.push(format!(
                "{name} is {}, epoch {} decided, {} granted, modes {:#b}",
                status.state, status.decided, status.granted, status.modes
            ));
        }
        if self.settling_since.is_none() {
            waiting.extend(self.script_waits());
        }
        let oldest =
            self.watch.checkers.borrow().longest_outstanding().map(crate::check::Operation::text);
        waiting
            .extend(oldest.map(|op| format!("the oldest operation that has not returned: {op}")));
        let tasks = self.stage.kernel.waiting_tasks();
        waiting.extend(tasks.iter().map(|task| task.line(&self.stage.names)));
        for dump in self.stage.kernel.dump_work() {
            waiting.push(format!("{} {dump}", self.stage.names.node(dump.node)));
        }
        LivenessReport { kind: kind.to_owned(), waiting }
    }

    /// The last checks of a run that has healed.
    pub(super) fn rest(&mut self) {
        let now = self.stage.kernel.now();
        self.stage.kernel.emit(None, &PhaseBegan { phase: Phase::Rest });
        let checks = chosen(&self.scenario.checks);
        {
            let mut checkers = self.watch.checkers.borrow_mut();
            let seen = (&self.stage, &self.budget.caches);
            freeze::show(seen, &mut checkers, now, &checks, true);
            checkers.finish(now);
            if let Some(truth) = control::truth(&self.stage) {
                checkers.control_at_rest(now, &truth, &self.stage.names);
            }
        }
        self.count_memory(now);
        self.count_leaks(now);
    }

    /// Shows the checkers every node's memory account.
    fn count_memory(&mut self, now: Nanos) {
        let nodes = self.stage.nodes.class(NodeClass::Node).into_iter().map(|node| {
            let account = self.stage.kernel.memory(node);
            let held = account.sites.into_iter().filter(|site| site.live > 0 && !site.reserves);
            MemoryAtRest {
                owner: self.stage.names.node(node),
                limit: account.limit,
                used: account.used,
                reserved: account.reserved,
                held: held.map(|site| (site.place, site.bytes)).collect(),
            }
        });
        let nodes: Vec<MemoryAtRest> = nodes.collect();
        self.watch.checkers.borrow_mut().memory_at_rest(now, &nodes);
    }

    fn count_leaks(&mut self, now: Nanos) {
        for node in self.stage.nodes.class(NodeClass::Client) {
            let open = self.stage.kernel.open_items(node);
            let left = open.into_iter().filter(|item| NONE_AT_REST.contains(&item.what));
            let owner = self.stage.names.node(node);
            self.leaks.extend(left.map(|item| leak(&owner, item)));
        }
        for node in self.stage.nodes.class(NodeClass::Node) {
            self.take_down(node);
            let count = self.stage.fabric.open_connections(node) as u64;
            if count > 0 {
                let owner = self.stage.names.node(node);
                let place = String::new();
                self.leaks.push(Leak { owner, what: "connection", count, bytes: 0, place });
            }
        }
        let leaks = std::mem::take(&mut self.leaks);
        self.watch.checkers.borrow_mut().leaked(now, &leaks);
    }

    /// Adds to what was found of programs on volumes what they say themselves.
    fn let_programs_speak(&self, violations: &mut [Violation]) {
        let is_damage = |it: &&mut Violation| it.check == Check::Guests && is_of_damage(it.kind);
        for violation in violations.iter_mut().filter(is_damage) {
            let is_it = |app: &&App| violation.component == guest_name(app.config.writer.into());
            let said = self.stage.apps.iter().find(is_it).and_then(|app| app.progress.said());
            violation.detail.extend(said.map(|words| format!("by its own words: {words}")));
        }
    }

    /// How the run ended, as far as is known now.
    pub(super) fn verdict(&mut self) -> Verdict {
        if let Some(crash) = self.stage.kernel.crash() {
            return Verdict::Crash(crash);
        }
        let mut violations = self.watch.checkers.borrow_mut().take_violations();
        if !violations.is_empty() {
            self.let_programs_speak(&mut violations);
            return Verdict::Violation(violations);
        }
        self.failure.take().unwrap_or(Verdict::Pass)
    }
}

/// What outlived its owner, as the checker of leaks is told.
pub(super) fn leak(owner: &str, item: LeakedCount) -> Leak {
    let LeakedCount { what, count, bytes, place, .. } = item;
    Leak { owner: owner.to_owned(), what, count, bytes, place }
}
