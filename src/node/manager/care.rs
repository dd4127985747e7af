//! A volume that nobody has is seen to by a target: when, and by which. Recovers nothing itself.
//!
//! The target becomes the owner as a client does, under an epoch of its own, and leaves when there is nothing left to
//! do. It answers no application: whoever asks for the volume gets it at once, in the middle of what it does, for the
//! new epoch fences it, and what it has not recovered is still marked.

use crate::base::{LegIndex, Nanos, NodeId};

use super::input::Effect;
use super::machine::Machine;
use crate::node::probes;
use crate::node::protocol::LegMode;

impl Machine {
    /// Whether the owner is a target that sees to the volume.
    pub(super) fn has_caretaker(&self) -> bool {
        let owner = self.record.owner.map(|(owner, _)| owner);
        self.spec.places().any(|(_, place)| Some(place.target) == owner)
    }

    /// Asks a target to see to the volume if there is something to be done and nobody who does it: an owner that
    /// has not been heard of for long left regions that may differ, or legs are not in sync.
    pub(super) fn have_cared_for(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        let (asked, last) = self.asked_to_care;
        let since = self.owner_heard.max(last);
        let is_alone = self.claims.is_empty() && self.wishes.attach.is_none();
        let in_sync = self.record.modes.count(LegMode::ReadWrite) == self.spec.legs.len();
        let is_needed = self.record.owner.is_some() || !in_sync;
        if now <= since + self.timing.care_after || !is_alone || !is_needed || self.is_split() {
            return;
        }
        if let Some(target) = self.who_may_care(asked) {
            self.asked_to_care = (asked.wrapping_add(1), now);
            crate::sometimes!(self, true, probes::CARETAKER_ASKED);
            out.push(Effect::CareFor(target));
        }
    }

    /// The targets of legs in sync that can be reached, in turn.
    fn who_may_care(&self, turn: u32) -> Option<NodeId> {
        let is_there = |leg: &LegIndex| self.fits(*leg);
        let able: Vec<NodeId> = self
            .record
            .modes
            .legs_in(LegMode::ReadWrite)
            .filter(is_there)
            .map(|leg| self.spec.place(self.record.places.of(leg)).target)
            .collect();
        (!able.is_empty()).then(|| able[turn as usize % able.len()])
    }
}
