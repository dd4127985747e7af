//! Runs the machines: takes connections, hands inputs to the machines, carries out what they say.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

use crate::base::history::VolumeChanged;
use crate::base::{Epoch, Nanos, NodeId, PlaceIndex, VolumeId};
use crate::net::port::Port;
use crate::sim::{Allocation, NodeHandle, Queue, Signal};

use super::door::{FalseMessage, ManagerDoor, Order};
use super::input::{Effect, Input};
use super::machine::Machine;
use super::record::VolumeRecord;
use super::records::{Keeping, Records};
use super::replica::Office;
use crate::base::planted;
use crate::base::protocol::{
    LegMoved, SplitBrain, TopologyDecided, TopologyFound, TopologyGrantable, TopologyPersisted,
};
use crate::layout::Layout;
use crate::node::backlog::Backlog;
use crate::node::channel::Channel;
use crate::node::channel::Frame;
use crate::node::config::{ClusterMap, SESSION_BYTES, VolumeSpec};
use crate::node::connector::{Acceptor, Arrival, Connectors, Turn};
use crate::node::control;
use crate::node::probes;
use crate::node::protocol::{LegReport, Occupant, Places, Service, Wire};
use crate::node::records::{FalselySaid, ForeignDisk, Overlooked};

/// The number of an attachment that nobody ever had.
const NOBODY: u64 = u64::MAX;

/// What the manager's main task is woken for.
pub(super) enum Event {
    Connected(Rc<Peer>),
    Said(Rc<Peer>, Wire),
    Gone(Rc<Peer>),
    Persisted(VolumeId, Epoch),
    /// The first record of a volume is durable.
    Created(VolumeId, Box<VolumeRecord>),
    /// The controller wants something.
    Ordered(control::Order),
}

/// A record to make durable.
enum Storing {
    /// Of a volume that there is.
    Decision(VolumeId, VolumeRecord),
    /// The first of a new one.
    Creation(VolumeId, VolumeRecord),
}

/// What is to be done next.
enum Due {
    Event(Event),
    /// By the test API.
    Order(Order),
    Tick,
}

/// One connection of a client or a target.
pub(super) struct Peer {
    connection: Channel,
    turn: Turn,
    heard: Cell<Nanos>,
    /// How far what it said was read.
    backlog: Cell<Backlog>,
    /// The volumes asked for over it, by session.
    asked: RefCell<Vec<(VolumeId, u64)>>,
    /// What a target told of its places last.
    places: RefCell<Rc<[LegReport]>>,
    _session: Allocation,
}

struct Manager {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    /// By volume; none, where the volume has not come to be.
    machines: Vec<Option<Machine>>,
    peers: BTreeMap<NodeId, Rc<Peer>>,
    stores: Queue<Storing>,
    /// Where the controller is told, if there is one.
    told: Option<Queue<control::Event>>,
    /// Volumes whose first record is being made durable.
    creating: BTreeSet<VolumeId>,
    /// Attachments of volumes that have not come to be: whose, of which, and by which session.
    parked: Vec<(NodeId, VolumeId, u64, Epoch)>,
    effects: Vec<Effect>,
    door: Rc<ManagerDoor>,
    /// What the test API holds back, in its order.
    held: Vec<(Rc<Peer>, Wire)>,
    /// When it looked round last, and whether it had stood still then.
    ticked: (Nanos, bool),
    /// Since when it has come late every time.
    slow_since: Option<Nanos>,
    /// Where there are several managers, what it holds as long as it leads.
    office: Option<Office>,
}

/// The manager's main task.
pub(super) async fn run(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    (port, connectors): (Port<Frame>, Connectors),
    (keeping, door): (Keeping, Rc<ManagerDoor>),
    (events, told): (Queue<Event>, Option<Queue<control::Event>>),
) {
    // A record of each volume, and a block to write one from.
    let records = map.volumes.len() as u64 * 512 + map.block_size.bytes() as u64;
    let _records = handle.memory().reserve_waiting(records).await;
    let mut database = Records::open(&handle, &map, keeping);
    let (mut records, mut places) = (Vec::new(), Vec::new());
    for volume in &map.volumes {
        let record = database.load(volume.id).await;
        // That of a volume about which nothing was ever decided says nothing.
        if let Some(record) = record.as_ref().filter(|record| record.epoch > Epoch::new(1)) {
            let (written_at, now) = (record.written_at, handle.wall());
            tracing::debug!(volume = %volume.id, epoch = %record.epoch, %written_at, %now, "found");
            handle.emit(&found(&handle, volume.id, record));
            tell_moved(&handle, volume, record, None);
        }
        places.push(record.map_or_else(Places::first, |record| record.places));
        records.push(record);
    }
    // Not before all are loaded: what a machine gives others time for begins when they can reach it.
    let machines = map.volumes.iter().zip(records).map(|(volume, record)| {
        let is_there = map.control.is_none() || record.is_some();
        is_there.then(|| machine(&handle, &map, volume, record))
    });
    let machines: Vec<Option<Machine>> = machines.collect();
    door.opened(Signal::new(handle.kernel()));
    let stores = Queue::new(handle.kernel());
    let office = match &database {
        Records::Alone(_) => None,
        Records::Agreed(office) => Some(office.clone()),
    };
    let storing = (database, places);
    handle.spawn(
        "manager.store",
        store(handle.clone(), map.clone(), storing, stores.clone(), events.clone()),
    );
    for connector in 0..connectors.count() {
        let at = (connector, Service::Manager);
        let acceptor = Acceptor::new(&handle, &port, &connectors, at);
        handle
            .spawn("manager.accept", accept(handle.clone(), map.clone(), acceptor, events.clone()));
    }
    let (peers, effects, ticked) = (BTreeMap::new(), Vec::new(), (handle.monotonic(), false));
    let (held, slow_since) = (Vec::new(), None);
    let (creating, parked) = (BTreeSet::new(), Vec::new());
    let mut manager = Manager {
        handle,
        map,
        machines,
        peers,
        stores,
        told,
        creating,
        parked,
        effects,
        door,
        held,
        ticked,
        slow_since,
        office,
    };
    manager.serve(&events).await;
}

/// What decides for a volume that there is.
fn machine(
    handle: &NodeHandle,
    map: &ClusterMap,
    volume: &VolumeSpec,
    record: Option<VolumeRecord>,
) -> Machine {
    let machine = Machine::new(volume, &map.timing, record, handle.monotonic());
    let has_caches = map.volatile_caches && !volume.layout.writes_through();
    machine.counting(handle.probes()).with_caches(has_caches)
}

fn found(handle: &NodeHandle, volume: VolumeId, record: &VolumeRecord) -> TopologyFound {
    let owner = record.owner.map_or(handle.node(), |(owner, _)| owner);
    let (epoch, modes, grantable) = (record.epoch, record.modes.word(), record.granted);
    TopologyFound { volume, epoch, modes, owner, grantable }
}

/// Says which of a volume's legs are not where they were: if nobody knows where that was, where all are that may move.
fn tell_moved(
    handle: &NodeHandle,
    spec: &VolumeSpec,
    record: &VolumeRecord,
    before: Option<&Places>,
) {
    for (leg, place) in record.places.iter(spec.legs.len()) {
        let has_moved = before.map_or(!spec.spares.is_empty(), |before| place != before.of(leg));
        if has_moved {
            let (volume, disk) = (spec.id, spec.place(place).disk);
            handle.emit(&LegMoved { volume, leg, disk });
        }
    }
}

async fn store(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    (mut database, mut places): (Records, Vec<Places>),
    stores: Queue<Storing>,
    events: Queue<Event>,
) {
    loop {
        let (volume, record) = match stores.pop().await {
            Storing::Decision(volume, record) => (volume, record),
            Storing::Creation(volume, record) => {
                let record = VolumeRecord { written_at: handle.wall(), ..record };
                database.store(volume, &record).await;
                events.push(Event::Created(volume, Box::new(record)));
                continue;
            }
        };
        let record = VolumeRecord { written_at: handle.wall(), ..record };
        if planted!(ActBeforePersist) {
            events.push(Event::Persisted(volume, record.epoch));
        }
        database.store(volume, &record).await;
        let epoch = record.epoch;
        if let (Records::Agreed(_), false) = (&database, record.granted) {
            let owner = record.owner.map_or(handle.node(), |(owner, _)| owner);
            let modes = record.modes.word();
            handle.emit(&TopologyDecided { volume, epoch, modes, owner });
        }
        let before = std::mem::replace(&mut places[volume.index()], record.places);
        tell_moved(&handle, map.volume(volume), &record, Some(&before));
        // That the owner was told is nobody else's business.
        if !record.granted {
            handle.emit(&TopologyPersisted { volume, epoch });
        } else if !record.told {
            handle.emit(&TopologyGrantable { volume, epoch });
        }
        if !planted!(ActBeforePersist) {
            events.push(Event::Persisted(volume, record.epoch));
        }
    }
}

async fn accept(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    mut acceptor: Acceptor,
    events: Queue<Event>,
) {
    let memory = handle.memory();
    // Those who were connected by this connector.
    let mut taken: Vec<Weak<Peer>> = Vec::new();
    loop {
        let (connection, turn) = match acceptor.next().await {
            Arrival::Peer(connection, turn) => (connection, turn),
            Arrival::Lost => {
                let lost = taken.drain(..).filter_map(|peer| peer.upgrade());
                lost.for_each(|peer| peer.connection.close());
                continue;
            }
        };
        let Ok(session) = memory.reserve(SESSION_BYTES) else {
            // The peer tries again when it finds the connection closed.
            handle.sleep(map.timing.reconnect).await;
            connection.close();
            continue;
        };
        let heard = Cell::new(handle.monotonic());
        let connection = Channel::new(connection, handle.probes());
        let (backlog, asked) = (Cell::default(), RefCell::default());
        let places = RefCell::new(Rc::default());
        let peer =
            Rc::new(Peer { connection, turn, heard, backlog, asked, places, _session: session });
        taken.retain(|peer| peer.strong_count() > 0);
        taken.push(Rc::downgrade(&peer));
        handle.spawn("manager.peer", listen(handle.clone(), peer, events.clone()));
    }
}

/// Hands on what one peer says, and answers its heartbeats.
async fn listen(handle: NodeHandle, peer: Rc<Peer>, events: Queue<Event>) {
    events.push(Event::Connected(peer.clone()));
    while let Ok(message) = peer.connection.recv().await {
        peer.heard.set(handle.monotonic());
        events.push(Event::Said(peer.clone(), message));
    }
    events.push(Event::Gone(peer));
}

impl Manager {
    async fn serve(&mut self, events: &Queue<Event>) {
        let mut interval = self.handle.interval(self.map.timing.heartbeat);
        loop {
            let mut tick = pin!(interval.tick());
            loop {
                let due = poll_fn(|cx| {
                    if self.may_lead()
                        && let Some(order) = self.door.poll_order(cx)
                    {
                        return Poll::Ready(Due::Order(order));
                    }
                    match events.poll_pop(cx) {
                        Poll::Ready(event) => Poll::Ready(Due::Event(event)),
                        Poll::Pending => tick.as_mut().poll(cx).map(|()| Due::Tick),
                    }
                });
                let due = due.await;
                self.only_while_it_leads().await;
                match due {
                    Due::Event(event) => self.take(event),
                    Due::Order(order) => self.obey(order),
                    Due::Tick => break,
                }
            }
            self.tick();
        }
    }

    /// Goes on, unless it cannot know any more that it leads: then never.
    async fn only_while_it_leads(&self) {
        if !self.may_lead() {
            std::future::pending::<()>().await;
        }
    }

    fn may_lead(&self) -> bool {
        self.office.as_ref().is_none_or(Office::holds)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected(peer) => {
                let node = peer.connection.peer();
                let current = self.peers.get(&node);
                if current.is_some_and(|it| peer.turn.is_over(&peer.connection, it.turn)) {
                    return peer.connection.close();
                }
                if let Some(old) = self.peers.insert(node, peer) {
                    old.connection.close();
                    // Claims end with the connection over which they were made.
                    self.for_all(Input::Gone { client: node });
                    self.parked.retain(|(client, ..)| *client != node);
                }
            }
            Event::Said(peer, message) => {
                let node = peer.connection.peer();
                // What an older connection said is over once its node has a newer one.
                if self.peers.get(&node).is_some_and(|current| Rc::ptr_eq(current, &peer)) {
                    self.message(node, &peer, message);
                }
            }
            Event::Gone(peer) => {
                let node = peer.connection.peer();
                if self.peers.get(&node).is_some_and(|current| Rc::ptr_eq(current, &peer)) {
                    self.peers.remove(&node);
                    self.node_gone(node);
                }
            }
            Event::Persisted(volume, epoch) => self.apply(volume, Input::Persisted(epoch)),
            Event::Created(volume, record) => self.created(volume, *record),
            Event::Ordered(control::Order::Serve(volume)) => self.create(volume),
        }
    }

    /// Does what the test API wants done wrong.
    #[cold]
    fn obey(&mut self, order: Order) {
        match order {
            Order::Say(to, what) => {
                let specs = self.map.volumes.iter();
                let words = specs.filter_map(|spec| self.falsely(to, spec, what));
                // Of a heartbeat one is enough.
                let words = words.take(if what == FalseMessage::Pong { 1 } else { usize::MAX });
                for word in words.collect::<Vec<Wire>>() {
                    self.handle.emit(&FalselySaid { to, kind: word.kind_of() });
                    self.send(to, word);
                }
            }
            Order::Release => {
                let times = if self.door.end_hold() { 2 } else { 1 };
                let held = std::mem::take(&mut self.held);
                for (to, word) in held {
                    // What was to go over a connection that is over is lost with it.
                    for _ in 0..times {
                        let _closed = to.connection.send(word.clone());
                    }
                }
            }
            Order::Break => {
                let peers = std::mem::take(&mut self.peers);
                for (node, peer) in peers {
                    peer.connection.close();
                    self.node_gone(node);
                }
            }
        }
    }

    /// What is not so of this volume; nothing, where it could not be said to this node at all.
    fn falsely(&self, to: NodeId, spec: &VolumeSpec, what: FalseMessage) -> Option<Wire> {
        let machine = self.machines[spec.id.index()].as_ref()?;
        let (volume, record) = (spec.id, machine.record());
        let placed = || spec.places().find(|(_, place)| place.target == to);
        let is_target = self.has_places(to);
        match what {
            FalseMessage::Pong => Some(Wire::Pong { beat: u64::MAX }),
            FalseMessage::Detached if !is_target => {
                Some(Wire::Detached { volume, session: NOBODY })
            }
            FalseMessage::Grant if !is_target => {
                Some(Wire::Grant { session: NOBODY, topology: machine.topology() })
            }
            FalseMessage::CareFor if is_target => Some(Wire::CareFor { volume }),
            // An epoch that is over, and that some manager may have meant: one that was decided anew before it was stored,
            // none ever said.
            FalseMessage::Register if machine.is_stored() => {
                let (place, _) = placed()?;
                let (leg, _) = record.places.iter(spec.legs.len()).find(|(_, at)| *at == place)?;
                let epoch = Epoch::new(record.epoch.get().saturating_sub(1));
                let (life, again, rebuild) = (0, false, Epoch::new(0));
                Some(Wire::Register { volume, leg, place, epoch, life, again, rebuild })
            }
            _ => None,
        }
    }

    fn message(&mut self, node: NodeId, peer: &Peer, message: Wire) {
        if self.door.overlooks(message.kind_of()) {
            self.handle.emit(&Overlooked { from: node, kind: message.kind_of() });
            return;
        }
        match message {
            // A target says what it holds before anything else: that was overlooked, and it is to say it anew.
            Wire::Ping { .. } if peer.places.borrow().is_empty() && self.has_places(node) => {
                peer.connection.close();
            }
            Wire::Ping { beat } => {
                let _closed = peer.connection.send(Wire::Pong { beat });
                self.heard_owner(node, peer);
            }
            Wire::TargetHello { places } => {
                let is_first = peer.places.replace(places.clone()).is_empty();
                self.hello(&places);
                if is_first {
                    self.tell_controller(control::Event::TargetBack(node));
                }
            }
            Wire::Registered { volume, leg, epoch, life, again, ok } => {
                self.apply(volume, Input::Registered { leg, epoch, life, again, ok });
            }
            Wire::Attach { volume, session, held } => {
                let mut asked = peer.asked.borrow_mut();
                asked.retain(|(held, _)| *held != volume);
                asked.push((volume, session));
                drop(asked);
                self.park((node, volume, session, held));
                self.apply(volume, Input::Attach { client: node, session, held });
            }
            Wire::Detach { volume, session, held } => {
                peer.asked.borrow_mut().retain(|asked| *asked != (volume, session));
                self.parked.retain(|it| (it.0, it.1, it.2) != (node, volume, session));
                self.apply(volume, Input::Detach { client: node, session, held });
            }
            Wire::LegFailed { volume, leg, epoch } => {
                self.apply(volume, Input::LegFailed { leg, epoch });
            }
            Wire::LegBack { volume, leg, epoch } => {
                self.apply(volume, Input::LegBack { leg, epoch });
            }
            Wire::Rebuilt { volume, leg, epoch } => {
                self.apply(volume, Input::Rebuilt { leg, epoch });
            }
            // Nothing else is anybody's to say to a manager.
            _ => {
                crate::sometimes!(self.handle, true, probes::WORD_REFUSED);
                peer.connection.close();
            }
        }
    }

    /// Whether a node is a target that holds something.
    fn has_places(&self, node: NodeId) -> bool {
        self.map.volumes.iter().any(|it| it.places().any(|(_, at)| at.target == node))
    }

    fn hello(&mut self, places: &[LegReport]) {
        for report in places {
            self.apply(report.volume, Input::Place(report.place, Some(*report)));
        }
    }

    fn node_gone(&mut self, node: NodeId) {
        self.for_all(Input::Gone { client: node });
        self.parked.retain(|(client, ..)| *client != node);
        self.target_gone(node);
    }

    fn tell_controller(&self, event: control::Event) {
        if let Some(told) = &self.told {
            told.push(event);
        }
    }

    /// Keeps an attachment of a volume that has not come to be for when it has.
    fn park(&mut self, attachment: (NodeId, VolumeId, u64, Epoch)) {
        let (client, volume, ..) = attachment;
        if self.machines[volume.index()].is_none() {
            self.parked.retain(|it| (it.0, it.1) != (client, volume));
            self.parked.push(attachment);
        }
    }

    /// Lets a volume come to be, if it has not.
    fn create(&mut self, volume: VolumeId) {
        if self.machines[volume.index()].is_some() {
            self.tell_controller(control::Event::Served(volume));
        } else if self.creating.insert(volume) {
            let record = VolumeRecord::new(self.map.volume(volume).legs.len());
            self.stores.push(Storing::Creation(volume, record));
        }
    }

    /// A volume has come to be: whoever waits for it has it from now on.
    fn created(&mut self, volume: VolumeId, record: VolumeRecord) {
        self.creating.remove(&volume);
        let spec = self.map.volume(volume);
        let machine = machine(&self.handle, &self.map, spec, Some(record));
        self.machines[volume.index()] = Some(machine);
        let told: Vec<Rc<[LegReport]>> =
            self.peers.values().map(|peer| peer.places.borrow().clone()).collect();
        for report in told.iter().flat_map(|places| places.iter()) {
            if report.volume == volume {
                self.apply(volume, Input::Place(report.place, Some(*report)));
            }
        }
        let (waiting, parked) = self.parked.drain(..).partition(|it| it.1 == volume);
        self.parked = parked;
        let waiting: Vec<(NodeId, VolumeId, u64, Epoch)> = waiting;
        for (client, _, session, held) in waiting {
            self.apply(volume, Input::Attach { client, session, held });
        }
        self.tell_controller(control::Event::Served(volume));
    }

    fn target_gone(&mut self, node: NodeId) {
        for at in 0..self.map.volumes.len() {
            let spec = &self.map.volumes[at];
            let volume = spec.id;
            let gone = spec.places().filter(|(_, placed)| placed.target == node);
            let gone: Vec<PlaceIndex> = gone.map(|(place, _)| place).collect();
            for place in gone {
                self.apply(volume, Input::Place(place, None));
            }
        }
    }

    /// Drops peers that have been silent for too long; lets the machines see the time.
    fn tick(&mut self) {
        let now = self.handle.monotonic();
        // A manager that stood still has not read what was said meanwhile: that comes first.
        let (before, stood_still_before) = self.ticked;
        let span = now.saturating_sub(before);
        // One that is always slow has to act all the same.
        let heartbeat = self.map.timing.heartbeat;
        let is_slow = span.saturating_mul(2) > heartbeat.saturating_mul(3);
        let stood_still = !stood_still_before && span > heartbeat.saturating_mul(3);
        self.ticked = (now, stood_still);
        self.slow_since = is_slow.then(|| self.slow_since.unwrap_or(before));
        crate::sometimes!(self.handle, stood_still, probes::MANAGER_STOOD_STILL);
        if stood_still {
            return self.for_all(Input::StoodStill);
        }
        let silent = |peer: &Peer| {
            let (timing, silence) = (&self.map.timing, now.saturating_sub(peer.heard.get()));
            let is_late = silence > timing.dead_after;
            // What has arrived and was not read is no silence: a CPU of this node may stand still. While it does,
            // that is safe: nobody is given up for what is not read, but for what owners report and for
            // registrations that do not come in time, neither of which waits for this; no lease is prolonged by
            // it; and a leg that is taken for present and is not, is kept and waited for. For the sake of those
            // who wait it has an end.
            let is_behind =
                is_late && silence <= timing.unread_patience && peer.connection.unread() > 0;
            crate::sometimes!(self.handle, is_behind, probes::HEARTBEATS_UNREAD);
            is_late && !is_behind
        };
        let dead: Vec<NodeId> =
            self.peers.iter().filter(|(_, peer)| silent(peer)).map(|(node, _)| *node).collect();
        for node in dead {
            if let Some(peer) = self.peers.remove(&node) {
                peer.connection.close();
                self.node_gone(node);
            }
        }
        self.spare_the_unread(now);
        self.for_all(Input::Tick);
    }

    /// Whoever was to register by now may have done so, and what it said of it may lie unread, or its connection may
    /// not have been noticed yet: that has an end as above.
    fn spare_the_unread(&mut self, now: Nanos) {
        let patience = self.map.timing.unread_patience;
        if self.slow_since.is_some_and(|since| now.saturating_sub(since) <= patience) {
            self.for_all(Input::StoodStill);
        }
        for peer in self.peers.values() {
            let mut backlog = peer.backlog.get();
            backlog.look_at(now, &peer.connection);
            peer.backlog.set(backlog);
        }
        for at in 0..self.machines.len() {
            let Some(machine) = &self.machines[at] else { continue };
            let Some((targets, deadline)) = machine.awaits_registration() else { continue };
            let is_unread = |target| {
                let peer = self.peers.get(target);
                peer.is_some_and(|it| it.backlog.get().read_until(now, patience) < deadline)
            };
            let (volume, are_unread) = (machine.spec().id, targets.iter().any(is_unread));
            if now >= deadline && are_unread {
                crate::sometimes!(self.handle, true, probes::REGISTRATION_UNREAD);
                self.apply(volume, Input::Unread);
            }
        }
    }

    /// Whoever asked for volumes over this connection is alive.
    fn heard_owner(&mut self, node: NodeId, peer: &Peer) {
        for (volume, session) in peer.asked.borrow().iter().copied() {
            self.apply(volume, Input::Heard { client: node, session });
        }
    }

    fn for_all(&mut self, input: Input) {
        for at in 0..self.machines.len() {
            self.apply(VolumeId::new(at as u16), input);
        }
    }

    fn apply(&mut self, volume: VolumeId, input: Input) {
        let now = self.handle.monotonic();
        let Some(Some(machine)) = self.machines.get_mut(volume.index()) else { return };
        let mut effects = std::mem::take(&mut self.effects);
        machine.apply(now, input, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(volume, effect);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, volume: VolumeId, effect: Effect) {
        match effect {
            Effect::Persist(record) => {
                let owner = record.owner.map_or(self.handle.node(), |(owner, _)| owner);
                let (epoch, modes) = (record.epoch, record.modes.word());
                // Of several managers one has decided only when the others agree.
                if !record.granted && self.office.is_none() {
                    self.handle.emit(&TopologyDecided { volume, epoch, modes, owner });
                }
                self.stores.push(Storing::Decision(volume, record));
            }
            Effect::Register { leg, place, epoch, life, again, rebuild } => {
                let target = self.map.volume(volume).place(place).target;
                self.send(
                    target,
                    Wire::Register { volume, leg, place, epoch, life, again, rebuild },
                );
            }
            Effect::Grant(owner, session, topology) => {
                self.send(owner, Wire::Grant { session, topology });
            }
            Effect::Detached(client, session) => {
                self.send(client, Wire::Detached { volume, session });
            }
            Effect::CareFor(target) => self.send(target, Wire::CareFor { volume }),
            Effect::SplitBrain { place, generation } => {
                let (epoch, disk) =
                    (self.epoch_of(volume), self.map.volume(volume).place(place).disk);
                tracing::warn!(%volume, %disk, %generation, %epoch, "a disk is ahead of the database");
                self.handle.emit(&SplitBrain { volume, disk, generation, epoch });
            }
            Effect::ForeignDisk { place, found } => {
                let disk = self.map.volume(volume).place(place).disk;
                let Occupant { volume: shows, leg, .. } = found;
                tracing::warn!(%volume, %disk, %shows, %leg, "a disk is another leg's, and is not touched");
                self.handle.emit(&ForeignDisk { volume, disk, shows, leg });
            }
            Effect::State(state) => {
                let epoch = self.epoch_of(volume);
                self.handle.emit(&VolumeChanged { volume, state, epoch });
            }
        }
    }

    fn epoch_of(&self, volume: VolumeId) -> Epoch {
        let machine = self.machines[volume.index()].as_ref();
        machine.expect("what decides on a volume is there").record().epoch
    }

    /// Sends to a node that is connected; one that is not is told when it comes back.
    fn send(&mut self, to: NodeId, message: Wire) {
        let Some(peer) = self.peers.get(&to) else { return };
        if self.door.holds() {
            return self.held.push((peer.clone(), message));
        }
        let _closed = peer.connection.send(message);
    }
}
