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
