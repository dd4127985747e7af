//! Scenario files: the JSON format, its loader and its schema, and scenarios drawn from a seed. Runs nothing.

#![deny(clippy::float_arithmetic)]

mod name;

mod action;
mod amounts;
mod cluster;
mod collect;
mod complaint;
mod connector;
mod controller;
mod decode;
mod discover;
mod error;
mod events;
mod fio;
mod generate;
mod guest;
mod ids;
mod interface;
mod layout;
mod load;
mod model;
mod notes;
mod own;
mod placement;
mod plant;
mod reduce;
mod schedule;
mod schema;
mod script;
mod seed_file;
mod texts;
mod trace;
mod tree;
mod units;
mod validate;
mod volume;
mod workload;
mod workload_text;

pub use action::{
    Action, ActionInfo, Arguments, BreakWith, Burst, ClientOnly, ClientVolume, ClockDrift,
    ClockJump, DelayLink, DiskClient, DiskOnly, FailNext, FailNextMemory, Family, FlipBits,
    HangDisk, InjectRandomFailure, InsertBadSector, LimitMemory, LinkOnly, NextCommands, NodeOnly,
    Ops, Partition, Phase, Reboot, RestoreOldImage, RestoreOldSnapshot, SlowDisk, StatusName,
    SwapDisks, Where, Wipe,
};
pub use action::{
    ChangedNode, ChangedVolumeDefinition, Listing, Named, NewNode, NewResource,
    NewResourceDefinition, NewStoragePool, NewVolumeDefinition, PoolNamed, ReplyWanted, ResourceOn,
    VolumeNumbered,
};
pub use action::{CommitPhase, DatabaseOnly, FailCommit, SlowDatabase};
pub use action::{ConnectorOnly, FalseWord, ToldManager};
pub use action::{CpuOnly, SlowCpu};
pub use action::{
    DelayNextMessages, InterfaceOnly, LinkOdds, MessageName, NarrowLink, NextMessages,
};
pub use action::{DevicesOnly, ExitWith, Flood, ProgramName, ProgramsOnly, SlowPrograms};
pub use amounts::{Bytes, TimeShift};
pub use cluster::{Clock, Cluster, DRIFT_PPM_MAX, Disk, Net, Satellites};
pub use connector::{ConnectorRef, ConnectorSelector};
pub use discover::{DiscoverError, discover};
pub use error::{LoadError, Place, ScenarioError};
pub use events::EVENTS;
pub use fio::{FioApp, FioJob, FioWork, JobFile};
pub use generate::{Profile, generate};
pub use guest::{GuestApp, GuestProgram};
pub use ids::{CpuRef, CpuSelector, DiskRef, DiskSelector, NodeClass, NodeRef, NodeSelector};
pub use interface::{InterfaceRef, InterfaceSelector};
pub use layout::Layout;
pub use load::{load, load_with, parse, parse_with};
pub use model::{Budget, CheckName, Expect, Inert, Limits, Scenario};
pub use notes::notes;
pub use own::{LayoutWord, OwnCall, Vocabulary, Word, Words};
pub use placement::{NoRoom, PlacedLeg};
pub use reduce::{Pointer, amounts, placed, removable, simpler, with_fewer_nodes, without};
pub use schedule::{PctSchedule, Schedule, StarveSchedule};
pub use schema::{schema, schema_with, seed_file_schema, seed_file_schema_with};
pub use script::{Condition, Effect, Entry, NodeState, Trigger};
pub use seed_file::{Digest, SaveError, SeedFile};
pub use trace::{LineError, Recording, Skipped, Speed, Trace, TraceApp, TraceFormat, TraceOp};
pub use units::{Bandwidth, CountRange, NanosRange, PpmRange, parse_duration};
pub use volume::{Integrity, Volume};
pub use workload::{Distribution, Mix, MixedApp, RandomApp, VerifyApp, Workload};
