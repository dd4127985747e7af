//! What every node of the cluster is told at boot: the volumes, where their legs are, how long to wait.

use std::rc::Rc;

use crate::base::{BlockSize, DiskId, LegIndex, Nanos, NodeId, PlaceIndex, Region, VolumeId};

use crate::disk::port::DriverConfig;

use super::layout::Extent;
use super::satellite::SatelliteTiming;
use crate::layout::AnyLayout;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::layout::Run;

/// Bytes of memory that a node sets aside for each connection.
pub const SESSION_BYTES: u64 = 64 << 10;

/// So many regions of a volume have their marks cleared in one round at most: one message for each leg.
pub const CLEARED_MAX: usize = 256;

/// A place for a leg of a volume: where its blocks are.
#[derive(Clone, Debug)]
pub struct LegSpec {
    /// The target that holds the disk.
    pub target: NodeId,
    /// The disk.
    pub disk: DiskId,
    /// Its blocks on that disk.
    pub extent: Extent,
}

/// A volume: its size and its legs.
#[derive(Clone, Debug)]
pub struct VolumeSpec {
    /// Its id.
    pub id: VolumeId,
    /// How its blocks are laid out over its legs.
    pub layout: AnyLayout,
    /// Size in blocks.
    pub blocks: u64,
    /// Blocks of a leg that one bit of its write-intent bitmap stands for, a multiple of the depth of the
    /// layout's rows.
    pub region_depth: u32,
    /// How many blocks of a leg are rebuilt in a second at most.
    pub rebuild_rate: Option<u64>,
    /// How many blocks of each leg are read in a second to see whether they are still there; none if nobody looks.
    pub scrub_rate: Option<u64>,
    /// Whether a write counts as done only when the disk has shown that it holds it.
    pub verified: bool,
    /// Where its legs are at first, as many as the layout has.
    pub legs: Vec<LegSpec>,
    /// Where else they may be, each on another target than all others and the legs.
    pub spares: Vec<LegSpec>,
    /// How long a leg is dead before it is given a spare.
    pub spare_after: Nanos,
}

impl VolumeSpec {
    /// Blocks of the volume in a region. They are neighbours, and so they are on each leg.
    #[must_use]
    pub fn blocks_per_region(&self) -> u32 {
        self.region_depth * self.layout.columns()
    }

    /// How many regions it has.
    #[must_use]
    pub fn regions(&self) -> u32 {
        self.blocks.div_ceil(u64::from(self.blocks_per_region())) as u32
    }

    /// The region of a block.
    #[must_use]
    pub fn region_of(&self, block: u64) -> Region {
        region_at(block, self.blocks_per_region())
    }

    /// The regions that `blocks` blocks from `block` touch; at least one block.
    pub fn regions_of(
        &self,
        block: u64,
        blocks: u32,
    ) -> impl Iterator<Item = Region> + Clone + use<> {
        let (first, last) = self.region_span(block, blocks);
        (first.get()..=last.get()).map(Region::new)
    }

    /// The first and the last of those regions.
    #[must_use]
    pub fn region_span(&self, block: u64, blocks: u32) -> (Region, Region) {
        let first = self.region_of(block);
        let last = if blocks <= 1 { first } else { self.region_of(block + u64::from(blocks) - 1) };
        (first, last)
    }

    /// The blocks of a region: the first, and how many (the last region may be short).
    #[must_use]
    pub fn blocks_of(&self, region: Region) -> (u64, u32) {
        let blocks = u64::from(self.blocks_per_region());
        let first = u64::from(region.get()) * blocks;
        let count = (self.blocks - first).min(blocks);
        (first, count as u32)
    }

    /// The first and the last of the regions that `blocks` blocks of a leg from its block `at` touch.
    #[must_use]
    pub fn leg_region_span(&self, at: u64, blocks: u32) -> (Region, Region) {
        let last = at + u64::from(blocks.max(1)) - 1;
        (region_at(at, self.region_depth), region_at(last, self.region_depth))
    }

    /// Data blocks of each leg.
    #[must_use]
    pub fn leg_blocks(&self) -> u64 {
        self.layout.leg_blocks(self.blocks)
    }

    /// What the legs of a group hold of a region.
    #[must_use]
    pub fn part_of(&self, region: Region, group: LegSet) -> Run {
        let at = u64::from(region.get()) * u64::from(self.region_depth);
        let left = self.leg_blocks() - at;
        Run { legs: group, at, blocks: left.min(u64::from(self.region_depth)) as u32 }
    }

    /// All places for its legs: those where they are at first, then the spares.
    pub fn places(&self) -> impl Iterator<Item = (PlaceIndex, &LegSpec)> {
        (0..).map(PlaceIndex::new).zip(self.legs.iter().chain(&self.spares))
    }

    /// One of the places.
    #[must_use]
    pub fn place(&self, place: PlaceIndex) -> &LegSpec {
        match place.index().checked_sub(self.legs.len()) {
            None => &self.legs[place.index()],
            Some(spare) => &self.spares[spare],
        }
    }

    /// The leg that is in a place at first; none, if it is a spare.
    #[must_use]
    pub fn first_leg_at(&self, place: PlaceIndex) -> Option<LegIndex> {
        (place.index() < self.legs.len()).then(|| LegIndex::new(place.get()))
    }

    /// The leg's index as an id.
    pub fn leg_ids(&self) -> impl Iterator<Item = LegIndex> + use<> {
        (0..self.legs.len() as u8).map(LegIndex::new)
    }
}

/// The region of a block, where each has so many.
fn region_at(block: u64, blocks: u32) -> Region {
    // Mostly a shift: this is asked several times in every IO.
    let region = match blocks.is_power_of_two() {
        true => block >> blocks.trailing_zeros(),
        false => block / u64::from(blocks),
    };
    Region::new(region as u32)
}

/// How long the cluster's nodes wait for what. All spans are of the node's own monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two heartbeats of a node to the manager.
    pub heartbeat: Nanos,
    /// Without a heartbeat for so long, the manager takes a node for gone.
    pub dead_after: Nanos,
    /// How long an owner may answer reads after its last heartbeat that the manager answered.
    pub lease: Nanos,
    /// Added by the manager to the lease before it gives the volume to another client: covers drift.
    pub lease_margin: Nanos,
    /// A volume that is to be recovered or rebuilt, and that nobody was heard of who has it, is given to a target after
    /// so long; also the time between two targets that are asked.
    pub care_after: Nanos,
    /// An IO on a leg without an answer for so long is in doubt.
    pub io_timeout: Nanos,
    /// A leg that IO waits for and that cannot be reached for so long is reported.
    pub patience: Nanos,
    /// What has arrived and was not read for so long is no excuse any more: the task that reads it is given up.
    pub unread_patience: Nanos,
    /// How long the manager waits for a registration to be acknowledged.
    pub register_timeout: Nanos,
    /// How long a target that registers a new epoch waits for commands of older ones before it aborts them;
    /// shorter than `register_timeout`.
    pub drain: Nanos,
    /// Between two attempts to reach a peer again.
    pub reconnect: Nanos,
    /// Between two looks at a dead leg, doubled for a leg that comes and goes, up to 32 times.
    pub probe: Nanos,
    /// Between two rounds of clearing write-intent.
    pub clean: Nanos,
    /// How the drivers of targets and managers treat commands for their own metadata: as Linux does, a
    /// thousand times as fast. What clients ask for isn't tried again below them, and taken back when they
    /// lose patience.
    pub driver: DriverConfig,
}

impl Timing {
    /// With every wait so many times as long.
    #[must_use]
    pub fn slower(self, factor: u64) -> Self {
        let times = |span: Nanos| span.saturating_mul(factor);
        Self {
            heartbeat: times(self.heartbeat),
            dead_after: times(self.dead_after),
            lease: times(self.lease),
            lease_margin: times(self.lease_margin),
            care_after: times(self.care_after),
            io_timeout: times(self.io_timeout),
            patience: times(self.patience),
            unread_patience: times(self.unread_patience),
            register_timeout: times(self.register_timeout),
            drain: times(self.drain),
            reconnect: times(self.reconnect),
            probe: times(self.probe),
            clean: times(self.clean),
            driver: self.driver.slower(factor),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Nanos::from_millis(1),
            dead_after: Nanos::from_millis(5),
            lease: Nanos::from_millis(20),
            lease_margin: Nanos::from_millis(2),
            care_after: Nanos::from_millis(100),
            io_timeout: Nanos::from_millis(10),
            patience: Nanos::from_millis(3),
            unread_patience: Nanos::from_millis(100),
            register_timeout: Nanos::from_millis(4),
            drain: Nanos::from_millis(2),
            reconnect: Nanos::from_micros(200),
            probe: Nanos::from_millis(2),
            clean: Nanos::from_millis(5),
            driver: DriverConfig::LINUX.scaled(1000),
        }
    }
}

/// What the controller knows of the cluster that nobody has configured.
#[derive(Clone, Debug)]
pub struct ControlMap {
    /// The managers, one of which it lives beside, by their names.
    pub managers: Vec<(NodeId, String)>,
    /// The name of the machine that administrators call from.
    pub console: String,
    /// Targets by their names.
    pub targets: Vec<(NodeId, String)>,
    /// The storage pools that targets' disks are, by their names.
    pub pools: Vec<String>,
    /// The resources that volumes are, by their names.
    pub volumes: Vec<String>,
    /// The node of the database's server; none, where the manager has the database.
    pub database: Option<NodeId>,
    /// The first block of the error reports on the disk that they are on.
    pub reports: u64,
    /// How long satellites and their controller wait for what.
    pub satellites: SatelliteTiming,
}

/// Between the numbers of two managers in what errors are known by: more than there are targets.
const MANAGERS_APART: u32 = 0x1_0000;

impl ControlMap {
    /// The names of all managers: whoever is told something by a controller is told by one of them.
    #[must_use]
    pub fn all_managers(&self) -> String {
        let names: Vec<&str> = self.managers.iter().map(|(_, name)| name.as_str()).collect();
        names.join(", ")
    }

    /// The number of the manager on this node in what errors are known by, and its name.
    #[must_use]
    pub fn seat_of(&self, manager: NodeId) -> (u32, &str) {
        let at = self.managers.iter().position(|(node, _)| *node == manager);
        let at = at.expect("a controller lives beside a manager");
        (at as u32 * MANAGERS_APART, &self.managers[at].1)
    }
}

/// The cluster as every node knows it.
#[derive(Clone, Debug)]
pub struct ClusterMap {
    /// Size of a block everywhere.
    pub block_size: BlockSize,
    /// All volumes, by id.
    pub volumes: Vec<VolumeSpec>,
    /// All managers: where there are several, the one that leads does the work.
    pub managers: Vec<NodeId>,
    /// How many connectors each has.
    pub connectors: u8,
    /// How many commands a disk has under way at most, as it says of itself: a client has no more requests on it.
    pub queue_depth: u32,
    /// Whether disks lose what they were not told to flush when their power goes.
    pub volatile_caches: bool,
    /// What the controller is to know, where there is one. Without, all volumes are there from the start.
    pub control: Option<Rc<ControlMap>>,
    /// How long to wait for what.
    pub timing: Timing,
}

impl ClusterMap {
    /// The volume of this id; ids come from the map itself.
    #[must_use]
    pub fn volume(&self, id: VolumeId) -> &VolumeSpec {
        &self.volumes[id.index()]
    }
}
