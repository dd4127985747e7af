//! Composes one simulation out of a scenario, applies its script, freezes and judges it.

mod report;
mod simulate;

pub use report::{LivenessReport, RunOptions, RunReport, Verdict};
pub use simulate::simulate;

pub use crate::sim::Crash;
pub use crate::sim::trace::{Checkpoint, Keep};
