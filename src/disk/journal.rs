//! What a disk held some time ago: the contents that changes replaced. Kept only if somebody asks for it.

use std::collections::VecDeque;

use crate::base::{Block, Nanos};

use super::media::{Image, Media};

/// Replaced contents, oldest first.
#[derive(Debug)]
pub(super) struct Journal {
    /// How far back it goes.
    span: Nanos,
    entries: VecDeque<(Nanos, u64, Image)>,
}

impl Journal {
    pub(super) fn new(span: Nanos) -> Self {
        Self { span, entries: VecDeque::new() }
    }

    /// How far back it goes.
    pub(super) fn span(&self) -> Nanos {
        self.span
    }

    /// Takes note of blocks that are about to change.
    pub(super) fn note(&mut self, media: &mut Media, now: Nanos, (lba, blocks): (u64, u32)) {
        while self.entries.front().is_some_and(|(at, _, _)| *at + self.span < now) {
            self.entries.pop_front();
        }
        self.entries.push_back((now, lba, media.image(lba, blocks)));
    }

    /// What a block held `age` ago, if it has changed since.
    pub(super) fn held(&self, lba: u64, since: Nanos) -> Option<Block> {
        let later = self.entries.iter().filter(|(at, _, _)| *at > since);
        let mut covering = later.filter_map(|(_, first, image)| {
            let index = lba.checked_sub(*first)?;
            (index < u64::from(image.blocks())).then(|| image.block(*first, index as u32))
        });
        covering.next().map(Option::unwrap_or_default)
    }

    /// Takes back every change made after `since`; says how many.
    pub(super) fn go_back(&mut self, media: &mut Media, since: Nanos) -> u32 {
        let mut changes = 0;
        while self.entries.back().is_some_and(|(at, _, _)| *at > since)
            && let Some((_, lba, image)) = self.entries.pop_back()
        {
            media.restore(lba, &image);
            changes += 1;
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::Journal;
    use crate::base::{Block, Nanos, Payload, Stamp};
    use crate::disk::media::Media;

    #[test]
    fn contents_come_back_as_they_were() {
        let (mut media, mut journal) = (Media::default(), Journal::new(Nanos::new(100)));
        let stamp = |sequence| Stamp::new(0, 5, 1, sequence);
        for (at, sequence) in [(10, 1), (20, 2), (30, 3)] {
            journal.note(&mut media, Nanos::new(at), (5, 2));
            media.write(5, &Payload::run(stamp(sequence), 2), 2);
        }
        assert_eq!(journal.held(5, Nanos::new(20)), Some(Block::stamped(stamp(2))));
        assert_eq!(journal.held(6, Nanos::new(5)), Some(Block::ZERO));
        assert_eq!(journal.held(7, Nanos::new(5)), None);
        assert_eq!(journal.held(5, Nanos::new(30)), None);
        assert_eq!(journal.go_back(&mut media, Nanos::new(20)), 1);
        assert_eq!(media.block(5).stamp(), Some(stamp(2)));
        assert_eq!(journal.go_back(&mut media, Nanos::new(5)), 2);
        assert_eq!(media.block(6), Block::ZERO);
    }

    #[test]
    fn it_goes_back_no_further_than_it_was_told() {
        let (mut media, mut journal) = (Media::default(), Journal::new(Nanos::new(10)));
        for at in [0, 5, 20] {
            journal.note(&mut media, Nanos::new(at), (0, 1));
        }
        assert_eq!(journal.entries.len(), 1);
    }
}
