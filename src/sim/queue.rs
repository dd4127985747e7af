//! The event queue: opaque tickets ordered by time, then by age. Knows not what a ticket means.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

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
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ticket {}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
    fn lt(&self, other: &Self) -> bool {
        self.key() < other.key()
    }
    fn le(&self, other: &Self) -> bool {
        self.key() <= other.key()
    }
    fn gt(&self, other: &Self) -> bool {
        self.key() > other.key()
    }
    fn ge(&self, other: &Self) -> bool {
        self.key() >= other.key()
    }
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
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
        assert!(u64::from(owner) <= OWNER_MASK, "a simulation of more than a million devices");
        self.scheduled += 1;
        let order = self.scheduled << OWNER_BITS | u64::from(owner);
        self.heap.push(Reverse(Ticket { at: at.get(), order, token }));
    }

    pub(super) fn pop(&mut self) -> Option<Ticket> {
        self.heap.pop().map(|Reverse(ticket)| ticket)
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}
