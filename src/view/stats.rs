//! What a run came to in figures: latencies, rates over virtual time, rebuilds, states. Words no report.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::base::history::{OpInvoked, RebuildProgress, VolumeChanged};
use crate::base::{Names, Nanos, Record, VolumeId};

use super::links::Links;
use super::places::Places;
use super::scene::{Scene, shown};

/// So many spans of equal length a run is cut into.
const STEPS: u64 = 200;

/// The figures of one run. Times are nanoseconds of virtual time.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Latencies of the operations that returned, by volume and kind.
    pub operations: Vec<Latency>,
    /// Latencies of the commands that completed, by disk and kind.
    pub disks: Vec<Latency>,
    /// Operations over virtual time.
    pub rate: Rate,
    /// Rebuilds, one for each leg that was rebuilt.
    pub rebuilds: Vec<Rebuild>,
    /// How long each volume was in each state.
    pub states: Vec<InState>,
    /// How many records there are of each type, most first.
    pub records: Vec<(&'static str, u64)>,
}

/// A latency histogram in figures, each within 1/1000.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Of what.
    pub name: String,
    /// How many there were.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// Half were no longer.
    pub p50_ns: u64,
    /// 90 % were no longer.
    pub p90_ns: u64,
    /// 99 % were no longer.
    pub p99_ns: u64,
    /// 99.9 % were no longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Operations over virtual time, in steps of equal length.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    /// How long a step is.
    pub step: u64,
    /// How many operations returned in each.
    pub returned: Vec<u64>,
    /// How many were under way at the end of each.
    pub in_flight: Vec<u64>,
}

/// How the rebuilds of one leg went.
#[derive(Clone, Debug, Serialize)]
pub struct Rebuild {
    /// The volume's name.
    pub volume: String,
    /// Which of its legs.
    pub leg: u8,
    /// How far it was, when.
    pub points: Vec<RebuildPoint>,
}

/// How far a rebuild was.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RebuildPoint {
    /// When.
    pub at_ns: u64,
    /// So many regions were done.
    pub done: u32,
    /// Of so many.
    pub total: u32,
}

/// How long a volume was in a state.
#[derive(Clone, Debug, Serialize)]
pub struct InState {
    /// The volume's name.
    pub volume: String,
    /// The state.
    pub state: &'static str,
    /// For how long.
    pub ns: u64,
}

impl Stats {
    /// Counts a run.
    #[must_use]
    pub fn of_run(scene: &Scene<'_>) -> Self {
        let links = Links::of(scene, &Places::of(scene));
        Self::of(scene.trace, scene.names, scene.end, &links)
    }

    /// Counts a whole trace that ends at `end`.
    pub(super) fn of(trace: &[Record], names: &Names, end: Nanos, links: &Links) -> Self {
        Self {
            operations: latencies(trace, links, |record| {
                let op = record.get::<OpInvoked>()?;
                Some(format!("{} {}", names.volume(op.volume), op.kind))
            }),
            disks: latencies(trace, links, |record| {
                let is_command = record.kind.name == "disk.submitted";
                let name =
                    || format!("{} {}", shown(record, "disk", names), shown(record, "op", names));
                is_command.then(name)
            }),
            rate: rate(trace, end, links),
            rebuilds: rebuilds(trace, names),
            states: states(trace, names, end),
            records: records(trace),
        }
    }
}

/// Latencies of what `name` names, of all that came to an end of its own.
fn latencies(
    trace: &[Record],
    links: &Links,
    name: impl Fn(&Record) -> Option<String>,
) -> Vec<Latency> {
    let mut histograms: BTreeMap<String, Histogram<u64>> = BTreeMap::new();
    for (record, end) in trace.iter().zip(&links.end) {
        let Some(end) = end.map(|end| &trace[end]) else { continue };
        if matches!(end.kind.name, "app.abandoned" | "disk.aborted") {
            continue;
        }
        let Some(name) = name(record) else { continue };
        let histogram = histograms
            .entry(name)
            .or_insert_with(|| Histogram::new(3).expect("three digits are few enough"));
        let latency = (end.at.get() - record.at.get()).max(1);
        histogram.record(latency).expect("it grows with what it is given");
    }
    let latency = |(name, histogram): (String, Histogram<u64>)| Latency {
        name,
        count: histogram.len(),
        min_ns: histogram.min(),
        p50_ns: histogram.value_at_percentile(50.0),
        p90_ns: histogram.value_at_percentile(90.0),
        p99_ns: histogram.value_at_percentile(99.0),
        p999_ns: histogram.value_at_percentile(99.9),
        max_ns: histogram.max(),
    };
    histograms.into_iter().map(latency).collect()
}

fn rate(trace: &[Record], end: Nanos, links: &Links) -> Rate {
    let step = (end.get() / STEPS).max(1);
    let steps = (end.get() / step) as usize + 1;
    let mut returned = vec![0; steps];
    let mut begun = vec![0; steps];
    let mut over = vec![0; steps];
    let place = |record: &Record| ((record.at.get() / step) as usize).min(steps - 1);
    for (record, end) in trace.iter().zip(&links.end) {
        if record.kind.name != "app.invoked" {
            continue;
        }
        begun[place(record)] += 1;
        if let Some(end) = end.map(|end| &trace[end]) {
            over[place(end)] += 1;
            returned[place(end)] += u64::from(end.kind.name == "app.returned");
        }
    }
    let mut now = 0_u64;
    let in_flight = begun.iter().zip(&over).map(|(begun, over): (&u64, &u64)| {
        now = now + begun - over;
        now
    });
    Rate { step, in_flight: in_flight.collect(), returned }
}

fn rebuilds(trace: &[Record], names: &Names) -> Vec<Rebuild> {
    let mut found: BTreeMap<(VolumeId, u8), Vec<RebuildPoint>> = BTreeMap::new();
    for record in trace {
        let Some(progress) = record.get::<RebuildProgress>() else { continue };
        let RebuildProgress { volume, leg, done, total } = progress;
        let points = found.entry((volume, leg.get())).or_default();
        points.push(RebuildPoint { at_ns: record.at.get(), done, total });
    }
    let rebuild = |((volume, leg), points)| Rebuild { volume: names.volume(volume), leg, points };
    found.into_iter().map(rebuild).collect()
}

fn states(trace: &[Record], names: &Names, end: Nanos) -> Vec<InState> {
    let mut spent: BTreeMap<(VolumeId, &'static str), u64> = BTreeMap::new();
    let mut open: BTreeMap<VolumeId, (&'static str, Nanos)> = BTreeMap::new();
    for record in trace {
        let Some(changed) = record.get::<VolumeChanged>() else { continue };
        let now = (changed.state.name(), record.at);
        if let Some((state, since)) = open.insert(changed.volume, now) {
            *spent.entry((changed.volume, state)).or_default() += record.at.get() - since.get();
        }
    }
    for (volume, (state, since)) in open {
        *spent.entry((volume, state)).or_default() += end.get().saturating_sub(since.get());
    }
    let spent = spent.into_iter();
    spent.map(|((volume, state), ns)| InState { volume: names.volume(volume), state, ns }).collect()
}

fn records(trace: &[Record]) -> Vec<(&'static str, u64)> {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for record in trace {
        *counts.entry(record.kind.name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    counts
}

#[cfg(test)]
mod tests {
    use crate::base::history::{OpInvoked, OpKind, OpResult, OpReturned};
    use crate::base::{Names, Nanos, NodeId, OpId, Record, Recorded, VolumeId};
    use crate::view::scene::Scene;

    use super::{STEPS, Stats};

    fn record<R: Recorded>(seq: u64, at: Nanos, what: &R) -> Record {
        let (node, words) = (Some(NodeId::new(0)), what.words());
        Record { at, seq, cause: 0, node, cpu: None, kind: R::TYPE, words }
    }

    /// A thousand reads, one after the other: the first takes 1 us, the second 2 us, the last 1 ms.
    fn ever_slower() -> Vec<Record> {
        let (volume, kind, result) = (VolumeId::new(0), OpKind::Read, OpResult::Ok);
        let mut trace = Vec::new();
        let mut now = Nanos::ZERO;
        for number in 1..=1_000 {
            let op = OpId::new(number);
            let invoked = OpInvoked { op, volume, kind, block: 0, blocks: 1, author: 0 };
            trace.push(record(2 * number - 1, now, &invoked));
            now = now.saturating_add(Nanos::from_micros(number));
            trace.push(record(2 * number, now, &OpReturned { op, volume, kind, result }));
        }
        trace
    }

    #[test]
    fn latencies_are_those_of_the_run() {
        let (trace, names) = (ever_slower(), Names::default());
        let stats = Stats::of_run(&Scene::of_test(&trace, &names));
        let [reads] = stats.operations.as_slice() else { panic!("{:?}", stats.operations) };
        assert_eq!((reads.name.as_str(), reads.count), ("vol0 read", 1_000));
        let figures = [reads.min_ns, reads.p50_ns, reads.p90_ns, reads.p99_ns, reads.p999_ns];
        let figures = figures.into_iter().chain([reads.max_ns]);
        for (found, micros) in figures.zip([1, 500, 900, 990, 999, 1_000_u64]) {
            let exact = micros * 1_000;
            // A thousandth for the figure, and one for which of a thousand it is.
            assert!(found.abs_diff(exact) <= exact / 500, "{found} for {exact}");
        }
    }

    #[test]
    fn every_operation_is_counted_in_the_step_it_returned_in() {
        let (trace, names) = (ever_slower(), Names::default());
        let stats = Stats::of_run(&Scene::of_test(&trace, &names));
        assert_eq!(stats.rate.returned.len() as u64, STEPS + 1);
        assert_eq!(stats.rate.returned.iter().sum::<u64>(), 1_000);
        let (first, last) = (stats.rate.returned[0], stats.rate.returned[100]);
        assert!(first > 50 && last < 10, "they are ever slower: {first}, then {last}");
        assert!(stats.rate.in_flight.iter().all(|under_way| *under_way <= 1));
    }
}
