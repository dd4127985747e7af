//! Applies the actions of a script through the control doors, and undoes them: a file for each family.
//! Decides no time.

mod api;
mod app;
mod apply;
mod connector;
mod cpu;
mod database;
mod disk;
mod external;
mod manager;
mod memory;
mod net;
mod node;
mod swap;

pub(super) use apply::{Applied, Undo};
pub(super) use manager::Misdeed;
pub(super) use net::NetUndo;
