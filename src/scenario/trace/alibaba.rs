//! The block traces that Alibaba published in 2020: five columns, no header, many devices in one file.

use crate::base::history::OpKind;

use super::fields::LineText;
use super::format::Lines;
use super::recorder::{LineError, Recorder, TraceOp};

/// `device_id,opcode,offset,length,timestamp`.
pub(super) struct Alibaba;

const COLUMNS: usize = 5;
const MICROSECOND_NS: u64 = 1_000;

impl Lines for Alibaba {
    fn take(&mut self, line: LineText<'_>, recorder: &mut Recorder) -> Result<(), LineError> {
        let fields = line.between_commas();
        if line.number == 1 && fields[0].text == "device_id" {
            recorder.skip("the header");
            return Ok(());
        }
        let [device, kind, offset, length, time] = fields[..] else {
            let expected = format!("{} instead of {} columns", self.wanted(), fields.len());
            return Err(match fields.get(COLUMNS) {
                Some(beyond) => beyond.is_not(&expected),
                None => line.ends_early(&expected),
            });
        };
        if device.text.is_empty() {
            return Err(device.is_not("the id of a device"));
        }
        let kind = match kind.text {
            "R" | "r" => OpKind::Read,
            "W" | "w" => OpKind::Write,
            _ => return Err(kind.is_not("`R` or `W`")),
        };
        let offset = offset.number("an offset in bytes")?;
        let length = length.number("a length in bytes")?;
        let at = time.nanos("a time in microseconds", MICROSECOND_NS)?;
        if recorder.is_of_device(device.text) {
            recorder.take(TraceOp { at, kind, offset, length, line: line.number });
        }
        Ok(())
    }

    fn wanted(&self) -> &'static str {
        "lines of `device,R or W,offset,length,timestamp`"
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Nanos;
    use crate::base::history::OpKind;
    use crate::scenario::trace::format::{TraceFormat, parse};

    const TEXT: &str = "419,W,126703644672,4096,1577808000000042\n\
        725,R,8192,16384,1577808000000046\n\
        419,R,4096,512,1577808000000051\n";

    #[test]
    fn one_device_is_replayed_the_first_or_the_one_asked_for() {
        let trace = parse(TraceFormat::Alibaba, None, TEXT).unwrap();
        let times: Vec<Nanos> = trace.ops.iter().map(|op| op.at).collect();
        assert_eq!(times, [Nanos::ZERO, Nanos::from_micros(9)]);
        assert_eq!(trace.ops[0].offset, 126_703_644_672);
        assert_eq!((trace.skipped[0].what, trace.skipped[0].lines), ("of other devices", 1));
        let trace = parse(TraceFormat::Alibaba, Some("725"), TEXT).unwrap();
        assert_eq!((trace.ops[0].kind, trace.ops[0].line), (OpKind::Read, 2));
    }

    #[test]
    fn a_line_with_a_column_too_many_is_an_error_at_that_column() {
        let error = parse(TraceFormat::Alibaba, None, "1,W,0,4096,5,6").unwrap_err();
        assert_eq!((error[0].line, error[0].column), (1, 14));
        let error = parse(TraceFormat::Alibaba, None, "1,X,0,4096,5").unwrap_err()[0].to_string();
        assert_eq!(error, "line 1, column 3: found `X`, expected `R` or `W`");
    }
}
