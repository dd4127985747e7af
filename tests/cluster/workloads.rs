//! What applications replay: the same operations from the same text, in a file or in the scenario, and in every run.

use std::path::{Path, PathBuf};

use stormglass::base::history::{OpInvoked, OpKind, OpReturned};
use stormglass::node::app::Replaying;
use stormglass::scenario::{Scenario, SeedFile, load, notes, parse};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};

fn library(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/workloads/{name}.json"))
}

fn loaded(name: &str) -> Scenario {
    load(&library(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn run(scenario: &Scenario, seed: u64) -> RunReport {
    let report =
        simulate(scenario, seed, &RunOptions { trace: Keep::All, ..RunOptions::default() });
    assert!(matches!(report.verdict, Verdict::Pass), "{}: {:?}", scenario.name, report.verdict);
    report
}

/// What was asked for, in order: kind, block, blocks.
fn asked(report: &RunReport) -> Vec<(OpKind, u64, u32)> {
    let records = report.trace.iter();
    let ops = records.filter_map(|record| record.get::<OpInvoked>());
    ops.map(|op| (op.kind, op.block, op.blocks)).collect()
}

/// A calm cluster with these applications.
fn calm(workload: &str) -> String {
    format!(
        r#"{{ "version": 1, "name": "calm", "cluster": {{ "targets": 2 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 256 }} ],
            "workload": [ {workload} ] }}"#
    )
}

fn calmly(workload: &str) -> RunReport {
    let scenario = parse("calm.json", &calm(workload)).unwrap_or_else(|error| panic!("{error}"));
    run(&scenario, 3)
}

#[test]
fn a_scenario_that_was_loaded_holds_all_that_it_replays() {
    for name in ["trace-msr", "trace-blkparse", "fio-distributions"] {
        let scenario = loaded(name);
        let text = serde_json::to_string(&scenario).unwrap();
        assert!(!text.contains("\"file\""), "{name}");
        // In another directory, from text alone: as a seed file is replayed.
        let again = parse("elsewhere.json", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, scenario);
        assert_eq!(run(&again, 2).digest, run(&scenario, 2).digest, "{name}");
    }
}

#[test]
fn the_same_trace_gives_the_same_operations_in_every_run() {
    let trace = |depth: u32| {
        let text = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nvme.v3.iolog"),
        );
        let text = serde_json::to_string(&text.unwrap()).unwrap();
        calm(&format!(
            r#"{{ "app": "trace", "client": "c0", "volume": "vol0", "format": "fio-iolog", "depth": {depth}, "text": {text} }}"#
        ))
    };
    let ops = |depth, seed| asked(&run(&parse("t.json", &trace(depth)).unwrap(), seed));
    let one = ops(1, 1);
    assert_eq!(one.len(), 125, "120 lines, of which five reach over the end of the volume");
    assert_eq!(one, ops(1, 2), "the seed moves nothing of it");
    assert_eq!(one, ops(16, 3), "they come in their order, however many are in flight");
}

#[test]
fn times_are_those_of_the_trace_at_its_speed() {
    let at = |speed: &str| {
        let report = calmly(&format!(
            r#"{{ "app": "trace", "client": "c0", "volume": "vol0", "format": "alibaba", "speed": "{speed}",
                "text": "0,W,0,4096,1000\n0,W,4096,4096,3000\n0,R,0,4096,9000\n" }}"#
        ));
        let invoked = report.trace.iter().filter(|record| record.get::<OpInvoked>().is_some());
        let times: Vec<u64> = invoked.map(|record| record.at.get()).collect();
        times.iter().map(|at| (at - times[0]) / 1_000).collect::<Vec<u64>>()
    };
    let close = |found: Vec<u64>, wanted: [u64; 3]| {
        let off = found.iter().zip(wanted).any(|(found, wanted)| found.abs_diff(wanted) > 20);
        assert!(!off && found.len() == 3, "{found:?} is to be {wanted:?} us");
    };
    close(at("1"), [0, 2_000, 8_000]);
    close(at("2"), [0, 1_000, 4_000]);
    close(at("1/2"), [0, 4_000, 16_000]);
}

#[test]
fn what_was_fitted_is_told_when_a_replay_begins() {
    let workload = r#"{ "app": "trace", "client": "c0", "volume": "vol0", "format": "msr", "region": "0..15",
        "text": "10,a,0,Write,0,512,1\n10,a,0,Read,819200,4096,1\n20,a,0,Write,0,1048576,1\n30,b,0,Write,0,4096,1\n" }"#;
    let report = calmly(workload);
    let told: Vec<Replaying> = report.trace.iter().filter_map(|record| record.get()).collect();
    let replaying =
        Replaying { writer: 1, operations: 3, skipped: 1, moved: 1, clamped: 1, rounded: 1 };
    assert_eq!(told, [replaying]);
    let notes = notes(&parse("n.json", &calm(workload)).unwrap());
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("3 operations of 3 recorded") && notes[0].contains("1 shortened"));
    assert!(notes[1].contains("1 line skipped: of other devices"), "{notes:?}");
}

#[test]
fn a_replay_goes_on_when_its_client_is_back() {
    let report = run(&loaded("trace-blkparse"), 5);
    assert_eq!(asked(&report).len(), 128, "each operation once, across the reboot");
}

#[test]
fn jobs_behind_a_wall_begin_when_those_before_it_are_over() {
    let report = calmly(
        r#"{ "app": "fio", "client": "c0", "volume": "vol0",
            "text": "[first]\nrw=write\nsize=64k\niodepth=4\nend_fsync=1\n[second]\nstonewall\nrw=trim\nsize=64k\n" }"#,
    );
    let kinds: Vec<OpKind> = asked(&report).iter().map(|(kind, ..)| *kind).collect();
    let (writes, trims) = (vec![OpKind::Write; 16], vec![OpKind::Trim; 16]);
    assert_eq!(kinds, [writes, vec![OpKind::Flush], trims].concat());
}

#[test]
fn what_a_job_verifies_is_read_back_behind_its_writes() {
    let report = calmly(
        r#"{ "app": "fio", "client": "c0", "volume": "vol0",
            "text": "[a]\nrw=randwrite\nsize=128k\nbs=8k\niodepth=8\nverify=crc32c\n" }"#,
    );
    let asked = asked(&report);
    let (writes, reads) = asked.split_at(16);
    assert!(writes.iter().all(|(kind, ..)| *kind == OpKind::Write));
    let places = |ops: &[(OpKind, u64, u32)]| ops.iter().map(|op| (op.1, op.2)).collect::<Vec<_>>();
    assert_eq!(places(reads), places(writes));
    let first_read = report
        .trace
        .iter()
        .position(|record| record.get::<OpInvoked>().is_some_and(|op| op.kind == OpKind::Read));
    let returned = report.trace.iter().take(first_read.unwrap());
    let returned = returned.filter(|record| record.get::<OpReturned>().is_some()).count();
    assert_eq!(returned, 16, "all writes had returned");
}

#[test]
fn seeds_of_a_job_file_decide_in_the_place_of_the_runs() {
    let ops = |option: &str, seed| {
        let text = calm(&format!(
            r#"{{ "app": "fio", "client": "c0", "volume": "vol0", "text": "[a]\nrw=randwrite\nsize=256k\n{option}\n" }}"#
        ));
        asked(&run(&parse("f.json", &text).unwrap(), seed))
    };
    assert_eq!(ops("randseed=5", 1), ops("randseed=5", 2));
    assert_eq!(ops("randrepeat=1", 1), ops("randrepeat=1", 2));
    assert_ne!(ops("randseed=5", 1), ops("randseed=6", 1));
    assert_ne!(ops("randrepeat=0", 1), ops("randrepeat=0", 2));
}

#[test]
fn errors_name_the_file_its_line_and_its_column() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let error = |workload: &str| {
        write("s.json", &calm(workload));
        load(&dir.path().join("s.json")).unwrap_err().to_string()
    };
    let trace = |rest: &str| {
        format!(
            r#"{{ "app": "trace", "client": "c0", "volume": "vol0", "format": "msr", {rest} }}"#
        )
    };
    write("t.csv", "1,a,0,Read,0,512,1\n2,a,0,Raed,0,512,1\n");
    let wrong = error(&trace(r#""file": "t.csv""#));
    assert!(wrong.contains("workload[0].file: found `\"t.csv\"`"), "{wrong}");
    assert!(wrong.contains("at t.csv:2:7 `Read` or `Write` instead of `Raed`"), "{wrong}");
    let gone = error(&trace(r#""file": "gone.csv""#));
    assert!(gone.contains("there is no") && gone.contains("gone.csv"), "{gone}");
    let both = error(&trace(r#""file": "t.csv", "text": "1,a,0,Read,0,512,1""#));
    assert!(both.contains("no such key beside `text`"), "{both}");
    let neither = error(&trace(r#""depth": 3"#));
    assert!(neither.contains("workload[0].text") && neither.contains("`file`"), "{neither}");
    let late = error(&trace(r#""text": "1,a,0,Read,0,512,1\n900000000,a,0,Read,0,512,1""#));
    assert!(late.contains("before the run ends at 30s") && late.contains("speed"), "{late}");
    write("large.csv", &"1,a,0,Read,0,512,1\n".repeat(120_000));
    assert!(error(&trace(r#""file": "large.csv""#)).contains("at most 2 MiB"));
    write("j.fio", "[a]\nrw=read\nbs=4k\nioengin=x\n");
    let job = r#"{ "app": "fio", "client": "c0", "volume": "vol0", "file": "j.fio" }"#;
    let wrong = error(job);
    assert!(wrong.contains("j.fio:4:1") && wrong.contains("did you mean `ioengine`?"), "{wrong}");
    write("j.fio", "[a]\nread_iolog=none.log\n");
    assert!(error(job).contains("none.log"), "{}", error(job));
}

#[test]
fn text_without_a_directory_can_name_no_file() {
    let text = calm(
        r#"{ "app": "trace", "client": "c0", "volume": "vol0", "format": "msr", "file": "t.csv" }"#,
    );
    let error = parse("s.json", &text).unwrap_err();
    assert_eq!(error.errors.len(), 1, "{error}");
    assert_eq!(error.errors[0].json_path, "workload[0].file");
    assert!(error.errors[0].expected.contains("`text` instead"), "{error}");
    let seed_file = format!(
        r#"{{ "version": 1, "scenario": {text}, "seed": 1, "expect": "pass", "digest": "{:032x}", "found_by": "0.1.0" }}"#,
        0
    );
    let error = SeedFile::parse("seed.json", &seed_file).unwrap_err();
    assert_eq!(error.errors[0].json_path, "scenario.workload[0].file", "{error}");
}

#[test]
fn texts_that_no_seed_file_could_hold_are_refused() {
    let line = "1,a,0,Read,0,512,1\\n".repeat(60_000);
    let app = format!(
        r#"{{ "app": "trace", "client": "c0", "volume": "vol0", "format": "msr", "text": "{line}" }}"#
    );
    let times = |count: usize| parse("s.json", &calm(&vec![app.as_str(); count].join(",")));
    assert!(times(2).is_ok(), "two of 1.2 MB fit");
    let error = times(3).unwrap_err().to_string();
    assert!(error.contains("at most 3145728 in all"), "{error}");
}
