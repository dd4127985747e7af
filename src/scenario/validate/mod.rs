//! Whether the parts of a scenario fit together: what serde cannot see. Changes nothing.

mod budget;
mod entry;
mod own;
mod script;
mod volumes;
mod workload;

pub(super) use entry::{Validator, validate};
