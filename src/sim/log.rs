//! Where a log line was written: virtual time and node, for the formatter of `tracing` lines.
//!
//! Kept per thread, and only while some log level is on, so that it costs nothing when off.

use std::cell::RefCell;

use tracing::level_filters::LevelFilter;

use crate::base::Nanos;

thread_local! {
    static CONTEXT: RefCell<Option<(Nanos, String)>> = const { RefCell::new(None) };
}

/// The virtual time and the node that this thread simulates right now.
#[must_use]
pub fn context() -> Option<(Nanos, String)> {
    CONTEXT.with_borrow(Clone::clone)
}

/// Whether anybody listens.
pub(super) fn enabled() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

pub(super) fn set(at: Nanos, node: &str) {
    CONTEXT.with_borrow_mut(|context| *context = Some((at, node.to_owned())));
}

pub(super) fn clear() {
    CONTEXT.with_borrow_mut(|context| *context = None);
}
