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
    owners: Vec<Owner>,
    /// Volumes with clients that they were taken from.
    taken: Vec<(VolumeId, NodeId)>,
}

/// Whose a volume is: epochs, and the client that has it under them.
#[derive(Debug)]
struct Owner {
    volume: VolumeId,
    /// By what was decided on last.
    decided: (Epoch, NodeId),
    /// By what is in the database.
    stored: Option<(Epoch, NodeId)>,
}

impl Checker for Honest {
    fn codes(&self) -> Option<&'static [u32]> {
        Some(&[RETURNED, DECIDED, PERSISTED, FOUND])
    }

    fn observe(&mut self, record: &Record, history: &History) {
        if let Some(TopologyDecided { volume, epoch, owner, .. }) = record.get() {
            return self.decided(volume, epoch, owner);
        }
        if let Some(TopologyPersisted { volume, epoch }) = record.get() {
            let mut owners = self.owners.iter();
            let known = owners.find(|it| it.volume == volume && it.decided.0 == epoch);
            if let Some((epoch, owner)) = known.map(|it| it.decided) {
                self.stored(volume, epoch, owner);
            }
            return;
        }
        if let Some(TopologyFound { volume, epoch, owner, .. }) = record.get() {
            self.decided(volume, epoch, owner);
            return self.stored(volume, epoch, owner);
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
    /// A volume is to be this client's. A manager that leads no longer may say so late, of an epoch that is over.
    fn decided(&mut self, volume: VolumeId, epoch: Epoch, owner: NodeId) {
        match self.owners.iter_mut().find(|it| it.volume == volume) {
            Some(known) if known.stored.is_some_and(|(stored, _)| epoch < stored) => {}
            Some(known) => known.decided = (epoch, owner),
            None => self.owners.push(Owner { volume, decided: (epoch, owner), stored: None }),
        }
    }

    /// A volume is this client's, on record, and no other's.
    fn stored(&mut self, volume: VolumeId, epoch: Epoch, owner: NodeId) {
        let known = self.owners.iter_mut().find(|it| it.volume == volume);
        let before = known.and_then(|it| it.stored.replace((epoch, owner)));
        if let Some((_, before)) = before.filter(|(_, before)| *before != owner)
            && !self.taken.contains(&(volume, before))
        {
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
    use crate::base::protocol::{TopologyDecided, TopologyFound, TopologyPersisted};
    use crate::base::{Epoch, Nanos, NodeId, OpId, Record, Recorded, VolumeId};
    use crate::check::{Checker, History};

    const VOLUME: VolumeId = VolumeId::new(0);
    const CLIENT: NodeId = NodeId::new(1);

    fn record<R: Recorded>(node: NodeId, what: &R) -> Record {
        let (at, kind, words) = (Nanos::ZERO, R::TYPE, what.words());
        Record { at, seq: 1, cause: 0, node: Some(node), cpu: None, kind, words }
    }

    /// What a manager says of the volume: an epoch, and its owner.
    enum Says {
        Decided(u64, u32),
        Persisted(u64),
        Found(u64, u32),
    }
    use Says::{Decided, Found, Persisted};

    fn observe(honest: &mut Honest, says: &Says) {
        let (history, manager, volume) = (History::new(), NodeId::new(0), VOLUME);
        let (modes, grantable) = (0, true);
        let record = match *says {
            Decided(epoch, owner) => {
                let (epoch, owner) = (Epoch::new(epoch), NodeId::new(owner));
                record(manager, &TopologyDecided { volume, epoch, modes, owner })
            }
            Persisted(epoch) => {
                record(manager, &TopologyPersisted { volume, epoch: Epoch::new(epoch) })
            }
            Found(epoch, owner) => {
                let (epoch, owner) = (Epoch::new(epoch), NodeId::new(owner));
                record(manager, &TopologyFound { volume, epoch, modes, owner, grantable })
            }
        };
        honest.observe(&record, &history);
    }

    /// The kinds of violations when an operation of the client has failed so, after all that.
    fn found_after(says: &[Says], client: NodeId, result: OpResult) -> Vec<&'static str> {
        let (mut honest, history) = (Honest::default(), History::new());
        says.iter().for_each(|says| observe(&mut honest, says));
        let returned = OpReturned { op: OpId::new(1), volume: VOLUME, kind: OpKind::Read, result };
        honest.observe(&record(client, &returned), &history);
        honest.take_violations().iter().map(|violation| violation.kind).collect()
    }

    /// The same, after the volume went to these owners, all on record.
    fn found(owners: &[u32], result: OpResult) -> Vec<&'static str> {
        let says = (1..).zip(owners);
        let says = says.flat_map(|(epoch, owner)| [Decided(epoch, *owner), Persisted(epoch)]);
        found_after(&says.collect::<Vec<_>>(), CLIENT, result)
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
        assert_eq!(found(&[1, 2], OpResult::InDoubt), ["failed-in-doubt"]);
    }
    #[test]
    fn taken_is_what_is_on_record_not_what_is_decided_on() {
        let first = || vec![Decided(1, 1), Persisted(1)];
        let taken = |then: Vec<Says>, client| {
            let says: Vec<Says> = first().into_iter().chain(then).collect();
            found_after(&says, NodeId::new(client), OpResult::Taken).is_empty()
        };
        assert!(!taken(vec![Decided(2, 2)], 1));
        assert!(!taken(vec![Decided(2, 2), Persisted(1)], 1), "that was before");
        // Its manager has died, and did not tell that it was stored.
        assert!(taken(vec![Decided(2, 2), Found(2, 2)], 1));
        assert!(!taken(vec![Decided(2, 2), Found(1, 1)], 1));
        let anew = || vec![Decided(2, 2), Found(1, 1), Decided(2, 3), Persisted(2)];
        assert!(taken(anew(), 1) && !taken(anew(), 2) && !taken(anew(), 3));
        // One that leads no longer tells late what the next one has found, and gone on from.
        let late = || vec![Found(1, 1), Decided(2, 2), Persisted(2), Decided(1, 1), Persisted(1)];
        assert!(taken(late(), 1) && !taken(late(), 2));
    }
}
