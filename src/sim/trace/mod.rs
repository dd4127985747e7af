//! The trace: every record enters a running digest; records are shown to observers and kept on demand.

mod digest;
mod page;
mod sink;

pub use digest::Checkpoint;
pub use sink::{Keep, Observer};

pub(super) use page::Place;
pub(super) use sink::TraceSink;
