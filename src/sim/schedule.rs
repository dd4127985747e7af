//! Schedules: oracles that pick which ready task a CPU runs next. They run nothing.

use super::config::ScheduleKind;
use super::rng::{Rng, Seed};
use super::task::TaskId;

/// A task waiting for its CPU.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The task.
    pub task: TaskId,
    /// The name it was spawned with.
    pub name: &'static str,
}

/// Picks among the ready tasks of a CPU.
pub trait Schedule {
    /// The index in `ready` (never empty, oldest first) of the task to run next.
    fn pick(&mut self, ready: &[Ready]) -> usize;
}

struct Fifo;

impl Schedule for Fifo {
    fn pick(&mut self, _ready: &[Ready]) -> usize {
        0
    }
}

struct Random(Rng);

impl Schedule for Random {
    fn pick(&mut self, ready: &[Ready]) -> usize {
        self.0.index(ready.len())
    }
}

pub(super) fn make(kind: ScheduleKind, seed: Seed) -> Box<dyn Schedule> {
    match kind {
        ScheduleKind::Fifo => Box::new(Fifo),
        ScheduleKind::Random => Box::new(Random(seed.stream("sim.schedule"))),
    }
}
