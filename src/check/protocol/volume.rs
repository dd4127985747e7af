//! A volume as its records show it: what was decided, what of that is in the database, who was granted it.
//! Judges nothing.

use crate::base::protocol::LegMode;
use crate::base::{Epoch, LegIndex, NodeId, Seq};

use super::places::Places;

/// How many decisions of a volume are remembered.
const DECISIONS_MAX: usize = 16;

/// A configuration that was decided on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) epoch: Epoch,
    /// Two bits a leg.
    pub(super) modes: u64,
    pub(super) owner: NodeId,
    /// Whether it is in the database that it may be granted.
    pub(super) is_grantable: bool,
    /// The manager that found it in the database, if nobody has told of the decision itself.
    pub(super) found_by: Option<NodeId>,
}

impl Decision {
    /// Whether this is the decision of another manager that was found in the database before. Where several agree, a
    /// leader's decision stands as soon as the others have it, and the next leader may know that before the one that
    /// decided does.
    fn is_late(&self, found: &Self, by: NodeId) -> bool {
        let Some(finder) = found.found_by.filter(|finder| *finder != by) else { return false };
        // A volume that is nobody's is its manager's, whoever that is.
        let is_nobodys = self.owner == by && found.owner == finder;
        self.modes == found.modes && (self.owner == found.owner || is_nobodys)
    }
}

/// What an owner acts under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) epoch: Epoch,
    pub(super) modes: u64,
    pub(super) node: NodeId,
    pub(super) seq: Seq,
}

/// A volume.
#[derive(Default)]
pub(super) struct Volume {
    pub(super) places: Option<Box<dyn Places>>,
    /// Its legs in the monitor's table, by index.
    legs: Vec<Option<u32>>,
    /// The last decisions, oldest first.
    decisions: Vec<Decision>,
    /// The highest epoch in the database, or that a disk knows of.
    pub(super) persisted: Epoch,
    /// The highest epoch that was ever in the database.
    pub(super) ever_persisted: Epoch,
    /// Above this epoch and up to `ever_persisted` nobody knows any more what was decided on, for records went back.
    known: Epoch,
    pub(super) grant: Option<Grant>,
    /// The highest epoch that each node was granted.
    granted: Vec<(NodeId, Epoch)>,
}

impl Volume {
    /// Its leg's place in the monitor's table.
    pub(super) fn slot(&self, leg: LegIndex) -> Option<usize> {
        self.legs.get(leg.index()).copied().flatten().map(|slot| slot as usize)
    }

    pub(super) fn set_slot(&mut self, leg: LegIndex, slot: usize) {
        if leg.index() >= self.legs.len() {
            self.legs.resize(leg.index() + 1, None);
        }
        self.legs[leg.index()] = Some(slot as u32);
    }

    /// The legs known, with their places in the monitor's table.
    pub(super) fn slots(&self) -> impl Iterator<Item = (LegIndex, usize)> + '_ {
        let legs = self.legs.iter().enumerate();
        legs.filter_map(|(leg, slot)| slot.map(|slot| (LegIndex::new(leg as u8), slot as usize)))
    }

    /// A decision; whatever was decided on for a later epoch or this one is forgotten.
    pub(super) fn decide(&mut self, decision: Decision) {
        self.decisions.retain(|known| known.epoch < decision.epoch);
        if self.decisions.len() == DECISIONS_MAX {
            self.decisions.remove(0);
        }
        self.decisions.push(decision);
    }

    /// Takes note that a manager tells late of its decision, if that is what it does: it stands already.
    pub(super) fn is_told_late(&mut self, decision: &Decision, by: NodeId) -> bool {
        let known = self.decisions.iter_mut().find(|known| known.epoch == decision.epoch);
        let Some(found) = known.filter(|found| decision.is_late(found, by)) else { return false };
        found.found_by = None;
        true
    }

    /// An epoch is in the database.
    pub(super) fn persist(&mut self, epoch: Epoch) {
        self.persisted = self.persisted.max(epoch);
        self.ever_persisted = self.ever_persisted.max(epoch);
        self.known = self.known.max(epoch);
    }

    /// The records went back, and disks know of this epoch at most.
    pub(super) fn go_back(&mut self, registered: Epoch) {
        self.persisted = registered;
        self.known = Epoch::new(0);
    }

    /// Whether where the legs are under this epoch is on no record any more.
    pub(super) fn is_forgotten(&self, epoch: Epoch) -> bool {
        self.known < epoch && epoch <= self.ever_persisted
    }

    /// Whether any decision on it is on record.
    pub(super) fn is_decided_on(&self) -> bool {
        !self.decisions.is_empty()
    }

    /// The last decision.
    pub(super) fn decided(&self) -> Option<&Decision> {
        self.decisions.last()
    }

    /// What was decided on for an epoch.
    pub(super) fn decision(&self, epoch: Epoch) -> Option<&Decision> {
        self.decisions.iter().rev().find(|decision| decision.epoch == epoch)
    }

    pub(super) fn set_grantable(&mut self, epoch: Epoch) {
        let mut known = self.decisions.iter_mut();
        if let Some(decision) = known.find(|decision| decision.epoch == epoch) {
            decision.is_grantable = true;
        }
    }

    /// Notes what a node acts under from now on; gives the highest epoch that it was granted before.
    pub(super) fn set_grant(&mut self, grant: Grant) -> Epoch {
        // A node that stood still may hear late of an epoch that is over.
        if self.grant.is_none_or(|last| last.epoch <= grant.epoch) {
            self.grant = Some(grant);
        }
        match self.granted.iter_mut().find(|(node, _)| *node == grant.node) {
            Some((_, highest)) => std::mem::replace(highest, grant.epoch.max(*highest)),
            None => {
                self.granted.push((grant.node, grant.epoch));
                Epoch::new(0)
            }
        }
    }

    /// Whether the owner may write under an epoch.
    pub(super) fn granted_max(&self) -> Epoch {
        self.granted.iter().map(|(_, epoch)| *epoch).max().unwrap_or_default()
    }

    /// Whether the owner has a leg rebuilt.
    pub(super) fn is_rebuilding(&self) -> bool {
        let is_rebuilt = |grant: &Grant| {
            let mut legs = self.slots();
            legs.any(|(leg, _)| LegMode::of(grant.modes, leg) == LegMode::WriteOnly)
        };
        self.grant.as_ref().is_some_and(is_rebuilt)
    }
}
