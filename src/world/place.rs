//! The volumes of a scenario as the cluster knows them, on the disks where the scenario placed them, and where
//! their blocks are, as the checkers are told.

use crate::base::VolumeId;
use crate::check::Places;
use crate::layout::AnyLayout;
use crate::layout::Layout;
use crate::node::{Extent, LegSpec, VolumeSpec};
use crate::scenario::{Integrity, PlacedLeg, Scenario};

use super::build::NodeTable;

/// All volumes with their legs.
pub(super) fn volumes(scenario: &Scenario, nodes: &NodeTable) -> Vec<VolumeSpec> {
    let placed = scenario.place_legs().expect("a loaded scenario fits its disks");
    let volumes = scenario.volumes.iter().zip(placed).enumerate();
    let specs = volumes.map(|(index, (volume, placed))| {
        let shape = scenario.shape(volume);
        let blocks = (shape.leg_blocks(volume.blocks), shape.journal_blocks());
        let mut legs: Vec<LegSpec> =
            placed.iter().map(|leg| leg_spec(leg, blocks, nodes)).collect();
        let spares = legs.split_off(usize::from(shape.legs()).min(legs.len()));
        VolumeSpec {
            id: VolumeId::new(index as u16),
            layout: shape,
            blocks: volume.blocks,
            region_depth: scenario.region_depth(volume),
            rebuild_rate: volume.rebuild_rate,
            scrub_rate: volume.scrub_rate,
            verified: volume.integrity == Integrity::Full,
            legs,
            spares,
            spare_after: volume.spare_after,
        }
    });
    specs.collect()
}

fn leg_spec(leg: &PlacedLeg, (blocks, journal_blocks): (u64, u64), nodes: &NodeTable) -> LegSpec {
    let (superblock, bitmap_blocks) = (leg.metadata, leg.bitmap_blocks);
    LegSpec {
        target: nodes.target(leg.disk.target),
        disk: nodes.disk(leg.disk),
        extent: Extent { data: leg.data, blocks, journal_blocks, superblock, bitmap_blocks },
    }
}

/// Tells the checkers where a volume's blocks are.
pub(super) struct Laid(pub(super) AnyLayout);

impl Places for Laid {
    fn place(&self, block: u64) -> (u16, u64) {
        let run = self.0.run(block, 1);
        (run.legs.bits(), run.at)
    }

    fn groups(&self) -> Vec<(u16, u32)> {
        self.0.groups().map(|group| (group.bits(), self.0.needed())).collect()
    }
}

/// Where the blocks of each volume of a scenario are.
#[must_use]
pub fn places(scenario: &Scenario) -> Vec<Box<dyn Places>> {
    let volumes = scenario.volumes.iter();
    volumes.map(|volume| Box::new(Laid(scenario.shape(volume))) as Box<dyn Places>).collect()
}
