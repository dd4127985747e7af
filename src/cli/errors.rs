//! `errors`: the reports of errors that a run's controller left. Words none.

use std::path::PathBuf;

use clap::Subcommand;

use crate::run::ExitCode;

use super::entry::Context;
use super::report::Failure;
use super::subject::Subject;

const AFTER_HELP: &str = "\
Examples:
  stormglass errors list scenarios/control/x.json --seed 7
  stormglass errors show 00000000-00000-000003 scenarios/control/x.json --seed 7
  stormglass errors list seeds/violation-control-stored-differs-17.json

A run leaves no files behind: it is run again, and comes to the same reports. The exit code is 0 whatever the run came \
to, and 2 if there is no report of that id.";

/// The options of `errors`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What to do with the reports.
#[derive(Debug, Subcommand)]
enum What {
    /// Each report in a line: its id, when it was, what was said
    List(Of),
    /// One report in full
    Show {
        /// The report's id, as a line of the log or a reply names it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

/// The run whose reports are meant.
#[derive(Debug, clap::Args)]
struct Of {
    /// A seed file, or a scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed of a scenario file, 1 if not given; a seed file has its own
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seed: Option<u64>,
}

pub(super) fn errors(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let (What::List(of) | What::Show { of, .. }) = &args.what;
    let subject = Subject::of(&of.file, of.seed, (&context.program, context.words))?;
    let reports = subject.run(context.engine, None)?.report.errors;
    let What::Show { id, .. } = &args.what else {
        if reports.is_empty() {
            context.console.line("no error was reported");
        }
        for report in reports {
            let line = format!("{}  {}  {}", report.id, report.time(), report.headline());
            context.console.line(line);
        }
        return Ok(ExitCode::Pass);
    };
    let Some(report) = reports.iter().find(|report| report.id.to_string() == *id) else {
        let count = reports.len();
        return Err(Failure::Usage(format!(
            "{id}: the run left {count} reports, and none of that id: `errors list` shows them"
        )));
    };
    context.console.line(report.text.trim_end());
    Ok(ExitCode::Pass)
}
