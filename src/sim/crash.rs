//! Panics in node code, caught and described. Decides nothing about the run.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Once};

use crate::base::{Nanos, NodeId};

/// A panic in node code.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The node whose task panicked.
    pub node: NodeId,
    /// The task's name.
    pub task: &'static str,
    /// Where the task was spawned, as `file:line`.
    pub spawned_at: String,
    /// Virtual time of the panic.
    pub at: Nanos,
    /// The panic's message.
    pub message: String,
    /// Where it panicked, as `file:line`.
    pub location: String,
    /// The stack at the panic.
    pub backtrace: Stack,
}

/// A stack as it was, put into words when it is shown: that reads the program's file, which a sealed thread
/// may not, and takes longer than most runs.
#[derive(Clone, Debug)]
pub enum Stack {
    /// As it was taken.
    Taken(Arc<Backtrace>),
    /// In words already; none where nothing is known of it.
    Told(String),
}

impl Default for Stack {
    fn default() -> Self {
        Self::Told(String::new())
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(stack) => stack.fmt(f),
            Self::Told(words) => f.write_str(words),
        }
    }
}

impl Crash {
    /// It in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        headline(&self.message, &self.location)
    }
}

fn headline(message: &str, location: &str) -> String {
    format!("crash: {message} at {location}")
}

/// What the hook noted of a panic.
#[derive(Default)]
pub(super) struct Caught {
    pub(super) message: String,
    pub(super) location: String,
    pub(super) backtrace: Stack,
}

thread_local! {
    /// Whether this thread is in node code, whose panics are an outcome of the run.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Option<Caught>> = const { RefCell::new(None) };
    /// Who is told of a panic in node code before its stack is unwound.
    static TOLD: Cell<Option<fn(&str)>> = const { Cell::new(None) };
}

/// Makes panics under [`guarded`] silent and noted; other panics are reported as ever.
pub(super) fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                note(info);
            } else {
                previous(info);
            }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let location = info.location();
    let caught = Caught {
        message: info.payload_as_str().unwrap_or("a panic without a message").to_owned(),
        location: location.map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line())),
        backtrace: Stack::Taken(Arc::new(Backtrace::force_capture())),
    };
    let told = headline(&caught.message, &caught.location);
    NOTED.with_borrow_mut(|noted| *noted = Some(caught));
    if let Some(tell) = TOLD.take() {
        tell(&told);
    }
}

/// The next panic in node code on this thread is told to `tell` before its stack is unwound.
pub(super) fn tell_of_panics(tell: Option<fn(&str)>) {
    TOLD.set(tell);
}

/// Runs node code; a panic comes back as what the hook noted of it.
pub(super) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, Caught> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    GUARDED.set(outer);
    result.map_err(|_| NOTED.with_borrow_mut(Option::take).unwrap_or_default())
}
