//! A satellite's conversation with its controller: says who it is, takes full syncs, tells how its resources stand, answers
//! heartbeats. Brings nothing about itself.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::base::control::TargetSynced;
use crate::disk::port::Drive;
use crate::net::port::{Closed, Port};
use crate::node::channel::{Channel, Frame};
use crate::node::config::{ClusterMap, SESSION_BYTES};
use crate::node::control::fingerprint;
use crate::node::probes;
use crate::node::protocol::{Service, Wire};
use crate::process::port::Host;
use crate::sim::{JoinHandle, NodeHandle};

use super::agent::Agent;
use super::{reporter, stream, sweep};

/// The version of the protocol between controller and satellites.
pub const PROTOCOL: u32 = 1;

/// What a satellite runs on.
#[derive(Clone)]
pub struct SatelliteHost {
    /// Its machine.
    pub host: Host,
    /// The disk that its error reports are on.
    pub reports: Drive,
}

impl fmt::Debug for SatelliteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SatelliteHost({:?})", self.host)
    }
}

/// Starts the satellite of a target.
pub fn boot(handle: &NodeHandle, map: &Rc<ClusterMap>, port: Port<Frame>, host: &SatelliteHost) {
    let control = map.control.clone().expect("a cluster with satellites has a controller");
    let agent = Agent::new(handle, host.host.boot(handle), control.satellites);
    let report = reporter::run(agent.clone(), (map.clone(), control.clone()), host.reports.clone());
    handle.spawn("satellite.reports", report);
    handle.spawn("satellite.stream", stream::run(agent.clone()));
    handle.spawn("satellite.sweep", sweep::run(agent.clone()));
    let name = control.targets.iter().find(|(target, _)| *target == handle.node());
    let name = name.expect("a satellite is on a target").1.as_str().into();
    handle.spawn("satellite.accept", accept(agent, map.clone(), port, name));
}

/// Takes the controller's connections: the newest counts.
async fn accept(agent: Rc<Agent>, map: Rc<ClusterMap>, port: Port<Frame>, name: Rc<str>) {
    let listener = port.listen(Service::Satellite as u16);
    let mut current: Option<JoinHandle<()>> = None;
    loop {
        let connection = listener.accept().await;
        let Ok(session) = agent.handle.memory().reserve(SESSION_BYTES) else {
            agent.handle.sleep(map.timing.reconnect).await;
            connection.close();
            continue;
        };
        if let Some(earlier) = current.take() {
            earlier.abort();
        }
        let channel = Channel::new(connection, agent.handle.probes());
        let (agent, name) = (agent.clone(), name.clone());
        let handle = agent.handle.clone();
        current = Some(handle.spawn("satellite.serve", async move {
            let _closed = converse(&agent, &channel, name).await;
            channel.close();
            drop(session);
        }));
    }
}

async fn converse(agent: &Rc<Agent>, channel: &Channel, name: Rc<str>) -> Result<(), Closed> {
    channel.send(Wire::SatelliteHello { protocol: PROTOCOL, name })?;
    let heard = Cell::new(agent.handle.monotonic());
    let mut told = None;
    loop {
        if let Some(version) = agent.version()
            && told != Some(agent.revision())
        {
            told = Some(agent.revision());
            let standings = Rc::new(agent.standings());
            channel.send(Wire::Deployed { version, standings })?;
        }
        let deadline = heard.get() + agent.timing.dead_after;
        let mut dead = pin!(agent.handle.sleep_until(deadline));
        let has_news = || agent.version().is_some() && told != Some(agent.revision());
        let message = poll_fn(|cx| {
            if has_news() {
                return Poll::Ready(Ok(None));
            }
            agent.changed.register(cx);
            match channel.poll_recv(cx) {
                Poll::Ready(message) => Poll::Ready(message.map(Some)),
                // The controller connects anew.
                Poll::Pending => dead.as_mut().poll(cx).map(|()| Err(Closed)),
            }
        });
        let Some(message) = message.await? else { continue };
        heard.set(agent.handle.monotonic());
        match message {
            Wire::Ping { beat } => channel.send(Wire::Pong { beat })?,
            Wire::Sync { term, version, .. } if agent.is_outdated((term, version)) => {
                crate::sometimes!(agent.handle, true, probes::SYNC_OUT_OF_ORDER);
                channel.send(Wire::SyncRefused { version })?;
            }
            Wire::Sync { term, version, rows } => {
                agent.sync((term, version), &rows);
                let fingerprint = fingerprint(&rows);
                agent.handle.emit(&TargetSynced { version, fingerprint });
                channel.send(Wire::Synced { version })?;
            }
            // Nothing else is a controller's to say to a satellite.
            _ => return Err(Closed),
        }
    }
}
