//! A manager whose database has gone back finds a disk that is ahead of it: it says so, and decides nothing.

use std::path::Path;

use stormglass::base::protocol::{SplitBrain, TopologyDecided};
use stormglass::base::{Epoch, Record};
use stormglass::scenario::load;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

#[test]
fn a_disk_ahead_of_the_database_is_reported_and_ends_all_decisions() {
    let file = "scenarios/faults/database-restore-old-snapshot.json";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let scenario = load(&file).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    for seed in 1..=6 {
        let report = simulate(&scenario, seed, &options);
        let is_hung = matches!(report.verdict, Verdict::Liveness(_));
        assert!(is_hung, "seed {seed}: the volume waits: {:?}", report.verdict);
        let told = |record: &&Record| record.get::<SplitBrain>().is_some();
        let first = report.trace.iter().find(told).expect("it is reported");
        let SplitBrain { generation, epoch, .. } = first.get().expect("a split brain");
        assert!(generation > epoch, "seed {seed}: {generation} is no later than {epoch}");
        let after = report.trace.iter().filter(|record| record.seq > first.seq);
        let decided: Vec<Epoch> =
            after.filter_map(|record| Some(record.get::<TopologyDecided>()?.epoch)).collect();
        assert_eq!(decided, [], "seed {seed}");
    }
}
