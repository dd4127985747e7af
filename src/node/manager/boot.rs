//! Starts a manager, with the controller that lives beside it: at once where there is one manager, and of several the one that
//! leads, for as long as it does. Decides nothing.

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
use super::records::Keeping;
use super::replica;
use super::serve;

/// A manager's disks.
#[derive(Clone, Debug)]
pub struct ManagerDisks {
    /// That with its records, or with the log that it has in common with others.
    pub records: Drive,
    /// That with the error reports of the controller beside it.
    pub reports: Drive,
}

/// What a manager's work is begun with.
struct Workplace {
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    disks: ManagerDisks,
    door: Rc<ManagerDoor>,
    connectors: Connectors,
    database: Option<DatabaseHost>,
}

/// Starts a manager with these disks, which the `door` leads to, and which is reached by `connectors`; with it the
/// controller, where there is one, and the configuration's database, if it is on this node.
pub fn boot(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
    (disks, door, connectors): (&ManagerDisks, &Rc<ManagerDoor>, &Connectors),
    database: Option<&DatabaseHost>,
) {
    let workplace = Workplace {
        map: map.clone(),
        port,
        disks: disks.clone(),
        door: door.clone(),
        connectors: connectors.clone(),
        database: database.cloned(),
    };
    if map.managers.len() <= 1 {
        return workplace.begin(handle, Keeping::Alone(disks.records.clone()));
    }
    connectors.booted();
    let (map, port, drive) = (map.clone(), workplace.port.clone(), disks.records.clone());
    let connectors = connectors.clone();
    let begin: replica::Begin =
        Box::new(move |handle, office| workplace.begin(handle, Keeping::Agreed(office)));
    let end = Box::new(move || connectors.booted());
    handle.spawn("manager.member", replica::run(handle.clone(), map, port, drive, (begin, end)));
}

impl Workplace {
    /// Begins the work, by tasks of this handle.
    fn begin(&self, handle: &NodeHandle, keeping: Keeping) {
        self.connectors.booted();
        let (handle, map) = (handle.clone(), &self.map);
        let events = Queue::new(handle.kernel());
        let told = map.control.is_some().then(|| Queue::new(handle.kernel()));
        if let (Some(control), Some(told)) = (&map.control, &told) {
            let orders = events.clone();
            let desk = control::Desk {
                handle: handle.clone(),
                map: map.clone(),
                control: control.clone(),
                term: match &keeping {
                    Keeping::Alone(_) => 0,
                    Keeping::Agreed(office) => office.number(),
                },
                events: told.clone(),
                orders: Box::new(move |order| orders.push(serve::Event::Ordered(order))),
            };
            let link = match (control.database, &self.database) {
                (Some(server), _) => DatabaseLink::remote(&handle, map, self.port.clone(), server),
                (None, host) => {
                    let host = host.as_ref().expect("the database is on this node");
                    let (size, config) = (map.block_size, map.timing.driver);
                    DatabaseLink::local(&handle, database::start(&handle, host, size, config))
                }
            };
            control::start(desk, (self.port.clone(), &self.connectors), &self.disks.reports, link);
        }
        let reached = (self.port.clone(), self.connectors.clone());
        let kept = (keeping, self.door.clone());
        let serve = serve::run(handle.clone(), map.clone(), reached, kept, (events, told));
        handle.spawn("manager", serve);
    }
}
