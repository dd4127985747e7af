//! The satellite: the controller's agent on a target, which brings about what the target is to have by way of external
//! programs. It has no database: what it knows is the last full sync, and what it finds on its machine.
//!
//! `agent` is what its tasks share, `goal` what is to be and what takes one there, `resource` the task that each resource has to itself, `retry` when it
//! tries again; `sweep` finds what nobody
//! wants; `program` runs an external program in a box of time and memory (`output`), `device` waits for device files
//! and opens them, `stream` listens to what happens to them; `problem` words what went wrong, `reporter` reports it; `serve`
//! talks to the controller; `timing` says how long all that may take.

mod agent;
mod device;
mod goal;
mod output;
mod problem;
mod program;
mod reporter;
mod resource;
mod retry;
mod serve;
mod stream;
mod sweep;
mod timing;

pub use agent::{Stage, Standing, Standings};
pub use goal::{Goal, Wanted, goals, on_node, volume_name};
pub use serve::{PROTOCOL, SatelliteHost, boot};
pub use timing::SatelliteTiming;
