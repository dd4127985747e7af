//! Applications: they issue IO on a volume and tell the history what they asked for and what they got.
//!
//! An application's plan outlives its client: when the client boots again, it goes on where it was.

mod application;
mod cover;
mod draw;
mod guest;
mod issue;
mod job;
mod mixed;
mod records;
mod replay;

pub use application::{AppConfig, AppKind, AppProgress, OpCounter, start};
pub use draw::{Distribution, Mix};
pub use guest::{Guest, Program};
pub use records::Replaying;
