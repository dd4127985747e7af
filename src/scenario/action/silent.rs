//! Which faults a device does not tell of, and how much integrity it takes to find them out.

use super::list::Action;
use crate::scenario::volume::Integrity;

impl Action {
    /// The least integrity of a volume that finds out what the device doesn't tell; `None` where it tells.
    #[must_use]
    pub const fn integrity_to_find(&self) -> Option<Integrity> {
        match self {
            Self::DiskFlipBits(_) | Self::DiskTearNextWrite(_) | Self::DiskMisdirectNextRead(_) => {
                Some(Integrity::Inline)
            }
            Self::DiskLoseNextWrite(_) | Self::DiskMisdirectNextWrite(_) => Some(Integrity::Full),
            _ => None,
        }
    }
}
