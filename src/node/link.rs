//! A node's connection to the manager: found again whenever it is lost, kept alive by heartbeats.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::base::{Nanos, planted};
use crate::net::port::{Closed, Port};
use crate::sim::{Allocation, NodeHandle, Sleep};

use super::channel::Channel;
use super::channel::Frame;
use super::config::{ClusterMap, SESSION_BYTES};
use super::connector::{Approach, approach, approaches};
use super::protocol::{Service, Wire};

/// A live connection to the manager.
pub(super) struct ManagerLink {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    connection: Rc<Channel>,
    tick: Pin<Box<Sleep>>,
    beat: u64,
    /// When each unanswered heartbeat was sent would be a list; one suffices: the newest is asked for
    /// only after the one before was answered.
    sent: Option<(u64, Nanos)>,
    heard: Nanos,
    /// When the last answered heartbeat was sent: up to then the manager surely knew of us.
    answered: Rc<Cell<Nanos>>,
    _session: Allocation,
}

/// After so many rounds through all approaches the pauses between two rounds are twice as long, and after as many more twice as
/// long again.
const PATIENCE: u32 = 16;
/// Pauses are doubled so many times at most: whoever comes late is given up by the manager.
const DOUBLED_MAX: u32 = 3;

/// Before the next attempt to connect, after this one has failed. A manager that has stayed away takes longer to come than
/// one that has just gone, and where thousands ask for it every moment, asking is most of what is done.
fn pause(first: Nanos, attempt: u32, approaches: u32) -> Nanos {
    let is_last = (attempt % approaches) + 1 == approaches;
    let doubled = if is_last { (attempt / approaches / PATIENCE).min(DOUBLED_MAX) } else { 0 };
    first.saturating_mul(1 << doubled)
}

/// The clock that leases go by: nobody sets it, and it never goes back.
pub(super) fn lease_clock(handle: &NodeHandle) -> Nanos {
    if planted!(LeaseByDate) { handle.wall() } else { handle.monotonic() }
}

impl ManagerLink {
    /// Connects, trying until it works: over one pair of interfaces after another.
    pub(super) async fn connect(
        handle: &NodeHandle,
        port: &Port<Frame>,
        map: &Rc<ClusterMap>,
        answered: Rc<Cell<Nanos>>,
    ) -> Self {
        let memory = handle.memory();
        let mut attempt = 0;
        let approaches = approaches(map, port);
        let (connection, session) = loop {
            let Ok(session) = memory.reserve(SESSION_BYTES) else {
                handle.sleep(map.timing.reconnect).await;
                continue;
            };
            let Approach { way, port: number } = approach(map, port, Service::Manager, attempt);
            match port.connect_by(way, number).await {
                Ok(connection) => break (connection, session),
                Err(_) => handle.sleep(pause(map.timing.reconnect, attempt, approaches)).await,
            }
            attempt = attempt.wrapping_add(1);
        };
        Self {
            handle: handle.clone(),
            map: map.clone(),
            connection: Rc::new(Channel::new(connection, handle.probes())),
            tick: Box::pin(handle.sleep(Nanos::ZERO)),
            beat: 0,
            sent: None,
            heard: handle.monotonic(),
            answered,
            _session: session,
        }
    }

    /// The connection, for sending.
    pub(super) fn connection(&self) -> &Rc<Channel> {
        &self.connection
    }

    /// The next message that is not a heartbeat, or the end of the connection.
    pub(super) async fn next(&mut self) -> Result<Wire, Closed> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`ManagerLink::next`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Wire, Closed>> {
        loop {
            match self.connection.poll_recv(cx) {
                Poll::Ready(Ok(Wire::Pong { beat })) => self.pong(beat),
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => {
                    if self.tick.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    if let Err(closed) = self.heartbeat() {
                        return Poll::Ready(Err(closed));
                    }
                }
            }
        }
    }

    fn pong(&mut self, beat: u64) {
        self.heard = self.handle.monotonic();
        // The answer to a later one does as well: the manager may have overlooked the one that was asked for. An answer
        // to one that was never sent says nothing.
        if let Some((sent, at)) = self.sent
            && (sent..=self.beat).contains(&beat)
        {
            self.answered.set(if planted!(LeaseFromAnswer) { self.heard } else { at });
            self.sent = None;
        }
    }

    /// Sends a heartbeat, unless the manager has been silent for too long.
    fn heartbeat(&mut self) -> Result<(), Closed> {
        let now = self.handle.monotonic();
        if now.saturating_sub(self.heard) > self.map.timing.dead_after {
            self.connection.close();
            return Err(Closed);
        }
        self.beat += 1;
        if self.sent.is_none() {
            self.sent = Some((self.beat, lease_clock(&self.handle)));
        }
        self.connection.send(Wire::Ping { beat: self.beat })?;
        self.tick = Box::pin(self.handle.sleep(self.map.timing.heartbeat));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::pause;
    use crate::base::Nanos;

    #[test]
    fn whoever_has_tried_in_vain_for_long_asks_less_often() {
        let micros =
            |attempt, approaches| pause(Nanos::from_micros(200), attempt, approaches).get() / 1_000;
        let alone = [0, 15, 16, 32, 48, 64, 1_000, u32::MAX].map(|attempt| micros(attempt, 1));
        assert_eq!(alone, [200, 200, 400, 800, 1_600, 1_600, 1_600, 1_600]);
        // Between the approaches of one round nobody waits for longer.
        let of_three = [0, 47, 48, 49, 50, 51].map(|attempt| micros(attempt, 3));
        assert_eq!(of_three, [200, 200, 200, 200, 400, 200]);
    }
}
