//! What a machine is told, and what it wants done. Decides nothing.

use crate::base::history::VolumeState;
use crate::base::{Epoch, LegIndex, NodeId, PlaceIndex};

use super::record::VolumeRecord;
use crate::node::protocol::{LegReport, Occupant, Topology};

/// What the machine is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    /// A target reported the place; `None` when the target is gone.
    Place(PlaceIndex, Option<LegReport>),
    /// A registration was answered.
    Registered { leg: LegIndex, epoch: Epoch, life: u32, again: bool, ok: bool },
    /// The record of this epoch is durable.
    Persisted(Epoch),
    /// A client wants to be the owner. `held`: the epoch under which it was by this session, zero if it was not.
    Attach { client: NodeId, session: u64, held: Epoch },
    /// The owner leaves, or one who waits: see [`Input::Attach`].
    Detach { client: NodeId, session: u64, held: Epoch },
    /// The connection to a client is gone.
    Gone { client: NodeId },
    /// A heartbeat of a client was answered that had asked for the volume over the same connection.
    Heard { client: NodeId, session: u64 },
    /// The owner found that a leg fails, is back, or is rebuilt.
    LegFailed { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    LegBack { leg: LegIndex, epoch: Epoch },
    /// See [`Input::LegFailed`].
    Rebuilt { leg: LegIndex, epoch: Epoch },
    /// Time has passed.
    Tick,
    /// The manager stood still until now, and has not heard what was said meanwhile.
    StoodStill,
    /// Of what legs have said that are to register, not all has been read that had arrived in time.
    Unread,
}

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "effects are few, and carried out at once")]
pub(super) enum Effect {
    /// Make the record durable, then say so.
    Persist(VolumeRecord),
    /// Have the target of the leg's place serve this epoch only, if its device is still in this life. `again`: that it may
    /// be granted is on record, and whether that is still so. `rebuild`: see [`VolumeRecord::rebuilds`].
    Register {
        leg: LegIndex,
        place: PlaceIndex,
        epoch: Epoch,
        life: u32,
        again: bool,
        rebuild: Epoch,
    },
    /// Tell the owner, this session of it and no other, how the volume stands.
    Grant(NodeId, u64, Topology),
    /// Tell a client that it is not the owner by this session.
    Detached(NodeId, u64),
    /// A place shows a later epoch than the record: say so.
    SplitBrain { place: PlaceIndex, generation: Epoch },
    /// The disk in a place is another leg's: say so.
    ForeignDisk { place: PlaceIndex, found: Occupant },
    /// Have a target be the owner of a volume that nobody has.
    CareFor(NodeId),
    /// The volume's health changed.
    State(VolumeState),
}
