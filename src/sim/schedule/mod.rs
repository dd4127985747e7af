//! Schedules: oracles that pick which ready task a CPU runs next. They run nothing.

mod oracle;
mod patience;
mod pct;
mod recording;
mod starve;

pub(super) use oracle::make;
pub use oracle::{CpuSlot, Ready, Schedule};
pub(super) use recording::Recorder;
pub use recording::{Misfit, Recording, RecordingError};
