//! The kernel's knobs. Draws nothing.

use crate::base::Nanos;

use super::clock::ClockConfig;
use super::schedule::Recording;

/// How a CPU picks among its ready tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ScheduleKind {
    /// In the order in which they became ready.
    Fifo,
    /// The last that became ready; none is passed over more than 256 times in a row.
    Lifo,
    /// Any of them, drawn from the seed.
    #[default]
    Random,
    /// By priorities drawn from the seed, changed at `depth - 1` of the first `steps` picks
    /// (Burckhardt et al., ASPLOS 2010): finds a bug that shows whenever `depth` steps come in a given
    /// order with a probability of at least `1 / (n · steps^(depth-1))` for `n` tasks. No task is
    /// passed over more than 256 times in a row.
    Pct {
        /// How many steps must come in a given order, at least 1.
        depth: u32,
        /// Among how many picks, at least 1.
        steps: u64,
    },
    /// Any of them, but tasks of this name (whole, or its last part) only when nothing else on their
    /// CPU can run, or when they were passed over 256 times in a row.
    Starve {
        /// The name: `rebuild` starves `client.rebuild`.
        task: String,
    },
    /// As it was in an earlier run of the same scenario and seed.
    Replay(Recording),
}

/// What holds for a whole simulation.
#[derive(Clone, Debug)]
pub struct KernelConfig {
    /// How CPUs pick among ready tasks.
    pub schedule: ScheduleKind,
    /// Whether the picks of the schedule are recorded, for [`Kernel::recorded_schedule`](super::Kernel::recorded_schedule).
    pub record_schedule: bool,
    /// Whether [`buggify!`](crate::buggify) sites may fire.
    pub buggify: bool,
    /// Polls at one instant of virtual time beyond which the run counts as stuck.
    pub polls_per_instant_max: u64,
}

impl Default for KernelConfig {
    fn default() -> Self {
        Self {
            schedule: ScheduleKind::Random,
            record_schedule: false,
            buggify: false,
            polls_per_instant_max: 1_000_000,
        }
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
    /// Bytes of memory that its code may hold; `None`: as many as it likes.
    pub memory: Option<u64>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self { cpus: 1, poll_cost: Nanos::new(200), clock: ClockConfig::default(), memory: None }
    }
}
