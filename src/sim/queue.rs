//! The event queue: opaque tickets ordered by time, then by age. Knows not what a ticket means.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::Nanos;

/// Who is to be told, and what: the meaning of `token` lies with the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    pub(super) at: Nanos,
    order: u64,
    pub(super) owner: u32,
    pub(super) token: u64,
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
        self.heap.push(Reverse(Ticket { at, order: self.scheduled, owner, token }));
    }

    pub(super) fn pop(&mut self) -> Option<Ticket> {
        self.heap.pop().map(|Reverse(ticket)| ticket)
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}
