//! Replays recorded operations: in their order, none before its time. Issues none.
//!
//! A worker reserves the next operation's time and sleeps until then; what it takes when it wakes is the first
//! operation that nobody has taken, which is due no later. So nothing is lost with a worker that dies asleep.

use std::cell::Cell;

use crate::base::{Nanos, Replay};

use super::draw::Choice;

/// How far a replay has come; survives its client.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// Operations whose time some worker waits for, or has waited for.
    reserved: Cell<usize>,
    /// Operations that were taken.
    taken: Cell<usize>,
    /// Whether it was asked before.
    is_begun: Cell<bool>,
}

/// When a worker may take its next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// At once.
    Now,
    /// Then.
    At(Nanos),
    /// Never: other workers have the rest.
    Never,
}

impl Replayed {
    /// Workers start anew: what was reserved and not taken is for them.
    pub(super) fn start_again(&self) {
        self.reserved.set(self.taken.get());
    }

    /// Whether nobody has asked for an operation yet; from now on somebody has.
    pub(super) fn is_at_start(&self) -> bool {
        !self.is_begun.replace(true)
    }

    /// Reserves the time of an operation; `began` is when the replay did.
    pub(super) fn reserve(&self, replay: &Replay, began: Nanos) -> Slot {
        let at = self.reserved.get();
        match replay.steps.get(at) {
            Some(step) => {
                self.reserved.set(at + 1);
                Slot::At(began.saturating_add(step.at))
            }
            // The last worker finds that it is over.
            None if self.taken.get() >= replay.steps.len() => Slot::Now,
            None => Slot::Never,
        }
    }

    /// Takes the next operation; `None` when there is none left.
    pub(super) fn take(&self, replay: &Replay) -> Option<Choice> {
        let step = replay.steps.get(self.taken.get())?;
        self.taken.set(self.taken.get() + 1);
        Some(Choice { kind: step.kind, block: step.block, blocks: step.blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::{Replayed, Slot};
    use crate::base::history::OpKind;
    use crate::base::{Nanos, Replay, ReplayStep};

    fn replay(times: &[u64]) -> Replay {
        let step = |at: &u64| ReplayStep {
            at: Nanos::new(*at),
            kind: OpKind::Write,
            block: *at,
            blocks: 1,
        };
        Replay { steps: times.iter().map(step).collect(), ..Replay::default() }
    }

    #[test]
    fn operations_come_in_order_and_none_is_lost_with_a_sleeper() {
        let (replay, replayed) = (replay(&[0, 5, 9]), Replayed::default());
        let began = Nanos::new(100);
        assert_eq!(replayed.reserve(&replay, began), Slot::At(Nanos::new(100)));
        assert_eq!(replayed.reserve(&replay, began), Slot::At(Nanos::new(105)));
        assert_eq!(replayed.take(&replay).unwrap().block, 0);
        // The second worker dies asleep: the next one reserves what it was waiting for.
        replayed.start_again();
        assert_eq!(replayed.reserve(&replay, began), Slot::At(Nanos::new(105)));
        assert_eq!(replayed.reserve(&replay, began), Slot::At(Nanos::new(109)));
        assert_eq!(replayed.reserve(&replay, began), Slot::Never);
        assert_eq!(replayed.take(&replay).unwrap().block, 5);
        assert_eq!(replayed.take(&replay).unwrap().block, 9);
        assert_eq!(replayed.reserve(&replay, began), Slot::Now);
        assert!(replayed.take(&replay).is_none());
    }
}
