//! What a slow disk costs: reads that need not wait for it don't.

use stormglass::base::Nanos;
use stormglass::base::history::{OpInvoked, OpKind, OpReturned};
use stormglass::scenario::parse;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

/// How long reads took on the mean, from half a run on, where one disk is so many times as slow as the others.
fn mean_read(volume: &str, factor: u32) -> Nanos {
    let text = format!(
        r#"{{ "version": 1, "name": "slow",
        "cluster": {{ "targets": 5 }},
        "volumes": [ {{ "name": "vol0", "blocks": 1536, {volume} }} ],
        "workload": [ {{ "app": "random", "client": "c0", "volume": "vol0", "ops": 3000, "depth": 4,
            "rate": 30000, "mix": {{ "read": 98, "write": 2 }}, "blocks": "1..4" }} ],
        "script": [ {{ "at": "1ms", "do": {{ "disk.slow": {{ "disk": "t1/d0", "factor": {factor} }} }},
            "for": "200ms" }} ] }}"#
    );
    let scenario = parse("test.json", &text).unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, 1, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    let half = |at: Nanos| at >= Nanos::from_millis(40) && at < Nanos::from_millis(90);
    let mut open = std::collections::BTreeMap::new();
    let (mut reads, mut total) = (0, 0);
    for record in &report.trace {
        if let Some(OpInvoked { op, kind: OpKind::Read, .. }) = record.get()
            && half(record.at)
        {
            open.insert(op, record.at);
        } else if let Some(OpReturned { op, .. }) = record.get()
            && let Some(since) = open.remove(&op)
        {
            reads += 1;
            total += (record.at - since).get();
        }
    }
    assert!(reads > 1000, "{reads} reads");
    Nanos::new(total / reads)
}

#[test]
fn reads_of_mirrors_and_of_coded_rows_go_around_a_slow_disk() {
    let mirror = r#""layout": "raid1", "legs": ["t0/d0", "t1/d0"]"#;
    let coded = r#""layout": "ec", "data": 3, "parity": 2, "stripe_blocks": 8,
        "legs": ["t0/d0", "t1/d0", "t2/d0", "t3/d0", "t4/d0"]"#;
    for volume in [mirror, coded] {
        let (fast, slow) = (mean_read(volume, 1), mean_read(volume, 12));
        assert!(slow < fast.saturating_mul(2), "{volume}: {slow} beside {fast}");
    }
}
