//! Ctrl-C: the first one asks for an early end, the second ends at once. Stops nothing itself.

use std::io::Write;

use crate::run::StopFlag;

static STOP: StopFlag = StopFlag::new();

/// The exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// The flag that Ctrl-C raises from now on.
pub(super) fn on_interrupt() -> &'static StopFlag {
    let handler = || {
        if STOP.raise() {
            std::process::exit(INTERRUPTED);
        }
        let hint = "\nstopping after the seeds under way; once more to stop at once";
        let _ = writeln!(std::io::stderr(), "{hint}");
    };
    // Where the system has no such signal, Ctrl-C ends the program as it always did.
    let _ = ctrlc::set_handler(handler);
    &STOP
}
