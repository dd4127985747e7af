//! Applications: they issue IO on a volume and tell the history what they asked for and what they got.
//!
//! An application's plan outlives its client: when the client boots again, it goes on where it was.

mod application;
mod draw;
mod issue;

pub use application::{AppConfig, AppKind, AppProgress, OpCounter, start};
pub use draw::{Distribution, Mix};
