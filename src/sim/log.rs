//! Where a log line was written: virtual time and node, for the formatter of `tracing` lines.
//!
//! Kept per thread, and only while some log level is on, so that it costs nothing when off.

use std::cell::RefCell;

use tracing::level_filters::LevelFilter;

use crate::base::{Audience, Names, Nanos, Record};

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

/// Logs a record: state changes and faults as `info`, what applications and media did as `debug`, all
/// else as `trace`.
pub(super) fn record(record: &Record, names: &Names) {
    let wanted = match record.kind.audience {
        Audience::Notable => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        Audience::History => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
        Audience::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
    };
    if !wanted {
        return;
    }
    set(record.at, &record.node.map_or_else(|| "-".to_owned(), |node| names.node(node)));
    let mut line = record.kind.name.to_owned();
    for (name, value) in record.fields(names) {
        line.push_str(&format!(" {name}={value}"));
    }
    match record.kind.audience {
        Audience::Notable => tracing::info!(target: TARGET, "{line}"),
        Audience::History => tracing::debug!(target: TARGET, "{line}"),
        Audience::Trace => tracing::trace!(target: TARGET, "{line}"),
    }
}

/// What a filter calls log lines that are records.
const TARGET: &str = "stormglass";
