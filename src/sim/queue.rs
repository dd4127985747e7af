//! The event queue: opaque tickets ordered by time, then by age. Knows not what a ticket means.

use crate::base::Nanos;

/// Who is to be told, and what: the meaning of `token` lies with the owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    at: u64,
    /// Its place in the order of scheduling, above its owner: no two are the same.
    order: u64,
    pub(super) token: u64,
}

/// Bits of [`Ticket::order`] that name the owner; the others count past any run's events.
const OWNER_BITS: u32 = 20;
const OWNER_MASK: u64 = (1 << OWNER_BITS) - 1;

impl Ticket {
    pub(super) const fn at(&self) -> Nanos {
        Nanos::new(self.at)
    }

    pub(super) const fn owner(&self) -> u32 {
        (self.order & OWNER_MASK) as u32
    }

    /// One number to compare.
    const fn key(&self) -> u128 {
        (self.at as u128) << 64 | self.order as u128
    }

    const fn is_before(&self, other: &Self) -> bool {
        self.key() < other.key()
    }
}

/// How many children a ticket has in the heap: half the levels of a binary one, and the children lie
/// side by side.
const CHILDREN: usize = 4;

/// Pending tickets; ties in time are served in the order of scheduling.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    /// A heap: no ticket is before its parent.
    heap: Vec<Ticket>,
    scheduled: u64,
}

impl EventQueue {
    pub(super) fn push(&mut self, at: Nanos, owner: u32, token: u64) {
        debug_assert!(u64::from(owner) <= OWNER_MASK, "owner {owner} has no room in a ticket");
        self.scheduled += 1;
        let order = self.scheduled << OWNER_BITS | u64::from(owner);
        let ticket = Ticket { at: at.get(), order, token };
        let mut hole = self.heap.len();
        self.heap.push(ticket);
        while hole > 0 {
            let parent = (hole - 1) / CHILDREN;
            if self.heap[parent].is_before(&ticket) {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = ticket;
    }

    pub(super) fn pop(&mut self) -> Option<Ticket> {
        let last = self.heap.pop()?;
        let Some(first) = self.heap.first().copied() else { return Some(last) };
        let mut hole = 0;
        while let Some(child) = self.first_child(hole).filter(|at| self.heap[*at].is_before(&last))
        {
            self.heap[hole] = self.heap[child];
            hole = child;
        }
        self.heap[hole] = last;
        Some(first)
    }

    /// The child of a ticket that is before its siblings.
    fn first_child(&self, parent: usize) -> Option<usize> {
        let at = parent * CHILDREN + 1;
        let children = self.heap.get(at..)?;
        let sooner = |a: usize, b: usize| if children[b].is_before(&children[a]) { b } else { a };
        let first = match children.first_chunk::<CHILDREN>() {
            Some(four) => {
                let sooner = |a: usize, b: usize| if four[b].is_before(&four[a]) { b } else { a };
                sooner(sooner(0, 1), sooner(2, 3))
            }
            None => (1..children.len()).fold(0, sooner),
        };
        (first < children.len()).then_some(at + first)
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::EventQueue;
    use crate::base::Nanos;

    proptest! {
        #[test]
        fn serves_by_time_then_by_age(
            steps in prop::collection::vec(prop::option::of(any::<u8>()), 0..200)
        ) {
            let (mut queue, mut model) = (EventQueue::default(), Vec::new());
            for (token, step) in (0_u64..).zip(steps) {
                match step {
                    Some(at) => {
                        queue.push(Nanos::new(u64::from(at / 8)), u32::from(at), token);
                        model.push((u64::from(at / 8), token, u32::from(at)));
                    }
                    None => {
                        let first = model.iter().min().copied();
                        model.retain(|ticket| Some(*ticket) != first);
                        let popped = queue.pop();
                        let popped = popped.map(|it| (it.at().get(), it.token, it.owner()));
                        prop_assert_eq!(popped, first);
                    }
                }
            }
        }
    }
}
