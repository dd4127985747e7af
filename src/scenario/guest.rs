//! Applications that are programs nobody here wrote, on a volume: which there are, and what they need. Runs none.

use super::ids::NodeRef;
use super::name::name_enum;
use super::units::CountRange;
use crate::base::{BlockSize, Nanos};

/// The most blocks of an operation of theirs.
pub(super) const LONGEST: u64 = 64;

/// Whether this program has the application `sqlite`.
pub(super) const CAN_SQLITE: bool = cfg!(feature = "sqlite");

name_enum! {
    /// A program that nobody here wrote.
    pub enum GuestProgram {
        /// An embedded database in Rust.
        Redb = "redb",
        /// A FAT file system.
        Fatfs = "fatfs",
        /// SQLite; only programs built with the feature `sqlite` have it.
        Sqlite = "sqlite",
    }
}

/// A program that nobody here wrote, at work on a part of a volume that it has for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestApp {
    /// Which program it is.
    pub program: GuestProgram,
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// Steps that it is to finish, at least 1: transactions, operations on files.
    pub ops: u64,
    /// Steps that it begins per second of virtual time, at most; `None` for no limit.
    pub rate: Option<u64>,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// When it starts.
    pub start: Nanos,
    /// When it begins no more, even if steps are left.
    pub stop: Option<Nanos>,
    /// 1: a part of a volume has room for one of them.
    pub count: u32,
}

impl GuestApp {
    /// The fewest blocks that it needs.
    #[must_use]
    pub const fn room(&self, block_size: BlockSize) -> u64 {
        let bytes = match self.program {
            GuestProgram::Redb => 8 << 20,
            GuestProgram::Fatfs | GuestProgram::Sqlite => 4 << 20,
        };
        bytes / block_size.bytes() as u64
    }
}
