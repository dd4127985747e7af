//! Work on legs: sent to each that is not dead, until each has done it or is given up (rule 6). What is to be
//! done where is for others to say.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{Epoch, LegIndex, Payload};
use crate::layout::{COPIES_MAX, LegSet};
use crate::sim::Sleep;

use super::calls::{Call, Reply, To};
use super::io::{FAILURES_MAX, IoError, RETRIES, failed_again};
use super::volume::Volume;
use crate::base::planted;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegStatus, Topology, Wire};

/// What is to be done on legs, at a place of theirs.
#[derive(Clone)]
pub(super) enum Work {
    Write { at: u64, data: Payload, fua: bool },
    Poison { at: u64 },
    Flush,
}

impl Work {
    fn message(&self, cookie: u64, volume: &Volume, leg: LegIndex, epoch: Epoch) -> Wire {
        let size = volume.client.map.block_size;
        let volume = volume.spec.id;
        match self {
            Self::Write { at, data, fua } => {
                let (block, data, fua) = (*at, data.clone(), *fua);
                Wire::Write { cookie, volume, leg, epoch, block, data, size, fua }
            }
            Self::Poison { at } => {
                Wire::Poison { cookie, volume, leg, epoch, block: *at, blocks: 1 }
            }
            Self::Flush => Wire::Flush { cookie, volume, leg, epoch },
        }
    }
}

/// Sends a request to a leg, if it can be reached.
pub(super) fn request(
    volume: &Volume,
    leg: LegIndex,
    epoch: Epoch,
    message: impl FnOnce(u64, Epoch) -> Wire,
) -> Option<Call> {
    let link = volume.link(leg);
    if !link.is_up() {
        return None;
    }
    let to = To { target: link.target, disk: volume.disk(leg), volume: volume.spec.id, leg };
    volume.client.calls.send(to, link, |cookie| message(cookie, epoch))
}

/// Work under way on every written leg of a set, until each of them has done it or is dead.
pub(super) struct Put {
    volume: Rc<Volume>,
    work: Work,
    /// Neighbouring legs, the first of which has the first place in the tables below.
    window: LegSet,
    /// Those of them that are to do it.
    legs: LegSet,
    done: LegSet,
    grant: u64,
    /// Those in the window that are written under the grant.
    written: LegSet,
    /// The topology's `cold` that `done` counts from.
    cold: Epoch,
    calls: [Option<(Call, u64)>; Put::LEGS_MAX],
    /// The grant under which a leg refused or failed: it is asked again under a later one.
    held: [u64; Put::LEGS_MAX],
    failures: u32,
    retry: Option<Pin<Box<Sleep>>>,
}

impl Put {
    /// The most neighbouring legs that one work is done on.
    pub(super) const LEGS_MAX: usize = COPIES_MAX;

    /// Work for `legs`, all of which are in the `window` of at most [`Put::LEGS_MAX`] neighbours.
    pub(super) fn new(volume: &Rc<Volume>, work: Work, window: LegSet, legs: LegSet) -> Self {
        Self {
            volume: volume.clone(),
            work,
            window,
            legs,
            done: LegSet::NONE,
            grant: 0,
            written: LegSet::NONE,
            cold: Epoch::new(0),
            calls: Default::default(),
            held: [0; Self::LEGS_MAX],
            failures: 0,
            retry: None,
        }
    }

    /// The leg's place in the tables.
    fn place(&self, leg: LegIndex) -> usize {
        leg.index() - self.window.first().index()
    }

    /// Takes note of a new grant: what a leg did before it died, or where it was before, counts no longer.
    fn follow(&mut self, topology: &Topology) {
        let grant = self.volume.grant();
        if self.grant == grant {
            return;
        }
        self.written = topology.modes.written_set() & self.window;
        let since = std::mem::replace(&mut self.grant, grant);
        if since == 0 {
            self.cold = topology.cold;
        } else {
            self.follow_on(topology, since);
        }
    }

    /// The grant is another than the one followed since.
    #[cold]
    fn follow_on(&mut self, topology: &Topology, since: u64) {
        let handle = &self.volume.client.handle;
        crate::sometimes!(handle, true, probes::WRITE_UNDER_NEW_GRANT);
        if topology.cold != self.cold {
            // What legs had done may have gone with their caches, also if they have yet to tell.
            self.cold = topology.cold;
            self.done = LegSet::NONE;
            self.calls = Default::default();
        }
        let modes = &topology.modes;
        let is_gone =
            |leg: &LegIndex| modes.of(*leg) == LegMode::Dead || self.volume.moved(*leg) > since;
        let gone: LegSet = self.window.iter().filter(is_gone).collect();
        for leg in gone.iter() {
            crate::sometimes!(handle, self.done.has(leg), probes::WRITE_ON_DYING_LEG);
            self.done.remove(leg);
            let at = self.place(leg);
            self.calls[at] = None;
        }
    }

    /// Moves one leg on. Says whether anything changed.
    fn step(&mut self, leg: LegIndex, epoch: Epoch, cx: &mut Context<'_>) -> bool {
        let at = self.place(leg);
        if let Some((call, grant)) = &mut self.calls[at] {
            let grant = *grant;
            let Poll::Ready(reply) = Pin::new(call).poll(cx) else { return false };
            self.calls[at] = None;
            self.answered(leg, grant, &reply);
            return true;
        }
        if self.held[at] == self.grant {
            return false;
        }
        let (work, volume) = (&self.work, &self.volume);
        let message = |cookie, epoch| work.message(cookie, volume, leg, epoch);
        let Some(call) = request(volume, leg, epoch, message) else { return false };
        call.wait(self.calls.iter().flatten().map(|(other, _)| other).next(), cx);
        self.calls[at] = Some((call, self.grant));
        false
    }

    /// Whether all legs have done it when first asked, under the grant that still holds: it mostly ends so.
    fn is_plainly_done(&self) -> bool {
        let has_done = |leg: LegIndex| {
            let call = self.calls[self.place(leg)].as_ref();
            call.is_some_and(|(call, _)| call.is_done())
        };
        let due = self.written & self.legs;
        !due.is_empty()
            && self.grant == self.volume.grant()
            && !self.volume.is_lost()
            && self.failures == 0
            && due.iter().all(has_done)
    }

    fn answered(&mut self, leg: LegIndex, grant: u64, reply: &Reply) {
        match reply {
            Reply::Answer(LegStatus::Ok, _) => self.done.add(leg),
            _ => self.not_done(leg, grant, reply),
        }
    }

    #[cold]
    fn not_done(&mut self, leg: LegIndex, grant: u64, reply: &Reply) {
        match reply {
            Reply::Answer(LegStatus::Ok, _) => {}
            Reply::Answer(LegStatus::WrongEpoch, _) => {
                let at = self.place(leg);
                self.held[at] = grant;
            }
            Reply::Answer(LegStatus::Disk(status), _) => {
                if planted!(RetryDnrForever) {
                    return;
                }
                self.failures = failed_again(self.failures, &self.volume);
                if status.dnr() || self.failures > RETRIES {
                    self.fail(leg, grant);
                }
            }
            Reply::Answer(LegStatus::Unusable, _) | Reply::Intent(_) => {
                self.failures = failed_again(self.failures, &self.volume);
                self.fail(leg, grant);
            }
            Reply::TimedOut if planted!(TimeoutMeansDone) => self.done.add(leg),
            Reply::TimedOut => self.volume.report_failed(leg),
            // It is sent again over the next connection; `monitor` reports a leg that stays away.
            Reply::Lost => {}
        }
    }

    /// Whether a planted bug takes it for done.
    fn is_done_too_early(&self, topology: &Topology) -> bool {
        let in_sync = topology.modes.legs_in(LegMode::ReadWrite);
        match self.work {
            Work::Flush => !self.done.is_empty() && planted!(FlushOnlyOneMirror),
            _ if planted!(AckBeforeSecondMirror) => !self.done.is_empty(),
            _ => {
                let mut asked = in_sync.filter(|leg| self.legs.has(*leg));
                planted!(AckWithoutRebuiltLeg) && asked.all(|leg| self.done.has(leg))
            }
        }
    }

    /// Takes back what has not been answered: after this, the connection that carried it is over, and
    /// nothing of it can land on top of what is written next.
    #[cold]
    fn give_up(&mut self) {
        for leg in self.window.iter() {
            let at = self.place(leg);
            if self.calls[at].take().is_some() {
                crate::sometimes!(self.volume.client.handle, true, probes::WRITE_GIVEN_UP);
                self.volume.link(leg).close();
            }
        }
    }

    fn fail(&mut self, leg: LegIndex, grant: u64) {
        let at = self.place(leg);
        self.held[at] = grant;
        if planted!(AckFailedLegBeforeManager) {
            self.done.add(leg);
        }
        if grant == self.volume.grant() {
            self.volume.report_failed(leg);
        }
        if self.retry.is_none() {
            let pause = self.volume.client.map.timing.patience;
            self.retry = Some(Box::pin(self.volume.client.handle.sleep(pause)));
        }
    }

    /// Whether it is time to ask legs again that failed and were not given up.
    #[cold]
    fn is_retry_due(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.retry.as_mut().is_some_and(|retry| retry.as_mut().poll(cx).is_ready());
        if due {
            crate::sometimes!(self.volume.client.handle, true, probes::WRITE_RETRIED);
            self.retry = None;
            self.held = [0; Self::LEGS_MAX];
            self.volume.report_anew();
        }
        due
    }
}

impl Future for Put {
    type Output = Result<(), IoError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.is_plainly_done() {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.volume.is_lost() || this.failures > FAILURES_MAX {
                this.give_up();
                return Poll::Ready(Err(this.volume.doubt()));
            }
            let Some(topology) = this.volume.topology() else { break };
            this.follow(&topology);
            let (mut missing, mut moved) = (false, false);
            for leg in (this.written & this.legs & !this.done).iter() {
                moved |= this.step(leg, topology.epoch, cx);
                missing |= !this.done.has(leg);
            }
            missing &= !this.is_done_too_early(&topology);
            if !missing {
                return Poll::Ready(Ok(()));
            }
            if !moved && (this.retry.is_none() || !this.is_retry_due(cx)) {
                break;
            }
        }
        // A leg without a call waits for a connection or a grant; calls are nudged by a grant.
        let mut waiting = (this.written & !this.done).iter();
        if this.volume.topology().is_none()
            || waiting.any(|leg| this.calls[this.place(leg)].is_none())
        {
            this.volume.changed.register(cx);
        }
        Poll::Pending
    }
}
