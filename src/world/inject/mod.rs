//! Applies the actions of a script through the control doors, and undoes them: a file for each family.
//! Decides no time.

mod app;
mod apply;
mod cpu;
mod database;
mod disk;
mod memory;
mod net;
mod node;
mod swap;

pub(super) use apply::{Applied, Undo};
pub(super) use net::NetUndo;
