//! A controller beside three managers: one that another one has taken over from hears of it, and lets go; and a manager that
//! has lost its disk takes part in nothing before it has been told what was on it.

use std::collections::BTreeSet;
use std::path::Path;

use stormglass::base::control::{ControllerDeposed, SatelliteStanding, SatelliteStatus};
use stormglass::base::history::NodeDown;
use stormglass::base::protocol::{Elected, Forgot, Recalled, Resigned};
use stormglass::base::{NodeId, Record};
use stormglass::scenario::{load, parse};
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

fn run(scenario: &str, seed: u64) -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
    let scenario = load(&path).unwrap_or_else(|error| panic!("{error}"));
    let report =
        simulate(&scenario, seed, &RunOptions { trace: Keep::All, ..RunOptions::default() });
    assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
    report.trace
}

#[test]
fn a_controller_that_satellites_refuse_finds_out_that_another_one_has_taken_over() {
    let (mut refused, mut found_out) = (0, 0);
    for seed in 1..=4 {
        let trace = run("control/leader-of-two-minds.json", seed);
        let is_refused = |record: &&Record| {
            let standing = record.get::<SatelliteStanding>();
            standing.is_some_and(|it| it.status == SatelliteStatus::FullSyncFailed)
        };
        for record in trace.iter().filter(is_refused) {
            let mut later = trace.iter().filter(|it| it.seq > record.seq && it.node == record.node);
            // Its manager may find out first that it leads no longer.
            let is_over = |it: &&Record| {
                it.get::<ControllerDeposed>().is_some() || it.get::<Resigned>().is_some()
            };
            let over = later.find(is_over);
            let over = over.unwrap_or_else(|| panic!("seed {seed}, refused at {}", record.at));
            refused += 1;
            found_out += u32::from(over.get::<ControllerDeposed>().is_some());
        }
    }
    assert!(refused > 0, "no satellite refused anything");
    assert!(found_out > 0, "none was told by the database");
}

#[test]
fn a_controller_that_cannot_find_out_takes_no_satellite_from_the_next_one() {
    for seed in 1..=3 {
        let trace = run("control/deposed-controller-finds-nothing-out.json", seed);
        // By controller and satellite: those that are refused.
        let (mut refused, mut refusals) = (BTreeSet::new(), 0);
        for record in &trace {
            if let Some(Elected { manager, .. }) = record.get() {
                // Its controller is the next one.
                refused.retain(|(controller, _)| *controller != Some(manager));
            }
            let Some(SatelliteStanding { target, status }) = record.get() else { continue };
            let pair = (record.node, target);
            match status {
                SatelliteStatus::FullSyncFailed => {
                    refused.insert(pair);
                    refusals += 1;
                }
                SatelliteStatus::Connected => {
                    assert!(!refused.contains(&pair), "seed {seed}, {pair:?} at {}", record.at);
                }
                _ => {}
            }
        }
        assert!(refusals > 10, "seed {seed}: refused {refusals} times");
    }
}

#[test]
fn a_manager_that_has_lost_its_disk_leads_only_when_it_knows_what_was_on_it() {
    let mut recalled = 0;
    for seed in 1..=3 {
        let mut forgetful: Vec<NodeId> = Vec::new();
        for record in run("manager/managers-lose-their-disks.json", seed) {
            if let Some(Forgot { manager }) = record.get() {
                forgetful.push(manager);
            } else if let Some(Recalled { manager, .. }) = record.get() {
                forgetful.retain(|it| *it != manager);
                recalled += 1;
            } else if let Some(Elected { manager, .. }) = record.get() {
                assert!(!forgetful.contains(&manager), "seed {seed}: {manager} at {}", record.at);
            }
        }
        assert!(forgetful.is_empty(), "seed {seed}: {forgetful:?} were told nothing");
    }
    assert!(recalled > 3, "{recalled} disks were lost");
}

/// Which of three managers went down, and how often the budget withheld something, under this script.
fn downs(script: &str) -> (Vec<NodeId>, usize) {
    let text = format!(
        r#"{{ "version": 1, "name": "managers", "cluster": {{ "targets": 2, "managers": 3 }},
            "volumes": [ {{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }} ],
            "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 1500, "rate": 20000, "depth": 4 }} ],
            "script": [ {script} ], "inert": "allowed" }}"#
    );
    let scenario = parse("managers", &text).unwrap_or_else(|error| panic!("{error}"));
    let report = simulate(&scenario, 1, &RunOptions { trace: Keep::All, ..RunOptions::default() });
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    // In the end all nodes are taken down.
    let end = report.trace.last().expect("something happened").at;
    let before = report.trace.iter().filter(|record| record.at < end);
    let down = before.filter_map(|record| Some(record.get::<NodeDown>()?.node));
    let withheld = report.trace.iter().filter(|record| record.kind.name == "fault.withheld");
    (down.collect(), withheld.count())
}

#[test]
fn a_majority_of_managers_is_not_taken_for_long() {
    let both = |span: &str| {
        let off = |at, node| {
            format!(
                r#"{{ "every": "30ms", "from": "{at}", "until": "60ms", "times": 1, "do": {{ "node.power_off": {{ "node": "{node}" }} }} {span} }}"#
            )
        };
        downs(&format!("{}, {}", off("20ms", "m0"), off("25ms", "m1")))
    };
    let (down, withheld) = both("");
    assert_eq!((down.len(), withheld), (1, 1), "one of them stays");
    let (down, withheld) = both(r#", "for": "20ms""#);
    assert_eq!((down.len(), withheld), (2, 0), "for a while both may be away");
}

#[test]
fn managers_lose_their_disks_one_at_a_time() {
    let wipe = r#"{ "at": "20ms", "do": { "node.wipe": { "node": "all:manager" } } }"#;
    assert_eq!(downs(wipe).0.len(), 1);
}
