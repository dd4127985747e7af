//! Operations that never return, and things that outlive their owners.

use stormglass::base::OpId;
use stormglass::base::history::OpResult;
use stormglass::check::{Check, Checkers, Leak, MemoryAtRest};

use crate::story::{Story, ZEROES};

fn finished(tell: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::new();
    tell(&mut story);
    let at = story.now();
    story.checkers.finish(at);
    story.found()
}

#[test]
fn however_an_operation_ends_it_has_ended() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_write(2, 8, 4);
        story.returned(2, OpResult::InDoubt);
        story.invoke_read(3, 9, 1);
        story.abandoned(3);
        story.invoke_flush(4);
        story.returned(4, OpResult::Refused);
    };
    assert!(finished(story).is_empty());
}

#[test]
fn an_operation_that_never_returns_is_caught() {
    assert_eq!(finished(|story| story.invoke_read(1, 7, 1)), ["live/io-never-returned"]);
    assert_eq!(finished(|story| story.invoke_flush(1)), ["live/io-never-returned"]);
}

#[test]
fn the_longest_outstanding_is_the_oldest_in_flight() {
    let mut story = Story::new();
    let longest =
        |story: &Story| story.checkers.longest_outstanding().map(|found| found.op().get());
    assert_eq!(longest(&story), None);
    for op in [5, 3, 8] {
        story.invoke_read(op, 7, 1);
    }
    assert_eq!(longest(&story), Some(5));
    story.shown_and_returned(5, 7, ZEROES);
    assert_eq!(longest(&story), Some(3));
    let in_flight = story.checkers.history().in_flight();
    let ops: Vec<OpId> = in_flight.iter().map(|operation| operation.op()).collect();
    assert_eq!(ops, [OpId::new(3), OpId::new(8)]);
}

#[test]
fn a_leak_is_caught_by_its_kind() {
    let leak =
        |what, count| Leak { owner: "t0".to_owned(), what, count, bytes: 0, place: String::new() };
    let mut story = Story::new();
    let at = story.now();
    story.checkers.leaked(at, &[leak("buffer", 0)]);
    assert!(story.found().is_empty());
    story.checkers.leaked(at, &[leak("task", 1), leak("buffer", 2), leak("task", 3)]);
    assert_eq!(story.found(), ["leaks/buffer", "leaks/task"]);
}

#[test]
fn what_was_not_asked_for_is_not_reported() {
    let mut story = Story::new();
    story.checkers = Checkers::new(&[Check::Mirrors]);
    story.write(1, 7);
    story.write(2, 7);
    story.read(3, 7, ZEROES);
    story.fence(5);
    story.media_written(3, 1000, 1, 1);
    story.invoke_read(4, 7, 1);
    let at = story.now();
    story.checkers.finish(at);
    assert!(story.found().is_empty());
}

#[test]
fn memory_that_is_not_given_back_is_caught_and_told_by_its_place() {
    let place = "src/node/target/serve.rs:238";
    let node = |used, limit, held: u64| MemoryAtRest {
        owner: "t0".to_owned(),
        limit,
        used,
        reserved: 1000,
        held: if held > 0 { vec![(place.to_owned(), held)] } else { Vec::new() },
    };
    let mut story = Story::new();
    let at = story.now();
    story.checkers.memory_at_rest(at, &[node(1000, None, 0), node(1000, Some(1000), 0)]);
    assert!(story.found().is_empty());
    story.checkers.memory_at_rest(at, &[node(5096, None, 4096), node(1000, Some(999), 0)]);
    let found = story.checkers.take_violations();
    let kinds: Vec<String> = found.iter().map(|violation| violation.signature()).collect();
    assert_eq!(kinds, ["memory/not-given-back", "memory/over-limit"]);
    assert_eq!(found[0].detail, [format!("4096 bytes taken at {place}")]);
}
