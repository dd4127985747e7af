//! A part of a volume as bytes: what begins or ends within a block is read first, and written as a whole. Keeps nothing.

use std::io;

use crate::base::BlockSize;

use super::ask::Ask;
use super::fiber::ask;

/// The most blocks of an operation.
pub(super) const LONGEST: u64 = 64;

/// A part of a volume. Its clones are the same part.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    first: u64,
    blocks: u64,
    size: BlockSize,
}

impl Drive {
    /// These blocks of the volume.
    pub(super) const fn new(first: u64, blocks: u64, size: BlockSize) -> Self {
        Self { first, blocks, size }
    }

    /// A part of it.
    pub(super) fn part(&self, first: u64, blocks: u64) -> Self {
        assert!(first + blocks <= self.blocks, "a part lies within the whole");
        Self { first: self.first + first, blocks, size: self.size }
    }

    /// The first of its blocks on the volume.
    #[cfg(feature = "sqlite")]
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// How many blocks it has.
    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Bytes of a block.
    pub(super) const fn block_bytes(&self) -> u64 {
        self.size.bytes() as u64
    }

    /// How many bytes it has.
    pub(super) const fn bytes(&self) -> u64 {
        self.blocks * self.block_bytes()
    }

    /// The blocks that these bytes are in, and where in the first they begin.
    fn span(&self, offset: u64, length: usize) -> io::Result<(u64, u64, usize)> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.bytes());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let first = offset / self.block_bytes();
        let blocks = end.div_ceil(self.block_bytes()) - first;
        Ok((first, blocks, (offset % self.block_bytes()) as usize))
    }

    fn read_blocks(&self, first: u64, blocks: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity((blocks * self.block_bytes()) as usize);
        for (first, blocks) in pieces(first, blocks) {
            let block = self.first + first;
            bytes.extend(ask(Ask::Read { block, blocks: blocks as u32 }).or_error()?);
        }
        Ok(bytes)
    }

    /// Reads bytes.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (first, blocks, within) = self.span(offset, out.len())?;
        let bytes = self.read_blocks(first, blocks)?;
        out.copy_from_slice(&bytes[within..within + out.len()]);
        Ok(())
    }

    /// Writes bytes.
    pub(super) fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (first, blocks, within) = self.span(offset, data.len())?;
        if blocks == 0 {
            return Ok(());
        }
        let size = self.size.bytes();
        let end = within + data.len();
        let mut bytes = vec![0; blocks as usize * size];
        if within > 0 || (blocks == 1 && end < size) {
            bytes[..size].copy_from_slice(&self.read_blocks(first, 1)?);
        }
        if blocks > 1 && !end.is_multiple_of(size) {
            let last = bytes.len() - size;
            bytes[last..].copy_from_slice(&self.read_blocks(first + blocks - 1, 1)?);
        }
        bytes[within..end].copy_from_slice(data);
        for ((first, _), bytes) in pieces(first, blocks).zip(bytes.chunks(LONGEST as usize * size))
        {
            ask(Ask::Write { block: self.first + first, bytes: bytes.to_vec() }).or_error()?;
        }
        Ok(())
    }

    /// Has bytes read as zeroes: whole blocks without writing them one by one.
    pub(super) fn clear(&self, offset: u64, length: u64) -> io::Result<()> {
        let size = self.block_bytes();
        let (end, whole) = (offset + length, offset.next_multiple_of(size));
        let whole_end = (end / size * size).max(whole);
        if whole.min(end) > offset {
            self.write(offset, &vec![0; (whole.min(end) - offset) as usize])?;
        }
        for (first, blocks) in pieces(whole / size, (whole_end - whole) / size) {
            let block = self.first + first;
            ask(Ask::Trim { block, blocks: blocks as u32 }).or_error()?;
        }
        if end > whole_end {
            self.write(whole_end, &vec![0; (end - whole_end) as usize])?;
        }
        Ok(())
    }

    /// Makes all that was written durable.
    pub(super) fn flush(&self) -> io::Result<()> {
        ask(Ask::Flush).or_error().map(drop)
    }
}

/// So many blocks, in operations of no more than there may be.
fn pieces(first: u64, blocks: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..blocks.div_ceil(LONGEST)).map(move |piece| {
        let done = piece * LONGEST;
        (first + done, LONGEST.min(blocks - done))
    })
}
