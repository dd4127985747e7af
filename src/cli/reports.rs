//! The reports of a sweep: which were asked for, and all that is said at its end. Words none of them.

use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::annotate::annotations;
use super::console::Console;
use super::junit::write_junit;
use super::markdown::write_markdown;
use super::page::write_page;
use super::report::Failure;
use super::result_json::write_sweep;
use super::sources::Output;
use super::summary::{Summary, commands, failures, probes, stuck, table};

/// The options that ask for reports.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Write a JUnit report to OUT: a suite for each scenario, a case for each seed
    #[arg(long, value_name = "OUT")]
    pub(super) junit: Option<PathBuf>,
    /// Write a summary to OUT as Markdown, such as a CI job shows
    #[arg(long, value_name = "OUT")]
    markdown: Option<PathBuf>,
    /// Write a summary to OUT as one HTML page that needs nothing else
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    /// Print each failure as an annotation for GitHub, too
    #[arg(long)]
    annotate: bool,
}

/// What writes a report.
type Writer = fn(&mut dyn Write, &Summary<'_>) -> io::Result<()>;

/// The reports that were asked for, their files made.
pub(super) struct Reports {
    files: Vec<(Output, Writer)>,
    json_to_stdout: bool,
    annotate: bool,
}

impl Reports {
    /// Makes the files, before the work; `json` is where results go, `-` for standard output.
    pub(super) fn create(args: &ReportArgs, json: Option<&Path>) -> Result<Self, Failure> {
        let json_to_stdout = json.is_some_and(|path| path == "-");
        let wanted: [(Option<&Path>, Writer); 4] = [
            (json.filter(|_| !json_to_stdout), write_sweep),
            (args.junit.as_deref(), write_junit),
            (args.markdown.as_deref(), write_markdown),
            (args.html.as_deref(), write_page),
        ];
        let mut files = Vec::new();
        for (path, writer) in wanted {
            if let Some(path) = path {
                files.push((Output::create(path)?, writer));
            }
        }
        Ok(Self { files, json_to_stdout, annotate: args.annotate })
    }

    /// Writes them, and tells a person the same.
    pub(super) fn give(self, summary: &Summary<'_>, console: &mut Console) -> Result<(), Failure> {
        if self.json_to_stdout {
            console.data(|out| write_sweep(out, summary));
            console.speak_aside();
        }
        for (file, writer) in self.files {
            file.write(|out| writer(out, summary))?;
        }
        let report = summary.report;
        console.line(table(report));
        console.line(&summary.totals);
        for note in [stuck(report), probes(report)].into_iter().flatten() {
            console.line(note);
        }
        console.line(failures(summary));
        if self.annotate {
            annotations(summary).iter().for_each(|line| console.line(line));
        }
        if !summary.kept.is_empty() {
            console.line(commands(summary));
        }
        Ok(())
    }
}
