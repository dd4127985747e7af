//! The first promise: a scenario and a seed decide everything. Each test compares digests of the same
//! runs under conditions that must not matter. That the number of threads does not is shown by
//! `tests/cluster/library.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use stormglass::base::Nanos;
use stormglass::scenario::{Scenario, load};
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn one(name: &str) -> Scenario {
    load(&library().join(name)).expect("the scenario is valid")
}

fn digest(scenario: &Scenario, seed: u64, options: &RunOptions) -> u128 {
    simulate(scenario, seed, options).digest
}

#[test]
fn another_seed_gives_another_digest() {
    let scenario = one("smoke/baseline-three-targets.json");
    let options = RunOptions::default();
    assert_ne!(digest(&scenario, 1, &options), digest(&scenario, 2, &options));
}

#[test]
fn it_does_not_matter_whether_the_trace_is_kept() {
    for name in ["smoke/baseline-three-targets.json", "raid1/client-reboot-mid-write.json"] {
        let scenario = one(name);
        let plain = simulate(&scenario, 5, &RunOptions::default());
        let traced = RunOptions { trace: Keep::All, ..RunOptions::default() };
        let traced = simulate(&scenario, 5, &traced);
        assert_eq!(plain.digest, traced.digest, "{name}");
        assert_eq!(traced.trace.len() as u64, traced.events, "the trace is whole");
        assert_eq!(plain.checkpoints, traced.checkpoints);
    }
}

#[test]
fn a_recorded_schedule_makes_the_same_run() {
    for name in ["raid1/schedule-pct.json", "faults/cpu-stop.json"] {
        let scenario = one(name);
        let record = RunOptions { record_schedule: true, ..RunOptions::default() };
        let recorded = simulate(&scenario, 7, &record);
        assert_eq!(recorded.digest, digest(&scenario, 7, &RunOptions::default()), "{name}");
        let replay =
            RunOptions { replay_schedule: recorded.schedule.clone(), ..RunOptions::default() };
        let replayed = simulate(&scenario, 7, &replay);
        assert_eq!(replayed.digest, recorded.digest, "{name}");
    }
}

#[test]
fn buggify_is_off_unless_asked_for() {
    let on = one("raid1/buggify.json");
    let mut off = on.clone();
    off.cluster.buggify = false;
    let fired = |scenario: &Scenario, seed| {
        let report = simulate(scenario, seed, &RunOptions::default());
        report.probes.iter().filter(|(name, _)| name.starts_with("buggify.")).count()
    };
    assert!((1..6).all(|seed| fired(&off, seed) == 0));
    assert!((1..6).any(|seed| fired(&on, seed) > 0));
}

#[test]
fn what_is_cut_short_is_a_beginning_of_the_whole() {
    let scenario = one("smoke/baseline-three-targets.json");
    let whole = simulate(&scenario, 3, &RunOptions::default());
    let by_time = RunOptions { until: Some(Nanos::from_millis(5)), ..RunOptions::default() };
    let by_events = RunOptions { events_max: Some(whole.events / 3), ..RunOptions::default() };
    for options in [by_time, by_events] {
        let cut = simulate(&scenario, 3, &options);
        let shared = cut.checkpoints.len();
        assert!(shared > 10 && shared < whole.checkpoints.len(), "{shared} checkpoints");
        assert_eq!(cut.checkpoints[..], whole.checkpoints[..shared]);
        assert_eq!(simulate(&scenario, 3, &options).digest, cut.digest, "where it is cut is fixed");
    }
}

#[test]
fn a_run_that_is_stopped_from_outside_is_none_and_a_flag_that_stays_down_changes_nothing() {
    let scenario = one("smoke/baseline-three-targets.json");
    let flag = |up| Some(Arc::new(AtomicBool::new(up)));
    let of = |stop| simulate(&scenario, 3, &RunOptions { stop, ..RunOptions::default() });
    assert_eq!(of(flag(false)).digest, of(None).digest);
    let stopped = of(flag(true));
    assert!(matches!(stopped.verdict, Verdict::Stopped));
    assert!(stopped.events > 0 && stopped.events < of(None).events);
}

/// What the program prints for a seed, run in `directory` with an environment of its own.
fn printed(directory: &Path, environment: &[(&str, &str)], extra: &[&str]) -> Value {
    let file = library().join("smoke/two-volumes.json");
    let output = Command::new(env!("CARGO_BIN_EXE_stormglass"))
        .args(["run", "--seed", "9", "--json"])
        .arg(file)
        .args(extra)
        .current_dir(directory)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn directory_environment_locale_and_logging_do_not_matter() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let here = printed(Path::new(env!("CARGO_MANIFEST_DIR")), &[], &[]);
    let odd = [
        ("LANG", "tr_TR.UTF-8"),
        ("TZ", "Pacific/Chatham"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_LOG", "trace"),
        ("MADSIM_TEST_SEED", "77"),
        ("HOME", "/nonexistent"),
    ];
    assert_eq!(here, printed(elsewhere.path(), &odd, &[]));
    assert_eq!(here, printed(elsewhere.path(), &[], &["-vv"]));
    let digest = digest(&one("smoke/two-volumes.json"), 9, &RunOptions::default());
    assert_eq!(here["digest"], format!("{digest:032x}"), "the library and the program agree");
}

/// Debug and release builds, this machine and any other must come to these digests. When a change
/// moves them on purpose, every saved seed runs differently from then on: say so in CHANGELOG.md.
#[test]
fn digests_are_the_pinned_ones_in_every_build() {
    let names = [
        "smoke/baseline-512.json",
        "smoke/two-volumes.json",
        "raid1/raid1-disconnect-degrade-freeze-compare.json",
        "raid1/client-reboot-mid-write.json",
        "manager/manager-reboots.json",
        "net/flaky-links.json",
    ];
    let lines = names.map(|name| {
        let scenario = one(name);
        format!("{} {:032x}", scenario.name, digest(&scenario, 42, &RunOptions::default()))
    });
    insta::assert_snapshot!("digests", lines.join("\n"));
}
