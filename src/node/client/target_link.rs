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
use crate::node::protocol::{Service, Wire};

/// A target as the client reaches it.
pub(super) struct TargetLink {
    pub(super) target: NodeId,
    connection: RefCell<Option<Rc<Channel>>>,
    /// Since when there is no connection.
    down_since: Cell<Nanos>,
    /// How many connections there have been.
    connections: Cell<u64>,
    /// Whether an attempt to connect has failed since.
    has_failed: Cell<bool>,
    /// How far what has arrived was read.
    backlog: Cell<Backlog>,
}

impl TargetLink {
    pub(super) fn new(handle: &NodeHandle, target: NodeId) -> Self {
        let down_since = Cell::new(handle.monotonic());
        let (connection, connections) = (RefCell::new(None), Cell::new(0));
        let (has_failed, backlog) = (Cell::default(), Cell::default());
        Self { target, connection, down_since, connections, has_failed, backlog }
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.borrow().is_some()
    }

    /// How many connections there have been: a message sent over an earlier one may be lost.
    pub(super) fn connections(&self) -> u64 {
        self.connections.get()
    }

    /// Whether there has been no connection for so long that the target counts as away. That this node didn't
    /// come to try, as when the CPU that is to stands still, is no fault of the target's; but not for ever.
    pub(super) fn is_away(&self, now: Nanos, timing: &Timing) -> bool {
        let away = now.saturating_sub(self.down_since.get());
        let was_tried = self.has_failed.get() || away >= timing.unread_patience;
        !self.is_up() && away >= timing.patience && was_tried
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
        let Ok(connection) = client.port.connect_by(way, Service::Data as u16).await else {
            link.has_failed.set(true);
            attempt = attempt.wrapping_add(1);
            client.handle.sleep(client.map.timing.reconnect).await;
            continue;
        };
        let connection = Rc::new(Channel::new(connection, client.handle.probes()));
        *link.connection.borrow_mut() = Some(connection.clone());
        link.has_failed.take();
        link.backlog.take();
        link.look(client.handle.monotonic());
        link.connections.set(link.connections.get() + 1);
        links_changed(&client);
        while let Ok(message) = connection.recv().await {
            take(&client, &connection, message);
        }
        *link.connection.borrow_mut() = None;
        link.down_since.set(client.handle.monotonic());
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
            client.calls.note(cookie, took);
            client.calls.answer(cookie, Reply::Answer(status, data));
        }
        Wire::Intent { cookie, regions } => client.calls.answer(cookie, Reply::Intent(regions)),
        // Nothing else is a target's to say to a client.
        _ => connection.close(),
    }
}
