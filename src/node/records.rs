//! The cluster's own trace records, beside those that every data service has (`base::protocol`).

use crate::base::{DiskId, LegIndex, Nanos, Region, VolumeId};

crate::record! {
    /// The owner made a region equal on all legs that an earlier owner may have left different.
    pub struct RegionRecovered = "client.recovered", Notable { volume: VolumeId, region: Region }
}
crate::record! {
    /// A disk had acknowledged a write of these blocks, and they don't hold it.
    pub struct WriteMissing = "target.write-missing", Notable { disk: DiskId, lba: u64, blocks: u32 }
}
crate::record! {
    /// A disk in a place of a volume shows the superblock of a leg of another volume, or of another place of this one.
    /// It is not used, and nothing is written to it, until somebody puts the right one there, or a blank one.
    pub struct ForeignDisk = "manager.foreign-disk", Notable {
        volume: VolumeId, disk: DiskId, shows: VolumeId, leg: LegIndex
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
    /// A disk in a place of a volume shows the superblock of a leg of another volume, or of another place of this one.
    /// It is not used, and nothing is written to it, until somebody puts the right one there, or a blank one.
    pub struct ForeignDisk = "manager.foreign-disk", Notable {
        volume: VolumeId, disk: DiskId, shows: VolumeId, leg: LegIndex
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
    /// A leg's disk takes so much longer than the fastest of its peers' that the leg is spared from now on.
    pub struct LegSlow = "client.leg-slow", Notable {
        volume: VolumeId, leg: LegIndex, took: Nanos, peers: Nanos
    }
}
