//! Where volumes are attached, and which applications run there: the part of an operator. Injects no fault.
//!
//! An application runs where its volume is attached, on its own client at first. Where several clients use a
//! volume they take turns: each asks for it and waits; whose applications are over gives it back to those whose
//! are not; one that lost it to another asks again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use crate::base::{Nanos, NodeId, VolumeId};
use crate::node::app::{self, AppConfig, AppProgress, OpCounter};
use crate::node::client::{BlockDevice, DataService};
use crate::sim::{JoinHandle, Kernel, NodeHandle};

/// An application and how far it has come.
pub(super) struct App {
    pub(super) config: AppConfig,
    /// Where it runs at first.
    pub(super) client: NodeId,
    pub(super) volume: VolumeId,
    pub(super) progress: Rc<AppProgress>,
}

impl App {
    /// How many operations it may have under way.
    pub(super) fn depth(&self) -> u32 {
        self.config.depth
    }

    /// The most blocks of an operation.
    pub(super) fn longest(&self) -> u32 {
        self.config.blocks.1
    }
}

/// Where an application runs, and where it did last.
#[derive(Clone, Copy)]
struct Home {
    at: Option<NodeId>,
    last: NodeId,
}

/// A client that has a volume attached, or is to have it when it boots. The number tells the time that it has
/// from those before.
#[derive(Clone, Copy)]
struct Mount {
    client: NodeId,
    number: u64,
}

/// Where volumes are attached, or are to be when their client boots.
pub(super) struct Mounts {
    apps: Rc<Vec<App>>,
    ops: OpCounter,
    /// By application.
    homes: RefCell<Vec<Home>>,
    /// By volume.
    attached: RefCell<Vec<Vec<Mount>>>,
    /// By volume: the client that had it last.
    last: RefCell<Vec<Option<NodeId>>>,
    /// The data services of clients that are up.
    services: RefCell<BTreeMap<NodeId, DataService>>,
    made: Cell<u64>,
}

impl Mounts {
    /// Each application on its client.
    pub(super) fn new(volumes: usize, apps: &Rc<Vec<App>>, ops: &OpCounter) -> Rc<Self> {
        let homes = apps.iter().map(|app| Home { at: Some(app.client), last: app.client });
        let mounts = Self {
            apps: apps.clone(),
            ops: ops.clone(),
            homes: RefCell::new(homes.collect()),
            attached: RefCell::new(vec![Vec::new(); volumes]),
            last: RefCell::new(vec![None; volumes]),
            services: RefCell::default(),
            made: Cell::new(0),
        };
        for app in apps.iter().filter(|app| !mounts.has(app.client, app.volume)) {
            mounts.add(app.client, app.volume);
        }
        Rc::new(mounts)
    }

    /// Whether a client has the volume, or will when it boots.
    pub(super) fn has(&self, client: NodeId, volume: VolumeId) -> bool {
        self.clients_of(volume).contains(&client)
    }

    /// The clients that have a volume, or will when they boot.
    pub(super) fn clients_of(&self, volume: VolumeId) -> Vec<NodeId> {
        self.attached.borrow()[volume.index()].iter().map(|mount| mount.client).collect()
    }

    /// Where an application runs, by its place in the scenario.
    pub(super) fn home_of(&self, app: usize) -> Option<NodeId> {
        self.homes.borrow()[app].at
    }

    /// Whether an application has lost its client, and is not over.
    pub(super) fn has_homeless(&self, volume: VolumeId) -> bool {
        self.apps_of(volume).any(|(at, app)| self.home_of(at).is_none() && !app.progress.is_over())
    }

    /// Whether some client that is up has the volume, or is still giving it back.
    pub(super) fn is_held(&self, volume: VolumeId) -> bool {
        self.services.borrow().values().any(|service| service.holds(volume))
    }

    /// A client went down, and its data service with it.
    pub(super) fn forget(&self, client: NodeId) {
        let service = self.services.borrow_mut().remove(&client);
        drop(service);
    }

    /// A client came up: attaches what it is to have.
    pub(super) fn booted(self: &Rc<Self>, handle: &NodeHandle, service: &DataService) {
        let client = handle.node();
        self.services.borrow_mut().insert(client, service.clone());
        let volumes = (0..self.attached.borrow().len() as u16).map(VolumeId::new);
        for volume in volumes.filter(|volume| self.has(client, *volume)) {
            self.mount(handle, volume);
        }
    }

    /// Has a client attach a volume, now if it is up, and whenever it boots. Of the applications that have no client,
    /// or one that is down, those go there that ran there last; all, if none did.
    pub(super) fn attach(self: &Rc<Self>, kernel: &Kernel, client: NodeId, volume: VolumeId) {
        for gone in self.clients_of(volume).into_iter().filter(|other| !kernel.is_up(*other)) {
            self.remove(gone, volume);
        }
        let homeless = self.apps_of(volume).map(|(at, _)| at);
        let homeless: Vec<usize> = homeless.filter(|at| self.home_of(*at).is_none()).collect();
        let ran_here = |at: &usize| self.homes.borrow()[*at].last == client;
        let is_back = homeless.iter().any(ran_here);
        for at in homeless.into_iter().filter(|at| !is_back || ran_here(at)) {
            self.homes.borrow_mut()[at] = Home { at: Some(client), last: client };
        }
        self.add(client, volume);
        if kernel.is_up(client) {
            self.mount(&kernel.handle(client), volume);
        }
    }

    /// Has a client that is up give a volume back. Its applications end with what they are at.
    pub(super) fn detach(&self, client: NodeId, volume: VolumeId) {
        self.remove(client, volume);
        if let Some(service) = self.services.borrow().get(&client) {
            service.detach(volume);
        }
    }

    /// Finds a client for every application, and for every volume that had one: the last that it had.
    pub(super) fn find_homes(self: &Rc<Self>, kernel: &Kernel) {
        for app in 0..self.apps.len() {
            let Home { at, last } = self.homes.borrow()[app];
            if at.is_none() && !self.apps[app].progress.is_over() {
                self.attach(kernel, last, self.apps[app].volume);
            }
        }
        let volumes = self.attached.borrow().len() as u16;
        for volume in (0..volumes).map(VolumeId::new) {
            let last = self.last.borrow()[volume.index()].filter(|_| self.is_free(volume));
            if let Some(last) = last {
                self.attach(kernel, last, volume);
            }
        }
    }

    fn is_free(&self, volume: VolumeId) -> bool {
        self.attached.borrow()[volume.index()].is_empty()
    }

    fn apps_of(&self, volume: VolumeId) -> impl Iterator<Item = (usize, &App)> {
        self.apps.iter().enumerate().filter(move |(_, app)| app.volume == volume)
    }

    fn add(&self, client: NodeId, volume: VolumeId) {
        self.made.set(self.made.get() + 1);
        let mount = Mount { client, number: self.made.get() };
        let mounts = &mut self.attached.borrow_mut()[volume.index()];
        mounts.retain(|mount| mount.client != client);
        mounts.push(mount);
        self.last.borrow_mut()[volume.index()] = Some(client);
    }

    fn remove(&self, client: NodeId, volume: VolumeId) {
        self.attached.borrow_mut()[volume.index()].retain(|mount| mount.client != client);
        for (at, app) in self.apps_of(volume) {
            if self.home_of(at) == Some(client) {
                self.homes.borrow_mut()[at].at = None;
                app.progress.stop();
            }
        }
    }

    fn number_of(&self, client: NodeId, volume: VolumeId) -> Option<u64> {
        let attached = self.attached.borrow();
        let mount = attached[volume.index()].iter().find(|mount| mount.client == client);
        mount.map(|mount| mount.number)
    }

    /// Attaches a volume on a client that is up, starts its applications there, and keeps both.
    fn mount(self: &Rc<Self>, handle: &NodeHandle, volume: VolumeId) {
        let client = handle.node();
        let service = self.services.borrow().get(&client).cloned();
        let service = service.expect("a client that is up has a data service");
        let number = self.number_of(client, volume).expect("the volume is to be attached there");
        let device = service.attach(volume);
        let keeper =
            Keeper { mounts: self.clone(), handle: handle.clone(), service, volume, number };
        handle.spawn("mount", keeper.run(device));
    }

    /// Whether nothing that applications of this client began elsewhere, or before, is under way.
    fn is_quiet(&self, client: NodeId, volume: VolumeId) -> bool {
        let mut here = self.apps_of(volume).filter(|(at, _)| self.home_of(*at) == Some(client));
        here.all(|(_, app)| app.progress.open() == 0)
    }

    fn stop_apps(&self, client: NodeId, volume: VolumeId) {
        let here = self.apps_of(volume).filter(|(at, _)| self.home_of(*at) == Some(client));
        here.for_each(|(_, app)| app.progress.stop());
    }

    fn start_apps(&self, handle: &NodeHandle, device: &BlockDevice) -> Vec<JoinHandle<()>> {
        let here = self.apps_of(device.volume()).filter(|(at, app)| {
            self.home_of(*at) == Some(handle.node()) && !app.progress.is_over()
        });
        here.flat_map(|(_, app)| {
            app::start(handle, &app.config, &app.progress, &device.opened(), &self.ops)
        })
        .collect()
    }

    /// Whether the applications on this client are over, and others on the volume are not.
    fn is_others_turn(&self, client: NodeId, volume: VolumeId) -> bool {
        let mut unfinished = self.apps_of(volume).filter(|(_, app)| !app.progress.is_over());
        let here = |at: usize| self.home_of(at) == Some(client);
        let mut any = false;
        unfinished.all(|(at, _)| {
            any = true;
            !here(at)
        }) && any
    }
}

/// How long an application waits before it looks again whether it may go on.
const LOOK_AGAIN: Nanos = Nanos::from_micros(50);

/// Keeps a volume attached to a client.
struct Keeper {
    mounts: Rc<Mounts>,
    handle: NodeHandle,
    service: DataService,
    volume: VolumeId,
    /// Which time the client has the volume.
    number: u64,
}

/// What a keeper waits for.
enum News {
    /// Another client has the volume now.
    Lost,
    /// No application works on it here any more.
    Over,
}

impl Keeper {
    async fn run(self, mut device: BlockDevice) {
        let client = self.handle.node();
        let mut workers = self.start_apps(&device).await;
        loop {
            let news = self.news(&device, &mut workers).await;
            if self.mounts.number_of(client, self.volume) != Some(self.number) {
                return;
            }
            match news {
                News::Over if self.mounts.is_others_turn(client, self.volume) => {
                    return self.mounts.detach(client, self.volume);
                }
                News::Over => {
                    device.lost().await;
                    workers.clear();
                }
                News::Lost if self.mounts.is_others_turn(client, self.volume) => {
                    return self.mounts.detach(client, self.volume);
                }
                News::Lost => {
                    self.service.detach(self.volume);
                    device = self.service.attach(self.volume);
                    workers = self.start_apps(&device).await;
                }
            }
        }
    }

    /// Starts the client's applications on the volume, when what they were at before has come back.
    async fn start_apps(&self, device: &BlockDevice) -> Vec<JoinHandle<()>> {
        let client = self.handle.node();
        // It may have stood still until its attachment was over, and others' applications are under way.
        if self.mounts.number_of(client, self.volume) != Some(self.number) {
            return Vec::new();
        }
        self.mounts.stop_apps(client, self.volume);
        while !self.mounts.is_quiet(client, self.volume) {
            self.handle.sleep(LOOK_AGAIN).await;
        }
        if self.mounts.number_of(client, self.volume) != Some(self.number) {
            return Vec::new();
        }
        self.mounts.start_apps(&self.handle, device)
    }

    async fn news(&self, device: &BlockDevice, workers: &mut Vec<JoinHandle<()>>) -> News {
        let mut lost = pin!(device.lost());
        poll_fn(|cx| {
            if lost.as_mut().poll(cx).is_ready() {
                return Poll::Ready(News::Lost);
            }
            workers.retain_mut(|worker| Pin::new(worker).poll(cx).is_pending());
            if workers.is_empty() { Poll::Ready(News::Over) } else { Poll::Pending }
        })
        .await
    }
}
