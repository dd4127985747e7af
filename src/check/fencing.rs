//! After a fence was raised, nothing of an older epoch reaches the medium behind it. Knows no protocol:
//! only fences, and the tags that commands carry.

use crate::base::history::{FenceRaised, MediaWritten};
use crate::base::{DiskId, Epoch, LegIndex, Nanos, Record, Recorded, VolumeId};

use super::checker::Checker;
use super::history::History;
use super::name::Check;
use super::violation::Violation;

/// The tag of writes that belong to no epoch: a target's own metadata.
const NO_EPOCH: u64 = u64::MAX;

const WRITTEN: u32 = MediaWritten::TYPE.code;
const RAISED: u32 = FenceRaised::TYPE.code;

/// The checker of fences. It reports one violation for a fenced range.
#[derive(Clone, Debug, Default)]
pub struct Fencing {
    /// By disk.
    fences: Vec<Vec<Fence>>,
    violations: Vec<Violation>,
}

#[derive(Clone, Debug)]
struct Fence {
    first: u64,
    blocks: u64,
    epoch: Epoch,
    raised: Nanos,
    volume: VolumeId,
    leg: LegIndex,
    reported: bool,
}

impl Checker for Fencing {
    fn observe(&mut self, record: &Record, history: &History) {
        match record.kind.code {
            WRITTEN => {
                let written = MediaWritten::from_words(&record.words);
                self.written(record.at, &written, history);
            }
            RAISED => self.raised(record.at, FenceRaised::from_words(&record.words)),
            _ => {}
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

impl Fencing {
    fn raised(&mut self, at: Nanos, raised: FenceRaised) {
        let disk = raised.disk.index();
        if disk >= self.fences.len() {
            self.fences.resize_with(disk + 1, Vec::new);
        }
        let FenceRaised { volume, leg, first, blocks, epoch, .. } = raised;
        let fences = &mut self.fences[disk];
        match fences.iter_mut().find(|fence| fence.first == first && fence.blocks == blocks) {
            // A fence never comes down.
            Some(fence) if fence.epoch >= epoch => {}
            Some(fence) => {
                (fence.epoch, fence.raised) = (epoch, at);
                (fence.volume, fence.leg) = (volume, leg);
            }
            None => fences.push(Fence {
                first,
                blocks,
                epoch,
                raised: at,
                volume,
                leg,
                reported: false,
            }),
        }
    }

    /// Whether it has found anything.
    pub(super) fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }

    /// A medium was written.
    pub(super) fn written(&mut self, at: Nanos, written: &MediaWritten, history: &History) {
        if written.tag == NO_EPOCH {
            return;
        }
        let Some(fences) = self.fences.get_mut(written.disk.index()) else {
            return;
        };
        let end = written.lba.saturating_add(u64::from(written.blocks));
        for fence in fences {
            let behind =
                written.lba < fence.first.saturating_add(fence.blocks) && fence.first < end;
            if behind && written.tag < fence.epoch.get() && !fence.reported {
                fence.reported = true;
                self.violations.push(violation(at, *written, fence, history));
            }
        }
    }
}

fn violation(at: Nanos, written: MediaWritten, fence: &Fence, history: &History) -> Violation {
    let disk: DiskId = written.disk;
    let (epoch, tag) = (fence.epoch, Epoch::new(written.tag));
    let end = written.lba.saturating_add(u64::from(written.blocks));
    let fence_end = fence.first.saturating_add(fence.blocks);
    Violation {
        check: Check::Fencing,
        kind: "old-epoch-write",
        component: disk.to_string(),
        volume: Some(fence.volume),
        disk: Some(disk),
        block: Some(written.lba),
        ops: Vec::new(),
        at,
        found: format!("blocks {}..{end} of the disk written under {tag}", written.lba),
        expected: format!("nothing of an epoch below {epoch} from {} on", fence.raised),
        detail: vec![format!(
            "blocks {}..{fence_end} are {} of {}; its registration under {epoch} was acknowledged {}",
            fence.first, fence.leg, fence.volume, fence.raised
        )],
        recent: history.records().of_disk(disk, written.lba, u64::from(written.blocks)),
    }
}
