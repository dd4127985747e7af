//! The trace: every record enters a running digest; records are shown to observers and kept on demand.

mod digest;
mod sink;

pub use digest::{Checkpoint, Digest};
pub use sink::{Keep, Observer};

pub(super) use sink::TraceSink;
