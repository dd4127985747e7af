//! The world's own trace records: what the script did to the cluster.

use crate::base::{DiskId, FieldKind, NodeId, OWN_WORDS, Word};
use crate::scenario::Action;

/// The name of an action, as a record's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionName(u16);

impl ActionName {
    /// The name of an action of the format.
    #[must_use]
    pub fn of(action: &Action) -> Self {
        Self::named(action.name())
    }

    /// This action; it is one of the format's.
    pub(super) fn named(action: &str) -> Self {
        let at = Action::NAMES.iter().position(|name| *name == action);
        Self(at.expect("every action is in the list of names") as u16)
    }

    /// That of the action in this place among those that the program adds.
    pub(super) fn own(index: usize) -> Self {
        Self(OWN_WORDS as u16 + index as u16)
    }
}

impl Word for ActionName {
    const KIND: FieldKind =
        FieldKind::OpenName(|word| Action::NAMES.get(word as usize).copied().unwrap_or("?"));
    fn to_word(self) -> u64 {
        u64::from(self.0)
    }
    fn from_word(word: u64) -> Self {
        Self(word as u16)
    }
}

crate::word_enum! {
    /// The phases of a run.
    pub enum Phase {
        /// Applications run and faults happen.
        Safety = "safety",
        /// Faults have stopped; everything must heal.
        Settle = "settle",
        /// Everything has healed; the last checks.
        Rest = "rest",
    }
}

crate::record! {
    /// A fault of a script entry was applied to a node.
    pub struct FaultApplied = "fault.applied", Notable { entry: u32, action: ActionName, node: NodeId }
}
crate::record! {
    /// A fault of a script entry was applied to a disk.
    pub struct DiskFaultApplied = "fault.disk-applied", Notable {
        entry: u32, action: ActionName, disk: DiskId
    }
}
crate::record! {
    /// An action that the program adds was applied, to no node and no disk that it told of.
    pub struct OwnApplied = "fault.own-applied", Notable { entry: u32, action: ActionName }
}
crate::record! {
    /// A fault was undone.
    pub struct FaultLifted = "fault.lifted", Notable { entry: u32, action: ActionName }
}
crate::record! {
    /// A fault was not applied: the configuration does not promise to survive it now. One with fixed
    /// ids is tried again until it fits, or the faults stop.
    pub struct FaultWithheld = "fault.withheld", Notable { entry: u32, action: ActionName }
}
crate::record! {
    /// Everything stood still while the checkers looked.
    pub struct Frozen = "world.frozen", Notable { entry: u32 }
}
crate::record! {
    /// An assertion of the script did not hold in time.
    pub struct ExpectationFailed = "world.expectation-failed", Notable { entry: u32 }
}
crate::record! {
    /// A phase of the run began.
    pub struct PhaseBegan = "world.phase", Notable { phase: Phase }
}
