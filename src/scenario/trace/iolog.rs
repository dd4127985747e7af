//! The logs of operations that `fio` writes (`write_iolog`) and reads (`read_iolog`), versions 2 and 3.

use crate::base::Nanos;
use crate::base::history::OpKind;

use super::fields::{FieldText, LineText};
use super::format::Lines;
use super::recorder::{LineError, Recorder, TraceOp};

/// `file action [offset length]`, in version 3 behind a time. Version 2 has `wait`, which counts from the wait before:
/// all of them together are the time of what follows. Nobody says in what unit the times of version 3 are: they are
/// taken to be microseconds, as those of `wait` are.
#[derive(Default)]
pub(super) struct Iolog {
    version: Option<Version>,
    waited: Nanos,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Two,
    Three,
}

const MICROSECOND_NS: u64 = 1_000;
const HEADER: &str = "`fio version 2 iolog` or `fio version 3 iolog` as the first line";

impl Lines for Iolog {
    fn take(&mut self, line: LineText<'_>, recorder: &mut Recorder) -> Result<(), LineError> {
        let Some(version) = self.version else {
            self.version = Some(match line.text.trim() {
                "fio version 2 iolog" => Version::Two,
                "fio version 3 iolog" => Version::Three,
                _ => {
                    // What follows is judged as if it were of the version that most logs have.
                    self.version = Some(Version::Two);
                    return Err(line.whole().is_not(HEADER));
                }
            });
            return Ok(());
        };
        let words = line.words();
        let (at, words) = match version {
            Version::Two => (self.waited, &words[..]),
            Version::Three => {
                (words[0].nanos("a time in microseconds", MICROSECOND_NS)?, &words[1..])
            }
        };
        let [file, action, rest @ ..] = words else {
            return Err(line.ends_early("the name of a file and an action"));
        };
        let kind = match action.text {
            "add" | "open" | "close" => return Ok(()),
            "wait" if version == Version::Two => return self.wait(line, rest),
            "wait" => return Err(action.is_not("no `wait` in version 3, whose lines have times")),
            "sync" | "datasync" => OpKind::Flush,
            "read" => OpKind::Read,
            "write" => OpKind::Write,
            "trim" => OpKind::Trim,
            _ => return Err(action.is_not(ACTIONS)),
        };
        let (offset, length) = match kind {
            OpKind::Flush => (0, 0),
            _ => extent(line, rest)?,
        };
        if recorder.is_of_device(file.text) {
            recorder.take(TraceOp { at, kind, offset, length, line: line.number });
        }
        Ok(())
    }

    fn wanted(&self) -> &'static str {
        "a log that begins with `fio version 2 iolog` or `fio version 3 iolog` and has an operation, such as `file read 0 4096`"
    }
}

const ACTIONS: &str =
    "`read`, `write`, `trim`, `sync`, `datasync`, `wait`, `add`, `open` or `close`";

impl Iolog {
    fn wait(&mut self, line: LineText<'_>, rest: &[FieldText<'_>]) -> Result<(), LineError> {
        let Some(span) = rest.first() else {
            return Err(line.ends_early("how many microseconds to wait"));
        };
        let nanos = span.nanos("a time in microseconds", MICROSECOND_NS)?;
        let waited = self.waited.get().checked_add(nanos.get());
        self.waited =
            waited.map(Nanos::new).ok_or_else(|| span.is_not("less than 2^64 ns in all"))?;
        Ok(())
    }
}

fn extent(line: LineText<'_>, rest: &[FieldText<'_>]) -> Result<(u64, u64), LineError> {
    let [offset, length, beyond @ ..] = rest else {
        return Err(line.ends_early("an offset and a length in bytes"));
    };
    if let Some(beyond) = beyond.first() {
        return Err(beyond.is_not("nothing behind the length"));
    }
    Ok((offset.number("an offset in bytes")?, length.number("a length in bytes")?))
}

#[cfg(test)]
mod tests {
    use crate::base::history::OpKind;
    use crate::scenario::trace::format::{TraceFormat, parse};

    fn ops(text: &str) -> Vec<(u64, OpKind, u64, u64)> {
        let trace = parse(TraceFormat::FioIolog, None, text).unwrap();
        trace.ops.iter().map(|op| (op.at.get(), op.kind, op.offset, op.length)).collect()
    }

    #[test]
    fn version_two_waits() {
        let text = "fio version 2 iolog\n/dev/x add\n/dev/x open\n/dev/x write 0 4096\n\
            /dev/x wait 250 0\n/dev/x read 4096 512\n/dev/x sync\n/dev/x wait 50\n\
            /dev/x trim 8192 8192\n/dev/x datasync 0 0\n/dev/x close\n";
        assert_eq!(
            ops(text),
            [
                (0, OpKind::Write, 0, 4096),
                (250_000, OpKind::Read, 4096, 512),
                (250_000, OpKind::Flush, 0, 0),
                (300_000, OpKind::Trim, 8192, 8192),
                (300_000, OpKind::Flush, 0, 0),
            ]
        );
    }

    #[test]
    fn version_three_has_times() {
        let text = "fio version 3 iolog\n0 f add\n0 f open\n7 f write 0 4096\n9 f read 0 4096\n";
        assert_eq!(ops(text), [(0, OpKind::Write, 0, 4096), (2_000, OpKind::Read, 0, 4096)]);
        let wait = "fio version 3 iolog\n0 f wait 5\n";
        let error = parse(TraceFormat::FioIolog, None, wait).unwrap_err()[0].to_string();
        assert!(error.starts_with("line 2, column 5: found `wait`"), "{error}");
    }

    #[test]
    fn errors_point_at_the_field() {
        let error =
            |text: &str| parse(TraceFormat::FioIolog, None, text).unwrap_err()[0].to_string();
        assert!(
            error("/dev/x write 0 4096").contains("line 1, column 1: found `/dev/x write 0 4096`")
        );
        let head = "fio version 2 iolog\n";
        assert!(error(&format!("{head}f scribble 0 1")).contains("column 3: found `scribble`"));
        assert!(error(&format!("{head}f write 0")).contains("found the end of the line"));
        assert!(error(&format!("{head}f write 0 x")).contains("column 11: found `x`"));
    }
}
