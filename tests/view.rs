//! The promise of `view`: a page that a browser opens by itself, with what failed in view, and that does what it
//! says when it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Set where a browser has to be there: a missing one then fails the test instead of leaving it out.
const BROWSER_REQUIRED: &str = "STORMGLASS_BROWSER_REQUIRED";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs `view` and gives back what it wrote to `OUT` in the arguments.
fn view(dir: &TempDir, arguments: &[&str]) -> (PathBuf, String) {
    let out = dir.path().join("out");
    let named = |argument: &&str| match *argument {
        "OUT" => out.display().to_string(),
        other => other.to_owned(),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    command.arg("view").args(arguments.iter().map(named));
    let output = command.current_dir(root("")).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    (out, said)
}

/// A scenario in which a block rots where nothing notices, expected to pass.
fn rotten(dir: &TempDir) -> String {
    let text = std::fs::read_to_string(root("scenarios/faults/disk-flip-bits-unguarded.json"));
    let mut scenario: serde_json::Value =
        serde_json::from_str(&text.expect("a scenario")).expect("JSON");
    scenario["expect"] = "pass".into();
    let path = dir.path().join("rotten.json");
    std::fs::write(&path, scenario.to_string()).expect("a file for a test");
    path.display().to_string()
}

/// The browser of this machine, if it has one.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var_os(BROWSER_REQUIRED).is_some();
        assert!(!required, "{BROWSER_REQUIRED} is set, and none of {names:?} is in PATH");
        eprintln!("LEFT OUT: none of {names:?} is in PATH, so nobody looked at the page");
    }
    found
}

/// Has a browser open the page and use it (`selftest.js`); what came of that, a check a line.
fn use_page(browser: &Path, page: &Path) -> String {
    let profile = tempfile::tempdir().expect("a directory for a test");
    // Some pages are called `out`: a browser goes by the name.
    let named = profile.path().join("page.html");
    std::fs::copy(page, &named).expect("a copy for a test");
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,900"])
        .args(["--virtual-time-budget=60000", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#selftest", named.display()))
        .output()
        .expect("the browser runs");
    let log = String::from_utf8_lossy(&output.stderr);
    let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "the page complains: {console:#?}");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let results = dom.split_once("<pre id=\"selftest\" hidden=\"\">");
    let (_, results) = results.unwrap_or_else(|| panic!("no results in {dom:.400}\n{log}"));
    results.split_once("</pre>").expect("results end").0.to_owned()
}

#[track_caller]
fn holds(results: &str, checks: &[&str]) {
    assert!(results.ends_with("SELFTEST PASSED"), "{results}");
    for check in checks {
        let held = results.lines().any(|line| line.starts_with(&format!("ok {check}")));
        assert!(held, "`{check}` was not checked:\n{results}");
    }
}

#[test]
fn a_page_of_a_good_run_opens_and_does_what_it_says() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let smoke = "scenarios/smoke/baseline-three-targets.json";
    let (page, said) = view(&dir, &[smoke, "--seed", "2", "--html", "OUT"]);
    assert!(said.contains("baseline-three-targets seed 2: pass, every check held"), "{said}");
    let Some(browser) = browser() else { return };
    holds(&use_page(&browser, &page), &["search finds operations", "c goes to the cause"]);
}

#[test]
fn a_page_of_a_failure_opens_at_the_violation_with_its_block_and_operations() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let (page, said) = view(&dir, &[&rotten(&dir), "--html", "OUT"]);
    assert!(said.contains(": violation, linear/"), "{said}");
    let Some(browser) = browser() else { return };
    let results = use_page(&browser, &page);
    let failure = ["the violation is in view", "its block's story is told", "an operation of it"];
    holds(&results, &failure);
    holds(&results, &["each leg of the block has a lane", "s tells a block's story", "no error"]);
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let (page, _) = view(&dir, &[&rotten(&dir), "--html", "OUT"]);
    let text = std::fs::read_to_string(page).expect("a page");
    for word in ["http://", "https://", "src=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!text.contains(word), "the page names {word}");
    }
    assert!(!text.contains("<!--"), "a slot of the page was left open");
}

#[test]
fn a_trace_for_perfetto_is_whole() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let (trace, _) = view(&dir, &["scenarios/raid1/unplug-and-plug.json", "--perfetto", "OUT"]);
    let text = std::fs::read_to_string(trace).expect("a trace");
    let trace: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    let events = trace["traceEvents"].as_array().expect("a list of events");
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    let mut threads = BTreeSet::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let phase = event["ph"].as_str().expect("each event has a phase");
        *counts.entry(phase).or_default() += 1;
        assert!(
            event["pid"].is_u64() && event["ts"].is_f64() && event["name"].is_string(),
            "{event}"
        );
        let thread = (event["pid"].to_string(), event["tid"].to_string());
        let key = format!("{} {} {}", event["cat"], event["id"], event["pid"]);
        match phase {
            "M" if event["name"] == "thread_name" => assert!(threads.insert(thread), "{event}"),
            "b" => assert_eq!(open.insert(key, 1), None, "{event}"),
            "e" => assert_eq!(open.remove(&key), Some(1), "{event}"),
            // A flow has a beginning, and its end, if it has one, comes later.
            "s" => assert_eq!(open.insert(format!("flow {}", event["id"]), 0), None, "{event}"),
            "f" => assert_eq!(open.remove(&format!("flow {}", event["id"])), Some(0), "{event}"),
            "X" | "i" => assert!(threads.contains(&thread), "a thread without a name: {event}"),
            "C" => assert!(event["args"]["value"].as_i64().is_some_and(|n| n >= 0), "{event}"),
            _ => {}
        }
    }
    assert!(open.values().all(|kind| *kind == 0), "slices that don't end: {open:?}");
    for phase in ["M", "b", "e", "s", "f", "X", "i", "C"] {
        assert!(counts.contains_key(phase), "no event of phase {phase}: {counts:?}");
    }
    let named = |name: &str| events.iter().any(|event| event["name"] == name);
    for name in ["applications", "degraded", "healthy", "operations under way", "t0/d0 queue"] {
        assert!(named(name) || events.iter().any(|event| event["cat"] == name), "no {name}");
    }
    assert!(named("vol0 leg0 rebuilt") || named("vol0 leg1 rebuilt"), "no progress of a rebuild");
}

#[test]
fn text_fits_and_is_plain_in_a_pipe() {
    for width in ["100", "160"] {
        let arguments = ["view", "scenarios/smoke/baseline-512.json", "--text", "--width", width];
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
        let output = command.args(arguments).current_dir(root("")).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("lines are text");
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= width.parse().ok() && widest > Some(60), "{width}: {widest:?}");
        assert!(!text.contains('\u{1b}'), "a pipe has no colours");
        assert!(text.lines().next().is_some_and(|line| line.contains("c0") && line.contains("m0")));
        assert!(text.contains("▶●") && text.contains("●◀"), "messages arrive in both directions");
    }
}

/// By the definition: each event counts its host up by one, and a clock knows of others no more than they
/// had counted.
#[test]
fn a_log_for_shiviz_has_clocks_that_fit() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let (log, _) =
        view(&dir, &["scenarios/smoke/baseline-512.json", "--until", "2ms", "--shiviz", "OUT"]);
    let text = std::fs::read_to_string(log).expect("a log");
    let lines: Vec<&str> = text.lines().collect();
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut crossed = 0;
    for event in lines.chunks(2) {
        let (host, clock) = event[1].split_once(' ').expect("a host and its clock");
        let clock: BTreeMap<String, u64> = serde_json::from_str(clock).expect("a clock");
        let own = counted.entry(host.to_owned()).or_default();
        *own += 1;
        assert_eq!(clock[host], *own, "{event:?}");
        for (name, count) in &clock {
            assert!(
                *count <= counted.get(name).copied().unwrap_or(0),
                "{event:?} knows the future"
            );
        }
        crossed += usize::from(clock.len() > 1);
    }
    assert!(crossed > 100, "hosts know of each other: {crossed}");
}

#[test]
fn a_failure_is_explained_with_what_it_took() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    command.args(["explain", &rotten(&dir)]).current_dir(root(""));
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("text");
    for part in [
        "What was promised\n  linear: ",
        "What was found\n  found     ",
        "What happened to vol0 block ",
        " reads ",
        " from leg",
        "script[0] disk.flip_bits: needed: the run ends with pass",
        "To look at:\n",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn the_page_of_a_client_that_dies_in_mid_write_tells_what_went_wrong() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let text = std::fs::read_to_string(root("scenarios/raid1/client-reboot-mid-write.json"));
    let mut scenario: serde_json::Value =
        serde_json::from_str(&text.expect("a scenario")).expect("JSON");
    scenario["plant"] = serde_json::json!(["read_before_recovery"]);
    scenario["checks"] = serde_json::json!(["linear"]);
    let path = dir.path().join("planted.json");
    std::fs::write(&path, scenario.to_string()).expect("a file for a test");
    let path = path.display().to_string();
    let failing =
        (1..50).map(|seed| view(&dir, &[&path, "--seed", &seed.to_string(), "--html", "OUT"]));
    let (page, said) = failing
        .into_iter()
        .find(|(_, said)| said.contains(": violation"))
        .expect("one of these seeds fails");
    assert!(said.contains("linear/read-went-back"), "{said}");
    let Some(browser) = browser() else { return };
    holds(&use_page(&browser, &page), &["it is told in short"]);
}
