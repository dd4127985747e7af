//! Goes everywhere once before it goes anywhere again: a bit for each place. Draws nothing.

/// Which places were gone to.
#[derive(Debug)]
pub(super) struct Cover {
    /// A bit a place; those beyond the last place are set.
    words: Vec<u64>,
    places: u64,
    free: u64,
}

impl Cover {
    /// Nowhere yet; of at least one place.
    pub(super) fn new(places: u64) -> Self {
        let mut cover = Self { words: Vec::new(), places, free: 0 };
        cover.forget();
        cover
    }

    fn forget(&mut self) {
        self.words = vec![0; self.places.div_ceil(64) as usize];
        let beyond = self.places % 64;
        if beyond > 0
            && let Some(last) = self.words.last_mut()
        {
            *last = u64::MAX << beyond;
        }
        self.free = self.places;
    }

    /// Takes up to so many free places side by side, from the first free one at or behind `from`, and says where and how
    /// many. When none is free, all are again.
    pub(super) fn take(&mut self, from: u64, wanted: u64) -> (u64, u64) {
        if self.free == 0 {
            self.forget();
        }
        let at = self.next_free(from.min(self.places - 1));
        let mut taken = 0;
        while taken < wanted && at + taken < self.places && self.is_free(at + taken) {
            self.words[((at + taken) / 64) as usize] |= 1 << ((at + taken) % 64);
            taken += 1;
        }
        self.free -= taken;
        (at, taken)
    }

    fn is_free(&self, place: u64) -> bool {
        self.words[(place / 64) as usize] & (1 << (place % 64)) == 0
    }

    /// The first free place at or behind this one, from the start again at the end; there is one.
    fn next_free(&self, from: u64) -> u64 {
        let start = (from / 64) as usize;
        let first = self.words[start] | !(u64::MAX << (from % 64));
        if first != u64::MAX {
            return (start * 64) as u64 + u64::from(first.trailing_ones());
        }
        let around = (1..=self.words.len()).map(|step| (start + step) % self.words.len());
        let found = around.into_iter().find(|at| self.words[*at] != u64::MAX);
        let at = found.expect("a place is free");
        (at * 64) as u64 + u64::from(self.words[at].trailing_ones())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Cover;
    use crate::sim::Seed;

    #[test]
    fn all_places_come_once_before_any_comes_again() {
        for places in [1, 63, 64, 65, 200] {
            let (mut cover, mut rng) = (Cover::new(places), Seed::new(9).stream("cover"));
            for _ in 0..3 {
                let mut seen = BTreeSet::new();
                while (seen.len() as u64) < places {
                    let (at, taken) = cover.take(rng.below(places), rng.between(1, 4));
                    assert!(taken >= 1);
                    assert!((at..at + taken).all(|place| place < places && seen.insert(place)));
                }
            }
        }
    }
}
