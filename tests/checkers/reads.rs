//! Reads: each block a linearizable register.

use stormglass::base::Stamp;
use stormglass::base::history::OpResult;

use crate::story::{Story, ZEROES, by};

fn passes(tell: impl FnOnce(&mut Story)) {
    let mut story = Story::new();
    tell(&mut story);
    assert_eq!(story.found(), Vec::<String>::new());
}

fn fails(with: &str, tell: impl FnOnce(&mut Story)) {
    let mut story = Story::new();
    tell(&mut story);
    assert_eq!(story.found(), [with]);
}

#[test]
fn a_fresh_block_reads_as_zeroes() {
    passes(|story| story.read(1, 7, ZEROES));
}

#[test]
fn a_read_shows_the_last_acknowledged_write() {
    passes(|story| {
        story.write(1, 7);
        story.write(2, 7);
        story.read(3, 7, by(2, 7));
    });
}

#[test]
fn an_overwritten_value_is_stale() {
    fails("linear/stale-read", |story| {
        story.write(1, 7);
        story.write(2, 7);
        story.read(3, 7, by(1, 7));
    });
}

#[test]
fn zeroes_after_a_write_are_stale() {
    fails("linear/stale-read", |story| {
        story.write(1, 7);
        story.read(2, 7, ZEROES);
    });
}

#[test]
fn a_value_overwritten_long_ago_is_stale_too() {
    fails("linear/stale-read", |story| {
        for op in 1..200 {
            story.write(op, 7);
        }
        story.read(200, 7, by(3, 7));
    });
}

#[test]
fn a_read_beside_a_write_may_show_old_or_new() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.invoke_read(3, 7, 1);
        story.invoke_read(4, 7, 1);
        story.shown_and_returned(3, 7, by(2, 7));
        story.shown_and_returned(4, 7, by(1, 7));
        story.returned(2, OpResult::Ok);
        story.read(5, 7, by(2, 7));
    });
}

#[test]
fn a_read_that_began_before_the_overwrite_may_show_the_old_value() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_read(2, 7, 1);
        for op in 3..30 {
            story.write(op, 7);
        }
        story.shown_and_returned(2, 7, by(1, 7));
    });
}

#[test]
fn once_new_never_old_again() {
    fails("linear/read-went-back", |story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.read(3, 7, by(2, 7));
        story.read(4, 7, by(1, 7));
    });
}

#[test]
fn a_write_in_doubt_may_be_seen_later_and_then_stays() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::InDoubt);
        story.read(3, 7, by(1, 7));
        story.read(4, 7, by(2, 7));
        story.read(5, 7, by(2, 7));
    });
}

#[test]
fn a_write_in_doubt_may_never_be_seen() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::InDoubt);
        story.read(3, 7, by(1, 7));
        story.write(4, 7);
        story.read(5, 7, by(4, 7));
    });
}

#[test]
fn a_write_in_doubt_may_land_on_a_later_one_but_not_go_away_again() {
    fails("linear/read-went-back", |story| {
        story.invoke_write(1, 7, 1);
        story.returned(1, OpResult::InDoubt);
        story.write(2, 7);
        story.read(3, 7, by(2, 7));
        story.read(4, 7, by(1, 7));
        assert!(story.found().is_empty(), "it may still be done late");
        story.read(5, 7, by(2, 7));
    });
}

#[test]
fn an_abandoned_write_may_appear_after_its_application_died() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.abandoned(2);
        story.read(3, 7, by(1, 7));
        story.read(4, 7, by(2, 7));
    });
}

#[test]
fn an_abandoned_write_that_was_seen_must_stay() {
    fails("linear/read-went-back", |story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.read(3, 7, by(2, 7));
        story.abandoned(2);
        story.read(4, 7, by(1, 7));
    });
}

#[test]
fn a_refused_write_leaves_no_trace() {
    passes(|story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::Refused);
        story.read(3, 7, by(1, 7));
    });
    fails("linear/refused-write-visible", |story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::Refused);
        story.read(3, 7, by(2, 7));
    });
    fails("linear/refused-write-visible", |story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.read(3, 7, by(2, 7));
        story.returned(2, OpResult::Refused);
    });
}

#[test]
fn content_of_another_block_is_misplaced() {
    fails("linear/misplaced-data", |story| {
        story.write(1, 7);
        story.write(2, 9);
        story.read(3, 7, by(2, 9));
    });
    fails("linear/misplaced-data", |story| {
        story.write(1, 7);
        story.read(2, 7, Stamp::new(1, 7, 1, 1));
    });
}

#[test]
fn content_that_nobody_wrote_is_caught() {
    fails("linear/never-written", |story| {
        story.write(1, 7);
        story.read(2, 7, Stamp::new(0, 7, 9, 1));
    });
    fails("linear/never-written", |story| {
        story.write(1, 7);
        story.read(2, 7, Stamp::from_words([77, 0xffff << 48 | 5]));
    });
    fails("linear/never-written", |story| {
        story.read(2, 7, by(3, 7));
        story.write(3, 7);
    });
}

#[test]
fn content_of_a_future_write_is_caught_even_after_many_writes() {
    fails("linear/never-written", |story| {
        for op in 1..50 {
            story.write(op, 7);
        }
        story.read(50, 7, by(51, 7));
    });
}

#[test]
fn a_read_that_failed_shows_nothing() {
    passes(|story| {
        story.write(1, 7);
        story.write(2, 7);
        story.invoke_read(3, 7, 1);
        story.shown(3, 7, by(1, 7));
        story.returned(3, OpResult::MediaError);
        story.invoke_read(4, 7, 1);
        story.shown(4, 7, by(1, 7));
        story.abandoned(4);
    });
}

#[test]
fn the_blocks_of_a_write_are_judged_one_by_one() {
    passes(|story| {
        story.invoke_write(1, 7, 2);
        story.invoke_read(2, 7, 2);
        story.shown(2, 7, by(1, 7));
        story.shown(2, 8, ZEROES);
        story.returned(2, OpResult::Ok);
        story.returned(1, OpResult::Ok);
    });
    fails("linear/stale-read", |story| {
        story.invoke_write(1, 7, 2);
        story.returned(1, OpResult::Ok);
        story.invoke_read(2, 7, 2);
        story.shown(2, 7, by(1, 7));
        story.shown(2, 8, ZEROES);
        story.returned(2, OpResult::Ok);
    });
}

#[test]
fn a_trim_makes_zeroes() {
    passes(|story| {
        story.write(1, 7);
        story.trim(2, 7);
        story.read(3, 7, ZEROES);
        story.write(4, 7);
        story.trim(5, 7);
        story.read(6, 7, ZEROES);
    });
    fails("linear/stale-read", |story| {
        story.write(1, 7);
        story.trim(2, 7);
        story.read(3, 7, by(1, 7));
    });
    fails("linear/stale-read", |story| {
        story.trim(1, 7);
        story.write(2, 7);
        story.read(3, 7, ZEROES);
    });
}

#[test]
fn a_trim_in_doubt_that_was_seen_must_stay() {
    fails("linear/read-went-back", |story| {
        story.write(1, 7);
        story.invoke_trim(2, 7, 1);
        story.returned(2, OpResult::InDoubt);
        story.read(3, 7, by(1, 7));
        story.read(4, 7, ZEROES);
        story.read(5, 7, by(1, 7));
    });
}

#[test]
fn a_refused_trim_leaves_no_trace() {
    fails("linear/refused-write-visible", |story| {
        story.write(1, 7);
        story.invoke_trim(2, 7, 1);
        story.read(3, 7, ZEROES);
        story.returned(2, OpResult::Refused);
    });
}

#[test]
fn a_block_is_reported_once_and_the_next_one_too() {
    let mut story = Story::new();
    for block in [7, 8] {
        story.write(block * 10 + 1, block);
        story.write(block * 10 + 2, block);
        story.read(block * 10 + 3, block, by(block * 10 + 1, block));
        story.read(block * 10 + 4, block, by(block * 10 + 1, block));
    }
    assert_eq!(story.found(), ["linear/stale-read", "linear/stale-read"]);
}
