//! What the checkers see of a frozen cluster: modes as the database holds them, media as the disks do.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::base::{Block, Epoch, LegIndex, Nanos, Region};
use crate::check::{self, Check, Checkers, LegView, Media, VolumeView};
use crate::disk::control::Namespace;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::layout::Run;
use crate::node::manager::VolumeRecord;
use crate::node::{IntentMap, LegMode, LegSpec, Superblock, VolumeSpec};

use super::build::Stage;
use super::caches::Caches;
use super::database::record;
use super::lines::Lines;

/// The media of one volume.
struct VolumeMedia<'a> {
    spec: &'a VolumeSpec,
    legs: Vec<LegMedia<'a>>,
    /// Its coded blocks, if it has any.
    lines: Option<Lines<'a>>,
    /// The run that was asked for last, and its first block: blocks are mostly asked for in order.
    run: Cell<(u64, Run)>,
}

/// What there is of one leg.
struct LegMedia<'a> {
    disk: &'a Namespace,
    /// Its first block of data on the disk.
    data: u64,
    marks: IntentMap,
    /// The blocks that are not past a volatile cache.
    cached: BTreeMap<u64, Option<Block>>,
}

impl<'a> VolumeMedia<'a> {
    fn new(stage: &'a Stage, spec: &'a VolumeSpec) -> Self {
        let record = record(stage, spec);
        let legs = places(spec, &record).zip(marks(stage, spec)).map(|((_, leg), marks)| {
            let disk = &stage.disks[leg.disk.index()];
            LegMedia { disk, data: leg.extent.data, marks, cached: disk.raw_without_cache() }
        });
        let none = Run { legs: LegSet::NONE, at: 0, blocks: 0 };
        Self {
            spec,
            legs: legs.collect(),
            lines: Lines::of(&stage.disks, (spec, record.places), stage.map.block_size),
            run: Cell::new((0, none)),
        }
    }

    /// The legs that hold a block of the volume, and where each does.
    fn held(&self, block: u64) -> (LegSet, u64) {
        let (mut first, mut run) = self.run.get();
        if block < first || block - first >= u64::from(run.blocks) {
            let left = self.spec.blocks.saturating_sub(block).clamp(1, u64::from(u32::MAX));
            (first, run) = (block, self.spec.layout.run(block, left as u32));
            self.run.set((first, run));
        }
        (run.legs, run.at + (block - first))
    }

    /// What there is of a leg, and where on its disk it holds a block of the volume, if it does.
    fn place(&self, leg: LegIndex, block: u64) -> (&LegMedia<'a>, u64) {
        let leg = &self.legs[leg.index()];
        (leg, leg.data + self.held(block).1)
    }
}

impl Media for VolumeMedia<'_> {
    fn holds(&self, leg: LegIndex, block: u64) -> bool {
        self.held(block).0.has(leg)
    }

    fn block(&self, leg: LegIndex, block: u64) -> Block {
        let (leg, lba) = self.place(leg, block);
        leg.disk.raw_read(lba)
    }

    fn without_cache(&self, leg: LegIndex, block: u64) -> Option<Block> {
        let (leg, lba) = self.place(leg, block);
        leg.cached.get(&lba).cloned().flatten()
    }

    fn lines(&self) -> u64 {
        self.lines.as_ref().map_or(0, Lines::count)
    }

    fn region_of_line(&self, line: u64) -> Region {
        self.spec.leg_region_span(line, 1).0
    }

    fn line_fits(&self, line: u64, legs: &[LegIndex], finished: bool) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.fits(line, legs, finished))
    }

    fn computed(&self, block: u64, legs: &[LegIndex]) -> Option<Block> {
        self.lines.as_ref()?.computed(block, legs)
    }

    fn marked(&self, leg: LegIndex, region: Region) -> bool {
        self.legs[leg.index()].marks.has(region)
    }

    fn poisoned(&self, leg: LegIndex, block: u64) -> bool {
        let (leg, lba) = self.place(leg, block);
        leg.disk.raw_is_lost(lba)
    }
}

/// Shows the checkers all volumes as they stand.
pub(super) fn show(
    (stage, caches): (&Stage, &Caches),
    checkers: &mut Checkers,
    at: Nanos,
    checks: &[Check],
    at_rest: bool,
) {
    let volumes = &stage.map.volumes;
    let media: Vec<VolumeMedia<'_>> =
        volumes.iter().map(|spec| VolumeMedia::new(stage, spec)).collect();
    let legs: Vec<Vec<LegView>> =
        volumes.iter().map(|spec| leg_views(stage, caches, spec)).collect();
    let views: Vec<VolumeView<'_>> = media
        .iter()
        .zip(&legs)
        .map(|(media, legs)| VolumeView {
            id: media.spec.id,
            name: &stage.names.volumes[media.spec.id.index()],
            blocks: media.spec.blocks,
            blocks_per_region: media.spec.blocks_per_region(),
            legs,
            media,
        })
        .collect();
    checkers.freeze(at, &views, at_rest, checks);
}

/// The write-intent bitmaps of a volume's legs, as they stand on the disks.
pub(super) fn marks(stage: &Stage, spec: &VolumeSpec) -> Vec<IntentMap> {
    let record = record(stage, spec);
    let legs = places(spec, &record).map(|(_, leg)| {
        let first = leg.extent.bitmap();
        let disk = &stage.disks[leg.disk.index()];
        let blocks: Vec<Block> = (first..first + u64::from(leg.extent.bitmap_blocks))
            .map(|lba| disk.raw_read(lba))
            .collect();
        IntentMap::from_blocks(&blocks, spec.regions(), stage.map.block_size)
    });
    legs.collect()
}

/// Whether no region of any leg is marked.
pub(super) fn is_unmarked(stage: &Stage) -> bool {
    stage.map.volumes.iter().all(|spec| marks(stage, spec).iter().all(|marks| marks.count() == 0))
}

/// Where a leg is.
pub(super) fn place<'a>(spec: &'a VolumeSpec, leg: LegIndex, record: &VolumeRecord) -> &'a LegSpec {
    spec.place(record.places.of(leg))
}

/// Where all legs are.
pub(super) fn places<'a>(
    spec: &'a VolumeSpec,
    record: &VolumeRecord,
) -> impl Iterator<Item = (LegIndex, &'a LegSpec)> + use<'a> {
    let places = record.places.iter(spec.legs.len());
    places.map(|(leg, place)| (leg, spec.place(place)))
}

/// What a leg's disk says of itself; `None` where it holds no superblock, a damaged one, or that of another leg.
pub(super) fn superblock(stage: &Stage, spec: &VolumeSpec, leg: LegIndex) -> Option<Superblock> {
    let record = record(stage, spec);
    let placed = place(spec, leg, &record);
    let (disk, lba) = (&stage.disks[placed.disk.index()], placed.extent.superblock);
    let block = (!disk.raw_is_lost(lba)).then(|| disk.raw_read(lba))?;
    let found = Superblock::from_block(&block, stage.map.block_size);
    found.filter(|found| found.is_of(spec.id, record.places.of(leg)))
}

/// Whether the disk in a leg's place is the one on record, and not a blank one that nobody has noticed yet.
pub(super) fn has_its_disk(
    stage: &Stage,
    spec: &VolumeSpec,
    leg: LegIndex,
    record: &VolumeRecord,
) -> bool {
    let known = record.serials[leg.index()];
    let disk = &stage.disks[place(spec, leg, record).disk.index()];
    known == 0 || known == disk.identity().serial
}

/// Whether what a leg's disk says of itself is there, and not older than what is on record.
pub(super) fn is_no_older_image(
    stage: &Stage,
    spec: &VolumeSpec,
    leg: LegIndex,
    record: &VolumeRecord,
) -> bool {
    let least = record.generation_min(leg);
    // Before the first grant there is nothing that it would have to know.
    least == Epoch::new(0)
        || superblock(stage, spec, leg).is_some_and(|found| found.generation >= least)
}

/// Whether no leg in sync is on another disk than the one on record, which its target has yet to notice.
pub(super) fn all_have_their_disks(stage: &Stage) -> bool {
    stage.map.volumes.iter().all(|spec| {
        let record = record(stage, spec);
        let mut in_sync = record.modes.legs_in(LegMode::ReadWrite);
        in_sync.all(|leg| has_its_disk(stage, spec, leg, &record))
    })
}

fn leg_views(stage: &Stage, caches: &Caches, spec: &VolumeSpec) -> Vec<LegView> {
    let record = record(stage, spec);
    let legs = spec.leg_ids().map(|leg| {
        let mode = match record.modes.of(leg) {
            LegMode::ReadWrite => check::LegMode::ReadWrite,
            LegMode::WriteOnly => check::LegMode::WriteOnly,
            LegMode::Dead => check::LegMode::Dead,
        };
        LegView {
            mode,
            surviving: has_its_disk(stage, spec, leg, &record),
            cold: !caches.is_warm(spec.id.index(), leg),
        }
    });
    legs.collect()
}
