//! `schema`: the JSON Schema of the file formats.

use crate::run::ExitCode;
use crate::scenario::{schema as scenario_schema, seed_file_schema};

use super::entry::Context;

const AFTER_HELP: &str = "\
Examples:
  stormglass schema > scenarios/schema.json
  stormglass schema --seed-file

A scenario that says `\"$schema\": \"../schema.json\"` is completed and checked by most editors.";

/// The options of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Print the schema of seed files instead
    #[arg(long)]
    seed_file: bool,
}

pub(super) fn schema(args: &Args, context: &mut Context<'_>) -> ExitCode {
    let text = if args.seed_file { seed_file_schema() } else { scenario_schema() };
    context.console.data(|out| out.write_all(text.as_bytes()));
    ExitCode::Pass
}
