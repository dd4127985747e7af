//! The kernel's own trace records.

use crate::base::{CpuId, NodeId, SiteId};

crate::record! {
    /// A task was given its CPU. `task` is its slot, `generation` tells apart tasks of one slot.
    pub struct TaskPolled = "sim.polled", Trace { task: u32, generation: u32 }
}
crate::record! {
    /// A node came up, for the `incarnation`-th time.
    pub struct NodeUp = "node.up", Notable { node: NodeId, incarnation: u32 }
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
    /// Something outlived the incarnation of the node that held it: `count` items, or that many
    /// allocations of `bytes` together, taken at `site`.
    pub struct ResourceLeaked = "sim.leaked", Notable {
        node: NodeId, count: u64, bytes: u64, site: SiteId
    }
}
crate::record! {
    /// A node's wall clock was set forward, or back.
    pub struct ClockJumped = "node.clock_jump", Notable { node: NodeId, by: i64 }
}
crate::record! {
    /// A node's clocks run fast by so many parts per million from now on, or slow.
    pub struct ClockDriftSet = "node.clock_drift", Notable { node: NodeId, ppm: i32 }
}
crate::record! {
    /// So many armed timers of a node fire now, before their time.
    pub struct TimersFired = "node.fire_timers", Notable { node: NodeId, timers: u32 }
}
crate::record! {
    /// A node may hold so many bytes of memory from now on.
    pub struct MemoryLimited = "memory.limit", Notable { node: NodeId, bytes: u64, used: u64 }
}
crate::record! {
    /// A node's memory is limited no more than it was made.
    pub struct MemoryUnlimited = "memory.unlimit", Notable { node: NodeId }
}
crate::record! {
    /// So many of the node's requests for memory fail, after so many others.
    pub struct MemoryFailNextSet = "memory.fail_next", Notable {
        node: NodeId, count: u64, after: u64
    }
}
crate::record! {
    /// A request for memory was refused. `used` is what the node held; `site` is who asked.
    pub struct AllocationRefused = "memory.refused", Trace {
        node: NodeId, bytes: u64, used: u64, site: SiteId
    }
}
