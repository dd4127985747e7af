//! The client's conversation with the manager: attaches volumes, takes grants, keeps the lease.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::Nanos;
use crate::net::port::Closed;

use super::boot::Client;
use crate::node::channel::Channel;
use crate::node::link::ManagerLink;
use crate::node::probes;
use crate::node::protocol::Wire;

/// A live connection to the manager.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) connection: Rc<Channel>,
    /// When the last heartbeat that was answered over this connection was sent.
    pub(super) answered: Rc<Cell<Nanos>>,
}

/// Keeps the volumes attached for the life of the client.
pub(super) async fn run(client: Rc<Client>) {
    loop {
        let answered = Rc::new(Cell::new(Nanos::ZERO));
        let link =
            ManagerLink::connect(&client.handle, &client.port, &client.map, answered.clone()).await;
        let found = Found { connection: link.connection().clone(), answered };
        let _closed = converse(&client, link, found).await;
        lost(&client);
    }
}

async fn converse(client: &Client, mut link: ManagerLink, found: Found) -> Result<(), Closed> {
    connected(client, found)?;
    loop {
        let message = link.next().await?;
        if !take(client, &message) {
            crate::sometimes!(client.handle, true, probes::WORD_REFUSED);
            link.connection().close();
        }
    }
}

/// There is a connection to the manager: every volume is asked for over it.
pub(super) fn connected(client: &Client, found: Found) -> Result<(), Closed> {
    *client.manager.borrow_mut() = Some(found.clone());
    for volume in client.volumes() {
        // One that still waits for its memory asks when it has it; one that was taken away is asked for anew.
        if volume.is_ready() && !volume.is_lost() {
            found.attach(&volume)?;
        }
    }
    Ok(())
}

/// The connection is gone.
pub(super) fn lost(client: &Client) {
    *client.manager.borrow_mut() = None;
    client.volumes().iter().for_each(|volume| volume.manager_lost());
}

/// Takes in what the manager says; `false` if that is not a manager's to say to a client.
pub(super) fn take(client: &Client, message: &Wire) -> bool {
    match *message {
        Wire::Grant { session, topology } => {
            // Said to a session before this one, whose writes may have ended half-way: acting
            // under it would be to take the legs for equal.
            let held = client.volume(topology.volume, session);
            crate::sometimes!(client.handle, held.is_none(), probes::GRANT_OF_OLDER_SESSION);
            let found = client.manager.borrow().clone();
            if let (Some(volume), Some(found)) = (held, found) {
                volume.granted(topology, &found.answered);
            }
        }
        Wire::Detached { volume, session } => {
            // Said of an earlier attachment, it is old news.
            if let Some(volume) = client.volume(volume, session) {
                volume.lost();
            }
        }
        _ => return false,
    }
    true
}
