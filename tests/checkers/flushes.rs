//! What a flush promises that is done after all copies have lost their caches, and to whom.

use stormglass::base::history::{NodeDown, OpResult};
use stormglass::base::protocol::{TopologyDecided, TopologyFound};
use stormglass::base::{Epoch, NodeId};

use crate::caches::{NONE, found};
use crate::story::{Story, VOL0, ZEROES, by};

/// A write, and a flush that spans so many losses.
fn flush_over(losses: u32, story: &mut Story, result: OpResult) {
    story.write(1, 7);
    story.invoke_flush(2);
    (0..losses).for_each(|_| story.lose_caches());
    story.returned(2, result);
}

#[test]
fn a_flush_that_is_done_in_spite_of_a_loss_has_promised_what_was_acknowledged_before_it() {
    let spanned = |story: &mut Story, result| flush_over(1, story, result);
    let gone = |story: &mut Story| {
        spanned(story, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, gone), ["durable/lost-write"]);
    let read = |story: &mut Story| {
        spanned(story, OpResult::Ok);
        story.read(3, 7, ZEROES);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, read), ["linear/stale-read"]);
    let flush_failed = |story: &mut Story| {
        spanned(story, OpResult::InDoubt);
        story.put_both(7, ZEROES);
        story.read(3, 7, ZEROES);
    };
    assert_eq!(found(true, flush_failed), NONE);
    let still_there = |story: &mut Story| {
        spanned(story, OpResult::Ok);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, still_there), NONE);
}

#[test]
fn of_two_flushes_that_span_a_loss_each_answers_for_itself() {
    let story = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_flush(2);
        story.invoke_flush(3);
        story.lose_caches();
        story.returned(2, OpResult::InDoubt);
        story.returned(3, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, story), ["durable/lost-write"]);
}

#[test]
fn a_flush_promises_nothing_of_what_somebody_was_told_of() {
    let lost_before = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.flush_failed(3);
        story.invoke_flush(2);
        story.lose_caches();
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, lost_before), NONE);
    let written_too_late = |story: &mut Story| {
        story.invoke_flush(2);
        story.write(1, 7);
        story.lose_caches();
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, written_too_late), NONE);
}

#[test]
fn what_one_application_was_told_is_no_news_to_another() {
    let told_to_one = |flushes: u16, opens_anew: bool| {
        move |story: &mut Story| {
            story.open_as(2);
            story.open_as(1);
            story.write(1, 7);
            story.lose_caches();
            story.flush_failed(3);
            if opens_anew {
                story.open_as(flushes);
            }
            story.app = flushes;
            story.flush(2);
            story.put_both(7, ZEROES);
        }
    };
    assert_eq!(found(true, told_to_one(2, false)), ["durable/lost-write"]);
    assert_eq!(found(true, told_to_one(1, false)), NONE, "it was told itself");
    assert_eq!(found(true, told_to_one(2, true)), NONE, "that was before it was there");
    assert_eq!(found(true, told_to_one(3, true)), NONE);
    let both_told = |story: &mut Story| {
        told_to_one(1, false)(story);
        story.app = 2;
        story.flush_failed(4);
        story.flush(5);
    };
    assert_eq!(found(true, both_told), NONE);
    let not_told_in_time = |story: &mut Story| {
        told_to_one(1, false)(story);
        story.app = 2;
        story.flush(4);
    };
    assert_eq!(
        found(true, not_told_in_time),
        ["durable/lost-write"],
        "though the first flushed since"
    );
}

#[test]
fn a_flush_that_is_done_though_a_read_has_shown_what_is_gone_should_have_failed() {
    let shown = |by_flush: fn(&mut Story)| {
        move |story: &mut Story| {
            story.write(1, 7);
            story.lose_caches();
            story.read(2, 7, ZEROES);
            by_flush(story);
            story.write(9, 7);
        }
    };
    let told = |by_flush| {
        let mut story = Story::with_caches();
        shown(by_flush)(&mut story);
        story.found()
    };
    assert_eq!(told(|story| story.flush(3)), ["linear/flushed-though-lost"]);
    assert_eq!(told(|story| story.flush_failed(3)), NONE);
    let told_before = |story: &mut Story| {
        story.flush_failed(3);
        story.flush(4);
    };
    assert_eq!(told(told_before), NONE);
    let restarted = |story: &mut Story| {
        story.record(NodeDown { node: NodeId::new(0), incarnation: 1, tasks: 3 });
        story.flush(3);
    };
    assert_eq!(told(restarted), NONE);
    let kept = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.read(2, 7, by(1, 7));
        story.flush(3);
    };
    assert_eq!(found(true, kept), ["durable/lost-write"], "its media hold nothing");
}

#[test]
fn a_report_names_the_flush_that_promised_and_none_that_was_told() {
    let mut story = Story::with_caches();
    story.open_as(2);
    story.open_as(1);
    story.write(1, 7);
    story.lose_caches();
    story.flush_failed(3);
    story.flush(4);
    story.app = 2;
    story.flush(5);
    story.read(6, 7, ZEROES);
    let report = story.report();
    assert!(report.contains("op5, a flush of application 2, was done"), "{report}");
    assert!(!report.contains("op4"), "{report}");
}

#[test]
fn an_owner_that_a_new_manager_finds_has_taken_over_whoever_decided_it() {
    let taken_over = |found_by: u32| {
        move |story: &mut Story| {
            story.open_as(1);
            story.write(1, 7);
            story.lose_caches();
            let owner = NodeId::new(found_by);
            let volume = VOL0;
            let (epoch, modes) = (Epoch::new(9), 0);
            story.record_on(9, TopologyFound { volume, epoch, modes, owner, grantable: false });
            story.flush(2);
            story.put_both(7, ZEROES);
        }
    };
    assert_eq!(found(true, taken_over(0)), ["durable/lost-write"], "it is who it was");
    assert_eq!(found(true, taken_over(9)), NONE, "nobody had it meanwhile");
}

#[test]
fn a_flush_that_is_done_in_spite_of_several_losses_has_promised_no_less() {
    let spanned = |story: &mut Story, result| flush_over(2, story, result);
    let gone = |story: &mut Story| {
        spanned(story, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, gone), ["durable/lost-write"]);
    let seen_in_between = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_flush(2);
        story.lose_caches();
        story.read(3, 7, by(1, 7));
        story.lose_caches();
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, seen_in_between), ["durable/lost-write"]);
    let flush_failed = |story: &mut Story| {
        spanned(story, OpResult::InDoubt);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, flush_failed), NONE);
    let still_there = |story: &mut Story| {
        spanned(story, OpResult::Ok);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, still_there), NONE);
    let lost_before_it_began = |story: &mut Story| {
        story.write(1, 7);
        story.lose_caches();
        story.flush_failed(3);
        story.invoke_flush(2);
        story.lose_caches();
        story.lose_caches();
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, lost_before_it_began), NONE);
    let written_in_between = |story: &mut Story| {
        story.invoke_flush(2);
        story.lose_caches();
        story.write(1, 7);
        story.lose_caches();
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, written_in_between), NONE);
}

#[test]
fn a_write_that_was_under_way_at_a_loss_is_there_for_good_once_it_returned_and_was_flushed() {
    let spanning = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.lose_caches();
        story.returned(1, OpResult::Ok);
    };
    let flushed = |story: &mut Story| {
        spanning(story);
        story.flush(2);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, flushed), ["durable/lost-write"]);
    let read = |story: &mut Story| {
        spanning(story);
        story.flush(2);
        story.read(3, 7, ZEROES);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, read), ["linear/stale-read"]);
    let there = |story: &mut Story| {
        spanning(story);
        story.flush(2);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, there), NONE);
    let flush_began_too_early = |story: &mut Story| {
        story.invoke_write(1, 7, 1);
        story.lose_caches();
        story.invoke_flush(2);
        story.returned(1, OpResult::Ok);
        story.returned(2, OpResult::Ok);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, flush_began_too_early), NONE);
    let lost_again = |story: &mut Story, is_told: bool| {
        spanning(story);
        story.lose_caches();
        if is_told {
            story.flush_failed(4);
        }
        story.flush(2);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, |story| lost_again(story, true)), NONE, "the loss after it took it");
    assert_eq!(found(true, |story| lost_again(story, false)), ["durable/lost-write"]);
}

#[test]
fn such_a_write_may_be_gone_when_somebody_was_told_or_nobody_could_be() {
    let after = |between: fn(&mut Story)| {
        move |story: &mut Story| {
            story.invoke_write(1, 7, 1);
            story.lose_caches();
            story.returned(1, OpResult::Ok);
            between(story);
            story.flush(9);
            story.put_both(7, ZEROES);
        }
    };
    let told = |story: &mut Story| story.flush_failed(2);
    assert_eq!(found(true, after(told)), NONE);
    let client_died = |story: &mut Story| {
        story.record(NodeDown { node: NodeId::new(0), incarnation: 1, tasks: 3 });
    };
    assert_eq!(found(true, after(client_died)), NONE);
    let another_died = |story: &mut Story| {
        story.record(NodeDown { node: NodeId::new(7), incarnation: 1, tasks: 3 });
    };
    assert_eq!(found(true, after(another_died)), ["durable/lost-write"]);
    let given_back = |story: &mut Story| {
        let (volume, epoch, owner) = (VOL0, Epoch::new(3), NodeId::new(5));
        story.record(TopologyDecided { volume, epoch, modes: 0, owner });
    };
    assert_eq!(found(true, after(given_back)), NONE);
}

#[test]
fn the_first_flush_after_a_loss_that_is_done_says_that_nothing_was_lost() {
    let lost = |story: &mut Story| {
        story.write(1, 7);
        story.write(2, 7);
        story.lose_caches();
    };
    let gone = |story: &mut Story| {
        lost(story);
        story.flush(3);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, gone), ["durable/lost-write"]);
    let read = |story: &mut Story| {
        lost(story);
        story.flush(3);
        story.read(4, 7, by(1, 7));
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, read), ["linear/stale-read"]);
    let there = |story: &mut Story| {
        lost(story);
        story.flush(3);
        story.put_both(7, by(2, 7));
        story.read(4, 7, by(2, 7));
    };
    assert_eq!(found(true, there), NONE);
    let told_first = |story: &mut Story| {
        lost(story);
        story.flush_failed(3);
        story.flush(4);
        story.put_both(7, by(1, 7));
    };
    assert_eq!(found(true, told_first), NONE);
    let told_before_the_loss = |story: &mut Story| {
        story.flush_failed(5);
        lost(story);
        story.flush(3);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, told_before_the_loss), ["durable/lost-write"], "not of this one");
    let told_in_between = |story: &mut Story| {
        story.write(1, 7);
        story.flush_failed(5);
        story.write(2, 8);
        story.lose_caches();
        story.flush(3);
        story.put_both(7, ZEROES);
        story.put_both(8, ZEROES);
    };
    assert_eq!(found(true, told_in_between), ["durable/lost-write"], "of block 8, not of block 7");
    let client_died = |story: &mut Story| {
        lost(story);
        story.record(NodeDown { node: NodeId::new(0), incarnation: 1, tasks: 3 });
        story.flush(3);
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, client_died), NONE);
    let written_over_in_doubt = |story: &mut Story| {
        story.write(1, 7);
        story.invoke_write(2, 7, 1);
        story.returned(2, OpResult::InDoubt);
        story.lose_caches();
        story.flush(3);
        story.put_both(7, by(2, 7));
    };
    assert_eq!(found(true, written_over_in_doubt), NONE, "it may have been done");
}

#[test]
fn what_a_read_shows_after_a_loss_was_there_for_every_flush_before() {
    let shown = |story: &mut Story, is_flushed: bool| {
        story.write(1, 7);
        story.lose_caches();
        story.flush_failed(2);
        if is_flushed {
            story.flush(3);
        }
        story.read(4, 7, by(1, 7));
        story.lose_caches();
        story.put_both(7, ZEROES);
    };
    assert_eq!(found(true, |story| shown(story, true)), ["durable/lost-write"]);
    assert_eq!(found(true, |story| shown(story, false)), NONE);
}
