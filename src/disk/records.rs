//! The NVMe simulator's trace records. Records of faults carry the names of the control methods.

use crate::base::DiskId;
use crate::base::Nanos;
use crate::base::NodeId;

use super::command::OpCode;
use super::command::OpMask;
use super::fault::FaultKind;
use super::fault::Phase;
use super::status::Status;

crate::record! {
    /// A host queued a command.
    pub struct CommandSubmitted = "disk.submitted", Trace {
        disk: DiskId, host: NodeId, cookie: u64, op: OpCode, lba: u64, blocks: u32
    }
}
crate::record! {
    /// A command ended and its host is told; caused by its submission. `latency` counts from there.
    pub struct CommandCompleted = "disk.completed", Trace {
        disk: DiskId, host: NodeId, cookie: u64, op: OpCode, status: Status, latency: Nanos
    }
}
crate::record! {
    /// A command went down with its queue pair, after the first `executed` of its blocks.
    pub struct CommandAborted = "disk.aborted", Trace {
        disk: DiskId, host: NodeId, cookie: u64, op: OpCode, lba: u64, executed: u32
    }
}
crate::record! {
    /// A fault landed on a command: it ends with `status`; `executed` says whether it was executed all
    /// the same. A command that hangs or is slowed ends later, if ever.
    pub struct CommandFaulted = "disk.faulted", Notable {
        disk: DiskId, fault: FaultKind, op: OpCode, lba: u64, status: Status, executed: bool
    }
}
crate::record! {
    /// A write covered bad sectors, which are good from now on.
    pub struct SectorRemapped = "disk.sector-remapped", Notable { disk: DiskId, lba: u64, count: u32 }
}
crate::record! {
    /// Reads of these blocks will fail until they are rewritten.
    pub struct BadSectorInserted = "disk.insert_bad_sector", Notable {
        disk: DiskId, lba: u64, count: u64, status: Status
    }
}
crate::record! {
    /// Commands of these kinds fail with a chance of `numerator` in `denominator`.
    pub struct RandomFailureInjected = "disk.inject_random_failure", Notable {
        disk: DiskId, ops: OpMask, numerator: u32, denominator: u32, status: Status, phase: Phase
    }
}
crate::record! {
    /// The next `count` commands of these kinds will fail.
    pub struct FailNextSet = "disk.fail_next", Notable {
        disk: DiskId, ops: OpMask, count: u32, status: Status, phase: Phase
    }
}
crate::record! {
    /// A burst of latent errors: `count` blocks among `span` fail, each from a time within `within` on.
    pub struct BadSectorBurst = "disk.insert_bad_sector_burst", Notable {
        disk: DiskId, lba: u64, count: u64, span: u64, within: Nanos, status: Status
    }
}
crate::record! {
    /// Every command fails from now on.
    pub struct BrokenWith = "disk.break_with", Notable { disk: DiskId, status: Status }
}
crate::record! {
    /// The next `count` writes are torn within a block, and acknowledged.
    pub struct TearNextWriteSet = "disk.tear_next_write", Notable { disk: DiskId, count: u32 }
}
crate::record! {
    /// The next `count` writes are acknowledged and not done.
    pub struct LoseNextWriteSet = "disk.lose_next_write", Notable { disk: DiskId, count: u32 }
}
crate::record! {
    /// The next `count` writes go to another place.
    pub struct MisdirectNextWriteSet = "disk.misdirect_next_write", Notable { disk: DiskId, count: u32 }
}
crate::record! {
    /// The next `count` reads are answered from another place.
    pub struct MisdirectNextReadSet = "disk.misdirect_next_read", Notable { disk: DiskId, count: u32 }
}
crate::record! {
    /// The next `count` completions are posted twice.
    pub struct DuplicateNextCompletionSet = "disk.duplicate_next_completion", Notable {
        disk: DiskId, count: u32
    }
}
crate::record! {
    /// So many bits of a block flipped, of its data or of what stands beside it.
    pub struct BitsFlipped = "disk.flip_bits", Notable { disk: DiskId, lba: u64, bits: u32 }
}
crate::record! {
    /// The device lost its power with its host; `ended` commands went with its queues.
    pub struct PowerLost = "disk.power_loss", Notable { disk: DiskId, ended: u32 }
}
crate::record! {
    /// The device's own power failed for a moment; `ended` commands went with its queues.
    pub struct CacheDropped = "disk.drop_cache", Notable { disk: DiskId, ended: u32 }
}
crate::record! {
    /// Of `cached` blocks in the volatile cache `lost` didn't get to the medium before the power went.
    pub struct CacheLost = "disk.cache-lost", Notable { disk: DiskId, cached: u32, lost: u32 }
}
crate::record! {
    /// The disk holds again what it held `age` ago; `changes` were taken back.
    pub struct OldImageRestored = "disk.restore_old_image", Notable {
        disk: DiskId, age: Nanos, changes: u32
    }
}
crate::record! {
    /// A host reset the controller: `ended` commands went with it, and it is ready after `takes`.
    pub struct ControllerReset = "disk.controller-reset", Notable {
        disk: DiskId, host: NodeId, ended: u32, takes: Nanos
    }
}
crate::record! {
    /// A host's driver gave a command more time than it may take and does something about it: aborts it
    /// (1), resets the controller (2), gives the device up (3).
    pub struct CommandTimedOut = "disk.timed-out", Notable {
        disk: DiskId, host: NodeId, cookie: u64, step: u8
    }
}
crate::record! {
    /// The disk takes no write.
    pub struct ReadOnlySet = "disk.read_only", Notable { disk: DiskId }
}
crate::record! {
    /// Latencies of commands submitted from now on are `factor` times what they draw.
    pub struct SlowSet = "disk.slow", Notable { disk: DiskId, factor: u32 }
}
crate::record! {
    /// Commands of these kinds do not complete.
    pub struct HangSet = "disk.hang", Notable { disk: DiskId, ops: OpMask }
}
crate::record! {
    /// One fault was lifted; `released` commands that hung go on.
    pub struct FaultLifted = "disk.lift", Notable { disk: DiskId, released: u32 }
}
crate::record! {
    /// All overlays were lifted; `released` commands that hung go on.
    pub struct Healed = "disk.heal", Notable { disk: DiskId, released: u32 }
}
crate::record! {
    /// A client lost its path to the disk, and `ended` commands with it.
    pub struct ClientDisconnected = "disk.disconnect_from_client", Notable {
        disk: DiskId, client: NodeId, ended: u32
    }
}
crate::record! {
    /// A client has its path to the disk again.
    pub struct ClientReconnected = "disk.reconnect_to_client", Notable { disk: DiskId, client: NodeId }
}
crate::record! {
    /// The namespace is gone for everyone, and `ended` commands with it.
    pub struct Unplugged = "disk.unplug", Notable { disk: DiskId, ended: u32 }
}
crate::record! {
    /// The namespace is back.
    pub struct Plugged = "disk.plug", Notable { disk: DiskId }
}
crate::record! {
    /// Another, blank device took the disk's place; `ended` commands went with the old one.
    pub struct Replaced = "disk.replace", Notable { disk: DiskId, serial: u64, ended: u32 }
}
crate::record! {
    /// The device that was in the place of disk `with` is in this one's from now on; `ended` commands went with the one
    /// that was here.
    pub struct Swapped = "disk.swap", Notable { disk: DiskId, with: DiskId, ended: u32 }
}
crate::record! {
    /// A block was changed from outside, by no command.
    pub struct RawWritten = "disk.raw_write", Notable { disk: DiskId, lba: u64 }
}
