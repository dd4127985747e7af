//! Stand-ins for the nodes that are elsewhere: what the node here says to one goes over TCP, and what comes from there the
//! stand-in says. Understands no message.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::Sender;

use futures::future::{Either, select};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::NodeId;
use crate::net::Fabric;
use crate::net::port::{Connection, Message};
use crate::sim::{Kernel, Queue};

use super::link::{Hello, Line, News};

/// What came over a connection: `None` when it is over.
type Inbox<M> = Queue<Option<M>>;

/// The way to all other nodes. Clones share it.
pub(super) struct Gateway<M: Message>(Rc<Shared<M>>);

impl<M: Message> Clone for Gateway<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Shared<M: Message> {
    kernel: Kernel,
    fabric: Rc<Fabric<M>>,
    here: NodeId,
    inboxes: RefCell<BTreeMap<u64, Inbox<M>>>,
}

impl<M: Message + Serialize + DeserializeOwned> Gateway<M> {
    pub(super) fn new(kernel: &Kernel, fabric: &Rc<Fabric<M>>, here: NodeId) -> Self {
        let (kernel, fabric) = (kernel.clone(), fabric.clone());
        Self(Rc::new(Shared { kernel, fabric, here, inboxes: RefCell::default() }))
    }

    fn open(&self, line: &Line) -> Inbox<M> {
        let inbox = Queue::new(&self.0.kernel);
        self.0.inboxes.borrow_mut().insert(line.number, inbox.clone());
        inbox
    }

    /// A node there answers: its stand-in may be connected to, once. `again` is told when that is used up.
    pub(super) fn ready(&self, peer: NodeId, service: u16, line: Line, again: Sender<()>) {
        let (this, inbox) = (self.clone(), self.open(&line));
        let handle = self.0.kernel.handle(peer);
        let _runs_on = handle.clone().spawn("gateway.listen", async move {
            let listener = this.0.fabric.port(&handle).listen(service);
            let accepted = match select(pin!(listener.accept()), pin!(inbox.pop())).await {
                Either::Left((connection, _)) => Some(connection),
                Either::Right(_) => None,
            };
            drop(listener);
            // A caller that is gone has its process end.
            let _gone = again.send(());
            match accepted {
                Some(connection) => {
                    line.send(Vec::new());
                    this.carry(peer, connection, line, inbox);
                }
                None => this.close(&line),
            }
        });
    }

    /// A node there has opened a connection to this one.
    pub(super) fn called(&self, hello: Hello, line: Line) {
        let (this, inbox) = (self.clone(), self.open(&line));
        let peer = NodeId::new(hello.from);
        let handle = self.0.kernel.handle(peer);
        let _runs_on = handle.clone().spawn("gateway.connect", async move {
            let port = this.0.fabric.port(&handle);
            match port.connect(this.0.here, hello.service).await {
                Ok(connection) => this.carry(peer, connection, line, inbox),
                // The caller finds its connection closed, and calls again.
                Err(_) => this.close(&line),
            }
        });
    }

    /// What came from outside.
    pub(super) fn take(&self, news: News) {
        match news {
            News::Message(line, bytes) => {
                let Some(inbox) = self.inbox(line) else { return };
                match postcard::from_bytes(&bytes) {
                    Ok(frame) => inbox.push(Some(frame)),
                    Err(error) => {
                        tracing::warn!(%error, "a message was not understood");
                        inbox.push(None);
                    }
                }
            }
            News::Over(line) => {
                if let Some(inbox) = self.inbox(line) {
                    inbox.push(None);
                }
            }
            News::Ready(_) | News::Called(..) => unreachable!("these have methods of their own"),
        }
    }

    fn inbox(&self, line: u64) -> Option<Inbox<M>> {
        self.0.inboxes.borrow().get(&line).cloned()
    }

    fn close(&self, line: &Line) {
        self.0.inboxes.borrow_mut().remove(&line.number);
    }

    /// Carries messages both ways until one side is closed; then so is the other.
    fn carry(&self, peer: NodeId, connection: Connection<M>, line: Line, inbox: Inbox<M>) {
        let connection = Rc::new(connection);
        let handle = self.0.kernel.handle(peer);
        let inward = connection.clone();
        let _runs_on = handle.spawn("gateway.in", async move {
            while let Some(frame) = inbox.pop().await {
                if inward.send(frame).is_err() {
                    return;
                }
            }
            inward.close();
        });
        let this = self.clone();
        let _runs_on = handle.spawn("gateway.out", async move {
            while let Ok(frame) = connection.recv().await {
                match postcard::to_stdvec(&frame) {
                    Ok(bytes) => line.send(bytes),
                    Err(error) => {
                        tracing::warn!(%error, "a message cannot leave the process");
                        break;
                    }
                }
            }
            connection.close();
            this.close(&line);
        });
    }
}
