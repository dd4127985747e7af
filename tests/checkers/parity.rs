//! Coded blocks: lines fit together or will, and what no leg in sync holds is computed right.

use stormglass::base::Block;
use stormglass::check::{Check, LegMode};

use crate::story::{Story, by};

const NONE: [&str; 0] = [];

/// Freezes, in mid-run or at rest, and says what was found.
fn found(at_rest: bool, tell: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::new();
    story.media.lines = 4;
    tell(&mut story);
    story.freeze(at_rest, &[Check::Parity, Check::Durable]);
    story.found()
}

#[test]
fn a_line_that_does_not_fit_is_found_unless_it_is_marked_and_will() {
    let unfit = |story: &mut Story| {
        story.media.unfit.insert(2);
    };
    assert_eq!(found(false, unfit), ["parity/parity-unfit"]);
    let marked = |story: &mut Story| {
        unfit(story);
        story.media.marks.insert((1, 2));
    };
    assert_eq!(found(false, marked), NONE);
    assert_eq!(found(true, marked), ["parity/parity-unfit"], "at rest a mark is no excuse");
    let elsewhere = |story: &mut Story| {
        unfit(story);
        story.media.marks.insert((1, 3));
    };
    assert_eq!(found(false, elsewhere), ["parity/parity-unfit"]);
}

#[test]
fn a_mark_excuses_nothing_that_cannot_be_finished() {
    let hopeless = |story: &mut Story| {
        story.media.unfit.insert(2);
        story.media.hopeless.insert(2);
        story.media.marks.insert((0, 2));
    };
    assert_eq!(found(false, hopeless), ["parity/parity-unfit"]);
}

#[test]
fn a_mark_on_a_leg_that_is_lost_counts_for_nothing() {
    let lost = |story: &mut Story| {
        story.legs.push(story.legs[0]);
        story.media.unfit.insert(2);
        story.media.marks.insert((2, 2));
        story.legs[2].surviving = false;
    };
    assert_eq!(found(false, lost), ["parity/parity-unfit"]);
}

#[test]
fn what_no_leg_in_sync_holds_has_to_be_computed_from_the_others() {
    let degraded = |story: &mut Story| {
        story.legs[1].mode = LegMode::Dead;
        story.media.foreign.insert((0, 7));
        story.write(1, 7);
        story.write(2, 7);
    };
    let right = |story: &mut Story| {
        degraded(story);
        story.media.computed.insert(7, Block::stamped(by(2, 7)));
    };
    assert_eq!(found(false, right), NONE);
    let old = |story: &mut Story| {
        degraded(story);
        story.media.computed.insert(7, Block::stamped(by(1, 7)));
    };
    assert_eq!(found(false, old), ["durable/lost-write"]);
    let garbage = |story: &mut Story| {
        degraded(story);
        story.media.computed.insert(7, Block::from_bytes(&[9; 4096]));
    };
    assert_eq!(found(false, garbage), ["durable/foreign-data"]);
}

#[test]
fn the_report_names_the_place() {
    let mut story = Story::new();
    story.media.lines = 4;
    story.media.unfit.extend([1, 3]);
    story.freeze(true, &[Check::Parity]);
    let report = story.report();
    assert!(report.contains("at block 1 of the legs"), "{report}");
    assert!(report.contains("2 lines don't fit, among them [3]"), "{report}");
}
