//! The promise of the command line: what each verb says, which errors it gives, how it exits.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use tempfile::TempDir;

#[cfg(unix)]
mod book;

const SMOKE: &str = "scenarios/smoke/baseline-three-targets.json";

fn stormglass(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// What a person sees of a command, with `DIR` for the directory and `stormglass` for the program.
fn shown(dir: &Path, arguments: &[&str]) -> String {
    let output = stormglass(arguments).output().expect("the program runs");
    let text = format!(
        "exit code {:?}\n--- stdout ---\n{}--- stderr ---\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let text = text.replace(env!("CARGO_BIN_EXE_stormglass"), "stormglass");
    text.replace(&dir.display().to_string(), "DIR")
}

fn said(arguments: &[&str]) -> String {
    shown(Path::new("no such directory"), arguments)
}

/// A scenario file with this text, and its directory.
fn file(text: impl AsRef<[u8]>) -> (TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let path = dir.path().join("a.json");
    std::fs::write(&path, text).expect("a file for a test");
    let path = path.display().to_string();
    (dir, path)
}

fn run_file(text: impl AsRef<[u8]>) -> String {
    let (dir, path) = file(text);
    shown(dir.path(), &["run", &path])
}

fn smoke_with(from: &str, to: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SMOKE);
    let text = std::fs::read_to_string(path).expect("the smoke scenario");
    assert!(text.contains(from), "the smoke scenario has `{from}`");
    text.replacen(from, to, 1)
}

#[test]
fn help_is_worth_reading() {
    for verb in [
        "run", "sweep", "merge", "replay", "shrink", "debug", "view", "explain", "errors", "prove",
        "hunt", "generate", "serve", "attach", "validate", "schema", "list",
    ] {
        insta::assert_snapshot!(format!("help-{verb}"), said(&[verb, "--help"]));
    }
    insta::assert_snapshot!("help", said(&["--help"]));
}

#[test]
fn command_lines_that_make_no_sense_exit_with_2() {
    for (name, arguments) in [
        ("no-verb", &[] as &[&str]),
        ("unknown-verb", &["sweap"]),
        ("unknown-option", &["run", SMOKE, "--sed", "1"]),
        ("no-path", &["sweep"]),
        ("bad-seed", &["run", SMOKE, "--seed", "18446744073709551616"]),
        ("bad-seeds", &["sweep", SMOKE, "--seeds", "9..1"]),
        ("bad-jobs", &["sweep", SMOKE, "--jobs", "0"]),
        ("no-seeds-from", &["sweep", SMOKE, "--seeds-from", ""]),
        ("bad-seed-memory", &["sweep", SMOKE, "--seed-memory", "much"]),
        ("merge-of-nothing", &["merge"]),
        ("bad-shard", &["sweep", SMOKE, "--shard", "5/4"]),
        ("bad-for", &["sweep", SMOKE, "--for", "soon"]),
        ("bad-until", &["replay", "x.json", "--until", "-3ms"]),
        ("bad-log", &["run", SMOKE, "--log", "a=b=c"]),
        ("bad-trace", &["run", SMOKE, "--trace", "no/such/dir/out"]),
        ("bad-list", &["list", "flaws"]),
        ("view-of-nothing", &["view", SMOKE]),
    ] {
        let text = said(arguments);
        assert!(text.starts_with("exit code Some(2)\n"), "{name}: {text}");
        insta::assert_snapshot!(format!("usage-{name}"), text);
    }
}

#[test]
fn files_that_cannot_be_used_exit_with_3_and_show_the_place() {
    let (dir, path) = file("");
    let here = dir.path().display().to_string();
    let missing = format!("{here}/no.json");
    let texts = [
        ("missing", shown(dir.path(), &["run", &missing])),
        ("directory", shown(dir.path(), &["run", &here])),
        ("empty", shown(dir.path(), &["run", &path])),
        ("no-scenario-below", shown(dir.path(), &["sweep", "src"])),
        ("seed-file-missing", shown(dir.path(), &["replay", &missing])),
        ("binary", run_file([0xff, 0xfe, 0, 1, 2, 3])),
        ("not-json", run_file("{ \"version\": 1, }")),
        ("unknown-key", run_file(smoke_with("\"cluster\"", "\"clutser\": {}, \"cluster\""))),
        (
            "wrong-version",
            run_file(smoke_with("\"version\": 1", "\"version\": 99999999999999999999")),
        ),
        (
            "long-line",
            run_file(format!("{{\"version\":1,\"name\":\"{}\",\"x\":1}}", "a".repeat(400))),
        ),
        ("deep", run_file("[".repeat(100_000))),
        ("large", run_file(" ".repeat(10 << 20))),
    ];
    for (name, text) in texts {
        assert!(text.starts_with("exit code Some(3)\n"), "{name}: {text}");
        insta::assert_snapshot!(format!("bad-file-{name}"), text);
    }
}

#[test]
fn all_errors_of_all_files_are_shown_at_once() {
    let (dir, path) = file(smoke_with("\"cluster\"", "\"budget\": \"none!\", \"cluster\""));
    std::fs::write(dir.path().join("b.json"), "{}").expect("a file for a test");
    let here = dir.path().display().to_string();
    insta::assert_snapshot!("validate-errors", shown(dir.path(), &["validate", &here, SMOKE]));
    stormglass(&["sweep", &here]).assert().code(3);
    stormglass(&["run", &path]).assert().code(3);
    stormglass(&["validate", "scenarios"]).assert().code(0);
}

#[test]
fn lists_are_for_people_and_for_programs() {
    insta::assert_snapshot!("list-checks", said(&["list", "checks"]));
    insta::assert_snapshot!("list-faults", said(&["list", "faults"]));
    insta::assert_snapshot!("list-bugs", said(&["list", "bugs"]));
    for what in ["scenarios", "faults", "checks", "bugs", "probes"] {
        let output = stormglass(&["list", what, "--json"]).output().expect("the program runs");
        let items: Vec<serde_json::Value> =
            serde_json::from_slice(&output.stdout).expect("a JSON array");
        assert!(items.iter().all(|item| item["name"].is_string()), "{what}");
        assert!(!items.is_empty(), "{what}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    for arguments in [&["schema"] as &[&str], &["list", "faults"], &["--help"]] {
        let mut child = stormglass(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let mut said = String::new();
        let stderr = child.stderr.as_mut().expect("standard error is a pipe");
        stderr.read_to_string(&mut said).expect("standard error is text");
        assert_eq!(said, "", "{arguments:?}");
        assert_eq!(child.wait().expect("the program ends").code(), Some(0), "{arguments:?}");
    }
}

/// The JSON object of a run.
fn run_json(arguments: &[&str]) -> serde_json::Value {
    let output = stormglass(arguments).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn a_run_is_the_same_to_the_last_bit_each_time() {
    let first = run_json(&["run", SMOKE, "--seed", "1", "--json"]);
    assert_eq!(first["outcome"], "pass");
    assert_eq!(first["signature"], serde_json::Value::Null);
    assert!(first["ops"].as_u64().is_some_and(|ops| ops > 0), "{first}");
    assert_eq!(run_json(&["run", SMOKE, "--json"]), first, "seed 1 is the default");
    assert_ne!(run_json(&["run", SMOKE, "--seed", "2", "--json"])["digest"], first["digest"]);
}

#[test]
fn statistics_are_an_added_key_that_changes_nothing_else() {
    let plain = run_json(&["run", SMOKE, "--json"]);
    let mut counted = run_json(&["run", SMOKE, "--json", "--stats"]);
    let stats = counted.as_object_mut().and_then(|run| run.shift_remove("stats"));
    let stats = stats.expect("the key is there");
    assert_eq!(counted, plain);
    let sum = |list: &serde_json::Value, field: &str| -> u64 {
        let items = list.as_array().expect("a list").iter();
        items.map(|item| item[field].as_u64().expect("a number")).sum()
    };
    assert_eq!(sum(&stats["operations"], "count"), plain["ops"].as_u64().expect("a number"));
    let returned = stats["rate"]["returned"].as_array().expect("a list").iter();
    let returned: u64 = returned.map(|step| step.as_u64().expect("a number")).sum();
    assert_eq!(Some(returned), plain["ops"].as_u64());
    for row in stats["operations"].as_array().expect("a list") {
        let at = |name: &str| row[name].as_u64().expect("a number");
        let order = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"];
        assert!(order.windows(2).all(|pair| at(pair[0]) <= at(pair[1])), "{row}");
        assert!(at("max_ns") > 10_000, "no operation of this cluster is that quick: {row}");
    }
}

#[test]
fn a_trace_is_json_lines_and_changes_nothing() {
    let (dir, _) = file("");
    let out = dir.path().join("trace.jsonl").display().to_string();
    let traced = run_json(&["run", SMOKE, "--json", "--trace", &out]);
    assert_eq!(run_json(&["run", SMOKE, "--json"]), traced);
    let text = std::fs::read_to_string(&out).expect("the trace");
    let mut seq = 0;
    for line in text.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
        seq += 1;
        assert_eq!(record["seq"], seq, "the trace is whole and in order");
        assert!(record["record"].is_string() && record["fields"].is_object(), "{line}");
        assert!(record["cause"].as_u64().is_none_or(|cause| cause < seq), "{line}");
    }
    assert!(seq > 0);
}

#[test]
fn logs_have_virtual_time_and_node() {
    let quiet = stormglass(&["run", SMOKE]).output().expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "", "logs are off by default");
    let unplug = "scenarios/raid1/unplug-and-plug.json";
    let loud = stormglass(&["run", unplug, "-vvv"]).output().expect("the program runs");
    let said = String::from_utf8_lossy(&loud.stderr).into_owned();
    assert!(!said.is_empty() && !said.contains('\x1b'), "{said}");
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let placed = words[0].ends_with('s') && words[0].starts_with(|c: char| c.is_ascii_digit());
        assert!(placed && words[3].starts_with("stormglass"), "{line}");
    }
}

#[test]
fn a_recorded_schedule_makes_the_same_run_and_no_other() {
    let (dir, _) = file("");
    let schedule = dir.path().join("x.schedule").display().to_string();
    let run = |more: &[&str]| {
        let all: Vec<&str> =
            ["run", SMOKE, "--json"].into_iter().chain(more.iter().copied()).collect();
        let output = stormglass(&all).output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, recorded) = run(&["--seed", "3", "--record-schedule", &schedule]);
    assert_eq!(code, Some(0));
    assert_eq!(run(&["--seed", "3", "--replay-schedule", &schedule]), (Some(0), recorded));
    let (code, other) = run(&["--seed", "4", "--replay-schedule", &schedule]);
    assert_eq!(code, Some(3), "{other}");
    assert!(other.contains(r#""outcome":"misfit""#), "{other}");
    let (code, _) = run(&["--replay-schedule", SMOKE]);
    assert_eq!(code, Some(3), "a scenario is no schedule");
}

#[test]
fn a_sweep_tells_which_probes_were_reached() {
    let (dir, _) = file("");
    let (code, text) = sweep(dir.path(), &["--seeds", "2"]);
    assert_eq!(code, Some(0), "{text}");
    let few = "probes never reached (--json and --markdown tell which)";
    assert!(text.contains(few) && !text.contains("client.read-lost"), "{text}");
    let markdown = dir.path().join("summary.md");
    let (code, _) =
        sweep(dir.path(), &["--seeds", "2", "--markdown", &markdown.display().to_string()]);
    assert_eq!(code, Some(0));
    let written = std::fs::read_to_string(&markdown).expect("the summary is written");
    assert!(written.contains("client.read-lost"), "{written}");
    let required = ["--seeds", "2", "--require", "client.read-lost"];
    let (code, text) = sweep(dir.path(), &required);
    assert_eq!(code, Some(13), "{text}");
    assert!(text.contains("failed: required and never reached: client.read-lost"), "{text}");
    let (code, _) = sweep(dir.path(), &["--require", "client.no-such-probe"]);
    assert_eq!(code, Some(2));
}

fn sweep(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let save = dir.join("seeds").display().to_string();
    let all: Vec<&str> =
        ["sweep", SMOKE, "--save", &save].into_iter().chain(arguments.iter().copied()).collect();
    let output = stormglass(&all).output().expect("the program runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_sweep_gives_equal_bytes_on_any_number_of_threads_and_over_shards() {
    let (dir, _) = file("");
    let json = |name: &str, more: &[&str]| -> serde_json::Value {
        let out = dir.path().join(name).display().to_string();
        let arguments: Vec<&str> =
            ["--seeds", "6", "--json", &out].into_iter().chain(more.iter().copied()).collect();
        let (code, text) = sweep(dir.path(), &arguments);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("no failure"), "{text}");
        let bytes = std::fs::read(&out).expect("the results");
        serde_json::from_slice(&bytes).expect("one JSON object")
    };
    let whole = json("one", &["--jobs", "1"]);
    assert_eq!(json("eight", &["--jobs", "8"]), whole);
    let mut parts = Vec::new();
    for shard in ["1/2", "2/2"] {
        let part = json("part", &["--shard", shard]);
        parts.extend(part["results"].as_array().expect("a list").iter().cloned());
    }
    parts.sort_by_key(|result| result["seed"].as_u64());
    assert_eq!(serde_json::Value::from(parts), whole["results"]);
}

/// Lines of a file that are whole.
fn whole_lines(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect()
}

#[test]
fn a_sweep_that_is_killed_loses_nothing_that_was_done() {
    let (dir, _) = file("");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (state, save) = (path("night.state"), path("seeds"));
    let arguments = |json: &str| -> Vec<String> {
        let words = ["sweep", "scenarios/smoke", "--seeds", "6", "--jobs", "2", "--save", &save];
        words.iter().chain(&["--json", json]).map(|word| (*word).to_owned()).collect()
    };
    let command = |json: &str, state: Option<&str>| {
        let mut words = arguments(&path(json));
        words.extend(
            state.map(|state| ["--state".to_owned(), state.to_owned()]).into_iter().flatten(),
        );
        let mut command = stormglass(&words.iter().map(String::as_str).collect::<Vec<_>>());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut before = Vec::new();
    for kill_at in [2, 5, 9] {
        let mut child = command("none.json", Some(&state)).spawn().expect("the program starts");
        while whole_lines(Path::new(&state)).len() < kill_at {
            assert!(child.try_wait().expect("a child").is_none(), "it is not over so soon");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it is over");
        let lines = whole_lines(Path::new(&state));
        assert!(lines.starts_with(&before), "what was there stays there");
        before = lines;
    }
    let known = before.len() - 1;
    let resumed = command("resumed.json", Some(&state)).output().expect("the program runs");
    assert_eq!(resumed.status.code(), Some(0));
    let said = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(said.contains(&format!("{known} seeds known, and not run again\n")), "{said}");
    stormglass_ends(command("whole.json", None));
    let read = |name: &str| std::fs::read_to_string(path(name)).expect("the results");
    assert_eq!(read("resumed.json"), read("whole.json"));
    let mut merge = stormglass(&["merge", &state, "--json"]);
    let merged = merge.output().expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&merged.stdout), read("whole.json"));
}

fn stormglass_ends(mut command: Command) {
    assert_eq!(command.output().expect("the program runs").status.code(), Some(0));
}

#[test]
fn a_seed_that_takes_too_long_is_stopped_and_the_others_go_on() {
    let (dir, long) = file(smoke_with("\"ops\": 4000", "\"ops\": 40000000"));
    let arguments = ["sweep", &long, SMOKE, "--seeds", "1", "--jobs", "2", "--json", "-"];
    let limit = ["--seed-time", "10s", "--seed-memory", "1GiB"];
    let output = stormglass(&[&arguments[..], &limit].concat()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(13), "nothing is known of the long one: {text}");
    let results: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    let outcome = |at: usize| results["results"][at]["outcome"].as_str().expect("a word");
    assert_eq!((outcome(0), outcome(1)), ("stuck-host", "pass"));
    let whole =
        |more: &[&str]| sweep(dir.path(), &[&["--seeds", "2", "--json", "-"], more].concat());
    let limits = ["--seed-time", "10min", "--seed-memory", "64GiB"];
    assert_eq!(whole(&limits), whole(&[]), "limits that are not met change nothing");
}

#[test]
fn a_time_limit_ends_a_sweep() {
    let (dir, _) = file("");
    let (code, text) = sweep(dir.path(), &["--for", "300ms"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!PathBuf::from(dir.path()).join("seeds").exists(), "nothing failed");
}

/// A failure of a real run: a script entry that never fires.
#[test]
fn an_inert_scenario_is_a_failure_that_is_saved_and_replays_bit_for_bit() {
    let entry = r#"{ "when": { "acked": 1000000000 }, "do": { "disk.slow": { "disk": "t0/d0", "factor": 2 } } }"#;
    let (dir, path) = file(smoke_with("\"script\": [", &format!("\"script\": [ {entry},")));
    let save = dir.path().join("seeds").display().to_string();
    let swept = shown(dir.path(), &["sweep", &path, "--seeds", "2", "--save", &save]);
    assert!(swept.starts_with("exit code Some(13)\n"), "{swept}");
    let (_, replay) = swept.split_once(" replay DIR/seeds/").expect("a command to replay");
    let seed_file = format!("{save}/{}", replay.lines().next().expect("a file's name"));
    let replayed = shown(dir.path(), &["replay", &seed_file]);
    assert!(replayed.starts_with("exit code Some(13)\n"), "{replayed}");
    assert!(replayed.contains("of the file, bit for bit\n"), "{replayed}");
    let early = shown(dir.path(), &["replay", &seed_file, "--until", "1ms"]);
    assert!(early.contains("virtual   1ms\n") || early.contains("no match so far"), "{early}");
}

#[test]
fn a_random_scenario_is_printed_and_runs_as_the_sweep_runs_it() {
    let (dir, _) = file("");
    let generate = || stormglass(&["generate", "--seed", "7", "--profile", "quick"]).output();
    let (one, two) = (generate().expect("it runs"), generate().expect("it runs"));
    assert_eq!((one.status.code(), &one.stdout), (Some(0), &two.stdout));
    let path = dir.path().join("random.json").display().to_string();
    std::fs::write(&path, &one.stdout).expect("a file for a test");
    stormglass(&["validate", &path]).assert().code(0);
    let digest = |arguments: &[&str], place: &str| {
        let output = stormglass(arguments).output().expect("the program runs");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json.pointer(place).expect("a digest").clone()
    };
    let run = digest(&["run", &path, "--seed", "7", "--json"], "/digest");
    let save = dir.path().display().to_string();
    let random = ["sweep", "--random", "--profile", "quick", "--seeds", "7..7", "--json", "-"];
    let swept = digest(&[&random[..], &["--save", &save]].concat(), "/results/0/digest");
    assert_eq!(run, swept);
    stormglass(&["generate", "--profile", "calm"]).assert().code(2);
    stormglass(&["sweep", SMOKE, "--profile", "disks"]).assert().code(2);
}

/// A failure of a real run: a disk that loses writes, which nobody can find out.
#[test]
fn a_failure_is_made_small_and_is_still_the_same() {
    let lost =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/faults/disk-lose-next-write.json");
    let scenario = std::fs::read_to_string(lost).expect("a scenario");
    let scenario = scenario.replace("\"$schema\": \"../schema.json\",", "");
    let zeroes = "0".repeat(32);
    let (dir, path) = file(format!(
        r#"{{ "version": 1, "scenario": {scenario}, "seed": 1, "expect": "pass",
              "digest": "{zeroes}", "found_by": "0.1.0" }}"#
    ));
    let small = |jobs: &str, name: &str| {
        let out = dir.path().join(name).display().to_string();
        let text = shown(dir.path(), &["shrink", &path, "-o", &out, "--jobs", jobs]);
        assert!(text.starts_with("exit code Some(0)\n"), "{text}");
        let replay = text.split_once("To replay:\n").map_or("", |(_, commands)| commands);
        assert!(replay.contains("stormglass replay DIR/"), "{text}");
        (std::fs::read_to_string(&out).expect("a small file"), out)
    };
    let (one, out) = small("1", "one.json");
    assert_eq!(small("3", "three.json").0, one, "the same on any number of threads");
    let json: serde_json::Value = serde_json::from_str(&one).expect("JSON");
    let entries = json["scenario"]["script"].as_array().expect("a script").len();
    assert!(entries <= 2, "{one}");
    assert!(json["scenario"]["workload"][0]["ops"].as_u64().is_some_and(|ops| ops <= 50), "{one}");
    let replayed = shown(dir.path(), &["replay", &out]);
    assert!(replayed.contains("of the file, bit for bit\n"), "{replayed}");
    let (_dir, passes) =
        file(one.replace("disk.lose_next_write", "disk.duplicate_next_completion"));
    let said = shown(dir.path(), &["shrink", &passes]);
    assert!(said.starts_with("exit code Some(13)\n"), "{said}");
}

#[test]
fn prove_finds_no_difference() {
    let output = stormglass(&["prove", SMOKE, "--seeds", "3"]).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("3 seeds of 1 scenario run twice in "), "{text}");
    assert!(text.ends_with(": no difference\n"), "{text}");
}

#[test]
fn the_sample_of_a_run_as_json_is_what_the_program_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let commands = std::fs::read_to_string(page).expect("a page of the book");
    let sample = "scenarios/smoke/baseline-512.json";
    let output = stormglass(&["run", sample, "--json"]).output().expect("the program runs");
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(commands.contains(line.trim()), "docs/commands.md lacks `{}`", line.trim());
}

#[test]
fn a_bug_that_there_is_not_is_told_from_those_there_are() {
    let hunt = stormglass(&["hunt", "--bug", "no_write_lok"]).assert().code(2);
    let said = String::from_utf8_lossy(&hunt.get_output().stderr).into_owned();
    assert!(said.contains("did you mean `no_write_lock`?"), "{said}");
}

#[test]
fn orders_from_a_file_lead_the_debugger() {
    let dir = tempfile::tempdir().expect("a directory for a test");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let orders = format!(
        "# there and back\nuntil time 1ms\nback 5\nfly\nexport {}\nquit\nwhere\n",
        path("tried.json")
    );
    std::fs::write(path("orders.txt"), orders).expect("a file for a test");
    let orders = path("orders.txt");
    let arguments =
        ["debug", SMOKE, "--seed", "3", "--from-start", "--json", "--commands", &orders];
    let output = stormglass(&arguments).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2), "one order was none");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let answers: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let said: Vec<&str> = answers.iter().filter_map(|it| it["order"].as_str()).collect();
    assert_eq!(said[..3], ["until time 1ms", "back 5", "fly"]);
    assert_eq!(said.len(), 4, "nothing is answered after `quit`");
    let turn = |at: usize| answers[at]["answer"]["turn"].as_u64().expect("a turn");
    assert_eq!(turn(1) + 5, turn(0));
    assert!(answers[2]["error"].is_string());
    assert_eq!(said_code(&["validate", &path("tried.json")]), Some(0));
}

fn said_code(arguments: &[&str]) -> Option<i32> {
    stormglass(arguments).output().expect("the program runs").status.code()
}
