//! Guests: programs that nobody here wrote, on a volume. They work at once and wait for nothing, as a process does; here they
//! run on a stack of their own, a fiber, which is left wherever they ask for IO and taken up again when it is done.
//!
//! `fiber` is the stack; `ask` what a guest may ask for from it; `host` answers, in virtual time; `contents` knows the bytes
//! of what a guest wrote; `drive` makes bytes of blocks, `file` a file of them; `plan` is what a guest is to do and what
//! must be there; `work` has it do so; `redb`, `fat` and `sqlite` are the guests.
//!
//! A guest dies with its client, wherever it waits: nothing that it asks for then is done, until it has given up. What it
//! was told is committed must be there when it is started again, what was under way in whole or not at all, nothing else;
//! and by its own check all must be well. It tells what it does and finds (`base::guest`), and the checker judges.
//!
//! # Fidelity
//! - Modelled: a process that is gone between any two commands of its IO; one that is told of an error, and is started anew.
//! - Simplified: its own work takes no time; nothing lies between it and the volume but what makes bytes of blocks, so that
//!   each of its reads is one of the volume, and fails if it shows less than was acknowledged before: programs take what
//!   they wrote themselves for granted, and some end the whole process when it goes back under them.
//! - Of what it writes, blocks carry the stamp that says which write it was, as all applications' do; the bytes for it are
//!   kept beside (`contents`).

mod ask;
mod contents;
mod drive;
mod fat;
mod fiber;
mod file;
mod host;
mod plan;
mod redb;
#[cfg(feature = "sqlite")]
mod sqlite;
mod work;

pub(super) use host::run;
pub(super) use plan::Plan;
pub use plan::{Guest, Program};
