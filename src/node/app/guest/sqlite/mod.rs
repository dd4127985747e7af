//! SQLite as a guest: its files on parts of a volume, by a virtual file system of its own.
//!
//! `vfs` is the file system, `engine` what it takes to have the library use it, and draw its numbers from the guest;
//! `database` does the steps.

mod database;
mod engine;
mod vfs;

pub(super) use database::Sqlite;
pub(super) use engine::enter;
