//! How long a seed may keep its host, and what is done when it takes longer. Runs no seed.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::run::Stopwatch;

/// So much longer than it may take is a seed waited for that was told to stop: it may be within a poll that takes long.
const GRACE: u32 = 2;

/// Knows which seeds are under way, and stops those that take too long.
pub(super) struct Patience {
    limit: Duration,
    under_way: Mutex<Vec<UnderWay>>,
}

/// A seed under way.
struct UnderWay {
    seed: u64,
    clock: Stopwatch,
    stop: Arc<AtomicBool>,
}

/// A seed under way, until it is dropped.
pub(super) struct Waited<'a> {
    patience: &'a Patience,
    stop: Arc<AtomicBool>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, under_way: Mutex::default() }
    }

    /// How long a seed may take.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// A seed begins.
    pub(super) fn begin(&self, seed: u64) -> Waited<'_> {
        let stop = Arc::new(AtomicBool::new(false));
        let run = UnderWay { seed, clock: Stopwatch::start(), stop: stop.clone() };
        self.with(|runs| runs.push(run));
        Waited { patience: self, stop }
    }

    /// Looks after all seeds under way; to be called every now and then. One that cannot be stopped, because it never comes
    /// back from a poll, ends the process: no thread can be ended from outside.
    pub(super) fn look(&self) {
        let stuck = self.with(|runs| {
            let late = runs.iter().filter(|run| run.clock.elapsed() > self.limit);
            late.for_each(|run| run.stop.store(true, Ordering::Relaxed));
            let stuck =
                runs.iter().find(|run| run.clock.elapsed() > self.limit.saturating_mul(GRACE));
            stuck.map(|run| run.seed)
        });
        if let Some(seed) = stuck {
            give_up(seed, self.limit.saturating_mul(GRACE));
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut Vec<UnderWay>) -> T) -> T {
        what(&mut self.under_way.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waited<'_> {
    /// Set when the seed is to stop.
    pub(super) const fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }
}

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        self.patience.with(|runs| runs.retain(|run| !Arc::ptr_eq(&run.stop, &self.stop)));
    }
}

/// Says what nobody else can say any more, past whatever captures the output of a test.
fn give_up(seed: u64, waited: Duration) -> ! {
    let text = format!(
        "\nstormglass: seed {seed} has not come back from a poll for {waited:?}, and nothing can end it from outside: \
         a loop without an end, a lock of the standard library taken twice, or something else that blocks the thread. To \
         find out where, run it alone under a debugger (STORMGLASS_SEED={seed}). `Sweep::seed_time` gives seeds more time.\n"
    );
    // Whether anybody reads it or not, this is the end.
    let _ = std::io::stderr().write_all(text.as_bytes());
    std::process::exit(101)
}
