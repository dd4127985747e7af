//! Virtual CPUs: a run queue each, and the time until which the CPU is busy. Polls nothing itself.

use crate::base::{CpuId, Nanos, NodeId};

use super::schedule::Ready;

/// The whole node is paused.
pub(super) const PAUSED: u8 = 1;
/// This CPU alone is stopped.
pub(super) const STOPPED: u8 = 2;

/// One virtual CPU, in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Cpu {
    pub(super) node: NodeId,
    pub(super) id: CpuId,
    /// What a poll costs now, and what it costs while nothing slows the CPU down.
    pub(super) poll_cost: Nanos,
    pub(super) poll_cost_normal: Nanos,
    pub(super) ready: Vec<Ready>,
    pub(super) busy_until: Nanos,
    /// Why nothing runs: [`PAUSED`], [`STOPPED`], both, or neither (0).
    pub(super) halted: u8,
    /// In the kernel's list of CPUs to look at now.
    pub(super) in_dispatch: bool,
    /// Has an event pending at `busy_until`.
    pub(super) has_alarm: bool,
}

impl Cpu {
    pub(super) fn new(node: NodeId, id: CpuId, poll_cost: Nanos) -> Self {
        Self {
            node,
            id,
            poll_cost,
            poll_cost_normal: poll_cost,
            ready: Vec::new(),
            busy_until: Nanos::ZERO,
            halted: 0,
            in_dispatch: false,
            has_alarm: false,
        }
    }
}

const _: () = assert!(size_of::<Cpu>() <= 64, "a CPU takes one cache line");
