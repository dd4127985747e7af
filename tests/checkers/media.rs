//! Frozen media: what was acknowledged is there, and mirrors agree or are marked.

use stormglass::base::history::OpResult;
use stormglass::base::{Block, BlockSize, Stamp};
use stormglass::check::{Check, LegMode};

use crate::story::{Story, ZEROES, by};

const BOTH: &[Check] = &[Check::Mirrors, Check::Durable];
const NONE: [&str; 0] = [];

/// Freezes, first in mid-run or at once at rest, and says what was found.
fn found(at_rest: bool, tell: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::new();
    tell(&mut story);
    story.freeze(at_rest, BOTH);
    story.found()
}

#[test]
fn untouched_and_written_legs_pass() {
    assert_eq!(found(true, |_| ()), NONE);
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, story), NONE);
}

#[test]
fn an_acknowledged_write_on_no_leg_is_lost() {
    let lost = |story: &mut Story| {
        story.write(1, 7);
        story.write(2, 7);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, lost), ["durable/lost-write"]);
    assert_eq!(found(false, lost), ["durable/lost-write"]);
    assert_eq!(found(false, |story| story.write(1, 7)), ["durable/lost-write"]);
}

#[test]
fn only_the_legs_that_hold_a_block_are_asked_for_it() {
    let striped = |story: &mut Story| {
        story.media.foreign.extend([(0, 7), (1, 8)]);
        story.write(1, 7);
        story.write(2, 8);
        story.put(1, 7, by(1, 7));
        story.put(0, 8, by(2, 8));
    };
    assert_eq!(found(true, striped), NONE);
    let lost = |story: &mut Story| {
        striped(story);
        story.put(0, 8, ZEROES);
        story.put(1, 8, by(2, 8));
    };
    assert_eq!(found(true, lost), ["durable/lost-write"]);
}

#[test]
fn an_acknowledged_write_must_be_on_each_leg_whatever_is_marked() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.put(0, 7, by(1, 7));
        story.media.marks.insert((0, 0));
    };
    assert_eq!(found(false, story), ["durable/lost-write"]);
}

#[test]
fn a_write_in_flight_may_be_on_one_leg_alone_if_marked() {
    let in_flight = |story: &mut Story| {
        story.write(1, 7);
        story.put_both(7, by(1, 7));
        story.invoke_write(2, 7, 1);
        story.put(1, 7, by(2, 7));
        story.media.marks.insert((1, 0));
    };
    assert_eq!(found(false, in_flight), NONE);
    // An in-sync leg may lag behind it even if a read was shown it from the other one.
    let seen = |story: &mut Story| {
        in_flight(story);
        story.read(3, 7, by(2, 7));
    };
    assert_eq!(found(false, seen), NONE);
}

#[test]
fn divergence_needs_a_mark_in_its_own_region() {
    let diverged = |story: &mut Story| {
        story.invoke_write(1, 40, 1);
        story.put(1, 40, by(1, 40));
    };
    assert_eq!(found(false, diverged), ["mirrors/mirrors-differ"]);
    let marked_elsewhere = |story: &mut Story| {
        diverged(story);
        story.media.marks.insert((1, 0));
    };
    assert_eq!(found(false, marked_elsewhere), ["mirrors/mirrors-differ"]);
    let marked = |story: &mut Story| {
        diverged(story);
        story.media.marks.insert((0, 1));
    };
    assert_eq!(found(false, marked), NONE);
    assert_eq!(found(true, marked), ["mirrors/mirrors-differ"], "at rest no mark excuses");
}

#[test]
fn a_mark_on_a_leg_out_of_sync_excuses_nothing() {
    let story = |story: &mut Story| {
        story.legs.push(story.legs[0]);
        story.legs[2].mode = LegMode::WriteOnly;
        story.invoke_write(1, 7, 1);
        story.put(1, 7, by(1, 7));
        story.media.marks.insert((2, 0));
    };
    assert_eq!(found(false, story), ["mirrors/mirrors-differ"]);
}

#[test]
fn legs_out_of_sync_are_neither_compared_nor_trusted() {
    for mode in [LegMode::WriteOnly, LegMode::Dead] {
        let story = |story: &mut Story| {
            story.write(1, 7);
            story.put(0, 7, by(1, 7));
            story.legs[1].mode = mode;
        };
        assert_eq!(found(true, story), NONE);
    }
}

#[test]
fn a_lost_leg_is_compared_at_rest_only() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.put(0, 7, by(1, 7));
        story.legs[1].surviving = false;
    };
    assert_eq!(found(false, story), NONE);
    assert_eq!(found(true, story), ["mirrors/mirrors-differ"]);
}

#[test]
fn writes_in_doubt_and_abandoned_may_be_there_or_not() {
    for content in [by(1, 7), by(2, 7), by(3, 7)] {
        let story = |story: &mut Story| {
            story.write(1, 7);
            story.invoke_write(2, 7, 1);
            story.returned(2, OpResult::InDoubt);
            story.invoke_write(3, 7, 1);
            story.abandoned(3);
            story.put_both(7, content);
        };
        assert_eq!(found(true, story), NONE, "{content}");
    }
}

#[test]
fn a_write_in_doubt_that_was_read_must_stay() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::InDoubt);
        story.read(3, 7, by(2, 7));
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, story), ["durable/lost-write"]);
}

#[test]
fn what_is_on_a_medium_was_written_there() {
    let holding = |content: Block| {
        found(true, |story| {
            story.write(1, 7);
            story.invoke_write(2, 7, 1);
            story.returned(2, OpResult::Refused);
            story.media.blocks.insert((0, 7), content.clone());
            story.media.blocks.insert((1, 7), content);
        })
    };
    assert_eq!(holding(Block::stamped(by(1, 7))), NONE);
    assert_eq!(holding(Block::stamped(by(2, 7))), ["durable/refused-write-visible"]);
    assert_eq!(holding(Block::stamped(by(1, 8))), ["durable/foreign-data"]);
    assert_eq!(holding(Block::stamped(Stamp::new(0, 7, 3, 1))), ["durable/foreign-data"]);
    let mut torn = Block::stamped(by(1, 7)).bytes(BlockSize::B512);
    torn[256..].fill(0);
    assert_eq!(holding(Block::from_bytes(&torn)), ["durable/foreign-data"]);
}

#[test]
fn trimmed_blocks_hold_zeroes() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.trim(2, 7);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, story), NONE);
    let kept = |story: &mut Story| {
        story.write(1, 7);
        story.trim(2, 7);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, kept), ["durable/lost-write"]);
}

#[test]
fn blocks_recorded_as_unreadable_hold_nothing_but_must_agree() {
    let poisoned = |legs: &[u8]| {
        found(true, |story| {
            story.write(1, 7);
            story.put(0, 7, by(1, 7));
            story.put(1, 7, by(1, 7));
            story.media.poison.extend(legs.iter().map(|leg| (*leg, 7)));
        })
    };
    assert_eq!(poisoned(&[0, 1]), NONE);
    assert_eq!(poisoned(&[1]), ["mirrors/mirrors-differ"]);
}

#[test]
fn blocks_without_history_are_compared_too() {
    let story = |story: &mut Story| story.put(1, 63, by(5, 63));
    assert_eq!(found(false, story), ["mirrors/mirrors-differ", "durable/foreign-data"]);
}

#[test]
fn only_the_checks_asked_for_are_done() {
    let mut story = Story::new();
    story.write(1, 7);
    story.freeze(true, &[Check::Mirrors, Check::Linear]);
    assert_eq!(story.found(), NONE);
    story.freeze(true, &[Check::Durable]);
    story.freeze(true, &[Check::Durable]);
    assert_eq!(story.found(), ["durable/lost-write"], "and reported once");
}
