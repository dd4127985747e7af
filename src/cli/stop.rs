//! Ctrl-C: the first one asks for an early end, the second ends at once. Stops nothing itself.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use crate::run::{StopFlag, Stopwatch};

static STOP: StopFlag = StopFlag::new();

/// When the first one came.
static FIRST: Mutex<Option<Stopwatch>> = Mutex::new(None);

/// The exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// What comes this soon after the first is the same Ctrl-C: whoever started this program may pass on
/// the one that its terminal sent to both.
const SAME: Duration = Duration::from_millis(300);

/// What is said of the first one while seeds are run.
pub(super) const STOPPING: &str = "stopping after the seeds under way; once more to stop at once";

/// What is said of the first one.
static HINT: Mutex<&str> = Mutex::new("");

/// The flag that Ctrl-C raises from now on, with what is said then.
pub(super) fn on_interrupt(hint: &'static str) -> &'static StopFlag {
    *HINT.lock().expect("nobody panics with this lock") = hint;
    // Where the system has no such signal, Ctrl-C ends the program as it always did.
    let _ = ctrlc::set_handler(interrupted);
    &STOP
}

fn interrupted() {
    let mut first = FIRST.lock().expect("nobody panics with this lock");
    match *first {
        None => {
            *first = Some(Stopwatch::start());
            STOP.raise();
            let hint = *HINT.lock().expect("nobody panics with this lock");
            // There is no place left to report to when standard error is gone.
            let _ = writeln!(std::io::stderr(), "\n{hint}");
        }
        Some(first) if first.elapsed() < SAME => {}
        Some(_) => std::process::exit(INTERRUPTED),
    }
}
