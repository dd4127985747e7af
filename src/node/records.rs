//! The cluster's own trace records, beside those that every data service has (`base::protocol`).

use crate::base::{DiskId, LegIndex, MessageKind, Nanos, NodeId, Region, VolumeId};

crate::record! {
    /// The owner made a region equal on all legs that an earlier owner may have left different.
    pub struct RegionRecovered = "client.recovered", Notable { volume: VolumeId, region: Region }
}
crate::record! {
    /// A disk had acknowledged a write of these blocks, and they don't hold it.
    pub struct WriteMissing = "target.write-missing", Notable { disk: DiskId, lba: u64, blocks: u32 }
}
crate::word_enum! {
    /// What a look at all that legs hold came upon.
    pub enum Finding {
        /// A block that this leg could not read, and the others could: it is given to it.
        Unreadable = "unreadable",
        /// A block that nobody has any more.
        Lost = "lost",
        /// Copies that differ, or parity that does not fit, and no leg reports an error: left as it is.
        Differs = "differs",
    }
}
crate::record! {
    /// Scrubbing came upon something at this block of a leg.
    pub struct ScrubFound = "client.scrub-found", Notable {
        volume: VolumeId, leg: LegIndex, at: u64, finding: Finding
    }
}
crate::record! {
    /// A disk in a place of a volume shows the superblock of a leg of another volume, or of another place of this one.
    /// It is not used, and nothing is written to it, until somebody puts the right one there, or a blank one.
    pub struct ForeignDisk = "manager.foreign-disk", Notable {
        volume: VolumeId, disk: DiskId, shows: VolumeId, leg: LegIndex
    }
}
crate::record! {
    /// The manager was made to say something that is not so.
    pub struct FalselySaid = "manager.falsely-said", Notable { to: NodeId, kind: MessageKind }
}
crate::record! {
    /// The manager was made to overlook what reached it.
    pub struct Overlooked = "manager.overlooked", Notable { from: NodeId, kind: MessageKind }
}
crate::record! {
    /// A leg's disk takes so much longer than the fastest of its peers' that the leg is spared from now on.
    pub struct LegSlow = "client.leg-slow", Notable {
        volume: VolumeId, leg: LegIndex, took: Nanos, peers: Nanos
    }
}
