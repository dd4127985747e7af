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
    /// The epoch that a place showed last, if it is later than the record's. That its target is away now takes nothing back.
    pub(super) fn contradiction(&self, place: PlaceIndex) -> Option<Epoch> {
        let shown = self.shown[place.index()];
        let is_later = shown > self.record.epoch && !planted!(NewerLegTrusted);
        is_later.then_some(shown)
    }

    /// A place is asked to register the record's epoch.
    pub(super) fn note_asked(&mut self, place: PlaceIndex) {
        if let Some(asked) = self.asked.as_mut().filter(|asked| !asked.contains(&place)) {
            asked.push(place);
        }
    }

    /// The epoch that a place knows of, as far as this manager has nothing to do with it: one that shows an epoch which was decided
    /// on a moment ago and was not asked to register it knows it from somebody else, as if it were a later one.
    pub(super) fn known_without(&self, place: PlaceIndex, shown: Epoch) -> Epoch {
        let is_unasked = self.asked.as_ref().is_some_and(|asked| !asked.contains(&place));
        if is_unasked && shown == self.record.epoch { shown.next() } else { shown }
    }

    /// Whether the record was found a moment ago, and not all disks have shown yet whether they know of a later one: a
    /// decision could take the very epoch that they know.
    pub(super) fn is_listening(&self) -> bool {
        let has_shown = |leg| self.report(leg).is_some_and(|report| report.usable);
        self.listens_until.is_some()
            && !planted!(DecidesUnheard)
            && !self.record.modes.legs().all(has_shown)
    }

    /// Whether any place contradicts the record.
    pub(super) fn is_split(&self) -> bool {
        let mut places = (0..self.shown.len() as u8).map(PlaceIndex::new);
        places.any(|place| self.contradiction(place).is_some())
    }
}
