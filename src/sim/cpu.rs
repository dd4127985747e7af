//! Virtual CPUs: a run queue each, and the time until which the CPU is busy. Polls nothing itself.

use crate::base::{CpuId, Nanos};

use super::schedule::Ready;

/// One virtual CPU.
#[derive(Debug)]
pub(super) struct Cpu {
    pub(super) id: CpuId,
    pub(super) poll_cost: Nanos,
    pub(super) ready: Vec<Ready>,
    pub(super) busy_until: Nanos,
    pub(super) stopped: bool,
    /// In the kernel's list of CPUs to look at now.
    pub(super) in_dispatch: bool,
    /// Has an event pending at `busy_until`.
    pub(super) has_alarm: bool,
}

impl Cpu {
    pub(super) fn new(id: CpuId, poll_cost: Nanos) -> Self {
        Self {
            id,
            poll_cost,
            ready: Vec::new(),
            busy_until: Nanos::ZERO,
            stopped: false,
            in_dispatch: false,
            has_alarm: false,
        }
    }
}
