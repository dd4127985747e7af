//! What a configuration bounds stays within its bounds: where writes land, how much is under way, how many
//! connections there are, how often failing commands are tried again, how much memory is held.
//!
//! Bounds of two kinds: those of places (no write outside the leg that it is for, metadata where metadata belong)
//! and those of numbers. What is counted by records is judged with each of them: writes of media, operations
//! under way, open connections, failed commands. What is not is looked at from time to time by whoever runs the
//! check ([`Bounds::measured`]): the memory that nodes hold, the messages on their way. How many commands a queue
//! of a disk takes is the device's own to enforce: it refuses what is more. At rest, memory is `memory`'s to judge
//! and marks that stay `live`'s.
//!
//! Each bound is reported once for whatever it is of.

use std::collections::BTreeMap;

use crate::base::history::{MediaWritten, OpAbandoned, OpInvoked};
use crate::base::{DiskId, Nanos, NodeId, Record, VolumeId};

use super::history::History;
use super::name::Check;
use super::violation::Violation;

/// The tag of writes that belong to no epoch: a node's own metadata.
const NO_EPOCH: u64 = u64::MAX;

/// Blocks of a disk that one owner may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first block.
    pub first: u64,
    /// How many there are.
    pub blocks: u64,
    /// Whether it is for metadata, which no epoch governs, or for what a leg holds.
    pub is_metadata: bool,
}

/// How often commands may fail: so many at once, and so many more with every operation and with time. Whoever
/// tries again at once what fails for good is soon beyond that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many commands of a disk may fail in a row when nothing else happens.
    pub at_once: u64,
    /// How many more with each operation that an application begins.
    pub per_operation: u64,
    /// How many more with each millisecond of virtual time.
    pub per_millisecond: u64,
}

/// The bounds that a configuration sets. What is left empty is not bounded.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// By disk, what may be written.
    pub extents: Vec<Vec<Extent>>,
    /// By volume, how many operations of applications may be under way.
    pub operations: Vec<u32>,
    /// How many connections a node may have asked another one for and have open; none, if there is no bound.
    pub connections: Option<usize>,
    /// How often commands may fail, if that is bounded.
    pub failures: Option<Failures>,
}

/// Something that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What it is a count of, as the violation's kind: `too-many-messages`.
    pub kind: &'static str,
    /// Whose it is.
    pub owner: String,
    /// How much there is.
    pub found: u64,
    /// How much there may be.
    pub limit: u64,
}

/// How many commands of a disk may still fail, as it was reckoned last: then, and after so many operations.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u64,
    at: Nanos,
    begun: u64,
}

/// The checker of bounds.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    limits: Limits,
    /// Operations under way, by volume.
    operations: Vec<u32>,
    /// Connections that are open where they were asked for.
    connections: BTreeMap<(NodeId, NodeId), Vec<u64>>,
    /// By disk, how many commands may fail.
    failures: Vec<Allowance>,
    /// Operations that were begun.
    begun: u64,
    reported: Vec<(&'static str, String)>,
    violations: Vec<Violation>,
}

impl Bounds {
    /// Says what the bounds are.
    pub fn expect(&mut self, limits: Limits) {
        let at_once = limits.failures.map_or(0, |failures| failures.at_once);
        let whole = Allowance { left: at_once, at: Nanos::ZERO, begun: 0 };
        self.failures = vec![whole; limits.extents.len()];
        self.operations = vec![0; limits.operations.len()];
        self.limits = limits;
    }

    /// Takes in a record of none of the kinds below.
    pub(super) fn observe(&mut self, record: &Record) {
        if let Some(OpAbandoned { volume, .. }) = record.get() {
            self.ended(volume);
        }
    }

    /// A medium was written.
    pub(super) fn written(&mut self, record: &Record, written: &MediaWritten, history: &History) {
        let Some(extents) = self.limits.extents.get(written.disk.index()) else { return };
        let end = written.lba.saturating_add(u64::from(written.blocks));
        let is_metadata = written.tag == NO_EPOCH;
        let mut own = extents.iter().filter(|extent| extent.is_metadata == is_metadata);
        if !own.any(|extent| extent.first <= written.lba && end <= extent.first + extent.blocks) {
            self.written_outside(record, written, history);
        }
    }

    #[cold]
    fn written_outside(&mut self, record: &Record, written: &MediaWritten, history: &History) {
        let extents = &self.limits.extents[written.disk.index()];
        let end = written.lba.saturating_add(u64::from(written.blocks));
        let is_metadata = written.tag == NO_EPOCH;
        let kind = if is_metadata { "metadata-outside" } else { "data-outside" };
        let own = extents.iter().filter(|extent| extent.is_metadata == is_metadata);
        let places: Vec<String> = own
            .map(|extent| format!("{}..{}", extent.first, extent.first + extent.blocks))
            .collect();
        let found = format!("blocks {}..{end} of the disk were written", written.lba);
        let expected = match places.is_empty() {
            true => "nothing of the kind on this disk".to_owned(),
            false => format!("only blocks of one of {}", places.join(", ")),
        };
        let mut violation = violation(record.at, kind, written.disk.to_string(), found, expected);
        (violation.disk, violation.block) = (Some(written.disk), Some(written.lba));
        violation.recent = history.records().of_disk(written.disk, written.lba, end - written.lba);
        self.report(violation);
    }

    /// An operation of an application began.
    pub(super) fn invoked(&mut self, record: &Record, invoked: &OpInvoked, history: &History) {
        self.begun += 1;
        let Some(limit) = self.limits.operations.get(invoked.volume.index()) else { return };
        let count = &mut self.operations[invoked.volume.index()];
        *count += 1;
        if *count > *limit {
            let found = format!("{} is number {count} of those under way", invoked.op);
            let expected = format!("at most {limit} operations at a time on this volume");
            let owner = invoked.volume.to_string();
            let mut violation = violation(record.at, "too-many-operations", owner, found, expected);
            violation.volume = Some(invoked.volume);
            violation.ops.push(invoked.op);
            violation.recent = history.recent(invoked.volume, None, &[invoked.op]);
            self.report(violation);
        }
    }

    /// An operation of an application on this volume is over.
    pub(super) fn ended(&mut self, volume: VolumeId) {
        if let Some(count) = self.operations.get_mut(volume.index()) {
            *count = count.saturating_sub(1);
        }
    }

    /// The node that asked another one for a connection has it.
    pub(super) fn connected(&mut self, at: Nanos, (from, to): (NodeId, NodeId), connection: u64) {
        let Some(limit) = self.limits.connections else { return };
        let open = self.connections.entry((from, to)).or_default();
        open.push(connection);
        if open.len() > limit {
            let found = format!("{} connections to {to}, asked for by {from}", open.len());
            let expected = format!("at most {limit}");
            let owner = from.to_string();
            self.report(violation(at, "too-many-connections", owner, found, expected));
        }
    }

    /// An end of a connection has closed.
    pub(super) fn disconnected(&mut self, (node, peer): (NodeId, NodeId), connection: u64) {
        if let Some(open) = self.connections.get_mut(&(node, peer)) {
            open.retain(|known| *known != connection);
        }
    }

    /// A command of a disk failed.
    pub(super) fn command_failed(&mut self, at: Nanos, disk: DiskId) {
        let Some(failures) = self.limits.failures else { return };
        let Some(allowance) = self.failures.get_mut(disk.index()) else { return };
        let passed = at.saturating_sub(allowance.at).get() / Nanos::from_millis(1).get();
        let more = passed * failures.per_millisecond
            + (self.begun - allowance.begun) * failures.per_operation;
        allowance.left = (allowance.left + more).min(failures.at_once);
        allowance.at += Nanos::from_millis(passed);
        allowance.begun = self.begun;
        if allowance.left > 0 {
            allowance.left -= 1;
            return;
        }
        let found = "another failed command, as many as there were already".to_owned();
        let Failures { at_once, per_operation, per_millisecond } = failures;
        let expected = format!(
            "at most {at_once}, and {per_operation} with each operation and {per_millisecond} with each \
             millisecond"
        );
        let mut violation = violation(at, "retry-storm", disk.to_string(), found, expected);
        violation.disk = Some(disk);
        self.report(violation);
    }

    /// Takes in what was counted.
    pub(super) fn measured(&mut self, at: Nanos, measure: Measure) {
        let Measure { kind, owner, found, limit } = measure;
        if found > limit {
            let (found, expected) = (found.to_string(), format!("at most {limit}"));
            self.report(violation(at, kind, owner, found, expected));
        }
    }

    fn report(&mut self, violation: Violation) {
        let of = (violation.kind, violation.component.clone());
        if !self.reported.contains(&of) {
            self.reported.push(of);
            self.violations.push(violation);
        }
    }

    /// Hands over the violations found since the last call.
    pub(super) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }

    /// Whether there are any.
    pub(super) fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }
}

fn violation(
    at: Nanos,
    kind: &'static str,
    owner: String,
    found: String,
    expected: String,
) -> Violation {
    Violation {
        check: Check::Bounds,
        kind,
        component: owner,
        volume: None,
        disk: None,
        block: None,
        ops: Vec::new(),
        at,
        found,
        expected,
        detail: Vec::new(),
        recent: Vec::new(),
    }
}
