//! A rebuild in whole that is cut short goes on where it was: what had been rebuilt is not rebuilt again.

use stormglass::base::history::RebuildProgress;
use stormglass::scenario::parse;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

/// Regions of the volume.
const REGIONS: usize = 64;
/// Regions that the application writes, and that are copied each time.
const WRITTEN: usize = 2;
/// Regions that may have been copied and not noted: those of one note, and one under way.
const UNNOTED: usize = 9;

/// A disk is replaced, and when half of it is rebuilt, this happens.
fn scenario(copies: u8, caches: bool, then: &str) -> String {
    let legs = ["\"t0/d0\"", "\"t1/d0\"", "\"t2/d0\""][..usize::from(copies)].join(", ");
    format!(
        r#"{{ "version": 1, "name": "half-rebuilt",
        "cluster": {{ "targets": 3, "disk": {{ "volatile_cache": {caches} }} }},
        "volumes": [ {{ "name": "vol0", "layout": "raid1", "copies": {copies}, "blocks": 2048,
            "legs": [{legs}], "rebuild_rate": 80000 }} ],
        "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 4,
            "rate": 60000, "mix": {{ "read": 50, "write": 50 }}, "region": "0..63" }} ],
        "script": [
            {{ "at": "2ms", "do": {{ "disk.replace": {{ "disk": "t0/d0" }} }} }},
            {{ "when": {{ "rebuild": "50%", "volume": "vol0" }}, "do": {then} }} ] }}"#
    )
}

#[test]
fn a_reboot_of_anyone_does_not_undo_the_half_that_was_rebuilt() {
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    for (copies, caches) in [(2, false), (3, false), (2, true)] {
        for node in ["c0", "m0", "t0"] {
            let reboot = format!(r#"{{ "node.reboot": {{ "node": "{node}" }} }}"#);
            let text = scenario(copies, caches, &reboot);
            let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
            for seed in 1..=4 {
                let report = simulate(&scenario, seed, &options);
                let case = format!("{copies} copies, caches {caches}, {node}, seed {seed}");
                assert!(matches!(report.verdict, Verdict::Pass), "{case}: {:?}", report.verdict);
                let copied = |record: &&_| {
                    let record: &stormglass::base::Record = record;
                    record.get::<RebuildProgress>().is_some_and(|it| it.leg.get() == 0)
                };
                let copied = report.trace.iter().filter(copied).count();
                let most = REGIONS + UNNOTED + 2 * WRITTEN;
                assert!((REGIONS..=most).contains(&copied), "{case}: {copied} regions copied");
            }
        }
    }
}
