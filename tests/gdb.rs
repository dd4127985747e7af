//! The promise of `--break`: under gdb a run stops where it fails, with the code that made it fail on the stack.

use std::path::Path;
use std::process::{Command, Output};

/// Writes that a disk acknowledges and does not do: some read shows what was there before.
const FAILS: &str = r#"{ "version": 1, "name": "lost", "cluster": { "targets": 2 },
  "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 16, "legs": ["t0/d0", "t1/d0"] }],
  "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 2000, "mix": { "write": 50, "read": 50 } }],
  "script": [{ "at": "2ms", "do": { "disk.lose_next_write": { "disk": "t0/d0", "count": 20 } } }],
  "budget": "none" }"#;

const PROGRAM: &str = env!("CARGO_BIN_EXE_stormglass");

fn has_gdb() -> bool {
    let found = Command::new("gdb").arg("--version").output().is_ok_and(|out| out.status.success());
    let is_required = std::env::var_os("STORMGLASS_GDB_REQUIRED").is_some();
    assert!(found || !is_required, "gdb is not installed, and is required here");
    found
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_debugger_stops_in_the_code_that_failed() {
    if !has_gdb() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory for a test");
    let file = dir.path().join("lost.json");
    std::fs::write(&file, FAILS).expect("a file for a test");
    let output = Command::new("gdb")
        .args(["--batch", "-x", "gdb/stormglass.py", "-ex", "run", "-ex", "failure", "-ex", "bt"])
        .args(["--args", PROGRAM, "run"])
        .arg(&file)
        .arg("--break")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("gdb runs");
    let text = text(&output);
    assert!(text.contains("stormglass: violation/linear/"), "{text}");
    assert!(text.contains("received signal SIGTRAP"), "{text}");
    // The frame that `failure` went to, and the backtrace that leads from it to the task.
    let frame = text.lines().find(|line| line.starts_with('#')).unwrap_or_default();
    // By its name, or in a build that has the lines of the code by its file.
    let is_of_a_node = ["stormglass::node::", "at src/node/"].iter().any(|it| frame.contains(it));
    assert!(is_of_a_node, "{frame}\n{text}");
    assert!(text.contains("stormglass_failure"), "{text}");
}

#[test]
fn without_a_debugger_nothing_stops_and_the_command_is_told() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let file = dir.path().join("lost.json");
    std::fs::write(&file, FAILS).expect("a file for a test");
    let run = |more: &[&str]| {
        Command::new(PROGRAM).arg("run").arg(&file).args(more).output().expect("the program runs")
    };
    let (plain, stopped) = (run(&["--json"]), run(&["--json", "--break"]));
    assert_eq!(plain.stdout, stopped.stdout, "the run is the same");
    assert_eq!(plain.status.code(), stopped.status.code());
    let told = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(told.contains("no debugger is attached") && told.contains("gdb -x"), "{told}");
}
