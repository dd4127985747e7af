//! Fault overlays of one disk: what is wrong with it now. They never touch what the medium holds.

use std::collections::BTreeMap;
use std::fmt;

use crate::base::Nanos;
use crate::base::NodeId;
use crate::base::Odds;
use crate::sim::Rng;

use super::command::OpCode;
use super::command::OpMask;
use super::status::Status;

crate::word_enum! {
    /// Whether a failing command was executed.
    pub enum Phase {
        /// It fails before it is executed.
        Before = "before",
        /// It is executed, and its completion carries the error.
        After = "after",
        /// It is executed, and its completion is lost: the host hears nothing until it aborts the
        /// command, resets the controller or gives the queue up.
        Completion = "completion",
        /// It is executed, and its completion comes much later than it should, as a success.
        Delayed = "delayed",
    }
}

crate::word_enum! {
    /// What kind of fault landed on a command.
    pub enum FaultKind {
        /// A read covered a bad sector.
        BadSector = "insert_bad_sector",
        /// A random failure hit.
        RandomFailure = "inject_random_failure",
        /// It was one of the next commands to fail.
        FailNext = "fail_next",
        /// It would change a disk that is read-only.
        ReadOnly = "read_only",
        /// Its latency was multiplied.
        Slow = "slow",
        /// It hangs.
        Hang = "hang",
        /// Its client has no path to the disk, or lost it.
        Disconnected = "disconnect_from_client",
        /// The namespace is gone, or went.
        Unplugged = "unplug",
        /// The device was taken away and replaced.
        Replaced = "replace",
        /// A bit or more of a block rotted, and a read met it.
        FlipBits = "flip_bits",
        /// A block of a write was torn within, or a read met it.
        TearNextWrite = "tear_next_write",
        /// A write was acknowledged and not done, or a read met what was there before.
        LoseNextWrite = "lose_next_write",
        /// A write went to another place, or a read met it there or missed it here.
        MisdirectNextWrite = "misdirect_next_write",
        /// A read was answered from another place.
        MisdirectNextRead = "misdirect_next_read",
        /// A completion was posted twice: again with the next of its queue pair.
        DuplicateNextCompletion = "duplicate_next_completion",
        /// The device fails everything.
        BrokenWith = "break_with",
        /// The device lost its power, and its queues with it.
        PowerLost = "power_loss",
        /// The controller was reset, or is being.
        Reset = "reset",
        /// The host had it aborted.
        Abort = "abort",
    }
}

impl FaultKind {
    /// Whether a write that it hits is acknowledged and not done as it should be.
    #[must_use]
    pub const fn is_silent_write(self) -> bool {
        matches!(self, Self::TearNextWrite | Self::LoseNextWrite | Self::MisdirectNextWrite)
    }

    /// Whether it waits for the next command of its kind, and for which.
    const fn waits_for(self, code: OpCode) -> bool {
        match self {
            Self::TearNextWrite | Self::LoseNextWrite | Self::MisdirectNextWrite => {
                matches!(code, OpCode::Write)
            }
            Self::MisdirectNextRead => matches!(code, OpCode::Read),
            _ => !matches!(code, OpCode::Identify | OpCode::Abort),
        }
    }
}

/// One injected fault, to lift it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(u64);

/// A fault that is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads of some blocks fail.
    BadSectors {
        /// How many blocks.
        count: u64,
    },
    /// Commands fail by chance.
    RandomFailure {
        /// Which.
        ops: OpMask,
        /// How likely.
        odds: Odds,
        /// With what.
        status: Status,
        /// Executed or not.
        phase: Phase,
    },
    /// The next commands fail.
    FailNext {
        /// Which.
        ops: OpMask,
        /// How many more.
        count: u32,
        /// With what.
        status: Status,
        /// Executed or not.
        phase: Phase,
    },
    /// The next commands are done wrong, and the device doesn't say so.
    Next {
        /// How.
        kind: FaultKind,
        /// How many more.
        count: u32,
    },
    /// Blocks read wrong, and the device doesn't know.
    Corrupt {
        /// How many blocks.
        count: u64,
    },
    /// Every command fails.
    Broken {
        /// With what.
        status: Status,
    },
    /// Nothing can be written.
    ReadOnly,
    /// Latencies are multiplied.
    Slow {
        /// By this.
        factor: u32,
    },
    /// Commands never complete.
    Hang {
        /// Which.
        ops: OpMask,
    },
    /// A client has no path to the disk.
    Disconnected {
        /// Which.
        client: NodeId,
    },
    /// The namespace is gone.
    Unplugged,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSectors { count } => write!(f, "insert_bad_sector: {count} blocks"),
            Self::RandomFailure { ops, odds, status, phase } => {
                write!(f, "inject_random_failure: {ops} with {status} at {odds}, {phase} execution")
            }
            Self::FailNext { ops, count, status, phase } => {
                write!(f, "fail_next: {count} of {ops} with {status}, {phase} execution")
            }
            Self::Next { kind, count } => write!(f, "{kind}: {count}"),
            Self::Corrupt { count } => write!(f, "silently corrupt: {count} blocks"),
            Self::Broken { status } => write!(f, "break_with: {status}"),
            Self::ReadOnly => f.write_str("read_only"),
            Self::Slow { factor } => write!(f, "slow: by {factor}"),
            Self::Hang { ops } => write!(f, "hang: {ops}"),
            Self::Disconnected { client } => write!(f, "disconnect_from_client: {client}"),
            Self::Unplugged => f.write_str("unplug"),
        }
    }
}

/// What becomes of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Posted,
    Lost,
    Late,
    Twice,
}

/// What becomes of a command that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: Status,
    /// Whether it is executed on the medium.
    pub(super) executed: bool,
    /// The fault that made it so.
    pub(super) fault: Option<FaultKind>,
    /// Which one of its kind.
    pub(super) by: FaultId,
    pub(super) end: End,
}

impl Verdict {
    pub(super) const OK: Self = Self {
        status: Status::Success,
        executed: true,
        fault: None,
        by: FaultId(0),
        end: End::Posted,
    };

    pub(super) const fn refused(status: Status, fault: Option<FaultKind>) -> Self {
        Self { status, executed: false, fault, ..Self::OK }
    }

    /// A command that fails in this phase.
    const fn failed(fault: FaultKind, by: FaultId, status: Status, phase: Phase) -> Self {
        let (status, executed, end) = match phase {
            Phase::Before => (status, false, End::Posted),
            Phase::After => (status, true, End::Posted),
            Phase::Completion => (Status::Success, true, End::Lost),
            Phase::Delayed => (Status::Success, true, End::Late),
        };
        Self { status, executed, fault: Some(fault), by, end }
    }
}

/// A block that can't be read.
#[derive(Clone, Copy, Debug)]
struct BadSector {
    fault: FaultId,
    status: Status,
    /// It is good until then.
    from: Nanos,
}

/// All overlays of a disk.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next_id: u64,
    /// Those that apply to whole commands, oldest first.
    overlays: Vec<(FaultId, Fault)>,
    bad: BTreeMap<u64, BadSector>,
    disconnected: Vec<NodeId>,
    unplugged: bool,
    /// Whether the newest slowness has yet to land on a command.
    slow_pending: bool,
}

impl Faults {
    pub(super) fn new_id(&mut self) -> FaultId {
        self.next_id += 1;
        FaultId(self.next_id)
    }

    pub(super) fn add(&mut self, fault: Fault) -> FaultId {
        let id = self.new_id();
        if matches!(fault, Fault::Slow { .. }) {
            self.slow_pending = true;
        }
        self.overlays.push((id, fault));
        id
    }

    /// Makes `count` blocks from `lba` bad, as far as the disk goes.
    pub(super) fn add_bad(&mut self, lba: u64, count: u64, end: u64, status: Status) -> FaultId {
        let id = self.new_id();
        for bad in lba..lba.saturating_add(count).min(end) {
            self.bad.insert(bad, BadSector { fault: id, status, from: Nanos::ZERO });
        }
        id
    }

    /// Makes these blocks bad, each from its time on.
    pub(super) fn add_burst(&mut self, blocks: &[(u64, Nanos)], status: Status) -> FaultId {
        let fault = self.new_id();
        for (bad, from) in blocks {
            self.bad.insert(*bad, BadSector { fault, status, from: *from });
        }
        fault
    }

    /// Lifts one fault; whether it was active.
    pub(super) fn lift(&mut self, id: FaultId) -> bool {
        let before = self.overlays.len() + self.bad.len();
        self.overlays.retain(|(overlay, _)| *overlay != id);
        self.bad.retain(|_, sector| sector.fault != id);
        self.slow_pending = self.slow_pending && self.slow_factor() > 1;
        before != self.overlays.len() + self.bad.len()
    }

    /// Gives the bad blocks of two devices to each other. What is wrong with whole commands, paths and plugs stay where
    /// they are.
    pub(super) fn exchange_bad(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.bad, &mut other.bad);
    }

    /// Lifts all overlays of the disk itself; paths and plug stay as they are.
    pub(super) fn heal(&mut self) {
        self.overlays.clear();
        self.bad.clear();
        self.slow_pending = false;
    }

    pub(super) fn disconnect(&mut self, client: NodeId) {
        if !self.disconnected.contains(&client) {
            self.disconnected.push(client);
        }
    }

    pub(super) fn reconnect(&mut self, client: NodeId) {
        self.disconnected.retain(|other| *other != client);
    }

    pub(super) fn set_unplugged(&mut self, unplugged: bool) {
        self.unplugged = unplugged;
    }

    /// Why a command that this host submits now will not reach the device.
    pub(super) fn refusal(&self, host: NodeId) -> Option<(FaultKind, Status)> {
        if self.unplugged {
            return Some((FaultKind::Unplugged, Status::InvalidNamespace));
        }
        let cut = !self.disconnected.is_empty() && self.disconnected.contains(&host);
        cut.then_some((FaultKind::Disconnected, Status::HostPath))
    }

    /// Whether no command that is due can meet anything.
    pub(super) fn is_quiet(&self) -> bool {
        self.overlays.is_empty() && self.bad.is_empty()
    }

    /// By what latencies are multiplied.
    pub(super) fn slow_factor(&self) -> u32 {
        let slow = self.overlays.iter().rev().find_map(|(_, fault)| match fault {
            Fault::Slow { factor } => Some(*factor),
            _ => None,
        });
        slow.unwrap_or(1)
    }

    /// Whether a command submitted now is the first that the newest slowness lands on.
    pub(super) fn slow_lands(&mut self) -> bool {
        std::mem::replace(&mut self.slow_pending, false)
    }

    /// Whether commands of this kind hang.
    pub(super) fn hangs(&self, code: OpCode) -> bool {
        let mut faults = self.overlays.iter();
        faults.any(|(_, fault)| matches!(fault, Fault::Hang { ops } if ops.contains(code)))
    }

    /// What becomes of a command of this kind on these blocks, all of which exist, at this time.
    pub(super) fn judge(
        &mut self,
        code: OpCode,
        (lba, blocks, now): (u64, u32, Nanos),
        rng: &mut Rng,
    ) -> Verdict {
        if let Some(verdict) = self.judge_overlays(code, rng) {
            return verdict;
        }
        if code.reads_media() && !self.bad.is_empty() {
            let covered = self.bad.range(lba..lba + u64::from(blocks));
            let mut bad = covered.filter(|(_, sector)| sector.from <= now);
            if let Some((_, sector)) = bad.next() {
                return Verdict::refused(sector.status, Some(FaultKind::BadSector));
            }
        }
        Verdict::OK
    }

    /// The first overlay that hits decides.
    fn judge_overlays(&mut self, code: OpCode, rng: &mut Rng) -> Option<Verdict> {
        for at in 0..self.overlays.len() {
            let (by, fault) = &mut self.overlays[at];
            let by = *by;
            match fault {
                Fault::Broken { status } => {
                    return Some(Verdict::refused(*status, Some(FaultKind::BrokenWith)));
                }
                Fault::ReadOnly if code.changes_media() => {
                    let status = Status::NamespaceWriteProtected;
                    return Some(Verdict::refused(status, Some(FaultKind::ReadOnly)));
                }
                Fault::FailNext { ops, count, status, phase } if ops.contains(code) => {
                    let (status, phase) = (*status, *phase);
                    *count -= 1;
                    if *count == 0 {
                        self.overlays.remove(at);
                    }
                    return Some(Verdict::failed(FaultKind::FailNext, by, status, phase));
                }
                Fault::Next { kind, count } if kind.waits_for(code) => {
                    let kind = *kind;
                    *count -= 1;
                    if *count == 0 {
                        self.overlays.remove(at);
                    }
                    let twice = kind == FaultKind::DuplicateNextCompletion;
                    let end = if twice { End::Twice } else { End::Posted };
                    return Some(Verdict { fault: Some(kind), by, end, ..Verdict::OK });
                }
                Fault::RandomFailure { ops, odds, status, phase }
                    if ops.contains(code) && rng.chance(*odds) =>
                {
                    return Some(Verdict::failed(FaultKind::RandomFailure, by, *status, *phase));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a command that changes the medium would be refused outright.
    pub(super) fn is_read_only(&self) -> bool {
        let mut faults = self.overlays.iter();
        faults.any(|(_, fault)| matches!(fault, Fault::ReadOnly | Fault::Broken { .. }))
    }

    /// Blocks were rewritten: those that were bad are remapped. Says how many were.
    pub(super) fn rewritten(&mut self, lba: u64, blocks: u32) -> u32 {
        if self.bad.is_empty() {
            return 0;
        }
        let range = lba..lba + u64::from(blocks);
        let before = self.bad.len();
        self.bad.retain(|bad, _| !range.contains(bad));
        (before - self.bad.len()) as u32
    }

    /// All that is active, in a fixed order.
    pub(super) fn active(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.overlays.iter().map(|(_, fault)| *fault).collect();
        if !self.bad.is_empty() {
            faults.push(Fault::BadSectors { count: self.bad.len() as u64 });
        }
        faults
            .extend(self.disconnected.iter().map(|client| Fault::Disconnected { client: *client }));
        faults.extend(self.unplugged.then_some(Fault::Unplugged));
        faults
    }
}
