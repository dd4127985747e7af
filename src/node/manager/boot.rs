//! Starts a manager, with the controller that lives beside it. Decides nothing.

use std::rc::Rc;

use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::node::channel::Frame;
use crate::node::config::ClusterMap;
use crate::node::connector::Connectors;
use crate::node::control;
use crate::node::database::{self, DatabaseHost, DatabaseLink};
use crate::sim::{NodeHandle, Queue};

use super::door::ManagerDoor;
use super::serve;

/// Starts a manager whose records are on `drive`, which the `door` leads to, and which is reached by `connectors`; with it the controller, where there is
/// one, and the configuration's database, if it is on this node.
pub fn boot(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
    (drive, door, connectors): (&Drive, &Rc<ManagerDoor>, &Connectors),
    database: Option<&DatabaseHost>,
) {
    let handle = handle.clone();
    connectors.booted();
    let events = Queue::new(handle.kernel());
    let told = map.control.is_some().then(|| Queue::new(handle.kernel()));
    if let (Some(control), Some(told)) = (&map.control, &told) {
        let orders = events.clone();
        let desk = control::Desk {
            handle: handle.clone(),
            map: map.clone(),
            control: control.clone(),
            events: told.clone(),
            orders: Box::new(move |order| orders.push(serve::Event::Ordered(order))),
        };
        let link = match (control.database, database) {
            (Some(server), _) => DatabaseLink::remote(&handle, map, port.clone(), server),
            (None, host) => {
                let host = host.expect("the database is on this node");
                let (size, config) = (map.block_size, map.timing.driver);
                DatabaseLink::local(&handle, database::start(&handle, host, size, config))
            }
        };
        control::start(desk, (port.clone(), connectors), drive, link);
    }
    let disk = (drive.clone(), door.clone());
    let door = (port, connectors.clone());
    let serve = serve::run(handle.clone(), map.clone(), door, disk, (events, told));
    handle.spawn("manager", serve);
}
