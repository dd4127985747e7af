//! Every error of the command line, shown once, with the lines of the file that it is about.

use std::fmt;
use std::path::PathBuf;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
    SourceSpan,
};

use crate::run::{ExitCode, HarnessCrash};
use crate::scenario::{DiscoverError, LoadError, SaveError, ScenarioError};

use super::console::Console;

/// Lines longer than this are not shown: nobody would find the place in them.
const LINE_MAX: usize = 240;

/// Why a verb could not do its work.
#[derive(Debug)]
pub(super) enum Failure {
    /// Files that cannot be used.
    Files(Vec<LoadError>),
    /// Paths that name no scenarios.
    Paths(DiscoverError),
    /// A seed file that expects what no run can come to.
    Expectation {
        /// The seed file.
        file: String,
        /// What it expects.
        found: String,
    },
    /// A seed file that cannot be written.
    Save(SaveError),
    /// A recorded schedule that cannot be used.
    Schedule {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A sweep's state file that cannot be used.
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A list of probes that cannot be used.
    Probes {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// An output that cannot be written.
    Output {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A cluster file that cannot be used.
    Cluster(String),
    /// A node outside the simulation that broke down, or could not begin.
    Node(String),
    /// Options that make no sense.
    Usage(String),
    /// Stormglass itself panicked.
    Harness(HarnessCrash),
}

impl Failure {
    /// The exit code that says so.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Files(_) | Self::Expectation { .. } | Self::Schedule { .. } => ExitCode::BadFile,
            Self::State { .. } | Self::Probes { .. } => ExitCode::BadFile,
            Self::Paths(DiscoverError::NoPath) => ExitCode::Usage,
            Self::Paths(_) => ExitCode::BadFile,
            Self::Save(_) | Self::Output { .. } | Self::Usage(_) => ExitCode::Usage,
            Self::Cluster(_) => ExitCode::BadFile,
            Self::Harness(_) | Self::Node(_) => ExitCode::Crash,
        }
    }

    /// Shows it on standard error.
    pub(super) fn show(&self, console: &mut Console) {
        match self {
            Self::Files(files) => files.iter().for_each(|file| show_file(file, console)),
            other => console.note(format_args!("error: {other}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => files.iter().try_for_each(|file| write!(f, "{file}")),
            Self::Paths(error) => with_source(f, error),
            Self::Expectation { file, found } => {
                let names: Vec<&str> =
                    crate::run::expectable().map(|outcome| outcome.name()).collect();
                write!(f, "{file}: expect: found `{found}`, expected {}", names.join(", "))
            }
            Self::Save(error) => with_source(f, error),
            Self::Schedule { path, why } => {
                write!(f, "{}: no recorded schedule ({why})", path.display())
            }
            Self::State { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Probes { path, why } => {
                write!(f, "{}: no list of probes ({why})", path.display())
            }
            Self::Output { path, source } => {
                write!(f, "{}: the file cannot be written ({source})", path.display())
            }
            Self::Cluster(text) | Self::Node(text) | Self::Usage(text) => f.write_str(text),
            Self::Harness(crash) => {
                write!(f, "{crash}\nThis is a bug in stormglass, not in the scenario.")
            }
        }
    }
}

fn with_source(f: &mut fmt::Formatter<'_>, error: &dyn std::error::Error) -> fmt::Result {
    match error.source() {
        Some(source) => write!(f, "{error} ({source})"),
        None => write!(f, "{error}"),
    }
}

fn show_file(file: &LoadError, console: &mut Console) {
    for error in &file.errors {
        match snippet(file, error) {
            Some(text) => console.note(format_args!("{}\n", text.trim_end())),
            None => console.note(format_args!("error: {error}")),
        }
    }
    if file.more {
        console.note(format_args!("{}: there may be more: mend these first", file.file));
    }
}

/// The error with its lines; `None` where it has no place or its lines are too long to be of use.
fn snippet(file: &LoadError, error: &ScenarioError) -> Option<String> {
    let (text, place) = (file.text.as_ref()?, error.place?);
    let first = place.line.saturating_sub(2);
    if text.lines().skip(first).take(4).any(|line| line.len() > LINE_MAX) {
        return None;
    }
    let message = match error.json_path.as_str() {
        "" => error.message(),
        path => format!("{path}: {}", error.message()),
    };
    let label = error.nearest.as_ref().map(|name| format!("did you mean `{name}`?"));
    let end = text.len().saturating_sub(place.offset);
    let span = SourceSpan::new(place.offset.into(), place.length.min(end));
    let label = LabeledSpan::new_primary_with_span(label.or(Some("here".to_owned())), span);
    let mut diagnostic = MietteDiagnostic::new(message).with_label(label);
    diagnostic.help.clone_from(&error.help);
    let source = NamedSource::new(&error.file, text.clone());
    let report = Report::new(diagnostic).with_source_code(source);
    let theme = if Console::is_watched() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_context_lines(1);
    let mut shown = String::new();
    handler.render_report(&mut shown, report.as_ref()).ok()?;
    Some(shown)
}
