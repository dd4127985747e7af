//! How far a sweep or a proof is: a bar on a terminal, a line every few seconds elsewhere. On standard
//! error, so that it is never part of a result.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::{Stopwatch, SweepProgress};

use super::console::Console;
use super::figures::{grouped, per_second, speed, wall};

/// The time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Redraws of the bar a second.
const REDRAWS: u8 = 10;

/// Shows progress until it is dropped.
pub(super) struct Progress<'a> {
    console: &'a mut Console,
    bar: Option<ProgressBar>,
    clock: Stopwatch,
    last_line: Duration,
}

impl<'a> Progress<'a> {
    pub(super) fn start(console: &'a mut Console) -> Self {
        let bar = Console::is_watched().then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
            let style = ProgressStyle::with_template("{wide_bar:.cyan/dim} {msg}")
                .expect("the template is well formed");
            ProgressBar::with_draw_target(Some(0), target).with_style(style)
        });
        Self { console, bar, clock: Stopwatch::start(), last_line: Duration::ZERO }
    }

    /// Shows how far it is: `done` of `total` (0 when it is not known).
    pub(super) fn show(&mut self, done: u64, total: u64, text: impl Fn() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(text());
            return;
        }
        let now = self.clock.elapsed();
        if now - self.last_line >= LINE_EVERY {
            self.last_line = now;
            self.say(&text());
        }
    }

    /// Writes a line of its own.
    pub(super) fn say(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.console.note(line),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A sweep's figures on one line.
pub(super) fn sweep_line(progress: &SweepProgress, limit: Option<Duration>) -> String {
    let elapsed = progress.elapsed;
    let done = match progress.planned {
        Some(planned) => format!("{}/{} seeds", grouped(progress.done), grouped(planned)),
        None => format!("{} seeds", grouped(progress.done)),
    };
    let left = match time_left(progress, limit) {
        Some(left) => format!("ETA {}", wall(left)),
        None => "ETA ?".to_owned(),
    };
    let mut parts = vec![
        done,
        format!("{}/s", grouped(per_second(progress.done, elapsed))),
        format!("{} IO/s", grouped(per_second(progress.ops, elapsed))),
        format!("virtual {}", speed(progress.virtual_time.get(), elapsed)),
        format!("{} failed", grouped(progress.failures)),
        left,
    ];
    if progress.stopping > 0 {
        parts.push(format!("{} being stopped", grouped(progress.stopping)));
    }
    parts.join("  ")
}

/// Wall time until the seeds are done or the limit is reached, whichever comes first.
fn time_left(progress: &SweepProgress, limit: Option<Duration>) -> Option<Duration> {
    let by_limit = limit.map(|limit| limit.saturating_sub(progress.elapsed));
    let by_seeds = progress.planned.filter(|_| progress.done > 0).map(|planned| {
        let left = u128::from(planned.saturating_sub(progress.done));
        let nanos = progress.elapsed.as_nanos() * left / u128::from(progress.done);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    });
    by_limit.into_iter().chain(by_seeds).min()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::base::Nanos;
    use crate::run::SweepProgress;

    use super::sweep_line;

    fn progress(planned: Option<u64>, done: u64) -> SweepProgress {
        SweepProgress {
            planned,
            done,
            failures: 2,
            ops: done * 1_000,
            virtual_time: Nanos::from_millis(done * 30),
            stopping: 0,
            elapsed: Duration::from_secs(2),
        }
    }

    #[test]
    fn a_line_has_speeds_failures_and_the_time_left() {
        assert_eq!(
            sweep_line(&progress(Some(2_000), 500), None),
            "500/2,000 seeds  250/s  250,000 IO/s  virtual 7.50x  2 failed  ETA 6.00s"
        );
    }

    #[test]
    fn runs_that_do_not_stop_are_told_of() {
        let line = sweep_line(&SweepProgress { stopping: 2, ..progress(None, 9) }, None);
        assert!(line.ends_with("  ETA ?  2 being stopped"), "{line}");
    }

    #[test]
    fn the_nearer_end_counts() {
        let line = |planned, done, limit| {
            let line = sweep_line(&progress(planned, done), Some(Duration::from_secs(limit)));
            line.rsplit_once("  ").unwrap().1.to_owned()
        };
        assert_eq!(line(Some(2_000), 500, 5), "ETA 3.00s");
        assert_eq!(line(Some(2_000), 500, 100), "ETA 6.00s");
        assert_eq!(line(None, 500, 100), "ETA 1min 38s");
        assert_eq!(sweep_line(&progress(Some(9), 0), None).rsplit_once("  ").unwrap().1, "ETA ?");
    }
}
