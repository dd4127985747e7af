//! Sees to volumes that no client has, with the data service of a client, over the target's own connection to the
//! manager. Decides on no volume: the manager asks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::{Nanos, VolumeId};
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::client::{DataService, boot_beside};
use crate::node::config::ClusterMap;
use crate::node::protocol::Wire;
use crate::sim::NodeHandle;

/// A connection to the manager, and when the last answered heartbeat over it was sent.
type Connection = (Rc<Channel>, Rc<Cell<Nanos>>);

/// The data service of a target; there is none before it is first asked for.
pub(super) struct Caretaker {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    service: RefCell<Option<DataService>>,
    manager: RefCell<Option<Connection>>,
}

impl Caretaker {
    pub(super) fn new(handle: &NodeHandle, map: &Rc<ClusterMap>, port: &Port<Frame>) -> Self {
        let (handle, map, port) = (handle.clone(), map.clone(), port.clone());
        Self { handle, map, port, service: RefCell::default(), manager: RefCell::default() }
    }

    /// There is a connection to the manager.
    pub(super) fn manager_found(&self, connection: &Rc<Channel>, answered: &Rc<Cell<Nanos>>) {
        *self.manager.borrow_mut() = Some((connection.clone(), answered.clone()));
        if let Some(service) = &*self.service.borrow() {
            service.manager_found(connection, answered);
        }
    }

    /// The connection to the manager is gone.
    pub(super) fn manager_lost(&self) {
        *self.manager.borrow_mut() = None;
        if let Some(service) = &*self.service.borrow() {
            service.manager_lost();
        }
    }

    /// Takes in what the manager says to an owner, or to one who is to be it.
    pub(super) fn told(&self, message: &Wire) {
        if let Wire::CareFor { volume } = *message {
            return self.care_for(volume);
        }
        if let Some(service) = &*self.service.borrow() {
            let _for_clients = service.told(message);
        }
    }

    fn care_for(&self, volume: VolumeId) {
        let mut service = self.service.borrow_mut();
        let service = service.get_or_insert_with(|| {
            let service = boot_beside(&self.handle, &self.map, self.port.clone());
            if let Some((connection, answered)) = &*self.manager.borrow() {
                service.manager_found(connection, answered);
            }
            service
        });
        service.care_for(volume);
    }
}
