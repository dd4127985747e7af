//! A bug that was planted is shrunk on the real cluster to a few entries and operations.

use std::num::NonZeroUsize;
use std::path::Path;

use stormglass::base::Bug;
use stormglass::run::{SeedResult, Shrunk};
use stormglass::run::{StopFlag, run_once, seed_file, shrink};
use stormglass::scenario::{Scenario, SeedFile, load};
use stormglass::world::{RunOptions, simulate};

/// The seed file of the first seed that finds the bug in a scenario of the library.
fn found(bug: Bug, name: &str) -> SeedFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let scenario = Scenario { plant: vec![bug], ..load(&path).expect("a scenario") };
    let failed = (1..50).find_map(|seed| {
        let ran = run_once(&simulate, &scenario, seed, &RunOptions::default()).expect("it runs");
        let (report, judgement) = (ran.report, ran.judgement);
        judgement.signature.is_some().then_some(SeedResult {
            scenario: 0,
            seed,
            outcome: judgement.outcome,
            signature: judgement.signature,
            digest: report.digest,
            virtual_time: report.virtual_time,
            ops: report.ops,
            reboots: report.reboots,
            faults: report.faults,
            events: report.events,
        })
    });
    seed_file(&scenario, &failed.expect("the bug is found soon"), "")
}

#[test]
fn a_planted_bug_becomes_a_few_entries_and_operations() {
    let file = found(Bug::NoWriteLock, "faults/disk-break-with.json");
    let small = |jobs| -> Shrunk {
        let jobs = NonZeroUsize::new(jobs).expect("some");
        shrink(&simulate, &file, jobs, &StopFlag::new(), &mut |_| {}).expect("it fails")
    };
    let shrunk = small(2);
    assert_eq!(shrunk.file.signature, file.signature);
    assert!(shrunk.after.entries <= 5 && shrunk.after.ops <= 50, "{:?}", shrunk.after);
    let ran = run_once(&simulate, &shrunk.file.scenario, shrunk.file.seed, &RunOptions::default());
    assert_eq!(ran.expect("it runs").report.digest, shrunk.file.digest.0);
}
