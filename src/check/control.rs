//! What is wanted is stored, and what is stored is what everybody has; every call is answered, and every error has one
//! report. Knows no object of the configuration: it compares versions and fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::control::{
    ApiAnswered, ApiCalled, ApiRequest, ControllerDeploys, ControllerHolds, DatabaseCommitted,
    ErrorLogged, ErrorReported, TargetSynced,
};
use crate::base::history::NodeDown;
use crate::base::{Names, Nanos, NodeId, Record};

use super::name::Check;
use super::violation::Violation;

/// So many differences of one kind are told.
const TOLD_MAX: usize = 8;

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

/// The checker of the control plane.
#[derive(Clone, Debug, Default)]
pub struct Control {
    calls: BTreeMap<u64, ApiRequest>,
    answered: BTreeSet<u64>,
    /// The newest version that is durable.
    committed: u64,
    held: Option<Known>,
    wanted: BTreeMap<NodeId, Known>,
    synced: BTreeMap<NodeId, Known>,
    reported: BTreeSet<u32>,
    logged: BTreeSet<u32>,
    /// The node whose program reports errors.
    reporter: Option<NodeId>,
    /// Reports whose program died before it could log them.
    excused: BTreeSet<u32>,
    found: Vec<Violation>,
}

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
            self.wanted.insert(target, (version, fingerprint));
        } else if let Some(TargetSynced { version, fingerprint }) = record.get() {
            self.synced.extend(record.node.map(|node| (node, (version, fingerprint))));
        } else if let Some(DatabaseCommitted { version }) = record.get() {
            self.committed = self.committed.max(version);
        } else if let Some(ErrorReported { error }) = record.get() {
            self.reporter = record.node;
            if !self.reported.insert(error) {
                let found = format!("a second report of error {error}");
                self.report(record.at, "error-reported-twice", found, "one report for each error");
            }
        } else if let Some(ErrorLogged { error }) = record.get() {
            self.logged(record, error);
        } else if let Some(NodeDown { node, .. }) = record.get() {
            self.synced.remove(&node);
            if self.reporter == Some(node) {
                self.excused.extend(self.reported.difference(&self.logged));
            }
        }
    }

    fn answered(&mut self, record: &Record, answered: ApiAnswered) {
        let ApiAnswered { call, version, is_error, error, .. } = answered;
        self.answered.insert(call);
        if version > self.committed {
            let found = format!("call {call} was answered as stored in version {version}");
            let expected =
                format!("no version beyond {}, the last that is durable", self.committed);
            self.report(record.at, "answered-before-stored", found, &expected);
        }
        if is_error && !(self.reported.contains(&error) && self.logged.contains(&error)) {
            let found = format!("call {call} failed, and its answer names report {error}");
            let expected = "a report that is durable and in the log before the answer names it";
            self.report(record.at, "error-without-report", found, expected);
        }
    }

    fn holds(&mut self, record: &Record, known: Known, loaded: bool) {
        let (version, committed) = (known.0, self.committed);
        self.held = Some(known);
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
        if !self.reported.contains(&error) {
            let found = format!("the log names report {error}, which is not on the disk");
            let expected = "the report first, then the line that names it";
            self.report(record.at, "logged-before-reported", found, expected);
        }
        if !self.logged.insert(error) {
            let found = format!("a second line for error {error}");
            self.report(record.at, "error-logged-twice", found, "one line for each error");
        }
    }

    /// Whether something is still under way, as far as records and the database's disk tell.
    #[must_use]
    pub fn is_pending(&self, stored: &Stored) -> bool {
        !self.differences(stored, &Names::default()).is_empty()
    }

    /// Everything has healed and nothing is under way: this is what the database's disk holds.
    pub fn at_rest(&mut self, at: Nanos, stored: &Stored, names: &Names) {
        for Difference { kind, found, expected } in self.differences(stored, names) {
            self.report(at, kind, found, &expected);
        }
    }

    fn differences(&self, stored: &Stored, names: &Names) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut differs = |kind, found: String, expected: &str| {
            differences.push(Difference { kind, found, expected: expected.to_owned() });
        };
        let open = self.calls.iter().filter(|(call, _)| !self.answered.contains(call));
        for (call, request) in open.take(TOLD_MAX) {
            let found = format!("call {call}, `{request}`, has no answer");
            differs("call-unanswered", found, "an answer to every call");
        }
        match (stored, self.held) {
            (Stored::Damaged(why), _) => {
                differs("database-damaged", why.clone(), "a database that can be read");
            }
            (Stored::Holds(version, fingerprint), Some(held))
                if held != (*version, *fingerprint) =>
            {
                let found = format!("version {version} ({fingerprint:016x}) is stored");
                let expected =
                    format!("version {} ({:016x}), as the controller has it", held.0, held.1);
                differs("stored-differs", found, &expected);
            }
            _ => {}
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
        let known = |error: &u32| self.logged.contains(error) || self.excused.contains(error);
        for error in self.reported.iter().filter(|error| !known(error)).take(TOLD_MAX) {
            let found = format!("report {error} is on the disk, and no line of the log names it");
            differs("error-not-logged", found, "a line for every report");
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
