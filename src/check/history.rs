//! What applications did so far, shared by the checkers. Judges nothing.

use crate::base::Record;

/// The operations in flight and what each block may hold.
#[derive(Default)]
pub struct History {}

impl History {
    /// Takes a record in.
    pub fn observe(&mut self, record: &Record) {
        let _ = record;
    }
}
