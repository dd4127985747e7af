//! What the parts of a data service tell the monitor of its protocol: decisions, registrations, grants,
//! reports, marks. Judges nothing.
//!
//! As with the history, a checker sees these records and no cluster code: a data service that is not ours is
//! held to the same rules as soon as its parts emit them.

use super::{DiskId, Epoch, LegIndex, NodeId, VolumeId};

crate::word_enum! {
    /// What a leg may be used for.
    pub enum LegMode {
        /// In sync: written and read.
        ReadWrite = "RW",
        /// Being rebuilt: written, never read.
        WriteOnly = "W",
        /// Neither; what it holds is stale.
        Dead = "DEAD",
    }
}

impl LegMode {
    /// A leg's mode, of the modes of all legs as a record has them: two bits a leg.
    #[must_use]
    pub fn of(modes: u64, leg: LegIndex) -> Self {
        match modes.checked_shr(2 * u32::from(leg.get())).unwrap_or(0) & 3 {
            0 => Self::ReadWrite,
            1 => Self::WriteOnly,
            _ => Self::Dead,
        }
    }
}

crate::record! {
    /// The manager decided on a new configuration; nobody has been told. `modes`: two bits a leg.
    pub struct TopologyDecided = "manager.decided", Notable {
        volume: VolumeId, epoch: Epoch, modes: u64, owner: NodeId
    }
}
crate::record! {
    /// The configuration is in the database: it may be acted on.
    pub struct TopologyPersisted = "manager.persisted", Notable { volume: VolumeId, epoch: Epoch }
}
crate::record! {
    /// That every leg which is not dead has registered the epoch is in the database: it may be granted.
    pub struct TopologyGrantable = "manager.grantable", Notable { volume: VolumeId, epoch: Epoch }
}
crate::record! {
    /// A manager that booted found this configuration in the database. `owner` is the manager itself where the
    /// volume is nobody's; `grantable`: see [`TopologyGrantable`].
    pub struct TopologyFound = "manager.found", Notable {
        volume: VolumeId, epoch: Epoch, modes: u64, owner: NodeId, grantable: bool
    }
}
crate::record! {
    /// A manager has been elected, all that was agreed on before is known to it, and it leads from now on. `place`: of its
    /// term's beginning in the managers' log, greater than that of any term before.
    pub struct Elected = "manager.elected", Notable { manager: NodeId, round: u32, nth: u32, place: u64 }
}
crate::record! {
    /// A manager leads no longer.
    pub struct Resigned = "manager.resigned", Notable { manager: NodeId, round: u32, nth: u32 }
}
crate::record! {
    /// A manager has a blank disk: it does not know what it has promised, and takes part in nothing.
    pub struct Forgot = "manager.forgot", Notable { manager: NodeId }
}
crate::record! {
    /// It has what all others know instead, of which so much is agreed on, and takes part again.
    pub struct Recalled = "manager.recalled", Notable { manager: NodeId, agreed: u64 }
}
crate::record! {
    /// A manager knows what was agreed on at this place of the log.
    pub struct Agreed = "manager.agreed", Notable { index: u64, hash: u64 }
}
crate::record! {
    /// It is in the database that a leg is on this disk, and not where it was before. A manager that boots says so of every
    /// leg of a volume with spares: what the one before it had stored last, perhaps nobody was told.
    pub struct LegMoved = "manager.moved", Notable { volume: VolumeId, leg: LegIndex, disk: DiskId }
}
crate::record! {
    /// A disk shows a later epoch than the manager's record: somebody decided what this manager knows nothing of,
    /// or its database has gone back. Nothing is decided any more until that is over.
    pub struct SplitBrain = "manager.split-brain", Notable {
        volume: VolumeId, disk: DiskId, generation: Epoch, epoch: Epoch
    }
}
crate::record! {
    /// A target begins to move a leg to a new epoch: older requests are refused from here on.
    pub struct RegistrationStarted = "target.registering", Notable {
        volume: VolumeId, leg: LegIndex, epoch: Epoch, disk: DiskId
    }
}
crate::record! {
    /// A target has read what a leg's disk says of it: its data are the `blocks` from `first` on, each `depth` of
    /// them have a mark, and those that are marked follow. Nothing is served before it is registered.
    pub struct LegLoaded = "target.loaded", Notable {
        disk: DiskId, volume: VolumeId, leg: LegIndex, first: u64, blocks: u64, depth: u32
    }
}
crate::record! {
    /// The write-intent of a part of a leg stands on its disk from here on, or need not stand there any more.
    pub struct MarkChanged = "target.mark", History {
        disk: DiskId, volume: VolumeId, leg: LegIndex, region: u32, marked: bool
    }
}
crate::record! {
    /// The owner acts under this configuration from here on.
    pub struct OwnerGranted = "client.granted", Notable {
        volume: VolumeId, epoch: Epoch, modes: u64
    }
}
crate::record! {
    /// The owner reports a leg to the manager. `mode` is what it ought to become.
    pub struct LegReported = "client.reported", Notable {
        volume: VolumeId, leg: LegIndex, epoch: Epoch, mode: LegMode
    }
}
