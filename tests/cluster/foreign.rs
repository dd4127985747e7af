//! A disk in the wrong place is left alone, and said to be there.

use stormglass::base::Record;
use stormglass::base::history::{MediaWritten, RebuildProgress};
use stormglass::disk::Swapped;
use stormglass::node::ForeignDisk;
use stormglass::scenario::parse;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

const SCENARIO: &str = r#"{ "version": 1, "name": "mixed-up",
    "cluster": { "targets": 4 },
    "volumes": [
        { "name": "vol0", "layout": "raid1", "blocks": 2048, "legs": ["t0/d0", "t1/d0"] },
        { "name": "vol1", "layout": "raid1", "blocks": 2048, "legs": ["t2/d0", "t3/d0"] } ],
    "workload": [
        { "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 4, "rate": 30000,
          "mix": { "read": 50, "write": 50 }, "region": "0..127" },
        { "app": "random", "client": "c0", "volume": "vol1", "ops": 3000, "depth": 4, "rate": 30000,
          "mix": { "read": 50, "write": 50 }, "region": "0..127" } ],
    "script": [
        { "at": "30ms", "do": { "disk.swap": { "disk": "t0/d0", "with": "t2/d0" } }, "for": "40ms" } ] }"#;

/// From when to when the disks were in each other's places.
fn swapped(trace: &[Record]) -> (usize, usize) {
    let mut told = trace.iter().enumerate().filter(|(_, record)| record.get::<Swapped>().is_some());
    let mut next = || told.next().expect("two disks are swapped, and swapped back").0;
    let (_, from, until, _) = (next(), next(), next(), next());
    (from, until)
}

#[test]
fn two_disks_that_were_mixed_up_are_reported_and_not_written() {
    let scenario = parse("test.json", SCENARIO).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    for seed in 1..=8 {
        let report = simulate(&scenario, seed, &options);
        assert!(matches!(report.verdict, Verdict::Pass), "seed {seed}: {:?}", report.verdict);
        let (from, until) = swapped(&report.trace);
        let wrong = [0, 2];
        let written = |record: &Record| {
            record.get::<MediaWritten>().is_some_and(|it| wrong.contains(&it.disk.get()))
        };
        // What was in flight may have been executed when the power went.
        let went = report.trace[from].at;
        let after = report.trace[..until].iter().position(|record| record.at > went);
        let meanwhile = &report.trace[after.expect("they stay there for a while")..until];
        assert!(!meanwhile.iter().any(written), "seed {seed}: a disk that belongs elsewhere");
        let mut said: Vec<(u32, u16, u16)> = meanwhile
            .iter()
            .filter_map(|record| record.get::<ForeignDisk>())
            .map(|it| (it.disk.get(), it.volume.get(), it.shows.get()))
            .collect();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said, [(0, 0, 1), (2, 1, 0)], "seed {seed}");
        // Each comes back by its marks: four of 64 regions are ever written.
        let rebuilt = report.trace.iter().filter_map(|record| record.get::<RebuildProgress>());
        let most = rebuilt.map(|it| it.total).max();
        assert!(most.is_some_and(|most| most <= 4), "seed {seed}: {most:?} regions");
    }
}
