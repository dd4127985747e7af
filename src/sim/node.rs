//! The kernel's table of nodes and their incarnations. What a node does is its boot function's matter.

use std::rc::Rc;

use super::clock::Clock;
use super::config::NodeConfig;
use super::owned::Owned;
use super::port::NodeHandle;

/// Starts a node's tasks.
pub(super) type Boot = Rc<dyn Fn(NodeHandle)>;

pub(super) struct Node {
    pub(super) name: String,
    pub(super) clock: Clock,
    /// The memory that it was made with, in bytes.
    pub(super) memory_limit: Option<u64>,
    pub(super) boot: Option<Boot>,
    pub(super) up: bool,
    /// What ends with the incarnation that is up.
    pub(super) owned: Owned,
    pub(super) incarnation: u32,
    /// Its CPUs in the kernel's table: the first, and how many.
    pub(super) first_cpu: u32,
    pub(super) cpus: u16,
    /// The CPU that the next task without a wish is spawned on.
    pub(super) next_cpu: u16,
}

impl Node {
    pub(super) fn new(name: &str, config: &NodeConfig, first_cpu: u32) -> Self {
        assert!(config.cpus > 0, "a node without a CPU");
        Self {
            name: name.to_owned(),
            clock: Clock::new(config.clock),
            memory_limit: config.memory,
            boot: None,
            up: false,
            owned: Owned::default(),
            incarnation: 0,
            first_cpu,
            cpus: config.cpus,
            next_cpu: 0,
        }
    }
}
