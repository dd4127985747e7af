//! The controller: keeps a cluster's configuration on behalf of administrators, who call it. Knows no epoch and no leg.
//!
//! `name` and `number` are what objects are called, `code` and `reply` how calls are answered, `request` what is asked,
//! `config` the objects, `rows` how they are stored; `execute`, `place` and `list` say what a call comes to; `machine` has
//! it stored first; `serve` runs the machine against network and database, `deploy` tells satellites, by way of `satellites`, `reporter` answers and
//! reports errors, which `report` words and `report_log` stores; `console` is where an administrator sits.

mod calls;
mod code;
mod config;
mod console;
mod deploy;
mod execute;
mod list;
mod machine;
mod name;
mod number;
mod place;
mod reply;
mod report;
mod report_log;
mod reporter;
mod request;
mod rows;
mod satellites;
mod serve;
#[cfg(test)]
mod stories;

pub use code::{Detail, ObjectKind, Operation, ReturnCode, Severity};
pub use config::{Config, NodeType, Outcome, Resource, ResourceDefinition, VolumeDefinition};
pub use console::{Console, boot_console};
pub use execute::{Executed, Surroundings, execute};
pub use machine::Refusal;
pub use name::{
    ExternalFileName, InvalidName, KeyValueStoreName, NameFault, NetInterfaceName, NodeName,
    RemoteName, ResourceGroupName, ResourceName, ScheduleName, SharedStoragePoolName, SnapshotName,
    StoragePoolName,
};
pub use number::{
    GrossSize, MinorNumber, OutOfRange, PeerCount, ReplicaId, TcpPort, VolumeNumber, VolumeSize,
};
pub use reply::{Reply, ReplyList, date, refs, worst};
pub(in crate::node) use report::Finding;
pub use report::{ErrorId, ErrorReport};
pub(in crate::node) use report_log::ReportLog;
pub use report_log::{log_blocks, reports_on_disk};
pub(in crate::node) use reporter::publish;
pub use request::{CallId, Request};
pub use rows::{BadRow, Change, Rows, Table, difference, fingerprint};
pub(in crate::node) use serve::{Desk, Event, Order, start};
