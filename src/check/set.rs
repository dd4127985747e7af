//! The checkers of one run, behind one door: records and freezes in, violations out.

use crate::base::history::OpKind;
use crate::base::{Nanos, OpId, Record, VolumeId};

use super::checker::Checker;
use super::checker::Freeze;
use super::history::History;
use super::name::Check;
use super::snapshot::VolumeView;
use super::violation::Violation;

/// Something that was still there after its owner had gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Whose it was: a node's name, say.
    pub owner: String,
    /// What it is, as a slug: `task`, `buffer`, `connection`.
    pub what: &'static str,
    /// How many.
    pub count: u64,
}

/// An operation that has not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// The operation.
    pub op: OpId,
    /// What it is to do.
    pub kind: OpKind,
    /// The volume.
    pub volume: VolumeId,
    /// Its first block.
    pub block: u64,
    /// How many blocks.
    pub blocks: u32,
    /// When it was invoked.
    pub since: Nanos,
}

/// The checkers of one run.
#[derive(Default)]
pub struct Checkers {
    checks: Vec<Check>,
    history: History,
    foreign: Vec<Box<dyn Checker>>,
    violations: Vec<Violation>,
}

impl Checkers {
    /// Checkers that hold a run to these checks.
    #[must_use]
    pub fn new(checks: &[Check]) -> Self {
        Self { checks: checks.to_vec(), ..Self::default() }
    }

    /// The checks that the run is held to.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Adds a checker that is not one of ours.
    pub fn add(&mut self, checker: Box<dyn Checker>) {
        self.foreign.push(checker);
    }

    /// Takes in a record; call it for each record whose audience is `History` or `Notable`, in order.
    pub fn observe(&mut self, record: &Record) {
        self.history.observe(record);
    }

    /// Checks frozen volumes by these checks (those among them that look at media), whether the
    /// run is held to them or not.
    pub fn freeze(
        &mut self,
        at: Nanos,
        volumes: &[VolumeView<'_>],
        at_rest: bool,
        checks: &[Check],
    ) {
        let freeze = Freeze { at, at_rest, volumes, history: &self.history };
        let _ = checks;
        for checker in &mut self.foreign {
            checker.at_freeze(&freeze);
        }
    }

    /// Takes in what was found to outlive its owner at a clean shutdown.
    pub fn leaked(&mut self, at: Nanos, leaks: &[Leak]) {
        let _ = (at, leaks);
    }

    /// The run has ended: whatever has not returned by now never will.
    pub fn finish(&mut self, at: Nanos) {
        for checker in &mut self.foreign {
            checker.finish(at, &self.history);
        }
    }

    /// The operation that has been out for longest, if any is.
    #[must_use]
    pub fn longest_outstanding(&self) -> Option<Outstanding> {
        None
    }

    /// What applications did so far.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The violations found so far, in the order in which they were found.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Hands over the violations found since the last call.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}
