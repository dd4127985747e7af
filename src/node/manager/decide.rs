//! The next record of a volume, if anything calls for one. Tells nobody.

use crate::base::{Epoch, LegIndex};

use super::machine::{Machine, Phase, bit};
use super::record::VolumeRecord;
use crate::base::planted;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::node::probes;
use crate::node::protocol::LegMode;

impl Machine {
    /// Counts what a decision does about legs that lost their caches.
    pub(super) fn note_probes(&self, next: &VolumeRecord) {
        let given_up = self.in_sync() & !next.in_sync() & self.cold() != 0;
        crate::sometimes!(self, given_up, probes::COLD_LEG_GIVEN_UP);
        crate::sometimes!(self, next.cold == next.epoch, probes::ALL_LEGS_COLD);
        crate::sometimes!(self, self.to_take_back() != 0, probes::LEG_TAKEN_BACK);
    }

    /// The next record, if one is called for.
    pub(super) fn decide(&self) -> Option<VolumeRecord> {
        let wishes = &self.wishes;
        let mut next = self.record;
        let all_cold = self.is_all_cold() && !self.starts_cold();
        let lacking = self.to_bring_up_to_date() | self.replaced();
        let mut failed = self.legs_to_drop(wishes.failed | lacking);
        let taken_back = self.to_take_back();
        if taken_back != 0 {
            failed |= self.in_sync();
        }
        for leg in self.record.modes.legs() {
            if taken_back & bit(leg) != 0 {
                next.modes.set(leg, LegMode::ReadWrite);
            } else if failed & bit(leg) != 0 {
                next.modes.set(leg, LegMode::Dead);
            }
        }
        let settled = self.phase == Phase::Settled;
        if settled {
            self.bring_back(&mut next);
            self.give_spares(&mut next);
        }
        if planted!(PromoteRebuiltLeg) && next.modes.count(LegMode::ReadWrite) == 0 {
            for leg in self.record.modes.legs_in(LegMode::WriteOnly) {
                next.modes.set(leg, LegMode::ReadWrite);
            }
        }
        if let Some(owner) = wishes.attach {
            next.recover = self.record.owner.is_some()
                && !planted!(NoRecoveryAfterOwnerDeath)
                && !(self.has_caretaker() && planted!(CaretakerLeavesNothing));
            next.owner = Some(owner);
        } else if wishes.detach && settled {
            next.owner = None;
            next.recover = false;
        }
        let waits = self.are_in_sync_cold() && self.given_up() != 0 && taken_back == 0;
        crate::sometimes!(self, waits && !self.is_all_cold(), probes::COLD_LEG_WAITS);
        let called_for = next != self.record || (settled && wishes.register_anew) || all_cold;
        if !called_for {
            return None;
        }
        self.note_disks(&mut next);
        self.note_holders(&mut next);
        next.epoch = self.record.epoch.next();
        if self.is_all_cold() {
            next.cold = next.epoch;
            // Also for an owner that finds the volume so.
            next.recover = true;
        }
        (next.granted, next.told) = (false, false);
        Some(next)
    }

    /// Legs that are being rebuilt and are on another disk now, or on one that has forgotten them: what was
    /// rebuilt is gone, and the rebuild has to start over, which it does when they come back.
    pub(super) fn replaced(&self) -> u16 {
        let rebuilt = self.record.modes.legs_in(LegMode::WriteOnly);
        let is_replaced = |leg: &LegIndex| {
            self.report(*leg).is_some_and(|report| report.usable) && !self.fits(*leg)
        };
        rebuilt.filter(is_replaced).fold(0, |legs, leg| legs | bit(leg))
    }

    /// Of the failed legs those that may be given up: of those in sync none, unless as many others of its
    /// group are in sync and can serve as it takes (rule 12).
    pub(super) fn legs_to_drop(&self, failed: u16) -> u16 {
        let modes = &self.record.modes;
        let mut dropped = 0;
        for leg in modes.legs_in(LegMode::WriteOnly).filter(|leg| failed & bit(*leg) != 0) {
            dropped |= bit(leg);
        }
        let can_serve = |leg: &LegIndex| failed & bit(*leg) == 0 && self.fits(*leg);
        let serving: LegSet = modes.legs_in(LegMode::ReadWrite).filter(can_serve).collect();
        let in_sync = LegSet::from_bits(self.in_sync());
        for group in self.spec.layout.groups() {
            let group_failed = group & in_sync & LegSet::from_bits(failed);
            let others_can_serve = (group & serving).count() >= self.spec.layout.needed()
                || planted!(DropLastLeg)
                || planted!(PromoteRebuiltLeg) && modes.count(LegMode::WriteOnly) > 0;
            let is_kept = !group_failed.is_empty() && !others_can_serve;
            crate::sometimes!(self, is_kept, probes::LAST_LEG_KEPT);
            if others_can_serve {
                dropped |= group_failed.bits();
            }
        }
        dropped
    }

    /// Dead legs that are back become `W`, rebuilt ones `RW` (rules 8 and 9).
    pub(super) fn bring_back(&self, next: &mut VolumeRecord) {
        for leg in self.record.modes.legs() {
            let mode = next.modes.of(leg);
            let usable = self.report(leg).is_some_and(|report| report.usable);
            if self.wishes.back & bit(leg) != 0 && mode == LegMode::Dead && usable {
                next.modes.set(leg, LegMode::WriteOnly);
                let generation = self.report(leg).map(|report| report.generation);
                let is_equal = generation == Some(self.record.generations[leg.index()]);
                if planted!(RejoinWithoutRebuild)
                    || planted!(EqualGenerationMeansEqualData) && is_equal
                {
                    next.modes.set(leg, LegMode::ReadWrite);
                }
                // A rebuild of everything that was cut short goes on as the same, on the same disk only.
                if !self.fits(leg) {
                    next.rebuilds[leg.index()] = self.record.epoch.next();
                }
            }
            let rebuilt = self.wishes.rebuilt & bit(leg) != 0;
            if rebuilt && mode == LegMode::WriteOnly && self.serves(leg) && self.fits(leg) {
                next.modes.set(leg, LegMode::ReadWrite);
                next.rebuilds[leg.index()] = Epoch::new(0);
            }
        }
    }

    /// Notes which disk each written leg is on, and that it may hold writes of the epoch that ends. One that begins to be
    /// rebuilt in whole may be on any; one that is being rebuilt already is held to the disk that this began on.
    pub(super) fn note_disks(&self, next: &mut VolumeRecord) {
        for leg in self.record.modes.written() {
            if self.record.granted {
                next.generations[leg.index()] = self.record.epoch;
            }
        }
        for leg in next.modes.written() {
            let report = self.report_in(next, leg);
            // A disk that belongs elsewhere is not the leg's, and one that has not been read may be any.
            let Some(report) =
                report.filter(|it| it.usable || it.foreign.is_none() && planted!(UnreadDiskTaken))
            else {
                continue;
            };
            if next.serials[leg.index()] == 0 {
                next.serials[leg.index()] = report.serial;
            } else if next.rebuilds_all(leg)
                && (self.record.modes.of(leg) != LegMode::WriteOnly || planted!(UnreadDiskTaken))
            {
                next.serials[leg.index()] = report.serial;
                next.generations[leg.index()] = report.generation;
            }
        }
    }

    /// Notes which legs have all that was acknowledged before the epoch that begins.
    pub(super) fn note_holders(&self, next: &mut VolumeRecord) {
        let holders = if self.is_told() { self.in_sync() } else { self.record.holders };
        // An owner that leaves has flushed all legs.
        let is_all_theirs = next.owner.is_none() || self.is_all_cold();
        let cold = self.cold() | self.given_up_in_state(true);
        next.holders = if is_all_theirs { next.in_sync() } else { holders & !cold };
    }
}
