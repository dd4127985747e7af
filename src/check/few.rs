//! A list that is nearly always short: its first items lie in place, so that reading them follows no
//! pointer. Nothing but a list.

/// A list of which up to `N` items lie in place.
#[derive(Clone, Debug)]
pub(super) struct Few<T, const N: usize> {
    /// How many lie in place; none once they have spilled.
    len: u32,
    inline: [T; N],
    /// All items, once they are more than `N`.
    spilled: Vec<T>,
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// An empty list; `filler` takes the place of items that are not there.
    pub(super) const fn new(filler: T) -> Self {
        Self { len: 0, inline: [filler; N], spilled: Vec::new() }
    }

    /// The items.
    pub(super) fn as_slice(&self) -> &[T] {
        if self.spilled.is_empty() { &self.inline[..self.len as usize] } else { &self.spilled }
    }

    /// The items, to be changed.
    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        if self.spilled.is_empty() {
            &mut self.inline[..self.len as usize]
        } else {
            &mut self.spilled
        }
    }

    /// Drops all items.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.spilled.clear();
    }

    /// Adds an item at the end.
    pub(super) fn push(&mut self, item: T) {
        let len = self.len as usize;
        if !self.spilled.is_empty() {
            self.spilled.push(item);
        } else if len < N {
            self.inline[len] = item;
            self.len += 1;
        } else {
            self.spilled.extend_from_slice(&self.inline);
            self.spilled.push(item);
            self.len = 0;
        }
    }

    /// Keeps the items that `keep` says, in their order.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        if !self.spilled.is_empty() {
            self.spilled.retain(keep);
            if self.spilled.len() <= N {
                self.len = self.spilled.len() as u32;
                self.inline[..self.spilled.len()].copy_from_slice(&self.spilled);
                self.spilled.clear();
            }
            return;
        }
        let mut kept = 0;
        for at in 0..self.len as usize {
            if keep(&self.inline[at]) {
                self.inline[kept] = self.inline[at];
                kept += 1;
            }
        }
        self.len = kept as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::Few;

    proptest! {
        #[test]
        fn holds_what_a_vector_holds(steps in prop::collection::vec(any::<u8>(), 0..60)) {
            let (mut few, mut model) = (Few::<u8, 2>::new(0), Vec::new());
            for step in steps {
                if step % 4 == 0 {
                    few.retain(|item| item % 3 != step / 4 % 3);
                    model.retain(|item| item % 3 != step / 4 % 3);
                } else {
                    few.push(step);
                    model.push(step);
                }
                prop_assert_eq!(few.as_slice(), &model[..]);
                prop_assert_eq!(few.as_mut_slice(), &model[..]);
            }
        }
    }
}
