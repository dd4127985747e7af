//! The command line as types: its verbs and what they have in common. Each verb's own options are in
//! its own file.

use clap::{Parser, Subcommand};

const ABOUT: &str = "Runs a whole storage cluster inside one deterministic simulation and hunts for data corruption.";

const LONG_ABOUT: &str = "\
Runs a whole storage cluster inside one deterministic simulation and hunts for data corruption.

A scenario (a JSON file) says which cluster, which IO and which faults; a 64-bit seed decides \
everything else. The same scenario and seed give the same run to the last bit, on any machine.";

const AFTER_HELP: &str = "\
Examples:
  stormglass sweep scenarios            every scenario with 100 seeds, on all cores
  stormglass sweep --random             another scenario for each seed
  stormglass run x.json --seed 7        one seed of one scenario, told in full
  stormglass replay seeds/x-7.json      a saved failure again, to the last bit
  stormglass debug seeds/x-7.json       stand at the failure, look around, go back
  stormglass view seeds/x-7.json --html x.html   and a picture of it

Exit codes (a sweep gives the lowest of its failures'):
   0  pass
   2  usage, or an output that cannot be written
   3  bad scenario or seed file
  10  safety violation
  11  liveness failure: something never came to its end
  12  nondeterminism: two runs of one seed differ
  13  inert: a scenario did not do what it declares, or not the failure that it expects,
      or a required probe was never reached
  14  crash of node code, or of stormglass itself";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "stormglass",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one seed of a scenario and tell what happened
    Run(super::run::Args),
    /// Run scenarios over many seeds on all cores and group what fails
    Sweep(super::sweep::Args),
    /// Tell the state files of a sweep's parts as one sweep
    Merge(super::merge::Args),
    /// Run a saved failure again and say whether it is the same to the last bit
    Replay(super::replay::Args),
    /// Make a saved failure as small as it goes while it stays the same failure
    Shrink(super::shrink::Args),
    /// Lead a run forwards and backwards at a prompt, look inside, try faults
    Debug(super::debug::Args),
    /// Write a run as something to look at: a page, a trace for Perfetto, text
    View(super::view::Args),
    /// Tell a failure in sentences, and which faults it took
    Explain(super::explain::Args),
    /// Run a target or the manager outside the simulation, over TCP and on files
    #[cfg(unix)]
    Serve(super::serve::ServeArgs),
    /// Attach a volume of such a cluster and serve it to this host over NBD
    #[cfg(unix)]
    Attach(super::serve::AttachArgs),
    /// List or show the reports of errors that a run's controller left
    Errors(super::errors::Args),
    /// Check that runs are deterministic, and name the first event that differs
    Prove(super::prove::Args),
    /// Plant bugs and say which check finds each (needs the feature `planted-bugs`)
    Hunt(super::hunt::Args),
    /// Print the random scenario of a seed
    Generate(super::generate::Args),
    /// Check scenario and seed files without running them
    Validate(super::validate::Args),
    /// Print the JSON Schema of scenario files, for editors
    Schema(super::schema::Args),
    /// List scenarios, faults, conditions, checks, layouts, probes or bugs
    List(super::list::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_and_option_is_explained() {
        for verb in Cli::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            assert!(verb.get_after_help().is_some(), "{} has no example", verb.get_name());
            for option in verb.get_arguments() {
                let explained = option.get_help().is_some_and(|help| !help.to_string().is_empty());
                assert!(explained, "{} {}", verb.get_name(), option.get_id());
            }
        }
    }
}
