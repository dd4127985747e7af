//! What reads of a block give when that isn't what the medium holds, and no command said so: overlays of
//! silent faults. Draws nothing.
//!
//! Pristine contents stay on the medium: what the device should hold. Lifting a fault brings them back, and
//! so does writing the block again.
//!
//! # Fidelity
//! - Modelled: rotten bits in data and metadata, blocks torn within, writes that were acknowledged and not
//!   done, writes and reads of a neighbouring place. With protection information each block read is checked
//!   by guard, application tag and reference tag.
//! - Simplified: every block has protection information, as on a namespace that was formatted by writing it;
//!   a real one leaves deallocated blocks unchecked. A misdirected command goes at most 64 blocks astray. A
//!   block that a silent fault left so stays so over a power loss, even if the write was only cached.

use std::collections::BTreeMap;

use crate::base::{Block, BlockSize, Payload};

use super::fault::{FaultId, FaultKind};
use super::protection::Protection;
use super::status::Status;

/// What a read of a block finds.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) fault: FaultId,
    pub(super) kind: FaultKind,
    pub(super) block: Block,
    pub(super) protection: Protection,
}

/// The blocks of a disk that don't read as they should.
#[derive(Debug, Default)]
pub(super) struct Silent {
    shown: BTreeMap<u64, Shown>,
}

impl Silent {
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.shown.len()
    }

    pub(super) fn show(&mut self, lba: u64, shown: Shown) {
        self.shown.insert(lba, shown);
    }

    /// What is shown of a block instead of the truth, if anything.
    pub(super) fn get(&self, lba: u64) -> Option<&Shown> {
        self.shown.get(&lba)
    }

    /// The first of these blocks that reads wrong: through which fault, and what the device's checks say
    /// of the first that they find.
    pub(super) fn meets(
        &self,
        (lba, blocks): (u64, u32),
        size: BlockSize,
    ) -> Option<(FaultKind, Option<Status>)> {
        let within = || self.shown.range(lba..lba + u64::from(blocks));
        let flaw = within().find_map(|(at, shown)| {
            shown.protection.flaw(&shown.block, size, *at).map(|flaw| (shown.kind, Some(flaw)))
        });
        flaw.or_else(|| within().next().map(|(_, shown)| (shown.kind, None)))
    }

    /// Puts what is shown in the place of what the medium gave.
    pub(super) fn distort(&self, lba: u64, data: Payload) -> Payload {
        let range = lba..lba + u64::from(data.len());
        if self.shown.range(range).next().is_none() {
            return data;
        }
        let each = (lba..).zip(data.blocks());
        let blocks: Vec<Block> = each
            .map(|(at, block)| self.shown.get(&at).map_or(block, |shown| shown.block.clone()))
            .collect();
        Payload::from_blocks(&blocks)
    }

    /// Blocks were written: they read as they should again. Says how many didn't.
    pub(super) fn rewritten(&mut self, lba: u64, blocks: u32) -> u32 {
        let before = self.shown.len();
        if before > 0 {
            self.shown.retain(|at, _| !(lba..lba + u64::from(blocks)).contains(at));
        }
        (before - self.shown.len()) as u32
    }

    /// Lifts one fault; whether it showed in any block.
    pub(super) fn lift(&mut self, fault: FaultId) -> bool {
        let before = self.shown.len();
        self.shown.retain(|_, shown| shown.fault != fault);
        before != self.shown.len()
    }

    pub(super) fn heal(&mut self) {
        self.shown.clear();
    }
}

/// A block of which only the first half was written.
pub(super) fn torn(new: &Block, old: &Block, size: BlockSize) -> Block {
    let mut bytes = new.bytes(size);
    let half = bytes.len() / 2;
    bytes[half..].copy_from_slice(&old.bytes(size)[half..]);
    Block::from_bytes(&bytes)
}

/// A block with some of its bits flipped, counted from its first byte's lowest bit.
pub(super) fn rotten(block: &Block, bits: &[u32], size: BlockSize) -> Block {
    let mut bytes = block.bytes(size);
    for bit in bits {
        bytes[*bit as usize / 8] ^= 1 << (bit % 8);
    }
    Block::from_bytes(&bytes)
}
