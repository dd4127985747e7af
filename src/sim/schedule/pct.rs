//! Probabilistic concurrency testing: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized
//! Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
//!
//! Each task draws a priority when it is first seen, and the ready task of the highest priority runs. At
//! `d - 1` steps drawn beforehand among the first `k`, the task that is about to run falls below all
//! that never fell. A bug of depth `d` (one that shows whenever `d` given steps come in a given order)
//! is found in one run with a probability of at least `1 / (n · k^(d-1))`, for `n` tasks and `k` steps.
//!
//! Where this departs from the paper: a step is a pick among two or more ready tasks, for where only one
//! is ready no priority decides anything; and as the CPUs of a simulation run side by side in virtual
//! time, the bound holds for steps of tasks that share a CPU, none of which needs another to be passed
//! over more than [`PASSES_MAX`](super::patience::PASSES_MAX) times in a row.

use crate::base::Rng;
use crate::sim::task::TaskId;

use super::oracle::CpuSlot;
use super::oracle::Ready;
use super::oracle::Schedule;
use super::patience::Patience;
use super::recording::Misfit;

/// Priorities that tasks draw are above this; those that they fall to are below.
const DRAWN: u64 = 1 << 63;

/// The schedule.
pub(super) struct Pct {
    rng: Rng,
    /// By slot: the generation of the task that drew it, and its priority.
    priorities: Vec<Option<(u32, u64)>>,
    /// The steps at which a task falls and what it falls to, the last first; their number is `d - 1`.
    changes: Vec<(u64, u64)>,
    step: u64,
    patience: Patience,
}

impl Pct {
    /// For bugs of this depth (at least 1) that show within `steps` picks (at least 1).
    pub(super) fn new(depth: u32, steps: u64, mut rng: Rng) -> Self {
        assert!(depth > 0 && steps > 0, "a bug takes a step");
        let falls = 1..u64::from(depth);
        let mut changes: Vec<(u64, u64)> =
            falls.map(|priority| (rng.between(1, steps), priority)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        let patience = Patience::default();
        Self { rng, priorities: Vec::new(), changes, step: 0, patience }
    }

    fn priority(&mut self, task: TaskId) -> u64 {
        let slot = task.slot as usize;
        if self.priorities.len() <= slot {
            self.priorities.resize(slot + 1, None);
        }
        match self.priorities[slot] {
            Some((generation, priority)) if generation == task.generation => priority,
            _ => {
                let drawn = DRAWN | self.rng.bits();
                self.priorities[slot] = Some((task.generation, drawn));
                drawn
            }
        }
    }

    fn highest(&mut self, ready: &[Ready]) -> usize {
        let (mut at, mut highest) = (0, 0);
        for (index, ready) in ready.iter().enumerate() {
            let priority = self.priority(ready.task);
            if priority > highest {
                (at, highest) = (index, priority);
            }
        }
        at
    }
}

impl Schedule for Pct {
    fn pick(&mut self, cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        self.step += 1;
        let mut at = self.highest(ready);
        while let Some((_, priority)) = self.changes.pop_if(|(step, _)| *step <= self.step) {
            let task = ready[at].task;
            self.priorities[task.slot as usize] = Some((task.generation, priority));
            at = self.highest(ready);
        }
        Ok(self.patience.or_oldest(cpu, ready, |_| at))
    }
}

#[cfg(test)]
mod tests {
    use super::Pct;
    use crate::base::Seed;
    use crate::sim::schedule::CpuSlot;
    use crate::sim::schedule::Ready;
    use crate::sim::schedule::Schedule;
    use crate::sim::task::TaskId;

    const TASKS: u32 = 4;
    const STEPS: u64 = 12;

    /// The order in which the steps of `TASKS` tasks come, three steps each.
    fn order(seed: u64, depth: u32) -> Vec<u32> {
        let mut pct = Pct::new(depth, STEPS, Seed::new(seed).stream("test"));
        let mut left = [STEPS as u32 / TASKS; TASKS as usize];
        let mut order = Vec::new();
        loop {
            let ready: Vec<Ready> = (0..TASKS)
                .filter(|slot| left[*slot as usize] > 0)
                .map(|slot| Ready { task: TaskId { slot, generation: 0 }, name: "task" })
                .collect();
            let at = match ready.len() {
                0 => return order,
                1 => 0,
                _ => pct.pick(CpuSlot::new(0), &ready).unwrap(),
            };
            left[ready[at].task.slot as usize] -= 1;
            order.push(ready[at].task.slot);
        }
    }

    #[test]
    fn without_change_points_each_task_runs_to_its_end() {
        for seed in 0..100 {
            let mut order = order(seed, 1);
            order.dedup();
            assert_eq!(order.len(), TASKS as usize, "seed {seed}: {order:?}");
        }
    }

    #[test]
    fn a_bug_of_depth_two_is_found_as_often_as_the_paper_says() {
        // Task 0's second step before task 1's first one, and task 1's first before task 0's third.
        let shows = |order: &[u32]| {
            let of = |task, nth| {
                let mut steps = order.iter().enumerate().filter(|(_, ran)| **ran == task);
                steps.nth(nth).map(|(at, _)| at).unwrap()
            };
            of(0, 1) < of(1, 0) && of(1, 0) < of(0, 2)
        };
        const RUNS: u64 = 2_000;
        let found = (0..RUNS).filter(|seed| shows(&order(*seed, 2))).count() as u64;
        assert!(found >= RUNS / (u64::from(TASKS) * STEPS), "{found} of {RUNS} runs");
    }
}
