//! Bounds: each of them passed in a story of its own, and reached in another.

use stormglass::base::history::OpResult;
use stormglass::base::{DiskId, Nanos, NodeId};
use stormglass::check::{Check, Extent, Failures, Limits, Measure};

use crate::story::Story;

const METADATA: u64 = u64::MAX;

/// Disk 0 holds blocks 100 to 163 of a leg and metadata in 500 and 501; disk 1 holds nothing.
fn bounded() -> Story {
    let mut story = Story::held_to(&[Check::Bounds]);
    let data = Extent { first: 100, blocks: 64, is_metadata: false };
    let metadata = Extent { first: 500, blocks: 2, is_metadata: true };
    story.checkers.expect_limits(Limits {
        extents: vec![vec![data, metadata], Vec::new()],
        operations: vec![2],
        connections: Some(1),
        failures: Some(Failures { at_once: 5, per_operation: 2, per_millisecond: 1 }),
    });
    story
}

/// A part of a story.
type Part = fn(&mut Story);

fn ends(from: u32, to: u32) -> (NodeId, NodeId) {
    (NodeId::new(from), NodeId::new(to))
}

fn fail(story: &mut Story, disk: u32, millisecond: u64, commands: u32) {
    let (disk, at) = (DiskId::new(disk), Nanos::from_millis(millisecond));
    (0..commands).for_each(|_| story.checkers.command_failed(at, disk));
}

fn measure(story: &mut Story, found: u64) {
    let (kind, owner) = ("too-many-messages", "the network".to_owned());
    let at = story.now();
    story.checkers.measured(at, Measure { kind, owner, found, limit: 40 });
}

const PASSED: &[(&str, Part)] = &[
    ("data-outside", |story| story.media_written(0, 163, 2, 7)),
    ("data-outside", |story| story.media_written(0, 500, 1, 7)),
    ("data-outside", |story| story.media_written(0, 99, 1, 7)),
    ("data-outside", |story| story.media_written(1, 100, 1, 7)),
    ("metadata-outside", |story| story.media_written(0, 502, 1, METADATA)),
    ("metadata-outside", |story| story.media_written(0, 100, 1, METADATA)),
    ("too-many-operations", |story| (1..4).for_each(|op| story.invoke_write(op, op, 1))),
    ("too-many-connections", |story| {
        story.checkers.connected(Nanos::ZERO, ends(0, 1), 4);
        story.checkers.connected(Nanos::ZERO, ends(0, 1), 5);
    }),
    ("retry-storm", |story| fail(story, 0, 0, 6)),
    ("retry-storm", |story| {
        fail(story, 0, 0, 5);
        fail(story, 0, 2, 3);
    }),
    ("retry-storm", |story| {
        fail(story, 0, 0, 5);
        story.invoke_write(1, 7, 1);
        fail(story, 0, 0, 3);
    }),
    ("too-many-messages", |story| measure(story, 41)),
];

#[test]
fn each_bound_is_reported_when_it_is_passed() {
    for (kind, pass) in PASSED {
        let mut story = bounded();
        pass(&mut story);
        assert_eq!(story.found(), [format!("bounds/{kind}")]);
        pass(&mut story);
        assert_eq!(story.found().len(), 1, "{kind}: once for what it is of");
    }
}

const REACHED: &[(&str, Part)] = &[
    ("both ends of a leg, and of its metadata", |story| {
        story.media_written(0, 100, 1, 7);
        story.media_written(0, 162, 2, 7);
        story.media_written(0, 500, 2, METADATA);
    }),
    ("as many operations as there may be, however they end", |story| {
        story.invoke_write(1, 1, 1);
        story.invoke_read(2, 1, 1);
        story.returned(2, OpResult::MediaError);
        story.invoke_write(3, 1, 1);
        story.abandoned(3);
        story.abandoned(1);
        story.invoke_flush(4);
        story.invoke_write(5, 1, 1);
    }),
    ("a connection each way, to each node, and one after the other", |story| {
        story.checkers.connected(Nanos::ZERO, ends(0, 1), 4);
        story.checkers.connected(Nanos::ZERO, ends(1, 0), 5);
        story.checkers.connected(Nanos::ZERO, ends(0, 2), 6);
        story.checkers.disconnected(ends(0, 1), 4);
        story.checkers.connected(Nanos::ZERO, ends(0, 1), 7);
    }),
    ("failures that wait, on each of two disks", |story| {
        fail(story, 0, 0, 5);
        fail(story, 1, 0, 5);
        fail(story, 0, 3, 3);
        story.invoke_write(1, 7, 1);
        fail(story, 0, 3, 2);
        fail(story, 0, 100, 5);
    }),
    ("as many messages as there may be", |story| measure(story, 40)),
];

#[test]
fn what_stays_within_its_bounds_passes() {
    for (what, reach) in REACHED {
        let mut story = bounded();
        reach(&mut story);
        assert_eq!(story.found(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn nothing_is_bounded_that_has_no_limit() {
    let mut story = Story::held_to(&[Check::Bounds]);
    for (_, pass) in PASSED.iter().filter(|(kind, _)| *kind != "too-many-messages") {
        pass(&mut story);
    }
    assert_eq!(story.found(), Vec::<String>::new());
}
