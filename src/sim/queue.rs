//! The event queue: opaque tickets ordered by time, then by age. Knows not what a ticket means.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::base::Nanos;

/// Who is to be told, and what: the meaning of `token` lies with the owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    /// When, in nanoseconds, above its place in the order of scheduling: one number to compare.
    key: u128,
    pub(super) owner: u32,
    pub(super) token: u64,
}

impl Ticket {
    pub(super) const fn at(&self) -> Nanos {
        Nanos::new((self.key >> 64) as u64)
    }
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Ticket {}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
    fn lt(&self, other: &Self) -> bool {
        self.key < other.key
    }
    fn le(&self, other: &Self) -> bool {
        self.key <= other.key
    }
    fn gt(&self, other: &Self) -> bool {
        self.key > other.key
    }
    fn ge(&self, other: &Self) -> bool {
        self.key >= other.key
    }
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// Pending tickets; ties in time are served in the order of scheduling.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    heap: BinaryHeap<Reverse<Ticket>>,
    scheduled: u64,
}

impl EventQueue {
    pub(super) fn push(&mut self, at: Nanos, owner: u32, token: u64) {
        self.scheduled += 1;
        let key = u128::from(at.get()) << 64 | u128::from(self.scheduled);
        self.heap.push(Reverse(Ticket { key, owner, token }));
    }

    pub(super) fn pop(&mut self) -> Option<Ticket> {
        self.heap.pop().map(|Reverse(ticket)| ticket)
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}
