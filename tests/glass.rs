//! Tests that lead simulations of their own: each way to fail is told, the first seed that fails is the one that is reported, and
//! the examples do what they say.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use stormglass::base::Nanos;
use stormglass::base::Record;
use stormglass::check::{Check, Checker, History, Violation};
use stormglass::glass::{Failure, How, Sim, Sweep};
use stormglass::sweep;

const SECOND: Nanos = Nanos::from_secs(1);

fn fails<Fut: Future<Output = ()> + 'static>(
    seeds: std::ops::Range<u64>,
    test: impl Fn(Sim) -> Fut + Send + Sync + 'static,
) -> Box<Failure> {
    let sweep = Sweep::new(seeds).limit(SECOND).keep_in(None);
    sweep.run(test).expect_err("it is to fail")
}

#[test]
fn a_sweep_that_passes_says_how_many_and_runs_some_twice() {
    let swept = Sweep::new(0..50).run(|sim| async move { sim.sleep(SECOND).await });
    let swept = swept.expect("nothing is wrong");
    assert_eq!((swept.seeds, swept.again), (50, 3));
}

#[test]
fn the_first_seed_that_fails_is_told_on_any_number_of_threads() {
    for jobs in [1, 2, 7] {
        let sweep = Sweep::new(0..200).keep_in(None).jobs(NonZeroUsize::new(jobs).expect("some"));
        let failure = sweep
            .run(|sim| async move {
                sim.sleep(Nanos::from_micros(3)).await;
                assert!(sim.seed() % 64 != 63, "seed of no luck");
            })
            .expect_err("three seeds fail");
        assert_eq!((failure.seed, failure.at), (63, Nanos::new(3_000)));
        let How::Panicked(what) = &failure.how else { panic!("{failure}") };
        assert!(what.contains("seed of no luck") && what.contains("tests/glass.rs:"), "{what}");
    }
}

#[test]
fn a_program_that_panics_is_named() {
    let failure = fails(0..1, |sim| async move {
        sim.node("n7", |host| {
            host.spawn("worker", async { panic!("out of paper") });
        });
        sim.sleep(SECOND).await;
    });
    let told = failure.to_string();
    assert!(
        told.contains("task `worker` of n7 panicked at tests/glass.rs:50: out of paper"),
        "{told}"
    );
}

#[test]
fn a_test_that_waits_for_ever_or_too_long_is_told_so() {
    let failure = fails(0..1, |_sim| std::future::pending());
    assert_eq!(failure.how, How::Stalled);
    assert!(failure.to_string().contains("`test`"), "{failure}");
    let failure = fails(0..1, |sim| async move { sim.sleep(Nanos::from_secs(5)).await });
    assert_eq!(failure.how, How::TooLong(SECOND));
}

#[test]
fn what_differs_from_run_to_run_is_found() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let failure = fails(0..1, |sim| async move {
        let left_behind = RUNS.fetch_add(1, Ordering::Relaxed);
        sim.sleep(Nanos::from_micros(1 + left_behind)).await;
    });
    let How::Differs(Some(parted)) = &failure.how else { panic!("{failure}") };
    assert!(parted.starts_with("they part at record "), "{parted}");
}

/// Nothing may happen after a millisecond.
#[derive(Default)]
struct EarlyOnly(Vec<Violation>);

impl Checker for EarlyOnly {
    fn observe(&mut self, record: &Record, _history: &History) {
        if record.at > Nanos::from_millis(1) && self.0.is_empty() {
            self.0.push(Violation {
                check: Check::Live,
                kind: "too-late",
                component: "test".to_owned(),
                volume: None,
                disk: None,
                block: None,
                ops: Vec::new(),
                at: record.at,
                found: record.kind.name.to_owned(),
                expected: "rest".to_owned(),
                detail: Vec::new(),
                recent: Vec::new(),
            });
        }
    }
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.0)
    }
}

stormglass::record! {
    /// The test did something.
    pub struct Lit = "test.lit", Notable { number: u64 }
}

#[test]
fn a_rule_of_ones_own_ends_the_seed_that_breaks_it() {
    let failure = fails(5..6, |sim| async move {
        sim.check(EarlyOnly::default());
        for number in 0..4 {
            sim.emit(&Lit { number });
            sim.sleep(Nanos::from_micros(400)).await;
        }
    });
    assert_eq!((failure.seed, failure.at.get() / 1_000), (5, 1_200));
    assert!(failure.to_string().contains("live/too-late"), "{failure}");
    assert!(failure.to_string().contains("test.lit"), "{failure}");
}

#[test]
fn a_failure_is_kept_in_a_file_and_says_how_to_run_it_alone() {
    let directory = tempfile::tempdir().expect("a directory for a test");
    let sweep = Sweep::new(3..4).keep_in(Some(directory.path()));
    let failure = sweep.run(|_| async { panic!("so it is") }).expect_err("it panics");
    let name = "a_failure_is_kept_in_a_file_and_says_how_to_run_it_alone";
    let again = format!("STORMGLASS_SEED=3 cargo test {name}");
    assert!(failure.to_string().ends_with(&again), "{failure}");
    let saved = failure.saved.expect("it is kept");
    assert_eq!(saved, directory.path().join(format!("{name}-3.txt")));
    let page = failure.page.expect("it is kept as a page");
    let page = std::fs::read_to_string(page).expect("a file");
    assert!(page.contains("so it is") && page.contains("<html"), "a page of the failure");
    let text = std::fs::read_to_string(saved).expect("a file");
    assert!(text.starts_with("seed 3 fails at") && text.contains("so it is"), "{text}");
}

#[test]
fn a_seed_that_takes_too_long_on_the_wall_is_stopped() {
    let short = std::time::Duration::from_millis(200);
    let sweep = Sweep::new(4..5).keep_in(None).seed_time(short);
    let ticks = |sim: Sim| async move {
        loop {
            sim.sleep(Nanos::from_micros(1)).await;
        }
    };
    let failure = sweep.run(ticks).expect_err("it never ends");
    assert_eq!((failure.seed, failure.how), (4, How::Slow(short)));
}

#[test]
fn what_blocks_the_thread_for_ever_ends_the_process_and_is_told() {
    const BLOCKED: &str = "STORMGLASS_TEST_BLOCKS";
    if std::env::var_os(BLOCKED).is_some() {
        let sweep = Sweep::new(6..7).keep_in(None).seed_time(std::time::Duration::from_millis(100));
        let _ = sweep.run(|_| async { while std::hint::black_box(true) {} });
        unreachable!("the process has ended");
    }
    let name = "what_blocks_the_thread_for_ever_ends_the_process_and_is_told";
    let mut again =
        std::process::Command::new(std::env::current_exe().expect("a test is a program"));
    let output = again.args(["--exact", name]).env(BLOCKED, "1").output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("seed 6 has not come back from a poll for 200ms"), "{told}");
    assert_eq!(output.status.code(), Some(101));
}

#[test]
fn what_a_node_leaves_behind_is_a_leak() {
    let failure = fails(0..1, |sim| async move {
        sim.checks(&[Check::Leaks]);
        sim.node("n0", |host| std::mem::forget(host.tracker("lock").open()));
    });
    assert!(failure.to_string().contains("leaks/"), "{failure}");
    assert!(failure.to_string().contains("tests/glass.rs"), "{failure}");
}

#[test]
fn rules_of_ones_own_stay_when_checks_are_asked_for() {
    let failure = fails(0..1, |sim| async move {
        sim.check(EarlyOnly::default());
        sim.checks(&[Check::Linear]);
        sim.sleep(Nanos::from_millis(2)).await;
        sim.emit(&Lit { number: 7 });
    });
    assert!(failure.to_string().contains("live/too-late"), "{failure}");
}

#[test]
fn a_check_that_could_not_fail_is_refused() {
    let failure = fails(0..1, |sim| async move { sim.checks(&[Check::Linear, Check::Mirrors]) });
    assert!(failure.to_string().contains("`mirrors` would never fail here"), "{failure}");
}

#[test]
fn a_read_that_nobody_shows_is_no_read_that_passes() {
    use stormglass::base::history::{OpInvoked, OpKind, OpResult, OpReturned};
    use stormglass::base::{OpId, VolumeId};
    let failure = fails(0..1, |sim| async move {
        sim.checks(&[Check::Linear]);
        let (op, volume, kind) = (OpId::new(1), VolumeId::new(0), OpKind::Read);
        sim.emit(&OpInvoked { op, volume, kind, block: 5, blocks: 1, author: 0 });
        sim.emit(&OpReturned { op, volume, kind, result: OpResult::Ok });
    });
    let told = failure.to_string();
    assert!(told.contains("linear/unshown-read") && told.contains("block 5"), "{told}");
}

#[test]
fn a_handle_of_a_life_that_is_over_runs_nothing() {
    let sweep = Sweep::new(0..4).keep_in(None);
    let swept = sweep.run(|sim| async move {
        let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
        let keeps = kept.clone();
        let node = sim.node("n0", move |host| {
            keeps.borrow_mut().get_or_insert(host);
        });
        let old = kept.borrow().clone().expect("it is up");
        assert!(old.spawn("now", async {}).await.is_ok());
        sim.kill(node);
        assert!(old.spawn("down", async { panic!("it runs") }).await.is_err());
        sim.boot(node);
        assert!(old.spawn("another life", async { panic!("it runs") }).await.is_err());
    });
    assert_eq!(swept.expect("nothing fails").seeds, 4);
}

stormglass::buggify_sites! {
    static SITES = {
        SHORT = "test.short", 1/2: "writes less than it was asked to";
    }
}

#[test]
fn the_kernel_of_a_sweep_can_be_told_how_to_schedule() {
    use std::sync::atomic::AtomicU32;
    static FIRED: AtomicU32 = AtomicU32::new(0);
    let config = stormglass::sim::KernelConfig { buggify: true, ..Default::default() };
    let sweep = Sweep::new(0..200).keep_in(None).kernel(config);
    let asks = |sim: Sim| async move {
        FIRED.fetch_add(u32::from(stormglass::buggify!(sim.host(), SHORT)), Ordering::Relaxed);
    };
    sweep.run(asks).expect("nothing fails");
    assert!(FIRED.load(Ordering::Relaxed) > 0);
}

#[test]
#[should_panic(expected = "seed 11 fails")]
fn sweep_panics_with_the_failure() {
    let body = |sim: Sim| async move { assert!(sim.seed() != 11) };
    sweep(10..20, body);
}

/// Runs an example that `cargo test` has built, and gives what it prints.
fn example(name: &str, seed: Option<&str>) -> (bool, String) {
    let here = std::env::current_exe().expect("a test is a program");
    let built = here.ancestors().nth(2).expect("below target").join("examples").join(name);
    let mut command = std::process::Command::new(built);
    if let Some(seed) = seed {
        command.env("STORMGLASS_SEED", seed);
    }
    let output = command.output().expect("an example runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_examples_find_what_they_say_they_find() {
    let (ok, text) = example("own_data_service", None);
    assert!(ok && text.contains("linear/read-went-back"), "{text}");
    assert!(text.contains("with recovery: 200 seeds without failure"), "{text}");
    let (ok, text) = example("own_node", None);
    assert!(ok && text.contains("300 seeds: every increase counts once"), "{text}");
    let (ok, text) = example("own_checker", None);
    assert!(ok && text.contains("own/data-before-journal"), "{text}");
    let (ok, text) = example("own_scenario_action", None);
    let said = "budget survivable: 20 of 20 seeds pass\nbudget none: 0 of 20 seeds pass\n";
    assert!(ok && text == said, "{text}");
    let (ok, text) = example("own_layout", None);
    let said = "first blocks of 100 rows: on 1 mirror of raid10, on 4 of mine.diagonal\n20 of 20 seeds pass\n";
    assert!(ok && text == said, "{text}");
}

#[test]
fn a_seed_from_the_environment_is_run_alone_and_a_bad_one_refused() {
    let (ok, text) = example("own_node", Some("17"));
    assert!(ok && text.contains("1 seeds"), "{text}");
    let (ok, text) = example("own_node", Some("seventeen"));
    assert!(!ok && text.contains("has to be a seed"), "{text}");
}

#[test]
fn examples_are_short() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = [examples.clone(), examples.join("tonic_service/src")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("some"));
    let paths = files.map(|file| file.expect("an example").path());
    for path in paths.filter(|path| path.is_file()) {
        let lines = std::fs::read_to_string(&path).expect("a text").lines().count();
        assert!(lines < 121, "{} has {lines} lines", path.display());
    }
}
