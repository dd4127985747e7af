//! What a run that does not pass looks like: each way to fail, from a scenario made to fail so.

use stormglass::base::Nanos;
use stormglass::run::{Judgement, describe};
use stormglass::scenario::parse;
use stormglass::world::{RunOptions, Verdict, simulate};

/// Runs a scenario and words its outcome: signature, then report.
fn outcome(text: &str) -> (Verdict, String) {
    let scenario = parse("test.json", text).unwrap_or_else(|error| panic!("{error}"));
    let report = simulate(&scenario, 7, &RunOptions::default());
    let judgement = Judgement::of(&scenario.expect, &report.verdict);
    let signature = judgement.signature.map_or_else(String::new, |s| s.as_str().to_owned());
    let story = describe(&report);
    (report.verdict, format!("{signature}\n{story}"))
}

const SMALL: &str = r#""version": 1, "cluster": { "targets": 2 },
    "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] } ]"#;

#[test]
fn a_fault_that_never_lands_makes_the_scenario_inert() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "never", "script": [
            {{ "when": {{ "volume": "vol0", "state": "offline" }}, "do": {{ "disk.heal": {{ "disk": "t0/d0" }} }} }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Inert(_)));
    assert!(text.starts_with("inert/"), "{text}");
    assert!(text.contains("script[0] disk.heal never fired"), "{text}");
}

#[test]
fn an_assertion_that_fails_is_told_with_its_entry() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "asserts", "script": [
            {{ "at": "3ms", "expect": {{ "volume": "vol0", "state": "degraded" }}, "within": "2ms" }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Liveness(_)), "{text}");
    assert!(text.contains("script[0]"), "{text}");
}

#[test]
fn what_does_not_heal_in_time_is_a_liveness_failure_that_says_who_waits() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "slow-to-heal", "limits": {{ "settle": "1ms" }},
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 4000 }} ],
            "script": [ {{ "at": "2ms", "do": {{ "node.power_off": {{ "node": "t1" }} }} }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Liveness(_)), "{text}");
    assert!(text.starts_with("liveness/"), "{text}");
    assert!(text.contains("vol0 is "), "{text}");
    assert!(text.contains("c0 task `client.rebuild`"), "{text}");
}

#[test]
fn beyond_the_budget_data_may_be_unavailable_but_is_never_wrong() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "both-legs", "budget": "none",
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 4000 }} ],
            "script": [
              {{ "at": "2ms", "do": {{ "node.power_off": {{ "node": "t0" }} }}, "for": "6ms" }},
              {{ "at": "3ms", "do": {{ "node.power_off": {{ "node": "t1" }} }}, "for": "9ms" }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Pass), "{text}");
}

#[test]
fn what_follows_an_entry_that_never_fired_is_inert_and_no_hang() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "waits", "script": [
            {{ "when": {{ "volume": "vol0", "state": "offline" }}, "freeze": ["all"] }},
            {{ "after": "1ms", "do": {{ "node.reboot": {{ "node": "t0" }} }} }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Inert(_)), "{text}");
    assert!(text.contains("script[1] node.reboot never fired"), "{text}");
}

#[test]
fn memory_that_nobody_misses_makes_the_scenario_inert() {
    let (verdict, text) = outcome(&format!(
        r#"{{ {SMALL}, "name": "plenty", "script": [
            {{ "at": "3ms", "do": {{ "memory.limit": {{ "node": "t0", "bytes": "1GiB" }} }} }} ] }}"#
    ));
    assert!(matches!(verdict, Verdict::Inert(_)), "{text}");
    assert!(text.contains("took memory that nobody missed"), "{text}");
}

#[test]
fn an_assertion_of_an_event_holds_once_it_has_happened() {
    let expecting = |entry: &str| {
        let (verdict, _) = outcome(&format!(
            r#"{{ {SMALL}, "name": "events", "script": [
                {{ "at": "3ms", "do": {{ "node.crash": {{ "node": "t0", "downtime": "1ms" }} }} }},
                {entry} ] }}"#
        ));
        matches!(verdict, Verdict::Pass)
    };
    let up = r#"{ "event": "node.up", "node": "t0" }"#;
    assert!(expecting(&format!(r#"{{ "at": "3500us", "expect": {up} }}"#)), "it was up before");
    assert!(expecting(&format!(r#"{{ "at": "3500us", "expect": {up}, "within": "1ms" }}"#)));
    assert!(!expecting(&format!(r#"{{ "at": "4500us", "expect": {up}, "within": "1ms" }}"#)));
    let never = r#"{ "at": "5ms", "expect": { "event": "memory.refused" } }"#;
    assert!(!expecting(never));
}

/// Bounded memory, with every operation waiting for its turn.
#[test]
fn a_cluster_with_little_memory_serves_all_the_same() {
    let (verdict, text) = outcome(
        r#"{ "version": 1, "name": "tight", "cluster": { "targets": 2, "memory": "1MiB" },
            "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 256, "legs": ["t0/d0", "t1/d0"] } ],
            "workload": [ { "app": "random", "client": "c0", "volume": "vol0", "ops": 2000, "depth": 64, "blocks": "1..32" } ],
            "script": [
              { "when": { "acked": 500 }, "do": { "node.reboot": { "node": "t0" } } },
              { "when": { "acked": 900 }, "do": { "app.kill": { "client": "c0" } }, "for": "1ms" },
              { "at": "60ms", "expect": { "event": "memory.refused", "node": "c0" } } ] }"#,
    );
    assert!(matches!(verdict, Verdict::Pass), "{text}");
}

#[test]
fn a_rebuild_goes_no_faster_than_its_volume_lets_it() {
    let after = |rate: &str| {
        let scenario = parse(
            "test.json",
            &format!(
                r#"{{ "version": 1, "name": "paced", "cluster": {{ "targets": 2 }},
                "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 512{rate} }} ],
                "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 500 }} ],
                "script": [ {{ "at": "2ms", "do": {{ "disk.replace": {{ "disk": "t1/d0" }} }} }} ] }}"#
            ),
        );
        let report = simulate(&scenario.expect("valid"), 7, &RunOptions::default());
        assert!(matches!(report.verdict, Verdict::Pass), "{}", describe(&report));
        report.virtual_time
    };
    let (free, paced) = (after(""), after(r#", "rebuild_rate": 20000"#));
    let least = Nanos::from_millis(2) + Nanos::new(512 * 1_000_000_000 / 20_000);
    assert!(free < least && paced > least, "{free}, {paced}");
}
