//! Recorded traces: texts of four formats into operations, and those onto the blocks of a volume. Reads no file.

mod alibaba;
mod app;
mod blkparse;
mod fields;
mod format;
mod iolog;
mod msr;
mod place;
mod recorder;
mod speed;

pub use app::{Recording, TraceApp};
pub use format::TraceFormat;
pub use recorder::{LineError, Skipped, Trace, TraceOp};
pub use speed::Speed;

pub(super) use fields::{FieldText, lines};
pub(super) use place::{BLOCKS_MAX, STEPS_MAX};
