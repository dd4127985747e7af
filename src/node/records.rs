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
    /// A leg's disk takes so much longer than the fastest of its peers' that the leg is spared from now on.
    pub struct LegSlow = "client.leg-slow", Notable {
        volume: VolumeId, leg: LegIndex, took: Nanos, peers: Nanos
    }
}
