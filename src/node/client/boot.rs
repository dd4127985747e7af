//! Starts a client's data service: attaches volumes and gives them back. What its tasks do is in their own
//! files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::base::{Nanos, NodeId, VolumeId, planted};
use crate::net::port::{Closed, Port};
use crate::node::channel::{Channel, Frame};
use crate::node::config::ClusterMap;
use crate::node::probes;
use crate::node::protocol::Wire;
use crate::sim::{Memory, NodeHandle, Signal};

use super::calls::Calls;
use super::detach;
use super::intent;
use super::io::BlockDevice;
use super::manager_link;
use super::manager_link::Found;
use super::monitor;
use super::rebuild;
use super::scrub;
use super::target_link;
use super::target_link::TargetLink;
use super::volume::Volume;

/// What the tasks of a client share.
pub(super) struct Client {
    pub(super) handle: NodeHandle,
    pub(super) map: Rc<ClusterMap>,
    pub(super) port: Port<Frame>,
    pub(super) memory: Memory,
    /// Tells this life of the client from any other.
    life: u64,
    attached: Cell<u64>,
    pub(super) calls: Calls,
    links: RefCell<BTreeMap<NodeId, Rc<TargetLink>>>,
    /// Each is kept by its own tasks and devices, and knows its client.
    volumes: RefCell<Vec<Weak<Volume>>>,
    /// A volume was added or removed.
    pub(super) changed: Signal,
    /// The connection to the manager, with the time that its last answered heartbeat was sent.
    pub(super) manager: RefCell<Option<manager_link::Found>>,
}

impl Client {
    /// The volumes that it has attached or is attaching, those among them that it is giving back.
    pub(super) fn volumes(&self) -> Vec<Rc<Volume>> {
        self.volumes.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// The attachments of a volume, oldest first: all but the last are being given back.
    pub(super) fn attachments(&self, id: VolumeId) -> Vec<Rc<Volume>> {
        let mut volumes = self.volumes();
        volumes.retain(|volume| volume.spec.id == id);
        volumes
    }

    /// A volume by its attachment, if there is that one.
    pub(super) fn volume(&self, id: VolumeId, session: u64) -> Option<Rc<Volume>> {
        self.attachments(id)
            .into_iter()
            .find(|volume| volume.session == session || planted!(WordOfEarlierSessionTaken))
    }

    /// The connection to a target, which is kept from its first use on.
    fn link(self: &Rc<Self>, target: NodeId) -> Rc<TargetLink> {
        if let Some(link) = self.links.borrow().get(&target) {
            return link.clone();
        }
        let link = Rc::new(TargetLink::new(&self.handle, target));
        self.links.borrow_mut().insert(target, link.clone());
        self.handle.spawn("client.target", target_link::run(self.clone(), link.clone()));
        link
    }

    /// Looks how far answers have been read; to be called now and then.
    pub(super) fn look_at_links(&self, now: Nanos) {
        self.links.borrow().values().for_each(|link| link.look(now));
    }

    /// Of a target, up to when all that it had answered has been read, as of the last look.
    pub(super) fn read_until(&self, target: NodeId, now: Nanos) -> Nanos {
        let patience = self.map.timing.unread_patience;
        self.links.borrow().get(&target).map_or(now, |link| link.read_until(now, patience))
    }

    /// Gives a target's connection up.
    pub(super) fn close(&self, target: NodeId) {
        let link = self.links.borrow().get(&target).cloned();
        if let Some(link) = link {
            link.close();
        }
    }

    fn add(&self, volume: &Rc<Volume>) {
        self.volumes.borrow_mut().push(Rc::downgrade(volume));
        self.changed.notify();
    }

    /// Whether no earlier attachment of the volume is still being given back.
    fn is_alone(&self, volume: &Rc<Volume>) -> bool {
        self.attachments(volume.spec.id).first().is_none_or(|first| Rc::ptr_eq(first, volume))
    }

    /// Forgets a volume that was given back.
    pub(super) fn remove(&self, volume: &Rc<Volume>) {
        let this = Rc::downgrade(volume);
        self.volumes.borrow_mut().retain(|held| !held.ptr_eq(&this));
        self.changed.notify();
    }
}

/// A client's data service in one life of its node. Clones share it.
#[derive(Clone)]
pub struct DataService(Rc<Client>);

impl fmt::Debug for DataService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataService({} volumes)", self.0.volumes.borrow().len())
    }
}

/// Starts a client's data service; it has no volume yet.
pub fn boot(handle: &NodeHandle, map: &Rc<ClusterMap>, port: Port<Frame>) -> DataService {
    let service = boot_beside(handle, map, port);
    handle.spawn("client.manager", manager_link::run(service.0.clone()));
    service
}

/// As [`boot`], on a node that has a connection to the manager of its own, and tells the service of it.
pub(in crate::node) fn boot_beside(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
) -> DataService {
    let client = Rc::new(Client {
        handle: handle.clone(),
        map: map.clone(),
        port,
        memory: handle.memory(),
        life: handle.rng("session").bits(),
        attached: Cell::new(0),
        calls: Calls::new(handle, map),
        links: RefCell::default(),
        volumes: RefCell::default(),
        changed: Signal::new(handle.kernel()),
        manager: RefCell::default(),
    });
    handle.spawn("client.monitor", monitor::run(client.clone()));
    DataService(client)
}

impl DataService {
    /// Attaches a volume: asks the manager to be its owner. The device can be used at once; its operations
    /// wait for the manager's grant.
    #[must_use]
    pub fn attach(&self, volume: VolumeId) -> BlockDevice {
        let client = &self.0;
        let spec = client.map.volume(volume);
        let links = spec.places().map(|(_, place)| client.link(place.target)).collect();
        client.attached.set(client.attached.get() + 1);
        let session = client.life.wrapping_add(client.attached.get());
        let volume = Rc::new(Volume::new(client.clone(), spec, session, links));
        client.add(&volume);
        client.handle.spawn("client.attach", attach(volume.clone()));
        BlockDevice::new(volume)
    }

    /// There is a connection to the manager, and when the last heartbeat was sent that was answered over it.
    pub(in crate::node) fn manager_found(
        &self,
        connection: &Rc<Channel>,
        answered: &Rc<Cell<Nanos>>,
    ) {
        let found = Found { connection: connection.clone(), answered: answered.clone() };
        // A connection that has gone is found again.
        let _closed = manager_link::connected(&self.0, found);
    }

    /// The connection to the manager is gone.
    pub(in crate::node) fn manager_lost(&self) {
        manager_link::lost(&self.0);
    }

    /// Takes in what the manager says; `false` if that is not a manager's to say to a client.
    pub(in crate::node) fn told(&self, message: &Wire) -> bool {
        manager_link::take(&self.0, message)
    }

    /// Has a volume recovered and rebuilt that nobody has, and gives it back when that is done; or when another asks
    /// for it, which the manager sees to.
    pub(in crate::node) fn care_for(&self, volume: VolumeId) {
        if self.holds(volume) {
            return;
        }
        let (service, device) = (self.clone(), self.attach(volume));
        let handle = self.0.handle.clone();
        handle.clone().spawn("client.care", async move {
            let done = device.seen_to().await;
            crate::sometimes!(handle, done, probes::CARE_ENDED);
            crate::sometimes!(handle, !done, probes::CARE_TAKEN_AWAY);
            service.detach(volume);
        });
    }

    /// Whether it has a volume, or is still giving it back.
    #[must_use]
    pub fn holds(&self, volume: VolumeId) -> bool {
        !self.0.attachments(volume).is_empty()
    }

    /// Gives a volume back, in the background: when none of its operations is under way any more and its legs
    /// are equal, the manager is told, and when that has it on record, the client forgets the volume. Nothing
    /// happens when the volume is not attached.
    pub fn detach(&self, volume: VolumeId) {
        let held = self.0.attachments(volume).pop().filter(|held| !held.is_leaving());
        if let Some(volume) = held {
            volume.leave();
            self.0.handle.spawn("client.detach", detach::run(volume.clone()));
        }
    }
}

/// Begins to serve a volume, once an earlier attachment of it is over.
async fn attach(volume: Rc<Volume>) {
    let client = volume.client.clone();
    client.changed.wait_for(|| client.is_alone(&volume).then_some(())).await;
    let memory = client.memory.reserve_waiting(volume.bytes()).await;
    if volume.is_lost() {
        return;
    }
    volume.reserve(memory);
    let tasks = [
        client.handle.spawn("client.recover", rebuild::recover(volume.clone())),
        client.handle.spawn("client.rebuild", rebuild::rebuild(volume.clone())),
        client.handle.spawn("client.clean", intent::clean(volume.clone())),
    ];
    let looks = volume.spec.scrub_rate.is_some();
    let scrub = || client.handle.spawn("client.scrub", scrub::scrub(volume.clone()));
    volume.keep_tasks(tasks.into_iter().chain(looks.then(scrub)));
    let found = client.manager.borrow().clone();
    if let Some(found) = found {
        // A connection that has gone is found again, and every volume attached anew.
        let _closed = found.attach(&volume);
    }
}

impl manager_link::Found {
    /// Asks for the volume over this connection.
    pub(super) fn attach(&self, volume: &Volume) -> Result<(), Closed> {
        volume.manager_found(&self.connection);
        let (session, held) = (volume.session, volume.held());
        let attach = Wire::Attach { volume: volume.spec.id, session, held };
        self.connection.send(attach)
    }
}
