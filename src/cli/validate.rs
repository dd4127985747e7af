//! `validate`: scenario and seed files checked without running them.

use std::path::{Path, PathBuf};

use crate::run::ExitCode;
use crate::scenario::{Scenario, Words, discover, load_with, notes};

use super::entry::Context;
use super::figures::counted;
use super::report::Failure;
use super::sources::{is_seed_file, seed_file};

const AFTER_HELP: &str = "\
Examples:
  stormglass validate my-scenario.json
  stormglass validate scenarios

All errors of all files are shown at once, each with file, line, column, JSON path, what was found, \
what was expected and the nearest valid name. The exit code is 3 when there is any. Of a trace that \
is replayed it is said what becomes of it.";

/// The options of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Scenario files, seed files, or directories that hold some
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

pub(super) fn validate(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let files = discover(&args.paths).map_err(Failure::Paths)?;
    let mut bad = 0;
    for path in &files {
        match check(path, context.words) {
            Ok(scenario) => {
                for note in notes(&scenario) {
                    context.console.note(format_args!("{}: {note}", path.display()));
                }
            }
            Err(failure) => {
                failure.show(context.console);
                bad += 1;
            }
        }
    }
    if bad == 0 {
        context.console.line(format_args!("{}: no error", counted(files.len() as u64, "file")));
        return Ok(ExitCode::Pass);
    }
    let files = counted(files.len() as u64, "file");
    context.console.note(format_args!("{bad} of {files} cannot be used"));
    Ok(ExitCode::BadFile)
}

fn check(path: &Path, words: &Words) -> Result<Scenario, Failure> {
    match load_with(path, words) {
        Ok(scenario) => Ok(scenario),
        Err(error) if is_seed_file(&error) => seed_file(path, words).map(|file| file.scenario),
        Err(error) => Err(Failure::Files(vec![error])),
    }
}
