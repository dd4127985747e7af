//! What a manager holds while it leads. Elects nobody.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::{Nanos, VolumeId, planted};
use crate::node::manager::record::VolumeRecord;
use crate::sim::{NodeHandle, Queue};

use super::entry::Term;
use super::member::Event;

/// How long a leader goes on after the others last confirmed that they follow it. The lease of a volume's owner is waited
/// for longer by as much, for a leader that is none any more may have answered heartbeats until then.
pub const CONFIRMED_FOR: Nanos = Nanos::from_millis(8);

/// A decision that is to be agreed on.
pub(super) struct Proposal {
    pub(super) term: Term,
    pub(super) volume: VolumeId,
    pub(super) record: Box<VolumeRecord>,
    /// Told when it is agreed on.
    pub(super) done: Queue<()>,
}

/// A leader's term. Clones share it.
#[derive(Clone)]
pub(in crate::node::manager) struct Office {
    pub(super) handle: NodeHandle,
    pub(super) term: Term,
    /// Where it begins in the log: later terms begin later.
    pub(super) index: u64,
    /// What was agreed on before it began.
    pub(super) records: Rc<BTreeMap<VolumeId, VolumeRecord>>,
    /// Until when it surely leads.
    pub(super) until: Rc<Cell<Nanos>>,
    pub(super) events: Queue<Event>,
}

impl Office {
    /// Whether it is still to act. Nobody else did until now; whether what it wants counts, only the log says.
    pub(in crate::node::manager) fn holds(&self) -> bool {
        planted!(PromoteWithoutQuorum) || self.handle.monotonic() < self.until.get()
    }

    /// What tells its term from all others: that of a later one is greater.
    pub(in crate::node::manager) fn number(&self) -> u64 {
        self.index
    }

    /// What was agreed on of a volume before the term began.
    pub(in crate::node::manager) fn record(&self, volume: VolumeId) -> Option<VolumeRecord> {
        self.records.get(&volume).copied()
    }

    /// Has a decision agreed on. Returns only when it is; never, if the term ends first.
    pub(in crate::node::manager) async fn agree(&self, volume: VolumeId, record: &VolumeRecord) {
        let done = Queue::new(self.handle.kernel());
        let (term, record) = (self.term, Box::new(*record));
        self.events.push(Event::Proposed(Proposal { term, volume, record, done: done.clone() }));
        done.pop().await;
    }
}
