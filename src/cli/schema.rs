//! `schema`: the JSON Schema of the file formats.

use crate::run::ExitCode;
use crate::scenario::{schema_with, seed_file_schema_with};

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
    let schema = if args.seed_file { seed_file_schema_with } else { schema_with };
    let text = schema(context.words);
    context.console.data(|out| out.write_all(text.as_bytes()));
    ExitCode::Pass
}
