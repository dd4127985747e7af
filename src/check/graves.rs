//! The values that registers have forgotten lately, kept so that a report can still name them. Bounded;
//! no verdict depends on it.

use super::value::Value;

/// How many values are kept, over all blocks. Every value passes through, so they are to stay in the
/// processor's cache.
const KEPT_MAX: usize = 1_024;

/// The last values that registers have forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Graves {
    /// Each with the place of its block.
    values: Vec<(u64, Value)>,
    /// Where the oldest is, once all room is taken.
    oldest: usize,
}

impl Graves {
    /// Keeps a value, in the stead of the oldest if need be.
    pub(super) fn bury(&mut self, place: u64, value: Value) {
        if self.values.len() < KEPT_MAX {
            self.values.push((place, value));
            return;
        }
        self.values[self.oldest] = (place, value);
        self.oldest = if self.oldest + 1 == KEPT_MAX { 0 } else { self.oldest + 1 };
    }

    /// The values of one block, oldest first.
    pub(super) fn of(&self, place: u64) -> impl Iterator<Item = &Value> {
        let (late, early) = self.values.split_at(self.oldest);
        let all = early.iter().chain(late);
        all.filter(move |(home, _)| *home == place).map(|(_, value)| value)
    }
}
