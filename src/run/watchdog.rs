//! What a seed may take of the host, and what is done when it takes more. No result of a run that comes to its
//! end depends on it.
//!
//! # Fidelity
//!
//! - Time is that of the wall, for each run of a seed. A run is stopped between two turns of its kernel: code
//!   that never returns from one turn cannot be stopped.
//! - Memory is that of the whole process, for no thread has memory of its own. When the process has grown by
//!   more than all seeds under way may take together, all of them are stopped: at least one has taken more than
//!   its part, and nobody can say which. Memory that the process keeps when they are gone is no seed's.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stopwatch::Stopwatch;

/// What one seed may take of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// Wall time of a run.
    pub time: Option<Duration>,
    /// Bytes by which the process may grow for each of the seeds that can be under way.
    pub memory: Option<u64>,
}

/// The process's resident memory in bytes, where the system tells.
#[must_use]
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

/// A run under way.
struct Ward {
    ticket: u64,
    seed: u64,
    clock: Stopwatch,
    stop: Arc<AtomicBool>,
    /// Why it was stopped.
    why: Option<String>,
}

#[derive(Default)]
struct Wards {
    tickets: u64,
    runs: Vec<Ward>,
    /// What the process had before any seed, or kept when all were stopped.
    floor: u64,
    /// Seeds were stopped for their memory, and are not all gone yet, or it has not been measured since.
    clearing: bool,
}

/// Knows which runs are under way, and stops those that take too much.
pub struct Watchdog {
    limits: HostLimits,
    /// By how much the process may grow.
    growth_max: Option<u64>,
    measure: fn() -> Option<u64>,
    wards: Mutex<Wards>,
}

impl std::fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watchdog({:?}, {} under way)", self.limits, self.lock().runs.len())
    }
}

impl Watchdog {
    /// Over so many runs at a time.
    #[must_use]
    pub fn new(limits: HostLimits, jobs: NonZeroUsize) -> Self {
        Self::measuring_by(resident, limits, jobs)
    }

    fn measuring_by(measure: fn() -> Option<u64>, limits: HostLimits, jobs: NonZeroUsize) -> Self {
        let growth_max = limits.memory.map(|each| each.saturating_mul(jobs.get() as u64));
        let floor = growth_max.and_then(|_| measure()).unwrap_or(0);
        let wards = Mutex::new(Wards { floor, ..Wards::default() });
        Self { limits, growth_max, measure, wards }
    }

    /// Takes the run of a seed in its care; `None` where there are no limits to see to.
    pub fn guard(&self, seed: u64) -> Option<Guard<'_>> {
        if self.limits == HostLimits::default() {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut wards = self.lock();
        wards.tickets += 1;
        let ticket = wards.tickets;
        let ward = Ward { ticket, seed, clock: Stopwatch::start(), stop: stop.clone(), why: None };
        wards.runs.push(ward);
        Some(Guard { watchdog: self, ticket, stop })
    }

    /// Looks after all runs under way. To be called every now and then. Says how many were to stop and have not.
    pub fn look(&self) -> u64 {
        let mut wards = self.lock();
        if let Some(limit) = self.limits.time {
            let late = wards.runs.iter_mut().filter(|ward| ward.clock.elapsed() > limit);
            late.for_each(|ward| {
                ward.stop_for(|| format!("its run took longer than the {limit:?} it was given"));
            });
        }
        if let Some(growth_max) = self.growth_max {
            self.look_at_memory(&mut wards, growth_max);
        }
        wards.runs.iter().filter(|ward| ward.is_stopped()).count() as u64
    }

    /// A seed whose run has been under way for longer than this: one that was told to stop long ago does not come back.
    #[must_use]
    pub fn under_way_for(&self, span: Duration) -> Option<u64> {
        let wards = self.lock();
        wards.runs.iter().find(|ward| ward.clock.elapsed() > span).map(|ward| ward.seed)
    }

    fn look_at_memory(&self, wards: &mut Wards, growth_max: u64) {
        if wards.clearing && wards.runs.iter().any(Ward::is_stopped) {
            return;
        }
        let Some(now) = (self.measure)() else { return };
        if wards.clearing {
            wards.clearing = false;
            if now > wards.floor.saturating_add(growth_max) {
                wards.floor = now;
            }
        }
        let grown = now.saturating_sub(wards.floor);
        if grown <= growth_max {
            return;
        }
        let count = wards.runs.len();
        wards.clearing = count > 0;
        for ward in &mut wards.runs {
            let mib = |bytes: u64| bytes >> 20;
            ward.stop_for(|| {
                let (grown, growth_max) = (mib(grown), mib(growth_max));
                let who = if count == 1 { "it".to_owned() } else { format!("one of {count} under way") };
                format!(
                    "the process grew by {grown} MiB and may grow by {growth_max} MiB: {who} took too much"
                )
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wards> {
        self.wards.lock().expect("nobody panics with this lock")
    }
}

impl Ward {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stop_for(&mut self, why: impl FnOnce() -> String) {
        self.why.get_or_insert_with(why);
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A run in the watchdog's care, until it is dropped.
#[derive(Debug)]
pub struct Guard<'a> {
    watchdog: &'a Watchdog,
    ticket: u64,
    stop: Arc<AtomicBool>,
}

impl Guard<'_> {
    /// Set when the run is to stop.
    #[must_use]
    pub const fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// Why the run was to stop, if it was.
    pub(super) fn why(&self) -> Option<String> {
        let wards = self.watchdog.lock();
        let ward = wards.runs.iter().find(|ward| ward.ticket == self.ticket)?;
        ward.why.clone()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.watchdog.lock().runs.retain(|ward| ward.ticket != self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::{HostLimits, Watchdog, resident};

    fn stopped(guard: &super::Guard<'_>) -> bool {
        guard.stop.load(Ordering::Relaxed)
    }

    #[test]
    fn what_takes_too_long_is_stopped_and_nothing_else() {
        let limits = HostLimits { time: Some(Duration::from_millis(300)), memory: None };
        let watchdog = Watchdog::new(limits, NonZeroUsize::MIN);
        let old = watchdog.guard(1).unwrap();
        std::thread::sleep(Duration::from_millis(350));
        let young = watchdog.guard(1).unwrap();
        assert_eq!(watchdog.look(), 1);
        assert!(stopped(&old) && !stopped(&young));
        assert_eq!(watchdog.under_way_for(Duration::from_millis(340)), Some(1));
        assert_eq!(watchdog.under_way_for(Duration::from_secs(3_600)), None);
        assert_eq!(old.why().unwrap(), "its run took longer than the 300ms it was given");
        assert_eq!(young.why(), None);
        drop(old);
        assert_eq!(watchdog.lock().runs.len(), 1);
    }

    #[test]
    fn without_limits_nothing_is_watched() {
        assert!(Watchdog::new(HostLimits::default(), NonZeroUsize::MIN).guard(1).is_none());
    }

    #[test]
    fn what_makes_the_process_grow_is_stopped_together_and_what_it_leaves_is_no_seeds() {
        static BYTES: AtomicU64 = AtomicU64::new(100 << 20);
        let set = |mib: u64| BYTES.store(mib << 20, Ordering::Relaxed);
        let limits = HostLimits { time: None, memory: Some(10 << 20) };
        let jobs = NonZeroUsize::new(2).unwrap();
        let measure = || Some(BYTES.load(Ordering::Relaxed));
        let watchdog = Watchdog::measuring_by(measure, limits, jobs);
        let (one, two) = (watchdog.guard(1).unwrap(), watchdog.guard(1).unwrap());
        set(120);
        watchdog.look();
        assert!(!stopped(&one), "two times ten more is what they may take");
        set(121);
        watchdog.look();
        assert!(stopped(&one) && stopped(&two));
        assert!(
            one.why().unwrap().starts_with("the process grew by 21 MiB and may grow by 20 MiB")
        );
        drop(one);
        let three = watchdog.guard(1).unwrap();
        watchdog.look();
        assert!(!stopped(&three), "one that was stopped is still there, and its memory");
        drop(two);
        watchdog.look();
        assert!(!stopped(&three), "what is left is nobody's");
        set(142);
        watchdog.look();
        assert!(stopped(&three));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_has_memory() {
        assert!(resident().unwrap() > 1 << 20);
    }
}
