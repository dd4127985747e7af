//! Starves the tasks of one name: they run when nothing else on their CPU can. What is random stays so
//! for all others.

use crate::base::Rng;

use super::oracle::CpuSlot;
use super::oracle::Ready;
use super::oracle::Schedule;
use super::patience::Patience;
use super::recording::Misfit;

/// The schedule. How long it starves a task is bounded, so that liveness holds.
pub(super) struct Starve {
    task: String,
    rng: Rng,
    patience: Patience,
    passes: u64,
}

impl Starve {
    /// Starves the tasks of this name, whole or as its last part (`rebuild` is `client.rebuild`).
    pub(super) fn new(task: String, rng: Rng) -> Self {
        Self { task, rng, patience: Patience::default(), passes: 0 }
    }

    fn is_starved(task: &str, ready: &Ready) -> bool {
        match ready.name.strip_suffix(task) {
            Some(before) => before.is_empty() || before.ends_with('.'),
            None => false,
        }
    }
}

impl Schedule for Starve {
    fn pick(&mut self, cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        let Self { task, rng, patience, passes } = self;
        let at = patience.or_oldest(cpu, ready, |ready| {
            let fed = ready.iter().filter(|ready| !Self::is_starved(task, ready)).count();
            if fed == 0 {
                return rng.index(ready.len());
            }
            *passes += u64::from(fed < ready.len());
            let chosen = rng.index(fed);
            let mut others =
                ready.iter().enumerate().filter(|(_, ready)| !Self::is_starved(task, ready));
            others.nth(chosen).expect("one of those counted").0
        });
        Ok(at)
    }

    fn idle(&self) -> Option<String> {
        let Self { task, passes, .. } = self;
        (*passes == 0).then(|| format!("schedule starve: no task `{task}` ever had to wait"))
    }
}
