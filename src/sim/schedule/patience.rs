//! Bounds how long an unfair schedule may pass a task over, so that whatever is ready runs some day.

use crate::sim::task::TaskId;

use super::oracle::CpuSlot;
use super::oracle::Ready;

/// A CPU may pass its oldest ready task over so many times in a row: 51 µs at the default cost of a
/// poll. Above it, a task that never gets its turn would look like a cluster that hangs.
pub(super) const PASSES_MAX: u32 = 256;

/// How often each CPU has passed its oldest ready task over.
#[derive(Debug, Default)]
pub(super) struct Patience(Vec<Oldest>);

#[derive(Clone, Copy, Debug, Default)]
struct Oldest {
    task: Option<TaskId>,
    passes: u32,
}

impl Patience {
    /// What `choose` says, unless the oldest task has been passed over too often: then that.
    pub(super) fn or_oldest(
        &mut self,
        cpu: CpuSlot,
        ready: &[Ready],
        choose: impl FnOnce(&[Ready]) -> usize,
    ) -> usize {
        if self.0.len() <= cpu.index() {
            self.0.resize(cpu.index() + 1, Oldest::default());
        }
        let oldest = &mut self.0[cpu.index()];
        let task = Some(ready[0].task);
        if oldest.task != task {
            *oldest = Oldest { task, passes: 0 };
        }
        let chosen = if oldest.passes >= PASSES_MAX { 0 } else { choose(ready) };
        oldest.passes = if chosen == 0 { 0 } else { oldest.passes + 1 };
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::PASSES_MAX;
    use super::Patience;
    use crate::sim::schedule::CpuSlot;
    use crate::sim::schedule::Ready;
    use crate::sim::task::TaskId;

    #[test]
    fn the_oldest_runs_when_it_was_passed_over_too_often() {
        let ready = |slot| Ready { task: TaskId { slot, generation: 0 }, name: "task" };
        let (mut patience, cpu) = (Patience::default(), CpuSlot::new(3));
        let waiting = [ready(1), ready(2)];
        let mut picks = (0..2 * PASSES_MAX + 2).map(|_| patience.or_oldest(cpu, &waiting, |_| 1));
        let first = picks.by_ref().take(PASSES_MAX as usize + 1).collect::<Vec<_>>();
        assert_eq!(first.iter().position(|at| *at == 0), Some(PASSES_MAX as usize));
        assert_eq!(picks.position(|at| at == 0), Some(PASSES_MAX as usize), "and then anew");
    }
}
