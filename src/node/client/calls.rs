//! Requests under way: who waits for which answer, on which target, since when. A client has no more under way on a
//! disk than the disk takes; what is more waits here for its turn, as the commands of an NVMe queue that is full wait in
//! the host, and what has not been sent cannot be late.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{DiskId, LegIndex, Nanos, NodeId, Payload, VolumeId, planted};
use crate::sim::{NodeHandle, Wait, WakeRef};

use super::pace::Paces;
use super::target_link::TargetLink;
use crate::node::config::ClusterMap;
use crate::node::layout::IntentMap;
use crate::node::probes;
use crate::node::protocol::{LegStatus, Took, Wire};

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

/// Whom a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct To {
    pub(super) target: NodeId,
    pub(super) disk: DiskId,
    pub(super) volume: VolumeId,
    pub(super) leg: LegIndex,
}

struct Entry {
    /// The next request of the same work: those of one work are a ring.
    next: Option<u64>,
    to: To,
    /// Whether it has one of the places of its disk's window: it was sent then, and has no answer yet.
    is_sent: bool,
    /// Whether nobody waits for it any more. It was sent, so it keeps its place and its deadline until it is answered,
    /// lost or late: a target that never answers must not keep it for ever.
    is_abandoned: bool,
    sent: Nanos,
    waiter: Option<WakeRef>,
    reply: Option<Reply>,
}

/// The requests of one client. Clones share them.
#[derive(Clone)]
pub(super) struct Calls(Rc<Shared>);

struct Shared {
    handle: NodeHandle,
    slots: RefCell<Slots>,
    /// By disk.
    windows: RefCell<Vec<Window>>,
    /// How many requests a disk takes at a time.
    depth: u32,
    paces: Paces,
}

/// What is under way on one disk, and what waits for its turn, in order.
#[derive(Default)]
struct Window {
    under_way: u32,
    held: VecDeque<Held>,
}

/// A request that is still to be sent, if it is wanted then.
struct Held {
    cookie: u64,
    link: Rc<TargetLink>,
    message: Wire,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    /// Whether another request of the same work that is still wanted surely has no answer yet, by the ring from the next
    /// one on. One that was abandoned keeps its place in the ring.
    fn waits_for_others(&mut self, cookie: u64, mut next: Option<u64>) -> bool {
        while let Some(at) = next.filter(|at| *at != cookie) {
            match self.find(at) {
                Some(entry) if entry.reply.is_none() && !entry.is_abandoned => return true,
                other => next = other.and_then(|entry| entry.next),
            }
        }
        false
    }

    fn find(&mut self, cookie: u64) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(cookie as u32 as usize)?;
        if u64::from(slot.generation) == cookie >> 32 { slot.call.as_mut() } else { None }
    }

    /// Gives the slot of a request to the next one: its cookie says nothing any more.
    fn free(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        slot.generation = slot.generation.wrapping_add(1);
        slot.call = None;
        self.free.push(at as u32);
    }
}

impl Calls {
    pub(super) fn new(handle: &NodeHandle, map: &ClusterMap) -> Self {
        let places = map.volumes.iter().flat_map(|volume| volume.places());
        let disks = places.map(|(_, place)| place.disk.index() + 1).max().unwrap_or(0);
        Self(Rc::new(Shared {
            handle: handle.clone(),
            slots: RefCell::default(),
            windows: RefCell::new(std::iter::repeat_with(Window::default).take(disks).collect()),
            depth: map.queue_depth,
            paces: Paces::new(map.volumes.len()),
        }))
    }

    /// How fast the legs are.
    pub(super) fn paces(&self) -> &Paces {
        &self.0.paces
    }

    /// Sends a request, at once or when its disk has room for it; its cookie goes with the message. None if there is
    /// no connection.
    pub(super) fn send(
        &self,
        to: To,
        link: &Rc<TargetLink>,
        message: impl FnOnce(u64) -> Wire,
    ) -> Option<Call> {
        let has_room = {
            let window = &mut self.0.windows.borrow_mut()[to.disk.index()];
            let has_room = window.under_way < self.0.depth;
            window.under_way += u32::from(has_room);
            has_room
        };
        let call = self.open(to, has_room);
        let message = message(call.cookie);
        if has_room {
            if link.send(message).is_err() {
                self.answer(call.cookie, Reply::Lost, Took::Unknown);
                return None;
            }
            return Some(call);
        }
        crate::sometimes!(self.0.handle, true, probes::REQUEST_HELD);
        let held = Held { cookie: call.cookie, link: link.clone(), message };
        self.0.windows.borrow_mut()[to.disk.index()].held.push_back(held);
        Some(call)
    }

    fn open(&self, to: To, is_sent: bool) -> Call {
        let mut slots = self.0.slots.borrow_mut();
        let at = slots.free.pop().unwrap_or_else(|| {
            slots.slots.push(Slot { generation: 0, call: None });
            (slots.slots.len() - 1) as u32
        });
        let slot = &mut slots.slots[at as usize];
        let (sent, waiter, reply) = (self.0.handle.monotonic(), None, None);
        let is_abandoned = false;
        slot.call = Some(Entry { next: None, to, is_sent, is_abandoned, sent, waiter, reply });
        let cookie = u64::from(slot.generation) << 32 | u64::from(at);
        Call { calls: self.clone(), cookie }
    }

    /// One request less is under way on a disk. Says whether others wait for that.
    fn leave(&self, disk: DiskId) -> bool {
        let window = &mut self.0.windows.borrow_mut()[disk.index()];
        window.under_way -= 1;
        !window.held.is_empty()
    }

    /// Sends what waits for a disk, as far as there is room.
    #[cold]
    fn send_held(&self, disk: DiskId) {
        while let Some(Held { cookie, link, message }) = self.next_held(disk) {
            if link.send(message).is_err() {
                self.settle(cookie, Reply::Lost, Took::Unknown);
            }
        }
    }

    /// The next request that waits for a disk and is still wanted, if there is room for it.
    fn next_held(&self, disk: DiskId) -> Option<Held> {
        let window = &mut self.0.windows.borrow_mut()[disk.index()];
        let mut slots = self.0.slots.borrow_mut();
        while window.under_way < self.0.depth {
            let held = window.held.pop_front()?;
            if let Some(entry) = slots.find(held.cookie).filter(|entry| entry.reply.is_none()) {
                (entry.is_sent, entry.sent) = (true, self.0.handle.monotonic());
                window.under_way += 1;
                return Some(held);
            }
        }
        None
    }

    /// Hands an answer to whoever waits for it, with how long the disk took for it; an answer that nobody waits for
    /// is dropped. What waits for the place of the request goes next.
    pub(super) fn answer(&self, cookie: u64, reply: Reply, took: Took) {
        if let Some(disk) = self.settle(cookie, reply, took) {
            self.send_held(disk);
        }
    }

    /// Hands an answer to whoever waits for it. Good news waits until all other requests of the same work have their
    /// answers, too. Gives the disk on which others wait for the request's place.
    fn settle(&self, cookie: u64, reply: Reply, took: Took) -> Option<DiskId> {
        let mut slots = self.0.slots.borrow_mut();
        let good = matches!(reply, Reply::Answer(LegStatus::Ok, _));
        let entry = slots.find(cookie)?;
        let To { disk, volume, leg, .. } = entry.to;
        if entry.is_abandoned {
            slots.free(cookie as u32 as usize);
            return self.leave(disk).then_some(disk);
        }
        self.0.paces.note((volume, leg), took);
        entry.reply = Some(reply);
        let others_wait = std::mem::take(&mut entry.is_sent) && self.leave(disk);
        let next = entry.next;
        let mut waiter = None;
        if !(good && slots.waits_for_others(cookie, next)) {
            waiter = slots.find(cookie).and_then(|entry| entry.waiter.take());
        }
        drop(slots);
        if let Some(waiter) = waiter {
            self.0.handle.kernel().wake(waiter);
        }
        others_wait.then_some(disk)
    }

    /// Answers every open request to this target with [`Reply::Lost`].
    pub(super) fn lose(&self, target: NodeId) {
        self.answer_all(|entry| entry.to.target == target, &Reply::Lost);
    }

    /// Answers every request sent before `since` with [`Reply::TimedOut`] if, by its target and the time of its
    /// sending, it `is_late`, and forgets it where nobody waits for it any more; says whom they were for.
    pub(super) fn time_out(
        &self,
        since: Nanos,
        is_late: impl Fn(NodeId, Nanos) -> bool,
    ) -> Vec<To> {
        let late = |entry: &Entry| {
            entry.is_sent && entry.sent < since && is_late(entry.to.target, entry.sent)
        };
        let mut whom = Vec::new();
        for slot in &self.0.slots.borrow().slots {
            let open = slot.call.as_ref().filter(|e| e.reply.is_none() && late(e));
            let Some(entry) = open else { continue };
            let is_unwanted = entry.is_abandoned;
            crate::sometimes!(self.0.handle, is_unwanted, probes::UNWANTED_TIMED_OUT);
            if !whom.contains(&entry.to) {
                whom.push(entry.to);
            }
        }
        if !whom.is_empty() {
            self.answer_all(late, &Reply::TimedOut);
        }
        whom
    }

    fn answer_all(&self, which: impl Fn(&Entry) -> bool, reply: &Reply) {
        let (mut waiters, mut disks) = (Vec::new(), Vec::new());
        let mut slots = self.0.slots.borrow_mut();
        for at in 0..slots.slots.len() {
            let open = slots.slots[at].call.as_mut().filter(|e| e.reply.is_none() && which(e));
            let Some(entry) = open else { continue };
            entry.reply = Some(reply.clone());
            waiters.extend(entry.waiter.take());
            if std::mem::take(&mut entry.is_sent) && self.leave(entry.to.disk) {
                disks.push(entry.to.disk);
            }
            if entry.is_abandoned {
                slots.free(at);
            }
        }
        drop(slots);
        waiters.into_iter().for_each(|waiter| self.0.handle.kernel().wake(waiter));
        disks.into_iter().for_each(|disk| self.send_held(disk));
    }

    /// Lets everybody who waits for an answer about this volume look again.
    pub(super) fn nudge(&self, volume: VolumeId) {
        let mut waiters = Vec::new();
        for slot in &mut self.0.slots.borrow_mut().slots {
            if let Some(entry) = slot.call.as_mut().filter(|entry| entry.to.volume == volume) {
                waiters.extend(entry.waiter.clone());
            }
        }
        waiters.into_iter().for_each(|waiter| self.0.handle.kernel().wake(waiter));
    }
}

/// A request under way. Dropping it forgets it: its answer will be ignored. One that was sent still has to be
/// answered in time, or its connection goes.
pub(super) struct Call {
    calls: Calls,
    cookie: u64,
}

impl Call {
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
        (entry.next, entry.waiter) = (next, Some(shared.handle.kernel().wake_ref(cx)));
        shared.handle.kernel().waits_for(awaits(entry.to.target));
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
        entry.waiter = Some(self.calls.0.handle.kernel().wake_ref(cx));
        self.calls.0.handle.kernel().waits_for(awaits(entry.to.target));
        Poll::Pending
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut slots = self.calls.0.slots.borrow_mut();
        let entry = slots.find(self.cookie).expect("a call's slot is its own");
        // Whoever it wakes may have requests of its own, and is dropped when nothing is borrowed.
        let _waiter = entry.waiter.take();
        if entry.is_sent && !planted!(AbandonedRequestForgotten) {
            entry.is_abandoned = true;
        } else {
            slots.free(self.cookie as u32 as usize);
        }
        drop(slots);
    }
}
