//! The kernel's own trace records.

use crate::base::{CpuId, NodeId};

crate::record! {
    /// A task was given its CPU. `task` is its slot, `generation` tells apart tasks of one slot.
    pub struct TaskPolled = "sim.polled", Trace { task: u32, generation: u32 }
}
crate::record! {
    /// A node came up, for the `incarnation`-th time.
    pub struct NodeUp = "node.up", Notable { node: NodeId, incarnation: u32 }
}
crate::record! {
    /// A node went down: all tasks of this incarnation are gone.
    pub struct NodeDown = "node.down", Notable { node: NodeId, incarnation: u32, tasks: u32 }
}
crate::record! {
    /// All CPUs of a node stopped.
    pub struct NodePaused = "node.paused", Notable { node: NodeId }
}
crate::record! {
    /// All CPUs of a node go on.
    pub struct NodeResumed = "node.resumed", Notable { node: NodeId }
}
crate::record! {
    /// A CPU stopped: what runs on it stands still, with its timers and completions.
    pub struct CpuStopped = "cpu.stop", Notable { node: NodeId, cpu: CpuId }
}
crate::record! {
    /// A stopped CPU goes on.
    pub struct CpuResumed = "cpu.resume", Notable { node: NodeId, cpu: CpuId }
}
crate::record! {
    /// Polls on this CPU cost `factor` times what they normally do, from now on.
    pub struct CpuSlowed = "cpu.slow", Notable { node: NodeId, cpu: CpuId, factor: u32 }
}
crate::record! {
    /// Something outlived the incarnation of the node that held it.
    pub struct ResourceLeaked = "sim.leaked", Notable { node: NodeId, count: u64 }
}
