//! Results as JSON. Holds nothing that depends on the host or on timing.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde::Serialize;

use crate::base::Names;
use crate::check::Violation;
use crate::run::{FailedSeed, FailureGroup, Ran, SeedResult, Signature, SweepReport, violations};
use crate::scenario::Digest;
use crate::view::Stats;
use crate::world::PROBES;

use super::summary::Summary;

#[derive(Serialize)]
struct RunObject<'a> {
    scenario: &'a str,
    seed: u64,
    outcome: &'a str,
    signature: Option<&'a str>,
    digest: Digest,
    virtual_ns: u64,
    ops: u64,
    reboots: u64,
    faults: u64,
    probes: BTreeMap<&'a str, u64>,
    violations: Vec<ViolationObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<&'a Stats>,
}

#[derive(Serialize)]
struct ViolationObject<'a> {
    check: &'a str,
    kind: &'a str,
    volume: Option<String>,
    disk: Option<String>,
    block: Option<u64>,
    component: &'a str,
    ops: Vec<u64>,
    at_ns: u64,
    found: &'a str,
    expected: &'a str,
    detail: &'a [String],
}

fn violation<'a>(violation: &'a Violation, names: &Names) -> ViolationObject<'a> {
    ViolationObject {
        check: violation.check.name(),
        kind: violation.kind,
        volume: violation.volume.map(|volume| names.volume(volume)),
        disk: violation.disk.map(|disk| names.disk(disk)),
        block: violation.block,
        component: &violation.component,
        ops: violation.ops.iter().map(|op| op.get()).collect(),
        at_ns: violation.at.get(),
        found: &violation.found,
        expected: &violation.expected,
        detail: &violation.detail,
    }
}

/// Writes one run as one object on one line.
pub(super) fn write_run(out: &mut dyn Write, ran: &Ran, stats: Option<&Stats>) -> io::Result<()> {
    let (report, judgement) = (&ran.report, &ran.judgement);
    let found = violations(&report.verdict).iter();
    let object = RunObject {
        scenario: &report.scenario,
        seed: report.seed,
        outcome: judgement.outcome.name(),
        signature: judgement.signature.as_ref().map(Signature::as_str),
        digest: Digest(report.digest),
        virtual_ns: report.virtual_time.get(),
        ops: report.ops,
        reboots: report.reboots,
        faults: report.faults,
        probes: report.probes.iter().map(|(name, count)| (name.as_str(), *count)).collect(),
        violations: found.map(|found| violation(found, &report.names)).collect(),
        stats,
    };
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct SeedObject<'a> {
    scenario: &'a str,
    seed: u64,
    outcome: &'a str,
    signature: Option<&'a str>,
    digest: Digest,
    virtual_ns: u64,
    ops: u64,
    reboots: u64,
    faults: u64,
    events: u64,
}

#[derive(Serialize)]
struct FailureObject<'a> {
    signature: &'a str,
    outcome: &'a str,
    count: u64,
    scenarios: BTreeMap<&'a str, u64>,
    first: ExampleObject<'a>,
    fastest: ExampleObject<'a>,
}

#[derive(Serialize)]
struct ExampleObject<'a> {
    scenario: &'a str,
    seed: u64,
    events: u64,
    headline: &'a str,
}

#[derive(Serialize)]
struct ScenarioObject<'a> {
    scenario: &'a str,
    seeds: u64,
    failures: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<u64>,
    ops: u64,
    reboots: u64,
    virtual_ns: u64,
}

#[derive(Serialize)]
struct OriginObject<'a> {
    name: &'a str,
    first: u64,
    last: u64,
}

/// Writes a sweep as one object: every seed's result on a line of its own, in the order of
/// scenarios and seeds, then the scenarios, then the failures in the order of their signatures, then how often each
/// probe was reached. Where the seeds are those of a name, that comes first.
pub(super) fn write_sweep(out: &mut dyn Write, summary: &Summary<'_>) -> io::Result<()> {
    let report = summary.report;
    out.write_all(b"{")?;
    if let Some(origin) = &summary.origin {
        let (first, last) = (origin.seeds.first(), origin.seeds.last());
        out.write_all(b"\"seeds_from\":")?;
        serde_json::to_writer(&mut *out, &OriginObject { name: &origin.name, first, last })?;
        out.write_all(b",\n")?;
    }
    out.write_all(b"\"results\":")?;
    write_lines(out, report.results.iter().map(|result| seed(result, report)))?;
    out.write_all(b",\n\"scenarios\":")?;
    let scenarios = report.scenarios.iter().map(|tally| ScenarioObject {
        scenario: &tally.name,
        seeds: tally.seeds,
        failures: tally.failures,
        stuck: (tally.stuck > 0).then_some(tally.stuck),
        ops: tally.ops,
        reboots: tally.reboots,
        virtual_ns: tally.virtual_time.get(),
    });
    write_lines(out, scenarios)?;
    out.write_all(b",\n\"failures\":")?;
    write_lines(out, report.groups.iter().map(|group| failure(group, report)))?;
    let zeroes = PROBES.iter().map(|probe| (probe.name, 0));
    let reached = report.probes.iter().map(|(name, count)| (name.as_str(), *count));
    let probes: BTreeMap<&str, u64> = zeroes.chain(reached).collect();
    out.write_all(b",\n\"probes\":")?;
    serde_json::to_writer(&mut *out, &probes)?;
    writeln!(out, ",\n\"exit_code\":{}}}", report.exit_code() as u8)
}

fn write_lines(
    out: &mut dyn Write,
    objects: impl Iterator<Item = impl Serialize>,
) -> io::Result<()> {
    let mut between = "[\n";
    for object in objects {
        out.write_all(between.as_bytes())?;
        serde_json::to_writer(&mut *out, &object)?;
        between = ",\n";
    }
    out.write_all(if between == "[\n" { b"[]" } else { b"\n]" })
}

fn seed<'a>(result: &'a SeedResult, report: &'a SweepReport) -> SeedObject<'a> {
    SeedObject {
        scenario: &report.scenarios[result.scenario].name,
        seed: result.seed,
        outcome: result.outcome.name(),
        signature: result.signature.as_ref().map(Signature::as_str),
        digest: Digest(result.digest),
        virtual_ns: result.virtual_time.get(),
        ops: result.ops,
        reboots: result.reboots,
        faults: result.faults,
        events: result.events,
    }
}

fn failure<'a>(group: &'a FailureGroup, report: &'a SweepReport) -> FailureObject<'a> {
    let name = |scenario: usize| report.scenarios[scenario].name.as_str();
    let example = |failed: &'a FailedSeed| ExampleObject {
        scenario: name(failed.result.scenario),
        seed: failed.result.seed,
        events: failed.result.events,
        headline: &failed.headline,
    };
    FailureObject {
        signature: group.signature.as_str(),
        outcome: group.first.result.outcome.name(),
        count: group.count(),
        scenarios: group.seeds.iter().map(|(scenario, count)| (name(*scenario), *count)).collect(),
        first: example(&group.first),
        fastest: example(&group.fastest),
    }
}
