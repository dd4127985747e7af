//! A read of a run of blocks: from one leg in sync that holds it after the other, until one gives the data
//! (rule 13). Repairs nothing.

use std::rc::Rc;

use crate::base::{LegIndex, Payload};
use crate::layout::LegSet;
use crate::layout::Run;

use super::calls::Reply;
use super::io::{FAILURES_MAX, IoError, RETRIES, ask, failed_again};
use super::volume::Volume;
use crate::base::planted;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegStatus, Topology, Wire};

/// What a [`Get`] found.
pub(super) struct Got {
    /// `None` when every leg in sync has lost some block of the run.
    pub(super) data: Option<Payload>,
    /// The legs that have.
    pub(super) bad: LegSet,
}

/// A read under way: from one leg in sync after the other, until one gives the data.
pub(super) struct Get {
    volume: Rc<Volume>,
    run: Run,
    turn: u32,
    bad: LegSet,
    tried: LegSet,
    failures: u32,
    /// A planted bug: legs that are being rebuilt will do.
    also_rebuilt: bool,
}

impl Get {
    pub(super) fn new(volume: &Rc<Volume>, run: Run, turn: u32) -> Self {
        let (bad, tried) = (LegSet::NONE, LegSet::NONE);
        let also_rebuilt = planted!(ReadFromRebuiltLeg);
        Self { volume: volume.clone(), run, turn, bad, tried, failures: 0, also_rebuilt }
    }

    /// Has it take legs that are being rebuilt for legs in sync, where a planted bug asks for that.
    pub(super) fn also_rebuilt(self, planted: bool) -> Self {
        Self { also_rebuilt: self.also_rebuilt || planted, ..self }
    }

    /// Whether legs in this mode are read.
    fn reads(&self, mode: LegMode) -> bool {
        mode == LegMode::ReadWrite || self.also_rebuilt && mode == LegMode::WriteOnly
    }

    pub(super) async fn run(mut self) -> Result<Got, IoError> {
        loop {
            if self.volume.is_lost() || self.failures > FAILURES_MAX {
                return Err(self.volume.doubt());
            }
            let Some(topology) = self.volume.topology() else {
                crate::sometimes!(self.volume.client.handle, true, probes::READ_WITHOUT_GRANT);
                self.wait().await;
                continue;
            };
            if self.in_sync(&topology).all(|leg| self.bad.has(leg)) {
                return Ok(Got { data: None, bad: self.bad });
            }
            let Some(leg) = self.choose(&topology) else {
                self.wait().await;
                self.tried = self.bad;
                continue;
            };
            self.tried.add(leg);
            let (volume, block, blocks) = (self.volume.spec.id, self.run.at, self.run.blocks);
            let read = |cookie, epoch| Wire::Read { cookie, volume, leg, epoch, block, blocks };
            let reply = ask(&self.volume, leg, topology.epoch, read).await;
            // What a leg answered after it was given up may be stale by now, also if it is in sync elsewhere.
            let is_there = |now: Topology| {
                self.reads(now.modes.of(leg)) && now.places.of(leg) == topology.places.of(leg)
            };
            if !self.volume.topology().is_some_and(is_there) {
                crate::sometimes!(self.volume.client.handle, true, probes::READ_STALE_DISCARDED);
                continue;
            }
            let failed_before = self.failures > 0 || !self.bad.is_empty();
            if let Some(data) = self.answered(leg, reply) {
                crate::sometimes!(
                    self.volume.client.handle,
                    failed_before,
                    probes::READ_ON_OTHER_LEG
                );
                return Ok(Got { data: Some(data), bad: self.bad });
            }
        }
    }

    /// The legs in sync that hold the run.
    fn in_sync(&self, topology: &Topology) -> impl Iterator<Item = LegIndex> + Clone + use<'_> {
        let (holders, modes) = (self.run.legs, topology.modes);
        modes.written().filter(move |leg| holders.has(*leg) && self.reads(modes.of(*leg)))
    }

    /// The next leg in sync that can be reached and was not tried.
    fn choose(&self, topology: &Topology) -> Option<LegIndex> {
        let legs = self.in_sync(topology);
        let usable = |leg: &LegIndex| !self.tried.has(*leg) && self.volume.link(*leg).is_up();
        let count = legs.clone().filter(usable).count();
        if count < 2 {
            return legs.clone().find(usable);
        }
        // A slow leg is read only where no other can be.
        let fast = |leg: &LegIndex| usable(leg) && !self.volume.is_slow(*leg);
        match legs.clone().filter(fast).count() {
            0 => legs.filter(usable).nth(self.turn as usize % count),
            fast_ones => legs.filter(fast).nth(self.turn as usize % fast_ones),
        }
    }

    fn answered(&mut self, leg: LegIndex, reply: Reply) -> Option<Payload> {
        match reply {
            Reply::Answer(LegStatus::Ok, data) => return Some(data),
            Reply::Answer(LegStatus::Disk(status), _) if status.is_unreadable() => {
                self.bad.add(leg);
            }
            Reply::Answer(LegStatus::Disk(status), _) => {
                self.failures = failed_again(self.failures, &self.volume);
                if status.dnr() || self.failures > RETRIES {
                    self.volume.report_failed(leg);
                }
            }
            Reply::Answer(LegStatus::Unusable, _) | Reply::TimedOut => {
                self.failures = failed_again(self.failures, &self.volume);
                self.volume.report_failed(leg);
            }
            Reply::Answer(LegStatus::WrongEpoch, _) | Reply::Intent(_) | Reply::Lost => {}
        }
        None
    }

    /// Waits for a change, but not for long: a leg that failed may serve again.
    async fn wait(&self) {
        let grant = self.volume.grant();
        let changed = self.volume.changed.wait_for(|| {
            let legs = self.volume.topology().map(|topology| {
                let mut legs = self.in_sync(&topology);
                legs.any(|leg| !self.tried.has(leg) && self.volume.link(leg).is_up())
            });
            (self.volume.is_lost() || self.volume.grant() != grant || legs == Some(true))
                .then_some(())
        });
        let pause = self.volume.client.map.timing.patience;
        if self.volume.client.handle.timeout(pause, changed).await.is_err() {
            self.volume.report_anew();
        }
    }
}
