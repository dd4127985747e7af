//! The cluster of a scenario: how many nodes of each kind, their disks, links and clocks. Builds none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amounts::Bytes;
use super::connector::ConnectorRef;
use super::ids::{CpuRef, DiskRef, NodeClass, NodeRef};
use super::interface::InterfaceRef;
use super::schedule::Schedule;
use super::units::{Bandwidth, NanosRange, PpmRange, within};
use super::units::{BlockBytes, Duration, block_size, duration, maybe_duration};
use crate::base::{BlockSize, Nanos};

/// The most parts per million by which a clock may run fast or slow inside the fault budget: what the margin
/// of the owner's lease covers when one clock runs that fast and the other one that slow.
pub const DRIFT_PPM_MAX: i32 = 45_000;

/// The nodes, disks and links that are simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Client nodes `c0`, `c1`, …: they run applications and the data service. 1 to 1000.
    #[serde(deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub clients: u16,
    /// Virtual CPUs of each client, 1 to 1024.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    #[schemars(range(min = 1, max = 1024))]
    pub client_cpus: u16,
    /// Target nodes `t0`, `t1`, …: they hold the disks and serve blocks. 1 to 4096.
    #[serde(deserialize_with = "within::<1, 4096, _, _>")]
    #[schemars(range(min = 1, max = 4096))]
    pub targets: u16,
    /// Virtual CPUs of each target, 1 to 1024.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    #[schemars(range(min = 1, max = 1024))]
    pub target_cpus: u16,
    /// Disks `t0/d0`, `t0/d1`, … of each target, 1 to 64.
    #[serde(deserialize_with = "within::<1, 64, _, _>")]
    #[schemars(range(min = 1, max = 64))]
    pub disks_per_target: u16,
    /// Manager nodes `m0`, …: they decide which legs serve. 1, or 3 that elect one of them to lead and agree on what it
    /// decides.
    #[serde(deserialize_with = "within::<1, 16, _, _>")]
    #[schemars(range(min = 1, max = 3))]
    pub managers: u16,
    /// Connectors `m0/conn0`, `m0/conn1`, … of each manager, 1 to 8: the addresses at which it is reached. One that is alone
    /// listens on all interfaces; of several each has an interface of its own, as far as there are enough.
    #[serde(deserialize_with = "within::<1, 8, _, _>", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 8))]
    pub connectors: u8,
    /// Database servers `db0`, …: they hold the configuration that the controller keeps. 0 or 1; with 0, where there is a
    /// controller, the manager has the database.
    #[serde(deserialize_with = "within::<0, 1, _, _>", skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1))]
    pub databases: u16,
    /// Virtual CPUs of each manager and database server, 1 to 1024.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    #[schemars(range(min = 1, max = 1024))]
    pub manager_cpus: u16,
    /// Network interfaces `c0/if0`, `c0/if1`, … of every node, 1 to 8: peers find each other by another pair
    /// of them when a connection is lost.
    #[serde(deserialize_with = "within::<1, 8, _, _>")]
    #[schemars(range(min = 1, max = 8))]
    pub interfaces: u8,
    /// Bytes in a block of every disk and volume: 512 or 4096.
    #[serde(with = "block_size")]
    #[schemars(with = "BlockBytes")]
    pub block_size: BlockSize,
    /// Virtual time that a CPU spends on one poll of a task.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub poll_cost: Nanos,
    /// How much memory each node's program may hold; left out, as much as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// What every disk is like.
    pub disk: Disk,
    /// What every link between two nodes is like.
    pub net: Net,
    /// How long a node takes to boot, drawn at each boot.
    pub boot_time: NanosRange,
    /// How far the nodes' clocks are off.
    pub clock: Clock,
    /// How long the satellites of a controller wait for what; left out, as long as on real machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satellites: Option<Satellites>,
    /// Which of the ready tasks a CPU runs next.
    pub schedule: Schedule,
    /// Whether nodes do now and then what is rare but allowed: each such place is drawn to be on for
    /// a quarter of the seeds, and then does so with its own odds.
    pub buggify: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u16) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_one(count: &u8) -> bool {
    *count == 1
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            clients: 1,
            client_cpus: 4,
            targets: 3,
            target_cpus: 2,
            disks_per_target: 1,
            managers: 1,
            connectors: 1,
            databases: 0,
            manager_cpus: 1,
            interfaces: 1,
            block_size: BlockSize::B4096,
            poll_cost: Nanos::new(200),
            memory: None,
            disk: Disk::default(),
            net: Net::default(),
            boot_time: NanosRange::micros(500, 2_000),
            clock: Clock::default(),
            satellites: None,
            schedule: Schedule::Random,
            buggify: false,
        }
    }
}

impl Cluster {
    /// Whether the node is one of this cluster.
    #[must_use]
    pub const fn has_node(&self, node: NodeRef) -> bool {
        match node {
            NodeRef::Client(index) => index < self.clients,
            NodeRef::Target(index) => index < self.targets,
            NodeRef::Manager(index) => index < self.managers,
            NodeRef::Database(index) => index < self.databases,
        }
    }
    /// Whether the CPU is one of this cluster.
    #[must_use]
    pub const fn has_cpu(&self, cpu: CpuRef) -> bool {
        let cpus = match cpu.node.class() {
            NodeClass::Client => self.client_cpus,
            NodeClass::Target => self.target_cpus,
            NodeClass::Manager | NodeClass::Database | NodeClass::Node => self.manager_cpus,
        };
        self.has_node(cpu.node) && cpu.cpu < cpus
    }
    /// Whether the interface is one of this cluster.
    #[must_use]
    pub const fn has_interface(&self, interface: InterfaceRef) -> bool {
        self.has_node(interface.node) && interface.number < self.interfaces
    }
    /// Whether the connector is one of this cluster.
    #[must_use]
    pub const fn has_connector(&self, connector: ConnectorRef) -> bool {
        self.has_node(connector.node()) && connector.number < self.connectors
    }
    /// Whether the disk is one of this cluster.
    #[must_use]
    pub const fn has_disk(&self, disk: DiskRef) -> bool {
        disk.target < self.targets && disk.disk < self.disks_per_target
    }
}

/// How long satellites wait. What is left out is as on real machines, `speed` times as fast: a heartbeat each second, five
/// without a word are too many, ten between two attempts to connect; 45 seconds for an external program, 15 more after
/// SIGTERM, 5 after SIGKILL; 15 seconds from a failure to the next attempt, then 30, up to a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Satellites {
    /// How many times as fast as on real machines all their waiting is, 1 to 1,000.
    #[serde(deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    pub speed: u32,
    /// An external program that has not ended after so long is told to end.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    pub wait: Option<Nanos>,
    /// One that was told to end and has not after so long is killed.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    pub terminate: Option<Nanos>,
    /// One that was killed and has not ended after so long is given up.
    #[serde(with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    pub kill: Option<Nanos>,
}

impl Default for Satellites {
    fn default() -> Self {
        Self { speed: 1, wait: None, terminate: None, kill: None }
    }
}

/// What every disk of the cluster is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "DiskModel")]
pub struct Disk {
    /// Its size in blocks, 64 to 2^40. Metadata of the legs takes a few blocks at its end.
    #[serde(deserialize_with = "within::<64, 0x100_0000_0000, _, _>")]
    #[schemars(range(min = 64, max = 0x100_0000_0000_u64))]
    pub blocks: u64,
    /// Commands that it works on at a time, 1 to 4096; more wait.
    #[serde(deserialize_with = "within::<1, 4096, _, _>")]
    #[schemars(range(min = 1, max = 4096))]
    pub queue_depth: u16,
    /// How long a read takes.
    pub read: NanosRange,
    /// How long a write takes.
    pub write: NanosRange,
    /// How long a flush takes.
    pub flush: NanosRange,
    /// Whether writes stay in a cache that loses power, until flushed.
    pub volatile_cache: bool,
    /// Blocks of one write that survive a loss of power all or none, 1 to 256.
    #[serde(deserialize_with = "within::<1, 256, _, _>")]
    #[schemars(range(min = 1, max = 256))]
    pub atomic_blocks: u32,
    /// A write that crosses a multiple of so many blocks is atomic per block only, 0 to 65536; 0 is no boundary.
    #[serde(deserialize_with = "within::<0, 65_536, _, _>")]
    #[schemars(range(min = 0, max = 65_536))]
    pub atomic_boundary: u32,
    /// The most blocks that it takes in one command (NVMe's MDTS), 0 to 65536: what is longer is split by its host.
    /// 0 is no limit.
    #[serde(deserialize_with = "within::<0, 65_536, _, _>")]
    #[schemars(range(min = 0, max = 65_536))]
    pub transfer_blocks: u32,
    /// The first block that volumes use. What is before it is nobody's: no block of a volume has the same number on
    /// a disk as in the volume, unless this is 0.
    #[serde(deserialize_with = "within::<0, 0x100_0000_0000, _, _>")]
    #[schemars(range(min = 0, max = 0x100_0000_0000_u64))]
    pub first_block: u64,
    /// How long a write into the volatile cache takes.
    pub cache_write: NanosRange,
    /// How long a write stays in the volatile cache before the disk puts it on its medium by itself.
    pub write_back: NanosRange,
    /// How long a reset of its controller takes.
    pub reset: NanosRange,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            blocks: 65_536,
            queue_depth: 64,
            read: NanosRange::micros(20, 80),
            write: NanosRange::micros(15, 60),
            flush: NanosRange::micros(100, 400),
            volatile_cache: false,
            atomic_blocks: 1,
            atomic_boundary: 0,
            transfer_blocks: 0,
            first_block: 0,
            cache_write: NanosRange::micros(5, 15),
            write_back: NanosRange::micros(1_000, 10_000),
            reset: NanosRange::micros(500, 2_000),
        }
    }
}

/// What every link of the cluster is like, in each direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Net {
    /// How long a message is on its way, drawn per message.
    pub latency: NanosRange,
    /// How much a link carries.
    pub bandwidth: Bandwidth,
    /// Whether messages carry a checksum, so that one altered on its way is noticed. Without, data may be
    /// wrong in the end.
    pub checksum: bool,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            latency: NanosRange::micros(5, 20),
            bandwidth: Bandwidth::gigabits(100),
            checksum: true,
        }
    }
}

/// How far the clocks of the nodes are off, drawn per node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// How far a clock is ahead at the start.
    pub offset: NanosRange,
    /// How much too fast it runs.
    pub drift_ppm: PpmRange,
}

impl Default for Clock {
    fn default() -> Self {
        Self { offset: NanosRange::exactly(Nanos::ZERO), drift_ppm: PpmRange::default() }
    }
}
