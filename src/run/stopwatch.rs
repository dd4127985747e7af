//! The wall clock, for speeds and time limits. No result of a run depends on it.

#![expect(clippy::disallowed_types, reason = "how fast the host is: shown to people, in no result")]

use std::time::Duration;

/// Measures wall time since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Wall time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
