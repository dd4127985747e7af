//! Whether the legs of a block may differ, as marks, grants and recoveries have it: which marks an owner found that were
//! left by the one before. Tells no story.

use std::collections::BTreeMap;

use crate::base::protocol::{MarkChanged, OwnerGranted};
use crate::base::{DiskId, Record, VolumeId};

use super::scene::{LegOnDisk, field};

/// The marks of one block's region, while a trace goes by.
pub struct Unequal {
    volume: VolumeId,
    /// Which region it is.
    region: u64,
    /// The disks with a leg of the block, and what the legs are called.
    legs: BTreeMap<DiskId, u8>,
    marked: BTreeMap<u8, bool>,
    /// The epoch of the last grant that came to a marked region, and the legs that were.
    left: Option<(u64, Vec<u8>)>,
}

/// What a record says of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is equal on all legs from here on.
    Equal,
    /// Nothing, or nothing that is told.
    None,
}

impl Unequal {
    /// Of a block whose place on these legs is known; `None` where nobody said how many blocks a mark covers.
    #[must_use]
    pub fn of(volume: VolumeId, legs: &[(LegOnDisk, u64)]) -> Option<Self> {
        let (leg, lba) = legs.first()?;
        let region = (lba - leg.first).checked_div(u64::from(leg.depth))?;
        let legs = legs.iter().map(|(leg, _)| (leg.disk, leg.leg)).collect();
        Some(Self { volume, region, legs, marked: BTreeMap::new(), left: None })
    }

    /// Takes in the next record.
    pub fn observe(&mut self, record: &Record) -> Change {
        if let Some(mark) = record.get::<MarkChanged>() {
            if u64::from(mark.region) == self.region
                && let Some(leg) = self.legs.get(&mark.disk)
            {
                self.marked.insert(*leg, mark.marked);
                if !mark.marked
                    && let Some((_, left)) = &mut self.left
                {
                    left.retain(|known| known != leg);
                }
            }
        } else if let Some(granted) = record.get::<OwnerGranted>() {
            if granted.volume == self.volume {
                let marked = self.marked.iter().filter(|(_, marked)| **marked);
                let legs: Vec<u8> = marked.map(|(leg, _)| *leg).collect();
                self.left = Some((granted.epoch.get(), legs));
            }
        } else if record.kind.name == "client.recovered"
            && field(record, "volume") == Some(u64::from(self.volume.get()))
            && field(record, "region") == Some(self.region)
        {
            self.left = None;
            return Change::Equal;
        }
        Change::None
    }

    /// What there is to say of a read now: that the region was marked when its owner came, and has not been made equal since.
    #[must_use]
    pub fn caveat(&self) -> Option<String> {
        let (epoch, legs) = self.left.as_ref().filter(|(_, legs)| !legs.is_empty())?;
        let legs: Vec<String> = legs.iter().map(|leg| format!("leg{leg}")).collect();
        Some(format!(
            "region {}, in which the block is, was marked on {} when epoch {epoch} began, and has not been made equal since",
            self.region,
            legs.join(" and ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Unequal};
    use crate::base::protocol::{MarkChanged, OwnerGranted};
    use crate::base::{DiskId, Epoch, LegIndex, Nanos, Record, Recorded, VolumeId};
    use crate::view::scene::LegOnDisk;

    crate::record! {
        /// As clients have it.
        pub struct Recovered = "client.recovered", Notable { volume: VolumeId, region: u32 }
    }

    fn record<R: Recorded>(what: R) -> Record {
        let (at, kind, words) = (Nanos::ZERO, R::TYPE, what.words());
        Record { at, seq: 1, cause: 0, node: None, cpu: None, kind, words }
    }

    fn mark(leg: u8, region: u32, marked: bool) -> Record {
        let (volume, disk) = (VolumeId::new(0), DiskId::new(u32::from(leg)));
        record(MarkChanged { disk, volume, leg: LegIndex::new(leg), region, marked })
    }

    fn granted(epoch: u64) -> Record {
        let volume = VolumeId::new(0);
        record(OwnerGranted { volume, epoch: Epoch::new(epoch), modes: 0 })
    }

    fn region_one() -> Unequal {
        let leg = |leg: u8| {
            let (disk, volume) = (DiskId::new(u32::from(leg)), VolumeId::new(0));
            (LegOnDisk { disk, volume, leg, first: 100, blocks: 64, depth: 8 }, 100 + 9)
        };
        Unequal::of(VolumeId::new(0), &[leg(0), leg(1)]).expect("its place is known")
    }

    #[test]
    fn a_region_that_an_owner_finds_marked_is_told_until_it_is_equal() {
        let mut one = region_one();
        for seen in [mark(0, 1, true), mark(1, 1, true), mark(0, 2, true)] {
            one.observe(&seen);
        }
        assert_eq!(one.caveat(), None, "it is its owner's own mark");
        one.observe(&granted(3));
        let caveat = one.caveat().expect("the marks are of another's");
        assert!(caveat.contains("region 1") && caveat.contains("leg0 and leg1"), "{caveat}");
        let (volume, region) = (VolumeId::new(0), 1);
        assert_eq!(one.observe(&record(Recovered { volume, region: 2 })), Change::None);
        assert!(one.caveat().is_some());
        assert_eq!(one.observe(&record(Recovered { volume, region })), Change::Equal);
        assert_eq!(one.caveat(), None);
    }

    #[test]
    fn a_mark_that_is_taken_away_needs_no_recovery() {
        let mut one = region_one();
        one.observe(&mark(0, 1, true));
        one.observe(&granted(3));
        one.observe(&mark(0, 1, false));
        assert_eq!(one.caveat(), None);
    }
}
