//! The checkers: pure readers of the history and of frozen snapshots. They know no simulator and no cluster.

mod checker;
mod durable;
mod fencing;
mod few;
mod graves;
mod history;
mod index;
mod leaks;
mod linear;
mod live;
mod memory;
mod mirrors;
mod name;
mod operations;
mod origin;
mod recent;
mod register;
mod registers;
mod set;
mod snapshot;
mod violation;

pub use checker::{Checker, Freeze};
pub use durable::Durable;
pub use fencing::Fencing;
pub use history::{Contradiction, History, Unfit};
pub use leaks::{Leak, Leaks};
pub use linear::Linear;
pub use live::Live;
pub use memory::{Memory, MemoryAtRest};
pub use mirrors::Mirrors;
pub use name::{Check, UnknownCheck};
pub use operations::Operation;
pub use register::{Fate, Moment, Register, Value, Wrong};
pub use set::Checkers;
pub use snapshot::{LegMode, LegView, Media, VolumeView};
pub use violation::Violation;
