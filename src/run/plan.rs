//! The order of a sweep's work, and who is told to stop. Runs nothing.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::seeds::SeedRange;
use super::seeds::Shard;

/// One seed of one scenario. Jobs are ordered by their place in the plan: seed by seed, and for
/// each seed scenario by scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    /// The seed's position in the range, from 0.
    pub(super) position: u64,
    /// The scenario's index.
    pub(super) scenario: usize,
    /// The seed.
    pub(super) seed: u64,
}

impl Job {
    /// Its place in the order of work, as that of a [`SeedRun`](super::SeedRun).
    pub(super) fn turn(self) -> (u64, usize) {
        (self.seed, self.scenario)
    }

    /// Whether this seed is run twice: one in 20 of each scenario, others for others.
    pub(super) fn is_rechecked(self) -> bool {
        const EVERY: u64 = 20;
        const STEP: u64 = 7;
        (self.position % EVERY + self.scenario as u64 % EVERY * STEP).is_multiple_of(EVERY)
    }
}

/// All jobs of a shard, in order.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    scenarios: usize,
    seeds: SeedRange,
    shard: Shard,
    position: u64,
    scenario: usize,
}

impl Plan {
    pub(super) fn new(scenarios: usize, seeds: SeedRange, shard: Shard) -> Self {
        Self { scenarios, seeds, shard, position: 0, scenario: 0 }
    }

    /// How many jobs there are in all; saturates.
    pub(super) fn total(&self) -> u64 {
        let of_scenario = |scenario| self.shard.share(scenario, self.seeds.count());
        let total = (0..self.scenarios).map(of_scenario).fold(0, u128::saturating_add);
        u64::try_from(total).unwrap_or(u64::MAX)
    }
}

impl Iterator for Plan {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        if self.scenarios == 0 {
            return None;
        }
        loop {
            let (position, scenario) = (self.position, self.scenario);
            let seed = self.seeds.at(position)?;
            self.scenario += 1;
            if self.scenario == self.scenarios {
                self.scenario = 0;
                self.position = position.checked_add(1)?;
            }
            if self.shard.takes(scenario, position) {
                return Some(Job { position, scenario, seed });
            }
        }
    }
}

/// A flag that a signal handler raises to have no more work taken.
#[derive(Debug, Default)]
pub struct StopFlag(AtomicBool);

impl StopFlag {
    /// A flag that is down.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }
    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether it is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use crate::run::seeds::{SeedRange, Shard};

    use super::{Job, Plan};

    fn jobs(shard: Shard) -> Vec<Job> {
        let plan = Plan::new(3, SeedRange::new(5, 44).unwrap(), shard);
        let jobs: Vec<Job> = plan.clone().collect();
        assert_eq!(plan.total(), jobs.len() as u64, "{shard}");
        jobs
    }

    #[test]
    fn work_goes_seed_by_seed() {
        let places: Vec<_> =
            jobs(Shard::WHOLE).iter().map(|job| (job.seed, job.scenario)).take(4).collect();
        assert_eq!(places, [(5, 0), (5, 1), (5, 2), (6, 0)]);
    }

    #[test]
    fn shards_hold_all_jobs_between_them() {
        let mut all: Vec<Job> =
            (1..=4).flat_map(|index| jobs(Shard::new(index, 4).unwrap())).collect();
        all.sort_unstable();
        assert_eq!(all, jobs(Shard::WHOLE));
    }

    #[test]
    fn one_in_twenty_is_rechecked_in_every_scenario() {
        let all = jobs(Shard::WHOLE);
        for scenario in 0..3 {
            let of = all.iter().filter(|job| job.scenario == scenario && job.is_rechecked());
            assert_eq!(of.count(), 2, "of 40 seeds of scenario {scenario}");
        }
    }

    #[test]
    fn the_last_seed_of_all_ends_the_plan() {
        let plan = Plan::new(2, SeedRange::new(u64::MAX, u64::MAX).unwrap(), Shard::WHOLE);
        assert_eq!(plan.count(), 2);
        assert_eq!(Plan::new(0, SeedRange::ALL, Shard::WHOLE).count(), 0);
    }
}
