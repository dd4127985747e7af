//! A run's failure in words, for a person. Judges nothing.

use crate::base::Record;
use crate::world::Crash;
use crate::world::RunReport;
use crate::world::Trespass;
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
        Verdict::Nondeterminism(trespass) => trespass.headline(),
        Verdict::Misfit(misfit) => misfit.clone(),
        Verdict::Stopped => report.verdict.headline(),
        Verdict::Inert(entries) => format!("never landed: {}", entries.join(", ")),
    }
}

/// How many of the last events are shown.
const LAST_EVENTS: usize = 40;

/// Says that a task ran, which every other event says as well.
const POLLED: &str = "sim.polled";

/// The verdict with all that is known about it, and the last events before the end where the
/// verdict does not bring its own. Empty for a run that passed.
#[must_use]
pub fn describe(report: &RunReport) -> String {
    let mut text = match &report.verdict {
        Verdict::Pass | Verdict::Stopped => return String::new(),
        Verdict::Violation(_) => {
            violations(&report.verdict).iter().map(|found| found.report(&report.names)).collect()
        }
        Verdict::Liveness(liveness) => {
            let waiting = liveness.waiting.iter().map(|line| format!("  {line}\n"));
            format!("{}; waiting:\n{}", liveness.kind, waiting.collect::<String>())
        }
        Verdict::Crash(crash) => describe_crash(crash, &headline(report)),
        Verdict::Nondeterminism(trespass) => describe_trespass(trespass),
        Verdict::Misfit(misfit) => {
            format!("{misfit}\nRecord it anew: it belongs to one scenario, seed and version.\n")
        }
        Verdict::Inert(entries) => {
            let entries = entries.iter().map(|entry| format!("  {entry}\n"));
            format!("these script entries never landed:\n{}", entries.collect::<String>())
        }
    };
    if brings_events(&report.verdict) {
        return text;
    }
    let events: Vec<&Record> =
        report.last_events.iter().filter(|record| record.kind.name != POLLED).collect();
    let shown = &events[events.len().saturating_sub(LAST_EVENTS)..];
    if !shown.is_empty() {
        text.push_str("last events\n");
    }
    for record in shown {
        text.push_str(&format!("  {}\n", record.line(&report.names)));
    }
    text
}

/// Whether the last events would tell nothing more: a violation has those that concern it, and what
/// never landed left none.
fn brings_events(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Inert(_) | Verdict::Misfit(_) | Verdict::Nondeterminism(_) => true,
        _ => violations(verdict).iter().any(|found| !found.recent.is_empty()),
    }
}

fn describe_crash(crash: &Crash, headline: &str) -> String {
    let mut text = format!("{headline}\n");
    for line in crash.message.lines().skip(1) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&format!("  at          {}\n", crash.location));
    text.push_str(&format!("  spawned at  {}\n", crash.spawned_at));
    for line in crash.backtrace.to_string().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// A call that the strict seal refused, with who made it.
#[must_use]
pub fn describe_trespass(trespass: &Trespass) -> String {
    let Trespass { call, stack } = trespass;
    let mut text = format!(
        "{call} was called inside the simulation: what it gives is the host's, and another run may get another\n"
    );
    for function in stack {
        text.push_str(&format!("  by {function}\n"));
    }
    text.push_str("Take time, entropy and threads from the node's handle, or give the code what it needs from outside.\n");
    text
}

#[cfg(test)]
mod tests {
    use crate::base::{Nanos, NodeId, Record, Recorded};
    use crate::run::fake::{Tick, report, scenario, stuck};
    use crate::world::{Crash, RunOptions, RunReport, Stack, Trespass, Verdict};

    use super::{describe, headline};

    fn ended(verdict: Verdict) -> RunReport {
        let mut report = report(&scenario("a"), 1, &RunOptions::default(), &[]);
        report.names.nodes = vec!["c0".into()];
        report.last_events = (1..=100)
            .map(|seq| Record {
                at: Nanos::new(seq),
                seq,
                cause: 0,
                node: None,
                cpu: None,
                kind: Tick::TYPE,
                words: Tick { value: seq }.words(),
            })
            .collect();
        report.verdict = verdict;
        report
    }

    #[test]
    fn a_trespass_is_told_with_who_called() {
        let stack = vec!["roll_dice".to_owned(), "serve".to_owned()];
        let report = ended(Verdict::Nondeterminism(Trespass { call: "getrandom".into(), stack }));
        assert_eq!(headline(&report), "getrandom was called inside the simulation, by roll_dice");
        let text = describe(&report);
        assert!(text.contains("  by roll_dice\n  by serve\nTake time, entropy"), "{text}");
    }

    #[test]
    fn a_hang_is_told_with_who_waits_and_what_came_last() {
        let report = ended(stuck("io-never-returned"));
        assert_eq!(headline(&report), "io-never-returned (1 waiting)");
        let text = describe(&report);
        assert!(text.starts_with("io-never-returned; waiting:\n  c0 waits for t0\nlast events\n"));
        assert!(text.contains("fake.tick value=61\n") && text.ends_with("fake.tick value=100\n"));
        assert!(!text.contains("value=60\n"), "{text}");
    }

    #[test]
    fn a_crash_is_told_with_its_places_and_its_stack() {
        let report = ended(Verdict::Crash(Crash {
            node: NodeId::new(0),
            task: "serve",
            spawned_at: "src/a.rs:1".into(),
            at: Nanos::from_millis(3),
            message: "lost\nmy way".into(),
            location: "src/b.rs:2".into(),
            backtrace: Stack::Told("0: here".into()),
        }));
        assert_eq!(headline(&report), "c0 task `serve` panicked at 3ms: lost");
        let expected = "c0 task `serve` panicked at 3ms: lost\n  my way\n  at          src/b.rs:2\n  \
                        spawned at  src/a.rs:1\n  0: here\nlast events\n";
        assert!(describe(&report).starts_with(expected), "{}", describe(&report));
    }

    #[test]
    fn what_never_landed_is_named_and_nothing_else() {
        let report = ended(Verdict::Inert(vec!["script[0] disk.slow".into()]));
        assert_eq!(
            describe(&report),
            "these script entries never landed:\n  script[0] disk.slow\n"
        );
        assert_eq!(describe(&ended(Verdict::Pass)), "");
    }
}
