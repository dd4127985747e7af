//! Scenarios with fewer operations: cut off, slowed down, or with everything earlier. Judges none.

use crate::base::Nanos;
use crate::scenario::{
    Effect, Entry, GuestApp, MixedApp, NanosRange, RandomApp, Scenario, TraceApp, Trigger, Workload,
};

use super::judge::Failing;

/// Parts of all operations, the smallest first.
const PARTS: [(u64, u64); 8] =
    [(1, 128), (1, 32), (1, 8), (1, 4), (1, 2), (3, 4), (9, 10), (19, 20)];

/// No entry is moved to an earlier time.
const SOONEST: Nanos = Nanos::from_micros(1);

/// Scenarios with a part of the operations of this one, each in some ways; where one that takes its time would look
/// as if it hung, none at a lower rate.
pub(super) fn fewer_operations(best: &Failing, may_be_slow: bool) -> Vec<Scenario> {
    let scenario = &best.scenario;
    let mut fewer = vec![cut_off(best)];
    for part in PARTS {
        fewer.push(with_loads(scenario, |load| Load { ops: scaled(load.ops, part), ..load }));
        fewer.extend(may_be_slow.then(|| slower(best, part)));
        fewer.push(earlier(scenario, part));
    }
    fewer.retain(|other| other != scenario);
    fewer
}

fn scaled(number: u64, (numerator, denominator): (u64, u64)) -> u64 {
    (u128::from(number) * u128::from(numerator) / u128::from(denominator)).max(1) as u64
}

/// How much an application does, and when.
struct Load {
    ops: u64,
    rate: Option<u64>,
    start: Nanos,
    stop: Option<Nanos>,
}

/// The scenario with another load for the applications that have one: a trace is cut off.
fn with_loads(scenario: &Scenario, change: impl Fn(Load) -> Load) -> Scenario {
    let workload = scenario.workload.iter().map(|app| match app.clone() {
        Workload::Random(app) => {
            let RandomApp { ops, rate, start, stop, .. } = app;
            let Load { ops, rate, start, stop } = change(Load { ops, rate, start, stop });
            Workload::Random(RandomApp { ops, rate, start, stop, ..app })
        }
        Workload::MixedSize(app) => {
            let MixedApp { ops, rate, start, stop, .. } = app;
            let Load { ops, rate, start, stop } = change(Load { ops, rate, start, stop });
            Workload::MixedSize(MixedApp { ops, rate, start, stop, ..app })
        }
        Workload::Guest(app) => {
            let GuestApp { ops, rate, start, stop, .. } = app;
            let Load { ops, rate, start, stop } = change(Load { ops, rate, start, stop });
            Workload::Guest(GuestApp { ops, rate, start, stop, ..app })
        }
        Workload::Trace(app) => {
            let (ops, rate, start, stop) = (app.recording.ops() as u64, None, app.start, app.stop);
            let Load { ops, start, stop, .. } = change(Load { ops, rate, start, stop });
            let recording = app.recording.cut_off(ops as usize);
            let recording = recording.unwrap_or_else(|| app.recording.clone());
            Workload::Trace(TraceApp { recording, start, stop, ..app })
        }
        other @ (Workload::Verify(_) | Workload::Fio(_)) => other,
    });
    Scenario { workload: workload.collect(), ..scenario.clone() }
}

/// No application issues more than were issued by all when it failed.
fn cut_off(best: &Failing) -> Scenario {
    with_loads(&best.scenario, |load| Load { ops: load.ops.min(best.ops.max(1)), ..load })
}

/// Fewer operations in the same time.
fn slower(best: &Failing, part: (u64, u64)) -> Scenario {
    with_loads(&best.scenario, |load| {
        let ops = scaled(load.ops.min(best.ops.max(1)), part);
        let rate = u128::from(ops) * 1_000_000_000 / u128::from(best.virtual_time.get().max(1));
        Load { ops, rate: Some((rate as u64).clamp(1, 1_000_000_000)), ..load }
    })
}

/// Fewer operations, and whatever has a time comes earlier by as much.
fn earlier(scenario: &Scenario, part: (u64, u64)) -> Scenario {
    let sooner = |time: Nanos| Nanos::new(scaled(time.get(), part));
    let mut other = with_loads(scenario, |load| Load {
        ops: scaled(load.ops, part),
        start: if load.start == Nanos::ZERO { load.start } else { sooner(load.start) },
        stop: load.stop.map(|stop| sooner(stop).max(Nanos::new(load.start.get() + 1))),
        ..load
    });
    for entry in &mut other.script {
        if let Trigger::At(at) = &mut entry.trigger {
            *at = NanosRange { min: sooner(at.min), max: sooner(at.max) };
        }
    }
    other
}

/// Scenarios in which one entry comes earlier, and all after it by as much.
pub(super) fn sooner(scenario: &Scenario) -> Vec<Scenario> {
    let mut found = Vec::new();
    for from in 0..scenario.script.len() {
        let Trigger::At(at) = &scenario.script[from].trigger else { continue };
        // All of a range at once, then its beginning: a range that begins as soon as can be is not moved bit by bit.
        let mut steps = vec![at.max.get(), at.min.get(), at.min.get() / 2, at.min.get() / 8];
        steps.dedup();
        for by in steps.into_iter().map(Nanos::new).filter(|by| *by > SOONEST) {
            let mut other = scenario.clone();
            other.script[from..].iter_mut().for_each(|entry| advance(entry, by));
            found.push(other);
        }
    }
    found.retain(|other| other != scenario);
    found
}

fn advance(entry: &mut Entry, by: Nanos) {
    if let Trigger::At(at) = &mut entry.trigger
        && matches!(entry.effect, Effect::Do(_))
    {
        let earlier = |time: Nanos| time.saturating_sub(by).max(SOONEST);
        *at = NanosRange { min: earlier(at.min), max: earlier(at.max) };
    }
}
