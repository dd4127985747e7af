//! A node of the cluster in this process: its kernel on the wall clock, its peers over TCP, its disks in files. Decides
//! nothing that the node decides.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use thiserror::Error;

use crate::base::{Block, NodeId, Payload, VolumeId};
use crate::disk::backing::Backing;
use crate::node::client::{BlockDevice, IoError};
use crate::node::{Frame, Service};
use crate::run::Stopwatch;
use crate::scenario::{NodeClass, NodeRef};
use crate::world::{Alone, alone};

use super::cluster::Cluster;
use super::file_disk::{DiskError, FileDisk};
use super::gateway::Gateway;
use super::link::{self, Hello, Line, News};
use super::nbd::{self, EINVAL, EIO, Export, Order, Request};
use super::pace::Pace;

/// How long a client has to give its volume back when it is to end.
const DETACH_PATIENCE: Duration = Duration::from_secs(10);

/// Why a node ended, or did not begin.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A disk's file.
    #[error("disk {0}")]
    Disk(String, #[source] DiskError),
    /// An address.
    #[error("{0}: {1}")]
    Address(SocketAddr, io::Error),
    /// A thread.
    #[error("the host starts no thread: {0}")]
    Thread(io::Error),
    /// There is no such volume.
    #[error("found volume `{0}`, expected {1}")]
    Volume(String, String),
    /// The node broke down.
    #[error("{0}")]
    Node(String),
    /// The volume is another client's now.
    #[error("the volume was taken by another client")]
    Taken,
}

/// Whoever has a node run.
pub struct Host<'a> {
    /// Whether the node is to end.
    pub is_stopped: &'a dyn Fn() -> bool,
    /// Told when it serves, and where.
    pub tell: &'a dyn Fn(&str),
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

/// What comes from outside.
enum Outside {
    /// Of the caller of this peer.
    Called(usize, News),
    /// Of a connection that a peer opened.
    Link(News),
    /// Of the host.
    Host(Request),
}

/// A peer that is called.
struct Peer {
    node: NodeId,
    service: u16,
    again: Sender<()>,
}

/// A node that runs.
struct Running {
    alone: Alone,
    pace: Pace,
    gateway: Gateway<Frame>,
    peers: Vec<Peer>,
    events: Receiver<Outside>,
    tell: Sender<Outside>,
}

/// Runs a target or the manager until it breaks down or is to end.
///
/// # Errors
/// See [`ServeError`].
pub fn serve(
    cluster: &Cluster,
    node: NodeRef,
    seed: u64,
    host: &Host<'_>,
) -> Result<(), ServeError> {
    let running = start(cluster, node, seed)?;
    if let Some(address) = cluster.address(node) {
        (host.tell)(&format!("{node} serves on {address}"));
    }
    let ended = running.pace.run(&running.events, |event| {
        running.take(event);
        (host.is_stopped)()
    });
    ended.map_err(ServeError::Node)
}

/// Attaches a volume as this client, and serves it over NBD until it is to end; then gives it back.
///
/// # Errors
/// See [`ServeError`].
pub fn attach(
    cluster: &Cluster,
    (client, volume): (NodeRef, &str),
    address: SocketAddr,
    seed: u64,
    host: &Host<'_>,
) -> Result<(), ServeError> {
    let names = || cluster.scenario.volumes.iter().map(|it| it.name.as_str());
    let Some(id) = names().position(|name| name == volume) else {
        let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(ServeError::Volume(volume.to_owned(), known));
    };
    let id = VolumeId::new(id as u16);
    let running = start(cluster, client, seed)?;
    let service = running.alone.service().expect("a client has a data service when it is up");
    let device = service.attach(id);
    let block = cluster.scenario.cluster.block_size.bytes() as u32;
    let export = Export { bytes: device.blocks() * u64::from(block), block };
    let tell = running.tell.clone();
    let to_host = move |request| drop(tell.send(Outside::Host(request)));
    let bound = nbd::listen(address, export, to_host)
        .map_err(|error| ServeError::Address(address, error))?;
    (host.tell)(&format!(
        "{client} serves {volume} on nbd://{bound}, {} bytes in blocks of {block}",
        export.bytes
    ));
    let taken = running.watch(&device);
    let mut leaving: Option<Stopwatch> = None;
    let ended = running.pace.run(&running.events, |event| {
        match event {
            Some(Outside::Host(request)) => running.execute(&device, request),
            other => running.take(other),
        }
        if (host.is_stopped)() && leaving.is_none() {
            service.detach(id);
            leaving = Some(Stopwatch::start());
        }
        let is_late = leaving.is_some_and(|since| since.elapsed() > DETACH_PATIENCE);
        is_late || !service.holds(id) || (taken.get() && leaving.is_none())
    });
    ended.map_err(ServeError::Node)?;
    if taken.get() && leaving.is_none() { Err(ServeError::Taken) } else { Ok(()) }
}

fn start(cluster: &Cluster, node: NodeRef, seed: u64) -> Result<Running, ServeError> {
    let size = cluster.scenario.cluster.block_size;
    let mut backings: Vec<Box<dyn Backing>> = Vec::new();
    for (at, (name, blocks, path)) in cluster.disks(node).into_iter().enumerate() {
        let serial = seed.rotate_left(8 + at as u32) | 1;
        let disk = FileDisk::open(&path, blocks, size, serial)
            .map_err(|error| ServeError::Disk(name, error))?;
        backings.push(Box::new(disk));
    }
    let alone = alone(&cluster.scenario, node, seed, backings);
    let gateway = Gateway::new(&alone.kernel, &alone.fabric, alone.node);
    let (tell, events) = channel();
    let peers = call_peers(cluster, node, &alone, &tell)?;
    if let Some(address) = cluster.address(node) {
        let tell = tell.clone();
        let news = move |news| drop(tell.send(Outside::Link(news)));
        link::listen(address, cluster.digest(), news)
            .map_err(|error| ServeError::Address(address, error))?;
    }
    let pace = Pace::new(&alone.kernel);
    let running = Running { alone, pace, gateway, peers, events, tell };
    Ok(running)
}

/// Whoever is not the manager calls it, and all targets but itself.
fn call_peers(
    cluster: &Cluster,
    node: NodeRef,
    alone: &Alone,
    tell: &Sender<Outside>,
) -> Result<Vec<Peer>, ServeError> {
    let mut peers = Vec::new();
    if node.class() == NodeClass::Manager {
        return Ok(peers);
    }
    let targets = (0..cluster.scenario.cluster.targets).map(NodeRef::Target);
    let all =
        targets.map(|it| (it, Service::Data)).chain([(NodeRef::Manager(0), Service::Manager)]);
    for (peer, service) in all.filter(|(peer, _)| *peer != node) {
        let address = cluster.address(peer).expect("a cluster file has the addresses of all");
        let (again, told) = channel();
        let (at, tell) = (peers.len(), tell.clone());
        let news = move |news| drop(tell.send(Outside::Called(at, news)));
        let service = service as u16;
        let hello = Hello { cluster: cluster.digest(), from: alone.node.get(), service };
        link::call(address, hello, news, told).map_err(ServeError::Thread)?;
        peers.push(Peer { node: alone.id(peer), service, again });
    }
    Ok(peers)
}

impl Running {
    fn take(&self, event: Option<Outside>) {
        match event {
            Some(Outside::Called(at, News::Ready(line))) => self.is_ready(at, line),
            Some(Outside::Called(_, news) | Outside::Link(news)) => match news {
                News::Called(hello, line) => {
                    if self.alone.is_other(NodeId::new(hello.from)) {
                        self.gateway.called(hello, line);
                    }
                }
                news => self.gateway.take(news),
            },
            Some(Outside::Host(request)) => request.failed(EIO),
            None => {}
        }
    }

    fn is_ready(&self, at: usize, line: Line) {
        let Peer { node, service, again } = &self.peers[at];
        self.gateway.ready(*node, *service, line, again.clone());
    }

    /// Is set when the volume is not this client's any more.
    fn watch(&self, device: &BlockDevice) -> Rc<Cell<bool>> {
        let taken = Rc::new(Cell::new(false));
        let (device, is_taken) = (device.clone(), taken.clone());
        let _runs_on = self.alone.kernel.handle(self.alone.node).spawn("nbd.lost", async move {
            device.lost().await;
            is_taken.set(true);
        });
        taken
    }

    /// Does what the host asks for, in a task of its own.
    fn execute(&self, device: &BlockDevice, request: Request) {
        let device = device.clone();
        let block = self.alone.map.block_size.bytes() as u64;
        let size = self.alone.map.block_size;
        let _runs_on = self.alone.kernel.handle(self.alone.node).spawn("nbd.request", async move {
            let blocks = |length: u32| (u64::from(length) / block) as u32;
            let done = match &request.order {
                Order::Read { at, length } => {
                    let read = device.read(at / block, blocks(*length)).await;
                    read.map(|data| data.bytes(size))
                }
                Order::Write { at, data, fua } => {
                    let blocks = data.chunks(block as usize).map(Block::from_bytes).collect();
                    write(&device, at / block, Payload::from_vec(blocks), *fua).await
                }
                Order::Zero { at, length, fua } => {
                    write(&device, at / block, Payload::zeroes(blocks(*length)), *fua).await
                }
                Order::Flush => device.flush().await.map(|()| Vec::new()),
            };
            match done {
                Ok(data) => request.done(&data),
                Err(IoError::Refused) => request.failed(EINVAL),
                Err(IoError::InDoubt | IoError::Media | IoError::Taken) => request.failed(EIO),
            }
        });
    }
}

async fn write(
    device: &BlockDevice,
    block: u64,
    data: Payload,
    fua: bool,
) -> Result<Vec<u8>, IoError> {
    match fua {
        true => device.write_fua(block, data).await?,
        false => device.write(block, data).await?,
    }
    Ok(Vec::new())
}
