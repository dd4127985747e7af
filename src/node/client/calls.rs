//! Requests under way: who waits for which answer, on which target, since when.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{LegIndex, Nanos, NodeId, Payload, VolumeId};
use crate::sim::{Kernel, Wait, WakeRef};

use super::pace::Paces;
use crate::node::layout::IntentMap;
use crate::node::protocol::{LegStatus, Took};

/// What became of a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// The target answered.
    Answer(LegStatus, Payload),
    /// The target told the marks of a leg.
    Intent(Rc<IntentMap>),
    /// The connection was lost first: done or not, nobody knows.
    Lost,
    /// No answer came in time: done or not, or still to be done.
    TimedOut,
}

struct Slot {
    generation: u32,
    call: Option<Entry>,
}

struct Entry {
    /// The next request of the same work: those of one work are a ring.
    next: Option<u64>,
    target: NodeId,
    volume: VolumeId,
    leg: LegIndex,
    sent: Nanos,
    waiter: Option<WakeRef>,
    reply: Option<Reply>,
}

/// The requests of one client. Clones share them.
#[derive(Clone)]
pub(super) struct Calls(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    slots: RefCell<Slots>,
    paces: Paces,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    /// Whether another request of the same work surely has no answer yet, by the ring from the next one on.
    fn waits_for_others(&mut self, cookie: u64, mut next: Option<u64>) -> bool {
        while let Some(at) = next.filter(|at| *at != cookie) {
            match self.find(at) {
                Some(entry) if entry.reply.is_none() => return true,
                other => next = other.and_then(|entry| entry.next),
            }
        }
        false
    }

    fn find(&mut self, cookie: u64) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(cookie as u32 as usize)?;
        if u64::from(slot.generation) == cookie >> 32 { slot.call.as_mut() } else { None }
    }
}

impl Calls {
    pub(super) fn new(kernel: &Kernel, volumes: usize) -> Self {
        let (slots, paces) = (RefCell::default(), Paces::new(volumes));
        Self(Rc::new(Shared { kernel: kernel.clone(), slots, paces }))
    }

    /// How fast the legs are.
    pub(super) fn paces(&self) -> &Paces {
        &self.0.paces
    }

    /// Opens a request; its cookie goes with the message.
    pub(super) fn open(&self, target: NodeId, volume: VolumeId, leg: LegIndex, now: Nanos) -> Call {
        let mut slots = self.0.slots.borrow_mut();
        let at = slots.free.pop().unwrap_or_else(|| {
            slots.slots.push(Slot { generation: 0, call: None });
            (slots.slots.len() - 1) as u32
        });
        let slot = &mut slots.slots[at as usize];
        let (waiter, reply) = (None, None);
        slot.call = Some(Entry { next: None, target, volume, leg, sent: now, waiter, reply });
        let cookie = u64::from(slot.generation) << 32 | u64::from(at);
        Call { calls: self.clone(), cookie }
    }

    /// Hands an answer to whoever waits for it, with how long the disk took for it; an answer that nobody waits for
    /// is dropped. Good news waits until all other requests of the same work have their answers, too.
    pub(super) fn answer(&self, cookie: u64, reply: Reply, took: Took) {
        let mut slots = self.0.slots.borrow_mut();
        let good = matches!(reply, Reply::Answer(LegStatus::Ok, _));
        let Some(entry) = slots.find(cookie) else { return };
        self.0.paces.note((entry.volume, entry.leg), took);
        entry.reply = Some(reply);
        let next = entry.next;
        if good && slots.waits_for_others(cookie, next) {
            return;
        }
        let waiter = slots.find(cookie).and_then(|entry| entry.waiter.take());
        drop(slots);
        if let Some(waiter) = waiter {
            self.0.kernel.wake(waiter);
        }
    }

    /// Answers every open request to this target with [`Reply::Lost`].
    pub(super) fn lose(&self, target: NodeId) {
        self.answer_all(|entry| entry.target == target, &Reply::Lost);
    }

    /// Answers every request sent before `since` with [`Reply::TimedOut`] if, by its target and the time of its
    /// sending, it `is_late`; says to which legs.
    pub(super) fn time_out(
        &self,
        since: Nanos,
        is_late: impl Fn(NodeId, Nanos) -> bool,
    ) -> Vec<(NodeId, VolumeId, LegIndex)> {
        let late = |entry: &Entry| entry.sent < since && is_late(entry.target, entry.sent);
        let mut legs: Vec<(NodeId, VolumeId, LegIndex)> = Vec::new();
        for slot in &self.0.slots.borrow().slots {
            if let Some(entry) = slot.call.as_ref().filter(|e| e.reply.is_none() && late(e)) {
                let leg = (entry.target, entry.volume, entry.leg);
                if !legs.contains(&leg) {
                    legs.push(leg);
                }
            }
        }
        if !legs.is_empty() {
            self.answer_all(late, &Reply::TimedOut);
        }
        legs
    }

    fn answer_all(&self, which: impl Fn(&Entry) -> bool, reply: &Reply) {
        let mut waiters = Vec::new();
        for slot in &mut self.0.slots.borrow_mut().slots {
            if let Some(entry) = slot.call.as_mut().filter(|e| e.reply.is_none() && which(e)) {
                entry.reply = Some(reply.clone());
                waiters.extend(entry.waiter.take());
            }
        }
        waiters.into_iter().for_each(|waiter| self.0.kernel.wake(waiter));
    }

    /// Lets everybody who waits for an answer about this volume look again.
    pub(super) fn nudge(&self, volume: VolumeId) {
        let mut waiters = Vec::new();
        for slot in &mut self.0.slots.borrow_mut().slots {
            if let Some(entry) = slot.call.as_mut().filter(|entry| entry.volume == volume) {
                waiters.extend(entry.waiter.clone());
            }
        }
        waiters.into_iter().for_each(|waiter| self.0.kernel.wake(waiter));
    }
}

/// A request under way. Dropping it forgets it: its answer will be ignored.
pub(super) struct Call {
    calls: Calls,
    cookie: u64,
}

impl Call {
    pub(super) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Has whoever is polled woken when it is answered, which it cannot be yet, and so is every other request
    /// of the same work: one of them is `beside`, if there are others.
    pub(super) fn wait(&self, beside: Option<&Self>, cx: &Context<'_>) {
        let shared = &*self.calls.0;
        let slots = &mut *shared.slots.borrow_mut();
        let mut next = None;
        if let Some(other) = beside
            && let Some(entry) = slots.find(other.cookie)
        {
            next = Some(entry.next.replace(self.cookie).unwrap_or(other.cookie));
        }
        let entry = slots.find(self.cookie).expect("a call's slot is its own");
        assert!(entry.reply.is_none(), "an answer takes a message");
        (entry.next, entry.waiter) = (next, Some(shared.kernel.wake_ref(cx)));
        shared.kernel.waits_for(awaits(entry.target));
    }

    /// Whether it was answered, and is done.
    pub(super) fn is_done(&self) -> bool {
        let mut slots = self.calls.0.slots.borrow_mut();
        let reply = slots.find(self.cookie).and_then(|entry| entry.reply.as_ref());
        matches!(reply, Some(Reply::Answer(LegStatus::Ok, _)))
    }
}

/// What whoever waits for an answer of a target waits for.
fn awaits(target: NodeId) -> Wait {
    Wait { what: "an answer of node", which: u64::from(target.get()) }
}

impl Future for Call {
    type Output = Reply;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        let mut slots = self.calls.0.slots.borrow_mut();
        let entry = slots.find(self.cookie).expect("a call's slot is its own");
        if let Some(reply) = entry.reply.take() {
            return Poll::Ready(reply);
        }
        entry.waiter = Some(self.calls.0.kernel.wake_ref(cx));
        self.calls.0.kernel.waits_for(awaits(entry.target));
        Poll::Pending
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut slots = self.calls.0.slots.borrow_mut();
        let slot = &mut slots.slots[self.cookie as u32 as usize];
        slot.call = None;
        slot.generation = slot.generation.wrapping_add(1);
        slots.free.push(self.cookie as u32);
    }
}
