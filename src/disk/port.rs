//! The door for node code: an NVMe controller with one queue pair per host. Injects no fault.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use crate::base::BlockSize;
use crate::base::DiskId;
use crate::base::Nanos;
use crate::base::NodeId;

use super::engine::Engine;
use super::queue::Work;

pub use super::command::{Command, Completion, Op, OpCode};
pub use super::driver::{Driver, DriverConfig};
pub use super::split::Splitter;
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
    /// Whether writes may be lost with the power until flushed (VWC).
    pub volatile_cache: bool,
    /// Writes of so many blocks or fewer are done whole or not at all, whatever happens (AWUN and AWUPF,
    /// there counted from 0).
    pub atomic_blocks: u32,
    /// Unless they cross a multiple of so many blocks; 0 is no boundary (NABSPF).
    pub atomic_boundary: u32,
    /// The most blocks that a command may carry; 0 is no limit (MDTS).
    pub transfer_blocks: u32,
    /// Whether blocks have protection information.
    pub protection: bool,
    /// Whether deallocated blocks read as zeroes (DLFEAT). They always do.
    pub deallocated_zeroes: bool,
    /// Counts the device's losses of power and its replacements: queue pairs opened under another number
    /// are dead.
    pub life: u32,
    /// How long to wait where a status says so: the delays 1 and 2 of [`Status::crd`] (CRDT).
    pub retry_delays: [Nanos; 2],
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

    /// Resets the controller on behalf of `host`: all commands of all hosts end now with `AbortQueue`, each
    /// in doubt; until the reset is over, new ones end with `NamespaceNotReady`. Says when that will be. The
    /// volatile cache stays.
    pub fn reset(&self, host: NodeId) -> Nanos {
        self.engine.reset(host)
    }

    /// [`Identity::life`], as the host's operating system has noticed it.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.engine.state.borrow().life
    }

    /// Whether the device may lose writes with its power until they are flushed.
    #[must_use]
    pub fn has_volatile_cache(&self) -> bool {
        self.engine.config.volatile_cache
    }

    /// How long to wait where a status says so: [`Identity::retry_delays`].
    #[must_use]
    pub const fn retry_delays(&self) -> [Nanos; 2] {
        RETRY_DELAYS
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

/// The delays that a simulated controller asks for.
const RETRY_DELAYS: [Nanos; 2] = [Nanos::from_micros(100), Nanos::from_micros(500)];

impl Engine {
    /// What the device is, asked without a command.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            serial: self.state.borrow().serial,
            blocks: self.config.blocks,
            block_size: self.config.block_size,
            queue_depth: self.config.queue_depth,
            volatile_cache: self.config.volatile_cache,
            atomic_blocks: self.config.atomic_blocks,
            atomic_boundary: self.config.atomic_boundary,
            transfer_blocks: self.config.transfer_blocks,
            protection: self.config.protection,
            deallocated_zeroes: true,
            life: self.state.borrow().life,
            retry_delays: RETRY_DELAYS,
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
/// Dropping it aborts what is outstanding: each command was executed, not executed, or (unless it is within
/// the atomic unit) executed for the first of its blocks. Nothing of it changes the medium any more afterwards.
pub struct QueuePair {
    engine: Rc<Engine>,
    pair: u32,
}

impl fmt::Debug for QueuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueuePair({}, {} outstanding)", self.engine.id, self.outstanding())
    }
}

/// What became of a queue pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It takes another command.
    Open,
    /// A submission would be refused now.
    Full,
    /// See [`QueuePair::is_dead`].
    Dead,
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

    /// Asks the controller to abort the command of this cookie. It ends with `AbortRequested`, executed or
    /// not, if the controller finds it; nothing happens to one whose completion was lost.
    pub fn abort(&self, cookie: u64) {
        let accepted = self.engine.submit(self.pair, cookie, 0, Work::Abort(cookie));
        assert!(accepted, "an abort takes no room in the queue pair");
    }

    /// Whether the device has lost its power or was replaced since the queue pair was opened: every command ends with
    /// `AbortQueue` from now on, unexecuted. What was in a volatile cache may be lost.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.engine.is_dead(self.pair)
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

    /// Whether it takes another command that the device may execute.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.engine.standing(self.pair)
    }
}

impl Drop for QueuePair {
    fn drop(&mut self) {
        self.engine.close(self.pair);
    }
}
