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
use crate::sim::NodeHandle;

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

/// Takes connections, each on a task of its own.
async fn accept(agent: Rc<Agent>, map: Rc<ClusterMap>, port: Port<Frame>, name: Rc<str>) {
    let listener = port.listen(Service::Satellite as u16);
    loop {
        let connection = listener.accept().await;
        let Ok(session) = agent.handle.memory().reserve(SESSION_BYTES) else {
            agent.handle.sleep(map.timing.reconnect).await;
            connection.close();
            continue;
        };
        let channel = Channel::new(connection, agent.handle.probes());
        let (agent, name) = (agent.clone(), name.clone());
        agent.handle.clone().spawn("satellite.serve", async move {
            let _closed = serve(&agent, &channel, name).await;
            channel.close();
            drop(session);
        });
    }
}

/// Finds out who is there. The newest connection counts, but not that of a controller which another one has taken over from:
/// as long as that one does not know, it comes again and again.
async fn serve(agent: &Rc<Agent>, channel: &Channel, name: Rc<str>) -> Result<(), Closed> {
    let first = agent.handle.timeout(agent.timing.dead_after, channel.recv()).await;
    // Nothing else is first.
    let Ok(Ok(Wire::ControllerHello { term })) = first else { return Err(Closed) };
    let Some(connection) = agent.belong_to(term) else {
        crate::sometimes!(agent.handle, true, probes::DEPOSED_CONTROLLER_REFUSED);
        return channel.send(Wire::SyncRefused { version: 0 });
    };
    channel.send(Wire::SatelliteHello { protocol: PROTOCOL, name })?;
    converse(agent, channel, connection).await
}

/// Until the connection is lost, or nothing was heard for too long, or another one counts.
async fn converse(agent: &Rc<Agent>, channel: &Channel, connection: u64) -> Result<(), Closed> {
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
            if !agent.belongs_by(connection) {
                return Poll::Ready(Err(Closed));
            }
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
            Wire::Sync { version, .. } if agent.version().is_some_and(|last| version < last) => {
                crate::sometimes!(agent.handle, true, probes::SYNC_OUT_OF_ORDER);
                channel.send(Wire::SyncRefused { version })?;
            }
            Wire::Sync { version, rows } => {
                agent.sync(version, &rows);
                let fingerprint = fingerprint(&rows);
                agent.handle.emit(&TargetSynced { version, fingerprint });
                channel.send(Wire::Synced { version })?;
            }
            // Nothing else is a controller's to say to a satellite.
            _ => return Err(Closed),
        }
    }
}
