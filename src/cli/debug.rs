//! `debug`: a live simulation at a prompt, or led by a file of orders.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::debug::{Debugger, Order, Trouble};
use crate::run::ExitCode;
use crate::scenario::{LoadError, Scenario, Words, load_with};

use super::console::Console;
use super::entry::Context;
use super::prompt::{Line, Prompt};
use super::report::Failure;
use super::sources::{is_seed_file, scenario, seed_file};

const AFTER_HELP: &str = "\
Examples:
  stormglass debug seeds/violation-linear-stale-read-17.json   stand at the failure
  stormglass debug x.json --seed 7                             any run; `--from-start` to lead it from there
  stormglass debug x.json --seed 7 --commands orders.txt --json | jq .

At the prompt `help` lists the orders: step, next, continue, until, back, reverse-continue, break, events, \
why, tasks, block, volume, mirrors, do, export and others. An empty line does the last one again. Going \
back runs the seed again to an earlier turn; its digest proves that it is the same run.

With --commands, orders are read from a file (`-` is standard input), one a line; the exit code is 2 if one \
of them could not be done. With --json each answer is one object a line: `order`, and `answer` or `error`.";

/// The options of `debug`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A seed file, or a scenario file
    #[arg(value_name = "SEEDFILE or FILE")]
    file: PathBuf,
    /// The seed, for a scenario file: a whole number from 0 to 2^64 - 1
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seed: Option<u64>,
    /// Do what FILE says, an order a line, instead of asking
    #[arg(long, value_name = "FILE")]
    commands: Option<PathBuf>,
    /// Answer with one JSON object a line
    #[arg(long)]
    json: bool,
    /// Stand at the beginning instead of the first failure or the end
    #[arg(long)]
    from_start: bool,
}

pub(super) fn debug(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let (scenario, seed) = source(args, context.words)?;
    let commands = args.commands.as_deref().map(orders).transpose()?;
    let mut talk = Talk::new(scenario, seed, args.json);
    if !args.from_start {
        talk.tell(context.console, "continue");
    }
    match commands {
        Some(lines) => {
            let done = lines.iter().filter(|line| talk.tell(context.console, line) == Said::No);
            let refused = done.count();
            Ok(if refused == 0 { ExitCode::Pass } else { ExitCode::Usage })
        }
        None => {
            converse(&mut talk, context.console);
            Ok(ExitCode::Pass)
        }
    }
}

/// Offers the prompt where a run has just failed, if a person is there to answer.
pub(super) fn offer(console: &mut Console, scenario: &Scenario, seed: u64) {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return;
    }
    console.line("Debug it here? [y/N]");
    console.show();
    let mut answer = String::new();
    let said = std::io::stdin().lock().read_line(&mut answer).is_ok();
    if said && answer.trim().eq_ignore_ascii_case("y") {
        let mut talk = Talk::new(scenario.clone(), seed, false);
        talk.tell(console, "continue");
        converse(&mut talk, console);
    }
}

/// The scenario and the seed that the command line names.
fn source(args: &Args, words: &Words) -> Result<(Scenario, u64), Failure> {
    match load_with(&args.file, words) {
        Ok(scenario) => Ok((scenario, args.seed.unwrap_or(1))),
        Err(error) if is_seed_file(&error) => {
            if args.seed.is_some() {
                return Err(Failure::Usage("a seed file has its seed: leave out --seed".into()));
            }
            let file = seed_file(&args.file, words)?;
            Ok((file.scenario, file.seed))
        }
        Err(_) => {
            let files = |error: LoadError| Failure::Files(vec![error]);
            scenario(&args.file, words).map(|scenario| (scenario, 1)).map_err(files)
        }
    }
}

fn orders(path: &Path) -> Result<Vec<String>, Failure> {
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| {
        Failure::Usage(format!("{}: the orders cannot be read ({error})", path.display()))
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Done, or nothing to do.
    Yes,
    /// Not understood, or not possible.
    No,
    /// It was to leave.
    Farewell,
}

/// A conversation with the debugger.
struct Talk {
    debugger: Debugger,
    json: bool,
    left: bool,
}

impl Talk {
    fn new(scenario: Scenario, seed: u64, json: bool) -> Self {
        Self { debugger: Debugger::new(scenario, seed), json, left: false }
    }

    /// Does a line and shows the answer. Once it was told to leave it does nothing.
    fn tell(&mut self, console: &mut Console, line: &str) -> Said {
        if self.left {
            return Said::Yes;
        }
        let (answer, data) = match Order::read(line) {
            Ok(None) => return Said::Yes,
            Ok(Some(Order::Quit)) => {
                self.left = true;
                return Said::Farewell;
            }
            Ok(Some(order)) => match self.debugger.obey(&order) {
                Ok(answer) => (Ok(answer.text), answer.data),
                Err(error) => (Err(error), json!(null)),
            },
            Err(Trouble::Help(text)) => (Ok(text.clone()), json!({ "help": text })),
            Err(Trouble::Unclear(text)) => {
                (Err(format!("{text}\n`help` lists the orders")), json!(null))
            }
        };
        let said = if answer.is_ok() { Said::Yes } else { Said::No };
        match (self.json, answer) {
            (true, Ok(_)) => console.line(json!({ "order": line.trim(), "answer": data })),
            (true, Err(error)) => console.line(json!({ "order": line.trim(), "error": error })),
            (false, Ok(text)) => console.line(text),
            (false, Err(error)) => console.line(format_args!("error: {error}")),
        }
        console.show();
        said
    }
}

/// Asks for orders until there are no more.
fn converse(talk: &mut Talk, console: &mut Console) {
    let mut prompt = Prompt::new(Order::words(), talk.debugger.names());
    let mut last = String::new();
    loop {
        let at = talk.debugger.position().at;
        match prompt.ask(&format!("{at}> ")) {
            Line::Text(line) => {
                if !line.trim().is_empty() {
                    last = line;
                }
                if talk.tell(console, &last) == Said::Farewell {
                    return;
                }
            }
            Line::Interrupted => console.line("`quit` leaves"),
            Line::End => return,
            Line::Broken(error) => {
                console.note(format_args!("error: the prompt cannot be read ({error})"));
                return;
            }
        }
    }
}
