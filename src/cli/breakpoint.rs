//! `--break`: stops the debugger that this program runs under where a run fails. Finds no failure itself.
//!
//! The signal is raised below the code that wrote the failing record or panicked, so that its frames are on the
//! stack. `gdb/stormglass.py` goes up to them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::console::Console;

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Asked for on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct BreakArgs {
    /// Stop the debugger that runs this program (gdb, lldb) where the run fails; see gdb/stormglass.py
    #[arg(long = "break")]
    wanted: bool,
}

impl BreakArgs {
    /// Who is to be told of the failure. Without a debugger nobody is, and the console says how to have one.
    pub(super) fn hook(&self, console: &mut Console, rest: &str) -> Option<fn(&str)> {
        if !self.wanted {
            return None;
        }
        if !is_debugged() {
            console.note(format_args!(
                "no debugger is attached, so nothing stops at the failure; with gdb:\n  \
                 gdb -x gdb/stormglass.py --args {rest} --break"
            ));
            return None;
        }
        Some(stormglass_failure)
    }
}

/// Where a debugger stops: its caller's callers are what failed.
#[inline(never)]
fn stormglass_failure(how: &str) {
    // A replay that is repeated to see whether it is deterministic has been looked at.
    if !STOPPED.swap(true, Ordering::SeqCst) {
        eprintln!("stormglass: {how}");
        trap();
    }
}

#[cfg(unix)]
fn trap() {
    // Without a debugger it would end the program; one that goes away between the two asks for that.
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGTRAP);
}

#[cfg(not(unix))]
fn trap() {}

/// Whether a debugger runs this program: Linux says so, and where nobody does the signal would end the program.
fn is_debugged() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|pid| pid.trim() != "0")
}
