//! The checkers of one run, behind one door: records and freezes in, violations out. Checks nothing
//! itself.

use crate::base::history::{BlockRead, MediaWritten, OpInvoked, OpReturned};
use crate::base::{DiskId, Names, Nanos, NodeId, Record, Recorded, VolumeId};

use super::bounds::{Bounds, Limits, Measure};
use super::checker::{Checker, Freeze};
use super::control::{Control, Truth};
use super::durable::Durable;
use super::fencing::Fencing;
use super::guests::Guests;
use super::history::History;
use super::leaks::{Leak, Leaks};
use super::linear::Linear;
use super::live::Live;
use super::memory::{Memory, MemoryAtRest};
use super::mirrors::Mirrors;
use super::name::Check;
use super::operations::Operation;
use super::parity::Parity;
use super::protocol::{Places, Protocol};
use super::snapshot::VolumeView;
use super::violation::Violation;

const WRITTEN: u32 = MediaWritten::TYPE.code;
const INVOKED: u32 = OpInvoked::TYPE.code;
const RETURNED: u32 = OpReturned::TYPE.code;
const SHOWN: u32 = BlockRead::TYPE.code;

/// The checkers of one run.
#[derive(Default)]
pub struct Checkers {
    checks: Vec<Check>,
    history: History,
    mirrors: Mirrors,
    parity: Parity,
    durable: Durable,
    /// The checkers that look at records or at the end are there only if asked for.
    linear: Option<Linear>,
    fencing: Option<Fencing>,
    protocol: Option<Protocol>,
    bounds: Option<Bounds>,
    live: Option<Live>,
    leaks: Option<Leaks>,
    memory: Option<Memory>,
    control: Option<Control>,
    guests: Option<Guests>,
    foreign: Vec<Foreign>,
    /// Of what every IO writes, the kinds that one of these wants to see.
    foreign_kinds: Kinds,
    violations: Vec<Violation>,
}

/// Kinds of records that every IO writes.
#[derive(Clone, Copy, Debug, Default)]
struct Kinds {
    written: bool,
    invoked: bool,
    returned: bool,
    shown: bool,
}

/// A checker that is not one of ours.
struct Foreign {
    /// The codes of the records that it wants to see; all, if `None`.
    codes: Option<&'static [u32]>,
    checker: Box<dyn Checker>,
}

impl Checkers {
    /// Checkers that hold a run to these checks.
    #[must_use]
    pub fn new(checks: &[Check]) -> Self {
        let asked = |check| checks.contains(&check);
        Self {
            checks: checks.to_vec(),
            linear: asked(Check::Linear).then(Linear::default),
            fencing: asked(Check::Fencing).then(Fencing::default),
            protocol: asked(Check::Protocol).then(Protocol::default),
            bounds: asked(Check::Bounds).then(Bounds::default),
            live: asked(Check::Live).then(Live::default),
            leaks: asked(Check::Leaks).then(Leaks::default),
            memory: asked(Check::Memory).then(Memory::default),
            control: asked(Check::Control).then(Control::default),
            guests: asked(Check::Guests).then(Guests::default),
            ..Self::default()
        }
    }

    /// The same held to these checks instead, with the checkers that are not ours.
    #[must_use]
    pub(crate) fn held_to(self, checks: &[Check]) -> Self {
        let mut held = Self::new(checks);
        self.foreign.into_iter().for_each(|it| held.add(it.checker));
        held
    }

    /// The checks that the run is held to.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Media lose what they were not told to flush when their power goes: see
    /// [`CachesLost`](crate::base::history::CachesLost). To be called before the first record.
    pub fn expect_volatile_caches(&mut self) {
        self.history.expect_volatile_caches();
    }

    /// The manager's records went back to what they were, which the manager is to find out by the disks.
    pub fn records_went_back(&mut self) {
        if let Some(protocol) = &mut self.protocol {
            protocol.records_went_back();
        }
    }

    /// Says where a volume's blocks are, for `protocol`: see [`Protocol::expect_places`].
    pub fn expect_places(&mut self, volume: VolumeId, places: Box<dyn Places>) {
        if let Some(protocol) = &mut self.protocol {
            protocol.expect_places(volume, places);
        }
    }

    /// Whether somebody wants to see what clients read from disks ([`Checkers::leg_read`]).
    #[must_use]
    pub fn want_reads(&self) -> bool {
        self.protocol.as_ref().is_some_and(Protocol::wants_reads)
    }

    /// A command that this record tells of: a node has blocks of a disk read, from that one on.
    pub fn leg_read(&mut self, record: &Record, (disk, lba): (DiskId, u64), reader: NodeId) {
        if let Some(protocol) = &mut self.protocol {
            protocol.leg_read(record, (disk, lba), reader, &self.history);
            self.violations.append(&mut protocol.take_violations());
        }
    }

    /// Says what the configuration bounds, for `bounds`.
    pub fn expect_limits(&mut self, limits: Limits) {
        if let Some(bounds) = &mut self.bounds {
            bounds.expect(limits);
        }
    }

    /// A node has the connection to another one that it asked for.
    pub fn connected(&mut self, at: Nanos, ends: (NodeId, NodeId), connection: u64) {
        self.with_bounds(|bounds| bounds.connected(at, ends, connection));
    }

    /// A node's end of a connection to another one has closed.
    pub fn disconnected(&mut self, ends: (NodeId, NodeId), connection: u64) {
        self.with_bounds(|bounds| bounds.disconnected(ends, connection));
    }

    /// A command of a disk has failed.
    pub fn command_failed(&mut self, at: Nanos, disk: DiskId) {
        self.with_bounds(|bounds| bounds.command_failed(at, disk));
    }

    /// Takes in how much there is of something that is bounded.
    pub fn measured(&mut self, at: Nanos, measure: Measure) {
        self.with_bounds(|bounds| bounds.measured(at, measure));
    }

    fn with_bounds(&mut self, tell: impl FnOnce(&mut Bounds)) {
        if let Some(bounds) = &mut self.bounds {
            tell(bounds);
            self.violations.append(&mut bounds.take_violations());
        }
    }

    /// Adds a checker that is not one of ours.
    pub fn add(&mut self, checker: Box<dyn Checker>) {
        let codes = checker.codes();
        let wants = |code| codes.is_none_or(|codes| codes.contains(&code));
        let kinds = &mut self.foreign_kinds;
        kinds.written |= wants(WRITTEN);
        kinds.invoked |= wants(INVOKED);
        kinds.returned |= wants(RETURNED);
        kinds.shown |= wants(SHOWN);
        self.foreign.push(Foreign { codes, checker });
    }

    /// Takes in a record; call it for each record whose audience is `History` or `Notable`, in order. What every
    /// IO writes is taken apart once, and shown to those whom it concerns.
    pub fn observe(&mut self, record: &Record) {
        let kinds = self.foreign_kinds;
        let is_wanted = match record.kind.code {
            WRITTEN => {
                self.written(record, &MediaWritten::from_words(&record.words));
                kinds.written
            }
            INVOKED => {
                self.invoked(record, &OpInvoked::from_words(&record.words));
                kinds.invoked
            }
            RETURNED => {
                self.returned(record, &OpReturned::from_words(&record.words));
                kinds.returned
            }
            SHOWN => {
                self.history.shown(record, &BlockRead::from_words(&record.words));
                kinds.shown
            }
            _ => {
                self.any(record);
                true
            }
        };
        if is_wanted {
            self.show_foreign(record);
        }
    }

    fn written(&mut self, record: &Record, written: &MediaWritten) {
        if let Some(protocol) = &mut self.protocol {
            protocol.written(record, written, &self.history);
        }
        if let Some(bounds) = &mut self.bounds {
            bounds.written(record, written, &self.history);
        }
        self.history.written(record);
        if let Some(fencing) = &mut self.fencing {
            fencing.written(record.at, written, &self.history);
        }
        self.collect();
    }

    fn invoked(&mut self, record: &Record, invoked: &OpInvoked) {
        if let Some(bounds) = &mut self.bounds {
            bounds.invoked(record, invoked, &self.history);
        }
        self.history.invoked(record, invoked);
        self.collect();
    }

    fn returned(&mut self, record: &Record, returned: &OpReturned) {
        if let Some(protocol) = &mut self.protocol {
            protocol.returned(record, returned, &self.history);
        }
        if let Some(bounds) = &mut self.bounds {
            bounds.ended(returned.volume);
        }
        self.history.returned(record, returned);
        self.contradicted(record);
        self.collect();
    }

    #[cold]
    fn any(&mut self, record: &Record) {
        if let Some(protocol) = &mut self.protocol {
            protocol.observe(record, &self.history);
        }
        if let Some(bounds) = &mut self.bounds {
            bounds.observe(record);
        }
        if let Some(control) = &mut self.control {
            control.observe(record);
        }
        if let Some(guests) = &mut self.guests {
            guests.observe(record);
        }
        self.history.observe(record);
        self.contradicted(record);
        if let Some(fencing) = &mut self.fencing {
            fencing.observe(record, &self.history);
        }
        self.collect();
    }

    fn contradicted(&mut self, record: &Record) {
        if !self.history.contradictions().is_empty()
            && let Some(linear) = &mut self.linear
        {
            linear.observe(record, &self.history);
            self.violations.append(&mut linear.take_violations());
        }
    }

    /// Takes over what was found.
    fn collect(&mut self) {
        let found = self.protocol.as_ref().is_some_and(Protocol::has_violations)
            || self.bounds.as_ref().is_some_and(Bounds::has_violations)
            || self.fencing.as_ref().is_some_and(Fencing::has_violations)
            || self.control.as_ref().is_some_and(Control::has_violations)
            || self.guests.as_ref().is_some_and(Guests::has_violations);
        if found {
            self.collect_all();
        }
    }

    #[cold]
    fn collect_all(&mut self) {
        let protocol = self.protocol.iter_mut().flat_map(Protocol::take_violations);
        self.violations.extend(protocol);
        self.violations.extend(self.bounds.iter_mut().flat_map(Bounds::take_violations));
        self.violations.extend(self.fencing.iter_mut().flat_map(Checker::take_violations));
        self.violations.extend(self.control.iter_mut().flat_map(Control::take_violations));
        self.violations.extend(self.guests.iter_mut().flat_map(Guests::take_violations));
    }

    fn show_foreign(&mut self, record: &Record) {
        for Foreign { codes, checker } in &mut self.foreign {
            if codes.is_some_and(|codes| !codes.contains(&record.kind.code)) {
                continue;
            }
            checker.observe(record, &self.history);
            self.violations.append(&mut checker.take_violations());
        }
    }

    /// Checks frozen volumes by those of these checks that look at media (`mirrors`, `parity` and `durable`),
    /// whether the run is held to them or not, and by every checker that was added.
    pub fn freeze(
        &mut self,
        at: Nanos,
        volumes: &[VolumeView<'_>],
        at_rest: bool,
        checks: &[Check],
    ) {
        let freeze = Freeze { at, at_rest, volumes, history: &self.history };
        if checks.contains(&Check::Mirrors) {
            self.mirrors.at_freeze(&freeze);
            self.violations.append(&mut self.mirrors.take_violations());
        }
        if checks.contains(&Check::Parity) {
            self.parity.at_freeze(&freeze);
            self.violations.append(&mut self.parity.take_violations());
        }
        if checks.contains(&Check::Durable) {
            self.durable.at_freeze(&freeze);
            self.violations.append(&mut self.durable.take_violations());
        }
        for Foreign { checker, .. } in &mut self.foreign {
            checker.at_freeze(&freeze);
            self.violations.append(&mut checker.take_violations());
        }
    }

    /// Takes in what was found to outlive its owner at a clean shutdown.
    pub fn leaked(&mut self, at: Nanos, leaks: &[Leak]) {
        if let Some(checker) = &mut self.leaks {
            checker.leaked(at, leaks);
            self.violations.append(&mut checker.take_violations());
        }
    }

    /// Takes in what nodes hold when nothing is under way any more.
    pub fn memory_at_rest(&mut self, at: Nanos, nodes: &[MemoryAtRest]) {
        if let Some(checker) = &mut self.memory {
            checker.at_rest(at, nodes);
            self.violations.append(&mut checker.take_violations());
        }
    }

    /// External programs are waited for for so long at most.
    pub fn expect_program_box(&mut self, allowed: Nanos) {
        if let Some(control) = &mut self.control {
            control.expect_program_box(allowed);
        }
    }

    /// Whether the control plane has something under way still, while this is true.
    #[must_use]
    pub fn control_is_pending(&self, truth: &Truth) -> bool {
        self.control.as_ref().is_some_and(|control| control.is_pending(truth))
    }

    /// Takes in what is true when nothing is under way any more.
    pub fn control_at_rest(&mut self, at: Nanos, truth: &Truth, names: &Names) {
        if let Some(control) = &mut self.control {
            control.at_rest(at, truth, names);
            self.violations.append(&mut control.take_violations());
        }
    }

    /// The run has ended: whatever has not returned by now never will.
    pub fn finish(&mut self, at: Nanos) {
        if let Some(live) = &mut self.live {
            live.finish(at, &self.history);
            self.violations.append(&mut live.take_violations());
        }
        for Foreign { checker, .. } in &mut self.foreign {
            checker.finish(at, &self.history);
            self.violations.append(&mut checker.take_violations());
        }
    }

    /// The operation that has been out for longest, if any is.
    #[must_use]
    pub fn longest_outstanding(&self) -> Option<&Operation> {
        self.history.longest_outstanding()
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
