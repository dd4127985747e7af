//! What `blkparse` prints in its default format: an event a line, of which those that queue a request are replayed.

use crate::base::history::OpKind;

use super::fields::{FieldText, LineText};
use super::format::Lines;
use super::recorder::{LineError, Recorder, TraceOp};

/// `major,minor cpu sequence seconds.nanoseconds pid action rwbs …`. The operations are the events `Q`, as they were
/// asked for; in a trace that has none, the events `D`, as the driver got them.
#[derive(Default)]
pub(super) struct Blkparse {
    queued: Vec<TraceOp>,
    issued: Vec<TraceOp>,
    /// Behind the events comes a summary.
    is_over: bool,
}

const SECTOR: u64 = 512;
const SECOND_NS: u64 = 1_000_000_000;

/// What begins the summary.
const SUMMARY: [&str; 2] = ["CPU", "Total"];

/// What the letters of a request say.
struct Asked {
    flushes: bool,
    kind: Option<OpKind>,
}

impl Lines for Blkparse {
    fn take(&mut self, line: LineText<'_>, recorder: &mut Recorder) -> Result<(), LineError> {
        let words = line.words();
        self.is_over |= SUMMARY.iter().any(|word| words[0].text.starts_with(word));
        if self.is_over {
            recorder.skip("of the summary");
            return Ok(());
        }
        let device = words[0];
        if !is_device(device.text) {
            return Err(device.is_not("a device such as `8,0`, or the summary"));
        }
        let [_, cpu, sequence, time, process, action, rwbs, rest @ ..] = &words[..] else {
            return Err(line.ends_early(self.wanted()));
        };
        cpu.number("a CPU")?;
        sequence.number("the number of an event")?;
        let at = nanoseconds(*time)?;
        process.number("a process")?;
        let events = match action.text {
            "Q" => &mut self.queued,
            "D" => &mut self.issued,
            _ => {
                recorder.skip("of other actions than the one that is replayed");
                return Ok(());
            }
        };
        if !recorder.is_of_device(device.text) {
            return Ok(());
        }
        let asked = asked(*rwbs)?;
        let Some((offset, length)) = extent(line, rest)? else {
            if asked.flushes {
                let (kind, offset, length) = (OpKind::Flush, 0, 0);
                events.push(TraceOp { at, kind, offset, length, line: line.number });
            } else {
                recorder.skip("of requests without sectors");
            }
            return Ok(());
        };
        let mut push = |kind| events.push(TraceOp { at, kind, offset, length, line: line.number });
        if asked.flushes {
            push(OpKind::Flush);
        }
        match asked.kind {
            Some(kind) if length > 0 => push(kind),
            _ if asked.flushes => {}
            _ => recorder.skip("of requests without sectors"),
        }
        Ok(())
    }

    fn wanted(&self) -> &'static str {
        "lines as `8,0 1 57 0.000120350 697 Q WS 223490 + 8 [kjournald]`"
    }

    fn end(&mut self, recorder: &mut Recorder) {
        let (replayed, others) = match self.queued.is_empty() {
            true => (&self.issued, &self.queued),
            false => (&self.queued, &self.issued),
        };
        replayed.iter().for_each(|op| recorder.take(*op));
        for _ in others {
            recorder.skip("of other actions than the one that is replayed");
        }
    }
}

fn is_device(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once(',').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// `seconds.nanoseconds`, with nine digits.
fn nanoseconds(field: FieldText<'_>) -> Result<crate::base::Nanos, LineError> {
    let read = || {
        let (seconds, nanos) = field.text.split_once('.')?;
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(seconds) || !is_plain(nanos) || nanos.len() != 9 {
            return None;
        }
        let seconds = seconds.parse::<u64>().ok()?.checked_mul(SECOND_NS)?;
        seconds.checked_add(nanos.parse().ok()?)
    };
    let nanos = read().map(crate::base::Nanos::new);
    nanos.ok_or_else(|| field.is_not("a time such as `0.000120350`, in seconds with nine digits"))
}

/// `F` for a flush before, then what is done, then `F` for forced unit access and how it is scheduled.
fn asked(field: FieldText<'_>) -> Result<Asked, LineError> {
    let wrong = || field.is_not("what a request does, such as `R`, `WS`, `FWFS` or `DS`");
    let (flushes, rest) = match field.text.strip_prefix('F') {
        Some(rest) => (true, rest),
        None => (false, field.text),
    };
    let mut letters = rest.chars();
    let kind = match letters.next() {
        Some('R') => Some(OpKind::Read),
        Some('W') => Some(OpKind::Write),
        Some('D') => Some(OpKind::Trim),
        Some('N') => None,
        // A flush by itself.
        Some('F' | 'S' | 'M') | None if flushes => None,
        _ => return Err(wrong()),
    };
    let rest = letters.as_str();
    if !rest.chars().all(|letter| "FASMEBHP".contains(letter)) {
        return Err(wrong());
    }
    let has_fua = rest.contains('F') && kind == Some(OpKind::Write);
    Ok(Asked { flushes, kind: if has_fua { Some(OpKind::WriteFua) } else { kind } })
}

/// `sector + sectors`, in bytes; `None` for requests that have neither.
fn extent(line: LineText<'_>, rest: &[FieldText<'_>]) -> Result<Option<(u64, u64)>, LineError> {
    let [sector, sign, ..] = rest else { return Ok(None) };
    if sign.text != "+" {
        return Ok(None);
    }
    let Some(sectors) = rest.get(2) else {
        return Err(line.ends_early("a number of sectors"));
    };
    let bytes = |field: FieldText<'_>, what: &str| {
        let bytes = field.number(what)?.checked_mul(SECTOR);
        bytes.ok_or_else(|| field.is_not(&format!("{what} of a device")))
    };
    let (offset, length) = (bytes(*sector, "a sector")?, bytes(*sectors, "a number of sectors")?);
    if offset.checked_add(length).is_none() {
        return Err(sector.is_not("a sector of a device"));
    }
    Ok(Some((offset, length)))
}

#[cfg(test)]
mod tests {
    use crate::base::Nanos;
    use crate::base::history::OpKind;
    use crate::scenario::trace::format::{TraceFormat, parse};

    const TEXT: &str = "  8,0    3        1     0.000000000   697  Q  WS 2048 + 8 [kjournald]
  8,0    3        2     0.000000911   697  G  WS 2048 + 8 [kjournald]
  8,16   3        3     0.000001000   697  Q   R 0 + 8 [cat]
  8,0    3        4     0.000001500   697  Q FWFS 4096 + 16 [fsync]
  8,0    3        5     0.000002000   697  D  WS 2048 + 8 [kjournald]
  8,0    3        6     0.000003000   697  Q FWS [fsync]
  8,0    3        7     0.000004000     0  m   N cfq697 insert_request
  8,0    1        8     1.500000000   697  Q   D 8192 + 1024 [fstrim]
  8,0    1        9     1.600000000   697  C  WS 2048 + 8 [0]
CPU3 (8,0):
 Reads Queued:           1,        4KiB\t Writes Queued:           2,       12KiB

Throughput (R/W): 0KiB/s / 8KiB/s
Events (8,0): 9 entries
Skips: 0 forward (0 -   0.0%)
";

    #[test]
    fn queued_requests_are_replayed_with_flush_fua_and_discard() {
        let trace = parse(TraceFormat::Blkparse, None, TEXT).unwrap();
        let ops: Vec<_> =
            trace.ops.iter().map(|op| (op.at.get(), op.kind, op.offset, op.length)).collect();
        assert_eq!(
            ops,
            [
                (0, OpKind::Write, 2048 * 512, 4096),
                (1_500, OpKind::Flush, 4096 * 512, 8192),
                (1_500, OpKind::WriteFua, 4096 * 512, 8192),
                (3_000, OpKind::Flush, 0, 0),
                (1_500_000_000, OpKind::Trim, 8192 * 512, 512 * 1024),
            ]
        );
        let skipped: Vec<_> = trace.skipped.iter().map(|it| (it.what, it.lines)).collect();
        assert_eq!(
            skipped,
            [
                ("of other actions than the one that is replayed", 4),
                ("of other devices", 1),
                ("of the summary", 5),
            ]
        );
    }

    #[test]
    fn what_was_issued_is_replayed_where_nothing_was_queued() {
        let text = TEXT.replace("  Q ", "  I ");
        let trace = parse(TraceFormat::Blkparse, None, &text).unwrap();
        assert_eq!((trace.ops.len(), trace.ops[0].line, trace.ops[0].at), (1, 5, Nanos::ZERO));
        let trace = parse(TraceFormat::Blkparse, Some("8,16"), TEXT).unwrap();
        assert_eq!((trace.ops.len(), trace.ops[0].kind), (1, OpKind::Read));
    }

    #[test]
    fn errors_point_at_the_field() {
        let error =
            |text: &str| parse(TraceFormat::Blkparse, None, text).unwrap_err()[0].to_string();
        assert_eq!(
            error("8,0 3 1 0.5 697 Q R 0 + 8 [x]"),
            "line 1, column 9: found `0.5`, expected a time such as `0.000120350`, in seconds with nine digits"
        );
        assert!(error("8,0 3 1 0.000000000 697 Q X 0 + 8 [x]").contains("column 27: found `X`"));
        assert!(error("8,0 3 1 0.000000000 697 Q R 0 + [x]").contains("column 33: found `[x]`"));
        assert!(error("8,0 3 1 0.000000000").contains("the end of the line"));
        assert!(error("garbage").contains("column 1: found `garbage`, expected a device"));
    }
}
