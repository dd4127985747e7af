//! The monitor of the mirror protocol: each rule that shows in records, judged when the record comes.

mod leg;
mod monitor;
mod places;
mod rule;
mod volume;

pub use monitor::Protocol;
pub use places::Places;
pub use rule::Rule;
