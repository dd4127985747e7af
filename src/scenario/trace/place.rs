//! Recorded operations onto the blocks of a volume. Parses nothing.

use crate::base::history::OpKind;
use crate::base::{BlockSize, Replay, ReplayStep};

use super::recorder::{Trace, TraceOp};
use super::speed::Speed;

/// The most blocks of one operation.
pub(in crate::scenario) const BLOCKS_MAX: u64 = 1024;
/// The most operations of one trace, split.
pub(in crate::scenario) const STEPS_MAX: usize = 1_000_000;

/// Puts the operations of a trace onto the blocks from `region.0` to `region.1`. Whole blocks are read and written,
/// those that an operation touches; trimmed are those that it has in full. What lies beyond the region is moved to where
/// it is modulo the region's size; what reaches over its end goes on at its start. `None` when it is too many.
pub(super) fn placed(
    trace: &Trace,
    speed: Speed,
    block_size: BlockSize,
    region: (u64, u64),
) -> Option<Replay> {
    let mut placing = Placing {
        block: block_size.bytes() as u64,
        first: region.0,
        size: region.1 - region.0 + 1,
        replay: Replay::default(),
    };
    placing.replay.skipped = trace.skipped.iter().map(|skipped| skipped.lines).sum();
    for op in &trace.ops {
        placing.place(&TraceOp { at: speed.of(op.at), ..*op });
        if placing.replay.steps.len() > STEPS_MAX {
            return None;
        }
    }
    Some(placing.replay)
}

struct Placing {
    /// The bytes of a block.
    block: u64,
    /// The region's first block, and how many it has.
    first: u64,
    size: u64,
    replay: Replay,
}

impl Placing {
    fn place(&mut self, op: &TraceOp) {
        if op.kind == OpKind::Flush {
            return self.push(op, 0, 1);
        }
        let end = op.offset.saturating_add(op.length);
        let is_whole = op.offset.is_multiple_of(self.block) && end.is_multiple_of(self.block);
        self.replay.rounded += u64::from(!is_whole);
        let (from, to) = match op.kind {
            OpKind::Trim => (op.offset.div_ceil(self.block), end / self.block),
            _ => (op.offset / self.block, end.div_ceil(self.block)),
        };
        if from >= to {
            // Less than a block was trimmed.
            self.replay.skipped += 1;
            return;
        }
        let blocks = (to - from).min(self.size);
        self.replay.clamped += u64::from(blocks < to - from);
        self.replay.moved += u64::from(from >= self.size);
        let place = from % self.size;
        let before_end = blocks.min(self.size - place);
        let parts = [(place, before_end), (0, blocks - before_end)];
        let before = self.replay.steps.len();
        for (place, blocks) in parts {
            self.push_all(op, place, blocks);
        }
        self.replay.split += u64::from(self.replay.steps.len() > before + 1);
    }

    /// In as many operations as it takes.
    fn push_all(&mut self, op: &TraceOp, place: u64, blocks: u64) {
        for from in (0..blocks).step_by(BLOCKS_MAX as usize) {
            if self.replay.steps.len() > STEPS_MAX {
                return;
            }
            self.push(op, place + from, (blocks - from).min(BLOCKS_MAX) as u32);
        }
    }

    fn push(&mut self, op: &TraceOp, place: u64, blocks: u32) {
        let block = self.first + place;
        self.replay.steps.push(ReplayStep { at: op.at, kind: op.kind, block, blocks });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BLOCKS_MAX, placed};
    use crate::base::history::OpKind;
    use crate::base::{BlockSize, Nanos, Replay};
    use crate::scenario::trace::{Speed, Trace, TraceOp};

    fn place(kind: OpKind, offset: u64, length: u64, region: (u64, u64)) -> Replay {
        let op = TraceOp { at: Nanos::new(10), kind, offset, length, line: 1 };
        let trace = Trace { ops: vec![op], skipped: Vec::new() };
        placed(&trace, Speed::RECORDED, BlockSize::B4096, region).unwrap()
    }

    fn extents(replay: &Replay) -> Vec<(u64, u32)> {
        replay.steps.iter().map(|step| (step.block, step.blocks)).collect()
    }

    #[test]
    fn operations_are_rounded_moved_split_and_clamped() {
        let replay = place(OpKind::Write, 4096, 8192, (10, 19));
        assert_eq!(extents(&replay), [(11, 2)]);
        assert_eq!((replay.rounded, replay.moved, replay.split, replay.clamped), (0, 0, 0, 0));
        let replay = place(OpKind::Read, 512, 4096, (10, 19));
        assert_eq!((extents(&replay), replay.rounded), (vec![(10, 2)], 1));
        let replay = place(OpKind::Read, 4096 * 1009, 4096 * 3, (10, 19));
        assert_eq!(extents(&replay), [(19, 1), (10, 2)]);
        assert_eq!((replay.moved, replay.split), (1, 1));
        let replay = place(OpKind::Write, 4096, 4096 * 30, (0, 9));
        assert_eq!((extents(&replay), replay.clamped), (vec![(1, 9), (0, 1)], 1));
        let replay = place(OpKind::Write, 0, 4096 * 1500, (0, 9_999));
        assert_eq!((extents(&replay), replay.split), (vec![(0, 1024), (1024, 476)], 1));
    }

    #[test]
    fn only_whole_blocks_are_trimmed() {
        assert_eq!(extents(&place(OpKind::Trim, 100, 8192, (0, 9))), [(1, 1)]);
        let replay = place(OpKind::Trim, 100, 4096, (0, 9));
        assert_eq!((replay.steps.len(), replay.skipped), (0, 1));
    }

    #[test]
    fn what_would_be_endless_is_refused() {
        let op = |line| TraceOp {
            at: Nanos::ZERO,
            kind: OpKind::Read,
            offset: 0,
            length: u64::MAX,
            line,
        };
        let trace = Trace { ops: (0..2_000).map(op).collect(), skipped: Vec::new() };
        let region = (0, 1024 * 1024 - 1);
        assert!(placed(&trace, Speed::RECORDED, BlockSize::B512, region).is_none());
    }

    proptest! {
        #[test]
        fn every_step_is_within_the_region(
            kind in prop::sample::select(OpKind::ALL),
            offset in any::<u64>(),
            length in 1..u64::MAX,
            first in 0_u64..100_000,
            size in 1_u64..100_000,
        ) {
            let replay = place(kind, offset, length, (first, first + size - 1));
            for step in &replay.steps {
                prop_assert!(step.blocks >= 1 && u64::from(step.blocks) <= BLOCKS_MAX);
                prop_assert!(step.block >= first);
                prop_assert!(step.block + u64::from(step.blocks) <= first + size);
            }
        }
    }
}
