//! An application that replays a recorded trace. Parses no line and reads no file.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{BlockSize, Nanos, Replay};
use crate::scenario::ids::NodeRef;
use crate::scenario::units::CountRange;

use super::format::{TraceFormat, parse};
use super::place::{BLOCKS_MAX, placed};
use super::recorder::{LineError, Trace};
use super::speed::Speed;

/// An application that replays a recorded trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceApp {
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// What it replays.
    pub recording: Recording,
    /// How many times as fast as it was recorded.
    pub speed: Speed,
    /// Operations that each instance keeps in flight at most, 1 to 4096.
    pub depth: u32,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// When it starts.
    pub start: Nanos,
    /// When it issues no more, even if operations are left.
    pub stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000.
    pub count: u32,
}

impl TraceApp {
    /// Its operations on the blocks from `region.0` to `region.1`; `None` when they are more than a million.
    #[must_use]
    pub fn replay(&self, block_size: BlockSize, region: (u64, u64)) -> Option<Replay> {
        self.recording.replay(self.speed, block_size, region)
    }
}

/// A trace: its text, and what that says.
#[derive(Clone, Debug)]
pub struct Recording {
    format: TraceFormat,
    device: Option<String>,
    text: Arc<str>,
    trace: Arc<Trace>,
}

impl PartialEq for Recording {
    /// What the text says follows from it.
    fn eq(&self, other: &Self) -> bool {
        self.format == other.format && self.device == other.device && self.text == other.text
    }
}

impl Recording {
    /// Reads a trace.
    ///
    /// # Errors
    /// What is wrong with its first lines that cannot be read. Never empty.
    pub fn of(
        format: TraceFormat,
        device: Option<String>,
        text: &str,
    ) -> Result<Self, Vec<LineError>> {
        let trace = parse(format, device.as_deref(), text)?;
        Ok(Self { format, device, text: text.into(), trace: trace.into() })
    }

    /// How it is written.
    #[must_use]
    pub const fn format(&self) -> TraceFormat {
        self.format
    }

    /// Of which of several devices it is; `None` for the first.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its operations, and what was passed over.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Its operations on the blocks from `region.0` to `region.1`; `None` when they are more than a million.
    #[must_use]
    pub fn replay(
        &self,
        speed: Speed,
        block_size: BlockSize,
        region: (u64, u64),
    ) -> Option<Replay> {
        placed(&self.trace, speed, block_size, region)
    }

    /// The most blocks that one of its operations has, however large the region is.
    #[must_use]
    pub fn longest(&self, block_size: BlockSize) -> u64 {
        let block = block_size.bytes() as u64;
        let touched = self.trace.ops.iter().map(|op| op.length.div_ceil(block) + 1);
        touched.max().unwrap_or(1).min(BLOCKS_MAX)
    }

    /// How many operations it has.
    #[must_use]
    pub fn ops(&self) -> usize {
        self.trace.ops.len()
    }

    /// The recording up to so many operations, by time; `None` if it has no more than that, or nothing would be left.
    #[must_use]
    pub fn cut_off(&self, ops: usize) -> Option<Self> {
        let gone: BTreeSet<usize> = self.trace.ops.get(ops..)?.iter().map(|op| op.line).collect();
        if gone.is_empty() {
            return None;
        }
        let kept = self.text.lines().enumerate().filter(|(at, _)| !gone.contains(&(at + 1)));
        let text: String = kept.flat_map(|(_, line)| [line, "\n"]).collect();
        self.with_text(&text)
    }

    /// The same format and device with another text, if that is a trace.
    pub(in crate::scenario) fn with_text(&self, text: &str) -> Option<Self> {
        Self::of(self.format, self.device.clone(), text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Recording, TraceFormat};

    #[test]
    fn a_recording_is_cut_off_by_time() {
        let text = "0,R,0,4096,10\n0,W,0,4096,30\n0,R,4096,4096,20\n1,R,0,512,5\n";
        let recording = Recording::of(TraceFormat::Alibaba, None, text).unwrap();
        let cut = recording.cut_off(2).unwrap();
        assert_eq!((cut.ops(), cut.text()), (2, "0,R,0,4096,10\n0,R,4096,4096,20\n1,R,0,512,5\n"));
        assert!(recording.cut_off(3).is_none(), "it has no more");
        assert!(recording.cut_off(9).is_none());
        let ops: Vec<_> = recording.cut_off(1).unwrap().trace().ops.clone();
        assert_eq!(ops[..], recording.trace().ops[..1]);
    }
}
