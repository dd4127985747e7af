//! Timers: a slab of armed deadlines and the future that waits for one. Reads no node's clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::{Nanos, Seq};

use super::kernel::Kernel;
use super::task::WakeRef;
use super::wait::Wait;

#[derive(Default)]
struct Slot {
    generation: u32,
    wake: Option<WakeRef>,
    cause: Seq,
    fired: bool,
}

/// The armed timers of a simulation.
#[derive(Default)]
pub(super) struct Timers {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Timers {
    /// A token that names the new timer in the event queue.
    fn arm(&mut self, wake: WakeRef, cause: Seq) -> u64 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[at as usize];
        slot.wake = Some(wake);
        slot.cause = cause;
        slot.fired = false;
        u64::from(slot.generation) << 32 | u64::from(at)
    }

    fn slot(&mut self, token: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(token as u32 as usize)?;
        (u64::from(slot.generation) == token >> 32).then_some(slot)
    }

    /// Marks the timer as fired: whom to wake, and what armed it. `None` if it was disarmed.
    pub(super) fn fire(&mut self, token: u64) -> Option<(WakeRef, Seq)> {
        let slot = self.slot(token)?;
        slot.fired = true;
        Some((slot.wake.take()?, slot.cause))
    }

    fn disarm(&mut self, token: u64) {
        if let Some(slot) = self.slot(token) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.wake = None;
            self.free.push(token as u32);
        }
    }
}

/// Waits until a point of virtual time. Dropping it disarms the timer.
#[derive(Debug)]
#[must_use = "a timer does nothing unless awaited"]
pub struct Sleep {
    kernel: Kernel,
    deadline: Nanos,
    token: Option<u64>,
}

impl Sleep {
    pub(super) fn new(kernel: Kernel, deadline: Nanos) -> Self {
        Self { kernel, deadline, token: None }
    }

    /// The virtual time at which it ends.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        self.deadline
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &self.kernel.inner;
        if inner.now.get() >= self.deadline {
            return Poll::Ready(());
        }
        let wake = self.kernel.wake_ref(cx);
        let mut scheduler = inner.scheduler.borrow_mut();
        if let Some(slot) = self.token.and_then(|token| scheduler.timers.slot(token)) {
            slot.wake = Some(wake);
        } else {
            let token = scheduler.timers.arm(wake, inner.cause.get());
            drop(scheduler);
            self.kernel.push_timer(self.deadline, token);
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
