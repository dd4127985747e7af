//! Programs that nobody here wrote, on the reference cluster: they die anywhere and come back, the same in every run; and
//! they find what the cluster loses.

use std::path::Path;

use stormglass::base::guest::{GuestCommitted, GuestFound};
use stormglass::base::history::NodeDown;
use stormglass::check::Check;
use stormglass::scenario::{Scenario, load, parse};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};

const PROGRAMS: [&str; 3] = ["redb", "fatfs", "sqlite"];

fn library(name: &str) -> Scenario {
    let path = format!("scenarios/applications/{name}.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    load(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn run(scenario: &Scenario, seed: u64) -> RunReport {
    simulate(scenario, seed, &RunOptions { trace: Keep::All, ..RunOptions::default() })
}

#[test]
fn each_program_dies_is_started_again_and_finishes_what_it_was_to_do() {
    for program in PROGRAMS {
        let report = run(&library(&format!("{program}-client-reboots")), 1);
        assert!(matches!(report.verdict, Verdict::Pass), "{program}: {:?}", report.verdict);
        let down = report.trace.iter().filter_map(|record| record.get::<NodeDown>());
        assert!(down.count() > 5, "{program}");
        let committed = report.trace.iter().filter_map(|record| record.get::<GuestCommitted>());
        assert!(committed.count() >= 40, "{program}");
        let found = report.trace.iter().filter_map(|record| record.get::<GuestFound>());
        let last = found.reduce(|_, last| last).expect("it has looked");
        assert_ne!(last.contents, 0, "{program} has kept something");
    }
}

#[test]
fn a_program_does_the_same_in_every_run_on_any_thread() {
    let digests = |_| {
        let of = |program| run(&library(&format!("{program}-power-cut")), 2).digest;
        PROGRAMS.map(of)
    };
    // SQLite's library is one for the whole process: others use it meanwhile.
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|at| scope.spawn(move || digests(at))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it runs")).collect()
    });
    assert_eq!(all[0], all[1]);
}

/// A program on a mirror whose targets lose their power at once, again and again, while it lives on; held to what it finds
/// alone.
fn on_failing_power(program: &str, planted: &str, expect: &str) -> Scenario {
    let text = format!(
        r#"{{ "version": 1, "name": "failing-power",
            "cluster": {{ "targets": 2, "disk": {{ "volatile_cache": true }} }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 2048 }} ],
            "workload": [ {{ "app": "{program}", "client": "c0", "volume": "vol0", "ops": 60 }} ],
            "script": [
                {{ "every": "4ms..9ms", "times": 12, "do": {{ "node.reboot": {{ "node": "all:target" }} }} }}
            ],
            "plant": [{planted}], "checks": ["guests"], "budget": "none", "expect": {expect} }}"#
    );
    parse("failing-power.json", &text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_flush_that_has_lost_what_it_was_to_keep_is_found_by_what_each_program_loses() {
    for program in PROGRAMS {
        let violation = r#"{ "violation": "guests" }"#;
        let scenario = on_failing_power(program, r#""flush_ignores_loss""#, violation);
        let found = (1..=4).find_map(|seed| match run(&scenario, seed).verdict {
            Verdict::Violation(found) => found.into_iter().find(|it| it.check == Check::Guests),
            _ => None,
        });
        let found = found.unwrap_or_else(|| panic!("{program} notices nothing"));
        let speaks = found.detail.iter().any(|line| line.starts_with("by its own words: "));
        let is_damage = !["lost-commit", "wrong-contents", "went-back"].contains(&found.kind);
        assert_eq!(speaks, is_damage, "{program}: {} {:?}", found.kind, found.detail);
        // It is the flush: one that says what it has lost costs the program an error, and nothing that it was told is kept.
        let report = run(&on_failing_power(program, "", r#""pass""#), 1);
        assert!(matches!(report.verdict, Verdict::Pass), "{program}: {:?}", report.verdict);
    }
}

#[test]
fn a_program_needs_room_for_itself() {
    let app =
        |more: &str| format!(r#"{{ "app": "redb", "client": "c0", "volume": "vol0"{more} }}"#);
    let wrong = [
        (app(""), "`redb`"),
        (app(r#", "ops": 1, "region": "0..2000""#), "at least 2048 blocks"),
        (app(r#", "ops": 1, "depth": 4"#), "no such key"),
        (app(r#", "ops": 1, "file": "none""#), "no such key with app `redb`"),
        (
            app(r#", "ops": 1, "steps": 2"#),
            "expected one of `app`, `client`, `volume`, `ops`, `rate`, `region`, `start`, `stop` and `count`",
        ),
        (app(r#", "ops": 1, "count": 2"#), "another `region`"),
        (
            format!("{}, {}", app(r#", "ops": 1"#), app(r#", "ops": 1, "region": "0..2047""#)),
            "does not use",
        ),
    ];
    for (workload, expected) in wrong {
        let text = format!(
            r#"{{ "version": 1, "name": "room", "cluster": {{ "targets": 2 }},
                "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 4096 }} ],
                "workload": [ {workload} ] }}"#
        );
        let error = parse("room.json", &text).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
