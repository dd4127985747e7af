//! Composes one simulation out of a scenario, applies its script, freezes and judges it.
//!
//! Start at [`simulate`]. `build` makes the cluster, `watch` sees what happens in it, `script` decides
//! what is due, `inject` applies it through the control doors inside the fault `budget`, `freeze`
//! shows the checkers what the disks hold. Starts no thread but the seal's.

mod budget;
mod build;
mod caches;
mod conditions;
mod freeze;
mod honest;
mod inject;
mod limits;
mod lines;
mod mounts;
mod place;
mod records;
mod report;
mod script;
mod select;
mod settle;
mod simulate;
mod watch;

pub use crate::node::{BUGGIFY_SITES, PROBES};
pub use crate::sim::Crash;
pub use crate::sim::trace::{Checkpoint, Keep};
pub use crate::sim::{Recording, RecordingError};
pub use records::{
    ActionName, DiskFaultApplied, ExpectationFailed, FaultApplied, FaultLifted, FaultWithheld,
    Frozen, PhaseBegan,
};
pub use report::{LivenessReport, RunOptions, RunReport, Verdict};
pub use simulate::simulate;
