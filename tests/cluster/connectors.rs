//! What slow and dead peers cost those who are neither: nothing.

use std::collections::BTreeMap;
use std::path::Path;

use stormglass::base::control::{ApiAnswered, ApiCalled};
use stormglass::base::{MessageKind, Nanos, NodeId, Record};
use stormglass::net::{MessageDelivered, MessageSent};
use stormglass::node::Frame;
use stormglass::scenario::{Action, Effect, Scenario, load};
use stormglass::world::{Keep, RunOptions, Verdict, simulate};

const C0: NodeId = NodeId::new(0);

fn scenario() -> Scenario {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/control/peers-delay-nobody.json");
    load(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// The same without anything wrong: its calls alone.
fn undisturbed(mut scenario: Scenario) -> Scenario {
    scenario.script.retain(|entry| matches!(&entry.effect, Effect::Do(Action::ApiCreateNode(_))));
    scenario
}

/// How long things took: the longest, and all together.
#[derive(Debug, Default)]
struct Took(Vec<Nanos>);

impl Took {
    fn worst(&self) -> Nanos {
        self.0.iter().copied().max().unwrap_or(Nanos::ZERO)
    }
    fn mean(&self) -> Nanos {
        Nanos::new(self.0.iter().map(|it| it.get()).sum::<u64>() / self.0.len().max(1) as u64)
    }
}

/// How long calls waited for their answers, and the client's heartbeats for theirs, while peers were slow or dead.
fn took(scenario: &Scenario, seed: u64) -> (Took, Took) {
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(scenario, seed, &options);
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
    let (mut calls, mut beats) = (Took::default(), Took::default());
    let (mut called, mut sent) = (BTreeMap::new(), Vec::new());
    let is_of = |kind: u64, of: MessageKind| kind == of as u64;
    for record in report.trace.iter().filter(|it: &&Record| it.at > Nanos::from_millis(30)) {
        if let Some(ApiCalled { call, .. }) = record.get() {
            called.insert(call, record.at);
        } else if let Some(ApiAnswered { call, .. }) = record.get()
            && let Some(since) = called.remove(&call)
        {
            calls.0.push(record.at - since);
        } else if let Some(MessageSent::<Frame> { from: C0, kind, .. }) = record.get()
            && is_of(kind.code(), MessageKind::Ping)
        {
            sent.push(record.at);
        } else if let Some(MessageDelivered::<Frame> { to: C0, kind, .. }) = record.get()
            && is_of(kind.code(), MessageKind::Pong)
            && !sent.is_empty()
        {
            beats.0.push(record.at - sent.remove(0));
        }
    }
    assert!(calls.0.len() >= 40 && beats.0.len() > 50, "{} {}", calls.0.len(), beats.0.len());
    (calls, beats)
}

#[test]
fn dead_and_slow_peers_delay_nobody_else() {
    for seed in 1..=4 {
        let (calls, beats) = took(&scenario(), seed);
        let (plain_calls, plain_beats) = took(&undisturbed(scenario()), seed);
        for (disturbed, plain) in [(calls, plain_calls), (beats, plain_beats)] {
            let (mean, usual) = (disturbed.mean(), plain.mean());
            assert!(mean.saturating_mul(10) < usual.saturating_mul(12), "{mean}, {usual}");
            let (worst, usual) = (disturbed.worst(), plain.worst());
            assert!(worst.saturating_mul(10) < usual.saturating_mul(15), "{worst}, {usual}");
        }
    }
}
