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
    /// Whether anything is to be kept.
    is_wanted: bool,
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
            is_wanted: true,
        }
    }

    /// What is read only so that the program does not wait for a reader: none of it is kept.
    pub(super) fn unwanted(handle: &NodeHandle) -> Self {
        Self { is_wanted: false, ..Self::new(handle) }
    }

    /// Takes a piece: keeps it, once there is memory for it; or, when something was dropped already or it is too much, drops
    /// it and all that was kept. Whoever gives up waiting for memory has dropped it, too.
    pub(super) async fn take(&mut self, piece: &[u8]) {
        self.read += piece.len() as u64;
        if !self.is_wanted || self.dropped.is_some() {
            return;
        }
        let wanted = self.bytes.len() + piece.len();
        if wanted > OUTPUT_MAX && !planted!(NoOutputCap) {
            self.dropped = Some(Dropped::TooMuch);
            self.bytes = Vec::new();
            self.memory.clear();
            return;
        }
        while self.room < wanted {
            let step = if self.room == 0 { INITIAL } else { STEP };
            self.dropped = Some(Dropped::NoMemory);
            self.memory.push(self.handle.memory().alloc_waiting(step as u64).await);
            self.dropped = None;
            self.room += step;
        }
        self.bytes.extend_from_slice(piece);
        self.kept = self.kept.max(self.bytes.len() as u64);
    }

    /// Whether something was dropped for want of memory.
    pub(super) fn is_starved(&self) -> bool {
        self.dropped == Some(Dropped::NoMemory)
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
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Dropped, OUTPUT_MAX, Output};
    use crate::base::Nanos;
    use crate::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn};

    /// What becomes of pieces of these lengths on a node with so much memory, within a second.
    fn output(memory: Option<u64>, pieces: Vec<usize>) -> Output {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let node = kernel.add_node("t0", &NodeConfig { memory, ..NodeConfig::default() });
        kernel.boot(node);
        let handle = kernel.handle(node);
        let done = Rc::new(RefCell::new(None));
        let told = done.clone();
        handle.clone().spawn("test", async move {
            let mut output = Output::new(&handle);
            for length in pieces {
                let piece = vec![7; length];
                let _late = handle.timeout(Nanos::from_secs(1), output.take(&piece)).await;
            }
            *told.borrow_mut() = Some(output);
        });
        while done.borrow().is_none() {
            assert_eq!(kernel.turn(), Turn::Ran);
        }
        done.take().expect("it is done")
    }

    #[test]
    fn what_fits_is_kept_whole_and_no_byte_more() {
        let most = output(None, vec![1 << 16; OUTPUT_MAX >> 16]);
        assert_eq!(most.amounts(), (OUTPUT_MAX as u64, OUTPUT_MAX as u64));
        assert!(most.whole().is_ok_and(|text| text.len() == OUTPUT_MAX));
        let more = output(None, [vec![1 << 16; OUTPUT_MAX >> 16], vec![1]].concat());
        assert_eq!(more.amounts(), (OUTPUT_MAX as u64 + 1, OUTPUT_MAX as u64));
        assert_eq!(more.whole(), Err(Dropped::TooMuch));
        assert_eq!(output(None, vec![3, 4]).whole(), Ok(vec![7; 7]));
    }

    #[test]
    fn memory_is_taken_as_it_is_needed_and_waited_for() {
        let some = output(Some(200 << 10), vec![60 << 10]);
        assert_eq!(some.room, 64 << 10);
        assert!(!some.is_starved());
        let short = output(Some(200 << 10), vec![60 << 10, 60 << 10, 1]);
        assert!(short.is_starved());
        assert_eq!(short.amounts().0, (120 << 10) + 1);
        assert_eq!(short.whole(), Err(Dropped::NoMemory));
    }
}
