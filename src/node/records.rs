//! The cluster's own trace records: decisions and what followed from them.

use crate::base::{Epoch, LegIndex, NodeId, Region, VolumeId};

use super::protocol::LegMode;

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
    /// A target begins to move a leg to a new epoch: older requests are refused from here on.
    pub struct RegistrationStarted = "target.registering", Notable {
        volume: VolumeId, leg: LegIndex, epoch: Epoch
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
crate::record! {
    /// The owner made a region equal on all legs that an earlier owner may have left different.
    pub struct RegionRecovered = "client.recovered", Notable { volume: VolumeId, region: Region }
}
