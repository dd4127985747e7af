//! Parts of one sweep as one report. Runs nothing: what parts disagree about is a failure of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use super::outcome::Judgement;
use super::tally::{FailureText, SeedRun, SweepReport, Tally};

/// What several parts come to.
#[derive(Clone, Debug)]
pub struct Merged {
    /// As of one sweep that did all of it; its wall time is that of one core for all seeds.
    pub report: SweepReport,
    /// How many seeds were in more than one part.
    pub overlapping: u64,
}

/// Adds up the seeds of several parts of one sweep of these scenarios. A seed that is in more than one part
/// counts once; where parts differ about it, it is not deterministic. What the host stopped in one part
/// counts as another has it.
#[must_use]
pub fn merge(
    names: Vec<String>,
    runs: impl IntoIterator<Item = SeedRun>,
    required: &[String],
) -> Merged {
    let mut seeds: BTreeMap<(u64, usize), SeedRun> = BTreeMap::new();
    let mut overlapping = 0;
    for run in runs {
        match seeds.entry(run.turn()) {
            Entry::Vacant(free) => {
                free.insert(run);
            }
            Entry::Occupied(mut taken) => {
                overlapping += 1;
                let name = &names[run.result.scenario];
                reconcile(taken.get_mut(), run, name);
            }
        }
    }
    let mut tally = Tally::new(names.into_iter(), true);
    seeds.into_values().for_each(|run| tally.add(run));
    let mut report = tally.finish();
    report.require(required);
    report.elapsed = report.scenarios.iter().map(|tally| tally.walls.sum()).sum::<Duration>();
    Merged { report, overlapping }
}

/// Makes one of two runs of a seed.
fn reconcile(known: &mut SeedRun, other: SeedRun, scenario: &str) {
    if other.stuck.is_some() {
        return;
    }
    if known.stuck.is_some() {
        *known = other;
        return;
    }
    known.rechecked |= other.rechecked;
    if known.result == other.result {
        let says_more = |run: &SeedRun| run.failure.as_ref().map_or(0, |text| text.report.len());
        if says_more(&other) > says_more(known) {
            known.failure = other.failure;
        }
        return;
    }
    let headline = "two parts differ about one seed".to_owned();
    let line = |run: &SeedRun| {
        let result = &run.result;
        format!("  {:032x} {}, {} records\n", result.digest, result.outcome, result.events)
    };
    let report = format!("{headline}\n{}{}", line(known), line(&other));
    let judgement = Judgement::nondeterminism(scenario);
    known.result.outcome = judgement.outcome;
    known.result.signature = judgement.signature;
    known.failure = Some(FailureText { headline, report });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::base::Nanos;
    use crate::run::outcome::{ExitCode, Outcome, Signature};
    use crate::run::tally::{FailureText, SeedResult, SeedRun};

    use super::{Merged, merge};

    fn run(seed: u64, digest: u128) -> SeedRun {
        let result = SeedResult {
            scenario: 0,
            seed,
            outcome: Outcome::Pass,
            signature: None,
            digest,
            virtual_time: Nanos::from_millis(1),
            ops: 10,
            reboots: 0,
            faults: 0,
            events: 100,
        };
        let (probes, wall) = (vec![("rare".to_owned(), 2)], Duration::from_millis(3));
        SeedRun { result, failure: None, stuck: None, probes, wall, rechecked: false }
    }

    fn failed(seed: u64, report: &str) -> SeedRun {
        let mut run = run(seed, 9);
        run.result.outcome = Outcome::Liveness;
        run.result.signature = Some(Signature::of_text("liveness/hangs"));
        run.failure = Some(FailureText { headline: "hangs".into(), report: report.into() });
        run
    }

    fn stuck(seed: u64) -> SeedRun {
        let mut run = run(seed, 0);
        run.result.outcome = Outcome::StuckHost;
        run.stuck = Some("too long".into());
        run
    }

    fn merged(runs: Vec<SeedRun>) -> Merged {
        merge(vec!["a".to_owned()], runs, &[])
    }

    #[test]
    fn what_parts_agree_about_counts_once() {
        let Merged { report, overlapping } =
            merged(vec![run(1, 5), failed(2, ""), run(1, 5), failed(2, "all of it"), run(3, 7)]);
        assert_eq!((report.seeds(), report.failures(), overlapping), (3, 1, 2));
        assert_eq!(report.groups[0].first.report, "all of it");
        assert_eq!(report.probes["rare"], 6);
        assert_eq!(report.elapsed, Duration::from_millis(9));
        assert_eq!(report.exit_code(), ExitCode::Liveness);
    }

    #[test]
    fn what_parts_differ_about_is_not_deterministic() {
        let Merged { report, .. } = merged(vec![run(1, 5), run(2, 5), run(1, 6)]);
        assert_eq!(report.exit_code(), ExitCode::Nondeterminism);
        let group = &report.groups[0];
        assert_eq!((group.signature.as_str(), group.count()), ("nondeterminism/a", 1));
        let digests = "  00000000000000000000000000000005 pass, 100 records\n  \
                       00000000000000000000000000000006 pass, 100 records\n";
        assert!(group.first.report.ends_with(digests), "{}", group.first.report);
    }

    #[test]
    fn what_the_host_stopped_counts_as_another_part_has_it() {
        for runs in [vec![stuck(1), run(1, 5)], vec![run(1, 5), stuck(1)]] {
            let report = merged(runs).report;
            assert_eq!((report.seeds(), report.stuck.len()), (1, 0));
            assert_eq!(report.exit_code(), ExitCode::Pass);
        }
        let report = merged(vec![stuck(1), stuck(2)]).report;
        assert_eq!(report.exit_code(), ExitCode::Inert, "nothing is known of the scenario");
        assert_eq!(merged(vec![stuck(1), run(2, 5)]).report.exit_code(), ExitCode::Pass);
    }

    #[test]
    fn a_probe_has_to_be_reached_in_one_part() {
        let required = ["rare".to_owned(), "rarer".to_owned()];
        let report = merge(vec!["a".to_owned()], vec![run(1, 5)], &required).report;
        assert_eq!(report.unreached, ["rarer"]);
    }
}
