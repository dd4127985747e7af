//! The cluster's own trace records, beside those that every data service has (`base::protocol`).

use crate::base::{Region, VolumeId};

crate::record! {
    /// The owner made a region equal on all legs that an earlier owner may have left different.
    pub struct RegionRecovered = "client.recovered", Notable { volume: VolumeId, region: Region }
}
