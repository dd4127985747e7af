//! `explain`: a failure told in sentences. Judges nothing.

use std::path::PathBuf;

use crate::base::Bug;
use crate::check::Violation;
use crate::run::{ExitCode, Ran, Trial, Without, describe, headline, trials, violations};
use crate::view::tell;

use super::console::Console;
use super::entry::Context;
use super::list::about_check;
use super::report::Failure;
use super::subject::{Seen, Subject};

const AFTER_HELP: &str = "\
Examples:
  stormglass explain seeds/violation-linear-stale-read-17.json
  stormglass explain scenarios/raid1/x.json --seed 7

It says what was promised and what was found, what became of the operations that the failure names on every leg, \
and which faults it took: the seed is run again without each of them. The exit code is 0 whatever the run came to.";

/// The options of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A seed file, or a scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed of a scenario file, 1 if not given; a seed file has its own
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seed: Option<u64>,
}

pub(super) fn explain(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let subject = Subject::of(&args.file, args.seed, (&context.program, context.words))?;
    let ran = subject.run(context.engine, None)?;
    let seen = Seen::of(&subject, &ran);
    let console = &mut *context.console;
    let outcome = ran.judgement.outcome.name();
    let name = &subject.scenario.name;
    console.line(format_args!("{name} seed {}: {outcome}, {}", subject.seed, seen.headline));
    let found = violations(&ran.report.verdict);
    match found.first() {
        Some(violation) => {
            promise(console, violation);
            let story = tell(&seen.scene(), violation);
            if !story.is_empty() {
                let place = violation.place(&ran.report.names);
                console.line(format_args!("\nWhat happened to {place}"));
            }
            for sentence in story {
                let at = sentence.at.to_string();
                console.line(format_args!("  {at:>14}  {}", sentence.text));
            }
            let at = violation.at.to_string();
            console.line(format_args!("  {at:>14}  {}", violation.signature()));
        }
        None if ran.judgement.signature.is_some() => {
            console.line(format_args!("\nWhat was found\n{}", indented(&describe(&ran.report))));
        }
        None => {}
    }
    if ran.judgement.signature.is_some() {
        let trials = trials(context.engine, &subject.scenario, subject.seed);
        causes(context.console, &ran, &trials.map_err(Failure::Harness)?);
    }
    context.console.line(format_args!("\nTo look at:\n  {}", {
        let seed = subject.replay.contains(" run ").then_some(subject.seed);
        super::view::command(&context.program, &args.file, seed)
    }));
    Ok(ExitCode::Pass)
}

fn promise(console: &mut Console, violation: &Violation) {
    let check = violation.check.name();
    console.line(format_args!("\nWhat was promised\n  {check}: {}", about_check(check)));
    console.line("\nWhat was found");
    console.line(format_args!("  found     {}", violation.found));
    console.line(format_args!("  expected  {}", violation.expected));
    for (index, line) in violation.detail.iter().enumerate() {
        let label = if index == 0 { "because" } else { "" };
        console.line(format_args!("  {label:<9} {line}"));
    }
}

fn indented(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Which faults it took, as far as one seed can tell.
fn causes(console: &mut Console, ran: &Ran, trials: &[Trial]) {
    if trials.is_empty() {
        return console.line("\nNo fault was needed: the scenario has none");
    }
    console.line("\nWhat it took, as this seed shows when it is run without");
    let signature = ran.judgement.signature.as_ref();
    for trial in trials {
        let without = match &trial.without {
            Without::Entry(entry, action) => format!("script[{entry}] {action}"),
            Without::Bug(bug) => {
                let about = Bug::of_name(bug).map_or("", Bug::about);
                format!("the bug {bug} ({about})")
            }
        };
        let outcome = trial.outcome.name();
        let verdict = match &trial.signature {
            _ if trial.fails_alike(signature) => "not needed: it fails in the same way".to_owned(),
            None => format!("needed: the run ends with {outcome}"),
            Some(other) => format!("needed for this failure: the run ends with {other}"),
        };
        console.line(format_args!("  {without}: {verdict}"));
    }
    if trials.iter().all(|trial| trial.fails_alike(signature)) {
        console.line(format_args!("  no one of them: {}", headline(&ran.report)));
    }
}
