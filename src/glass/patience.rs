//! What is done about a seed that takes too long on the wall. Runs no seed.

use std::io::Write;
use std::time::Duration;

use crate::run::Watchdog;

/// So many times as long as it may take is a seed waited for that was told to stop: it may be within a poll that takes long.
const GRACE: u32 = 2;

/// Looks after all seeds under way; to be called every now and then. One that cannot be stopped, because it never comes back from a
/// poll, ends the process: no thread can be ended from outside.
pub(super) fn look_after(watchdog: &Watchdog, limit: Duration) {
    watchdog.look();
    let waited = limit.saturating_mul(GRACE);
    if let Some(seed) = watchdog.under_way_for(waited) {
        give_up(seed, waited);
    }
}

/// Says what nobody else can say any more, past whatever captures the output of a test.
fn give_up(seed: u64, waited: Duration) -> ! {
    let text = format!(
        "\nstormglass: seed {seed} has not come back from a poll for {waited:?}, and nothing can end it from outside: \
         a loop without an end, a lock of the standard library taken twice, or something else that blocks the thread. To \
         find out where, run it alone under a debugger (STORMGLASS_SEED={seed}). `Sweep::seed_time` gives seeds more time.\n"
    );
    // Whether anybody reads it or not, this is the end.
    let _ = std::io::stderr().write_all(text.as_bytes());
    std::process::exit(101)
}
