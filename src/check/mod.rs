//! The checkers: pure readers of the history and of frozen snapshots. They know no simulator and no cluster.

mod checker;
mod history;
mod name;
mod set;
mod snapshot;
mod violation;

pub use checker::{Checker, Freeze};
pub use history::History;
pub use name::{Check, UnknownCheck};
pub use set::{Checkers, Leak, Outstanding};
pub use snapshot::{LegMode, LegView, Media, VolumeView};
pub use violation::Violation;
