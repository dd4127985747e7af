//! What a run that does not pass looks like: each way to fail, from a scenario made to fail so.

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
