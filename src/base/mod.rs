//! The vocabulary that every other layer speaks: ids, units, payloads, records. Imports nothing.

#![deny(clippy::float_arithmetic)]

mod block;
mod bug;
pub mod control;
mod field;
pub mod guest;
pub mod history;
mod id;
mod job;
mod message;
mod odds;
mod pattern;
pub mod protocol;
mod record;
mod replay;
mod rng;
mod time;

pub use block::{Block, BlockSize, Payload, Stamp};
pub use bug::{Bug, CAN_PLANT, is_planted, met, plant, planted};
pub(crate) use field::{inverse, product};
pub use id::{
    CpuId, DiskId, Epoch, LegIndex, Names, NodeId, OpId, PlaceIndex, Region, SiteId, VolumeId,
};
pub use job::{Bucket, Job, JobKind, SizeClass, Spread};
pub use message::MessageKind;
pub use odds::Odds;
pub use record::{
    Audience, Field, FieldKind, OWN_WORDS, Record, RecordType, Recorded, Seq, WORDS, Word,
    record_code,
};
pub use replay::{Replay, ReplayStep};
pub use rng::{Rng, Seed};
pub use time::Nanos;
