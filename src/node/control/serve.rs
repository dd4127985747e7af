//! Runs the controller: takes calls, has the database asked, answers, tells satellites what they are to have. What is decided
//! is the machine's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

use super::deploy::Deployment;
use super::machine::{Call, Controller, Effect, Input};
use super::reporter::{self, Answered};
use super::satellites::{self, News};
use crate::base::control::{ControllerDeposed, ControllerHolds, SatelliteStatus};
use crate::base::{Nanos, NodeId, VolumeId};
use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::config::{ClusterMap, ControlMap, SESSION_BYTES};
use crate::node::connector::{Acceptor, Arrival, Connectors, Turn};
use crate::node::database::{Answer, DatabaseLink, Query};
use crate::node::protocol::{Service, Wire};
use crate::sim::{Allocation, NodeHandle, Queue};

/// How often it looks round.
const TICK: Nanos = Nanos::from_millis(2);
/// Between two attempts to find out what the database holds.
const LOAD_RETRY: Nanos = Nanos::from_millis(2);

/// What the controller's main task is woken for.
pub(in crate::node) enum Event {
    Connected(Rc<Peer>),
    Said(Rc<Peer>, Wire),
    Gone(Rc<Peer>),
    /// The database has answered.
    Database(Answer),
    /// A target has connected to the manager.
    TargetBack(NodeId),
    /// A satellite has said something, or is no longer to be reached.
    Satellite(NodeId, News),
    /// Clients are given the volume from now on.
    Served(VolumeId),
}

/// What the controller wants of the manager that it lives beside.
pub(in crate::node) enum Order {
    /// Give this volume to clients, if it is not given to them already.
    Serve(VolumeId),
}

/// One connection of somebody who calls.
pub(in crate::node) struct Peer {
    pub(super) channel: Channel,
    turn: Turn,
    _session: Allocation,
}

/// Those who are connected.
pub(super) type Peers = Rc<RefCell<BTreeMap<NodeId, Rc<Peer>>>>;

/// What the controller runs on.
pub(in crate::node) struct Desk {
    pub(in crate::node) handle: NodeHandle,
    pub(in crate::node) map: Rc<ClusterMap>,
    pub(in crate::node) control: Rc<ControlMap>,
    /// Where there are several managers, the leader's term: no two have the same, and later ones are greater. Else 0.
    pub(in crate::node) term: u64,
    /// What it is told.
    pub(in crate::node) events: Queue<Event>,
    /// Where its orders go.
    pub(in crate::node) orders: Box<dyn Fn(Order)>,
}

struct Server {
    desk: Rc<Desk>,
    machine: Controller,
    deployment: Deployment,
    peers: Peers,
    queries: Queue<Query>,
    answers: Queue<Answered>,
    effects: Vec<Effect>,
    /// Another controller has taken over.
    is_deposed: bool,
}

/// Starts the controller beside its manager.
pub(in crate::node) fn start(
    desk: Desk,
    (port, connectors): (Port<Frame>, &Connectors),
    drive: &Drive,
    link: DatabaseLink,
) {
    let desk = Rc::new(desk);
    let handle = desk.handle.clone();
    let (queries, answers) = (Queue::new(handle.kernel()), Queue::new(handle.kernel()));
    let peers: Peers = Rc::default();
    handle.spawn(
        "controller.database",
        ask(handle.clone(), link, queries.clone(), desk.events.clone()),
    );
    for connector in 0..connectors.count() {
        let acceptor = Acceptor::new(&handle, &port, connectors, (connector, Service::Api));
        handle.spawn("controller.accept", accept(desk.clone(), acceptor));
    }
    let reporter = reporter::run(desk.clone(), drive.clone(), answers.clone(), peers.clone());
    handle.spawn("controller.reports", reporter);
    let (mut machine, deployment) = (Controller::new(), Deployment::new(&desk));
    for satellite in deployment.satellites() {
        handle
            .spawn("controller.satellite", satellites::run(desk.clone(), port.clone(), satellite));
    }
    machine.around.volumes = deployment.volumes();
    let (effects, is_deposed) = (Vec::new(), false);
    let server = Server { desk, machine, deployment, peers, queries, answers, effects, is_deposed };
    handle.spawn("controller", server.serve());
}

/// Has the database asked one query after the other.
async fn ask(
    handle: NodeHandle,
    mut link: DatabaseLink,
    queries: Queue<Query>,
    events: Queue<Event>,
) {
    loop {
        let query = queries.pop().await;
        let is_load = matches!(query, Query::Load { .. });
        let answer = link.ask(query).await;
        if is_load && !matches!(answer, Answer::Loaded { .. }) {
            handle.sleep(LOAD_RETRY).await;
        }
        events.push(Event::Database(answer));
    }
}

async fn accept(desk: Rc<Desk>, mut acceptor: Acceptor) {
    // Those who were connected by this connector.
    let mut taken: Vec<Weak<Peer>> = Vec::new();
    loop {
        let (connection, turn) = match acceptor.next().await {
            Arrival::Peer(connection, turn) => (connection, turn),
            Arrival::Lost => {
                let lost = taken.drain(..).filter_map(|peer| peer.upgrade());
                lost.for_each(|peer| peer.channel.close());
                continue;
            }
        };
        let Ok(session) = desk.handle.memory().reserve(SESSION_BYTES) else {
            desk.handle.sleep(desk.map.timing.reconnect).await;
            connection.close();
            continue;
        };
        let channel = Channel::new(connection, desk.handle.probes());
        let peer = Rc::new(Peer { channel, turn, _session: session });
        taken.retain(|peer| peer.strong_count() > 0);
        taken.push(Rc::downgrade(&peer));
        desk.handle.spawn("controller.peer", listen(peer, desk.events.clone()));
    }
}

async fn listen(peer: Rc<Peer>, events: Queue<Event>) {
    events.push(Event::Connected(peer.clone()));
    while let Ok(message) = peer.channel.recv().await {
        match message {
            Wire::Ping { beat } => {
                let _closed = peer.channel.send(Wire::Pong { beat });
            }
            message => events.push(Event::Said(peer.clone(), message)),
        }
    }
    events.push(Event::Gone(peer));
}

impl Server {
    async fn serve(mut self) {
        let handle = self.desk.handle.clone();
        let mut interval = handle.interval(TICK);
        self.apply(Input::Tick);
        loop {
            let mut tick = pin!(interval.tick());
            loop {
                let events = &self.desk.events;
                let event = poll_fn(|cx| match events.poll_pop(cx) {
                    Poll::Ready(event) => Poll::Ready(Some(event)),
                    Poll::Pending => tick.as_mut().poll(cx).map(|()| None),
                });
                let Some(event) = event.await else { break };
                self.take(event);
            }
            self.apply(Input::Tick);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected(peer) if self.is_deposed => peer.channel.close(),
            Event::Connected(peer) => {
                let node = peer.channel.peer();
                let current = self.peers.borrow().get(&node).map(|it| it.turn);
                if current.is_some_and(|it| peer.turn.is_over(&peer.channel, it)) {
                    return peer.channel.close();
                }
                let old = self.peers.borrow_mut().insert(node, peer);
                if let Some(old) = old {
                    old.channel.close();
                }
            }
            Event::Said(peer, Wire::Call { call, request }) => {
                let (caller, since) = (peer.channel.peer(), self.desk.handle.monotonic());
                self.apply(Input::Call(Call { caller, id: call, request, since }));
            }
            // Nothing else is anybody's to say to a controller.
            Event::Said(peer, _) => peer.channel.close(),
            Event::Gone(peer) => {
                let node = peer.channel.peer();
                self.peers.borrow_mut().retain(|at, held| *at != node || !Rc::ptr_eq(held, &peer));
            }
            Event::Database(answer) => self.apply(match answer {
                Answer::Loaded { version, rows } => Input::Loaded { version, rows },
                Answer::Committed { version } => Input::Committed { version },
                Answer::Refused(refusal) => Input::Refused(refusal),
                Answer::Vanished => Input::InDoubt,
            }),
            Event::TargetBack(target) => self.deployment.target_back(target),
            Event::Satellite(target, news) => {
                let is_outdated = matches!(news, News::Stands(SatelliteStatus::FullSyncFailed));
                if is_outdated {
                    self.apply(Input::Outdated);
                }
                if self.deployment.heard(target, news, &mut self.machine.around)
                    && let Some(config) = self.machine.config()
                {
                    self.deployment.serve(config);
                }
            }
            Event::Served(volume) => self.deployment.served(volume),
        }
    }

    fn apply(&mut self, input: Input) {
        let is_load = matches!(input, Input::Loaded { .. });
        let now = self.desk.handle.monotonic();
        let mut effects = std::mem::take(&mut self.effects);
        self.machine.apply(now, input, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect, is_load);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, effect: Effect, loaded: bool) {
        match effect {
            Effect::Load => self.queries.push(Query::Load { term: self.desk.term }),
            Effect::Commit { expected, changes } => {
                let term = self.desk.term;
                self.queries.push(Query::Commit { term, expected, changes });
            }
            Effect::LetGo { by } => self.let_go(by),
            Effect::Holds { version, fingerprint } => {
                self.desk.handle.emit(&ControllerHolds { version, fingerprint, loaded });
                self.deploy();
            }
            Effect::Answer { call, replies, version } => {
                let standing = self.machine.standing();
                let standing =
                    format!("version {} was known last; {standing}", self.machine.version());
                self.answers.push(Answered { call, replies, version, standing });
            }
        }
    }

    /// Another controller has taken over: whoever is connected goes to that one, and satellites are its own.
    fn let_go(&mut self, by: u64) {
        let term = self.desk.term;
        self.desk.handle.emit(&ControllerDeposed { term, by });
        tracing::info!(term, by, "another controller has taken over");
        self.is_deposed = true;
        self.deployment.let_go();
        let peers = std::mem::take(&mut *self.peers.borrow_mut());
        peers.values().for_each(|peer| peer.channel.close());
    }

    /// Tells targets what they are to have, where that has changed, and has volumes served that are complete.
    fn deploy(&mut self) {
        let Some(config) = self.machine.config() else { return };
        self.deployment.deploy(config, self.machine.version());
    }
}
