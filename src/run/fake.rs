//! A make-believe engine for the tests of this layer: a rule instead of a simulation.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Names, Nanos, Record, Recorded};
use crate::scenario::Scenario;
use crate::world::{Checkpoint, Keep, LivenessReport, RunOptions, RunReport, Verdict};

crate::record! {
    /// The only thing that happens in a make-believe simulation.
    pub struct Tick = "fake.tick", Trace { value: u64 }
}

/// A scenario of this name that expects to pass.
pub(crate) fn scenario(name: &str) -> Scenario {
    let text = format!(
        r#"{{ "version": 1, "name": "{name}", "cluster": {{}},
              "volumes": [{{ "name": "vol0", "layout": "raid1", "blocks": 64 }}] }}"#
    );
    serde_json::from_str(&text).expect("a minimal scenario")
}

/// A report of a run whose records hold these values.
pub(crate) fn report(
    scenario: &Scenario,
    seed: u64,
    options: &RunOptions,
    values: &[u64],
) -> RunReport {
    let mut digest = u128::from(seed);
    let mut report = RunReport {
        scenario: scenario.name.clone(),
        seed,
        verdict: Verdict::Pass,
        digest,
        checkpoints: Vec::new(),
        virtual_time: Nanos::from_micros(values.len() as u64),
        ops: 10,
        reboots: 1,
        faults: 2,
        events: values.len() as u64,
        trace: Vec::new(),
        names: Names::default(),
        last_events: Vec::new(),
        probes: Vec::new(),
        schedule: None,
        errors: Vec::new(),
        met: Vec::new(),
    };
    for (seq, value) in (1..).zip(values) {
        digest = digest.wrapping_mul(1_000_003).wrapping_add(u128::from(*value) + 1);
        if seq % 4 == 0 {
            report.checkpoints.push(Checkpoint { seq, digest });
        }
        let kept = match options.trace {
            Keep::Nothing => false,
            Keep::All => true,
            Keep::Window { from, to } => (from..=to).contains(&seq),
        };
        if kept {
            let words = Tick { value: *value }.words();
            let at = Nanos::new(seq * 1_000);
            let (node, cpu) = (None, None);
            report.trace.push(Record { at, seq, cause: 0, node, cpu, kind: Tick::TYPE, words });
        }
    }
    report.digest = digest;
    report
}

/// A liveness failure of this kind.
pub(crate) fn stuck(kind: &str) -> Verdict {
    Verdict::Liveness(LivenessReport { kind: kind.into(), waiting: vec!["c0 waits for t0".into()] })
}

/// An engine that passes, but for seeds that `rule` says otherwise of; takes longer for some seeds
/// than for others, so that threads finish out of order.
pub(crate) fn passes_but<'a>(
    rule: impl Fn(&Scenario, u64) -> Option<Verdict> + Sync + 'a,
) -> impl Fn(&Scenario, u64, &RunOptions) -> RunReport + Sync + 'a {
    move |scenario, seed, options| {
        std::thread::sleep(std::time::Duration::from_micros(seed % 400 * 7919 % 400));
        let length = 100 - seed % 50;
        let values: Vec<u64> = (0..length).map(|step| step ^ seed).collect();
        let mut report = report(scenario, seed, options, &values);
        if let Some(verdict) = rule(scenario, seed) {
            report.verdict = verdict;
        }
        report
    }
}

/// An engine that counts its calls and leaks the count into the tenth record of this seed.
pub(crate) fn leaks_on(odd_seed: u64) -> impl Fn(&Scenario, u64, &RunOptions) -> RunReport + Sync {
    let calls = AtomicU64::new(0);
    move |scenario, seed, options| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        let mut values: Vec<u64> = (0..30).collect();
        if seed == odd_seed {
            values[9] = 1_000 + call;
        }
        report(scenario, seed, options, &values)
    }
}
