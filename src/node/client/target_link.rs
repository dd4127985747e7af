//! The connection to one target: found again whenever it is lost; hands answers to who waits for them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::{Nanos, NodeId};
use crate::net::port::Closed;
use crate::sim::NodeHandle;

use super::boot::Client;
use super::calls::Reply;
use crate::node::backlog::Backlog;
use crate::node::channel::Channel;
use crate::node::config::{SESSION_BYTES, Timing};
use crate::node::probes;
use crate::node::protocol::{Service, Took, Wire};

/// A target as the client reaches it.
pub(super) struct TargetLink {
    pub(super) target: NodeId,
    connection: RefCell<Option<Rc<Channel>>>,
    /// While there is no connection, how long that has been the target's doing.
    absence: Cell<Absence>,
    /// How many connections there have been.
    connections: Cell<u64>,
    /// How far what has arrived was read.
    backlog: Cell<Backlog>,
}

/// A time without a connection, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Absence {
    since: Nanos,
    /// From then on, attempts to connect have failed one after the other.
    shown_from: Nanos,
    /// Up to then.
    shown_until: Nanos,
}

impl Absence {
    const fn new(since: Nanos) -> Self {
        Self { since, shown_from: since, shown_until: since }
    }

    /// An attempt that began then has failed, as is noticed `now`. What is noticed later than any attempt takes is old
    /// news: it may have succeeded, and been lost again before this node came to look. Of a time in which nobody tried,
    /// nothing is known either.
    fn shown(&mut self, began: Nanos, now: Nanos, timing: &Timing) {
        let limit = timing.dead_after;
        if now.saturating_sub(began) > limit {
            self.shown_from = now;
        } else if began.saturating_sub(self.shown_until) > limit {
            self.shown_from = began;
        }
        self.shown_until = now;
    }

    /// Whether the target counts as away. That this node didn't come to try, or to look what became of it, as when the
    /// CPU that is to is slow or stands still, is no fault of the target's; but not for ever.
    fn is_long(&self, now: Nanos, timing: &Timing) -> bool {
        let shown = self.shown_until.saturating_sub(self.shown_from);
        shown >= timing.patience || now.saturating_sub(self.since) >= timing.unread_patience
    }
}

impl TargetLink {
    pub(super) fn new(handle: &NodeHandle, target: NodeId) -> Self {
        let absence = Cell::new(Absence::new(handle.monotonic()));
        let (connection, connections) = (RefCell::new(None), Cell::new(0));
        let backlog = Cell::default();
        Self { target, connection, absence, connections, backlog }
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.borrow().is_some()
    }

    /// How many connections there have been: a message sent over an earlier one may be lost.
    pub(super) fn connections(&self) -> u64 {
        self.connections.get()
    }

    /// Whether there has been no connection for so long that the target counts as away.
    pub(super) fn is_away(&self, now: Nanos, timing: &Timing) -> bool {
        !self.is_up() && self.absence.get().is_long(now, timing)
    }

    /// Sends to the target.
    pub(super) fn send(&self, message: Wire) -> Result<(), Closed> {
        match &*self.connection.borrow() {
            Some(connection) => connection.send(message),
            None => Err(Closed),
        }
    }

    /// Looks how far what has arrived was read; to be called now and then.
    pub(super) fn look(&self, now: Nanos) {
        let mut backlog = self.backlog.get();
        match &*self.connection.borrow() {
            Some(connection) => backlog.look_at(now, connection),
            None => backlog.look(now, 0, 0),
        }
        self.backlog.set(backlog);
    }

    /// What arrived before this has been read, as of the last look. That an answer was not read after it may
    /// be the fault of this node, as when the CPU that reads stands still or is slow; but not for longer than
    /// `patience`.
    pub(super) fn read_until(&self, now: Nanos, patience: Nanos) -> Nanos {
        self.backlog.get().read_until(now, patience)
    }

    /// Gives the connection up, and with it whatever the target still has of ours: only then may
    /// requests that are in doubt be sent again.
    pub(super) fn close(&self) {
        if let Some(connection) = &*self.connection.borrow() {
            connection.close();
        }
    }
}

/// Keeps the connection for the life of the client. Looks for a way over one pair of interfaces after another.
pub(super) async fn run(client: Rc<Client>, link: Rc<TargetLink>) {
    let mut attempt = 0;
    loop {
        let Ok(_session) = client.memory.reserve(SESSION_BYTES) else {
            client.handle.sleep(client.map.timing.reconnect).await;
            continue;
        };
        let way = client.port.way(link.target, attempt);
        let began = client.handle.monotonic();
        let Ok(connection) = client.port.connect_by(way, Service::Data as u16).await else {
            let mut absence = link.absence.get();
            absence.shown(began, client.handle.monotonic(), &client.map.timing);
            link.absence.set(absence);
            attempt = attempt.wrapping_add(1);
            client.handle.sleep(client.map.timing.reconnect).await;
            continue;
        };
        let connection = Rc::new(Channel::new(connection, client.handle.probes()));
        *link.connection.borrow_mut() = Some(connection.clone());
        link.backlog.take();
        link.look(client.handle.monotonic());
        link.connections.set(link.connections.get() + 1);
        links_changed(&client);
        while let Ok(message) = connection.recv().await {
            take(&client, &connection, message);
        }
        *link.connection.borrow_mut() = None;
        link.absence.set(Absence::new(client.handle.monotonic()));
        client.calls.lose(link.target);
        links_changed(&client);
        if crate::buggify!(client.handle, probes::SLOW_CONNECT) {
            client.handle.sleep(client.map.timing.heartbeat).await;
        }
    }
}

fn links_changed(client: &Client) {
    client.volumes().iter().for_each(|volume| volume.links_changed());
}

fn take(client: &Client, connection: &Channel, message: Wire) {
    match message {
        Wire::Done { cookie, status, data, took, .. } => {
            client.calls.answer(cookie, Reply::Answer(status, data), took);
        }
        Wire::Intent { cookie, regions } => {
            client.calls.answer(cookie, Reply::Intent(regions), Took::Unknown);
        }
        // Nothing else is a target's to say to a client.
        _ => {
            crate::sometimes!(client.handle, true, probes::WORD_REFUSED);
            connection.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Absence;
    use crate::base::Nanos;
    use crate::node::config::Timing;

    const fn ms(millis: u64) -> Nanos {
        Nanos::from_millis(millis)
    }

    /// Whether a link that is down since 10 ms counts as away at some time, after attempts that began and failed
    /// then.
    fn is_away(at: u64, failures: &[(u64, u64)]) -> bool {
        let (mut absence, timing) = (Absence::new(ms(10)), Timing::default());
        failures.iter().for_each(|(began, failed)| absence.shown(ms(*began), ms(*failed), &timing));
        absence.is_long(ms(at), &timing)
    }

    #[test]
    fn a_target_is_away_when_attempts_have_failed_for_long_enough() {
        assert!(!is_away(12, &[(10, 12)]));
        assert!(is_away(14, &[(10, 14)]));
        assert!(is_away(14, &[(10, 11), (11, 12), (12, 13)]));
    }

    #[test]
    fn attempts_that_nobody_made_or_looked_after_count_for_nothing_but_not_for_ever() {
        assert!(!is_away(40, &[]));
        assert!(!is_away(40, &[(10, 11)]), "one that failed long ago says nothing of now");
        assert!(!is_away(40, &[(10, 30)]), "one whose end was noticed late says nothing at all");
        assert!(!is_away(40, &[(10, 30), (30, 31)]), "nor does it with another one that was short");
        assert!(!is_away(40, &[(10, 11), (30, 31)]), "between the two nobody tried");
        assert!(is_away(40, &[(10, 30), (30, 34)]));
        assert!(is_away(110, &[(10, 30)]));
    }
}
