//! A sweep as JUnit XML: a suite for each scenario, a case for each seed. Writes no file itself.

use std::io;
use std::io::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::run::{ExitCode, Outcome, SeedResult, SweepReport};

use super::summary::Summary;

/// Writes the report. A seed that the host stopped is a case that was skipped.
pub(super) fn write_junit(out: &mut dyn Write, summary: &Summary<'_>) -> io::Result<()> {
    let sweep = summary.report;
    let mut junit = Report::new("stormglass");
    junit.set_time(sweep.elapsed);
    for (index, tally) in sweep.scenarios.iter().enumerate() {
        let mut suite = TestSuite::new(&tally.name);
        suite.set_time(tally.walls.sum());
        if let Some(origin) = &summary.origin {
            suite.add_property(("seeds_from", origin.name.as_str()));
            suite.add_property(("seeds", origin.seeds.to_string().as_str()));
        }
        let of_scenario = sweep.results.iter().filter(|result| result.scenario == index);
        for result in of_scenario {
            suite.add_test_case(case(summary, result));
        }
        junit.add_test_suite(suite);
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn case(summary: &Summary<'_>, result: &SeedResult) -> TestCase {
    let sweep = summary.report;
    let status = match (result.outcome, result.outcome.exit_code()) {
        (Outcome::StuckHost, _) => stuck(sweep, result),
        (_, ExitCode::Pass) => TestCaseStatus::success(),
        (_, code) => failed(sweep, result, code, &summary.places.command(result)),
    };
    let mut case = TestCase::new(format!("seed {}", result.seed), status);
    case.set_classname(&sweep.scenarios[result.scenario].name);
    case
}

fn stuck(sweep: &SweepReport, result: &SeedResult) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    let mut known = sweep.stuck.iter();
    let stuck = known.find(|it| (it.scenario, it.seed) == (result.scenario, result.seed));
    status.set_message(stuck.map_or("", |stuck| stuck.why.as_str()));
    status.set_type(result.outcome.name());
    status
}

fn failed(
    sweep: &SweepReport,
    result: &SeedResult,
    code: ExitCode,
    command: &str,
) -> TestCaseStatus {
    let kind = match code {
        ExitCode::Crash => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    };
    let group =
        sweep.groups.iter().find(|group| Some(&group.signature) == result.signature.as_ref());
    let known = group.and_then(|group| {
        [&group.fastest, &group.first].into_iter().find(|known| known.result == *result)
    });
    let report = known.map_or("", |known| known.report.as_str());
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(result.signature.as_ref().map_or("", |signature| signature.as_str()));
    status.set_type(result.outcome.name());
    status.set_description(format!("{report}to replay: {command}\n"));
    status
}
