//! Traces of Microsoft Research Cambridge: seven columns, no header, times as Windows counts them.

use crate::base::history::OpKind;

use super::fields::LineText;
use super::format::Lines;
use super::recorder::{LineError, Recorder, TraceOp};

/// `Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime`.
pub(super) struct Msr;

const COLUMNS: usize = 7;
/// The clock ticks every 100 ns.
const TICK_NS: u64 = 100;

impl Lines for Msr {
    fn take(&mut self, line: LineText<'_>, recorder: &mut Recorder) -> Result<(), LineError> {
        let fields = line.between_commas();
        if line.number == 1 && fields[0].text.eq_ignore_ascii_case("timestamp") {
            recorder.skip("the header");
            return Ok(());
        }
        let [time, host, disk, kind, offset, size, _] = fields[..] else {
            let expected = format!("{} instead of {} columns", self.wanted(), fields.len());
            return Err(match fields.get(COLUMNS) {
                Some(beyond) => beyond.is_not(&expected),
                None => line.ends_early(&expected),
            });
        };
        let at = time.nanos("a time in units of 100 ns", TICK_NS)?;
        let disk = disk.number("the number of a disk")?;
        let kind = match kind.text {
            text if text.eq_ignore_ascii_case("read") => OpKind::Read,
            text if text.eq_ignore_ascii_case("write") => OpKind::Write,
            _ => return Err(kind.is_not("`Read` or `Write`")),
        };
        let offset = offset.number("an offset in bytes")?;
        let length = size.number("a size in bytes")?;
        if recorder.is_of_device(&format!("{}_{disk}", host.text)) {
            recorder.take(TraceOp { at, kind, offset, length, line: line.number });
        }
        Ok(())
    }

    fn wanted(&self) -> &'static str {
        "lines of `timestamp,hostname,disk,Read or Write,offset,size,response time`"
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Nanos;
    use crate::base::history::OpKind;
    use crate::scenario::trace::format::{TraceFormat, parse};
    use crate::scenario::trace::recorder::{Skipped, TraceOp};

    #[test]
    fn lines_become_operations_relative_to_the_first() {
        let text = "128166372003061629,web,0,Write,8192,4096,551\n\
            128166372003061729,web,1,Write,0,4096,551\n\
            128166372003061639,web,0,Read,7014609920,24576,41286\n\
            128166372003061640,web,0,Read,0,0,1\n";
        let trace = parse(TraceFormat::Msr, None, text).unwrap();
        let (kind, at) = (OpKind::Write, Nanos::ZERO);
        let first = TraceOp { at, kind, offset: 8192, length: 4096, line: 1 };
        assert_eq!(trace.ops[0], first);
        assert_eq!((trace.ops[1].kind, trace.ops[1].at), (OpKind::Read, Nanos::new(1_000)));
        assert_eq!(trace.ops.len(), 2);
        let skipped = |what| Skipped { what, lines: 1 };
        assert_eq!(trace.skipped, [skipped("of no length"), skipped("of other devices")]);
        let other = parse(TraceFormat::Msr, Some("web_1"), text).unwrap();
        assert_eq!((other.ops.len(), other.ops[0].line), (1, 2));
    }

    #[test]
    fn errors_name_line_column_and_what_was_expected() {
        let error = |text: &str| parse(TraceFormat::Msr, None, text).unwrap_err()[0].to_string();
        let good = "128166372003061629,web,0,Write,8192,4096,551\n";
        assert_eq!(
            error(&format!("{good}128166372003061630,web,0,Wipe,8192,4096,551")),
            "line 2, column 26: found `Wipe`, expected `Read` or `Write`"
        );
        assert_eq!(
            error("128166372003061630,web,0,Read,-5,4096,551"),
            "line 1, column 31: found `-5`, expected an offset in bytes, a whole number"
        );
        assert!(error("1,web,0,Read,5").contains("instead of 5 columns"));
        assert!(error("999999999999999999,web,0,Read,5,5,5").contains("100 ns"));
        let many = parse(TraceFormat::Msr, None, &"x\n".repeat(9)).unwrap_err();
        assert_eq!(many.len(), 5);
    }
}
