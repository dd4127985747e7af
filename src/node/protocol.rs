//! The messages of the cluster. Every rule about them is in the nodes that send and take them.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::base::{
    Block, BlockSize, Epoch, LegIndex, MessageKind, Nanos, Payload, PlaceIndex, Region, VolumeId,
};
use crate::disk::port::Status;
use crate::net::port::Message;

use super::control::{CallId, ReplyList, Request, Rows};
use super::database::{Answer, Query};
use super::layout::IntentMap;
use super::manager::{Entry, Log};
use super::satellite::Standings;
use crate::layout::LEGS_MAX;
use crate::layout::LegSet;

/// Where a node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Targets, for clients.
    Data = 1,
    /// The manager, for clients and targets.
    Manager = 2,
    /// The controller, for administrators.
    Api = 3,
    /// The configuration's database, for the controller.
    Database = 4,
    /// Satellites, for their controller.
    Satellite = 5,
    /// Managers, for each other.
    Peers = 6,
}

pub use crate::base::protocol::LegMode;

/// The modes of a volume's legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modes {
    all: LegSet,
    write_only: LegSet,
    dead: LegSet,
}

impl Modes {
    /// All legs in sync.
    #[must_use]
    pub fn all_read_write(legs: usize) -> Self {
        assert!((1..=LEGS_MAX).contains(&legs), "a volume of {legs} legs");
        let (write_only, dead) = (LegSet::NONE, LegSet::NONE);
        Self { all: LegSet::span(0, legs as u8), write_only, dead }
    }

    /// A leg's mode.
    #[must_use]
    pub fn of(&self, leg: LegIndex) -> LegMode {
        match () {
            () if self.dead.has(leg) => LegMode::Dead,
            () if self.write_only.has(leg) => LegMode::WriteOnly,
            () => LegMode::ReadWrite,
        }
    }

    /// Sets a leg's mode.
    pub fn set(&mut self, leg: LegIndex, mode: LegMode) {
        self.write_only.remove(leg);
        self.dead.remove(leg);
        match mode {
            LegMode::ReadWrite => {}
            LegMode::WriteOnly => self.write_only.add(leg),
            LegMode::Dead => self.dead.add(leg),
        }
    }

    /// The legs in this mode.
    #[must_use]
    pub fn set_in(&self, mode: LegMode) -> LegSet {
        match mode {
            LegMode::ReadWrite => self.all & !self.write_only & !self.dead,
            LegMode::WriteOnly => self.write_only,
            LegMode::Dead => self.dead,
        }
    }

    /// All legs, whatever their mode.
    #[must_use]
    pub fn all(&self) -> LegSet {
        self.all
    }

    /// The legs that are written: all that are not dead.
    #[must_use]
    pub fn written_set(&self) -> LegSet {
        self.all & !self.dead
    }

    /// The legs in this mode, in order.
    pub fn legs_in(&self, mode: LegMode) -> impl Iterator<Item = LegIndex> + Clone + use<> {
        self.set_in(mode).iter()
    }

    /// The legs that are written, in order.
    pub fn written(&self) -> impl Iterator<Item = LegIndex> + Clone + use<> {
        self.written_set().iter()
    }

    /// How many legs are in this mode.
    #[must_use]
    pub fn count(&self, mode: LegMode) -> usize {
        self.set_in(mode).count() as usize
    }

    /// All legs.
    pub fn legs(&self) -> impl Iterator<Item = LegIndex> + Clone + use<> {
        self.all.iter()
    }

    /// The modes as one number, two bits a leg: for the trace.
    #[must_use]
    pub fn word(&self) -> u64 {
        self.legs().fold(0, |word, leg| word | (self.of(leg) as u64) << (2 * leg.get()))
    }
}

/// Where each leg of a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places([PlaceIndex; LEGS_MAX]);

impl Places {
    /// Every leg where it is at first.
    #[must_use]
    pub fn first() -> Self {
        Self(std::array::from_fn(|leg| PlaceIndex::new(leg as u8)))
    }

    /// Where a leg is.
    #[must_use]
    pub fn of(&self, leg: LegIndex) -> PlaceIndex {
        self.0[leg.index()]
    }

    /// Puts a leg in a place.
    pub fn set(&mut self, leg: LegIndex, place: PlaceIndex) {
        self.0[leg.index()] = place;
    }

    /// Those of so many legs, in the order of the legs.
    pub fn iter(&self, legs: usize) -> impl Iterator<Item = (LegIndex, PlaceIndex)> + use<> {
        (0..).map(LegIndex::new).zip(self.0.into_iter().take(legs))
    }

    /// As two words, eight bits a leg: for the database.
    #[must_use]
    pub fn words(&self) -> [u64; 2] {
        let half = |legs: &[PlaceIndex]| {
            legs.iter().rev().fold(0, |word, place| word << 8 | u64::from(place.get()))
        };
        [half(&self.0[..8]), half(&self.0[8..])]
    }

    /// What [`Places::words`] made words of.
    #[must_use]
    pub fn from_words(words: [u64; 2]) -> Self {
        Self(std::array::from_fn(|leg| PlaceIndex::new((words[leg / 8] >> (8 * (leg % 8))) as u8)))
    }
}

/// A volume's configuration, as the manager grants it to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The volume.
    pub volume: VolumeId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its legs' modes.
    pub modes: Modes,
    /// Where each leg is.
    pub places: Places,
    /// Whether an owner before this session may have left the legs different in marked regions.
    pub recover: bool,
    /// The last epoch before which all legs in sync had lost their volatile caches: whoever served under
    /// an older one must find the legs different in marked regions, and what was not flushed gone.
    pub cold: Epoch,
}

/// A place for a leg as its target finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegReport {
    /// The volume.
    pub volume: VolumeId,
    /// The place.
    pub place: PlaceIndex,
    /// Whether its disk and metadata can be used.
    pub usable: bool,
    /// The disk's serial number: another one is another disk.
    pub serial: u64,
    /// The generation on the disk; zero on a disk never registered or wiped.
    pub generation: Epoch,
    /// The epoch it is registered under in this life of the target; zero if none.
    pub registered: Epoch,
    /// The life of the device in which this was found: another one after each loss of its power.
    pub life: u32,
    /// Whether its device has lost its power, and a volatile cache with it, since it last registered.
    pub cold: bool,
    /// The last epoch that it was asked for once more, in whatever life of device and target; zero if none.
    pub confirmed: Epoch,
    /// Whose the disk is, if it shows the superblock of another volume or of another place: then nothing else is
    /// told of it, and it cannot be used.
    pub foreign: Option<Occupant>,
}

/// As what a disk was written, by its superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// The volume.
    pub volume: VolumeId,
    /// The leg.
    pub leg: LegIndex,
    /// The place.
    pub place: PlaceIndex,
}

/// How a target answers a request on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegStatus {
    /// Done.
    Ok,
    /// The disk failed it.
    Disk(#[serde(with = "as_word")] Status),
    /// The request's epoch is not the registered one: nothing was done.
    WrongEpoch,
    /// The leg's disk or metadata cannot be used: nothing was done.
    Unusable,
}

/// How long the disk took for the command that a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Took {
    /// A read.
    Read(Nanos),
    /// A write, or the look at what it left.
    Write(Nanos),
    /// There was no such command, or it failed.
    Unknown,
}

/// A message between nodes of the cluster. What the control plane and several managers say to each other stays within the
/// simulation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wire {
    /// Client to target: write blocks.
    Write {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
        /// First block.
        block: u64,
        /// What to write.
        data: Payload,
        /// The size of its blocks.
        size: BlockSize,
        /// Whether it must be past any volatile cache before it is answered (forced unit access).
        fua: bool,
    },
    /// Client to target: read blocks.
    Read {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
        /// First block.
        block: u64,
        /// How many.
        blocks: u32,
    },
    /// Client to target: mark blocks unreadable until rewritten.
    Poison {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
        /// First block.
        block: u64,
        /// How many.
        blocks: u32,
    },
    /// Client to target: make all that was done before durable.
    Flush {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
    },
    /// Client to target: which regions are marked?
    ReadIntent {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
    },
    /// Client to target: the region is the same on all legs; its mark may go. Not answered.
    ClearIntent {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch that the client acts under.
        epoch: Epoch,
        /// The region.
        region: Region,
    },
    /// Client to target: can this leg be reached through you? Answered whatever the epoch.
    Probe {
        /// Handed back in the answer.
        cookie: u64,
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
    },
    /// Target to client: the answer.
    Done {
        /// Of the request.
        cookie: u64,
        /// How it went.
        status: LegStatus,
        /// Of a read.
        data: Payload,
        /// The size of its blocks.
        size: BlockSize,
        /// How long the disk took.
        took: Took,
    },
    /// Target to client: the answer to `ReadIntent`.
    Intent {
        /// Of the request.
        cookie: u64,
        /// The marked regions.
        regions: Rc<IntentMap>,
    },
    /// Target to manager: first message of a connection, and again when a leg's state changes.
    TargetHello {
        /// All places on this target.
        places: Rc<[LegReport]>,
    },
    /// Manager to target: serve this leg in this place, and under this epoch only.
    Register {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The place.
        place: PlaceIndex,
        /// The new epoch.
        epoch: Epoch,
        /// The life of the device that this was decided for: in any other, the leg may have lost something.
        life: u32,
        /// Whether that the epoch may be granted is on record already: then the leg notes for good that it
        /// was asked so.
        again: bool,
        /// The epoch in which it was decided that the leg is rebuilt in whole; zero if it is not. A leg that hears
        /// of it for the first time marks everything: what its disk holds cannot be trusted at all.
        rebuild: Epoch,
    },
    /// Target to manager: the answer.
    Registered {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch of the request.
        epoch: Epoch,
        /// The life of the device, of the request.
        life: u32,
        /// Of the request.
        again: bool,
        /// Whether the leg is fenced, drained and ready.
        ok: bool,
    },
    /// Client to manager: make me the owner. Answered by `Grant` when it is so.
    Attach {
        /// The volume.
        volume: VolumeId,
        /// This attachment: another number for each, over all lives of all clients.
        session: u64,
        /// The epoch under which it is the owner, as far as it knows; zero if it never was.
        held: Epoch,
    },
    /// Client to manager: I am done with the volume, and all its legs are equal where not marked.
    Detach {
        /// The volume.
        volume: VolumeId,
        /// The attachment.
        session: u64,
        /// The epoch under which it is the owner, as far as it knows. Zero if it never was: it waits no longer,
        /// and if it has become the owner meanwhile, it will hear of that first.
        held: Epoch,
    },
    /// Manager to client: you are no longer the owner.
    Detached {
        /// The volume.
        volume: VolumeId,
        /// The attachment that is over, as its client numbered it.
        session: u64,
    },
    /// Manager to client: this is how the volume stands now; act under it.
    Grant {
        /// The session of the owner; any other, before or after it, must not act under the grant.
        session: u64,
        /// The configuration.
        topology: Topology,
    },
    /// Manager to target: be the owner of a volume that nobody has, for as long as it is to be recovered or rebuilt
    /// and no client asks for it.
    CareFor {
        /// The volume.
        volume: VolumeId,
    },
    /// Owner to manager: a leg failed, timed out or is in doubt.
    LegFailed {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch in which that was found.
        epoch: Epoch,
    },
    /// Owner to manager: a dead leg can be reached again.
    LegBack {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch in which that was found.
        epoch: Epoch,
    },
    /// Owner to manager: a leg holds all that the others hold.
    Rebuilt {
        /// The volume.
        volume: VolumeId,
        /// The leg.
        leg: LegIndex,
        /// The epoch in which that was found.
        epoch: Epoch,
    },
    /// Client or target to manager.
    Ping {
        /// Counts the sender's heartbeats.
        beat: u64,
    },
    /// Manager to client or target.
    Pong {
        /// Of the ping.
        beat: u64,
    },
    /// Administrator to controller: do this. Asked again, with the same number, it is done once.
    #[serde(skip)]
    Call {
        /// The call.
        call: CallId,
        /// What is asked for.
        request: Rc<Request>,
    },
    /// Controller to administrator: what a call came to.
    #[serde(skip)]
    Reply {
        /// The call.
        call: CallId,
        /// The version of the configuration in which the change is stored; 0 if none was made.
        version: u64,
        /// The number of the error's report; 0 if there is none.
        error: u32,
        /// What is said.
        replies: Rc<ReplyList>,
    },
    /// Controller to database.
    #[serde(skip)]
    Query {
        /// Handed back in the answer.
        number: u64,
        /// What is asked.
        query: Rc<Query>,
    },
    /// Database to controller.
    #[serde(skip)]
    Answer {
        /// Of the query.
        number: u64,
        /// The answer.
        answer: Rc<Answer>,
    },
    /// Controller to satellite: first message of a connection.
    #[serde(skip)]
    ControllerHello {
        /// The controller's term.
        term: u64,
    },
    /// Satellite to controller: its answer to that, if no later controller has been there.
    #[serde(skip)]
    SatelliteHello {
        /// The version of the protocol that it speaks.
        protocol: u32,
        /// What it calls itself.
        name: Rc<str>,
    },
    /// Controller to satellite: all that it is to have.
    #[serde(skip)]
    Sync {
        /// As of this version of the configuration.
        version: u64,
        /// Its resources and their volumes.
        rows: Rc<Rows>,
    },
    /// Satellite to controller: that is what it brings about from now on.
    #[serde(skip)]
    Synced {
        /// As of this version.
        version: u64,
    },
    /// Satellite to controller: that is older than what it was told before, or of a controller that a later one has taken
    /// over from, and it does not take it.
    #[serde(skip)]
    SyncRefused {
        /// As of this version; 0, where the controller is refused before it says any.
        version: u64,
    },
    /// Satellite to controller: how all of its resources stand.
    #[serde(skip)]
    Deployed {
        /// As of this version of what it is to have.
        version: u64,
        /// By resource.
        standings: Rc<Standings>,
    },
    /// Manager to manager: of elections, and of what is to be agreed on.
    #[serde(skip)]
    Agree(Rc<Agreement>),
    /// Manager to manager: it has lost its disk, and takes part in nothing until all have told it what they know.
    #[serde(skip)]
    Forgot,
    /// Manager to one that has lost its disk: this is its log, as it is on its own disk.
    #[serde(skip)]
    Remembers(Rc<Log>),
    /// Leader to manager: do you follow me?
    #[serde(skip)]
    LeadBeat {
        /// The round in which it was elected.
        round: u32,
        /// Its number in elections.
        leader: u64,
        /// Handed back in the answer.
        beat: u64,
    },
    /// Manager to leader: it does.
    #[serde(skip)]
    LeadAck {
        /// Of the leader's question.
        beat: u64,
    },
}

/// As the word that stands for it in records.
mod as_word {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::base::Word;

    pub(super) fn serialize<T: Word + Copy, S: Serializer>(
        it: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u64(it.to_word())
    }

    pub(super) fn deserialize<'de, T: Word, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        u64::deserialize(from).map(T::from_word)
    }
}

/// What managers say to agree.
type Agreement = omnipaxos::messages::Message<Entry>;

/// What a message is sent for, for the length of its header on the wire.
const HEADER_BYTES: u64 = 64;
/// What managers say to agree, about.
const AGREEMENT_BYTES: u64 = 1024;

impl Wire {
    /// Its kind.
    #[must_use]
    pub fn kind_of(&self) -> MessageKind {
        match self {
            Self::Write { .. } => MessageKind::Write,
            Self::Read { .. } => MessageKind::Read,
            Self::Poison { .. } => MessageKind::Poison,
            Self::Flush { .. } => MessageKind::Flush,
            Self::ReadIntent { .. } => MessageKind::ReadIntent,
            Self::ClearIntent { .. } => MessageKind::ClearIntent,
            Self::Probe { .. } => MessageKind::Probe,
            Self::Done { .. } => MessageKind::Done,
            Self::Intent { .. } => MessageKind::Intent,
            Self::TargetHello { .. } => MessageKind::TargetHello,
            Self::Register { .. } => MessageKind::Register,
            Self::Registered { .. } => MessageKind::Registered,
            Self::Attach { .. } => MessageKind::Attach,
            Self::Detach { .. } => MessageKind::Detach,
            Self::Detached { .. } => MessageKind::Detached,
            Self::Grant { .. } => MessageKind::Grant,
            Self::CareFor { .. } => MessageKind::CareFor,
            Self::LegFailed { .. } => MessageKind::LegFailed,
            Self::LegBack { .. } => MessageKind::LegBack,
            Self::Rebuilt { .. } => MessageKind::Rebuilt,
            Self::Ping { .. } => MessageKind::Ping,
            Self::Pong { .. } => MessageKind::Pong,
            Self::Call { .. } => MessageKind::ApiCall,
            Self::Reply { .. } => MessageKind::ApiReply,
            Self::Query { .. } => MessageKind::DatabaseQuery,
            Self::Answer { .. } => MessageKind::DatabaseAnswer,
            Self::Sync { .. } => MessageKind::Sync,
            Self::Synced { .. } => MessageKind::Synced,
            Self::SatelliteHello { .. } => MessageKind::SatelliteHello,
            Self::SyncRefused { .. } => MessageKind::SyncRefused,
            Self::Deployed { .. } => MessageKind::Deployed,
            Self::Agree(_) => MessageKind::Agree,
            Self::Forgot => MessageKind::Forgot,
            Self::Remembers(_) => MessageKind::Remembers,
            Self::LeadBeat { .. } => MessageKind::LeadBeat,
            Self::LeadAck { .. } => MessageKind::LeadAck,
            Self::ControllerHello { .. } => MessageKind::ControllerHello,
        }
    }
}

impl Message for Wire {
    fn kind(&self) -> u64 {
        self.kind_of() as u64
    }

    fn kind_name(kind: u64) -> &'static str {
        MessageKind::ALL.get(kind as usize).map_or("?", |kind| kind.name())
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Write { data, size, .. } | Self::Done { data, size, .. } => {
                HEADER_BYTES + u64::from(data.len()) * size.bytes() as u64
            }
            Self::Intent { regions, .. } => HEADER_BYTES + u64::from(regions.regions() / 8),
            // A few records of volumes.
            Self::Agree(_) | Self::Remembers(_) => AGREEMENT_BYTES,
            _ => HEADER_BYTES,
        }
    }

    fn corrupt(&mut self, noise: u64) -> bool {
        match self {
            Self::Write { data, size, .. } | Self::Done { data, size, .. } if !data.is_empty() => {
                *data = with_a_bit_flipped(data, *size, noise);
                true
            }
            _ => false,
        }
    }
}

/// The blocks with one bit of one of them flipped, both chosen by `noise`; there is at least one block.
fn with_a_bit_flipped(data: &Payload, size: BlockSize, noise: u64) -> Payload {
    let mut blocks: Vec<Block> = data.blocks().collect();
    let struck = noise as usize % blocks.len();
    let mut bytes = blocks[struck].bytes(size);
    let at = (noise >> 32) as usize % bytes.len();
    bytes[at] ^= 1 << (noise >> 61);
    blocks[struck] = Block::from_bytes(&bytes);
    Payload::from_blocks(&blocks)
}

#[cfg(test)]
mod tests {
    use super::{Epoch, LegIndex, Message, MessageKind, Payload, VolumeId, Wire};
    use crate::base::{BlockSize, Stamp};

    fn write(size: BlockSize) -> Wire {
        let data = Payload::run(Stamp::new(0, 5, 1, 1), 4);
        let (volume, leg, epoch) = (VolumeId::new(0), LegIndex::new(0), Epoch::new(1));
        Wire::Write { cookie: 1, volume, leg, epoch, block: 5, data, size, fua: false }
    }

    #[test]
    fn a_block_takes_its_own_size_on_the_wire() {
        assert_eq!(write(BlockSize::B512).bytes(), 64 + 4 * 512);
        assert_eq!(write(BlockSize::B4096).bytes(), 64 + 4 * 4096);
        assert_eq!(Wire::Ping { beat: 1 }.bytes(), 64);
    }

    #[test]
    fn what_is_altered_on_the_wire_is_one_bit_of_one_block() {
        for noise in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
            let mut altered = write(BlockSize::B512);
            assert!(altered.corrupt(noise));
            let (Wire::Write { data: before, .. }, Wire::Write { data: after, .. }) =
                (write(BlockSize::B512), altered)
            else {
                panic!("it is still a write");
            };
            let bytes = |data: &Payload| data.bytes(BlockSize::B512);
            let pairs = bytes(&before).into_iter().zip(bytes(&after));
            let bits: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!(bits, 1);
        }
        assert!(!Wire::Ping { beat: 1 }.corrupt(7), "it carries nothing");
    }

    #[test]
    fn a_kind_is_known_by_its_name() {
        assert_eq!(Wire::kind_name(write(BlockSize::B512).kind()), "write");
        assert_eq!(Wire::kind_name(MessageKind::Pong as u64), "pong");
        assert_eq!(Wire::kind_name(99), "?");
    }
}
