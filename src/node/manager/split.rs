//! Whether disks show what the record cannot know of: split brain. Merges nothing.
//!
//! An epoch is in the database before any disk hears of it, so no disk can show a later one than the record's. If one
//! does, the database has gone back, or somebody else has decided: which disks have what was acknowledged is then
//! not for this manager to guess. It says so, and decides and registers nothing until no disk contradicts it any more:
//! until its database, or the disk, is the right one again. The volume is offline meanwhile, and its IO waits.

use crate::base::planted;
use crate::base::{Epoch, PlaceIndex};

use super::machine::Machine;

impl Machine {
    /// The epoch that a place shows, if it is later than the record's.
    pub(super) fn contradiction(&self, place: PlaceIndex) -> Option<Epoch> {
        let report = self.reports[place.index()].filter(|report| report.usable)?;
        let is_later = report.generation > self.record.epoch && !planted!(NewerLegTrusted);
        is_later.then_some(report.generation)
    }

    /// Whether any place contradicts the record.
    pub(super) fn is_split(&self) -> bool {
        let mut places = (0..self.reports.len() as u8).map(PlaceIndex::new);
        places.any(|place| self.contradiction(place).is_some())
    }
}
