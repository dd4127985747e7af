//! Media with volatile caches: what no flush covered may be lost, but only when every copy lost its power.

use stormglass::base::history::OpResult;
use stormglass::check::Check;

use crate::story::{Story, ZEROES, by};

const BOTH: &[Check] = &[Check::Mirrors, Check::Durable];
pub const NONE: [&str; 0] = [];

/// What the checkers find in a story when it is over.
pub fn found(at_rest: bool, tell: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::with_caches();
    tell(&mut story);
    story.freeze(at_rest, BOTH);
    story.found()
}

#[test]
fn what_was_not_flushed_may_be_gone_when_every_copy_lost_its_power() {
    let gone = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.put_both(7, ZEROES);
        story.read(2, 7, ZEROES);
    };
    assert_eq!(found(true, gone), NONE);
    let still_there = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.put_both(7, by(1, 7));
        story.read(2, 7, by(1, 7));
    };
    assert_eq!(found(true, still_there), NONE);
    let without_loss = |story: &mut Story| {
        story.write(1, 7);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, without_loss), ["durable/lost-write"]);
}

#[test]
fn what_was_flushed_is_there_for_good() {
    let flushed = |story: &mut Story| {
        story.write(1, 7);
        story.flush(2);
        story.write(3, 7);
        story.lose_caches();
    };
    let lost = |story: &mut Story| {
        flushed(story);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, lost), ["durable/lost-write"]);
    let older = |story: &mut Story| {
        flushed(story);
        story.put_both(7, by(1, 7));
        story.read(4, 7, by(1, 7));
    };
    assert_eq!(found(true, older), NONE, "only what came after the flush may be gone");
}

#[test]
fn a_flush_covers_what_was_acknowledged_before_it_began() {
    let overlapping = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.invoke_flush(2);
        story.returned(1, OpResult::Ok);
        story.returned(2, OpResult::Ok);
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, overlapping), NONE);
    let failed = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_flush(2);
        story.returned(2, OpResult::InDoubt);
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, failed), NONE);
}

#[test]
fn what_was_read_may_go_but_does_not_come_and_go() {
    let seen = |story: &mut Story| {
        story.write(1, 7);
        story.write(2, 7);
        story.read(3, 7, by(2, 7));
        story.lose_caches();
        story.read(4, 7, by(1, 7));
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, seen), NONE);
    let comes_and_goes = |story: &mut Story| {
        story.write(1, 7);
        story.write(2, 7);
        story.lose_caches();
        story.read(4, 7, by(2, 7));
        story.read(5, 7, by(1, 7));
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, comes_and_goes), ["linear/stale-read", "durable/lost-write"]);
    let goes_and_comes = |story: &mut Story| {
        story.write(1, 7);
        story.write(2, 7);
        story.lose_caches();
        story.read(4, 7, by(1, 7));
        story.read(5, 7, by(2, 7));
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, goes_and_comes), ["linear/stale-read", "durable/lost-write"]);
}

#[test]
fn what_was_seen_after_the_loss_and_flushed_then_stays() {
    let seen = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.read(2, 7, by(1, 7));
    };
    let flushed = |story: &mut Story| {
        seen(story);
        story.flush(3);
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, flushed), ["durable/lost-write"]);
    let not_flushed = |story: &mut Story| {
        seen(story);
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, not_flushed), NONE);
}

#[test]
fn a_leg_that_lost_its_power_alone_may_lack_only_what_was_not_flushed() {
    let cold = |story: &mut Story| {
        story.write(1, 7);
        story.flush(2);
        story.write(3, 7);
        story.read(4, 7, by(3, 7));
        story.media.marks.insert((0, 0));
        story.put(0, 7, by(3, 7));
        story.legs[1].cold = true;
    };
    let lacks_unflushed = |story: &mut Story| {
        cold(story);
        story.put(1, 7, by(1, 7));
    };
    assert_eq!(found(false, lacks_unflushed), NONE);
    let lacks_flushed = |story: &mut Story| {
        cold(story);
        story.put(1, 7, ZEROES);
    };
    assert_eq!(found(false, lacks_flushed), ["durable/lost-write"]);
    let warm = |story: &mut Story| {
        cold(story);
        story.legs[1].cold = false;
        story.put(1, 7, by(1, 7));
    };
    assert_eq!(found(false, warm), ["durable/lost-write"]);
}

#[test]
fn a_read_on_its_way_when_the_power_went_proves_nothing() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_read(2, 7, 1);
        story.lose_caches();
        story.shown_and_returned(2, 7, by(1, 7));
        story.read(3, 7, ZEROES);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, story), NONE);
}

#[test]
fn a_write_on_its_way_when_the_power_went_may_be_gone_when_it_returns() {
    let story = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.lose_caches();
        story.returned(1, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, story), NONE);
    let after = |story: &mut Story| {
        story.lose_caches();
        story.write(1, 7);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, after), ["durable/lost-write"]);
}

#[test]
fn what_was_flushed_must_be_past_every_cache() {
    let only_cached = |story: &mut Story| {
        story.write(1, 7);
        story.flush(2);
        story.put(0, 7, by(1, 7));
        story.put_cached(1, 7, by(1, 7));
    };
    assert_eq!(found(false, only_cached), ["durable/flushed-write-volatile"]);
    let not_flushed = |story: &mut Story| {
        story.write(1, 7);
        story.put_cached(0, 7, by(1, 7));
        story.put_cached(1, 7, by(1, 7));
    };
    assert_eq!(found(true, not_flushed), NONE);
    let newer_only_cached = |story: &mut Story| {
        story.write(1, 7);
        story.put_both(7, by(1, 7));
        story.flush(2);
        story.read(4, 7, by(1, 7));
        story.write(3, 7);
        story.put_cached(0, 7, by(3, 7));
        story.put_cached(1, 7, by(3, 7));
    };
    assert_eq!(found(true, newer_only_cached), NONE);
}

#[test]
fn many_writes_without_a_flush_are_all_remembered() {
    let story = |story: &mut Story| {
        (1..40).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, story), NONE);
    let with_flush = |story: &mut Story| {
        (1..40).for_each(|op| story.write(op, 7));
        story.flush(50);
        (60..100).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, with_flush), ["durable/lost-write"]);
}

#[test]
fn of_trims_without_number_the_last_is_known_and_only_it() {
    // Flushed first, so that the zeroes of the beginning are not to be had any more.
    let trims = |story: &mut Story, count: u64| {
        story.write(1, 7);
        story.flush(2);
        (0..count).for_each(|at| {
            story.write(10 + 2 * at, 7);
            story.trim(11 + 2 * at, 7);
        });
        (5_000..5_100).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.read(6_000, 7, ZEROES);
    };
    let another = |count: u64| {
        move |story: &mut Story| {
            trims(story, count);
            story.put_both(7, ZEROES);
            story.read(6_001, 7, by(5_000, 7));
        }
    };
    assert_eq!(found(true, another(1)), ["linear/stale-read"]);
    let same = |count: u64| {
        move |story: &mut Story| {
            trims(story, count);
            story.put_both(7, ZEROES);
            story.read(6_001, 7, ZEROES);
        }
    };
    assert_eq!(found(true, same(1)), NONE);
    assert_eq!(found(true, same(200)), NONE);
    let lost_again = |story: &mut Story| {
        trims(story, 1);
        story.lose_caches();
        story.read(6_001, 7, by(5_050, 7));
        story.put_both(7, by(5_050, 7));
    };
    assert_eq!(found(true, lost_again), NONE, "nobody flushed what was read");
}

#[test]
fn of_writes_without_number_the_last_is_there_when_the_flush_after_a_loss_is_done() {
    let writes = |story: &mut Story| {
        (1..5_000).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.flush(6_000);
    };
    let earlier = |story: &mut Story| {
        writes(story);
        story.put_both(7, by(40, 7));
    };
    assert_eq!(found(true, earlier), ["durable/lost-write"]);
    let last = |story: &mut Story| {
        writes(story);
        story.put_both(7, by(4_999, 7));
        story.read(6_001, 7, by(4_999, 7));
    };
    assert_eq!(found(true, last), NONE);
}

#[test]
fn of_writes_without_number_any_may_be_back_but_only_one() {
    let writes = |story: &mut Story| {
        (1..5_000).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.read(6_000, 7, by(40, 7));
    };
    let shown = |story: &mut Story| {
        writes(story);
        story.put_both(7, by(40, 7));
        story.read(6_001, 7, by(40, 7));
    };
    assert_eq!(found(true, shown), NONE);
    let another = |story: &mut Story| {
        writes(story);
        story.put_both(7, by(40, 7));
        story.read(6_001, 7, by(3_000, 7));
    };
    assert_eq!(found(true, another), ["linear/stale-read"]);
    let without_loss = |story: &mut Story| {
        (1..5_000).for_each(|op| story.write(op, 7));
        story.put_both(7, by(4_999, 7));
        story.read(6_000, 7, by(40, 7));
    };
    assert_eq!(found(true, without_loss), ["linear/stale-read"]);
    let flush_under_way = |story: &mut Story| {
        (1..50).for_each(|op| story.write(op, 7));
        story.invoke_flush(100);
        (200..5_000).for_each(|op| story.write(op, 7));
        story.lose_caches();
        story.returned(100, OpResult::Ok);
        story.put_both(7, by(48, 7));
    };
    assert_eq!(found(true, flush_under_way), ["durable/lost-write"]);
}

#[test]
fn what_failed_or_was_abandoned_is_there_for_good_once_it_was_read_and_flushed() {
    let shown = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.abandoned(1);
        story.invoke_write(2, 8, 1);
        story.returned(2, OpResult::InDoubt);
        story.read(3, 7, by(1, 7));
        story.read(4, 8, by(2, 8));
    };
    let gone = |story: &mut Story| {
        story.lose_caches();
        story.put_both(7, ZEROES);
        story.put_both(8, by(2, 8));
    };
    let flushed = |story: &mut Story| {
        shown(story);
        story.flush(5);
        gone(story);
    };
    assert_eq!(found(true, flushed), ["durable/lost-write"]);
    let only_shown = |story: &mut Story| {
        shown(story);
        gone(story);
    };
    assert_eq!(found(true, only_shown), NONE);
    let shown_too_late = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.abandoned(1);
        story.invoke_flush(5);
        story.read(3, 7, by(1, 7));
        story.returned(5, OpResult::Ok);
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, shown_too_late), NONE);
}

#[test]
fn a_write_with_forced_unit_access_is_there_for_good_without_a_flush() {
    let written = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_write_fua(2, 7, 1);
        story.returned(2, OpResult::Ok);
        story.lose_caches();
    };
    let gone = |story: &mut Story| {
        written(story);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, gone), ["durable/lost-write"]);
    let read = |story: &mut Story| {
        written(story);
        story.read(3, 7, ZEROES);
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, read), ["linear/stale-read"]);
    let there = |story: &mut Story| {
        written(story);
        story.read(3, 7, by(2, 7));
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, there), NONE);
    let only_cached = |story: &mut Story| {
        story.invoke_write_fua(2, 7, 1);
        story.returned(2, OpResult::Ok);
        story.put(0, 7, by(2, 7));
        story.put_cached(1, 7, by(2, 7));
    };
    assert_eq!(found(false, only_cached), ["durable/flushed-write-volatile"]);
}

#[test]
fn a_write_with_forced_unit_access_promises_nothing_before_it_returns_nor_of_others() {
    let failed = |story: &mut Story| {
        story.invoke_write_fua(1, 7, 1);
        story.returned(1, OpResult::InDoubt);
        story.invoke_write_fua(2, 8, 1);
        story.abandoned(2);
        story.lose_caches();
        story.put_both(7, ZEROES);
        story.put_both(8, ZEROES);
    };
    assert_eq!(found(true, failed), NONE);
    let written_over = |story: &mut Story| {
        story.invoke_write_fua(1, 7, 1);
        story.returned(1, OpResult::Ok);
        story.write(2, 7);
        story.write(3, 8);
        story.lose_caches();
        story.put_both(7, by(1, 7));
        story.put_both(8, ZEROES);
    };
    assert_eq!(found(true, written_over), NONE);
    let spans_a_loss = |story: &mut Story| {
        story.invoke_write_fua(1, 7, 1);
        story.lose_caches();
        story.returned(1, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, spans_a_loss), ["durable/lost-write"]);
}
