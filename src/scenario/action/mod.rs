//! The actions of a fault script and their arguments, a file for each family. Applies none.

mod cpu;
mod disk;
mod list;
mod net;
mod node;
mod status;

pub use cpu::{CpuOnly, SlowCpu};
pub use disk::{
    DiskClient, DiskOnly, FailNext, HangDisk, InjectRandomFailure, InsertBadSector, SlowDisk,
};
pub(super) use list::Where;
pub use list::{Action, Family};
pub use net::{DelayLink, LinkOnly, LossyLink, Partition};
pub use node::{NodeOnly, Reboot};
pub use status::{Ops, Phase, StatusName};
