//! Range locks: overlapping writes take turns, reads wait for the writes that they overlap (rule 4).
//!
//! Fair: a lock is granted in the order of asking, past only those that it doesn't conflict with.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sim::{Kernel, NodeHandle, Tracked, Tracker, Wait, WakeRef};

/// Blocks `first..=last` of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u64,
    last: u64,
}

impl Range {
    /// `blocks` (at least 1) blocks from `first`.
    pub(super) fn new(first: u64, blocks: u32) -> Self {
        Self { first, last: first + u64::from(blocks.max(1)) - 1 }
    }

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

#[derive(Clone, Copy)]
struct Claim {
    id: u64,
    range: Range,
    exclusive: bool,
}

impl Claim {
    fn conflicts(&self, other: &Self) -> bool {
        (self.exclusive || other.exclusive) && self.range.overlaps(other.range)
    }
}

#[derive(Default)]
struct State {
    next: u64,
    held: Vec<Claim>,
    waiting: VecDeque<(Claim, WakeRef)>,
}

impl State {
    /// Grants a claim that nothing is in the way of; says whether that is so.
    fn enter(&mut self, claim: Claim) -> bool {
        let free = !self.held.iter().any(|held| claim.conflicts(held))
            && !self.waiting.iter().any(|(earlier, _)| claim.conflicts(earlier));
        if free {
            self.held.push(claim);
        }
        free
    }
}

/// The locks of one volume. Clones share them.
#[derive(Clone)]
pub(super) struct RangeLocks(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    tracker: Tracker,
    state: RefCell<State>,
}

impl RangeLocks {
    pub(super) fn new(handle: &NodeHandle) -> Self {
        let tracker = handle.tracker("range lock");
        let kernel = handle.kernel().clone();
        Self(Rc::new(Shared { kernel, tracker, state: RefCell::default() }))
    }

    /// Gets the range at once, if nobody else has it or waits for it: as [`RangeLocks::exclusive`].
    pub(super) fn try_exclusive(&self, range: Range) -> Option<Lock> {
        let mut state = self.0.state.borrow_mut();
        let claim = Claim { id: state.next + 1, range, exclusive: true };
        state.enter(claim).then(|| {
            state.next += 1;
            self.lock(claim)
        })
    }

    /// Waits until nobody else reads or writes the range.
    pub(super) fn exclusive(&self, range: Range) -> Acquire {
        self.acquire(range, true)
    }

    /// Waits until nobody writes the range.
    pub(super) fn shared(&self, range: Range) -> Acquire {
        self.acquire(range, false)
    }

    fn acquire(&self, range: Range, exclusive: bool) -> Acquire {
        let mut state = self.0.state.borrow_mut();
        state.next += 1;
        let claim = Claim { id: state.next, range, exclusive };
        Acquire { locks: self.clone(), claim, stage: Stage::New }
    }

    fn lock(&self, claim: Claim) -> Lock {
        Lock { _tracked: self.0.tracker.open(), locks: self.clone(), claim }
    }

    fn release(&self, claim: Claim) {
        let mut state = self.0.state.borrow_mut();
        if let Some(at) = state.held.iter().position(|held| held.id == claim.id) {
            state.held.swap_remove(at);
        }
        if !state.waiting.is_empty() {
            self.grant(&mut state, claim);
        }
    }

    fn withdraw(&self, claim: Claim) {
        let mut state = self.0.state.borrow_mut();
        state.waiting.retain(|(waiting, _)| waiting.id != claim.id);
    }

    /// Grants, in order, what can be granted now that a claim is gone. Whoever waits does so for something held or asked for
    /// earlier, and what is granted is as much in the way as before: only those that `gone` was in the way of can be free now.
    fn grant(&self, state: &mut State, gone: Claim) {
        let mut at = 0;
        while at < state.waiting.len() {
            let claim = state.waiting[at].0;
            let blocked = !claim.conflicts(&gone)
                || state.held.iter().any(|held| claim.conflicts(held))
                || state.waiting.iter().take(at).any(|(earlier, _)| claim.conflicts(earlier));
            if blocked {
                at += 1;
            } else if let Some((claim, wake)) = state.waiting.remove(at) {
                state.held.push(claim);
                self.0.kernel.wake(wake);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Waiting,
    Done,
}

/// The future of a lock.
pub(super) struct Acquire {
    locks: RangeLocks,
    claim: Claim,
    stage: Stage,
}

impl Future for Acquire {
    type Output = Lock;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Lock> {
        let this = &mut *self;
        let (shared, claim) = (&*this.locks.0, this.claim);
        let mut state = shared.state.borrow_mut();
        match this.stage {
            Stage::New => {
                if !state.enter(claim) {
                    state.waiting.push_back((claim, shared.kernel.wake_ref(cx)));
                    this.stage = Stage::Waiting;
                    return shared.pending(claim);
                }
            }
            Stage::Waiting => {
                if let Some((_, wake)) = state.waiting.iter_mut().find(|(w, _)| w.id == claim.id) {
                    *wake = shared.kernel.wake_ref(cx);
                    return shared.pending(claim);
                }
            }
            Stage::Done => unreachable!("a lock is handed out once"),
        }
        this.stage = Stage::Done;
        Poll::Ready(this.locks.lock(claim))
    }
}

impl Shared {
    fn pending(&self, claim: Claim) -> Poll<Lock> {
        self.kernel.waits_for(Wait { what: "the range lock at block", which: claim.range.first });
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if self.stage == Stage::Waiting {
            // Still waiting, or granted and never seen: gone either way, and others may go on.
            self.locks.withdraw(self.claim);
            self.locks.release(self.claim);
        }
    }
}

/// A held lock; dropping it lets the next ones have it.
pub(super) struct Lock {
    locks: RangeLocks,
    claim: Claim,
    _tracked: Tracked,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locks.release(self.claim);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use proptest::prelude::{Strategy, any, prop, proptest};

    use super::{Claim, Range, RangeLocks};
    use crate::base::Nanos;
    use crate::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn};

    /// One that wants a lock: when, of what, how, how long it waits for it and how long it keeps it.
    type Wish = (u64, (u64, u32), bool, u64, u64);

    fn wishes() -> impl Strategy<Value = Vec<Wish>> {
        prop::collection::vec(
            (0..20_u64, (0..12_u64, 1..6_u32), any::<bool>(), 1..30_u64, 0..8_u64),
            1..40,
        )
    }

    /// That nothing that conflicts is held at once, that nobody was granted what an earlier one waits for, and that whoever
    /// waits has somebody in its way.
    fn look_at(locks: &RangeLocks) {
        let state = locks.0.state.borrow();
        let waiting: Vec<&Claim> = state.waiting.iter().map(|(claim, _)| claim).collect();
        for (at, held) in state.held.iter().enumerate() {
            assert!(!state.held[..at].iter().any(|other| held.conflicts(other)));
            assert!(!waiting.iter().any(|it| it.id < held.id && held.conflicts(it)));
        }
        for (at, claim) in waiting.iter().enumerate() {
            let mut before = state.held.iter().chain(waiting[..at].iter().copied());
            assert!(before.any(|other| claim.conflicts(other)));
        }
    }

    /// Has all of them ask, and says how many had their locks.
    fn play(wishes: Vec<Wish>) -> usize {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let node = kernel.add_node("c0", &NodeConfig::default());
        kernel.boot(node);
        let locks = RangeLocks::new(&kernel.handle(node));
        let (over, had) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let all = wishes.len();
        for (start, (first, blocks), exclusive, patience, keep) in wishes {
            let (handle, locks) = (kernel.handle(node), locks.clone());
            let (over, had) = (over.clone(), had.clone());
            kernel.handle(node).spawn("test", async move {
                handle.sleep(Nanos::from_micros(start)).await;
                let wanted = locks.acquire(Range::new(first, blocks), exclusive);
                let lock = handle.timeout(Nanos::from_micros(patience), wanted).await;
                look_at(&locks);
                if let Ok(lock) = lock {
                    had.set(had.get() + 1);
                    handle.sleep(Nanos::from_micros(keep)).await;
                    drop(lock);
                    look_at(&locks);
                }
                over.set(over.get() + 1);
            });
        }
        while over.get() < all {
            assert_eq!(kernel.turn(), Turn::Ran, "{} of {all} are over", over.get());
        }
        let state = locks.0.state.borrow();
        assert!(state.held.is_empty() && state.waiting.is_empty());
        had.get()
    }

    proptest! {
        #[test]
        fn locks_are_exclusive_fair_and_never_forgotten(wishes in wishes()) {
            assert!(play(wishes) > 0);
        }
    }

    #[test]
    fn whoever_gives_up_is_in_nobodys_way() {
        // The second waits for the first, in the way of the third until it gives up.
        let wishes =
            vec![(0, (0, 4), true, 1, 20), (1, (2, 6), true, 5, 1), (2, (6, 2), true, 10, 1)];
        assert_eq!(play(wishes), 2);
    }
}
