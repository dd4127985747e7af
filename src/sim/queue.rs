//! The event queue: opaque tickets ordered by time, then by age. Knows not what a ticket means.
//!
//! A calendar queue (R. Brown, Communications of the ACM 31(10), 1988) of one year: what is due soon lies in a
//! day of its own, found by a bit; what is due later waits in a heap until its day is near. Messages and
//! disk commands are due within microseconds and so never see the heap; heartbeats and time-outs do.

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

    const fn day(&self) -> u64 {
        self.at >> DAY_BITS
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
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// A day is 1,024 ns: busy clusters have an event or two in each.
const DAY_BITS: u32 = 10;
/// Days in a year, 131 us: longer than a message or a disk command takes.
const DAYS: usize = 128;

/// Up to so many tickets of a day are searched for the first one; more are sorted.
const FEW: usize = 6;

/// The end of a list of entries.
const NONE: u32 = u32::MAX;

/// A ticket in the list of its day, or a free place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ticket: Ticket,
    /// The next in the list of the day, or of free places.
    next: u32,
}

/// Pending tickets; ties in time are served in the order of scheduling.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// No pending ticket has an earlier day.
    today: u64,
    /// A bit for each of the days that holds something.
    busy: u128,
    /// The tickets of `today` and the days after it: the first entry of a list for each day modulo [`DAYS`], in no
    /// order. Lists of one slab, and no array for each day: what is used again soon is in the cache.
    days: [u32; DAYS],
    entries: Vec<Entry>,
    /// The first free entry: the one freed last.
    free: u32,
    /// The tickets of `today`, instead of its list, where they are many, as in large clusters: in order, the first to come
    /// last.
    sorted: Vec<Ticket>,
    /// Whether `today` is in `sorted`.
    is_sorted: bool,
    /// Whatever was due a year or more later when it came.
    later: BinaryHeap<Reverse<Ticket>>,
    scheduled: u64,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self {
            today: 0,
            busy: 0,
            days: [NONE; DAYS],
            entries: Vec::new(),
            free: NONE,
            sorted: Vec::new(),
            is_sorted: false,
            later: BinaryHeap::new(),
            scheduled: 0,
        }
    }
}

impl EventQueue {
    /// Adds a ticket; it must not be due before the one that was popped last, unless the queue was
    /// [rewound](EventQueue::rewind) since.
    pub(super) fn push(&mut self, at: Nanos, owner: u32, token: u64) {
        assert!(u64::from(owner) <= OWNER_MASK, "a simulation of more than a million devices");
        self.scheduled += 1;
        let order = self.scheduled << OWNER_BITS | u64::from(owner);
        let ticket = Ticket { at: at.get(), order, token };
        if ticket.day().saturating_sub(self.today) < DAYS as u64 {
            self.enter(ticket);
        } else {
            self.later.push(Reverse(ticket));
        }
    }

    fn enter(&mut self, ticket: Ticket) {
        assert!(ticket.day() >= self.today, "nothing is due in the past");
        let at = ticket.day() as usize % DAYS;
        self.busy |= 1 << at;
        if self.is_sorted && ticket.day() == self.today {
            return self.enter_in_order(ticket);
        }
        let entry = Entry { ticket, next: self.days[at] };
        let free = self.free;
        self.days[at] = match self.entries.get_mut(free as usize) {
            Some(place) => {
                self.free = place.next;
                *place = entry;
                free
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
    }

    #[cold]
    fn enter_in_order(&mut self, ticket: Ticket) {
        let place = self.sorted.partition_point(|other| other.key() > ticket.key());
        self.sorted.insert(place, ticket);
    }

    /// Goes back to this time; the queue must be empty. The tickets that were popped last may have been of no
    /// effect, and time has not come to their day.
    pub(super) fn rewind(&mut self, now: Nanos) {
        assert!(self.busy == 0 && self.later.is_empty(), "pending tickets keep their days");
        self.go_to(now.get() >> DAY_BITS);
    }

    fn go_to(&mut self, day: u64) {
        self.is_sorted &= day == self.today;
        self.today = day;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        if self.busy == 0 {
            self.go_to(self.later.peek()?.0.day());
        } else {
            let from = (self.today % DAYS as u64) as u32;
            self.go_to(self.today + u64::from(self.busy.rotate_right(from).trailing_zeros()));
        }
        // The day that has come may have brought the heap's tickets within the year, even to today.
        while let Some(Reverse(ticket)) = self.later.peek()
            && ticket.day() - self.today < DAYS as u64
        {
            let ticket = *ticket;
            self.later.pop();
            self.enter(ticket);
        }
        Some(self.take_first())
    }

    /// Takes the first ticket of today, which has some.
    #[inline]
    fn take_first(&mut self) -> Ticket {
        if self.is_sorted {
            return self.take_in_order();
        }
        let at = (self.today % DAYS as u64) as usize;
        let head = self.days[at];
        // The first to come, and the entry before it in the list.
        let (mut first, mut before) = (head, NONE);
        let (mut last, mut count) = (head, 1);
        loop {
            let next = self.entries[last as usize].next;
            if next == NONE {
                break;
            }
            count += 1;
            if self.key(next) < self.key(first) {
                (first, before) = (next, last);
            }
            last = next;
        }
        if count > FEW {
            self.sort_today(at);
            return self.take_in_order();
        }
        let Entry { ticket, next } = self.entries[first as usize];
        if before == NONE {
            self.days[at] = next;
        } else {
            self.entries[before as usize].next = next;
        }
        if count == 1 {
            self.busy &= !(1 << at);
        }
        self.give(first);
        ticket
    }

    fn key(&self, entry: u32) -> u128 {
        self.entries[entry as usize].ticket.key()
    }

    /// Frees an entry.
    fn give(&mut self, entry: u32) {
        self.entries[entry as usize].next = self.free;
        self.free = entry;
    }

    /// Takes today's tickets out of their list and sorts them.
    #[cold]
    fn sort_today(&mut self, at: usize) {
        let mut entry = std::mem::replace(&mut self.days[at], NONE);
        while entry != NONE {
            let Entry { ticket, next } = self.entries[entry as usize];
            self.sorted.push(ticket);
            self.give(entry);
            entry = next;
        }
        self.sorted.sort_unstable_by_key(|ticket| Reverse(ticket.key()));
        self.is_sorted = true;
    }

    #[cold]
    fn take_in_order(&mut self) -> Ticket {
        let ticket = self.sorted.pop().expect("a day that is busy has a ticket");
        if self.sorted.is_empty() {
            self.busy &= !(1 << (self.today % DAYS as u64));
        }
        ticket
    }

    pub(super) fn clear(&mut self) {
        self.busy = 0;
        self.days = [NONE; DAYS];
        self.entries.clear();
        self.free = NONE;
        self.sorted.clear();
        self.is_sorted = false;
        self.later.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{Just, Strategy, prop, prop_oneof};
    use proptest::{prop_assert_eq, proptest};

    use super::{DAY_BITS, DAYS, EventQueue};
    use crate::base::Nanos;

    /// Spans that meet all ways to lie: at once, on one day, within the year, at its end, far beyond.
    fn spans() -> impl Strategy<Value = u64> {
        let year = (DAYS as u64) << DAY_BITS;
        prop_oneof![
            Just(0),
            0..3_u64,
            0..1_u64 << DAY_BITS,
            0..year,
            year - 2..year + 2,
            0..5 * year,
            Just(u64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn what_is_due_first_comes_first(
            steps in prop::collection::vec((spans(), 0..3_usize), 1..300)
        ) {
            let (mut queue, mut model) = (EventQueue::default(), BTreeSet::new());
            let mut now = 0_u64;
            for (order, (span, pops)) in steps.into_iter().enumerate() {
                let at = now.saturating_add(span);
                queue.push(Nanos::new(at), 7, order as u64);
                model.insert((at, order as u64));
                for _ in 0..pops {
                    let popped = queue.pop().map(|ticket| (ticket.at().get(), ticket.token));
                    prop_assert_eq!(popped, model.pop_first());
                    now = popped.map_or(now, |(at, _)| at);
                }
            }
            while let Some(first) = model.pop_first() {
                prop_assert_eq!(queue.pop().map(|ticket| (ticket.at().get(), ticket.token)), Some(first));
            }
            prop_assert_eq!(queue.pop().map(|ticket| ticket.token), None);
        }
    }

    #[test]
    fn a_queue_that_was_rewound_takes_what_is_due_before_the_last_ticket() {
        let mut queue = EventQueue::default();
        queue.push(Nanos::from_millis(10), 7, 1);
        assert!(queue.pop().is_some() && queue.pop().is_none());
        queue.rewind(Nanos::from_millis(1));
        for (at, token) in [(5_000_000, 2), (1_000_001, 3), (999_000_000, 4), (1_500_000, 5)] {
            queue.push(Nanos::new(at), 7, token);
        }
        let tokens: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|it| it.token).collect();
        assert_eq!(tokens, [3, 5, 2, 4]);
    }
}
