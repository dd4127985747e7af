//! A recorded schedule: the picks of a run, and the schedule that makes them again. Reads no file.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use super::oracle::CpuSlot;
use super::oracle::Ready;
use super::oracle::Schedule;

/// All picks of a run where there was a choice, in order: which of how many. A byte each as long as
/// there are fewer than 16 to choose from.
///
/// As text, it is a line of hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// A pick among 2 to 15: the number in the high half of a byte, the index in the low half. Any
    /// other: a zero byte, then number and index as LEB128.
    bytes: Vec<u8>,
}

impl Recording {
    /// How many bytes it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there was never a choice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn push(&mut self, count: usize, index: usize) {
        if count < 16 {
            self.bytes.push((count << 4 | index) as u8);
        } else {
            self.bytes.push(0);
            push_number(&mut self.bytes, count);
            push_number(&mut self.bytes, index);
        }
    }

    /// The pick at `at`, which moves on behind it: how many there were, and which was taken.
    fn next(&self, at: &mut usize) -> Option<(usize, usize)> {
        let first = *self.bytes.get(*at)?;
        *at += 1;
        if first != 0 {
            return Some((usize::from(first >> 4), usize::from(first & 15)));
        }
        Some((self.number(at)?, self.number(at)?))
    }

    fn number(&self, at: &mut usize) -> Option<usize> {
        let mut number = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = *self.bytes.get(*at)?;
            *at += 1;
            number |= u32::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number as usize);
            }
        }
        None
    }
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is no recorded schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingError;

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorded schedule is an even number of hexadecimal digits")
    }
}

impl std::error::Error for RecordingError {}

impl FromStr for Recording {
    type Err = RecordingError;
    fn from_str(text: &str) -> Result<Self, RecordingError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(RecordingError) };
        let digit = |letter: u8| char::from(letter).to_digit(16).ok_or(RecordingError);
        let byte = |[high, low]: &[u8; 2]| Ok((digit(*high)? << 4 | digit(*low)?) as u8);
        Ok(Self { bytes: pairs.iter().map(byte).collect::<Result<_, _>>()? })
    }
}

/// Where a recorded schedule and a run part: it was recorded on another scenario, seed or version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A CPU has so many ready tasks at this pick, and another number was recorded.
    Differs {
        /// Which pick, from 1.
        pick: u64,
        /// Ready tasks in the recording.
        recorded: usize,
        /// Ready tasks now.
        found: usize,
    },
    /// The recording ends before this pick.
    Over {
        /// Which pick, from 1.
        pick: u64,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { pick, recorded, found } => write!(
                f,
                "the recorded schedule does not fit: at pick {pick} it chooses among {recorded} \
                 ready tasks, and there are {found}"
            ),
            Self::Over { pick } => write!(
                f,
                "the recorded schedule does not fit: it ends before pick {pick}, and the run goes on"
            ),
        }
    }
}

/// Makes the picks of a recording again.
pub(super) struct Replay {
    recording: Recording,
    at: usize,
    picks: u64,
}

impl Replay {
    pub(super) fn new(recording: Recording) -> Self {
        Self { recording, at: 0, picks: 0 }
    }
}

impl Schedule for Replay {
    fn pick(&mut self, _cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        self.picks += 1;
        let pick = self.picks;
        let next = self.recording.next(&mut self.at);
        let (recorded, index) = next.ok_or(Misfit::Over { pick })?;
        if recorded != ready.len() || index >= recorded {
            return Err(Misfit::Differs { pick, recorded, found: ready.len() });
        }
        Ok(index)
    }
}

/// Records what another schedule picks.
pub(in crate::sim) struct Recorder {
    schedule: Box<dyn Schedule>,
    recording: Rc<RefCell<Recording>>,
}

impl Recorder {
    pub(in crate::sim) fn new(
        schedule: Box<dyn Schedule>,
        recording: Rc<RefCell<Recording>>,
    ) -> Self {
        Self { schedule, recording }
    }
}

impl Schedule for Recorder {
    fn pick(&mut self, cpu: CpuSlot, ready: &[Ready]) -> Result<usize, Misfit> {
        let index = self.schedule.pick(cpu, ready)?;
        self.recording.borrow_mut().push(ready.len(), index);
        Ok(index)
    }

    fn idle(&self) -> Option<String> {
        self.schedule.idle()
    }
}

#[cfg(test)]
mod tests {
    use super::Recording;
    use super::RecordingError;

    #[test]
    fn a_recording_reads_back_from_its_text() {
        let picks = [(2, 1), (15, 14), (16, 0), (300, 299), (3, 0)];
        let mut recording = Recording::default();
        picks.iter().for_each(|(count, index)| recording.push(*count, *index));
        let read: Recording = recording.to_string().parse().unwrap();
        assert_eq!(read, recording);
        let mut at = 0;
        let back: Vec<_> = std::iter::from_fn(|| read.next(&mut at)).collect();
        assert_eq!(back, picks);
        assert_eq!("2".parse::<Recording>(), Err(RecordingError));
        assert_eq!("2g".parse::<Recording>(), Err(RecordingError));
    }
}
