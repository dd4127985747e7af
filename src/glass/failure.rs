//! How a seed failed, with all that helps whoever has to find out why. Finds no failure.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::{Names, Nanos, Record};
use crate::check::Violation;
use crate::view::record_line;

/// So many of the last records are told.
const TOLD_MAX: usize = 20;

/// What was wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The test or a program panicked: where, and with what.
    Panicked(String),
    /// A check found something: its report.
    Violation(String),
    /// The test waits for what never comes: nothing is left to happen.
    Stalled,
    /// The test was not over within its virtual time.
    TooLong(Nanos),
    /// Tasks wake each other for ever and time stands still.
    Spinning,
    /// The seed took more than this of wall time.
    Slow(Duration),
    /// The same seed came to another digest when it was run again; where the two runs part, if two more parted, too.
    Differs(Option<String>),
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(what) => f.write_str(what),
            Self::Violation(report) => f.write_str(report.trim_end()),
            Self::Stalled => f.write_str("the test waits, and nothing is left that could happen"),
            Self::TooLong(limit) => {
                write!(f, "the test was not over after {limit} of virtual time")
            }
            Self::Spinning => {
                f.write_str("tasks wake each other without end, and time stands still")
            }
            Self::Slow(limit) => write!(
                f,
                "the seed took more than {limit:?} of wall time; `Sweep::seed_time` gives it more, `Sweep::limit` ends it sooner \
                 in virtual time"
            ),
            Self::Differs(where_they_part) => {
                f.write_str(
                    "run twice, the seed came to two digests: something asks the host, such as a clock, an address, an \
                     environment variable or a static that the first run left behind",
                )?;
                where_they_part.iter().try_for_each(|parted| write!(f, "\n{parted}"))
            }
        }
    }
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub how: How,
    /// When, in virtual time.
    pub at: Nanos,
    /// The digest of the run up to there.
    pub digest: u128,
    /// The last records before it.
    pub recent: Vec<Record>,
    /// What nodes and disks are called.
    pub names: Names,
    /// What tasks that have not ended wait for, when the test stalled.
    pub waiting: Vec<String>,
    /// What the checks found.
    pub violations: Vec<Violation>,
    /// The test that failed, as `cargo test` names it, where it is known.
    pub test: Option<String>,
    /// Where all of this was kept.
    pub saved: Option<PathBuf>,
    /// Where the run is as a page, to be opened in a browser.
    pub page: Option<PathBuf>,
}

impl Failure {
    /// The command that runs the seed alone.
    pub(super) fn alone(&self) -> String {
        let seed = self.seed;
        match &self.test {
            Some(test) => format!("STORMGLASS_SEED={seed} cargo test {test}"),
            None => format!("the same command with STORMGLASS_SEED={seed}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails at {}", self.seed, self.at)?;
        for line in self.how.to_string().lines() {
            writeln!(f, "  {line}")?;
        }
        for line in &self.waiting {
            writeln!(f, "    {line}")?;
        }
        // A violation's report has those that concern it.
        let is_told = matches!(self.how, How::Violation(_));
        let skipped =
            if is_told { self.recent.len() } else { self.recent.len().saturating_sub(TOLD_MAX) };
        for (at, record) in self.recent.iter().skip(skipped).enumerate() {
            if at == 0 {
                writeln!(f, "last records")?;
            }
            writeln!(f, "  {}", record_line(record, &self.names))?;
        }
        writeln!(f, "digest {:032x}", self.digest)?;
        if let Some(path) = &self.saved {
            writeln!(f, "kept in {}", path.display())?;
        }
        if let Some(path) = &self.page {
            writeln!(f, "to look at: {}", path.display())?;
        }
        write!(f, "to run it alone: {}", self.alone())
    }
}

impl std::error::Error for Failure {}
