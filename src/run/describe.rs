//! A run's failure in words, for a person. Judges nothing.

use crate::world::Crash;
use crate::world::RunReport;
use crate::world::Verdict;

use super::outcome::violations;

/// The verdict in one line.
#[must_use]
pub fn headline(report: &RunReport) -> String {
    let names = &report.names;
    match &report.verdict {
        Verdict::Pass => "every check held".to_owned(),
        Verdict::Violation(violations) => match violations.as_slice() {
            [] => "a violation without a description".to_owned(),
            [only] => format!("{} at {} at {}", only.signature(), only.place(names), only.at),
            [first, rest @ ..] => {
                let place = first.place(names);
                format!("{} at {place} at {}, and {} more", first.signature(), first.at, rest.len())
            }
        },
        Verdict::Liveness(report) => format!("{} ({} waiting)", report.kind, report.waiting.len()),
        Verdict::Crash(crash) => {
            let message = crash.message.lines().next().unwrap_or_default();
            let node = names.node(crash.node);
            format!("{node} task `{}` panicked at {}: {message}", crash.task, crash.at)
        }
        Verdict::Inert(entries) => format!("never landed: {}", entries.join(", ")),
    }
}

/// The verdict with all that is known about it, then the last events before the end.
/// Empty for a run that passed.
#[must_use]
pub fn describe(report: &RunReport) -> String {
    let mut text = match &report.verdict {
        Verdict::Pass => return String::new(),
        Verdict::Violation(_) => {
            violations(&report.verdict).iter().map(|found| found.report(&report.names)).collect()
        }
        Verdict::Liveness(liveness) => {
            let waiting = liveness.waiting.iter().map(|line| format!("  {line}\n"));
            format!("{}; waiting:\n{}", liveness.kind, waiting.collect::<String>())
        }
        Verdict::Crash(crash) => describe_crash(crash, &headline(report)),
        Verdict::Inert(entries) => {
            let entries = entries.iter().map(|entry| format!("  {entry}\n"));
            format!("these script entries never landed:\n{}", entries.collect::<String>())
        }
    };
    if !report.last_events.is_empty() {
        text.push_str("last events\n");
    }
    for record in &report.last_events {
        text.push_str(&format!("  {}\n", record.line(&report.names)));
    }
    text
}

fn describe_crash(crash: &Crash, headline: &str) -> String {
    let mut text = format!("{headline}\n");
    for line in crash.message.lines().skip(1) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&format!("  at          {}\n", crash.location));
    text.push_str(&format!("  spawned at  {}\n", crash.spawned_at));
    for line in crash.backtrace.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}
