//! Where the manager's records are kept: on its own disk, or in the log that it has in common with others. Decides nothing.

use crate::base::VolumeId;
use crate::disk::port::Drive;
use crate::node::config::ClusterMap;
use crate::sim::NodeHandle;

use super::database::Database;
use super::record::VolumeRecord;
use super::replica::Office;

/// Where records are kept.
pub(super) enum Records {
    /// On the disk of the only manager.
    Alone(Box<Database>),
    /// In the log, for as long as the manager leads.
    Agreed(Office),
}

/// Where records are to be kept.
pub(super) enum Keeping {
    /// On this disk, by the only manager.
    Alone(Drive),
    /// In the log, by the one that leads.
    Agreed(Office),
}

impl Records {
    pub(super) fn open(handle: &NodeHandle, map: &ClusterMap, keeping: Keeping) -> Self {
        match keeping {
            Keeping::Alone(drive) => {
                let (size, config) = (map.block_size, map.timing.driver);
                Self::Alone(Box::new(Database::open(handle, &drive, size, config)))
            }
            Keeping::Agreed(office) => Self::Agreed(office),
        }
    }

    /// The newest record of the next volume, in the order of their ids; `None` when it has none yet.
    pub(super) async fn load(&mut self, volume: VolumeId) -> Option<VolumeRecord> {
        match self {
            Self::Alone(database) => database.load(volume).await,
            Self::Agreed(office) => office.record(volume),
        }
    }

    /// Makes a record durable. Returns only when it is.
    pub(super) async fn store(&mut self, volume: VolumeId, record: &VolumeRecord) {
        match self {
            Self::Alone(database) => database.store(volume, record).await,
            Self::Agreed(office) => office.agree(volume, record).await,
        }
    }
}
