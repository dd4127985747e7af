//! What a program has written, as far as it is kept: bounded, and accounted for as memory of the node. Reads nothing.

use crate::base::planted;
use crate::sim::{Allocation, NodeHandle};

/// Room for what a program writes, at first.
const INITIAL: usize = 64 << 10;
/// By so much the room grows.
const STEP: usize = 512 << 10;
/// More than that is not kept.
pub(super) const OUTPUT_MAX: usize = 4 << 20;

/// Why not all was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It was more than is kept of any program.
    TooMuch,
    /// The node has no memory for it.
    NoMemory,
}

/// What a program has written so far.
pub(super) struct Output {
    handle: NodeHandle,
    bytes: Vec<u8>,
    room: usize,
    memory: Vec<Allocation>,
    /// How much was read, kept or not.
    read: u64,
    /// The most that was kept at a time.
    kept: u64,
    dropped: Option<Dropped>,
}

impl Output {
    pub(super) fn new(handle: &NodeHandle) -> Self {
        Self {
            handle: handle.clone(),
            bytes: Vec::new(),
            room: 0,
            memory: Vec::new(),
            read: 0,
            kept: 0,
            dropped: None,
        }
    }

    /// Takes a piece: keeps it, or, when something was dropped already or there is no room, drops it and all that was kept.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.read += piece.len() as u64;
        if self.dropped.is_some() {
            return;
        }
        if let Err(dropped) = self.make_room(self.bytes.len() + piece.len()) {
            self.dropped = Some(dropped);
            self.bytes = Vec::new();
            self.memory.clear();
            return;
        }
        self.bytes.extend_from_slice(piece);
        self.kept = self.kept.max(self.bytes.len() as u64);
    }

    fn make_room(&mut self, wanted: usize) -> Result<(), Dropped> {
        if wanted > OUTPUT_MAX && !planted!(NoOutputCap) {
            return Err(Dropped::TooMuch);
        }
        while self.room < wanted {
            let step = if self.room == 0 { INITIAL } else { STEP };
            let memory = self.handle.memory().reserve(step as u64);
            self.memory.push(memory.map_err(|_| Dropped::NoMemory)?);
            self.room += step;
        }
        Ok(())
    }

    /// How much was read, and the most that was kept at a time.
    pub(super) const fn amounts(&self) -> (u64, u64) {
        (self.read, self.kept)
    }

    /// All that was written, if it was kept.
    pub(super) fn whole(self) -> Result<Vec<u8>, Dropped> {
        self.dropped.map_or(Ok(self.bytes), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::{Dropped, OUTPUT_MAX, Output};
    use crate::sim::{Kernel, KernelConfig, NodeConfig, Seed};

    fn output(memory: Option<u64>) -> Output {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let node = kernel.add_node("t0", &NodeConfig { memory, ..NodeConfig::default() });
        kernel.boot(node);
        Output::new(&kernel.handle(node))
    }

    #[test]
    fn what_fits_is_kept_whole_and_no_byte_more() {
        let piece = vec![7; 1 << 16];
        let mut most = output(None);
        (0..OUTPUT_MAX >> 16).for_each(|_| most.take(&piece));
        assert_eq!(most.amounts(), (OUTPUT_MAX as u64, OUTPUT_MAX as u64));
        most.take(&[1]);
        assert_eq!(most.amounts(), (OUTPUT_MAX as u64 + 1, OUTPUT_MAX as u64));
        assert_eq!(most.whole(), Err(Dropped::TooMuch));
        let mut little = output(None);
        little.take(b"one");
        little.take(b" two");
        assert_eq!(little.whole(), Ok(b"one two".to_vec()));
    }

    #[test]
    fn memory_is_taken_as_it_is_needed() {
        let mut short = output(Some(200 << 10));
        short.take(&vec![7; 60 << 10]);
        assert_eq!(short.room, 64 << 10);
        short.take(&vec![7; 60 << 10]);
        assert_eq!(short.whole(), Err(Dropped::NoMemory));
    }
}
