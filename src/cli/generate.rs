//! `generate`: the random scenario of a seed, printed.

use crate::run::ExitCode;
use crate::scenario::{Profile, generate as draw};

use super::entry::Context;
use super::sources::profile;

const AFTER_HELP: &str = "\
Examples:
  stormglass generate --seed 7
  stormglass generate --seed 7 --profile disks > x.json && stormglass run x.json --seed 7
  stormglass sweep --random --seeds 7..7               the same scenario and seed

The same seed and profile give the same scenario, byte for byte. Which kinds of faults it has at all, which \
operations, and whether amounts are usual or extreme is drawn first, so that each scenario is lopsided in \
its own way. Its faults keep within what the volumes promise to survive: if it fails, something is wrong. \
What such a scenario declares need not all land (`inert` is `allowed`).";

/// The options of `generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The seed that the scenario is drawn from
    #[arg(long, value_name = "N", default_value_t = 1, allow_hyphen_values = true)]
    seed: u64,
    /// What it is about: quick, disks, network, manager, crash or everything
    #[arg(long, value_name = "PROFILE", value_parser = profile, default_value_t = Profile::Everything)]
    profile: Profile,
}

pub(super) fn generate(args: &Args, context: &mut Context<'_>) -> ExitCode {
    let scenario = draw(args.seed, args.profile);
    let text = serde_json::to_string_pretty(&scenario).expect("a scenario is plain JSON");
    context.console.data(|out| writeln!(out, "{text}"));
    ExitCode::Pass
}
