//! The controller's connections to its satellites, each on a task of its own: a satellite that is slow or gone holds up
//! nobody else. Keeps them alive, takes them up again, says how they stand. Decides not what a satellite is to have.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::rows::Rows;
use super::serve::{Desk, Event};
use crate::base::control::SatelliteStatus;
use crate::base::{Nanos, NodeId};
use crate::net::port::{Closed, Port};
use crate::node::channel::{Channel, Frame};
use crate::node::config::SESSION_BYTES;
use crate::node::protocol::{Service, Wire};
use crate::node::satellite::{PROTOCOL, SatelliteTiming, Standings};
use crate::sim::Signal;

/// What a satellite has said, or how the controller stands with it.
pub(in crate::node) enum News {
    Stands(SatelliteStatus),
    /// All that it has is as of this version.
    Deployed(u64, Rc<Standings>),
}

/// A satellite, as the controller sees it.
pub(super) struct Satellite {
    target: NodeId,
    name: String,
    /// What it is to have, and as of which version.
    wanted: RefCell<Option<(u64, Rc<Rows>)>>,
    /// Somebody has heard of its node: whatever connection there was, it is taken up anew at once.
    is_called: Cell<bool>,
    /// It is another controller's business.
    is_let_go: Cell<bool>,
    changed: Signal,
}

impl Satellite {
    pub(super) fn new(desk: &Desk, target: NodeId, name: &str) -> Rc<Self> {
        Rc::new(Self {
            target,
            name: name.to_owned(),
            wanted: RefCell::default(),
            is_called: Cell::new(false),
            is_let_go: Cell::new(false),
            changed: Signal::new(desk.handle.kernel()),
        })
    }

    /// From now on it is to have this.
    pub(super) fn want(&self, version: u64, rows: Rc<Rows>) {
        *self.wanted.borrow_mut() = Some((version, rows));
        self.changed.notify();
    }

    /// Its node has been heard of.
    pub(super) fn call(&self) {
        self.is_called.set(true);
        self.changed.notify();
    }

    /// It is another controller's business from now on.
    pub(super) fn let_go(&self) {
        self.is_let_go.set(true);
        self.changed.notify();
    }

    fn wanted_version(&self) -> Option<u64> {
        self.wanted.borrow().as_ref().map(|(version, _)| *version)
    }
}

/// How the controller stands with a satellite that says this of itself.
fn welcome(name: &str, protocol: u32, said: &str) -> SatelliteStatus {
    match () {
        () if protocol != PROTOCOL => SatelliteStatus::VersionMismatch,
        () if !said.eq_ignore_ascii_case(name) => SatelliteStatus::HostnameMismatch,
        () => SatelliteStatus::Connected,
    }
}

/// Keeps the connection to a satellite until another controller does.
pub(super) async fn run(desk: Rc<Desk>, port: Port<Frame>, satellite: Rc<Satellite>) {
    let handle = desk.handle.clone();
    let timing = desk.control.satellites;
    let tell = |news| desk.events.push(Event::Satellite(satellite.target, news));
    let mut attempt = 0;
    while !satellite.is_let_go.get() {
        satellite.is_called.set(false);
        let way = port.way(satellite.target, attempt);
        attempt = attempt.wrapping_add(1);
        let session = handle.memory().reserve(SESSION_BYTES);
        let connected = match &session {
            Ok(_) => port.connect_by(way, Service::Satellite as u16).await.ok(),
            Err(_) => None,
        };
        if let Some(connection) = connected {
            let channel = Channel::new(connection, handle.probes());
            let talk = Talk { desk: &desk, satellite: &satellite, channel: &channel, timing };
            let _closed = talk.converse().await;
            channel.close();
            tell(News::Stands(SatelliteStatus::Offline));
        }
        drop(session);
        let is_called = || satellite.is_called.get() || satellite.is_let_go.get();
        let called = satellite.changed.wait_for(|| is_called().then_some(()));
        let _called = handle.timeout(timing.reconnect, called).await;
    }
}

/// What is due in a conversation.
enum Due {
    Said(Wire),
    /// It is to have something else.
    Want,
    /// A heartbeat.
    Beat,
}

struct Talk<'a> {
    desk: &'a Desk,
    satellite: &'a Satellite,
    channel: &'a Channel,
    timing: SatelliteTiming,
}

impl Talk<'_> {
    fn tell(&self, news: News) {
        self.desk.events.push(Event::Satellite(self.satellite.target, news));
    }

    fn now(&self) -> Nanos {
        self.desk.handle.monotonic()
    }

    /// Until the connection is lost, or nothing was heard for too long, or the satellite's node is heard of anew, or is
    /// another controller's business.
    async fn converse(&self) -> Result<(), Closed> {
        let (mut heard, mut beat, mut told) = (self.now(), 0, None);
        let mut is_welcome = false;
        let mut next_beat = heard + self.timing.ping;
        self.channel.send(Wire::ControllerHello { term: self.desk.term })?;
        loop {
            match self.next(is_welcome, told, next_beat).await? {
                Due::Want => {
                    let wanted = self.satellite.wanted.borrow().clone();
                    let (version, rows) = wanted.expect("it is to have something");
                    told = Some(version);
                    self.channel.send(Wire::Sync { version, rows })?;
                }
                Due::Beat => {
                    if self.now().saturating_sub(heard) > self.timing.dead_after {
                        return Err(Closed);
                    }
                    beat += 1;
                    next_beat = self.now() + self.timing.ping;
                    self.channel.send(Wire::Ping { beat })?;
                }
                Due::Said(wire) => {
                    heard = self.now();
                    match wire {
                        Wire::SatelliteHello { protocol, name } => {
                            let status = welcome(&self.satellite.name, protocol, &name);
                            is_welcome = status == SatelliteStatus::Connected;
                            self.tell(News::Stands(status));
                        }
                        Wire::Synced { version } if told == Some(version) => {
                            self.tell(News::Stands(SatelliteStatus::Online));
                        }
                        Wire::SyncRefused { .. } => {
                            self.tell(News::Stands(SatelliteStatus::FullSyncFailed));
                        }
                        Wire::Deployed { version, standings } => {
                            self.tell(News::Deployed(version, standings));
                        }
                        Wire::Pong { .. } | Wire::Synced { .. } => {}
                        // Nothing else is a satellite's to say.
                        _ => return Err(Closed),
                    }
                }
            }
        }
    }

    async fn next(
        &self,
        is_welcome: bool,
        told: Option<u64>,
        next_beat: Nanos,
    ) -> Result<Due, Closed> {
        let mut beat = pin!(self.desk.handle.sleep_until(next_beat));
        poll_fn(|cx| {
            if self.satellite.is_called.get() || self.satellite.is_let_go.get() {
                return Poll::Ready(Err(Closed));
            }
            let wanted = self.satellite.wanted_version();
            if is_welcome && wanted.is_some() && wanted != told {
                return Poll::Ready(Ok(Due::Want));
            }
            self.satellite.changed.register(cx);
            match self.channel.poll_recv(cx) {
                Poll::Ready(said) => Poll::Ready(said.map(Due::Said)),
                Poll::Pending => beat.as_mut().poll(cx).map(|()| Ok(Due::Beat)),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::{PROTOCOL, SatelliteStatus, welcome};

    #[test]
    fn a_satellite_is_welcome_that_is_who_it_is_to_be_and_speaks_the_same() {
        assert_eq!(welcome("t0", PROTOCOL, "T0"), SatelliteStatus::Connected);
        assert_eq!(welcome("t0", PROTOCOL, "t1"), SatelliteStatus::HostnameMismatch);
        assert_eq!(welcome("t0", PROTOCOL + 1, "t0"), SatelliteStatus::VersionMismatch);
    }
}
