//! The seal: a fresh thread with a madsim runtime, so that libc clocks, entropy, hash keys and thread
//! spawning inside a simulation follow its seed. Runs what it is given; composes nothing.

use std::panic::resume_unwind;
use std::thread::Builder;

use madsim::runtime::Runtime;

use super::strict::{self, Noted, Trespass};

/// Bytes of stack for a simulation's thread.
const STACK_BYTES: usize = 8 << 20;

/// Runs `body` on a fresh thread inside a madsim runtime of this seed and gives back its result.
///
/// Inside, `Instant::now()` starts at the runtime's own epoch and moves only with virtual time,
/// `HashMap` order follows the seed, and spawning a thread fails. A panic of `body` goes on in the caller.
///
/// # Panics
/// When the host cannot start a thread, or when `body` panics.
pub fn sealed<T: Send>(seed: u64, body: impl FnOnce() -> T + Send) -> T {
    on_fresh_thread(seed, move || in_runtime(seed, body))
}

/// As [`sealed`], and under the strict seal: what `body` asks of the system beyond memory, locks and output is
/// refused (`EPERM`), and the first such call is told beside the result. [`trespassed`] says so inside already.
///
/// # Panics
/// As [`sealed`] does, and where there is no strict seal: see [`strict_seal`].
pub fn sealed_strictly<T: Send>(
    seed: u64,
    body: impl FnOnce() -> T + Send,
) -> (T, Option<Trespass>) {
    let (result, noted) = on_fresh_thread(seed, move || {
        in_runtime(seed, || {
            let entered =
                strict::enter().expect("the strict seal was asked for where there is none");
            let result = body();
            drop(entered);
            (result, Noted::take())
        })
    });
    (result, noted.told())
}

/// Whether something called for more than the strict seal allows, on this thread.
#[must_use]
pub fn trespassed() -> bool {
    strict::trespassed()
}

/// Whether the strict seal can be had on this host.
///
/// # Errors
/// Why it cannot.
pub fn strict_seal() -> Result<(), String> {
    on_fresh_thread(0, || strict::enter().map(drop))
}

fn in_runtime<T>(seed: u64, body: impl FnOnce() -> T) -> T {
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.block_on(async move { body() })
}

fn on_fresh_thread<T: Send>(seed: u64, body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = Builder::new().name(format!("seed-{seed}")).stack_size(STACK_BYTES);
        let started = thread.spawn_scoped(scope, body).expect("the host can start a thread");
        started.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::sealed;

    #[test]
    #[expect(clippy::disallowed_types, reason = "this is the test that the seal holds them")]
    fn clocks_and_hash_order_follow_the_seed() {
        let look = |seed| {
            sealed(seed, || {
                let wall = std::time::SystemTime::now();
                let since = wall.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
                let set: std::collections::HashSet<u32> = (0..64).collect();
                let order: Vec<u32> = set.into_iter().collect();
                (since, order)
            })
        };
        assert_eq!(look(7), look(7));
        assert_ne!(look(7), look(8));
    }

    #[test]
    fn no_thread_starts_inside() {
        let start = || std::thread::Builder::new().spawn(|| ()).is_ok();
        let started = sealed(1, || std::panic::catch_unwind(start).unwrap_or(false));
        assert!(!started);
    }
}
