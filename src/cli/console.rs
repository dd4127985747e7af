//! Standard output and error, which may be closed at any time. Words nothing.

use std::fmt::Display;
use std::io;
use std::io::{IsTerminal, Write};

use crate::run::ExitCode;

/// Where text goes. A reader that has gone away is no error: what it no longer wants is dropped.
pub(super) struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Why standard output is no longer written to.
    closed: Option<io::Error>,
    /// Whether lines go to standard error, because standard output carries data.
    aside: bool,
}

impl Console {
    /// The process's own.
    pub(super) fn standard() -> Self {
        Self::new(Box::new(io::BufWriter::new(io::stdout())), Box::new(io::stderr()))
    }

    /// Any two places.
    pub(super) fn new(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { out, err, closed: None, aside: false }
    }

    /// From now on [`Console::line`] writes to standard error: standard output carries data.
    pub(super) fn speak_aside(&mut self) {
        self.aside = true;
    }

    /// Writes a line for a person.
    pub(super) fn line(&mut self, text: impl Display) {
        if self.aside {
            self.note(text);
        } else {
            self.data(|out| writeln!(out, "{text}"));
        }
    }

    /// Writes data to standard output.
    pub(super) fn data(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.closed.is_none() {
            self.closed = write(&mut self.out).err();
        }
    }

    /// Writes a line to standard error, after what was said before on standard output.
    pub(super) fn note(&mut self, text: impl Display) {
        self.show();
        // There is no place left to report to when standard error is gone.
        let _ = writeln!(self.err, "{text}");
    }

    /// Sends out what was said so far: somebody is about to read it.
    pub(super) fn show(&mut self) {
        if self.closed.is_none() {
            self.closed = self.out.flush().err();
        }
    }

    /// Whether a person watches standard error.
    pub(super) fn is_watched() -> bool {
        io::stderr().is_terminal()
    }

    /// Sends out what is left. The exit code is the one given, unless that is a pass and standard
    /// output could not be written for another reason than that its reader had gone.
    pub(super) fn finish(mut self, code: ExitCode) -> ExitCode {
        let flushed = self.out.flush().err();
        let Some(error) = self.closed.or(flushed) else { return code };
        if error.kind() == io::ErrorKind::BrokenPipe {
            return code;
        }
        let _ = writeln!(self.err, "standard output cannot be written: {error}");
        if code == ExitCode::Pass { ExitCode::Usage } else { code }
    }
}
