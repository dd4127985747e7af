//! Threads that work off a source of jobs. Knows nothing of simulations.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::thread::scope;
use std::time::Duration;

/// How long the caller waits for a result before it is given a `None`.
const TICK: Duration = Duration::from_millis(100);

/// Works off all jobs on `threads` threads. Jobs are taken one by one in the order of `source`;
/// `each` is called on the caller's thread with every result as it comes, and with `None` when there
/// has been none for a while.
///
/// # Panics
/// When the host cannot start a thread, or when `work` panics.
pub fn work_off<J: Send, R: Send>(
    threads: NonZeroUsize,
    source: impl Iterator<Item = J> + Send,
    work: impl Fn(J) -> R + Sync,
    mut each: impl FnMut(Option<R>),
) {
    let source = Mutex::new(source);
    let (sender, receiver) = channel();
    scope(|scope| {
        for number in 0..threads.get() {
            let sender = sender.clone();
            let (source, work) = (&source, &work);
            let thread = Builder::new().name(format!("worker-{number}"));
            let started = thread.spawn_scoped(scope, move || {
                loop {
                    let job = source.lock().expect("a source does not panic").next();
                    let Some(job) = job else { return };
                    if sender.send(work(job)).is_err() {
                        return;
                    }
                }
            });
            started.expect("the host can start a thread");
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(result) => each(Some(result)),
                Err(RecvTimeoutError::Timeout) => each(None),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::work_off;

    #[test]
    fn every_job_is_done_once_on_any_number_of_threads() {
        for threads in [1, 3, 8] {
            let mut results = Vec::new();
            let threads = NonZeroUsize::new(threads).unwrap();
            work_off(threads, 0..500_u64, |job| job * 2, |result| results.extend(result));
            results.sort_unstable();
            assert!(results.into_iter().eq((0..500).map(|job| job * 2)));
        }
    }
}
