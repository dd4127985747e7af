//! Tests of sweeps that a CI runs night by night, on a make-believe engine: seeds of a name, state files, parts that
//! are merged, reports.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::run::ExitCode;
use crate::run::fake::{leaks_on, passes_but, report};
use crate::scenario::Scenario;
use crate::world::{RunOptions, RunReport, Verdict};

use super::entry::Variables;
use super::sessions::{SWEEP, Session, hangs};

fn read(session: &Session, name: &str) -> String {
    std::fs::read_to_string(session.path(name)).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn seeds_of_a_name_are_told_at_the_start_and_in_each_report() {
    let session = Session::new();
    let sweep = format!("{SWEEP} --seeds-from 2026-11-29 --seeds 11..15 --json @/o.json");
    let shown =
        session.run(&format!("{sweep} --junit @/o.xml --markdown @/o.md"), &passes_but(hangs));
    let results = json(&read(&session, "o.json"));
    let origin = &results["seeds_from"];
    let first = origin["first"].as_u64().unwrap();
    let range = format!("{first}..{}", first + 4);
    assert!(shown.err.starts_with(&format!("seeds {range}, from `2026-11-29`\n")), "{}", shown.err);
    assert_eq!((&origin["name"], first % (1 << 24)), (&"2026-11-29".into(), 11));
    assert_eq!(results["results"][9]["seed"], first + 4);
    let xml = read(&session, "o.xml");
    assert!(xml.contains(&format!(r#"<property name="seeds" value="{range}"/>"#)), "{xml}");
    assert!(xml.contains(r#"<property name="seeds_from" value="2026-11-29"/>"#), "{xml}");
    assert!(read(&session, "o.md").contains(&format!("seeds {range}, from `2026-11-29`")));
    let random = "stormglass sweep --random --profile quick --seeds 1 --save @/seeds --json -";
    let shown = session.run(&format!("{random} --seeds-from 2026-11-29"), &passes_but(hangs));
    assert_eq!(json(&shown.out)["results"][0]["seed"], first - 10);
}

#[test]
fn a_name_has_only_so_many_seeds_and_is_not_empty() {
    let session = Session::new();
    let many = session.run(&format!("{SWEEP} --seeds-from x --seeds 16777216"), &passes_but(hangs));
    assert_eq!(many.code, ExitCode::Usage);
    assert!(many.err.contains("has seeds up to 16,777,215 for each text"), "{}", many.err);
    let empty = session.run(&format!("{SWEEP} --seeds-from= --seeds 1"), &passes_but(hangs));
    assert_eq!(empty.code, ExitCode::Usage);
}

#[test]
fn a_sweep_goes_on_where_it_was_ended_and_comes_to_the_same() {
    let session = Session::new();
    let whole = format!("{SWEEP} --seeds 30 --json @/whole.json --state @/whole.state --jobs 1");
    session.run(&whole, &passes_but(hangs));
    let lines = read(&session, "whole.state");
    let cut = lines.match_indices('\n').nth(35).unwrap().0 + 9;
    std::fs::write(session.path("night.state"), &lines[..cut]).unwrap();
    let runs = AtomicU64::new(0);
    let engine = passes_but(hangs);
    let counted = |scenario: &Scenario, seed: u64, options: &RunOptions| {
        runs.fetch_add(1, Ordering::Relaxed);
        engine(scenario, seed, options)
    };
    let resume = format!("{SWEEP} --seeds 30 --json @/night.json --state @/night.state --jobs 1");
    let shown = session.run(&resume, &counted);
    assert_eq!(shown.code, ExitCode::Liveness);
    assert!(shown.err.contains("@/night.state: its last line was torn: that seed is run again\n"));
    assert!(shown.err.contains("@/night.state: 35 seeds known, and not run again\n"));
    assert!(shown.out.contains(", 35 of them known before: "), "{}", shown.out);
    assert_eq!(read(&session, "night.json"), read(&session, "whole.json"));
    assert_eq!(read(&session, "night.state").lines().count(), 61);
    let again = runs.swap(0, Ordering::Relaxed);
    assert!(
        (26..30).contains(&again),
        "{again} runs of 25 seeds, some of them twice, and a known one"
    );
    let shown = session.run(&resume, &counted);
    assert_eq!((shown.code, runs.load(Ordering::Relaxed)), (ExitCode::Liveness, 1));
    assert!(
        shown.out.contains("first stormy seed 10, fastest stormy seed 30\n    io-never-returned")
    );
    let other = session.run(&resume.replace("30", "31"), &counted);
    assert_eq!(other.code, ExitCode::BadFile);
    let why = "error: @/night.state: it is of another plan: seeds: it has 1..30, expected 1..31\n";
    assert_eq!(other.err, why);
}

#[test]
fn what_another_program_found_is_not_gone_on_with() {
    let session = Session::new();
    let sweep = "stormglass sweep @/calm.json --seeds 2..3 --state @/s --save @/seeds";
    session.run(sweep, &|scenario: &Scenario, seed: u64, options: &RunOptions| {
        report(scenario, seed, options, &[seed])
    });
    let before = read(&session, "s");
    let shown = session.run(sweep, &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::BadFile);
    assert!(shown.err.starts_with("error: @/s: calm seed 2 was 0"), "{}", shown.err);
    assert!(shown.err.ends_with(": the program has changed since\n"), "{}", shown.err);
    assert_eq!(read(&session, "s"), before);
}

/// Two parts of a sweep in state files, and what the whole has as JSON.
fn in_parts(session: &Session) -> String {
    for part in ["1", "2"] {
        let part = format!("--shard {part}/2 --state @/{part}.state");
        session.run(&format!("{SWEEP} --seeds 40 {part}"), &passes_but(hangs));
    }
    session.run(&format!("{SWEEP} --seeds 40 --json -"), &passes_but(hangs)).out
}

#[test]
fn parts_are_merged_to_what_one_sweep_had_found() {
    let session = Session::new();
    let whole = in_parts(&session);
    let merge = "stormglass merge @/1.state @/2.state";
    let shown = session.run(&format!("{merge} --json"), &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Liveness);
    assert_eq!(shown.out, whole);
    session.run(&format!("{merge} --json=@/out.json"), &passes_but(hangs));
    assert_eq!(read(&session, "out.json"), whole);
    let text = session.run(merge, &passes_but(hangs)).out;
    assert!(text.contains("80 seeds in ") && text.contains("; from 2 files\n"), "{text}");
    assert!(text.contains("first stormy seed 10, fastest stormy seed 40\n"), "{text}");
    assert!(text.ends_with("look at:\n  stormglass run @/stormy.json --seed 40\n"), "{text}");
    let half = session.run("stormglass merge @/1.state @/1.state", &passes_but(hangs)).out;
    assert!(half.contains("from 2 files, 40 more than once\nnot all: 40 of 80 seeds"), "{half}");
}

#[test]
fn parts_of_another_plan_are_refused_and_those_that_differ_are_a_failure() {
    let session = Session::new();
    in_parts(&session);
    session.run(&format!("{SWEEP} --seeds 41 --state @/3.state"), &passes_but(hangs));
    let shown = session.run("stormglass merge @/1.state @/3.state", &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::BadFile);
    let why = "error: @/3.state: it is no part of the same plan as @/1.state: seeds: it has 1..41, expected 1..40\n";
    assert_eq!(shown.err, why);
    let sweep = "stormglass sweep @/calm.json --seeds 3..5 --jobs 1 --save @/seeds";
    for state in ["a", "b"] {
        let engine = leaks_on(if state == "a" { 4 } else { 9 });
        session.run(&format!("{sweep} --state @/{state}.state"), &engine);
    }
    let shown = session.run("stormglass merge @/a.state @/b.state", &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Nondeterminism);
    assert!(shown.out.contains("nondeterminism/calm: 1 in calm\n"), "{}", shown.out);
    assert!(shown.out.contains("two parts differ about one seed\n"), "{}", shown.out);
    let missing = session.run("stormglass merge @/none.state", &passes_but(hangs));
    assert_eq!(missing.code, ExitCode::BadFile);
}

#[test]
fn a_summary_for_a_job_has_the_failures_their_commands_and_the_table() {
    let session = Session::new();
    let sweep = format!("{SWEEP} --seeds 45 --markdown @/o.md --html @/o.html --annotate");
    let shown = session.run(&sweep, &passes_but(hangs));
    let page = read(&session, "o.md").replace(&session.path(""), "@/");
    let (start, rest) = page.split_once("run twice\n").unwrap();
    assert!(
        start.starts_with("## stormglass: 1 distinct failure in 4 of 90 seeds\n\n90 seeds in ")
    );
    let (failure, table) = rest.split_once("| scenario |").unwrap();
    assert_eq!(
        failure,
        "
### `liveness/io-never-returned`

4 in stormy<br>
first stormy seed 10, fastest stormy seed 40

```sh
stormglass replay @/seeds/liveness-io-never-returned-40.json
stormglass view @/seeds/liveness-io-never-returned-40.json --html failure.html
```

<details><summary>report</summary>

```text
io-never-returned; waiting:
  c0 waits for t0
```

</details>

"
    );
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with("| --- | ---: |") && lines[3].starts_with("| stormy | 45 | 4 |"));
    let html = read(&session, "o.html");
    assert!(html.contains("<h1 class=\"bad\">1 distinct failure in 4 of 90 seeds</h1>"), "{html}");
    assert!(html.contains("<h2>liveness/io-never-returned</h2>") && html.contains(">4</td>"));
    assert!(html.contains("prefers-color-scheme: dark") && !html.contains("http"), "{html}");
    let line = "::error file=@/stormy.json,title=liveness/io-never-returned::stormy seed 40: io-never-returned \
                (1 waiting) (4 seeds in all)%0Astormglass replay @/seeds/";
    assert!(shown.out.contains(line), "{}", shown.out);
}

#[test]
fn what_the_host_stopped_is_told_and_fails_nothing() {
    let session = Session::new();
    let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| -> RunReport {
        let mut report = report(scenario, seed, options, &[seed]);
        if scenario.name == "stormy" && seed >= 3 {
            let stop = options.stop.as_ref().expect("there is a limit");
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            report.verdict = Verdict::Stopped;
        }
        report
    };
    let sweep = format!("{SWEEP} --seed-time 20ms --annotate --json @/o.json --junit @/o.xml");
    let shown = session.run(&format!("{sweep} --seeds 3 --state @/s"), &engine);
    assert_eq!(shown.code, ExitCode::Pass);
    let why = "stormy seed 3: its run took longer than the 20ms it was given\n";
    assert!(shown.err.contains(&format!("stuck-host: {why}")), "{}", shown.err);
    let text = format!("1 seed stopped by the host: neither passed nor failed\n  {why}");
    assert!(shown.out.contains(&text), "{}", shown.out);
    assert!(shown.out.contains("::warning title=stuck-host::1 seed stopped"), "{}", shown.out);
    let results = json(&read(&session, "o.json"));
    assert_eq!(results["results"][5]["outcome"], "stuck-host");
    assert_eq!(results["scenarios"][1]["stuck"], 1);
    assert!(read(&session, "o.xml").contains(r#"tests="6" skipped="1" failures="0""#));
    let merged = session.run("stormglass merge @/s", &engine);
    assert_eq!(merged.code, ExitCode::Pass);
    assert!(merged.out.contains(&text), "{}", merged.out);
    let all = session.run(&format!("{sweep} --seeds 3..4"), &engine);
    assert_eq!(all.code, ExitCode::Inert);
    assert!(all.out.contains("failed: every seed of these was stopped: stormy\n"), "{}", all.out);
}

#[test]
fn required_probes_are_those_of_a_list_over_all_parts() {
    let session = Session::new();
    let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
        let probes = vec![(format!("client.read-{}", ["lost", "elsewhere"][seed as usize % 2]), 1)];
        RunReport { probes, ..report(scenario, seed, options, &[seed]) }
    };
    let list = "client.read-lost\nclient.intent-cleared # rare\n";
    std::fs::write(session.path("probes.txt"), list).unwrap();
    let sweep = format!("{SWEEP} --require-probes @/probes.txt --state @/s");
    let shown = session.run(&format!("{sweep} --seeds 1"), &engine);
    assert_eq!(shown.code, ExitCode::Inert);
    let never = "failed: required and never reached: client.intent-cleared, client.read-lost\n";
    assert!(shown.out.contains(never), "{}", shown.out);
    assert!(shown.out.ends_with("\nno seed failed, and yet the sweep did\n"), "{}", shown.out);
    let merged = session.run("stormglass merge @/s --require-probes @/probes.txt", &engine);
    assert_eq!(merged.code, ExitCode::Inert);
    assert!(merged.out.contains(never), "{}", merged.out);
    assert_eq!(session.run("stormglass merge @/s", &engine).code, ExitCode::Pass);
    std::fs::write(session.path("probes.txt"), "client.read-lots\n").unwrap();
    let shown = session.run(&format!("{sweep} --seeds 1"), &engine);
    assert_eq!(shown.code, ExitCode::BadFile);
    assert!(shown.err.contains("line 1: `client.read-lots` is no probe"), "{}", shown.err);
}

#[test]
fn an_engine_says_which_part_is_whose() {
    let session = Session::new();
    let second: Variables = |name| match name {
        "CI_NODE_INDEX" | "CI_NODE_TOTAL" => Some("2".to_owned()),
        _ => None,
    };
    let sweep = format!("{SWEEP} --seeds 40 --json -");
    let told = session.run_in(second, &sweep, &passes_but(hangs));
    assert!(told.err.contains("part 2/2, as a parallel job of GitLab says\n"), "{}", told.err);
    let asked = session.run(&format!("{sweep} --shard 2/2"), &passes_but(hangs));
    assert_eq!(told.out, asked.out);
    let broken: Variables = |name| (name == "JOB_COMPLETION_INDEX").then(|| "0".to_owned());
    let refused = session.run_in(broken, &sweep, &passes_but(hangs));
    assert_eq!(refused.code, ExitCode::Usage);
    assert!(refused.err.contains("JOB_COMPLETIONS is not"), "{}", refused.err);
}
