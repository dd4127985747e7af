//! A test over many seeds, on all cores: the first seed that fails is the test's failure. Leads no run itself.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::base::{Nanos, Record};
use crate::run::HostLimits;
use crate::run::Watchdog;
use crate::run::work_off;
use crate::sim::KernelConfig;
use crate::sim::trace::Keep;
use crate::view::{record_line, write_jsonl};

use super::failure::{Failure, How};
use super::kept::{RECORDS_MAX, file_name, keep_page, keep_text};
use super::lead::{Led, Limits, lead};
use super::patience::look_after;
use super::sim::Sim;

/// The variable that has a sweep run one seed alone, and keep its trace.
const SEED: &str = "STORMGLASS_SEED";
/// Of so many seeds, one is run twice.
const AGAIN: usize = 20;

/// Runs a test with each of these seeds, and panics with the first failure, in the order of the seeds. One seed in twenty is
/// run twice and has to come to the same digest.
///
/// With `STORMGLASS_SEED=17` in the environment it runs that seed alone, twice as well, and keeps its trace in a file.
///
/// # Panics
/// When a seed fails: see [`Failure`].
pub fn sweep<F, Fut>(seeds: impl IntoIterator<Item = u64>, test: F)
where
    F: Fn(Sim) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    if let Err(failure) = Sweep::new(seeds).run(test) {
        panic!("{failure}");
    }
}

/// A sweep with limits of one's own.
#[derive(Clone, Debug)]
pub struct Sweep {
    seeds: Vec<u64>,
    limit: Nanos,
    seed_time: Duration,
    kernel: KernelConfig,
    jobs: NonZeroUsize,
    keep_in: Option<PathBuf>,
}

/// A sweep without failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Seeds that passed.
    pub seeds: u64,
    /// Those of them that were run twice.
    pub again: u64,
}

impl Sweep {
    /// Over these seeds, on all cores, each for an hour of virtual time and a minute of wall time at most.
    #[must_use]
    pub fn new(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self {
            seeds: seeds.into_iter().collect(),
            limit: Nanos::from_secs(3600),
            seed_time: Duration::from_secs(60),
            kernel: KernelConfig::default(),
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            keep_in: Some(PathBuf::from("target/stormglass")),
        }
    }

    /// How much virtual time a seed has.
    #[must_use]
    pub const fn limit(mut self, limit: Nanos) -> Self {
        self.limit = limit;
        self
    }

    /// How much wall time a run of a seed has. One that takes longer fails ([`How::Slow`]); one that has not come back from a poll
    /// after twice as long ends the process, for nothing else can end it.
    #[must_use]
    pub const fn seed_time(mut self, limit: Duration) -> Self {
        self.seed_time = limit;
        self
    }

    /// What holds for the kernel of each seed: the schedule, and whether [`buggify!`](crate::buggify) sites may fire.
    #[must_use]
    pub fn kernel(mut self, config: KernelConfig) -> Self {
        self.kernel = config;
        self
    }

    /// How many threads run seeds.
    #[must_use]
    pub const fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Where a failure is kept; `None`: nowhere. `target/stormglass`, if nothing is said.
    #[must_use]
    pub fn keep_in(mut self, directory: Option<&Path>) -> Self {
        self.keep_in = directory.map(Path::to_owned);
        self
    }

    /// Runs the test with each seed.
    ///
    /// # Errors
    /// The failure of the first seed that fails, in the order of the seeds, however many threads there are.
    ///
    /// # Panics
    /// When `STORMGLASS_SEED` is no number.
    pub fn run<F, Fut>(&self, test: F) -> Result<Swept, Box<Failure>>
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let test = Arc::new(test);
        match wanted_seed() {
            Some(seed) => self.alone(seed, &test),
            None => self.all(&test),
        }
    }

    /// One seed, with all its records in a file.
    fn alone<F, Fut>(&self, seed: u64, test: &Arc<F>) -> Result<Swept, Box<Failure>>
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        // Whoever looks at one seed alone may do so under a debugger.
        let unwatched = Watchdog::new(HostLimits::default(), NonZeroUsize::MIN);
        let mut led = self.one(seed, test, &unwatched, Keep::All);
        if led.how.is_none() {
            let second = self.one(seed, test, &unwatched, Keep::All);
            if (second.digest, second.at) != (led.digest, led.at) {
                let differs = || How::Differs(difference(&led, &second));
                led.how = Some(second.how.clone().unwrap_or_else(differs));
            }
        }
        let name = test_name();
        if let Some(directory) = &self.keep_in {
            let path = directory.join(format!("{}-{seed}.jsonl", file_name(name.as_deref())));
            let written = std::fs::create_dir_all(directory).and_then(|()| {
                let mut text = Vec::new();
                write_jsonl(&mut text, &led.trace, &led.names)?;
                std::fs::write(&path, text)
            });
            match written {
                Ok(()) => eprintln!("seed {seed}: its trace is in {}", path.display()),
                Err(error) => eprintln!("seed {seed}: its trace could not be kept: {error}"),
            }
        }
        self.judge(seed, led, name, test)?;
        Ok(Swept { seeds: 1, again: 1 })
    }

    fn watchdog(&self, jobs: NonZeroUsize) -> Watchdog {
        Watchdog::new(HostLimits { time: Some(self.seed_time), memory: None }, jobs)
    }

    /// One run of a seed.
    fn one<F, Fut>(&self, seed: u64, test: &Arc<F>, watchdog: &Watchdog, keep: Keep) -> Led
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let guard = watchdog.guard(seed);
        let stop = guard.as_ref().map(|guard| guard.stop().clone());
        let limits = Limits { virtual_time: self.limit, wall_time: self.seed_time, stop };
        lead((seed, &self.kernel), test, &limits, keep)
    }

    fn all<F, Fut>(&self, test: &Arc<F>) -> Result<Swept, Box<Failure>>
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        // Seeds behind one that failed are of no interest any more.
        let first_failed = AtomicUsize::new(usize::MAX);
        let places =
            (0..self.seeds.len()).take_while(|place| *place < first_failed.load(Ordering::Relaxed));
        let mut swept = Swept { seeds: 0, again: 0 };
        let mut failed: Option<(usize, Led)> = None;
        let watchdog = self.watchdog(self.jobs);
        let work = |place: usize| (place, self.look_at(place, test, &watchdog));
        work_off(self.jobs, places, work, |done| {
            let Some((place, (led, again))) = done else {
                return look_after(&watchdog, self.seed_time);
            };
            swept.seeds += 1;
            swept.again += u64::from(again);
            if led.how.is_some() && failed.as_ref().is_none_or(|(first, _)| place < *first) {
                first_failed.fetch_min(place, Ordering::Relaxed);
                failed = Some((place, led));
            }
        });
        match failed {
            Some((place, led)) => {
                self.judge(self.seeds[place], led, test_name(), test)?;
                unreachable!("it has failed")
            }
            None => Ok(swept),
        }
    }

    /// One seed of many; whether it was run twice.
    fn look_at<F, Fut>(&self, place: usize, test: &Arc<F>, watchdog: &Watchdog) -> (Led, bool)
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let run = |keep| self.one(self.seeds[place], test, watchdog, keep);
        let mut led = run(Keep::Nothing);
        let again = place.is_multiple_of(AGAIN) && led.how.is_none();
        if again {
            let second = run(Keep::Nothing);
            if (second.digest, second.at) != (led.digest, led.at) {
                if second.how.is_some() {
                    return (second, again);
                }
                led.how = Some(How::Differs(difference(&run(Keep::All), &run(Keep::All))));
            }
        }
        (led, again)
    }

    /// The failure of a seed, if it failed, with what is kept of it. For a page it is run once more, with its last records.
    fn judge<F, Fut>(
        &self,
        seed: u64,
        led: Led,
        name: Option<String>,
        body: &Arc<F>,
    ) -> Result<(), Box<Failure>>
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let Some(how) = led.how else { return Ok(()) };
        let Led { at, digest, recent, names, waiting, violations, trace, .. } = led;
        let mut failure = Failure {
            seed,
            how,
            at,
            digest,
            recent,
            names,
            waiting,
            violations,
            test: name,
            saved: None,
            page: None,
        };
        if let Some(directory) = &self.keep_in {
            // First what is sure.
            failure.saved = keep_text(directory, &failure);
            let is_traced = !trace.is_empty() || matches!(failure.how, How::Slow(_));
            let trace =
                if is_traced { trace } else { self.last_records(seed, body, &failure.recent) };
            failure.page = keep_page(directory, &failure, &trace);
            failure.saved = keep_text(directory, &failure);
        }
        Err(Box::new(failure))
    }

    /// The last records of a seed's run, which ended with these.
    fn last_records<F, Fut>(&self, seed: u64, test: &Arc<F>, recent: &[Record]) -> Vec<Record>
    where
        F: Fn(Sim) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let to = recent.last().map_or(0, |record| record.seq);
        let keep = Keep::Window { from: to.saturating_sub(RECORDS_MAX), to };
        let watchdog = self.watchdog(NonZeroUsize::MIN);
        let mut trace = Vec::new();
        let work = |seed| self.one(seed, test, &watchdog, keep).trace;
        work_off(NonZeroUsize::MIN, std::iter::once(seed), work, |done| match done {
            Some(records) => trace = records,
            None => look_after(&watchdog, self.seed_time),
        });
        trace
    }
}

/// Where two runs whose records were kept part.
fn difference(one: &Led, other: &Led) -> Option<String> {
    let is_same = |at: usize| match (one.trace.get(at), other.trace.get(at)) {
        (Some(one), Some(other)) => {
            (one.at, one.node, one.kind.code, &one.words)
                == (other.at, other.node, other.kind.code, &other.words)
        }
        (None, None) => true,
        _ => false,
    };
    let longest = one.trace.len().max(other.trace.len());
    let at = (0..longest).find(|at| !is_same(*at))?;
    let line = |led: &Led| {
        let line = |record: &Record| record_line(record, &led.names);
        led.trace.get(at).map_or_else(|| "(its end)".to_owned(), line)
    };
    Some(format!("they part at record {at}:\n  {}\n  {}", line(one), line(other)))
}

/// The test that calls, by the name of its thread.
fn test_name() -> Option<String> {
    let name = std::thread::current().name()?.to_owned();
    (name != "main").then_some(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "which seed is run is for whoever runs the test to say"
)]
fn wanted_seed() -> Option<u64> {
    let text = std::env::var(SEED).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| {
        panic!("{SEED} is `{text}`, and has to be a seed: a number from 0 to 2^64-1")
    }))
}
