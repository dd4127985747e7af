//! A target's conversation with the manager: reports its legs, moves them to new epochs when told.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::base::history::FenceRaised;
use crate::base::{Epoch, LegIndex, Nanos, PlaceIndex, VolumeId};
use crate::net::port::Closed;

use super::boot::Target;
use super::leg::Leg;
use crate::base::planted;
use crate::base::protocol::RegistrationStarted;
use crate::node::channel::Channel;
use crate::node::link::ManagerLink;
use crate::node::probes;
use crate::node::protocol::Wire;
use crate::sim::NodeHandle;

/// Keeps the manager informed for the life of the target.
pub(super) async fn run(target: Rc<Target>) {
    loop {
        let answered = Rc::new(Cell::new(Nanos::ZERO));
        let (handle, port) = (&target.handle, &target.port);
        let link = ManagerLink::connect(handle, port, &target.map, answered.clone()).await;
        target.caretaker.manager_found(link.connection(), &answered);
        let _closed = converse(&target, link).await;
        target.caretaker.manager_lost();
    }
}

async fn converse(target: &Rc<Target>, mut link: ManagerLink) -> Result<(), Closed> {
    let mut told: Option<Told> = None;
    let under_way = UnderWay::default();
    loop {
        let message = poll_fn(|cx| {
            let is_new = told.as_ref().is_none_or(|told| told.is_over(target));
            let again = !is_new && told.as_ref().is_some_and(|told| told.bears_repeating(target));
            crate::sometimes!(target.handle, again, probes::TOLD_AGAIN);
            if is_new || again {
                told = Some(Told::of(target));
                let places = target.legs.iter().map(|leg| leg.report()).collect();
                if let Err(closed) = link.connection().send(Wire::TargetHello { places }) {
                    return Poll::Ready(Err(closed));
                }
            }
            target.legs.iter().for_each(|leg| leg.changed.register(cx));
            link.poll_next(cx)
        })
        .await?;
        let Wire::Register { volume, leg, place, epoch, life, again, rebuild } = message else {
            target.caretaker.told(&message);
            continue;
        };
        if let Some(found) = target.legs.iter().find(|held| held.is_at(volume, place)) {
            let (held, connection) = (found.clone(), link.connection().clone());
            let asked = Asked { leg, epoch, life, again, rebuild };
            let Some(asked) = under_way.begin((volume, place), asked) else {
                crate::sometimes!(target.handle, true, probes::ASKED_AGAIN);
                continue;
            };
            let registration = answer_registration(target.clone(), held, asked, connection);
            target.handle.spawn("target.register", registration);
        }
    }
}

/// What the manager was told of the legs last, and when.
struct Told {
    legs: Vec<(bool, u64)>,
    at: Nanos,
}

impl Told {
    fn of(target: &Target) -> Self {
        Self { legs: Self::now(target).collect(), at: target.handle.monotonic() }
    }

    /// A leg that failed and was read again meanwhile is no longer registered, though it is as
    /// usable as when the manager was told. Registrations have their own answers.
    fn now(target: &Target) -> impl Iterator<Item = (bool, u64)> {
        target.legs.iter().map(|leg| (leg.report().usable, leg.loads()))
    }

    /// Whether something else is to be told now.
    fn is_over(&self, target: &Target) -> bool {
        Self::now(target).ne(self.legs.iter().copied())
    }

    /// Whether it is to be told again, for there are legs that could serve and were not asked to for so long: what has
    /// arrived at the manager may have been overlooked there.
    fn bears_repeating(&self, target: &Target) -> bool {
        let age = target.handle.monotonic().saturating_sub(self.at);
        let idle = |leg: &Rc<Leg>| {
            let report = leg.report();
            report.usable && report.registered == Epoch::new(0)
        };
        age >= target.map.timing.register_timeout && target.legs.iter().any(idle)
    }
}

/// Registrations that a conversation asked for and that have no answer yet. What is asked again meanwhile has that answer:
/// a manager whose words were held back asks for the same thousands of times at once.
#[derive(Clone, Default)]
struct UnderWay(Rc<RefCell<Vec<Registration>>>);

type Registration = ((VolumeId, PlaceIndex), Asked);

/// A registration under way, until it is dropped.
struct Begun {
    asked: Asked,
    at: (VolumeId, PlaceIndex),
    under_way: UnderWay,
}

impl UnderWay {
    fn begin(&self, at: (VolumeId, PlaceIndex), asked: Asked) -> Option<Begun> {
        let mut known = self.0.borrow_mut();
        if known.contains(&(at, asked)) {
            return None;
        }
        known.push((at, asked));
        Some(Begun { asked, at, under_way: self.clone() })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let this = (self.at, self.asked);
        self.under_way.0.borrow_mut().retain(|known| *known != this);
    }
}

/// What a place is to be registered as.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked {
    leg: LegIndex,
    epoch: Epoch,
    life: u32,
    again: bool,
    rebuild: Epoch,
}

async fn answer_registration(
    target: Rc<Target>,
    held: Rc<Leg>,
    begun: Begun,
    connection: Rc<Channel>,
) {
    let Asked { leg, epoch, life, again, .. } = begun.asked;
    let ok = register(&target, &held, begun.asked).await
        && (!again || confirm(&target.handle, &held, epoch).await);
    let volume = held.volume.id;
    let answer = Wire::Registered { volume, leg, epoch, life, again, ok };
    // A manager that is gone asks again when it is back.
    let _closed = connection.send(answer);
}

/// Fences the leg at `epoch`, drains what older epochs left, puts the generation on the disk. Refuses when
/// the device is not in the `life` that the manager knew of, or fails on the way: what it lost by then, the
/// manager did not reckon with.
async fn register(target: &Target, leg: &Rc<Leg>, asked: Asked) -> bool {
    let Asked { leg: index, epoch, life, rebuild, .. } = asked;
    if leg.life() != life {
        crate::sometimes!(target.handle, true, probes::REGISTERED_IN_ANOTHER_LIFE);
        return false;
    }
    if leg.is_ready_at(epoch) {
        return true;
    }
    let (disk, volume) = (leg.drive.id(), leg.volume.id);
    target.handle.emit(&RegistrationStarted { volume, leg: index, epoch, disk });
    if !leg.fence(epoch) {
        return false;
    }
    crate::sometimes!(target.handle, !leg.is_drained(), probes::FENCED_IN_FLIGHT);
    let loads = leg.loads();
    let superseded = || !leg.is_fenced_at(epoch, loads);
    let is_drained = || leg.is_drained() || planted!(NoDrainAtRegistration);
    let drained = || (superseded() || is_drained()).then_some(());
    let patience = target.map.timing.drain;
    if target.handle.timeout(patience, leg.changed.wait_for(drained)).await.is_err() {
        // The owner would when they are late for it, and a leg that is to serve again need not wait for that.
        crate::sometimes!(target.handle, true, probes::DRAIN_ABORTED);
        tracing::debug!(place = %leg.place, %epoch, "commands that don't end are aborted");
        // A write of metadata is the keeper's, whose driver sees to it.
        target.end_sessions(&leg.holders());
        leg.changed.wait_for(drained).await;
    }
    if superseded() {
        crate::sometimes!(target.handle, true, probes::REGISTRATION_SUPERSEDED);
        return false;
    }
    // Nothing of an older epoch is served here any more, nor of another leg.
    leg.hold(index, rebuild);
    if leg.is_new_to(rebuild) {
        // Before the superblock says so: what is not marked after that is up to date.
        crate::sometimes!(target.handle, true, probes::MARKED_FOR_REBUILD);
        leg.mark_all();
        let marked = || (superseded() || leg.is_marked_all()).then_some(());
        leg.changed.wait_for(marked).await;
        if superseded() {
            return false;
        }
    } else if rebuild > Epoch::new(0) {
        crate::sometimes!(target.handle, !leg.is_marked_all(), probes::REBUILD_TAKEN_UP);
    }
    leg.want_generation(epoch, rebuild);
    let written = || (superseded() || leg.has_generation(epoch, rebuild)).then_some(());
    leg.changed.wait_for(written).await;
    if superseded() {
        return false;
    }
    target.handle.emit(&FenceRaised {
        disk,
        volume,
        leg: index,
        first: leg.extent.data,
        blocks: leg.extent.blocks + leg.extent.journal_blocks,
        epoch,
    });
    leg.serve(epoch);
    true
}

/// Notes on the leg's disk, past its cache, that the leg was asked for `epoch` when it might be granted. So a
/// leg whose superblock does not say so lost its cache, if it has, while nobody could have been told of `epoch`.
async fn confirm(handle: &NodeHandle, leg: &Leg, epoch: Epoch) -> bool {
    let loads = leg.loads();
    let superseded = || !leg.is_fenced_at(epoch, loads);
    if superseded() {
        crate::sometimes!(handle, true, probes::REGISTRATION_SUPERSEDED);
        return false;
    }
    leg.want_confirmed(epoch);
    let noted = || (superseded() || leg.has_confirmed(epoch)).then_some(());
    leg.changed.wait_for(noted).await;
    !superseded()
}
