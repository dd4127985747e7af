//! Which legs still hold in their volatile caches what was acknowledged, and when the last of them loses
//! it. Cuts no power.

use crate::base::history::CachesLost;
use crate::base::{DiskId, LegIndex};
use crate::layout::Layout;
use crate::node::LegMode;

use super::build::Stage;
use super::database;
use super::freeze;
use super::simulate::World;

/// Legs that lost their power since they were last brought up to date.
#[derive(Clone, Debug, Default)]
pub(super) struct Caches {
    cold: Vec<ColdLeg>,
}

#[derive(Clone, Copy, Debug)]
struct ColdLeg {
    volume: usize,
    leg: LegIndex,
    /// Whether it has registered since, to be rebuilt.
    rebuilds: bool,
}

impl Caches {
    /// Whether the leg has all that was acknowledged, flushed or not, as far as it is in sync.
    pub(super) fn is_warm(&self, volume: usize, leg: LegIndex) -> bool {
        !self.cold.iter().any(|cold| (cold.volume, cold.leg) == (volume, leg))
    }

    /// A leg has registered. One in sync goes on with what it has: from then on all in sync have the same.
    pub(super) fn note_registered(&mut self, stage: &Stage, volume: usize, leg: LegIndex) {
        if self.is_warm(volume, leg) {
            return;
        }
        match database::record(stage, &stage.map.volumes[volume]).modes.of(leg) {
            LegMode::ReadWrite => {
                self.cold.retain(|cold| (cold.volume, cold.leg) != (volume, leg));
            }
            LegMode::WriteOnly => {
                let of_leg = |cold: &&mut ColdLeg| (cold.volume, cold.leg) == (volume, leg);
                self.cold.iter_mut().filter(of_leg).for_each(|cold| cold.rebuilds = true);
            }
            LegMode::Dead => {}
        }
    }

    /// The modes of a volume were decided on: a leg that is in sync now and wasn't has been rebuilt.
    pub(super) fn note_modes(&mut self, volume: usize, before: u64, now: u64) {
        let in_sync = |modes: u64, leg: LegIndex| modes >> (2 * leg.get()) & 3 == 0;
        let is_rebuilt = |cold: &ColdLeg| {
            let was_not = !in_sync(before, cold.leg);
            cold.volume == volume && cold.rebuilds && was_not && in_sync(now, cold.leg)
        };
        self.cold.retain(|cold| !is_rebuilt(cold));
    }

    /// A disk lost its volatile cache. Says which volumes have no leg left that did not, of those in sync
    /// and those that were so when their owner was last told.
    fn lost(&mut self, stage: &Stage, disk: DiskId) -> Vec<usize> {
        let mut all_lost = Vec::new();
        for (at, spec) in stage.map.volumes.iter().enumerate() {
            if spec.layout.writes_through() {
                continue;
            }
            let record = database::record(stage, spec);
            let on_disk = freeze::places(spec, &record).filter(|(_, leg)| leg.disk == disk);
            let legs: Vec<LegIndex> = on_disk.map(|(leg, _)| leg).collect();
            if legs.is_empty() {
                continue;
            }
            for leg in legs {
                self.cold.retain(|cold| (cold.volume, cold.leg) != (at, leg));
                self.cold.push(ColdLeg { volume: at, leg, rebuilds: false });
            }
            let superblock = |leg| freeze::superblock(stage, spec, leg);
            let copies = record.in_sync() | record.given_up_untold(superblock);
            let is_copy = |leg: &LegIndex| copies >> leg.get() & 1 == 1;
            if spec.leg_ids().filter(is_copy).all(|leg| !self.is_warm(at, leg)) {
                // What is written from now on is in all their caches again.
                self.cold.retain(|cold| cold.volume != at);
                all_lost.push(at);
            }
        }
        all_lost
    }
}

impl World<'_> {
    /// A disk has lost its volatile cache, if it has one.
    pub(super) fn note_cache_lost(&mut self, disk: DiskId) {
        if !self.scenario.cluster.disk.volatile_cache {
            return;
        }
        for volume in self.budget.caches.lost(&self.stage, disk) {
            let volume = self.stage.map.volumes[volume].id;
            self.stage.kernel.emit(None, &CachesLost { volume });
        }
    }
}
