//! What calls for a decision. Takes none.

use super::claims::Claim;
use crate::base::Nanos;
use crate::layout::LEGS_MAX;

/// What calls for a decision.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub(super) attach: Option<Claim>,
    pub(super) detach: bool,
    pub(super) failed: u16,
    /// When each was last found to have failed: what was true once need not be true for ever.
    pub(super) failed_at: [Nanos; LEGS_MAX],
    pub(super) back: u16,
    pub(super) rebuilt: u16,
    /// Dead for so long that they are to be given a spare.
    pub(super) replaced: u16,
    pub(super) register_anew: bool,
}

impl Wishes {
    pub(super) fn fail(&mut self, legs: u16, now: Nanos) {
        self.failed |= legs;
        let found = (0..LEGS_MAX).filter(|leg| legs >> leg & 1 == 1);
        found.for_each(|leg| self.failed_at[leg] = now);
    }

    /// Forgets failures that were last found before `since`. Else a failure that was over before
    /// another leg could serve would keep that other one from ever being given up.
    pub(super) fn forget(&mut self, since: Nanos) {
        for leg in 0..LEGS_MAX {
            if self.failed_at[leg] < since {
                self.failed &= !(1 << leg);
            }
        }
    }
}
