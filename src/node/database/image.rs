//! The file that the database engine believes it has: bytes in memory, and a list of what was asked of them, in order,
//! for somebody else to do on a disk. Knows no disk.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// What the engine asked of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes from here on are these.
    Write { offset: u64, bytes: Vec<u8> },
    /// It is as long as this.
    SetLen(u64),
    /// Nothing after this may be there without everything before it.
    Sync,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

/// The file. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Image(Arc<Mutex<State>>);

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "Image({} bytes, {} steps)", state.bytes.len(), state.steps.len())
    }
}

impl Image {
    /// A file that holds these bytes.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, steps: Vec::new() })))
    }

    /// What was asked since the last time that somebody asked this.
    pub(super) fn take_steps(&self) -> Vec<Step> {
        std::mem::take(&mut self.state().steps)
    }

    /// How long it is.
    pub(super) fn length(&self) -> u64 {
        self.state().bytes.len() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("one thread uses it, and would be gone with it")
    }
}

fn end_of_file() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

impl State {
    /// Where these bytes are, if all of them are within the file.
    fn span(&self, offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
        let start = usize::try_from(offset).map_err(|_| end_of_file())?;
        let end = start.checked_add(length).ok_or_else(end_of_file)?;
        if end > self.bytes.len() { Err(end_of_file()) } else { Ok(start..end) }
    }
}

impl StorageBackend for Image {
    fn len(&self) -> io::Result<u64> {
        Ok(self.length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let span = state.span(offset, out.len())?;
        out.copy_from_slice(&state.bytes[span]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let length = usize::try_from(len).map_err(|_| end_of_file())?;
        state.bytes.resize(length, 0);
        state.steps.push(Step::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().steps.push(Step::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let span = state.span(offset, data.len())?;
        state.bytes[span].copy_from_slice(data);
        state.steps.push(Step::Write { offset, bytes: data.to_vec() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redb::StorageBackend;

    use super::{Image, Step};

    #[test]
    fn what_is_asked_is_done_in_memory_and_noted_in_order() {
        let image = Image::default();
        image.set_len(8).expect("it grows");
        image.write(6, &[1, 2]).expect("within the file");
        image.sync_data().expect("it syncs");
        image.write(7, &[3, 4]).expect_err("beyond its end");
        let mut out = [9; 8];
        image.read(0, &mut out).expect("within the file");
        assert_eq!(out, [0, 0, 0, 0, 0, 0, 1, 2]);
        image.read(1, &mut out).expect_err("beyond its end");
        let write = Step::Write { offset: 6, bytes: vec![1, 2] };
        assert_eq!(image.take_steps(), [Step::SetLen(8), write, Step::Sync]);
        assert_eq!(image.take_steps(), []);
    }
}
