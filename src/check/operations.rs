//! The operations in flight: invoked, and neither returned nor abandoned. Judges nothing.

use crate::base::history::{OpInvoked, OpKind};
use crate::base::{OpId, Record, Stamp, VolumeId};

use super::index::Index;
use super::value::Moment;

/// An operation that has not returned.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What it is to do.
    pub kind: OpKind,
    /// On which volume.
    pub volume: VolumeId,
    /// Its first block.
    pub block: u64,
    /// How many blocks.
    pub blocks: u32,
    /// For a write, the author word of its stamps; for a flush, one that says whose it is.
    pub author: u64,
    /// Its invocation.
    pub invoked: Moment,
    /// The blocks that it has been shown, if it reads.
    pub shown: Vec<(u64, Stamp)>,
}

impl Operation {
    /// Its id.
    #[must_use]
    pub fn op(&self) -> OpId {
        self.invoked.op
    }

    /// Whether it is about that block.
    #[must_use]
    pub fn covers(&self, block: u64) -> bool {
        block >= self.block && block - self.block < u64::from(self.blocks)
    }

    /// One line for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let place = match (self.kind, self.blocks) {
            (OpKind::Flush, _) => String::new(),
            (_, 1) => format!(" block {}", self.block),
            (_, blocks) => format!(" blocks {}..{}", self.block, self.block + u64::from(blocks)),
        };
        format!("{} {}{place}, invoked {}", self.op(), self.kind, self.invoked.at)
    }
}

/// All operations in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations {
    slots: Vec<Option<Operation>>,
    free: Vec<u32>,
    index: Index,
    /// Lists that operations gone by have left, to be used again.
    lists: Vec<Vec<(u64, Stamp)>>,
}

impl Operations {
    /// Enters an operation. One of the same id that is still there is replaced.
    pub(super) fn enter(&mut self, record: &Record, invoked: &OpInvoked) {
        if self.index.get(invoked.op.get()).is_some() {
            let _ = self.leave(invoked.op);
        }
        let operation = Operation {
            kind: invoked.kind,
            volume: invoked.volume,
            block: invoked.block,
            blocks: invoked.blocks,
            author: invoked.author,
            invoked: Moment { seq: record.seq, at: record.at, op: invoked.op },
            shown: self.lists.pop().unwrap_or_default(),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(operation);
                slot
            }
            None => {
                self.slots.push(Some(operation));
                self.slots.len() as u32 - 1
            }
        };
        self.index.insert(invoked.op.get(), slot);
    }

    /// The operation of that id.
    pub(super) fn get(&self, op: OpId) -> Option<&Operation> {
        let slot = self.index.get(op.get())?;
        self.slots[slot as usize].as_ref()
    }

    /// The operation of that id, to be changed.
    pub(super) fn get_mut(&mut self, op: OpId) -> Option<&mut Operation> {
        let slot = self.index.get(op.get())?;
        self.slots[slot as usize].as_mut()
    }

    /// Takes the operation out.
    pub(super) fn leave(&mut self, op: OpId) -> Option<Operation> {
        let slot = self.index.remove(op.get())?;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// Takes back the list of an operation that has left.
    pub(super) fn recycle(&mut self, operation: Operation) {
        let mut list = operation.shown;
        if list.capacity() > 0 {
            list.clear();
            self.lists.push(list);
        }
    }

    /// All of them, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.slots.iter().flatten()
    }
}
