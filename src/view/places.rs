//! Where the blocks that a run touched are, both ways. Knows no layout: it asks who does.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::VolumeId;
use crate::base::history::OpInvoked;

use super::scene::Scene;

/// Neighbouring blocks of a volume that are neighbours on the legs that hold them, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The volume.
    pub volume: VolumeId,
    /// The first block.
    pub block: u64,
    /// How many there are.
    pub blocks: u64,
    /// The legs that hold them, a bit each.
    pub legs: u16,
    /// The first one's place on these legs.
    pub at: u64,
}

/// Blocks on one leg: the first one's place, how many, the first block.
type OnLeg = (u64, u64, u64);

/// The blocks that operations of a run were about, and their places.
pub struct Places {
    stretches: Vec<Stretch>,
    /// By volume and leg, in the order of places.
    back: BTreeMap<(VolumeId, u8), Vec<OnLeg>>,
}

impl Places {
    /// Asks for the place of each block that an operation of the run was about. Where nobody knows the layout,
    /// each leg is taken for a copy of the volume.
    #[must_use]
    pub fn of(scene: &Scene<'_>) -> Self {
        let mut touched = BTreeSet::new();
        for record in scene.trace {
            if let Some(op) = record.get::<OpInvoked>() {
                touched.extend((0..u64::from(op.blocks)).map(|at| (op.volume, op.block + at)));
            }
        }
        let mut stretches: Vec<Stretch> = Vec::new();
        for (volume, block) in touched {
            let known = scene.places.get(volume.index());
            let (legs, at) = known.map_or((u16::MAX, block), |places| places.place(block));
            match stretches.last_mut() {
                Some(last)
                    if (last.volume, last.legs) == (volume, legs)
                        && (last.block + last.blocks, last.at + last.blocks) == (block, at) =>
                {
                    last.blocks += 1;
                }
                _ => stretches.push(Stretch { volume, block, blocks: 1, legs, at }),
            }
        }
        let mut back: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for stretch in &stretches {
            for leg in (0..16).filter(|leg| stretch.legs >> leg & 1 == 1) {
                let of_leg = back.entry((stretch.volume, leg)).or_default();
                of_leg.push((stretch.at, stretch.blocks, stretch.block));
            }
        }
        back.values_mut().for_each(|of_leg| of_leg.sort_unstable());
        Self { stretches, back }
    }

    /// All of them, by volume and block.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The block that a leg holds at a place, if it is one that an operation was about.
    #[must_use]
    pub fn block_at(&self, volume: VolumeId, leg: u8, at: u64) -> Option<u64> {
        let of_leg = self.back.get(&(volume, leg))?;
        let after = of_leg.partition_point(|(place, ..)| *place <= at);
        let (place, blocks, block) = of_leg[after.checked_sub(1)?];
        (at < place + blocks).then_some(block + (at - place))
    }
}
