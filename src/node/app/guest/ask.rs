//! What a guest asks for from its fiber, and how it is answered. Answers nothing itself.

use std::io;

use crate::base::Nanos;
use crate::base::guest::Damage;

/// What a guest asks for. Blocks are those of the volume.
#[derive(Debug)]
pub(super) enum Ask {
    /// What these blocks hold.
    Read { block: u64, blocks: u32 },
    /// Whole blocks, written from that one on.
    Write { block: u64, bytes: Vec<u8> },
    /// These blocks are to read as zeroes.
    Trim { block: u64, blocks: u32 },
    /// All that was written is to be durable.
    Flush,
    /// To sleep.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "one guest sleeps"))]
    Sleep(Nanos),
    /// Its turn for another step: done when it comes, over when there is none.
    Turn,
    /// That the history is told.
    Tell(Tale),
}

/// What a guest has to tell.
#[derive(Debug)]
pub(super) enum Tale {
    /// It begins a step.
    Began { step: u64, before: u64, after: u64 },
    /// The step is done.
    Committed { step: u64, contents: u64 },
    /// It has looked at everything. Of damage it has something to say.
    Found { contents: u64, damage: Damage, words: String },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is done.
    Done,
    /// What was read.
    Data(Vec<u8>),
    /// The volume says that it failed. So does all that is asked for from now on.
    Failed,
    /// There is nothing more to do.
    Over,
    /// The guest is dead, and nothing will be done for it.
    Dead,
}

impl Reply {
    /// As programs are told.
    pub(super) fn or_error(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Data(data) => Ok(data),
            Self::Done => Ok(Vec::new()),
            Self::Failed | Self::Over | Self::Dead => Err(io::Error::other("the volume failed")),
        }
    }
}
