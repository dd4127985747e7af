//! Listens for a service at one connector, again and again. Knows no other connector, and nobody who is connected.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use crate::base::{Nanos, planted};
use crate::net::port::{Connection, Listener, Port};
use crate::node::channel::{Channel, Frame};
use crate::node::protocol::Service;
use crate::sim::NodeHandle;

use super::control::{ConnectorDown, ConnectorUp, Connectors, DownReason};
use super::seat::Seat;

/// Between two attempts of a connector to listen: three seconds of a real one, a thousand times as fast, as the
/// cluster's other times are.
const REINIT_THROTTLE: Nanos = Nanos::from_millis(3);

/// What comes of listening.
pub(in crate::node) enum Arrival {
    /// Somebody has connected.
    Peer(Connection<Frame>, Turn),
    /// The connector has stopped listening: whoever was connected by it is to be cut off.
    Lost,
}

/// Which of a node's connections is the latest: they are taken in turn, but whoever listens to one may stand still until
/// there is a later one.
#[derive(Clone, Copy, Debug)]
pub(in crate::node) struct Turn(u64);

impl Turn {
    /// Whether a connection that was taken in this turn is over, since there is `current`: it came before that, or it came by
    /// another connector, was taken late, and is given up already.
    pub(in crate::node) fn is_over(self, connection: &Channel, current: Self) -> bool {
        !planted!(LatestByArrival) && (self.0 < current.0 || !connection.is_open())
    }
}

/// Listens for one service at one connector.
pub(in crate::node) struct Acceptor {
    handle: NodeHandle,
    port: Port<Frame>,
    connectors: Connectors,
    connector: u8,
    service: Service,
    seat: Seat,
    state: State,
    /// When it last tried to listen.
    tried: Option<Nanos>,
    /// Why it does not listen, if that was told.
    told: Option<DownReason>,
}

enum State {
    /// It does not listen.
    Down,
    Listening(Listener<Frame>),
}

/// What a connector that does not listen waits for.
enum Awaited {
    Nothing,
    /// To be started.
    Start,
    /// The time of the next attempt.
    Until(Nanos),
}

impl Acceptor {
    /// Will listen, when it is asked for what comes of it.
    pub(in crate::node) fn new(
        handle: &NodeHandle,
        port: &Port<Frame>,
        connectors: &Connectors,
        (connector, service): (u8, Service),
    ) -> Self {
        connectors.offer(connector, service);
        Self {
            handle: handle.clone(),
            port: port.clone(),
            connectors: connectors.clone(),
            connector,
            service,
            seat: connectors.seat(connector, service),
            state: State::Down,
            tried: None,
            told: None,
        }
    }

    /// The next that comes of listening.
    pub(in crate::node) async fn next(&mut self) -> Arrival {
        loop {
            match self.start() {
                Awaited::Nothing => {
                    if let Some(arrival) = poll_fn(|cx| self.poll_arrival(cx)).await {
                        return arrival;
                    }
                }
                Awaited::Start => {
                    self.sleep_until(Nanos::MAX).await;
                    // Who starts it wants it now.
                    self.tried = None;
                }
                Awaited::Until(time) => self.sleep_until(time).await,
            }
        }
    }

    /// Listens, if it does not and is to; else says what has to come first.
    fn start(&mut self) -> Awaited {
        if matches!(self.state, State::Listening(_)) {
            return Awaited::Nothing;
        }
        if self.connectors.is_stopped(self.connector) {
            self.tell_down(DownReason::Stopped);
            return Awaited::Start;
        }
        let now = self.handle.monotonic();
        let next = self.tried.map_or(Nanos::ZERO, |tried| tried.saturating_add(REINIT_THROTTLE));
        if now < next {
            return Awaited::Until(next);
        }
        let is_first = self.tried.replace(now).is_none();
        match self.port.listen_on(self.seat.interface, self.seat.port) {
            Ok(listener) => {
                self.state = State::Listening(listener);
                self.tell_up();
                Awaited::Nothing
            }
            Err(why) => {
                self.tell_down(why.into());
                let is_over = !is_first && planted!(ConnectorDiesOnFailedRebind);
                let next = now.saturating_add(REINIT_THROTTLE);
                Awaited::Until(if is_over { Nanos::MAX } else { next })
            }
        }
    }

    /// The next connection, or that it listens no longer; nothing, where it is to be looked at again what to do.
    fn poll_arrival(&mut self, cx: &Context<'_>) -> Poll<Option<Arrival>> {
        let State::Listening(listener) = &self.state else { return Poll::Ready(None) };
        if self.connectors.is_stopped(self.connector) {
            return Poll::Ready(Some(self.lose(DownReason::Stopped)));
        }
        match listener.poll_incoming(cx) {
            Poll::Ready(Ok(connection)) => {
                let turn = Turn(self.connectors.next_turn());
                Poll::Ready(Some(Arrival::Peer(connection, turn)))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Some(self.lose(DownReason::AddressGone))),
            Poll::Pending => {
                self.connectors.changed().register(cx);
                Poll::Pending
            }
        }
    }

    fn lose(&mut self, why: DownReason) -> Arrival {
        self.state = State::Down;
        self.tell_down(why);
        Arrival::Lost
    }

    /// Waits for a time, or until connectors are stopped or started.
    async fn sleep_until(&mut self, time: Nanos) {
        let was_stopped = self.connectors.is_stopped(self.connector);
        let span = time.saturating_sub(self.handle.monotonic());
        let mut sleep = (time < Nanos::MAX).then(|| Box::pin(self.handle.sleep(span)));
        poll_fn(|cx| {
            if self.connectors.is_stopped(self.connector) != was_stopped
                && !planted!(StopOutlivesStart)
            {
                return Poll::Ready(());
            }
            self.connectors.changed().register(cx);
            match &mut sleep {
                Some(sleep) => sleep.as_mut().poll(cx),
                None => Poll::Pending,
            }
        })
        .await;
    }

    fn tell_up(&mut self) {
        self.connectors.note(self.connector, self.service, true);
        if self.told.take().is_some() {
            let (manager, connector, port) = (self.handle.node(), self.connector, self.seat.port);
            tracing::info!(connector, port, "listens again");
            self.handle.emit(&ConnectorUp { manager, connector, port });
        }
    }

    fn tell_down(&mut self, why: DownReason) {
        self.connectors.note(self.connector, self.service, false);
        if self.told.replace(why) != Some(why) {
            let (manager, connector, port) = (self.handle.node(), self.connector, self.seat.port);
            tracing::warn!(connector, port, %why, "does not listen");
            self.handle.emit(&ConnectorDown { manager, connector, port, why });
        }
    }
}
