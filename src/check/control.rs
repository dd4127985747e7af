//! What is wanted is stored, and what is stored is what everybody has, on their machines, too; every call is answered, and
//! every error has one report; external programs are bounded in time and output. Knows no object of the configuration: it
//! compares versions, fingerprints and what it is shown of machines.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::control::{
    ApiAnswered, ApiCalled, ApiRequest, ControllerDeploys, ControllerDeposed, ControllerHolds,
    DatabaseClaimed, DatabaseCommitted, ErrorLogged, ErrorReported, ProgramBegun, ProgramOver,
    ResourceFailed, StreamLost, TargetSynced,
};
use crate::base::history::NodeDown;
use crate::base::protocol::Resigned;
use crate::base::{Names, Nanos, NodeId, Record};

use super::name::Check;
use super::violation::Violation;

/// So many differences of one kind are told.
const TOLD_MAX: usize = 8;
/// More of what an external program writes is not to be in anybody's memory.
const OUTPUT_MAX: u64 = 4 << 20;
/// Where one of these records is written, somebody stood still: how long a program was waited for says nothing then.
const STANDSTILLS: [&str; 4] = ["node.paused", "cpu.stop", "cpu.slow", "node.fire_timers"];

/// A configuration: its version, and what tells it from others.
type Known = (u64, u64);

/// What the database's disk truly holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// This version, with this fingerprint.
    Holds(u64, u64),
    /// Nothing that could be read: why.
    Damaged(String),
}

/// What a machine is to have, and truly has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnMachine {
    /// The volumes that are to be there by what is stored, with what there is to say of each.
    pub wanted: BTreeMap<String, String>,
    /// Those that are.
    pub there: BTreeMap<String, String>,
    /// Processes that are over, and that nobody has waited for.
    pub unreaped: Vec<String>,
}

/// What is true when everything is at rest, whatever anybody says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// What the database's disk holds.
    pub stored: Stored,
    /// The machines with satellites.
    pub machines: Vec<(NodeId, OnMachine)>,
}

/// The checker of the control plane.
#[derive(Clone, Debug, Default)]
pub struct Control {
    calls: BTreeMap<u64, ApiRequest>,
    answered: BTreeSet<u64>,
    /// The newest version that is durable.
    committed: u64,
    /// The last term whose controller has claimed the database.
    claimed: u64,
    /// What controllers have in their memory, by node. More than one, where one does not know yet that another took over.
    held: BTreeMap<NodeId, Known>,
    /// Whether any controller has ever had anything.
    has_held: bool,
    wanted: BTreeMap<NodeId, Known>,
    synced: BTreeMap<NodeId, Known>,
    /// By the node that they are of, and their number there.
    reported: BTreeSet<ErrorAt>,
    logged: BTreeSet<ErrorAt>,
    /// Reports whose program died before it could log them.
    excused: BTreeSet<ErrorAt>,
    /// In this life of each node with a satellite: what has failed, and what was reported.
    failures: BTreeMap<NodeId, u32>,
    reports: BTreeMap<NodeId, u32>,
    /// External programs that somebody waits for, and since when.
    running: BTreeMap<(NodeId, u32), Nanos>,
    /// How long they may be waited for.
    program_box: Option<Nanos>,
    found: Vec<Violation>,
}

/// An error, by the node that it is of and its number there.
type ErrorAt = (Option<NodeId>, u32);

/// Something that is not as it is to be.
struct Difference {
    kind: &'static str,
    found: String,
    expected: String,
}

impl Control {
    /// Takes in a record.
    pub(super) fn observe(&mut self, record: &Record) {
        if let Some(ApiCalled { call, request }) = record.get() {
            self.calls.insert(call, request);
        } else if let Some(answered) = record.get::<ApiAnswered>() {
            self.answered(record, answered);
        } else if let Some(ControllerHolds { version, fingerprint, loaded }) = record.get() {
            self.holds(record, (version, fingerprint), loaded);
        } else if let Some(ControllerDeploys { target, version, fingerprint }) = record.get() {
            // What one says that another has taken over from may be older.
            if self.wanted.get(&target).is_none_or(|known| known.0 <= version) {
                self.wanted.insert(target, (version, fingerprint));
            }
        } else if let Some(TargetSynced { version, fingerprint }) = record.get() {
            self.synced.extend(record.node.map(|node| (node, (version, fingerprint))));
        } else if let Some(DatabaseCommitted { version, term }) = record.get() {
            self.committed = self.committed.max(version);
            self.written(record, term);
        } else if let Some(DatabaseClaimed { term }) = record.get() {
            self.written(record, term);
        } else if let Some(Resigned { manager, .. }) = record.get() {
            self.held.remove(&manager);
        } else if record.get::<ControllerDeposed>().is_some() {
            self.held.retain(|node, _| Some(*node) != record.node);
        } else if let Some(ErrorReported { error }) = record.get() {
            record.node.into_iter().for_each(|node| *self.reports.entry(node).or_default() += 1);
            if !self.reported.insert((record.node, error)) {
                let found = format!("a second report of error {error}");
                self.report(record.at, "error-reported-twice", found, "one report for each error");
            }
        } else if let Some(ErrorLogged { error }) = record.get() {
            self.logged(record, error);
        } else if record.get::<ResourceFailed>().is_some() || record.get::<StreamLost>().is_some() {
            record.node.into_iter().for_each(|node| *self.failures.entry(node).or_default() += 1);
        } else if let Some(NodeDown { node, .. }) = record.get() {
            self.node_down(node);
        } else {
            self.observe_program(record);
        }
    }

    /// The controller of this term has changed what is stored.
    fn written(&mut self, record: &Record, term: u64) {
        if term < self.claimed {
            let found = format!("the controller of term {term} changed what is stored");
            let expected =
                format!("only that of term {} to do so, which has taken over", self.claimed);
            self.report(record.at, "deposed-controller-wrote", found, &expected);
        }
        self.claimed = self.claimed.max(term);
    }

    fn node_down(&mut self, node: NodeId) {
        self.held.remove(&node);
        self.synced.remove(&node);
        self.failures.remove(&node);
        self.reports.remove(&node);
        self.running.retain(|(at, _), _| *at != node);
        let lost = self.reported.difference(&self.logged).filter(|(at, _)| *at == Some(node));
        self.excused.extend(lost.copied());
    }

    fn observe_program(&mut self, record: &Record) {
        if STANDSTILLS.contains(&record.kind.name) {
            self.running.clear();
        }
        let Some(node) = record.node else { return };
        if let Some(ProgramBegun { pid }) = record.get() {
            self.running.insert((node, pid), record.at);
        } else if let Some(ProgramOver { pid, kept, .. }) = record.get() {
            if kept > OUTPUT_MAX {
                let found = format!("{kept} bytes that process {pid} wrote were held at a time");
                let expected = format!("no more than {OUTPUT_MAX}, and an error beyond that");
                self.report(record.at, "output-unbounded", found, &expected);
            }
            let since = self.running.remove(&(node, pid));
            self.overdue(record.at, pid, since);
        }
    }

    /// Judges how long a program was waited for.
    fn overdue(&mut self, at: Nanos, pid: u32, since: Option<Nanos>) {
        let (Some(since), Some(allowed)) = (since, self.program_box) else { return };
        let took = at.saturating_sub(since);
        // Clocks drift, and who is told to stop waiting has to have its turn.
        let patience = Nanos::new(allowed.get() / 4 * 5) + Nanos::from_millis(20);
        if took > patience {
            let found = format!("process {pid} was waited for for {took}");
            let expected =
                format!("an end to that after {allowed}: by SIGTERM, by SIGKILL, or without it");
            self.report(at, "program-not-time-boxed", found, &expected);
        }
    }

    /// External programs are waited for for so long at most.
    pub(super) fn expect_program_box(&mut self, allowed: Nanos) {
        self.program_box = Some(allowed);
    }

    fn answered(&mut self, record: &Record, answered: ApiAnswered) {
        let ApiAnswered { call, version, is_error, error, by, .. } = answered;
        self.answered.insert(call);
        if version > self.committed {
            let found = format!("call {call} was answered as stored in version {version}");
            let expected =
                format!("no version beyond {}, the last that is durable", self.committed);
            self.report(record.at, "answered-before-stored", found, &expected);
        }
        let at = (Some(by), error);
        if is_error && !(self.reported.contains(&at) && self.logged.contains(&at)) {
            let found = format!("call {call} failed, and its answer names report {error}");
            let expected = "a report that is durable and in the log before the answer names it";
            self.report(record.at, "error-without-report", found, expected);
        }
    }

    fn holds(&mut self, record: &Record, known: Known, loaded: bool) {
        let (version, committed) = (known.0, self.committed);
        self.held.extend(record.node.map(|node| (node, known)));
        self.has_held = true;
        if version > committed {
            let found = format!("the controller has version {version} in its memory");
            let expected = format!("no version beyond {committed}, the last that is durable");
            self.report(record.at, "held-before-stored", found, &expected);
        }
        if loaded && version < committed {
            let found = format!("the controller found version {version} in the database");
            let expected = format!("version {committed}, which was durable before");
            self.report(record.at, "database-went-back", found, &expected);
        }
    }

    fn logged(&mut self, record: &Record, error: u32) {
        let at = (record.node, error);
        if !self.reported.contains(&at) {
            let found = format!("the log names report {error}, which is not on the disk");
            let expected = "the report first, then the line that names it";
            self.report(record.at, "logged-before-reported", found, expected);
        }
        if !self.logged.insert(at) {
            let found = format!("a second line for error {error}");
            self.report(record.at, "error-logged-twice", found, "one line for each error");
        }
    }

    /// Whether something is still under way, as far as records and the database's disk tell.
    #[must_use]
    pub fn is_pending(&self, truth: &Truth) -> bool {
        !self.differences(truth, &Names::default()).is_empty()
    }

    /// Everything has healed and nothing is under way: this is true now.
    pub fn at_rest(&mut self, at: Nanos, truth: &Truth, names: &Names) {
        for Difference { kind, found, expected } in self.differences(truth, names) {
            self.report(at, kind, found, &expected);
        }
        for ((_, pid), since) in std::mem::take(&mut self.running) {
            self.overdue(at, pid, Some(since));
        }
    }

    fn differences(&self, truth: &Truth, names: &Names) -> Vec<Difference> {
        let stored = &truth.stored;
        let mut differences = Vec::new();
        let mut differs = |kind, found: String, expected: &str| {
            differences.push(Difference { kind, found, expected: expected.to_owned() });
        };
        let open = self.calls.iter().filter(|(call, _)| !self.answered.contains(call));
        for (call, request) in open.take(TOLD_MAX) {
            let found = format!("call {call}, `{request}`, has no answer");
            differs("call-unanswered", found, "an answer to every call");
        }
        match stored {
            Stored::Damaged(why) => {
                differs("database-damaged", why.clone(), "a database that can be read");
            }
            Stored::Holds(version, fingerprint) => {
                let found = format!("version {version} ({fingerprint:016x}) is stored");
                let other = self.held.values().find(|held| **held != (*version, *fingerprint));
                if let Some(held) = other {
                    let expected =
                        format!("version {} ({:016x}), as the controller has it", held.0, held.1);
                    differs("stored-differs", found, &expected);
                } else if self.has_held && self.held.is_empty() {
                    differs("stored-differs", found, "a controller that has it");
                }
            }
        }
        let wanted = self.wanted.iter().filter(|(target, wanted)| {
            self.synced.get(target).is_none_or(|synced| synced.1 != wanted.1)
        });
        for (target, (version, _)) in wanted.take(TOLD_MAX) {
            let has = self.synced.get(target);
            let has =
                has.map_or_else(|| "nothing".to_owned(), |(at, _)| format!("that of version {at}"));
            let found = format!("{} has {has}", names.node(*target));
            let expected = format!("what it is to have since version {version}");
            differs("applied-differs", found, &expected);
        }
        let known = |at: &ErrorAt| self.logged.contains(at) || self.excused.contains(at);
        for (_, error) in self.reported.iter().filter(|at| !known(at)).take(TOLD_MAX) {
            let found = format!("report {error} is on the disk, and no line of the log names it");
            differs("error-not-logged", found, "a line for every report");
        }
        for (node, failures) in &self.failures {
            let reports = self.reports.get(node).copied().unwrap_or(0);
            if reports != *failures {
                let node = names.node(*node);
                let found = format!("{failures} failures on {node}, and {reports} reports");
                differs("failure-without-report", found, "one report for each failure");
            }
        }
        for (node, machine) in &truth.machines {
            differences.extend(machine_differs(&names.node(*node), machine));
        }
        differences
    }

    fn report(&mut self, at: Nanos, kind: &'static str, found: String, expected: &str) {
        // The first of its kind tells it; what follows follows from it.
        if self.found.iter().any(|known| known.kind == kind) {
            return;
        }
        self.found.push(Violation {
            check: Check::Control,
            kind,
            component: "controller".to_owned(),
            volume: None,
            disk: None,
            block: None,
            ops: Vec::new(),
            at,
            found,
            expected: expected.to_owned(),
            detail: Vec::new(),
            recent: Vec::new(),
        });
    }

    pub(super) fn has_violations(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}

/// What is not on a machine as it is to be.
fn machine_differs(node: &str, machine: &OnMachine) -> Option<Difference> {
    let OnMachine { wanted, there, unreaped } = machine;
    let say = |kind, found: String, expected: String| Some(Difference { kind, found, expected });
    for (name, wanted) in wanted {
        let found = there.get(name);
        if found != Some(wanted) {
            let found = found.map_or("is not there", String::as_str);
            let found = format!("on {node}, {name}: {found}");
            return say("machine-differs", found, format!("{wanted}, as it is stored"));
        }
    }
    if let Some((name, _)) = there.iter().find(|(name, _)| !wanted.contains_key(*name)) {
        let found = format!("on {node}, {name} is there");
        return say("machine-differs", found, "nothing that is not stored".to_owned());
    }
    let left = unreaped.first()?;
    let found = format!("on {node}, {left} is over, and nobody has waited for it");
    say("process-unreaped", found, "an empty table of processes".to_owned())
}
