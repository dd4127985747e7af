//! The database of a cluster's configuration: an embedded engine (`redb`) on a simulated disk, in the manager or as a server
//! of its own. Knows rows, and not what they mean.
//!
//! `store` is the tables; `image` the file that the engine believes it has, `replay` what becomes of it on the disk;
//! `engine` both together; `service` has it answer, `link` asks it; `query` is what is asked; `control` the door for tests
//! and the world.
//!
//! The engine works at once and waits for nothing, a disk takes its time: so the engine works on a file in memory, and what
//! it asked of it is done on the disk before anybody is told that a commit is done. A loss of power finds the disk between
//! any two of these commands, and the engine mends what it then finds there.
//! # Fidelity
//! - Modelled: every write and every sync of the engine in their order, reordered between two syncs, torn, lost with a
//!   volatile cache; a service that dies with a commit under way.
//! - Simplified: the engine's own work takes no time; its file is read in whole at its start.

mod control;
mod engine;
mod image;
mod link;
mod query;
mod replay;
mod service;
mod store;

pub use control::{CommitPhase, CommitsFail, DatabaseDown, DatabaseFaults, DatabaseUp};
pub use engine::{DatabaseOpened, stored};
pub(in crate::node) use link::DatabaseLink;
pub use query::{Answer, Query};
pub use replay::DatabaseWrites;
pub(in crate::node) use service::start;
pub use service::{DatabaseHost, boot};
pub use store::{Contents, Damage};
