//! Where two runs of one seed part, by the checkpoints of their digests. Runs nothing.

use std::fmt;

use crate::base::Seq;
use crate::world::Checkpoint;
use crate::world::RunReport;

/// The records among which the first difference is: `from..=to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The first record after the last checkpoint at which both were equal.
    pub from: Seq,
    /// The first checkpoint at which they differ; `Seq::MAX` when none does but the end does.
    pub to: Seq,
}

impl fmt::Display for Bracket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.to == Seq::MAX {
            return write!(f, "records {} to the end", self.from);
        }
        write!(f, "records {} to {}", self.from, self.to)
    }
}

/// Where two runs part; `None` when their digests are equal.
#[must_use]
pub fn first_difference(left: &RunReport, right: &RunReport) -> Option<Bracket> {
    if left.digest == right.digest {
        return None;
    }
    Some(bracket(&left.checkpoints, &right.checkpoints))
}

/// Compares the checkpoints that both have: a longer run keeps fewer of the early ones.
fn bracket(left: &[Checkpoint], right: &[Checkpoint]) -> Bracket {
    let mut equal = 0;
    for checkpoint in left {
        let Ok(index) = right.binary_search_by_key(&checkpoint.seq, |other| other.seq) else {
            continue;
        };
        if right[index].digest != checkpoint.digest {
            return Bracket { from: equal + 1, to: checkpoint.seq };
        }
        equal = checkpoint.seq;
    }
    Bracket { from: equal + 1, to: Seq::MAX }
}

#[cfg(test)]
mod tests {
    use crate::world::Checkpoint;

    use super::{Bracket, bracket};

    fn points(points: &[(u64, u128)]) -> Vec<Checkpoint> {
        points.iter().map(|(seq, digest)| Checkpoint { seq: *seq, digest: *digest }).collect()
    }

    #[test]
    fn the_first_checkpoint_that_differs_ends_the_bracket() {
        let left = points(&[(64, 1), (128, 2), (192, 3)]);
        let right = points(&[(64, 1), (128, 9), (192, 3)]);
        assert_eq!(bracket(&left, &right), Bracket { from: 65, to: 128 });
        let other = points(&[(64, 5)]);
        assert_eq!(bracket(&left, &other), Bracket { from: 1, to: 64 });
    }

    #[test]
    fn equal_checkpoints_leave_the_end() {
        let left = points(&[(64, 1), (128, 2)]);
        assert_eq!(bracket(&left, &left), Bracket { from: 129, to: u64::MAX });
        assert_eq!(bracket(&left, &[]), Bracket { from: 1, to: u64::MAX });
    }

    #[test]
    fn checkpoints_that_only_one_has_are_passed_over() {
        let dense = points(&[(64, 1), (128, 2), (192, 3), (256, 4)]);
        let thin = points(&[(128, 2), (256, 7)]);
        assert_eq!(bracket(&dense, &thin), Bracket { from: 129, to: 256 });
        assert_eq!(bracket(&thin, &dense), Bracket { from: 129, to: 256 });
    }
}
