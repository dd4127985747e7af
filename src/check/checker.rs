//! What a checker is: a reader of records and of frozen media that may find violations. Decides
//! nothing about what a run does with them.

use crate::base::{Nanos, Record};

use super::history::History;
use super::snapshot::VolumeView;
use super::violation::Violation;

/// Every CPU, timer and link stands still; this is what can be seen.
#[derive(Clone, Copy)]
pub struct Freeze<'a> {
    /// When.
    pub at: Nanos,
    /// Whether all faults are over, everything is healed and no operation is in flight: then in-sync
    /// legs have no excuse for a difference.
    pub at_rest: bool,
    /// The volumes with their media.
    pub volumes: &'a [VolumeView<'a>],
    /// What applications did so far.
    pub history: &'a History,
}

/// Reads what happens and collects what must not have happened.
///
/// A checker sees records and frozen media and no cluster code, so that a foreign data service is held
/// to the same rules as the reference cluster.
pub trait Checker {
    /// The codes of the records that it wants to see; all that are shown to checkers, if `None`. Asked
    /// once, when the checker is added to a run.
    fn codes(&self) -> Option<&'static [u32]> {
        None
    }
    /// Something happened; `history` already knows of it. Called for every record that the checker wants
    /// to see, so it must cost next to nothing.
    fn observe(&mut self, record: &Record, history: &History) {
        let _ = (record, history);
    }
    /// The simulation stands still.
    fn at_freeze(&mut self, freeze: &Freeze<'_>) {
        let _ = freeze;
    }
    /// The simulation has ended.
    fn finish(&mut self, at: Nanos, history: &History) {
        let _ = (at, history);
    }
    /// Hands over the violations found since the last call.
    fn take_violations(&mut self) -> Vec<Violation>;
}
