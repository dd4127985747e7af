//! `view`: a run to be looked at. Draws nothing itself.

use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::Nanos;
use crate::run::{ExitCode, Ran};
use crate::view::{Scene, Width, write_columns, write_html, write_perfetto, write_shiviz};

use super::console::Console;
use super::duration::virtual_time;
use super::entry::Context;
use super::figures::{grouped, quoted};
use super::report::Failure;
use super::sources::Output;
use super::subject::{Seen, Subject};

const AFTER_HELP: &str = "\
Examples:
  stormglass view seeds/violation-linear-stale-read-17.json --html x.html   then open x.html
  stormglass view scenarios/smoke/two-volumes.json --seed 3 --html x.html
  stormglass view seeds/x-17.json --until 3.2ms --html x.html               no further than this
  stormglass view seeds/x-17.json --perfetto x.trace                        for ui.perfetto.dev
  stormglass view seeds/x-17.json --text | less -R                          a column a node

The page is one file that needs no network: send it to whoever should see the failure. It opens with what \
was violated in view; `?` shows its keys. The exit code is 0 whatever the run came to.";

/// The options of `view`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Args {
    /// A seed file, or a scenario file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The seed of a scenario file, 1 if not given; a seed file has its own
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seed: Option<u64>,
    /// Write a page to OUT: the timeline, to be opened in a browser
    #[arg(long, value_name = "OUT", group = "what")]
    html: Option<PathBuf>,
    /// Write a trace to OUT for Perfetto (ui.perfetto.dev): slices, flows and counters
    #[arg(long, value_name = "OUT", group = "what")]
    perfetto: Option<PathBuf>,
    /// Write a log to OUT for ShiViz, with vector clocks
    #[arg(long, value_name = "OUT", group = "what")]
    shiviz: Option<PathBuf>,
    /// Print a line an event with a column for each node, in colours on a terminal
    #[arg(long, group = "what")]
    text: bool,
    /// How wide --text is; as wide as the terminal, or 160 characters
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=1000))]
    width: Option<u16>,
    /// Stop at this virtual time, such as `3.2ms` (ns, us, ms, s, min)
    #[arg(long, value_name = "T", allow_hyphen_values = true, value_parser = virtual_time)]
    until: Option<Nanos>,
}

pub(super) fn view(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let subject = Subject::of(&args.file, args.seed, (&context.program, context.words))?;
    let outputs = Outputs::create(args)?;
    let ran = subject.run(context.engine, args.until)?;
    let seen = Seen::of(&subject, &ran);
    let scene = seen.scene();
    say(context.console, &ran, &seen.headline);
    outputs.write(&scene, context.console)?;
    if args.text {
        let width = width(args);
        context.console.data(|out| write_columns(out, &scene, width));
    }
    Ok(ExitCode::Pass)
}

/// What writes a run.
type Writer = fn(&mut dyn Write, &Scene<'_>) -> io::Result<()>;

/// The files that were asked for, each with what writes it and what to do with it.
struct Outputs<'a>(Vec<(&'a Path, Output, Writer, &'static str)>);

impl<'a> Outputs<'a> {
    /// Makes them.
    fn create(args: &'a Args) -> Result<Self, Failure> {
        let all: [(&Option<PathBuf>, Writer, &'static str); 3] = [
            (&args.html, write_html, "open it in a browser"),
            (&args.perfetto, write_perfetto, "open it in https://ui.perfetto.dev"),
            (&args.shiviz, write_shiviz, "open it in https://bestchai.bitbucket.io/shiviz"),
        ];
        let asked = all.into_iter().filter_map(|(path, write, then)| {
            path.as_deref().map(|path| Ok((path, Output::create(path)?, write, then)))
        });
        asked.collect::<Result<_, _>>().map(Self)
    }

    fn write(self, scene: &Scene<'_>, console: &mut Console) -> Result<(), Failure> {
        for (path, out, write, then) in self.0 {
            out.write(|out| write(out, scene))?;
            console.note(format_args!("wrote {}: {then}", path.display()));
        }
        Ok(())
    }
}

/// How wide the text is and whether it has colours: a pipe has none.
fn width(args: &Args) -> Width {
    let terminal = console::Term::stdout();
    let columns = match args.width {
        Some(width) => usize::from(width),
        None => terminal.size_checked().map_or(160, |(_, columns)| usize::from(columns)),
    };
    Width { columns, colour: terminal.is_term() && console::colors_enabled() }
}

fn say(console: &mut Console, ran: &Ran, headline: &str) {
    let (report, outcome) = (&ran.report, ran.judgement.outcome.name());
    let events = grouped(report.events);
    let at = report.virtual_time;
    console.note(format_args!(
        "{} seed {}: {outcome}, {headline}; {events} events in {at}",
        report.scenario, report.seed
    ));
}

/// The command that shows a run of a file.
pub(super) fn command(program: &str, file: &Path, seed: Option<u64>) -> String {
    let seed = seed.map_or_else(String::new, |seed| format!(" --seed {seed}"));
    format!("{program} view {}{seed} --html failure.html", quoted(file))
}
