//! Which legs are given a spare, and which. Decides on nothing else.
//!
//! A place that no leg of the record is in is a spare, also one where a leg was before: whatever its disk holds is
//! no leg's any more, and is marked as void when a leg is put there. Decisions are only made on a record that is in
//! the database, and so nobody takes a place for free before it surely is.

use crate::base::planted;
use crate::base::{LegIndex, Nanos, PlaceIndex};

use super::absences::Absences;
use super::machine::{Machine, bit};
use super::record::VolumeRecord;
use crate::layout::Layout;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegReport};

/// The wait for the next spare is doubled so many times at most, and no longer by more than so many looks at a dead leg.
const MOVES_MAX: u8 = 6;
const PROBES_MAX: u64 = 32;

impl Machine {
    /// The leg, in the place where a record has it, as the target of that place reported it last.
    pub(super) fn report_in(&self, record: &VolumeRecord, leg: LegIndex) -> Option<LegReport> {
        self.reports[record.places.of(leg).index()]
    }

    /// Notes from when to when legs are dead. What a leg did elsewhere says nothing of the place that it has now.
    pub(super) fn note_deaths(&mut self, next: &VolumeRecord, now: Nanos) {
        for leg in next.modes.legs() {
            let absences = &mut self.absences[leg.index()];
            let is_dead = |record: &VolumeRecord| record.modes.of(leg) == LegMode::Dead;
            let moves = &mut self.moves[leg.index()];
            if next.places.of(leg) != self.record.places.of(leg) {
                *absences = Absences::from(now);
                *moves = (*moves + 1).min(MOVES_MAX);
                continue;
            }
            if next.modes.of(leg) == LegMode::ReadWrite {
                *moves = 0;
            }
            match (is_dead(&self.record), is_dead(next)) {
                (false, true) => absences.begin(now),
                (true, false) => absences.end(now, self.spec.spare_after),
                _ => {}
            }
        }
    }

    /// Legs that are dead, and have been for as long as a volume with spares waits for them: now, or altogether if they
    /// come and go, or too often. Nobody rebuilds a volume that has no owner.
    pub(super) fn dead_for_long(&self, now: Nanos) -> u16 {
        if self.spec.spares.is_empty() || self.record.owner.is_none() {
            return 0;
        }
        let is_due = |leg: &LegIndex| {
            let (absences, patience) = (&self.absences[leg.index()], self.patience_with(*leg));
            let is_due = absences.are_too_much(now, patience);
            let flaps = is_due && !absences.is_long(now, patience);
            crate::sometimes!(self, flaps, probes::LEG_COMES_AND_GOES);
            is_due
        };
        let dead = self.record.modes.legs_in(LegMode::Dead);
        dead.filter(is_due).fold(0, |legs, leg| legs | bit(leg))
    }

    /// How long a leg is dead before it is given a spare. One that was moved again and again, and never came to be in sync,
    /// waits longer: its owner may reach none of the places, and each that it is given costs everybody who writes.
    fn patience_with(&self, leg: LegIndex) -> Nanos {
        let (usual, moves) = (self.spec.spare_after, self.moves[leg.index()]);
        let longer = usual.saturating_mul((1 << moves.saturating_sub(1)) - 1);
        usual + longer.min(self.timing.probe.saturating_mul(PROBES_MAX))
    }

    /// Puts legs that have been dead for long in a free place each, where they are rebuilt in whole.
    pub(super) fn give_spares(&self, next: &mut VolumeRecord) {
        for leg in self.record.modes.legs_in(LegMode::Dead) {
            if self.wishes.replaced & bit(leg) == 0 || next.modes.of(leg) != LegMode::Dead {
                continue;
            }
            let Some(place) = self.spare_for(leg, next) else { continue };
            let is_first = self.spec.first_leg_at(place).is_some();
            crate::sometimes!(self, true, probes::SPARE_GIVEN);
            crate::sometimes!(self, is_first, probes::OLD_PLACE_REUSED);
            next.places.set(leg, place);
            next.modes.set(leg, LegMode::WriteOnly);
            if planted!(SpareInSyncAtOnce) {
                next.modes.set(leg, LegMode::ReadWrite);
            }
            next.rebuilds[leg.index()] = self.record.epoch.next();
        }
    }

    /// A free place that can be used: a spare, if there is one, or else one where a leg was before.
    fn spare_for(&self, leg: LegIndex, next: &VolumeRecord) -> Option<PlaceIndex> {
        let can_be_rebuilt = self.spec.layout.group_of(leg).count() > 1;
        let is_free = |place: &PlaceIndex| {
            let report = self.reports[place.index()];
            let is_usable = report.is_some_and(|report| report.usable);
            is_usable && self.record.leg_at(*place).is_none() && next.leg_at(*place).is_none()
        };
        let places = || self.spec.places().map(|(place, _)| place).filter(is_free);
        let mut spares = places().filter(|place| self.spec.first_leg_at(*place).is_none());
        spares.next().or_else(|| places().next()).filter(|_| can_be_rebuilt)
    }
}
