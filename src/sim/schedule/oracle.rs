//! What a schedule is, the plain ones, and how one is made of its configuration.

use crate::base::{Rng, Seed};
use crate::sim::config::ScheduleKind;
use crate::sim::task::TaskId;

use super::patience::Patience;
use super::pct::Pct;
use super::recording::Misfit;
use super::recording::Replay;
use super::starve::Starve;

/// A task waiting for its CPU.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The task.
    pub task: TaskId,
    /// The name it was spawned with.
    pub name: &'static str,
}

/// A CPU of the simulation, numbered over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSlot(u32);

impl CpuSlot {
    /// The CPU at this place in the kernel's table.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }
    /// Its place in the kernel's table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Picks among the ready tasks of a CPU. It is asked only where there is a choice.
pub trait Schedule {
    /// The index in `ready` (at least two, oldest first) of the task that `cpu` runs next.
    ///
    /// # Errors
    /// [`Misfit`] where a schedule that was fixed in advance says nothing that fits.
    fn pick(&mut self, cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit>;

    /// Why the schedule has made no difference so far, if it can tell; a run that ends so has not
    /// tried what it was to try.
    fn idle(&self) -> Option<String> {
        None
    }
}

/// In the order in which they became ready.
struct Fifo;

impl Schedule for Fifo {
    fn pick(&mut self, _cpu: CpuSlot, _ready: &[Ready]) -> Result<usize, Misfit> {
        Ok(0)
    }
}

/// The last that became ready, but the oldest where it has waited for too long.
#[derive(Default)]
struct Lifo(Patience);

impl Schedule for Lifo {
    fn pick(&mut self, cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        Ok(self.0.or_oldest(cpu, ready, |ready| ready.len() - 1))
    }
}

/// Any of them.
struct Random(Rng);

impl Schedule for Random {
    fn pick(&mut self, _cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        Ok(self.0.index(ready.len()))
    }
}

pub(in crate::sim) fn make(kind: &ScheduleKind, seed: Seed) -> Box<dyn Schedule> {
    match kind {
        ScheduleKind::Fifo => Box::new(Fifo),
        ScheduleKind::Lifo => Box::new(Lifo::default()),
        ScheduleKind::Random => Box::new(Random(seed.stream("sim.schedule"))),
        ScheduleKind::Pct { depth, steps } => {
            Box::new(Pct::new(*depth, *steps, seed.stream("sim.schedule.pct")))
        }
        ScheduleKind::Starve { task } => {
            Box::new(Starve::new(task.clone(), seed.stream("sim.schedule.starve")))
        }
        ScheduleKind::Replay(recording) => Box::new(Replay::new(recording.clone())),
    }
}
