//! The kernel's knobs. Draws nothing.

use crate::base::Nanos;

use super::clock::ClockConfig;

/// How a CPU picks among its ready tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScheduleKind {
    /// In the order in which they became ready.
    Fifo,
    /// Any of them, drawn from the seed.
    #[default]
    Random,
}

/// What holds for a whole simulation.
#[derive(Clone, Debug)]
pub struct KernelConfig {
    /// How CPUs pick among ready tasks.
    pub schedule: ScheduleKind,
    /// Polls at one instant of virtual time beyond which the run counts as stuck.
    pub polls_per_instant_max: u64,
}

impl Default for KernelConfig {
    fn default() -> Self {
        Self { schedule: ScheduleKind::Random, polls_per_instant_max: 1_000_000 }
    }
}

/// What holds for one node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Virtual CPUs, at least 1.
    pub cpus: u16,
    /// Virtual time that one poll of a task keeps its CPU busy.
    pub poll_cost: Nanos,
    /// The node's clock.
    pub clock: ClockConfig,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self { cpus: 1, poll_cost: Nanos::new(200), clock: ClockConfig::default() }
    }
}
