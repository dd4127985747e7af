//! Scenario files: the JSON format, its loader and its schema. Runs nothing and draws nothing.

#![deny(clippy::float_arithmetic)]

mod name;

mod action;
mod cluster;
mod complaint;
mod ids;
mod model;
mod script;
mod units;
mod volume;
mod workload;

pub use action::{
    Action, DelayLink, DiskClient, DiskOnly, FailNext, HangDisk, InjectRandomFailure,
    InsertBadSector, LinkOnly, LossyLink, NodeOnly, Ops, Partition, Phase, Reboot, SlowDisk,
    StatusName,
};
pub use cluster::{Clock, Cluster, Disk, Net, Schedule};
pub use ids::{DiskRef, DiskSelector, NodeClass, NodeRef, NodeSelector};
pub use model::{Budget, CheckName, Expect, Limits, Scenario};
pub use script::{Condition, Effect, Entry, NodeState, Trigger};
pub use units::{Bandwidth, CountRange, NanosRange, PpmRange, parse_duration};
pub use volume::{Integrity, Layout, Volume};
pub use workload::{Distribution, Mix, RandomApp, VerifyApp, Workload};
