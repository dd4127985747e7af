//! `linear` against an independent judge: the linearizability tester of `stateright`, a search of every
//! order, must condemn the same blocks of a great many small histories. And would the comparison notice
//! if the checker were wrong? Checkers that are wrong on purpose must be told from the right one.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::{any, prop};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use stormglass::base::Stamp;
use stormglass::base::history::{OpKind, OpResult};
use stormglass::check::Check;

use crate::story::{ZEROES, by};
use crate::tale::{BLOCKS_MAX, End, Event, Tale};

/// The value of a block as a register; content that belongs elsewhere is none that it could have.
fn value(content: Stamp, block: u64) -> u64 {
    let [place, author] = content.words();
    match content {
        ZEROES => 0,
        _ if place == by(0, block).words()[0] => author,
        _ => u64::MAX,
    }
}

/// What the independent judge says of a block: whether its history is linearizable.
fn is_linearizable(tale: &Tale, block: u64) -> bool {
    let mut judge = LinearizabilityTester::new(Register(0));
    for event in &tale.events {
        let (Event::Invoked(index) | Event::Ended(index)) = *event;
        let op = &tale.ops[index];
        let is_read = op.kind == OpKind::Read;
        let is_sure = op.end == End::Returned(OpResult::Ok);
        // A read without a result says nothing, and a refused write never was.
        let is_nothing =
            if is_read { !is_sure } else { op.end == End::Returned(OpResult::Refused) };
        if !op.covers(block) || is_nothing {
            continue;
        }
        // A write in doubt is in flight for ever, in a thread of its own; its application goes on.
        let thread = if is_sure { op.thread } else { 100 + index };
        let told = match event {
            Event::Invoked(_) if is_read => judge.on_invoke(thread, RegisterOp::Read),
            Event::Invoked(_) => {
                let content =
                    if op.kind == OpKind::Trim { ZEROES } else { by(index as u64, block) };
                judge.on_invoke(thread, RegisterOp::Write(value(content, block)))
            }
            Event::Ended(_) if !is_sure => continue,
            Event::Ended(_) if is_read => {
                let shown = op.shown[(block - op.first) as usize];
                judge.on_return(thread, RegisterRet::ReadOk(value(shown, block)))
            }
            Event::Ended(_) => judge.on_return(thread, RegisterRet::WriteOk),
        };
        assert!(told.is_ok(), "each thread does one thing at a time: {told:?}");
    }
    judge.is_consistent()
}

/// The blocks that the checker condemns.
fn condemned(tale: &Tale) -> BTreeSet<u64> {
    let story = tale.tell();
    let violations = story.checkers.violations().iter();
    let linear = violations.filter(|violation| violation.check == Check::Linear);
    linear.map(|violation| violation.block.expect("it is about a block")).collect()
}

/// Histories of up to eight operations on three blocks, by two to four threads; `lies` falsify them.
fn tales(trims: bool, lies: usize) -> impl Strategy<Value = Tale> {
    let steps = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 6..40);
    let lies = prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..=lies);
    (any::<u8>(), steps, lies).prop_map(move |(threads, steps, lies)| {
        let mut tale = Tale::of(threads, &steps, trims);
        tale.falsify(&lies);
        tale
    })
}

/// Draws the same histories in every run of the test.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// What came of a comparison.
#[derive(Default)]
struct Count {
    legal: Cell<u32>,
    illegal: Cell<u32>,
}

impl Count {
    fn add(&self, legal: bool) {
        let count = if legal { &self.legal } else { &self.illegal };
        count.set(count.get() + 1);
    }
}

fn blocks() -> impl Iterator<Item = u64> {
    0..BLOCKS_MAX
}

/// Holds a checker to the judge: on each history the same blocks are condemned. `exact` is whether it may
/// let nothing pass either.
fn compare(
    tale: &Tale,
    found: &BTreeSet<u64>,
    exact: bool,
    count: &Count,
) -> Result<(), TestCaseError> {
    let illegal: BTreeSet<u64> = blocks().filter(|block| !is_linearizable(tale, *block)).collect();
    count.add(illegal.is_empty());
    let agrees = if exact { *found == illegal } else { found.is_subset(&illegal) };
    if agrees {
        return Ok(());
    }
    let text = format!("illegal are blocks {illegal:?}, condemned {found:?}: {tale:#?}");
    Err(TestCaseError::fail(text))
}

fn agrees(cases: u32, trims: bool, lies: usize) -> Count {
    let count = Count::default();
    let test = |tale: Tale| compare(&tale, &condemned(&tale), !trims, &count);
    let outcome = runner(cases).run(&tales(trims, lies), test);
    if let Err(wrong) = outcome {
        panic!("{wrong}");
    }
    count
}

#[test]
fn no_history_of_a_true_register_is_condemned() {
    let count = agrees(100_000, false, 0);
    assert_eq!(count.illegal.get(), 0, "the judge agrees that they are legal");
}

#[test]
fn exactly_the_illegal_ones_among_falsified_histories_are_condemned() {
    let count = agrees(200_000, false, 3);
    for verdict in [count.legal, count.illegal] {
        assert!(verdict.get() > 50_000, "legal and illegal are both frequent: {verdict:?}");
    }
}

#[test]
fn no_legal_history_with_trims_is_condemned() {
    let count = agrees(50_000, true, 3);
    for verdict in [count.legal, count.illegal] {
        assert!(verdict.get() > 12_000, "legal and illegal are both frequent: {verdict:?}");
    }
}

/// A checker that is wrong on purpose: the right one, told something else than what happened.
type Wrong = fn(&Tale) -> BTreeSet<u64>;

/// Judges each read as if it were the only one: it sees no read that goes behind an earlier one.
fn each_read_alone(tale: &Tale) -> BTreeSet<u64> {
    let reads = tale.ops.iter().enumerate().filter(|(_, op)| op.is_telling());
    let alone = reads.flat_map(|(read, _)| {
        let mut tale = tale.clone();
        for (index, op) in tale.ops.iter_mut().enumerate() {
            if op.is_telling() && index != read {
                op.end = End::Returned(OpResult::MediaError);
            }
        }
        condemned(&tale)
    });
    alone.collect()
}

fn with_ends(tale: &Tale, change: impl Fn(OpKind, End) -> End) -> BTreeSet<u64> {
    let mut tale = tale.clone();
    for op in &mut tale.ops {
        op.end = change(op.kind, op.end);
    }
    condemned(&tale)
}

fn doubt_taken_for_done(tale: &Tale) -> BTreeSet<u64> {
    with_ends(tale, |_, end| match end {
        End::Returned(OpResult::InDoubt) => End::Returned(OpResult::Ok),
        other => other,
    })
}

fn doubt_taken_for_refusal(tale: &Tale) -> BTreeSet<u64> {
    with_ends(tale, |_, end| match end {
        End::Returned(OpResult::InDoubt) | End::Abandoned => End::Returned(OpResult::Refused),
        other => other,
    })
}

fn acknowledgement_taken_for_doubt(tale: &Tale) -> BTreeSet<u64> {
    with_ends(tale, |kind, end| match end {
        End::Returned(OpResult::Ok) if kind.is_write() => End::Returned(OpResult::InDoubt),
        other => other,
    })
}

/// Takes every operation for one that began when the one before it had ended.
fn nothing_at_the_same_time(tale: &Tale) -> BTreeSet<u64> {
    let mut tale = tale.clone();
    let ended = std::mem::take(&mut tale.events);
    for event in ended {
        if let Event::Ended(index) = event {
            tale.events.extend([Event::Invoked(index), Event::Ended(index)]);
        }
    }
    condemned(&tale)
}

/// Lets everything pass for what an operation in flight might have done.
fn nobody_ever_returns(tale: &Tale) -> BTreeSet<u64> {
    let mut tale = tale.clone();
    let order = |event: &Event| matches!(event, Event::Ended(_));
    tale.events.sort_by_key(order);
    condemned(&tale)
}

#[test]
fn checkers_that_are_wrong_would_be_noticed() {
    let wrong: [(&str, Wrong); 7] = [
        ("never condemns", |_| BTreeSet::new()),
        ("sees each read alone", each_read_alone),
        ("takes doubt for done", doubt_taken_for_done),
        ("takes doubt for refusal", doubt_taken_for_refusal),
        ("takes acknowledgements for doubt", acknowledgement_taken_for_doubt),
        ("takes nothing to be at the same time", nothing_at_the_same_time),
        ("takes everything to be at the same time", nobody_ever_returns),
    ];
    for (name, checker) in wrong {
        let test = |tale: Tale| compare(&tale, &checker(&tale), true, &Count::default());
        let outcome = runner(2_000).run(&tales(false, 3), test);
        assert!(outcome.is_err(), "a checker that {name} passes for right");
    }
}
