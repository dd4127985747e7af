//! The database service on its node: starts the engine when it may, has it answer one query after the other, and takes
//! connections where it is a server of its own. Decides nothing about what is stored.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::base::{BlockSize, NodeId};
use crate::disk::port::{Drive, DriverConfig};
use crate::net::port::{Connection, Listener, Port};
use crate::node::channel::{Channel, Frame};
use crate::node::config::{ClusterMap, SESSION_BYTES};
use crate::node::control::Refusal;
use crate::node::protocol::{Service, Wire};
use crate::sim::{JoinHandle, NodeHandle, Queue};

use super::control::DatabaseFaults;
use super::engine::Engine;
use super::query::{Answer, Query};
use super::replay::Killed;

/// A query, and where its answer goes.
pub(in crate::node) struct Job {
    pub(super) number: u64,
    pub(super) query: Query,
    pub(super) answers: Queue<(u64, Answer)>,
}

/// What the service runs on.
#[derive(Clone)]
pub struct DatabaseHost {
    /// The disk that is its alone.
    pub drive: Drive,
    /// Its door for tests and the world.
    pub faults: DatabaseFaults,
}

impl std::fmt::Debug for DatabaseHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseHost({:?})", self.drive)
    }
}

/// Starts the service on the node of `handle`; queries are put into the queue.
pub(in crate::node) fn start(
    handle: &NodeHandle,
    host: &DatabaseHost,
    size: BlockSize,
    config: DriverConfig,
) -> Queue<Job> {
    let jobs = Queue::new(handle.kernel());
    let service = serve(handle.clone(), host.clone(), (size, config), jobs.clone());
    handle.spawn("database", service);
    jobs
}

async fn serve(
    handle: NodeHandle,
    host: DatabaseHost,
    (size, config): (BlockSize, DriverConfig),
    jobs: Queue<Job>,
) {
    let DatabaseHost { drive, faults } = host;
    loop {
        while faults.is_down() {
            refuse_until_up(&faults, &jobs).await;
        }
        let opened = Engine::open((&handle, &drive), size, config, &faults).await;
        let Ok(mut engine) = opened else { continue };
        while let Some(job) = next(&faults, &jobs).await {
            let answer = answer(&mut engine, &job.query).await;
            let is_killed = answer.is_err();
            job.answers.push((job.number, answer.unwrap_or(Answer::Vanished)));
            if is_killed {
                break;
            }
        }
    }
}

async fn answer(engine: &mut Engine, query: &Query) -> Result<Answer, Killed> {
    match query {
        Query::Load { term } => engine.load(*term).await,
        Query::Commit { term, expected, changes } => {
            engine.commit((*term, *expected), changes).await
        }
    }
}

/// The next query; none if the service is killed first.
async fn next(faults: &DatabaseFaults, jobs: &Queue<Job>) -> Option<Job> {
    poll_fn(|cx| {
        if faults.is_down() {
            return Poll::Ready(None);
        }
        faults.changed().register(cx);
        jobs.poll_pop(cx).map(Some)
    })
    .await
}

/// There is nobody: what is asked is refused.
async fn refuse_until_up(faults: &DatabaseFaults, jobs: &Queue<Job>) {
    let job = poll_fn(|cx| {
        if !faults.is_down() {
            return Poll::Ready(None);
        }
        faults.changed().register(cx);
        jobs.poll_pop(cx).map(Some)
    });
    if let Some(job) = job.await {
        job.answers.push((job.number, Answer::Refused(Refusal::Away)));
    }
}

/// Starts a database server: the service, and a listener for those who ask.
pub fn boot(handle: &NodeHandle, map: &Rc<ClusterMap>, port: Port<Frame>, host: &DatabaseHost) {
    let jobs = start(handle, host, map.block_size, map.timing.driver);
    let service = (host.faults.clone(), jobs);
    handle.spawn("database.accept", accept(handle.clone(), map.clone(), port, service));
}

/// Takes connections for as long as there is a service; when it is killed, all of them are gone.
async fn accept(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    (faults, jobs): (DatabaseFaults, Queue<Job>),
) {
    loop {
        faults.changed().wait_for(|| (!faults.is_down()).then_some(())).await;
        let listener = port.listen(Service::Database as u16);
        let mut sessions: BTreeMap<NodeId, JoinHandle<()>> = BTreeMap::new();
        while let Some(connection) = next_connection(&faults, &listener).await {
            // Of one that comes anew, the one before is given up: what it asked and was not begun is not done any more.
            if let Some(earlier) = sessions.remove(&connection.peer()) {
                earlier.abort();
            }
            let Ok(session) = handle.memory().reserve(SESSION_BYTES) else {
                handle.sleep(map.timing.reconnect).await;
                connection.close();
                continue;
            };
            let (peer, channel) = (connection.peer(), Channel::new(connection, handle.probes()));
            let (jobs, answers) = (jobs.clone(), Queue::new(handle.kernel()));
            let task = handle.spawn("database.session", async move {
                converse(&channel, &jobs, &answers).await;
                channel.close();
                drop(session);
            });
            sessions.insert(peer, task);
        }
        sessions.into_values().for_each(|session| session.abort());
    }
}

/// The next connection; none if the service is killed first.
async fn next_connection(
    faults: &DatabaseFaults,
    listener: &Listener<Frame>,
) -> Option<Connection<Frame>> {
    poll_fn(|cx| {
        if faults.is_down() {
            return Poll::Ready(None);
        }
        faults.changed().register(cx);
        listener.poll_accept(cx).map(Some)
    })
    .await
}

/// Hands on what one peer asks, one query at a time, until the service or the connection is gone.
async fn converse(channel: &Channel, jobs: &Queue<Job>, answers: &Queue<(u64, Answer)>) {
    loop {
        let Ok(message) = channel.recv().await else { return };
        let Wire::Query { number, query } = message else { return };
        jobs.push(Job { number, query: (*query).clone(), answers: answers.clone() });
        let (number, answer) = answers.pop().await;
        if matches!(answer, Answer::Vanished | Answer::Refused(Refusal::Away)) {
            // As of any program that is gone, there is no word of it.
            return;
        }
        if channel.send(Wire::Answer { number, answer: Rc::new(answer) }).is_err() {
            return;
        }
    }
}
