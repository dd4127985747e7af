//! What a host may ask of a namespace, and what it gets back. Executes nothing.

use std::fmt;
use std::ops::BitOr;

use crate::base::FieldKind;
use crate::base::Payload;
use crate::base::Word;

use super::status::Status;

/// A command on its way to a namespace.
#[derive(Clone, Debug)]
pub struct Command {
    /// Handed back in the completion; the device does not look at it.
    pub cookie: u64,
    /// Goes into the record of what the command changes on the medium: the epoch it acts under.
    pub tag: u64,
    /// What to do.
    pub op: Op,
}

/// What a command does. Blocks are counted from `lba`, in the namespace's block size.
#[derive(Clone, Debug)]
pub enum Op {
    /// Reads blocks.
    Read {
        /// The first block.
        lba: u64,
        /// How many, at least 1.
        blocks: u32,
    },
    /// Writes blocks; atomic per block.
    Write {
        /// The first block.
        lba: u64,
        /// What they will hold; at least one block.
        data: Payload,
        /// Force unit access: complete only when the data is past any volatile cache.
        fua: bool,
    },
    /// Makes blocks read as zeroes.
    WriteZeroes {
        /// The first block.
        lba: u64,
        /// How many, at least 1.
        blocks: u32,
    },
    /// Marks blocks as lost: every read of one fails with [`Status::UnrecoveredRead`] until it is
    /// written again (Write Uncorrectable of the NVM command set).
    WriteUncorrectable {
        /// The first block.
        lba: u64,
        /// How many, at least 1.
        blocks: u32,
    },
    /// Gives blocks back to the device (Dataset Management, Deallocate): they read as zeroes from then on.
    Deallocate {
        /// The first block.
        lba: u64,
        /// How many, at least 1.
        blocks: u32,
    },
    /// Reads blocks and compares them: [`Status::CompareFailure`] when any differs.
    Compare {
        /// The first block.
        lba: u64,
        /// What they should hold; at least one block.
        data: Payload,
    },
    /// Makes all that completed before it was submitted durable.
    Flush,
}

impl Op {
    /// Which kind of command it is.
    #[must_use]
    pub const fn code(&self) -> OpCode {
        match self {
            Self::Read { .. } => OpCode::Read,
            Self::Write { .. } => OpCode::Write,
            Self::WriteZeroes { .. } => OpCode::WriteZeroes,
            Self::WriteUncorrectable { .. } => OpCode::WriteUncorrectable,
            Self::Deallocate { .. } => OpCode::Deallocate,
            Self::Compare { .. } => OpCode::Compare,
            Self::Flush => OpCode::Flush,
        }
    }

    /// The blocks it names: the first, and how many. A flush names none.
    #[must_use]
    pub fn range(&self) -> (u64, u32) {
        match self {
            Self::Read { lba, blocks }
            | Self::WriteZeroes { lba, blocks }
            | Self::Deallocate { lba, blocks }
            | Self::WriteUncorrectable { lba, blocks } => (*lba, *blocks),
            Self::Write { lba, data, .. } | Self::Compare { lba, data } => (*lba, data.len()),
            Self::Flush => (0, 0),
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The command's cookie.
    pub cookie: u64,
    /// Its status.
    pub status: Status,
    /// What a successful read read; empty otherwise.
    pub data: Payload,
}

crate::word_enum! {
    /// The kinds of commands.
    pub enum OpCode {
        /// Blocks are read.
        Read = "read",
        /// Blocks are written.
        Write = "write",
        /// Blocks are zeroed.
        WriteZeroes = "write-zeroes",
        /// What was written becomes durable.
        Flush = "flush",
        /// The device says who it is.
        Identify = "identify",
        /// Blocks are marked as lost.
        WriteUncorrectable = "write-uncorrectable",
        /// Blocks are given back.
        Deallocate = "deallocate",
        /// Blocks are compared.
        Compare = "compare",
        /// Another command is to be aborted.
        Abort = "abort",
    }
}

impl OpCode {
    /// Whether it changes the medium.
    #[must_use]
    pub const fn changes_media(self) -> bool {
        matches!(
            self,
            Self::Write | Self::WriteZeroes | Self::WriteUncorrectable | Self::Deallocate
        )
    }

    /// Whether it looks at blocks of the medium.
    #[must_use]
    pub const fn reads_media(self) -> bool {
        matches!(self, Self::Read | Self::Compare)
    }
}

/// A set of kinds of commands, for faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpMask(u16);

impl OpMask {
    /// No command.
    pub const NONE: Self = Self(0);
    /// Every command.
    pub const ALL: Self = Self(0b1_1111_1111);
    /// Reads and compares.
    pub const READ: Self = Self(Self::only(OpCode::Read).0 | Self::only(OpCode::Compare).0);
    /// Whatever changes the medium: writes, write-zeroes, write-uncorrectable and deallocate.
    pub const WRITE: Self = Self(
        Self::only(OpCode::Write).0
            | Self::only(OpCode::WriteZeroes).0
            | Self::only(OpCode::Deallocate).0
            | Self::only(OpCode::WriteUncorrectable).0,
    );
    /// Flushes.
    pub const FLUSH: Self = Self::only(OpCode::Flush);

    /// This kind alone.
    #[must_use]
    pub const fn only(code: OpCode) -> Self {
        Self(1 << code as u8)
    }

    /// Whether this kind is in the set.
    #[must_use]
    pub const fn contains(self, code: OpCode) -> bool {
        self.0 & Self::only(code).0 != 0
    }
}

impl BitOr for OpMask {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for OpMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for code in OpCode::ALL.iter().filter(|code| self.contains(**code)) {
            write!(f, "{between}{code}")?;
            between = "+";
        }
        if between.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

impl Word for OpMask {
    const KIND: FieldKind = FieldKind::Number;
    fn to_word(self) -> u64 {
        u64::from(self.0)
    }
    fn from_word(word: u64) -> Self {
        Self(word as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::{OpCode, OpMask};

    #[test]
    fn all_is_every_kind_and_write_is_what_changes_media() {
        for code in OpCode::ALL {
            assert!(OpMask::ALL.contains(*code) && !OpMask::NONE.contains(*code));
            assert_eq!(OpMask::WRITE.contains(*code), code.changes_media());
            assert_eq!(OpMask::READ.contains(*code), code.reads_media());
        }
        assert!((OpMask::READ | OpMask::FLUSH).contains(OpCode::Flush));
        assert!(!(OpMask::READ | OpMask::FLUSH).contains(OpCode::Write));
    }
}
