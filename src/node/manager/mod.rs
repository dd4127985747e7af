//! The manager: owns membership, epochs and leg modes; decides, persists, and only then tells.
//!
//! `machine` leads one volume from decision to decision and touches nothing; `decide` says what is decided,
//! `caches` what follows from volatile caches that were lost, `spares` which leg is given one,
//! `absences` how long each has been away, `split` whether disks contradict the record, `care` which target sees to a
//! volume that nobody has, `record` is what it is decided on; `input` is what a
//! machine is told and wants done, `wishes` what calls for a decision, `claims` who waits for the volume; `database`
//! keeps records on the manager's disk, `records` there or where managers agree on them; `serve` runs the machines against the network; `door` is where tests make it go wrong; `replica`
//! is what several managers have to do with each other.

mod absences;
mod boot;
#[cfg(test)]
mod cache_stories;
mod caches;
mod care;
#[cfg(test)]
mod care_stories;
#[cfg(test)]
mod claim_stories;
mod claims;
mod database;
mod decide;
mod door;
mod input;
mod machine;
mod record;
mod records;
mod replica;
#[cfg(test)]
mod rig;
mod serve;
#[cfg(test)]
mod spare_stories;
mod spares;
mod split;
#[cfg(test)]
mod stories;
mod wishes;

pub use boot::{ManagerDisks, boot};
pub use door::{FalseMessage, ManagerDoor};
pub use record::VolumeRecord;
pub use replica::{
    CONFIRMED_FOR, Entry, Image, Log, Summary, Term, area_blocks, chosen, installed, newest,
};
