//! A manager among managers: takes part in elections and agreements, and leads while it is elected. Decides on no volume.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use omnipaxos::messages::Message;
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, ServerConfig};

use crate::base::protocol::{Agreed, Elected, Forgot, Recalled, Resigned};
use crate::base::{Nanos, NodeId, planted};
use crate::disk::port::Drive;
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::config::ClusterMap;
use crate::node::protocol::Wire;
use crate::sim::{NodeHandle, Queue, Scope};

use super::disk::Disk;
use super::entry::{Entry, Outcome, Term};
use super::log::{Kept, Log, Shared};
use super::office::{CONFIRMED_FOR, Office, Proposal};
use super::peers;
use super::recall::recall;

/// Ticks (one a heartbeat) after which managers that don't hear of a leader look for another.
const ELECTION_TICKS: u64 = 5;
/// Ticks after which what may have been lost is sent again.
const RESEND_TICKS: u64 = 10;
/// A log of so many entries that are agreed on is shortened.
const ENTRIES_KEPT: usize = 16;
/// The times of so many beats are remembered.
const BEATS_KEPT: usize = 32;

/// What a member's main task is woken for.
pub(super) enum Event {
    /// Another manager is connected.
    Joined(Rc<Channel>),
    Said(Rc<Channel>, Wire),
    Left(Rc<Channel>),
    /// The log is on the disk as it was in this version.
    Stored(u64),
    /// The leader's work wants something agreed on.
    Proposed(Proposal),
}

/// Another manager.
struct Peer {
    node: NodeId,
    /// Its number in elections.
    number: u64,
    channel: Option<Rc<Channel>>,
    heard: Nanos,
    /// When the newest beat that it has confirmed was sent.
    confirmed: Option<Nanos>,
    /// The newest word of an election that it was not connected for: without it, a round of an election is lost to those
    /// who have just started.
    missed: Option<Message<Entry>>,
}

/// A term under way.
struct Leading {
    office: Office,
    work: Scope,
    /// What the work waits for.
    wanted: VecDeque<(Entry, Queue<()>)>,
}

/// Begins a leader's work with its tasks, which end with its term.
pub(in crate::node::manager) type Begin = Box<dyn Fn(&NodeHandle, Office)>;

struct Member {
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    number: u64,
    peers: Vec<Peer>,
    omni: OmniPaxos<Entry, Shared>,
    kept: Shared,
    /// Where versions of the log are put on the disk.
    stores: Queue<(u64, Log)>,
    /// The versions that were handed on, and that are durable.
    handed: u64,
    durable: u64,
    /// What is to be said when a version of the log is durable.
    held: VecDeque<(u64, Message<Entry>)>,
    /// What those who have lost their disks are to be told of it then.
    remembered: Vec<(u64, Rc<Channel>, Rc<Log>)>,
    /// What was agreed on, as far as this manager has looked.
    outcome: Outcome,
    applied: usize,
    events: Queue<Event>,
    begin: Begin,
    /// What follows the end of a term.
    end: Box<dyn Fn()>,
    leading: Option<Leading>,
    /// A term of its own that is to begin, and since when.
    begun: Option<(Term, Nanos)>,
    beats: VecDeque<(u64, Nanos)>,
    beat: u64,
    ticked: Nanos,
}

/// A manager's number in elections: among equals the first one leads.
fn number(map: &ClusterMap, node: NodeId) -> u64 {
    let at = map.managers.iter().position(|manager| *manager == node);
    (map.managers.len() - at.expect("a manager is one of the managers")) as u64
}

impl Peer {
    /// One that is not connected yet.
    fn new(node: NodeId, number: u64, now: Nanos) -> Self {
        Self { node, number, channel: None, heard: now, confirmed: None, missed: None }
    }
}

/// Takes part for the life of the node: `begin` begins a leader's work, `end` is told that it is over.
pub(in crate::node::manager) async fn run(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    drive: Drive,
    (begin, end): (Begin, Box<dyn Fn()>),
) {
    let how = (map.block_size, map.timing.driver);
    let (mut disk, found) = Disk::open(&handle, &drive, how, map.volumes.len()).await;
    let (events, stores) = (Queue::new(handle.kernel()), Queue::new(handle.kernel()));
    peers::start(&handle, &map, &port, &events);
    let (log, joined) = match found {
        Some(log) => (log, Vec::new()),
        None if planted!(VotesAfterAmnesia) => (Log::default(), Vec::new()),
        None => forgotten(&handle, &map, &events, &mut disk).await,
    };
    handle.spawn("manager.log", store(disk, stores.clone(), events.clone()));
    let kept = Shared::default();
    *kept.0.borrow_mut() = Kept::new(log);
    let now = handle.monotonic();
    let others = map.managers.iter().filter(|node| **node != handle.node());
    let peers = others.map(|node| Peer::new(*node, number(&map, *node), now)).collect();
    let number = number(&map, handle.node());
    let mut member = Member {
        omni: voter(&map, number, &kept),
        handle,
        map,
        number,
        peers,
        kept,
        stores,
        handed: 0,
        durable: 0,
        held: VecDeque::new(),
        remembered: Vec::new(),
        outcome: Outcome::default(),
        applied: 0,
        events,
        begin,
        end,
        leading: None,
        begun: None,
        beats: VecDeque::new(),
        beat: 0,
        ticked: now,
    };
    joined.into_iter().for_each(|channel| member.take(Event::Joined(channel)));
    member.serve().await;
}

/// The disk is blank: has the log made anew of what all others know, and put there. With it, the connections to them.
async fn forgotten(
    handle: &NodeHandle,
    map: &ClusterMap,
    events: &Queue<Event>,
    disk: &mut Disk,
) -> (Log, Vec<Rc<Channel>>) {
    let manager = handle.node();
    handle.emit(&Forgot { manager });
    tracing::warn!("the log is lost: the others are asked");
    let (log, joined) = recall(handle, map, events).await;
    disk.store(log.clone()).await;
    handle.emit(&Recalled { manager, agreed: log.decided as u64 });
    (log, joined)
}

/// Takes part in elections and agreements with this log.
fn voter(map: &ClusterMap, number: u64, kept: &Shared) -> OmniPaxos<Entry, Shared> {
    let cluster = ClusterConfig {
        configuration_id: 1,
        nodes: (1..=map.managers.len() as u64).collect(),
        flexible_quorum: None,
    };
    let server = ServerConfig {
        pid: number,
        election_tick_timeout: ELECTION_TICKS,
        resend_message_tick_timeout: RESEND_TICKS,
        ..ServerConfig::default()
    };
    cluster.build_for_server(server, kept.clone()).expect("a valid configuration")
}

/// Puts the newest version of the log on the disk, again and again.
async fn store(mut disk: Disk, stores: Queue<(u64, Log)>, events: Queue<Event>) {
    loop {
        let (mut version, mut log) = stores.pop().await;
        while !stores.is_empty() {
            (version, log) = stores.pop().await;
        }
        disk.store(log).await;
        events.push(Event::Stored(version));
    }
}

impl Member {
    async fn serve(&mut self) {
        let mut interval = self.handle.interval(self.map.timing.heartbeat);
        self.go_on();
        loop {
            let mut tick = pin!(interval.tick());
            loop {
                let events = self.events.clone();
                let event = poll_fn(|cx| match events.poll_pop(cx) {
                    Poll::Ready(event) => Poll::Ready(Some(event)),
                    Poll::Pending => tick.as_mut().poll(cx).map(|()| None),
                });
                let Some(event) = event.await else { break };
                // What it stood still over comes after that it may lead no longer.
                self.step_down();
                self.take(event);
                self.go_on();
            }
            self.step_down();
            self.tick();
            self.go_on();
        }
    }

    fn peer_at(&mut self, channel: &Channel) -> Option<&mut Peer> {
        let node = channel.peer();
        self.peers.iter_mut().find(|peer| peer.node == node)
    }

    fn take(&mut self, event: Event) {
        let now = self.handle.monotonic();
        match event {
            Event::Joined(channel) => {
                let Some(peer) = self.peer_at(&channel) else { return channel.close() };
                peer.heard = now;
                let (number, missed) = (peer.number, peer.missed.take());
                if let Some(old) = peer.channel.replace(channel) {
                    old.close();
                }
                if let Some(message) = missed {
                    self.send(message);
                }
                self.omni.reconnected(number);
            }
            Event::Said(channel, message) => {
                let Some(peer) = self.peer_at(&channel) else { return };
                // What an older connection said is over.
                if peer.channel.as_ref().is_some_and(|it| Rc::ptr_eq(it, &channel)) {
                    peer.heard = now;
                    self.said(&channel, message);
                }
            }
            Event::Left(channel) => {
                if let Some(peer) = self.peer_at(&channel)
                    && peer.channel.as_ref().is_some_and(|it| Rc::ptr_eq(it, &channel))
                {
                    peer.channel = None;
                }
            }
            Event::Stored(version) => self.durable = version,
            Event::Proposed(proposal) => self.propose(proposal),
        }
    }

    fn said(&mut self, channel: &Rc<Channel>, message: Wire) {
        match message {
            Wire::Agree(message) => self.omni.handle_incoming((*message).clone()),
            Wire::LeadBeat { round, leader, beat } => {
                let promise = self.omni.get_promise();
                if (promise.n, promise.pid) == (round, leader) {
                    let _closed = channel.send(Wire::LeadAck { beat });
                }
            }
            Wire::LeadAck { beat } => {
                let sent = self.beats.iter().find(|(number, _)| *number == beat);
                let sent = sent.map(|(_, at)| *at);
                if let Some(peer) = self.peer_at(channel) {
                    peer.confirmed = peer.confirmed.max(sent);
                }
                self.prolong();
            }
            Wire::Forgot => {
                let kept = self.kept.0.borrow();
                let log = Rc::new(kept.log.clone());
                self.remembered.retain(|(_, asked, _)| !Rc::ptr_eq(asked, channel));
                self.remembered.push((kept.version, channel.clone(), log));
            }
            // A sign of life, or an answer that came twice.
            Wire::Ping { .. } | Wire::Remembers(_) => {}
            _ => channel.close(),
        }
    }

    /// The round in which this manager leads, if it does.
    fn leads_in(&self) -> Option<u32> {
        let leads = self.omni.get_current_leader() == Some((self.number, true));
        leads.then(|| self.omni.get_promise().n)
    }

    fn tick(&mut self) {
        let now = self.handle.monotonic();
        let timing = self.map.timing;
        let stood_still = now.saturating_sub(self.ticked) > timing.heartbeat.saturating_mul(3);
        self.ticked = now;
        self.beat += 1;
        self.beats.push_back((self.beat, now));
        if self.beats.len() > BEATS_KEPT {
            self.beats.pop_front();
        }
        let beat = self.beat;
        let (leads, leader) = (self.leads_in(), self.number);
        for peer in &mut self.peers {
            if stood_still {
                peer.heard = now;
            }
            let Some(channel) = &peer.channel else { continue };
            if now.saturating_sub(peer.heard) > timing.dead_after {
                channel.close();
                continue;
            }
            let _closed = channel.send(match leads {
                Some(round) => Wire::LeadBeat { round, leader, beat },
                None => Wire::Ping { beat },
            });
        }
        self.omni.tick();
    }

    /// Leads longer, as far as enough others have confirmed that they follow.
    fn prolong(&mut self) {
        let mut confirmed: Vec<Option<Nanos>> = self.peers.iter().map(|it| it.confirmed).collect();
        confirmed.sort_unstable_by(|a, b| b.cmp(a));
        let enough = self.map.managers.len() / 2 - 1;
        if let (Some(leading), Some(Some(since))) = (&self.leading, confirmed.get(enough)) {
            let until = since.saturating_add(CONFIRMED_FOR);
            leading.office.until.set(until.max(leading.office.until.get()));
        }
    }

    /// Ends its term if it leads no longer, or cannot know that it does.
    fn step_down(&mut self) {
        let Some(leading) = &self.leading else { return };
        let term = leading.office.term;
        if self.leads_in() == Some(term.round) && leading.office.holds() {
            return;
        }
        if let Some(leading) = self.leading.take() {
            leading.work.end();
            (self.end)();
            let manager = self.handle.node();
            self.handle.emit(&Resigned { manager, round: term.round, nth: term.nth });
            tracing::info!(round = term.round, "leads no longer");
        }
    }

    /// Does what follows from what has happened.
    fn go_on(&mut self) {
        self.step_down();
        self.learn();
        self.begin_term();
        self.keep();
        self.say();
    }

    /// Takes in what has been agreed on.
    fn learn(&mut self) {
        let decided = self.omni.get_decided_idx();
        if decided <= self.applied {
            return;
        }
        for entry in self.omni.read_decided_suffix(self.applied).unwrap_or_default() {
            match entry {
                LogEntry::Decided(entry) => {
                    self.applied += 1;
                    self.agreed(&entry);
                }
                LogEntry::Snapshotted(summary) => {
                    self.outcome = Outcome::default();
                    for entry in &summary.snapshot.0 {
                        self.outcome.take(entry);
                    }
                    self.applied = summary.trimmed_idx;
                }
                LogEntry::Undecided(_) | LogEntry::Trimmed(_) | LogEntry::StopSign(..) => {}
            }
        }
        self.applied = decided;
        if decided - self.omni.get_compacted_idx() >= ENTRIES_KEPT {
            let shortened = self.omni.snapshot(Some(decided), true);
            shortened.expect("what is agreed on can be summed up");
        }
    }

    fn agreed(&mut self, entry: &Entry) {
        let counts = self.outcome.take(entry);
        let (index, hash) = (self.applied as u64, entry.hash(self.map.block_size));
        self.handle.emit(&Agreed { index, hash });
        match entry {
            Entry::Begin(term) => self.began(*term),
            Entry::Record(..) => {
                if let Some(leading) = &mut self.leading
                    && counts
                    && leading.wanted.front().is_some_and(|(wanted, _)| wanted == entry)
                    && let Some((_, done)) = leading.wanted.pop_front()
                {
                    done.push(());
                }
            }
        }
    }

    /// A term has begun: its own, or another's.
    fn began(&mut self, term: Term) {
        self.step_down();
        let Some((_, since)) = self.begun.take_if(|(begun, _)| *begun == term) else { return };
        let until = since.saturating_add(CONFIRMED_FOR);
        let is_late = self.handle.monotonic() >= until;
        if is_late || self.leads_in() != Some(term.round) || self.leading.is_some() {
            return;
        }
        let (handle, work) = self.handle.scoped();
        let place = self.applied as u64;
        let office = Office {
            handle: self.handle.clone(),
            term,
            index: place,
            records: Rc::new(self.outcome.records.clone()),
            until: Rc::new(Cell::new(until)),
            events: self.events.clone(),
        };
        let manager = self.handle.node();
        self.handle.emit(&Elected { manager, round: term.round, nth: term.nth, place });
        tracing::info!(round = term.round, "leads");
        self.leading = Some(Leading { office: office.clone(), work, wanted: VecDeque::new() });
        (self.begin)(&handle, office);
    }

    /// Has a term of its own begin, where it was elected and leads not yet.
    fn begin_term(&mut self) {
        let Some(round) = self.leads_in() else {
            self.begun = None;
            return;
        };
        let is_begun = self.begun.is_some_and(|(term, _)| term.round == round);
        if self.leading.is_some() || is_begun {
            return;
        }
        let last = self.outcome.term.filter(|it| (it.round, it.leader) == (round, self.number));
        let nth = last.map_or(1, |term| term.nth + 1);
        let term = Term { round, leader: self.number, nth };
        self.begun = Some((term, self.handle.monotonic()));
        self.append(Entry::Begin(term));
    }

    fn propose(&mut self, proposal: Proposal) {
        let Proposal { term, volume, record, done } = proposal;
        let Some(leading) = self.leading.as_mut().filter(|it| it.office.term == term) else {
            return;
        };
        let entry = Entry::Record(term, volume, record);
        if planted!(PromoteWithoutQuorum) {
            done.push(());
        } else {
            leading.wanted.push_back((entry.clone(), done));
        }
        self.append(entry);
    }

    fn append(&mut self, entry: Entry) {
        let appended = self.omni.append(entry);
        assert!(appended.is_ok(), "the set of managers stays as it is");
    }

    /// Has the log put on the disk where it has changed, and what is to be said held back until it is there.
    fn keep(&mut self) {
        let version = self.kept.0.borrow().version;
        if version > self.handed {
            self.handed = version;
            self.stores.push((version, self.kept.0.borrow().log.clone()));
        }
        let mut messages = Vec::new();
        self.omni.take_outgoing_messages(&mut messages);
        for message in messages {
            let is_election = matches!(message, Message::BLE(_));
            let after = if is_election || planted!(VotesBeforeStored) { 0 } else { version };
            match after <= self.durable {
                true if is_election => self.send(message),
                _ => self.held.push_back((after, message)),
            }
        }
    }

    /// Says what was held back and may be said.
    fn say(&mut self) {
        while self.held.front().is_some_and(|(after, _)| *after <= self.durable) {
            if let Some((_, message)) = self.held.pop_front() {
                self.send(message);
            }
        }
        for (_, channel, log) in
            self.remembered.extract_if(.., |(after, ..)| *after <= self.durable)
        {
            let _closed = channel.send(Wire::Remembers(log));
        }
    }

    /// Sends to a manager that is connected; one that is not asks when it is.
    fn send(&mut self, message: Message<Entry>) {
        let to = message.get_receiver();
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.number == to) else { return };
        match &peer.channel {
            Some(channel) => {
                let _closed = channel.send(Wire::Agree(Rc::new(message)));
            }
            None if matches!(message, Message::BLE(_)) => peer.missed = Some(message),
            None => {}
        }
    }
}
