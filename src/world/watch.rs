//! Sees the cluster through its records: volumes' states, modes and epochs, what the script waits for.
//! Decides nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::history::{MediaWritten, OpResult, OpReturned, VolumeState};
use crate::base::{Audience, DiskId, Epoch, NodeId, Record};
use crate::check::Checkers;
use crate::disk::control::FaultKind;
use crate::disk::{CacheLost, CommandFaulted, CommandSubmitted, OpCode, SectorRemapped, Status};
use crate::net::{
    AddressLost, BindFailed, ConnectionClosed, ConnectionOpened, MessageFaulted, NetFault,
};
use crate::node::Frame;
use crate::sim::Kernel;

use super::report::{AtFailure, headline};

/// Shared with the observer that the kernel calls.
pub(super) struct Watch {
    pub(super) checkers: RefCell<Checkers>,
    /// Records that the script may care for, not looked at yet.
    inbox: RefCell<Vec<Record>>,
    /// Whether checkers are shown what is read from disks.
    shows_reads: Cell<bool>,
    /// Who is to be told of the first violation where it happens.
    at_failure: Cell<Option<AtFailure>>,
    /// Whether the main loop has something to look at.
    pub(super) attention: Cell<bool>,
    /// Operations acknowledged.
    pub(super) acked: Cell<u64>,
    /// The number of acknowledged operations that the script waits for next.
    pub(super) acked_wanted: Cell<u64>,
    /// Whether a record that every IO writes may be of interest to the script: `wanted` or `unmet` has something.
    is_alert: Cell<bool>,
    /// Codes of records that the script waits for by name.
    wanted: RefCell<Vec<u32>>,
    /// Faults that nothing has met yet, by script entry.
    unmet: RefCell<Vec<(Awaited, u32)>>,
    /// Script entries whose faults a command or a message has met.
    met: RefCell<Vec<u32>>,
}

impl Watch {
    /// Observes a kernel from now on.
    pub(super) fn new(
        kernel: &Kernel,
        checkers: Checkers,
        at_failure: Option<AtFailure>,
    ) -> Rc<Self> {
        let watch = Rc::new(Self {
            checkers: RefCell::new(checkers),
            inbox: RefCell::default(),
            shows_reads: Cell::new(false),
            at_failure: Cell::new(at_failure),
            attention: Cell::new(false),
            acked: Cell::new(0),
            acked_wanted: Cell::new(u64::MAX),
            is_alert: Cell::new(false),
            wanted: RefCell::default(),
            unmet: RefCell::default(),
            met: RefCell::default(),
        });
        let observer = watch.clone();
        kernel.observe(Box::new(move |record| observer.see(record)));
        watch
    }

    /// Shows the script records of this code, too.
    pub(super) fn want(&self, kernel: &Kernel, code: u32) {
        kernel.watch_code(code);
        self.wanted.borrow_mut().push(code);
        self.set_alert();
    }

    /// Has the checkers shown what is read from disks for as long as they want to see it.
    pub(super) fn show_reads(&self, kernel: &Kernel) {
        let wanted = self.checkers.borrow().want_reads();
        if wanted == self.shows_reads.replace(wanted) {
            return;
        }
        match wanted {
            true => kernel.watch::<CommandSubmitted>(),
            false => kernel.unwatch::<CommandSubmitted>(),
        }
    }

    fn see(&self, record: &Record) {
        let mut checkers = self.checkers.borrow_mut();
        match record.kind.audience {
            Audience::History => checkers.observe(record),
            Audience::Notable => {
                checkers.observe(record);
                tell_bounds(&mut checkers, record);
            }
            Audience::Trace => self.see_watched(&mut checkers, record),
        }
        if let Some(violation) = checkers.violations().first() {
            self.attention.set(true);
            self.tell_failure(|| headline(violation));
        }
        if let Some(OpReturned { result: OpResult::Ok, .. }) = record.get() {
            self.acked.set(self.acked.get() + 1);
            if self.acked.get() >= self.acked_wanted.get() {
                self.attention.set(true);
            }
        }
        if self.is_alert.get() || record.kind.audience != Audience::History {
            self.look_closer(record);
        }
    }

    /// The run fails: tells whoever is to know at once, the first time.
    #[cold]
    pub(super) fn tell_failure(&self, how: impl FnOnce() -> String) {
        if let Some(tell) = self.at_failure.take() {
            tell(&how());
        }
    }

    /// Whether the script waits for a record, or for a fault to be met by what it tells of.
    fn look_closer(&self, record: &Record) {
        if !self.unmet.borrow().is_empty() {
            self.look_for_met(record);
        }
        if record.kind.audience == Audience::Notable
            || self.wanted.borrow().contains(&record.kind.code)
        {
            self.inbox.borrow_mut().push(*record);
            self.attention.set(true);
        }
        self.set_alert();
    }

    fn set_alert(&self) {
        self.is_alert.set(!self.unmet.borrow().is_empty() || !self.wanted.borrow().is_empty());
    }

    /// A record that nobody is shown unless somebody asks.
    #[cold]
    fn see_watched(&self, checkers: &mut Checkers, record: &Record) {
        if let Some(command) = record.get::<CommandSubmitted>()
            && self.shows_reads.get()
        {
            if command.op == OpCode::Read {
                checkers.leg_read(record, (command.disk, command.lba), command.host);
            }
            if !self.wanted.borrow().contains(&record.kind.code) {
                return;
            }
        }
        checkers.observe(record);
    }

    /// Whether a fault that has yet to be met is.
    fn look_for_met(&self, record: &Record) {
        if let Some(CommandFaulted { disk, fault, .. }) = record.get() {
            self.meet(|it| *it == Awaited::Disk(disk, fault));
        } else if let Some(CacheLost { disk, lost: 1.., .. }) = record.get() {
            self.meet(|it| *it == Awaited::Disk(disk, FaultKind::PowerLost));
        } else if let Some(SectorRemapped { disk, .. }) = record.get() {
            self.meet(|it| *it == Awaited::Disk(disk, FaultKind::BadSector));
            self.meet(|it| *it == Awaited::Disk(disk, FaultKind::FlipBits));
        } else if let Some(MediaWritten { disk, .. }) = record.get() {
            // Whoever finds another device without having had a command there fills it.
            self.meet(|it| *it == Awaited::Disk(disk, FaultKind::Replaced));
        } else if let Some(MessageFaulted::<Frame> { from, to, fault, .. }) = record.get() {
            self.meet(|it| it.is_met_by_message(fault, from, to));
        } else if let Some(BindFailed { at, service, .. }) = record.get() {
            self.meet(|it| *it == Awaited::Listener(at, service));
        } else if let Some(AddressLost { at, service, .. }) = record.get() {
            self.meet(|it| *it == Awaited::Listener(at, service));
            self.meet(|it| *it == Awaited::Net(NetFault::Renumber, Ends::Node(at)));
        }
    }

    /// A script entry set a fault, which is of no effect before something meets it.
    pub(super) fn await_effect(&self, awaited: Awaited, entry: u32) {
        let is_met = self.met.borrow().contains(&entry);
        let awaited = (awaited, entry);
        if !is_met && !self.unmet.borrow().contains(&awaited) {
            self.unmet.borrow_mut().push(awaited);
            self.set_alert();
        }
    }

    fn meet(&self, is_it: impl Fn(&Awaited) -> bool) {
        let mut met = self.met.borrow_mut();
        self.unmet.borrow_mut().retain(|(awaited, entry)| {
            let is_met = is_it(awaited);
            if is_met && !met.contains(entry) {
                met.push(*entry);
            }
            !is_met && !met.contains(entry)
        });
    }

    /// What was to meet the faults that an entry set, if nothing ever did.
    pub(super) fn unmet_by(&self, entry: u32) -> Option<&'static str> {
        let unmet = self.unmet.borrow();
        let (awaited, _) = unmet.iter().find(|(_, of)| *of == entry)?;
        let is_met = self.met.borrow().contains(&entry);
        (!is_met).then_some(match awaited {
            Awaited::Disk(..) => "command",
            Awaited::Net(..) => "message",
            Awaited::Listener(..) => "listener",
        })
    }

    pub(super) fn take_inbox(&self) -> Vec<Record> {
        std::mem::take(&mut *self.inbox.borrow_mut())
    }
}

/// Tells the checkers what is bounded of what their records don't show.
fn tell_bounds(checkers: &mut Checkers, record: &Record) {
    if let Some(ConnectionOpened { from, to, connection }) = record.get() {
        checkers.connected(record.at, (from, to), connection);
    } else if let Some(ConnectionClosed { node, peer, connection, .. }) = record.get() {
        checkers.disconnected((node, peer), connection);
    } else if let Some(CommandFaulted { disk, status, .. }) = record.get()
        && status != Status::Success
    {
        checkers.command_failed(record.at, disk);
    }
}

/// A fault that something is to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A command to a disk.
    Disk(DiskId, FaultKind),
    /// A message.
    Net(NetFault, Ends),
    /// Who listens on a node at a port, or wants to.
    Listener(NodeId, u16),
}

/// Between which nodes a message may meet a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// From the first to the second.
    Link(NodeId, NodeId),
    /// Between the two.
    Pair(NodeId, NodeId),
    /// To or from it.
    Node(NodeId),
}

impl Awaited {
    fn is_met_by_message(&self, by: NetFault, from: NodeId, to: NodeId) -> bool {
        let Self::Net(fault, ends) = self else { return false };
        *fault == by
            && match *ends {
                Ends::Link(a, b) => (from, to) == (a, b),
                Ends::Pair(a, b) => (from, to) == (a, b) || (from, to) == (b, a),
                Ends::Node(node) => from == node || to == node,
            }
    }
}

/// What the records told of a volume.
#[derive(Clone, Copy, Debug)]
pub(super) struct VolumeStatus {
    pub(super) state: VolumeState,
    /// The modes last decided on, two bits a leg.
    pub(super) modes: u64,
    pub(super) decided: Epoch,
    pub(super) granted: Epoch,
    /// Percent of the rebuild under way.
    pub(super) rebuilt: u8,
}

impl Default for VolumeStatus {
    fn default() -> Self {
        Self {
            state: VolumeState::Healthy,
            modes: 0,
            decided: Epoch::new(1),
            granted: Epoch::new(0),
            rebuilt: 0,
        }
    }
}

impl VolumeStatus {
    /// Whether all legs are in sync and the owner, if any, knows.
    pub(super) fn is_settled(&self) -> bool {
        let idle = self.granted == Epoch::new(0);
        self.state == VolumeState::Healthy
            && self.modes == 0
            && (idle || self.decided == self.granted)
    }
}
