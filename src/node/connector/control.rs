//! The door for tests and the world: stops and starts each connector of a manager, and says which of them listen. The
//! network's faults are behind the network's own door.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::NodeId;
use crate::sim::{Kernel, Signal};

use super::seat::{Seat, seat};
use crate::net::port::BindError;
use crate::node::protocol::Service;

crate::word_enum! {
    /// Why a connector does not listen.
    pub enum DownReason {
        /// Somebody has stopped it.
        Stopped = "stopped",
        /// The address at which it listened is gone.
        AddressGone = "address-gone",
        /// Its port is another program's.
        InUse = "in-use",
        /// Its address is not to be had.
        NotAvailable = "not-available",
    }
}

impl From<BindError> for DownReason {
    fn from(why: BindError) -> Self {
        match why {
            BindError::InUse => Self::InUse,
            BindError::NotAvailable => Self::NotAvailable,
        }
    }
}

crate::record! {
    /// A connector is to stop.
    pub struct ConnectorStopped = "connector.stop", Notable { manager: NodeId, connector: u8 }
}
crate::record! {
    /// A connector is to start.
    pub struct ConnectorStarted = "connector.start", Notable { manager: NodeId, connector: u8 }
}
crate::record! {
    /// A connector does not listen at this port, whoever was connected by it is cut off; or it tried to listen again and could not.
    pub struct ConnectorDown = "connector.down", Notable {
        manager: NodeId, connector: u8, port: u16, why: DownReason
    }
}
crate::record! {
    /// A connector that did not listen at this port does so again.
    pub struct ConnectorUp = "connector.up", Notable { manager: NodeId, connector: u8, port: u16 }
}

/// The connectors of a manager, over all lives of its node. Clones share them.
#[derive(Clone, Debug)]
pub struct Connectors(Rc<State>);

#[derive(Debug)]
struct State {
    kernel: Kernel,
    node: NodeId,
    /// Of the node.
    interfaces: u8,
    each: Vec<Connector>,
    changed: Signal,
    /// Connections taken so far, at all connectors.
    taken: Cell<u64>,
}

#[derive(Debug, Default)]
struct Connector {
    is_stopped: Cell<bool>,
    /// The services that are offered by it, each with whether it listens for it, once that is known.
    services: RefCell<Vec<(Service, Option<bool>)>>,
}

impl Connectors {
    /// So many connectors of the manager on this node, which has so many interfaces; all are to listen.
    #[must_use]
    pub fn new(kernel: &Kernel, node: NodeId, (connectors, interfaces): (u8, u8)) -> Self {
        let each = (0..connectors).map(|_| Connector::default()).collect();
        let (kernel, changed) = (kernel.clone(), Signal::new(kernel));
        Self(Rc::new(State { kernel, node, interfaces, each, changed, taken: Cell::new(0) }))
    }

    /// The manager's node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.0.each.len() as u8
    }

    /// Where a connector listens for a service.
    #[must_use]
    pub fn seat(&self, connector: u8, service: Service) -> Seat {
        seat(connector, self.count(), self.0.interfaces, service)
    }

    /// The interfaces at which a connector listens.
    pub fn interfaces(&self, connector: u8) -> impl Iterator<Item = u8> + use<> {
        let only = self.seat(connector, Service::Manager).interface;
        (0..self.0.interfaces).filter(move |it| only.is_none_or(|only| only == *it))
    }

    /// Stops a connector: who was connected by it is cut off, and nobody can connect, until it is started. That is so in
    /// later lives of the manager, too.
    pub fn stop(&self, connector: u8) {
        let manager = self.0.node;
        self.0.kernel.emit(None, &ConnectorStopped { manager, connector });
        self.each(connector).is_stopped.set(true);
        self.0.changed.notify();
    }

    /// Starts a connector that was stopped.
    pub fn start(&self, connector: u8) {
        let manager = self.0.node;
        self.0.kernel.emit(None, &ConnectorStarted { manager, connector });
        self.each(connector).is_stopped.set(false);
        self.0.changed.notify();
    }

    /// Whether a connector was stopped, and not started again.
    #[must_use]
    pub fn is_stopped(&self, connector: u8) -> bool {
        self.each(connector).is_stopped.get()
    }

    /// Whether the manager is up and the connector listens for all that it offers.
    #[must_use]
    pub fn is_up(&self, connector: u8) -> bool {
        let services = self.each(connector).services.borrow();
        let listens =
            !services.is_empty() && services.iter().all(|(_, listens)| *listens == Some(true));
        listens && self.0.kernel.is_up(self.0.node)
    }

    /// Whether the manager is up and the connector does not listen for all that it is to offer.
    #[must_use]
    pub fn is_failing(&self, connector: u8) -> bool {
        let services = self.each(connector).services.borrow();
        let fails = services.iter().any(|(_, listens)| *listens == Some(false));
        fails && self.0.kernel.is_up(self.0.node)
    }

    fn each(&self, connector: u8) -> &Connector {
        &self.0.each[usize::from(connector)]
    }

    /// The manager boots: nobody listens yet, for nothing.
    pub(in crate::node) fn booted(&self) {
        self.0.each.iter().for_each(|it| it.services.borrow_mut().clear());
    }

    /// The turn of a connection that is being taken: each has a later one than those before it.
    pub(super) fn next_turn(&self) -> u64 {
        self.0.taken.set(self.0.taken.get() + 1);
        self.0.taken.get()
    }

    /// Somebody is going to listen for a service.
    pub(super) fn offer(&self, connector: u8, service: Service) {
        self.each(connector).services.borrow_mut().push((service, None));
    }

    /// Notes whether a connector listens for a service.
    pub(super) fn note(&self, connector: u8, service: Service, listens: bool) {
        let mut services = self.each(connector).services.borrow_mut();
        services.iter_mut().filter(|it| it.0 == service).for_each(|it| it.1 = Some(listens));
    }

    /// Is rung when a connector is stopped or started.
    pub(super) fn changed(&self) -> &Signal {
        &self.0.changed
    }
}
