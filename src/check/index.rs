//! Finds a slot by a 64-bit key: an open-addressed table whose order depends on nothing but the keys.
//! Stores no values.

/// From keys to slot numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Key and slot number + 1; 0 where free. A power of two of them, at most half in use.
    cells: Vec<(u64, u32)>,
    used: usize,
}

impl Index {
    /// The slot of a key.
    pub(super) fn get(&self, key: u64) -> Option<u32> {
        let (cell, slot) = self.find(key)?;
        debug_assert_eq!(self.cells[cell].0, key);
        Some(slot)
    }

    /// The keys, in an order that depends on nothing but the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.cells.iter().filter(|(_, slot)| *slot != 0).map(|(key, _)| *key)
    }

    /// Gives the key a slot; it must have none.
    pub(super) fn insert(&mut self, key: u64, slot: u32) {
        if self.cells.len() < (self.used + 1) * 2 {
            let cells = vec![(0, 0); (self.cells.len() * 2).max(16)];
            let old = std::mem::replace(&mut self.cells, cells);
            for (key, slot) in old.into_iter().filter(|(_, slot)| *slot != 0) {
                self.place(key, slot);
            }
        }
        self.place(key, slot + 1);
        self.used += 1;
    }

    /// Takes the key's slot away.
    pub(super) fn remove(&mut self, key: u64) -> Option<u32> {
        let (mut free, slot) = self.find(key)?;
        let mask = self.cells.len() - 1;
        self.used -= 1;
        // Whatever was pushed past the freed cell moves back, so that no search stops short of it.
        let mut next = (free + 1) & mask;
        while self.cells[next].1 != 0 {
            let home = self.home(self.cells[next].0);
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(free) & mask) {
                self.cells[free] = self.cells[next];
                free = next;
            }
            next = (next + 1) & mask;
        }
        self.cells[free] = (0, 0);
        Some(slot)
    }

    fn find(&self, key: u64) -> Option<(usize, u32)> {
        if self.cells.is_empty() {
            return None;
        }
        let mut cell = self.home(key);
        loop {
            match self.cells[cell] {
                (_, 0) => return None,
                (found, slot) if found == key => return Some((cell, slot - 1)),
                _ => cell = (cell + 1) & (self.cells.len() - 1),
            }
        }
    }

    fn place(&mut self, key: u64, slot: u32) {
        let mut cell = self.home(key);
        while self.cells[cell].1 != 0 {
            cell = (cell + 1) & (self.cells.len() - 1);
        }
        self.cells[cell] = (key, slot);
    }

    /// Where a key would like to be: the uppermost bits of a product, for these depend on all bits of the key. Those in the
    /// middle know nothing of a volume, which is high up in its places: all volumes would crowd a few cells.
    fn home(&self, key: u64) -> usize {
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> (u64::BITS - self.cells.len().trailing_zeros())) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::Index;

    /// Keys that crowd the same cells in a table of up to 128: their products begin alike.
    fn scattered(key: u64) -> u64 {
        // The inverse of the factor modulo 2^64, so that the product is `key`.
        key.wrapping_mul(0xf1de_83e1_9937_733d)
    }

    #[test]
    fn places_of_many_volumes_have_cells_of_their_own() {
        let mut index = Index::default();
        let places = (0..300_u64).flat_map(|volume| (0..16).map(move |chunk| volume << 44 | chunk));
        (0..).zip(places.clone()).for_each(|(slot, place)| index.insert(place, slot));
        let mask = index.cells.len() - 1;
        let steps = |place| {
            index.find(place).expect("it is there").0.wrapping_sub(index.home(place)) & mask
        };
        let most = places.map(steps).max().expect("there are places");
        assert!(most < 32, "a search takes up to {most} steps");
    }

    proptest! {
        #[test]
        fn finds_what_an_ordered_map_finds(
            steps in prop::collection::vec((any::<bool>(), 0_u64..48), 0..400)
        ) {
            let (mut index, mut model) = (Index::default(), BTreeMap::new());
            for (slot, (insert, key)) in steps.into_iter().enumerate() {
                let key = scattered(key);
                if insert && !model.contains_key(&key) {
                    index.insert(key, slot as u32);
                    model.insert(key, slot as u32);
                } else if !insert {
                    prop_assert_eq!(index.remove(key), model.remove(&key));
                }
                for key in (0..48).map(scattered) {
                    prop_assert_eq!(index.get(key), model.get(&key).copied());
                }
            }
        }
    }
}
