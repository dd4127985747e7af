//! The checkers: pure readers of the history and of frozen snapshots. They know no simulator and no cluster.
