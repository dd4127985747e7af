//! From the words of the command line to a verb and back to an exit code. Does no verb's work.

use std::ffi::OsString;

use clap::Parser;

use crate::run::{Engine, ExitCode};
use crate::scenario::{Scenario, Words};
use crate::world::{RunOptions, simulate};

use super::args::{Cli, Command};
use super::console::Console;
use super::report::Failure;
use super::{
    debug, errors, explain, generate, hunt, list, merge, prove, replay, run, schema, shrink, sweep,
    validate, view,
};

/// What a verb works with.
pub(super) struct Context<'a> {
    /// What runs one simulation.
    pub(super) engine: &'a Engine<'a>,
    /// What scenarios may say beside the words of the format.
    pub(super) words: &'a Words,
    /// Where text goes.
    pub(super) console: &'a mut Console,
    /// How the program was called, for commands that a person is to copy.
    pub(super) program: String,
    /// The variables of the environment by which an engine says which part of the work is this process's.
    /// Nothing else may come from there.
    pub(super) variables: Variables,
}

/// What a variable of the environment holds.
pub(super) type Variables = fn(&str) -> Option<String>;

/// The program: reads the process's arguments and runs simulations of the reference cluster.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let arguments = std::env::args_os().collect();
    main_on(Console::standard(), arguments, (&simulate, &Words::default()), variable).into()
}

/// The program with these arguments (the first is its own name) for scenarios that may have these words beside those of the
/// format: they are in the schema and in what is listed, and every verb knows them.
///
/// A scenario that was drawn has none of them in its script; the checks that they add hold it, too.
pub fn main_with_words(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    words: &Words,
) -> ExitCode {
    let arguments = arguments.into_iter().map(Into::into).collect();
    let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
        if scenario.words.is_some() {
            return simulate(scenario, seed, options);
        }
        simulate(&Scenario { words: words.clone(), ..scenario.clone() }, seed, options)
    };
    main_on(Console::standard(), arguments, (&engine, words), variable)
}

/// The program with these arguments (the first is its own name) on this engine, so that whoever
/// brings their own world has the same command line. Verbs that lead the reference cluster themselves (`debug`, `hunt`, `serve`, `attach`),
/// and scenarios that are drawn for it (`--random`), are refused.
pub fn main_with(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    engine: &Engine<'_>,
) -> ExitCode {
    let arguments = arguments.into_iter().map(Into::into).collect();
    let context = (engine, &Words::default());
    main_of(Console::standard(), arguments, context, (variable, true))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an engine of many processes says which part is whose; no run sees it"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The same with its text going elsewhere (but for usage errors and help).
pub(super) fn main_on(
    console: Console,
    arguments: Vec<OsString>,
    with: (&Engine<'_>, &Words),
    variables: Variables,
) -> ExitCode {
    main_of(console, arguments, with, (variables, false))
}

/// The same, on somebody's own engine if that is so.
pub(super) fn main_of(
    mut console: Console,
    arguments: Vec<OsString>,
    (engine, words): (&Engine<'_>, &Words),
    (variables, is_own_engine): (Variables, bool),
) -> ExitCode {
    let program = program_name(arguments.first());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody may be listening any more; there is nothing left to do about it.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Pass };
        }
    };
    let allowed = if is_own_engine { refused(&cli.command) } else { Ok(()) };
    let mut context = Context { engine, words, console: &mut console, program, variables };
    let code =
        allowed.and_then(|()| dispatch(cli.command, &mut context)).unwrap_or_else(|failure| {
            failure.show(&mut console);
            failure.exit_code()
        });
    console.finish(code)
}

/// Refuses what would be done by the reference cluster, and would look as if somebody's own engine had done it.
fn refused(command: &Command) -> Result<(), Failure> {
    let verb = match command {
        Command::Debug(_) => "`debug`",
        Command::Hunt(_) => "`hunt`",
        #[cfg(unix)]
        Command::Serve(_) => "`serve`",
        #[cfg(unix)]
        Command::Attach(_) => "`attach`",
        Command::Sweep(args) if args.is_random() => "`sweep --random`",
        _ => return Ok(()),
    };
    Err(Failure::Usage(format!(
        "{verb} is about the reference cluster, and this program runs simulations by an engine of its own: nothing of that would be looked at"
    )))
}

fn dispatch(command: Command, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => run::run(&args, context),
        Command::Sweep(args) => sweep::sweep(&args, context),
        Command::Merge(args) => merge::merge(&args, context),
        Command::Replay(args) => replay::replay(&args, context),
        Command::Debug(args) => debug::debug(&args, context),
        Command::View(args) => view::view(&args, context),
        Command::Explain(args) => explain::explain(&args, context),
        Command::Errors(args) => errors::errors(&args, context),
        #[cfg(unix)]
        Command::Serve(args) => super::serve::serve(&args, context),
        #[cfg(unix)]
        Command::Attach(args) => super::serve::attach(&args, context),
        Command::Prove(args) => prove::prove(&args, context),
        Command::Hunt(args) => hunt::hunt(&args, context),
        Command::Validate(args) => validate::validate(&args, context),
        Command::Shrink(args) => shrink::shrink(&args, context),
        Command::Generate(args) => Ok(generate::generate(&args, context)),
        Command::Schema(args) => Ok(schema::schema(&args, context)),
        Command::List(args) => list::list(&args, context),
    }
}

/// How the program was called, as short as it still works from here.
fn program_name(first: Option<&OsString>) -> String {
    let Some(name) = first else { return "stormglass".to_owned() };
    let path = std::path::Path::new(name);
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    super::figures::quoted(below.unwrap_or(path))
}
