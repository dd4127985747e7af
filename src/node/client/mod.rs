//! A client: attaches volumes and serves applications' IO on them.
//!
//! `volume` is what the client knows of a volume, `io` the data service, `put` and `get` what it does on legs,
//! `coded` how it serves erasure-coded volumes, `row_journal` what it notes on legs before it writes there,
//! `locks` the range locks, `rebuild` brings legs back together,
//! `scrub` looks whether they still hold what they should, `flushes` says which of them fail, `detach`
//! gives a volume back, `monitor` notices what fails to happen, `pace` says which legs are slow,
//! `calls` are requests under way, `target_link` and
//! `manager_link` the connections.

mod boot;
mod calls;
mod coded;
mod detach;
mod flushes;
mod get;
mod intent;
mod io;
mod locks;
mod manager_link;
mod monitor;
mod pace;
mod put;
mod rebuild;
mod row_journal;
mod row_write;
mod scrub;
mod target_link;
mod together;
mod volume;

pub(in crate::node) use boot::boot_beside;
pub use boot::{DataService, boot};
pub use io::{BlockDevice, IoError};
