//! A sweep as JUnit XML: a suite for each scenario, a case for each seed. Writes no file itself.

use std::io;
use std::io::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::run::{ExitCode, SeedResult, SweepReport};

/// Writes the report; `command` gives the command that runs a seed again.
pub(super) fn write_junit(
    out: &mut dyn Write,
    sweep: &SweepReport,
    command: impl Fn(&SeedResult) -> String,
) -> io::Result<()> {
    let mut junit = Report::new("stormglass");
    junit.set_time(sweep.elapsed);
    for (index, tally) in sweep.scenarios.iter().enumerate() {
        let mut suite = TestSuite::new(&tally.name);
        suite.set_time(tally.walls.sum());
        let of_scenario = sweep.results.iter().filter(|result| result.scenario == index);
        for result in of_scenario {
            suite.add_test_case(case(sweep, result, &command));
        }
        junit.add_test_suite(suite);
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn case(
    sweep: &SweepReport,
    result: &SeedResult,
    command: &impl Fn(&SeedResult) -> String,
) -> TestCase {
    let status = match result.outcome.exit_code() {
        ExitCode::Pass => TestCaseStatus::success(),
        code => failed(sweep, result, code, &command(result)),
    };
    let mut case = TestCase::new(format!("seed {}", result.seed), status);
    case.set_classname(&sweep.scenarios[result.scenario].name);
    case
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
