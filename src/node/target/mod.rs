//! A target: serves the blocks of its disks' legs, fences by epoch, keeps the write-intent.
//!
//! `leg` is the state of one leg, `keeper` makes it persistent, `serve` answers one client's
//! connection, `link` talks to the manager, `caretaker` sees to volumes that no client has.

mod boot;
mod caretaker;
mod keeper;
mod leg;
mod link;
mod serve;

pub use boot::boot;
pub use keeper::METADATA_READS;
