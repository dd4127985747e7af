//! The actions of a fault script and their arguments, a file for each family. Applies none.

mod api;
mod app;
mod connector;
mod cpu;
mod database;
mod disk;
mod external;
mod list;
mod manager;
mod memory;
mod message;
mod net;
mod node;
mod silent;
mod status;

pub use api::{
    ChangedNode, ChangedVolumeDefinition, Listing, Named, NewNode, NewResource,
    NewResourceDefinition, NewStoragePool, NewVolumeDefinition, PoolNamed, ReplyWanted, ResourceOn,
    VolumeNumbered,
};
pub use app::{ClientOnly, ClientVolume};
pub use connector::ConnectorOnly;
pub use cpu::{CpuOnly, SlowCpu};
pub use database::{CommitPhase, DatabaseOnly, FailCommit, RestoreOldSnapshot, SlowDatabase};
pub use disk::{
    BreakWith, Burst, DiskClient, DiskOnly, FailNext, FlipBits, HangDisk, InjectRandomFailure,
    InsertBadSector, NextCommands, RestoreOldImage, SlowDisk, SwapDisks,
};
pub use external::{DevicesOnly, ExitWith, Flood, ProgramName, ProgramsOnly, SlowPrograms};
pub use list::{Action, ActionInfo, Arguments, Family, Where};
pub use manager::{
    FalseWord, ForceReboot, HoldAcks, IgnoreNextClientMessage, InjectFalseMessage, ToldManager,
};
pub use memory::{FailNextMemory, LimitMemory};
pub use message::MessageName;
pub use net::{
    DelayLink, DelayNextMessages, InterfaceOnly, LinkOdds, LinkOnly, NarrowLink, NextMessages,
    Partition,
};
pub use node::{ClockDrift, ClockJump, NodeOnly, Reboot, Wipe};
pub use status::{Ops, Phase, StatusName};
