//! The history: what any application, data service, medium and node tell the checkers. Judges nothing.
//!
//! A checker sees these records and no cluster code, so that a data service that is not ours is
//! checked by the same checkers as soon as its parts emit the same records.

use super::{DiskId, Epoch, LegIndex, NodeId, OpId, VolumeId};

crate::word_enum! {
    /// What an application asked for.
    pub enum OpKind {
        /// Blocks read.
        Read = "read",
        /// Blocks written, each with the stamp of its place and the operation's author word.
        Write = "write",
        /// Everything acknowledged before is to be durable.
        Flush = "flush",
        /// Blocks deallocated: they read as zeroes afterwards.
        Trim = "trim",
        /// As a write, and durable on its own when it returns: no flush need cover it.
        WriteFua = "write-fua",
    }
}

impl OpKind {
    /// Whether it writes blocks that carry its stamps.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::WriteFua)
    }
}

crate::word_enum! {
    /// How an application's operation ended.
    pub enum OpResult {
        /// It was done.
        Ok = "ok",
        /// It failed before anything was changed.
        Refused = "refused",
        /// It failed, and may have been done, in part or in whole, or may be done later.
        InDoubt = "in-doubt",
        /// Some block could not be read from any copy.
        MediaError = "media-error",
        /// Its client has the volume no longer: as [`OpResult::InDoubt`].
        Taken = "taken",
    }
}

crate::word_enum! {
    /// The health of a volume, as its manager sees it.
    pub enum VolumeState {
        /// All legs serve.
        Healthy = "healthy",
        /// It serves, with a leg missing.
        Degraded = "degraded",
        /// It serves, and a leg is being brought up to date.
        Rebuilding = "rebuilding",
        /// It cannot serve.
        Offline = "offline",
    }
}

crate::record! {
    /// An application that starts has opened a volume: from now on a flush of its own tells it what was lost. `writer` is
    /// the application's number in the stamps of its blocks.
    pub struct AppOpened = "app.opened", History { volume: VolumeId, writer: u32 }
}

crate::record! {
    /// An application issued an operation. `author` is the second word of the stamps of a write's blocks; a
    /// flush's has the application's number and sequence 0.
    pub struct OpInvoked = "app.invoked", History {
        op: OpId, volume: VolumeId, kind: OpKind, block: u64, blocks: u32, author: u64
    }
}

crate::record! {
    /// An application was shown one block by a read that is about to return. The stamp's words say
    /// which content (`Block::fingerprint`).
    pub struct BlockRead = "app.block-read", History {
        op: OpId, volume: VolumeId, block: u64, place: u64, author: u64
    }
}

crate::record! {
    /// An operation returned to its application.
    pub struct OpReturned = "app.returned", History {
        op: OpId, volume: VolumeId, kind: OpKind, result: OpResult
    }
}

crate::record! {
    /// The application that issued the operation died; it will never return.
    pub struct OpAbandoned = "app.abandoned", History { op: OpId, volume: VolumeId }
}

crate::record! {
    /// A command changed blocks on a medium. `tag` is what the host attached to the command: a data
    /// service attaches the epoch it acts under.
    pub struct MediaWritten = "disk.media-written", History {
        disk: DiskId, lba: u64, blocks: u32, tag: u64
    }
}

crate::record! {
    /// From now on nothing of an epoch below `epoch` may change the blocks `first..first+blocks` of
    /// the disk: the registration was acknowledged.
    pub struct FenceRaised = "target.fence-raised", Notable {
        disk: DiskId, volume: VolumeId, leg: LegIndex, first: u64, blocks: u64, epoch: Epoch
    }
}

crate::record! {
    /// The last copy of the volume that held in its volatile cache what was acknowledged has lost its power:
    /// what no flush covered may be gone from now on, on every leg.
    pub struct CachesLost = "volume.caches-lost", Notable { volume: VolumeId }
}

crate::record! {
    /// A volume's health changed.
    pub struct VolumeChanged = "volume.state", Notable {
        volume: VolumeId, state: VolumeState, epoch: Epoch
    }
}

crate::record! {
    /// A leg being rebuilt made progress, in regions.
    pub struct RebuildProgress = "volume.rebuild", Notable {
        volume: VolumeId, leg: LegIndex, done: u32, total: u32
    }
}

crate::record! {
    /// A node went down: all tasks of this incarnation are gone.
    pub struct NodeDown = "node.down", Notable { node: NodeId, incarnation: u32, tasks: u32 }
}
