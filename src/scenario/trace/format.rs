//! The formats that traces are recorded in, and the parser of each. Parses no line itself.

use crate::scenario::name::name_enum;

use super::alibaba::Alibaba;
use super::blkparse::Blkparse;
use super::fields::{LineText, lines};
use super::iolog::Iolog;
use super::msr::Msr;
use super::recorder::{LineError, Recorder, Trace};

name_enum! {
    /// How a trace is written.
    pub enum TraceFormat {
        /// What `blkparse` prints of a Linux block trace.
        Blkparse = "blkparse",
        /// The comma-separated traces of Microsoft Research Cambridge, a volume a file.
        Msr = "msr",
        /// The comma-separated block traces that Alibaba published in 2020.
        Alibaba = "alibaba",
        /// The log of operations that `fio` writes and reads, version 2 or 3.
        FioIolog = "fio-iolog",
    }
}

/// The most errors that are told of one trace.
const ERRORS_MAX: usize = 5;

/// A parser of one format: it is given the lines one after the other, and tells the recorder what they ask for.
pub(super) trait Lines {
    /// Takes a line that is not blank.
    ///
    /// # Errors
    /// What is wrong with it.
    fn take(&mut self, line: LineText<'_>, recorder: &mut Recorder) -> Result<(), LineError>;
    /// What makes a trace of this format be one, for a text in which no operation was found.
    fn wanted(&self) -> &'static str;
    /// Takes the end of the text.
    fn end(&mut self, _recorder: &mut Recorder) {}
}

/// Reads a trace. `device` says of which of several devices; left out, it is the first that the trace names.
///
/// # Errors
/// What is wrong with its first lines that cannot be read. Never empty.
pub(super) fn parse(
    format: TraceFormat,
    device: Option<&str>,
    text: &str,
) -> Result<Trace, Vec<LineError>> {
    let mut recorder = Recorder::new(device);
    match format {
        TraceFormat::Blkparse => read(text, &mut Blkparse::default(), &mut recorder)?,
        TraceFormat::Msr => read(text, &mut Msr, &mut recorder)?,
        TraceFormat::Alibaba => read(text, &mut Alibaba, &mut recorder)?,
        TraceFormat::FioIolog => read(text, &mut Iolog::default(), &mut recorder)?,
    }
    Ok(recorder.finish())
}

fn read(
    text: &str,
    parser: &mut impl Lines,
    recorder: &mut Recorder,
) -> Result<(), Vec<LineError>> {
    let mut errors = Vec::new();
    for line in lines(text) {
        if let Err(error) = parser.take(line, recorder) {
            errors.push(error);
        }
        if errors.len() == ERRORS_MAX {
            break;
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    parser.end(recorder);
    if recorder.is_empty() {
        let found = match recorder.wanted_device() {
            Some(device) => format!("nothing of the device `{device}`"),
            None => "no operation".to_owned(),
        };
        let expected = format!("{}{}", parser.wanted(), recorder.devices_met());
        let line = text.lines().count().max(1);
        return Err(vec![LineError { line, column: 1, found, expected }]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TraceFormat, parse};

    /// Words that traces are made of, so that lines get far into the parsers.
    fn lines() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("fio version 2 iolog".to_owned()),
            Just("fio version 3 iolog".to_owned()),
            "[0-9]{1,22}",
            Just("8,0".to_owned()),
            "[0-9]{1,3}\\.[0-9]{1,9}",
            "[QDCGImUX]",
            "F?[RWDN]F?S?",
            Just("+".to_owned()),
            Just("Read".to_owned()),
            Just("wait".to_owned()),
            Just("sync".to_owned()),
            Just("add".to_owned()),
            Just("read".to_owned()),
            "\\PC{0,6}",
        ];
        let line = (prop::collection::vec(word, 0..9), prop_oneof![Just(" "), Just(",")])
            .prop_map(|(words, between)| words.join(between));
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in prop_oneof![lines(), "\\PC*", "(?s).{0,200}"]) {
            for format in TraceFormat::ALL {
                match parse(*format, None, &text) {
                    Ok(trace) => prop_assert!(!trace.ops.is_empty()),
                    Err(errors) => prop_assert!(!errors.is_empty()),
                }
            }
        }

        #[test]
        fn times_never_go_back(text in lines()) {
            for format in TraceFormat::ALL {
                if let Ok(trace) = parse(*format, None, &text) {
                    prop_assert!(trace.ops.is_sorted_by_key(|op| op.at));
                }
            }
        }
    }

    #[test]
    fn a_text_without_an_operation_says_what_makes_one() {
        for format in TraceFormat::ALL {
            let errors = parse(*format, None, "").unwrap_err();
            assert!(errors[0].to_string().contains("no operation"), "{}", errors[0]);
        }
        let text = "a,R,0,4096,10\nb,W,0,4096,11\n";
        let errors = parse(TraceFormat::Alibaba, Some("c"), text).unwrap_err();
        let error = errors[0].to_string();
        assert!(error.contains("device `c`") && error.contains("`a`"), "{error}");
    }
}
