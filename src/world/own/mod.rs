//! What a program adds to simulations: actions and conditions for scripts, checkers, records. Has none itself.
//!
//! A program registers them once, in an [`Own`], and hands its words to whoever reads scenarios. A scenario that was read
//! with them carries them along, so that whatever runs it, runs them.

mod look;
mod play;
mod registry;
mod scene;

pub use look::Look;
pub use registry::{Outcome, Own, OwnAction, OwnCondition};
pub use scene::Scene;

pub(super) use play::Played;
pub(super) use registry::checkers;
