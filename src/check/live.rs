//! Every operation returns, unless its application died. Looks only at what is left at the end: how long
//! is too long is for the run's limits to say.

use crate::base::{Nanos, VolumeId};

use super::checker::Checker;
use super::history::History;
use super::name::Check;
use super::operations::Operation;
use super::origin;
use super::violation::Violation;

/// How many operations a violation describes.
const OPS_DESCRIBED_MAX: usize = 8;

/// The checker of operations that never return. It reports one violation for a volume.
#[derive(Clone, Debug, Default)]
pub struct Live {
    violations: Vec<Violation>,
}

impl Checker for Live {
    fn finish(&mut self, at: Nanos, history: &History) {
        let left = history.in_flight();
        let mut volumes: Vec<VolumeId> = left.iter().map(|operation| operation.volume).collect();
        volumes.sort_unstable();
        volumes.dedup();
        for volume in volumes {
            let left: Vec<&Operation> =
                left.iter().filter(|operation| operation.volume == volume).copied().collect();
            self.violations.push(violation(at, volume, &left, history));
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn violation(at: Nanos, volume: VolumeId, left: &[&Operation], history: &History) -> Violation {
    let oldest = left[0];
    let mut detail: Vec<String> =
        left.iter().skip(1).take(OPS_DESCRIBED_MAX).map(|operation| operation.text()).collect();
    if left.len() > 1 {
        detail.insert(0, format!("{} operations never returned; besides the oldest:", left.len()));
    }
    let ops = origin::distinct(left.iter().map(|operation| operation.op()));
    Violation {
        check: Check::Live,
        kind: "io-never-returned",
        component: volume.to_string(),
        volume: Some(volume),
        disk: None,
        block: None,
        at,
        found: format!(
            "{}, still out {} later",
            oldest.text(),
            at.saturating_sub(oldest.invoked.at)
        ),
        expected: "its return, or the death of its application".to_owned(),
        detail,
        recent: history.recent(volume, None, &ops[..ops.len().min(OPS_DESCRIBED_MAX)]),
        ops,
    }
}
