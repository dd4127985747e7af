//! Inside the fault budget no operation fails and no block is lost: every volume keeps a good copy. Judges
//! neither data nor time.

use crate::base::history::{OpKind, OpResult, OpReturned};
use crate::base::protocol::{TopologyDecided, TopologyFound, TopologyPersisted};
use crate::base::{Epoch, NodeId, OpId, Record, Recorded, VolumeId};
use crate::check::{Check, Checker, Freeze, History, Violation};

const RETURNED: u32 = OpReturned::TYPE.code;
const DECIDED: u32 = TopologyDecided::TYPE.code;
const PERSISTED: u32 = TopologyPersisted::TYPE.code;
const FOUND: u32 = TopologyFound::TYPE.code;

/// The checker of operations that failed although the configuration promises that they succeed, and
/// of blocks recorded as lost. It reports each kind once for a volume.
#[derive(Debug, Default)]
pub(super) struct Honest {
    violations: Vec<Violation>,
    reported: Vec<(VolumeId, &'static str)>,
    /// By volume, the client that is to have it by what was decided on last, and the epoch of that.
    decided: Vec<(VolumeId, Epoch, NodeId)>,
    /// By volume, the client that has it by what is in the database.
    owners: Vec<(VolumeId, NodeId)>,
    /// Volumes with clients that they were taken from.
    taken: Vec<(VolumeId, NodeId)>,
}

impl Checker for Honest {
    fn codes(&self) -> Option<&'static [u32]> {
        Some(&[RETURNED, DECIDED, PERSISTED, FOUND])
    }

    fn observe(&mut self, record: &Record, history: &History) {
        if let Some(TopologyDecided { volume, epoch, owner, .. }) = record.get() {
            self.decided.retain(|(known, ..)| *known != volume);
            return self.decided.push((volume, epoch, owner));
        }
        if let Some(TopologyPersisted { volume, epoch }) = record.get() {
            let mut decided = self.decided.iter();
            let decided = decided.find(|(of, at, _)| (*of, *at) == (volume, epoch)).copied();
            return decided.into_iter().for_each(|(volume, _, owner)| self.given(volume, owner));
        }
        if let Some(TopologyFound { volume, owner, .. }) = record.get() {
            return self.given(volume, owner);
        }
        let Some(returned) = record.get::<OpReturned>() else { return };
        let kind = match returned.result {
            OpResult::Ok | OpResult::Refused => return,
            OpResult::InDoubt => "failed-in-doubt",
            OpResult::MediaError => "failed-unreadable",
            OpResult::Taken if self.was_taken(returned.volume, record.node) => return,
            OpResult::Taken => "failed-though-owner",
        };
        let (volume, op) = (returned.volume, returned.op);
        if !self.is_new(volume, kind) {
            return;
        }
        let what = match returned.kind {
            OpKind::Read => "read",
            OpKind::Write | OpKind::WriteFua => "write",
            OpKind::Flush => "flush",
            OpKind::Trim => "trim",
        };
        self.violations.push(Violation {
            check: Check::Durable,
            kind,
            component: volume.to_string(),
            volume: Some(volume),
            disk: None,
            block: None,
            ops: vec![op],
            at: record.at,
            found: format!("{what} {op} failed: {}", returned.result),
            expected: "success: within the fault budget every volume keeps a good copy".to_owned(),
            detail: Vec::new(),
            recent: history.recent(volume, None, &[op]),
        });
    }

    fn at_freeze(&mut self, freeze: &Freeze<'_>) {
        if !freeze.at_rest {
            return;
        }
        for volume in freeze.volumes {
            let lost = |block: &u64| {
                volume.holders(*block, true).any(|leg| volume.media.poisoned(leg, *block))
            };
            let Some(block) = (0..volume.blocks).find(lost) else { continue };
            if !self.is_new(volume.id, "lost-block") {
                continue;
            }
            let ops: Vec<OpId> =
                freeze.history.values(volume.id, block).iter().map(|value| value.op).collect();
            self.violations.push(Violation {
                check: Check::Durable,
                kind: "lost-block",
                component: volume.id.to_string(),
                volume: Some(volume.id),
                disk: None,
                block: Some(block),
                at: freeze.at,
                found: "a block recorded as unreadable".to_owned(),
                expected: "its contents: within the fault budget one leg always had them"
                    .to_owned(),
                detail: Vec::new(),
                recent: freeze.history.recent(volume.id, Some(block), &ops),
                ops,
            });
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

impl Honest {
    /// A volume is this client's, on record, and no other's.
    fn given(&mut self, volume: VolumeId, owner: NodeId) {
        let Some((_, known)) = self.owners.iter_mut().find(|(known, _)| *known == volume) else {
            return self.owners.push((volume, owner));
        };
        let before = std::mem::replace(known, owner);
        if before != owner && !self.taken.contains(&(volume, before)) {
            self.taken.push((volume, before));
        }
    }

    fn was_taken(&self, volume: VolumeId, client: Option<NodeId>) -> bool {
        client.is_some_and(|client| self.taken.contains(&(volume, client)))
    }

    fn is_new(&mut self, volume: VolumeId, kind: &'static str) -> bool {
        let is_new = !self.reported.contains(&(volume, kind));
        if is_new {
            self.reported.push((volume, kind));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::Honest;
    use crate::base::history::{OpKind, OpResult, OpReturned};
    use crate::base::protocol::{TopologyDecided, TopologyPersisted};
    use crate::base::{Epoch, Nanos, NodeId, OpId, Record, Recorded, VolumeId};
    use crate::check::{Checker, History};

    const VOLUME: VolumeId = VolumeId::new(0);
    const CLIENT: NodeId = NodeId::new(1);

    fn record<R: Recorded>(node: NodeId, what: &R) -> Record {
        let (at, kind, words) = (Nanos::ZERO, R::TYPE, what.words());
        Record { at, seq: 1, cause: 0, node: Some(node), cpu: None, kind, words }
    }

    /// The kinds of violations after the volume went to these owners and an operation of the client failed so.
    fn found(owners: &[u32], result: OpResult) -> Vec<&'static str> {
        found_when(owners, owners.len(), result)
    }

    /// The same, if only so many of these changes are on record by then.
    fn found_when(owners: &[u32], stored: usize, result: OpResult) -> Vec<&'static str> {
        let (mut honest, history) = (Honest::default(), History::new());
        let manager = NodeId::new(0);
        for (at, owner) in owners.iter().enumerate() {
            let (epoch, owner) = (Epoch::new(at as u64 + 1), NodeId::new(*owner));
            let decided = TopologyDecided { volume: VOLUME, epoch, modes: 0, owner };
            honest.observe(&record(manager, &decided), &history);
            if at < stored {
                let persisted = TopologyPersisted { volume: VOLUME, epoch };
                honest.observe(&record(manager, &persisted), &history);
            }
        }
        let returned = OpReturned { op: OpId::new(1), volume: VOLUME, kind: OpKind::Read, result };
        honest.observe(&record(CLIENT, &returned), &history);
        honest.take_violations().iter().map(|violation| violation.kind).collect()
    }

    #[test]
    fn no_operation_fails_within_the_budget() {
        assert_eq!(found(&[1], OpResult::InDoubt), ["failed-in-doubt"]);
        assert_eq!(found(&[1], OpResult::MediaError), ["failed-unreadable"]);
        assert!(found(&[1], OpResult::Ok).is_empty());
        assert!(found(&[1], OpResult::Refused).is_empty(), "nothing of the kind was promised");
    }

    #[test]
    fn only_what_was_taken_from_a_client_fails_as_taken() {
        assert_eq!(found(&[1], OpResult::Taken), ["failed-though-owner"]);
        assert_eq!(found(&[2, 3], OpResult::Taken), ["failed-though-owner"]);
        assert!(found(&[1, 2], OpResult::Taken).is_empty());
        assert!(found(&[1, 2, 1], OpResult::Taken).is_empty(), "it may have it again by then");
        assert_eq!(found_when(&[1, 2], 1, OpResult::Taken), ["failed-though-owner"]);
        assert_eq!(found(&[1, 2], OpResult::InDoubt), ["failed-in-doubt"]);
    }
}
