//! Inside the fault budget no operation fails and no block is lost: every volume keeps a good copy. Judges
//! neither data nor time.

use crate::base::history::{OpKind, OpResult, OpReturned};
use crate::base::{OpId, Record, Recorded, VolumeId};
use crate::check::{Check, Checker, Freeze, History, Violation};

const RETURNED: u32 = OpReturned::TYPE.code;

/// The checker of operations that failed although the configuration promises that they succeed, and
/// of blocks recorded as lost. It reports each kind once for a volume.
#[derive(Debug, Default)]
pub(super) struct Honest {
    violations: Vec<Violation>,
    reported: Vec<(VolumeId, &'static str)>,
}

impl Checker for Honest {
    fn codes(&self) -> Option<&'static [u32]> {
        Some(&[RETURNED])
    }

    fn observe(&mut self, record: &Record, history: &History) {
        let Some(returned) = record.get::<OpReturned>() else { return };
        let kind = match returned.result {
            OpResult::Ok | OpResult::Refused => return,
            OpResult::InDoubt => "failed-in-doubt",
            OpResult::MediaError => "failed-unreadable",
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
    fn is_new(&mut self, volume: VolumeId, kind: &'static str) -> bool {
        let is_new = !self.reported.contains(&(volume, kind));
        if is_new {
            self.reported.push((volume, kind));
        }
        is_new
    }
}
