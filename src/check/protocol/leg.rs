//! A leg as its records show it: what it has registered, where it is marked, what landed on it lately.
//! Judges nothing.

use crate::base::{DiskId, Epoch, LegIndex, Nanos, NodeId, Seq, VolumeId};

/// How many places of a leg are remembered as written, a power of two.
const LANDED_MAX: usize = 256;

/// Places, and when each was written last.
type Landed = Box<[(u64, Seq); LANDED_MAX]>;

/// Where a leg was before it moved: to an owner that knows of no move it is there.
#[derive(Clone, Debug)]
struct Before {
    /// Owners of earlier epochs know of no move.
    under: Epoch,
    /// The highest epoch that it registered there.
    fenced: Epoch,
    /// Its disks, and from where to where it was on each.
    places: Vec<(DiskId, u64, u64)>,
    /// What was written last on any of them.
    landed: Landed,
}

/// A leg.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) volume: VolumeId,
    pub(super) leg: LegIndex,
    /// Where it is.
    pub(super) disk: DiskId,
    /// Its target.
    pub(super) node: Option<NodeId>,
    /// Where it begins on the disk.
    first: u64,
    /// How many blocks are behind its fence.
    blocks: u64,
    /// How many of them are data, each `depth` of which have a mark; nothing is known of marks if 0.
    data: u64,
    depth: u32,
    /// The highest epoch that it ever registered.
    pub(super) fenced: Epoch,
    /// The epoch that it registered in this life of its target.
    pub(super) registered: Option<Epoch>,
    /// Whether it serves that epoch: no other one is being registered.
    pub(super) is_serving: bool,
    /// When its target died last: what was half done then may still land.
    died: Option<Nanos>,
    /// Writes of epochs up to this one are fine, as far as registrations and grants go.
    pub(super) allowed: Epoch,
    marks: Vec<u64>,
    /// What was written last, by the lower bits of the place.
    landed: Landed,
    /// Where it was before, if it ever moved.
    before: Option<Before>,
    /// Whether an owner was granted an epoch without it in sync since it was.
    pub(super) has_missed: bool,
    /// The last epoch under which its owner said that it is rebuilt.
    pub(super) rebuilt: Epoch,
}

impl Leg {
    pub(super) fn new((volume, leg): (VolumeId, LegIndex), disk: DiskId, first: u64) -> Self {
        Self {
            volume,
            leg,
            disk,
            node: None,
            first,
            blocks: 0,
            data: 0,
            depth: 0,
            fenced: Epoch::new(0),
            registered: None,
            is_serving: false,
            died: None,
            allowed: Epoch::new(0),
            marks: Vec::new(),
            landed: Box::new([(0, 0); LANDED_MAX]),
            before: None,
            has_missed: false,
            rebuilt: Epoch::new(0),
        }
    }

    /// The same leg on another disk from this epoch on. Nothing is known of that yet but that it lacks everything.
    pub(super) fn moved(&self, disk: DiskId, under: Epoch) -> Self {
        let (mut landed, mut places) = (self.landed.clone(), Vec::new());
        if let Some(before) = &self.before {
            places.clone_from(&before.places);
            for (now, then) in landed.iter_mut().zip(before.landed.iter()) {
                *now = if now.1 < then.1 { *then } else { *now };
            }
        }
        places.push((self.disk, self.first, self.blocks));
        let before = Before { under, fenced: self.fenced_for(Epoch::new(0)), places, landed };
        let here = Self::new((self.volume, self.leg), disk, 0);
        Self { has_missed: true, before: Some(before), ..here }
    }

    /// The highest epoch that it registered: where it is or, for an owner of an epoch before it came there, where it was.
    pub(super) fn fenced_for(&self, epoch: Epoch) -> Epoch {
        let before = self.before.as_ref().filter(|before| epoch < before.under);
        before.map_or(self.fenced, |before| before.fenced.max(self.fenced))
    }

    /// Some blocks were written on a disk that it is not on: what of it was late there.
    pub(super) fn note_landed_before(&mut self, (disk, lba, blocks): (DiskId, u64, u32), seq: Seq) {
        let Some(before) = &mut self.before else { return };
        for (_, first, count) in before.places.iter().filter(|(held, ..)| *held == disk) {
            for at in (lba..lba + u64::from(blocks)).filter_map(|lba| lba.checked_sub(*first)) {
                if at < *count {
                    before.landed[at as usize % LANDED_MAX] = (at, seq);
                }
            }
        }
    }

    /// Its metadata was read: it is unmarked but for what is told next.
    pub(super) fn loaded(&mut self, (first, data): (u64, u64), depth: u32) {
        (self.first, self.data, self.depth) = (first, data, depth);
        self.blocks = self.blocks.max(data);
        self.is_serving = false;
        self.marks.clear();
        self.marks.resize(data.div_ceil(u64::from(depth.max(1))).div_ceil(64) as usize, 0);
    }

    /// A registration is complete.
    pub(super) fn register(&mut self, (first, blocks): (u64, u64), epoch: Epoch) {
        (self.first, self.blocks) = (first, blocks);
        self.registered = Some(epoch);
        self.fenced = self.fenced.max(epoch);
        self.is_serving = true;
    }

    /// Its target is gone, and the registration with it.
    pub(super) fn target_died(&mut self, at: Nanos) {
        self.registered = None;
        self.is_serving = false;
        self.allowed = Epoch::new(0);
        self.died = Some(at);
    }

    /// Whether its target has died just now.
    pub(super) fn is_dying(&self, now: Nanos) -> bool {
        self.died == Some(now)
    }

    pub(super) fn set_mark(&mut self, region: u32, marked: bool) {
        let Some(word) = self.marks.get_mut(region as usize / 64) else { return };
        let bit = 1 << (region % 64);
        *word = if marked { *word | bit } else { *word & !bit };
    }

    /// The place on the leg of a block of its disk, if it has that.
    pub(super) fn place(&self, lba: u64) -> Option<u64> {
        lba.checked_sub(self.first).filter(|at| *at < self.blocks)
    }

    /// Of blocks of its disk, those that are its own: the first place, and how many.
    pub(super) fn part(&self, lba: u64, blocks: u32) -> Option<(u64, u64)> {
        let end = lba.saturating_add(u64::from(blocks)).min(self.first + self.blocks);
        let start = lba.max(self.first);
        (start < end).then(|| (start - self.first, end - start))
    }

    /// Whether a place holds data, and no journal.
    pub(super) fn is_data(&self, at: u64) -> bool {
        at < self.data
    }

    /// A place among these that is data and not marked.
    #[inline]
    pub(super) fn unmarked(&self, at: u64, blocks: u64) -> Option<u64> {
        let end = (at + blocks).min(self.data);
        if self.depth == 0 || at >= end {
            return None;
        }
        let (mut region, last) = (self.region(at), self.region(end - 1));
        while self.has_mark(region) {
            if region == last {
                return None;
            }
            region += 1;
        }
        Some((region * u64::from(self.depth)).max(at))
    }

    fn has_mark(&self, region: u64) -> bool {
        let word = self.marks.get(region as usize / 64).copied().unwrap_or(0);
        word >> (region % 64) & 1 == 1
    }

    /// Mostly a shift: this is asked for every write.
    fn region(&self, at: u64) -> u64 {
        match self.depth.is_power_of_two() {
            true => at >> self.depth.trailing_zeros(),
            false => at / u64::from(self.depth),
        }
    }

    /// These places were written.
    pub(super) fn note_landed(&mut self, at: u64, blocks: u64, seq: Seq) {
        for at in at..at + blocks {
            self.landed[at as usize % LANDED_MAX] = (at, seq);
        }
    }

    /// Whether the place surely was not written since: where the leg is or, for an owner of an epoch before it came there,
    /// where it was. Another place that shares its memory hides it.
    pub(super) fn surely_lacks(&self, at: u64, since: Seq, granted: Epoch) -> bool {
        let lacks = |landed: &Landed| landed[at as usize % LANDED_MAX].1 <= since;
        let before = self.before.as_ref().filter(|before| granted < before.under);
        lacks(&self.landed) && before.is_none_or(|before| lacks(&before.landed))
    }
}
