//! The way to the database: to the service on the same node, or to a server elsewhere. Decides nothing.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::{Nanos, NodeId};
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::config::ClusterMap;
use crate::node::control::Refusal;
use crate::node::protocol::{Service, Wire};
use crate::sim::{NodeHandle, Queue};

use super::query::{Answer, Query};
use super::service::Job;

/// A query without an answer for so long is given up.
const QUERY_TIMEOUT: Nanos = Nanos::from_millis(50);

/// The way to the database.
pub(in crate::node) enum DatabaseLink {
    /// It is on this node.
    Local { handle: NodeHandle, jobs: Queue<Job>, answers: Queue<(u64, Answer)>, asked: Cell<u64> },
    /// It is a server on that node.
    Remote(Remote),
}

/// The way to a server.
pub(in crate::node) struct Remote {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    server: NodeId,
    channel: Option<Channel>,
    attempt: u32,
    asked: u64,
}

impl DatabaseLink {
    pub(in crate::node) fn local(handle: &NodeHandle, jobs: Queue<Job>) -> Self {
        let answers = Queue::new(handle.kernel());
        Self::Local { handle: handle.clone(), jobs, answers, asked: Cell::new(0) }
    }

    pub(in crate::node) fn remote(
        handle: &NodeHandle,
        map: &Rc<ClusterMap>,
        port: Port<Frame>,
        server: NodeId,
    ) -> Self {
        let (handle, map, channel) = (handle.clone(), map.clone(), None);
        Self::Remote(Remote { handle, map, port, server, channel, attempt: 0, asked: 0 })
    }

    /// Asks, and waits for the answer, though not for ever.
    pub(in crate::node) async fn ask(&mut self, query: Query) -> Answer {
        match self {
            Self::Remote(remote) => remote.ask(query).await,
            Self::Local { handle, jobs, answers, asked } => {
                asked.set(asked.get() + 1);
                let number = asked.get();
                jobs.push(Job { number, query, answers: answers.clone() });
                let answer = async {
                    loop {
                        // One that was given up may be answered after all.
                        let (of, answer) = answers.pop().await;
                        if of == number {
                            return answer;
                        }
                    }
                };
                handle.timeout(QUERY_TIMEOUT, answer).await.unwrap_or(Answer::Vanished)
            }
        }
    }
}

impl Remote {
    async fn ask(&mut self, query: Query) -> Answer {
        let Some(channel) = self.connected().await else { return Answer::Refused(Refusal::Away) };
        self.asked += 1;
        let number = self.asked;
        let asked = channel.send(Wire::Query { number, query: Rc::new(query) });
        let answer = async {
            asked.ok()?;
            match channel.recv().await {
                Ok(Wire::Answer { number: of, answer }) if of == number => Some((*answer).clone()),
                _ => None,
            }
        };
        match self.handle.timeout(QUERY_TIMEOUT, answer).await {
            Ok(Some(answer)) => {
                self.channel = Some(channel);
                answer
            }
            // The connection is dropped, and with it whatever comes over it later.
            _ => Answer::Vanished,
        }
    }

    async fn connected(&mut self) -> Option<Channel> {
        if let Some(channel) = self.channel.take().filter(Channel::is_open) {
            return Some(channel);
        }
        let way = self.port.way(self.server, self.attempt);
        self.attempt = self.attempt.wrapping_add(1);
        let connect = self.port.connect_by(way, Service::Database as u16);
        let connected = self.handle.timeout(QUERY_TIMEOUT, connect).await;
        match connected {
            Ok(Ok(connection)) => Some(Channel::new(connection, self.handle.probes())),
            _ => {
                self.handle.sleep(self.map.timing.reconnect).await;
                None
            }
        }
    }
}
