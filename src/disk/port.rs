//! The door for node code: an NVMe controller with one queue pair per host. Injects no fault.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use crate::base::BlockSize;
use crate::base::DiskId;
use crate::base::NodeId;

use super::engine::Engine;
use super::queue::Work;

pub use super::command::{Command, Completion, Op, OpCode};
pub use super::status::Status;

/// A handle to one namespace, for the node that holds the disk. Clones are cheap.
#[derive(Clone)]
pub struct Drive {
    engine: Rc<Engine>,
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drive({})", self.engine.id)
    }
}

/// What a namespace says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Tells this device from any other, the one that replaces it among them.
    pub serial: u64,
    /// Capacity in blocks.
    pub blocks: u64,
    /// Size of a block.
    pub block_size: BlockSize,
    /// Commands that a queue pair may have outstanding.
    pub queue_depth: u16,
    /// Whether writes may be lost with the power until flushed.
    pub volatile_cache: bool,
    /// Blocks that are written whole or not at all, whatever happens.
    pub atomic_blocks: u32,
}

impl Drive {
    pub(super) fn new(engine: Rc<Engine>) -> Self {
        Self { engine }
    }

    /// The disk.
    #[must_use]
    pub fn id(&self) -> DiskId {
        self.engine.id
    }

    /// Opens a queue pair on behalf of `host`: the client whose IO it will carry, or the node itself
    /// for its own. Succeeds always; a disk that is gone tells so in completions.
    #[must_use]
    pub fn open(&self, host: NodeId) -> QueuePair {
        QueuePair { pair: self.engine.open(host), engine: self.engine.clone() }
    }

    /// Asks the namespace, on behalf of `host`, what it is. Takes as long as a read.
    ///
    /// # Errors
    /// Any status but success: the namespace is gone, the host has no path, or a fault hit.
    pub async fn identify(&self, host: NodeId) -> Result<Identity, Status> {
        let pair = self.open(host);
        let accepted = self.engine.submit(pair.pair, 0, 0, Work::Identify);
        assert!(accepted, "a fresh queue pair has room");
        match pair.completion().await.status {
            Status::Success => Ok(self.engine.identity()),
            status => Err(status),
        }
    }
}

impl Engine {
    /// What the device is, asked without a command.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            serial: self.state.borrow().serial,
            blocks: self.config.blocks,
            block_size: self.config.block_size,
            queue_depth: self.config.queue_depth,
            volatile_cache: false,
            atomic_blocks: 1,
        }
    }
}

/// The queue pair already has as many commands outstanding as it may: take completions first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue pair is full: take a completion before the next submission")
    }
}

impl std::error::Error for QueueFull {}

/// One host's submission and completion queue.
///
/// Dropping it aborts what is outstanding: each command was executed, not executed, or executed for
/// the first of its blocks. Nothing of it changes the medium any more afterwards.
pub struct QueuePair {
    engine: Rc<Engine>,
    pair: u32,
}

impl fmt::Debug for QueuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueuePair({}, {} outstanding)", self.engine.id, self.outstanding())
    }
}

impl QueuePair {
    /// Queues a command. It takes effect at the instant it completes, in any order with others.
    ///
    /// # Errors
    /// [`QueueFull`] when the queue depth is used up; nothing was queued then.
    pub fn submit(&self, command: Command) -> Result<(), QueueFull> {
        let Command { cookie, tag, op } = command;
        let accepted = self.engine.submit(self.pair, cookie, tag, Work::Io(op));
        if accepted { Ok(()) } else { Err(QueueFull) }
    }

    /// The next completion, or `Pending`. One task at a time may wait.
    pub fn poll_completion(&self, cx: &Context<'_>) -> Poll<Completion> {
        self.engine.poll_completion(self.pair, cx)
    }

    /// Waits for the next completion.
    pub async fn completion(&self) -> Completion {
        poll_fn(|cx| self.poll_completion(cx)).await
    }

    /// Commands submitted whose completion has not been taken.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        usize::from(self.engine.outstanding(self.pair))
    }

    /// Whether a submission would be refused now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.engine.outstanding(self.pair) >= self.engine.config.queue_depth
    }
}

impl Drop for QueuePair {
    fn drop(&mut self) {
        self.engine.close(self.pair);
    }
}
