//! Fences: nothing of an older epoch after the newer one was registered.

use crate::story::Story;

fn found(tell: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::new();
    tell(&mut story);
    story.found()
}

const CAUGHT: [&str; 1] = ["fencing/old-epoch-write"];

#[test]
fn a_write_of_an_older_epoch_after_the_fence_is_caught() {
    let story = |story: &mut Story| {
        story.media_written(3, 1000, 8, 4);
        story.fence(5);
        story.media_written(3, 1000, 8, 5);
        assert!(story.found().is_empty(), "before the fence, or of its epoch");
        story.media_written(3, 1000, 8, 4);
        story.media_written(3, 1000, 8, 4);
    };
    assert_eq!(found(story), CAUGHT, "reported once");
}

#[test]
fn the_edges_of_the_range_count() {
    for (lba, blocks, caught) in
        [(998, 2, false), (998, 3, true), (1063, 1, true), (1064, 9, false)]
    {
        let found = found(|story| {
            story.fence(5);
            story.media_written(3, lba, blocks, 4);
        });
        assert_eq!(!found.is_empty(), caught, "{blocks} blocks at {lba}");
    }
}

#[test]
fn other_disks_and_metadata_are_not_fenced() {
    let story = |story: &mut Story| {
        story.fence(5);
        story.media_written(2, 1000, 8, 4);
        story.media_written(9, 1000, 8, 4);
        story.media_written(3, 1000, 8, u64::MAX);
    };
    assert!(found(story).is_empty());
}

#[test]
fn a_fence_only_rises() {
    let story = |story: &mut Story| {
        story.fence(5);
        story.fence(7);
        story.fence(6);
        story.media_written(3, 1000, 1, 6);
    };
    assert_eq!(found(story), CAUGHT);
}
