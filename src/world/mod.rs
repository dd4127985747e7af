//! Composes one simulation out of a scenario, applies its script, freezes and judges it.
//!
//! Start at [`simulate`]. `build` makes the cluster, `watch` sees what happens in it, `script` decides
//! what is due, `inject` applies it through the control doors inside the fault `budget`, `freeze`
//! shows the checkers what the disks hold. Starts no thread but the seal's.

mod alone;
mod apps;
mod budget;
mod build;
mod caches;
mod conditions;
mod control;
mod database;
mod external;
mod freeze;
mod honest;
mod inject;
mod inspect;
mod limits;
mod lines;
mod mounts;
mod own;
mod place;
mod records;
mod report;
mod script;
mod select;
mod session;
mod settle;
mod simulate;
mod watch;

pub use crate::node::control::{ErrorId, ErrorReport};
pub use crate::node::{BUGGIFY_SITES, PROBES};
pub use crate::sim::strict_seal;
pub use crate::sim::trace::{Checkpoint, Keep};
pub use crate::sim::{ArmedTimer, CpuState, Crash, MemoryUse, Stack, TaskState, Trespass};
pub use crate::sim::{Recording, RecordingError};
pub use alone::{Alone, alone, disks_of};
pub use inspect::{CopyLook, DiskLook, LegLook, NodeLook, VolumeLook};
pub use own::{Look, Outcome, Own, OwnAction, OwnCondition, Scene};
pub use place::places;
pub use records::{
    ActionName, DiskFaultApplied, ExpectationFailed, FaultApplied, FaultLifted, FaultWithheld,
    Frozen, OwnApplied, PhaseBegan,
};
pub use report::{AtFailure, LivenessReport, RunOptions, RunReport, Verdict};
pub use session::{Position, Session};
pub use simulate::simulate;
