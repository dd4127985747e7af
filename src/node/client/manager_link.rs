//! The client's conversation with the manager: attaches volumes, takes grants, keeps the lease.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::Nanos;
use crate::net::port::Closed;

use super::boot::Client;
use super::volume::Volume;
use crate::node::link::ManagerLink;
use crate::node::protocol::Wire;

/// Keeps the volumes attached for the life of the client.
pub(super) async fn run(client: Rc<Client>, volumes: Vec<Rc<Volume>>) {
    loop {
        let answered = Rc::new(Cell::new(Nanos::ZERO));
        let link =
            ManagerLink::connect(&client.handle, &client.port, &client.map, answered.clone()).await;
        let _closed = converse(&client, link, &volumes, &answered).await;
        volumes.iter().for_each(|volume| volume.manager_lost());
    }
}

async fn converse(
    client: &Client,
    mut link: ManagerLink,
    volumes: &[Rc<Volume>],
    answered: &Rc<Cell<Nanos>>,
) -> Result<(), Closed> {
    for volume in volumes {
        let attach = Wire::Attach { volume: volume.spec.id, session: client.session };
        link.connection().send(attach)?;
        volume.manager_found(link.connection());
    }
    loop {
        match link.next().await? {
            Wire::Grant { topology } => {
                if let Some(volume) = volumes.iter().find(|held| held.spec.id == topology.volume) {
                    volume.granted(topology, answered);
                }
            }
            Wire::Detached { volume } => {
                if let Some(volume) = volumes.iter().find(|held| held.spec.id == volume) {
                    volume.lost();
                }
            }
            // Nothing else is a manager's to say to a client.
            _ => link.connection().close(),
        }
    }
}
