//! Which legs have lost their volatile caches, and what that leaves to go on with. Decides nothing.

use crate::base::LegIndex;

use super::machine::{Machine, Told, bit};
use super::record::VolumeRecord;
use crate::node::protocol::LegMode;

impl Machine {
    /// Legs that have lost a volatile cache since they registered: what was acknowledged and not flushed
    /// may be missing there, and on a `W` leg what was rebuilt.
    pub(super) fn cold(&self) -> u16 {
        if self.record.is_untouched() {
            return 0;
        }
        let cold = self.record.modes.written().filter(|leg| {
            self.report(*leg).is_some_and(|report| {
                let is_planned_for = self.planned[leg.index()] == Some(report.life);
                report.usable && report.cold && !is_planned_for
            })
        });
        cold.fold(0, |legs, leg| legs | bit(leg))
    }

    pub(super) fn in_sync(&self) -> u16 {
        self.record.in_sync()
    }

    /// Whether no leg is left that may have all that was acknowledged: every one in sync has lost a volatile
    /// cache, and so has every one that was given up since the owner was last told how the volume stands.
    /// Then what is left is what there is.
    pub(super) fn is_all_cold(&self) -> bool {
        self.are_in_sync_cold() && self.given_up_in_state(true) == self.given_up()
    }

    pub(super) fn are_in_sync_cold(&self) -> bool {
        self.cold() != 0 && self.in_sync() & !self.cold() == 0
    }

    /// Legs that were given up since the owner was last told how the volume stands: nothing was acknowledged
    /// without them.
    pub(super) fn given_up(&self) -> u16 {
        if self.is_told() { 0 } else { self.record.given_up() }
    }

    /// Whether the owner may have been told of the record's epoch, as far as legs have been heard.
    pub(super) fn is_told(&self) -> bool {
        match self.told {
            Told::No => false,
            Told::Yes => true,
            Told::UnlessDenied => !self.is_denied(),
        }
    }

    /// Whether a leg in sync is witness that nobody was told of the record's epoch.
    pub(super) fn is_denied(&self) -> bool {
        let is_witness = |leg: LegIndex| {
            let report = self.report(leg).filter(|_| self.fits(leg));
            report.is_some_and(|it| self.record.is_untold_by(it.generation, it.confirmed))
        };
        self.record.modes.legs_in(LegMode::ReadWrite).any(is_witness)
    }

    /// Whether a leg in sync that has not been heard since the boot may yet deny that the owner was told. Nothing
    /// is decided until then: it would have to take one for granted.
    pub(super) fn is_in_doubt(&self) -> bool {
        let is_unheard = |leg: LegIndex| self.report(leg).is_none_or(|report| !report.usable);
        self.told == Told::UnlessDenied
            && !self.is_denied()
            && self.record.modes.legs_in(LegMode::ReadWrite).any(is_unheard)
    }

    /// Whether legs are asked once more before the owner is told. Where one was given up, the others must
    /// not have lost their caches before that was on record, when it still had what they lost.
    pub(super) fn is_confirming(&self) -> bool {
        self.record.granted && self.has_caches && self.given_up() != 0
    }

    /// Legs that were given up since the owner was last told, and were then found on the right disk: with
    /// their cache lost, or with all that they had.
    pub(super) fn given_up_in_state(&self, cold: bool) -> u16 {
        let given_up = self.given_up();
        let is_in_it = |leg: &LegIndex| {
            let report = self.report(*leg);
            given_up & bit(*leg) != 0
                && self.fits(*leg)
                && report.is_some_and(|report| report.cold == cold)
        };
        self.record.modes.legs().filter(is_in_it).fold(0, |legs, leg| legs | bit(leg))
    }

    /// Legs to take back as they are, for they have what all in sync have lost.
    pub(super) fn to_take_back(&self) -> u16 {
        if self.are_in_sync_cold() { self.given_up_in_state(false) } else { 0 }
    }

    /// Whether the record was decided on because of that, and its epoch was granted to nobody yet: legs in
    /// sync register it as they are.
    pub(super) fn starts_cold(&self) -> bool {
        self.record.cold == self.record.epoch && !self.record.granted
    }

    /// Cold legs that have to be brought up to date: all, unless those in sync are what there is.
    pub(super) fn to_bring_up_to_date(&self) -> u16 {
        match self.is_all_cold() || self.starts_cold() {
            true => self.cold() & !self.in_sync(),
            false => self.cold(),
        }
    }

    /// A leg that comes back has its rebuild planned from what is on its disk now: in this life of the device
    /// it is no longer cold, however often its target says so.
    pub(super) fn warm_up(&mut self, next: &VolumeRecord) {
        for leg in next.modes.legs_in(LegMode::WriteOnly) {
            if self.record.modes.of(leg) == LegMode::Dead
                && let Some(report) = self.report_in(next, leg)
            {
                self.planned[leg.index()] = report.cold.then_some(report.life);
            }
        }
    }
}
