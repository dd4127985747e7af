//! Up to when what had arrived over a connection has been read. Reads nothing.

use crate::base::Nanos;

use super::channel::Channel;

/// How far a reader has come with what arrived, by occasional looks at two counts.
///
/// What arrived before [`Backlog::read_until`] was read. As far as that, silence is the peer's; after it, the
/// reader's own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    /// When this many have been read, all are that had arrived at `marked_at`.
    mark: u64,
    marked_at: Nanos,
    read_until: Nanos,
}

impl Backlog {
    /// A look at a connection. Of one that is over, and of which only that is unread, nothing is known: what had
    /// arrived may have gone with it.
    pub(super) fn look_at(&mut self, now: Nanos, connection: &Channel) {
        if connection.unread() > 0 || connection.is_open() {
            self.look(now, connection.read(), connection.unread());
        }
    }

    /// A look at `now`: so many messages have been read altogether, and so many lie unread.
    pub(super) fn look(&mut self, now: Nanos, read: u64, unread: u64) {
        if unread == 0 {
            self.read_until = now;
        } else if read >= self.mark {
            self.read_until = self.marked_at;
        } else {
            return;
        }
        (self.mark, self.marked_at) = (read + unread, now);
    }

    /// All that arrived before this has been read, as of the last look. A reader that is further behind than
    /// `patience` is given up: it counts as that far behind.
    pub(super) fn read_until(&self, now: Nanos, patience: Nanos) -> Nanos {
        self.read_until.max(now.saturating_sub(patience))
    }
}

#[cfg(test)]
mod tests {
    use super::Backlog;
    use crate::base::Nanos;

    const PATIENCE: Nanos = Nanos::from_millis(100);

    /// Looks at these times, in milliseconds, with these counts; up to when all was read, each time.
    fn looks(looks: &[(u64, u64, u64)]) -> Vec<u64> {
        let mut backlog = Backlog::default();
        let each = looks.iter().map(|(at, read, unread)| {
            let now = Nanos::from_millis(*at);
            backlog.look(now, *read, *unread);
            backlog.read_until(now, PATIENCE).get() / 1_000_000
        });
        each.collect()
    }

    #[test]
    fn a_reader_that_keeps_up_is_never_behind() {
        assert_eq!(looks(&[(1, 0, 0), (2, 7, 0), (3, 9, 0)]), [1, 2, 3]);
        // What has just arrived is read by the next look.
        assert_eq!(looks(&[(1, 0, 2), (2, 2, 3), (3, 5, 1)]), [0, 1, 2]);
    }

    #[test]
    fn one_that_reads_slowly_is_as_far_behind_as_what_it_has_not_read() {
        // Ten a look arrive, and four are read.
        let seen = looks(&[(1, 0, 10), (2, 4, 16), (3, 8, 22), (4, 12, 28), (5, 16, 34)]);
        assert_eq!(
            seen,
            [0, 0, 0, 1, 1],
            "the first ten are read at 4, what came meanwhile is not"
        );
    }

    #[test]
    fn one_that_stands_still_stays_behind_until_patience_is_over() {
        let seen = looks(&[(1, 3, 0), (2, 3, 1), (50, 3, 9), (101, 3, 9), (151, 3, 9)]);
        assert_eq!(seen, [1, 1, 1, 1, 51]);
        assert_eq!(looks(&[(1, 3, 0), (2, 3, 1), (151, 3, 9), (152, 12, 0)])[3], 152);
    }
}
