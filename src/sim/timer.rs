//! Timers: a slab of armed deadlines and the future that waits for one.
//!
//! A deadline is a time of its node's monotonic clock. When that clock's drift changes, the timers that are
//! armed move with it: the event of each is scheduled anew, and one that comes too early is ignored. A timer that
//! is made to fire early is one whose deadline has passed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::{Nanos, NodeId, Seq};

use super::inspect::ArmedTimer;
use super::kernel::Kernel;
use super::task::WakeRef;
use super::wait::Wait;

#[derive(Default)]
struct Slot {
    generation: u32,
    wake: Option<WakeRef>,
    cause: Seq,
    node: NodeId,
    /// The deadline by the node's monotonic clock, and in virtual time.
    local: Nanos,
    at: Nanos,
}

/// The armed timers of a simulation.
#[derive(Default)]
pub(super) struct Timers {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Timers {
    /// A token that names the new timer in the event queue.
    fn arm(&mut self, wake: WakeRef, cause: Seq, node: NodeId, local: Nanos, due: Nanos) -> u64 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[at as usize];
        slot.wake = Some(wake);
        slot.cause = cause;
        (slot.node, slot.local, slot.at) = (node, local, due);
        u64::from(slot.generation) << 32 | u64::from(at)
    }

    fn slot(&mut self, token: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(token as u32 as usize)?;
        (u64::from(slot.generation) == token >> 32).then_some(slot)
    }

    /// The timer's event is due at `now`: whom to wake, and what armed it. `None` if the timer was disarmed
    /// or has been moved.
    pub(super) fn fire(&mut self, token: u64, now: Nanos) -> Option<(WakeRef, Seq)> {
        let slot = self.slot(token)?;
        if now < slot.at {
            return None;
        }
        Some((slot.wake.take()?, slot.cause))
    }

    /// The node's clock has changed: gives the token of each of its armed timers that is due at another
    /// virtual time now, with that time.
    pub(super) fn moved(
        &mut self,
        node: NodeId,
        virtual_at: impl Fn(Nanos) -> Nanos,
    ) -> Vec<(Nanos, u64)> {
        let mut moved = Vec::new();
        for (index, slot) in (0_u64..).zip(&mut self.slots) {
            let at = virtual_at(slot.local);
            if slot.wake.is_some() && slot.node == node && at != slot.at {
                slot.at = at;
                moved.push((at, u64::from(slot.generation) << 32 | index));
            }
        }
        moved
    }

    /// Makes all armed timers of a node due now, and gives the tokens of those that were not.
    pub(super) fn fire_early(&mut self, node: NodeId, now: Nanos) -> Vec<u64> {
        let mut fired = Vec::new();
        for (index, slot) in (0_u64..).zip(&mut self.slots) {
            if slot.wake.is_some() && slot.node == node && slot.at > now {
                (slot.local, slot.at) = (Nanos::ZERO, now);
                fired.push(u64::from(slot.generation) << 32 | index);
            }
        }
        fired
    }

    /// Those that are armed, in no particular order.
    pub(super) fn armed(&self) -> Vec<ArmedTimer> {
        let armed = self.slots.iter().filter(|slot| slot.wake.is_some());
        let timer = |slot: &Slot| ArmedTimer { node: slot.node, at: slot.at, cause: slot.cause };
        armed.map(timer).collect()
    }

    fn disarm(&mut self, token: u64) {
        if let Some(slot) = self.slot(token) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.wake = None;
            self.free.push(token as u32);
        }
    }
}

/// Waits until its node's monotonic clock shows a certain time, or the timer is made to fire early
/// ([`Kernel::fire_timers`]): whoever must not be early looks at the clock. Dropping it disarms the timer.
#[derive(Debug)]
#[must_use = "a timer does nothing unless awaited"]
pub struct Sleep {
    kernel: Kernel,
    node: NodeId,
    deadline: Nanos,
    token: Option<u64>,
}

impl Sleep {
    pub(super) fn new(kernel: Kernel, node: NodeId, deadline: Nanos) -> Self {
        Self { kernel, node, deadline, token: None }
    }

    /// What the node's monotonic clock shows when it ends.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        self.deadline
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &self.kernel.inner;
        let mut scheduler = inner.scheduler.borrow_mut();
        if let Some(slot) = self.token.and_then(|token| scheduler.timers.slot(token)) {
            if inner.now.get() >= slot.at {
                return Poll::Ready(());
            }
            slot.wake = Some(self.kernel.wake_ref(cx));
        } else {
            let at = inner.nodes.borrow()[self.node.index()].clock.virtual_at(self.deadline);
            if inner.now.get() >= at {
                return Poll::Ready(());
            }
            let (wake, cause) = (self.kernel.wake_ref(cx), inner.cause.get());
            let token = scheduler.timers.arm(wake, cause, self.node, self.deadline, at);
            drop(scheduler);
            self.kernel.push_timer(at, token);
            self.token = Some(token);
        }
        self.kernel.waits_for(Wait { what: "the timer at", which: self.deadline.get() });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.kernel.inner.scheduler.borrow_mut().timers.disarm(token);
        }
    }
}
