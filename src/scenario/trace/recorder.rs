//! What the parsers of all formats hand over: operations, what was passed over, what is wrong. Parses nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::base::Nanos;
use crate::base::history::OpKind;

/// An operation as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceOp {
    /// When it was issued, since the first of the trace.
    pub at: Nanos,
    /// What it asks for.
    pub kind: OpKind,
    /// Where it begins, in bytes; of no meaning to a flush.
    pub offset: u64,
    /// How long it is, in bytes; of no meaning to a flush.
    pub length: u64,
    /// The line of the trace that it stands in, from 1.
    pub line: usize,
}

/// Lines that are not replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What they are: finishes "12 lines skipped: …".
    pub what: &'static str,
    /// How many there are.
    pub lines: u64,
}

/// A trace that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its operations, by time. Never empty.
    pub ops: Vec<TraceOp>,
    /// What was passed over.
    pub skipped: Vec<Skipped>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// The character within it, from 1.
    pub column: usize,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, found, expected } = self;
        write!(f, "line {line}, column {column}: found {found}, expected {expected}")
    }
}

/// What is skipped because it is of another device than the one that is replayed.
const OTHER_DEVICES: &str = "of other devices";

/// Collects what the lines of a trace ask for.
#[derive(Debug)]
pub(super) struct Recorder {
    ops: Vec<TraceOp>,
    skipped: BTreeMap<&'static str, u64>,
    /// The device that was asked for.
    wanted: Option<String>,
    /// The device that is replayed: the one that was asked for, or the first.
    device: Option<String>,
    /// The first device that was met.
    met: Option<String>,
}

impl Recorder {
    pub fn new(device: Option<&str>) -> Self {
        let wanted = device.map(str::to_owned);
        let device = wanted.clone();
        Self { ops: Vec::new(), skipped: BTreeMap::new(), wanted, device, met: None }
    }

    /// Whether a line of this device is replayed; if not, it is counted.
    pub fn is_of_device(&mut self, name: &str) -> bool {
        self.met.get_or_insert_with(|| name.to_owned());
        let is_wanted = self.device.get_or_insert_with(|| name.to_owned()) == name;
        if !is_wanted {
            self.skip(OTHER_DEVICES);
        }
        is_wanted
    }

    /// Counts a line that is not replayed.
    pub fn skip(&mut self, what: &'static str) {
        *self.skipped.entry(what).or_default() += 1;
    }

    /// Takes an operation, with its time on whatever clock the trace has.
    pub fn take(&mut self, op: TraceOp) {
        if op.length == 0 && op.kind != OpKind::Flush {
            return self.skip("of no length");
        }
        self.ops.push(op);
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    pub fn wanted_device(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// For an error about a device of which there is nothing: one that there is.
    pub fn devices_met(&self) -> String {
        match (&self.wanted, &self.met) {
            (Some(_), Some(met)) => format!(", of a device that the trace has, such as `{met}`"),
            _ => String::new(),
        }
    }

    /// The trace, by time since its first operation.
    pub fn finish(mut self) -> Trace {
        // What several CPUs recorded need not stand in the order of its times.
        self.ops.sort_by_key(|op| op.at);
        let first = self.ops.first().map_or(Nanos::ZERO, |op| op.at);
        for op in &mut self.ops {
            op.at = op.at.saturating_sub(first);
        }
        let skipped = self.skipped.into_iter().map(|(what, lines)| Skipped { what, lines });
        Trace { ops: self.ops, skipped: skipped.collect() }
    }
}
