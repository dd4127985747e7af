//! The IO that the applications of a scenario issue. Issues none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fio::{FioApp, JobFile};
use super::guest::{self, GuestApp};
use super::ids::NodeRef;
use super::name::name_enum;
use super::trace::{BLOCKS_MAX, TraceApp};
use super::units::{CountRange, within};
use super::workload_text::WorkloadText;
use crate::base::{BlockSize, Nanos, Odds};

/// One application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WorkloadText", into = "WorkloadText")]
#[schemars(with = "WorkloadText", rename = "Workload")]
pub enum Workload {
    /// Issues operations drawn from the seed.
    Random(RandomApp),
    /// Writes every block of its region once, then reads all of them back.
    Verify(VerifyApp),
    /// Issues operations of mixed sizes that overlap.
    MixedSize(MixedApp),
    /// Replays a recorded trace.
    Trace(TraceApp),
    /// Does what a job file says.
    Fio(FioApp),
    /// Is a program that nobody here wrote.
    Guest(GuestApp),
}

/// What all applications have, whatever they do.
macro_rules! each {
    ($self:ident, $app:ident => $what:expr) => {
        match $self {
            Self::Random($app) => $what,
            Self::Verify($app) => $what,
            Self::MixedSize($app) => $what,
            Self::Trace($app) => $what,
            Self::Fio($app) => $what,
            Self::Guest($app) => $what,
        }
    };
}

impl Workload {
    /// The client that it runs on.
    #[must_use]
    pub const fn client(&self) -> NodeRef {
        each!(self, app => app.client)
    }
    /// The name of the volume that it uses.
    #[must_use]
    pub fn volume(&self) -> &str {
        each!(self, app => &app.volume)
    }
    /// When it starts.
    #[must_use]
    pub const fn start(&self) -> Nanos {
        each!(self, app => app.start)
    }
    /// When it issues no more, even if something is left.
    #[must_use]
    pub const fn stop(&self) -> Option<Nanos> {
        each!(self, app => app.stop)
    }
    /// How many instances of it run.
    #[must_use]
    pub const fn count(&self) -> u32 {
        each!(self, app => app.count)
    }
    /// How many applications it is altogether: each job of a job file is one.
    #[must_use]
    pub fn instances(&self) -> u64 {
        match self {
            Self::Fio(app) => app.instances(),
            _ => u64::from(self.count()),
        }
    }
    /// The text that it goes by: a trace, or a job file.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Trace(app) => Some(app.recording.text()),
            Self::Fio(app) => Some(app.jobs.text()),
            Self::Random(_) | Self::Verify(_) | Self::MixedSize(_) | Self::Guest(_) => None,
        }
    }
    /// The same with another text to go by; `None` if it has none, or cannot go by that.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Option<Self> {
        match self {
            Self::Trace(app) => {
                let recording = app.recording.with_text(text)?;
                Some(Self::Trace(TraceApp { recording, ..app.clone() }))
            }
            Self::Fio(app) => {
                let jobs = JobFile::of(text, app.jobs.iologs().clone()).ok()?;
                Some(Self::Fio(FioApp { jobs, ..app.clone() }))
            }
            Self::Random(_) | Self::Verify(_) | Self::MixedSize(_) | Self::Guest(_) => None,
        }
    }
    /// The first and the last block that it uses, if not the whole volume.
    #[must_use]
    pub const fn region(&self) -> Option<CountRange> {
        each!(self, app => app.region)
    }
    /// The first and the last block that it uses of a volume of so many blocks.
    #[must_use]
    pub fn region_in(&self, volume_blocks: u64) -> CountRange {
        self.region().unwrap_or(CountRange { min: 0, max: volume_blocks.saturating_sub(1) })
    }
    /// How many blocks an operation has on a volume of so many blocks, of this size.
    #[must_use]
    pub fn blocks(&self, volume_blocks: u64, block_size: BlockSize) -> CountRange {
        let region = self.region_in(volume_blocks);
        let room = (region.max - region.min).saturating_add(1);
        let up_to = |most: u64| CountRange { min: 1, max: most.min(room).max(1) };
        match self {
            Self::Random(app) => app.blocks,
            Self::Verify(app) => app.blocks,
            Self::MixedSize(app) => app.blocks.unwrap_or_else(|| up_to(BLOCKS_MAX)),
            Self::Trace(app) => up_to(app.recording.longest(block_size)),
            Self::Fio(app) => up_to(app.longest(block_size)),
            Self::Guest(_) => up_to(guest::LONGEST),
        }
    }
}

/// An application that issues operations drawn from the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomApp {
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// Operations that each instance issues, at least 1.
    pub ops: u64,
    /// Operations that each instance issues per second of virtual time, at most; `None` for no limit.
    pub rate: Option<u64>,
    /// Operations that each instance keeps in flight, 1 to 4096.
    pub depth: u32,
    /// How often which operation is drawn.
    pub mix: Mix,
    /// How many blocks an operation has.
    pub blocks: CountRange,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// Where in its region an operation goes.
    pub distribution: Distribution,
    /// How likely a write is one with forced unit access: durable when it returns.
    pub fua: Odds,
    /// When it starts.
    pub start: Nanos,
    /// When it issues no more, even if operations are left.
    pub stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000.
    pub count: u32,
}

/// An application that writes every block of its region once, then reads all of them back.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyApp {
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// Operations that it keeps in flight, 1 to 4096.
    pub depth: u32,
    /// How many blocks an operation has.
    pub blocks: CountRange,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// When it starts.
    pub start: Nanos,
    /// When it issues no more, even if blocks are left.
    pub stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000.
    pub count: u32,
}

/// An application that issues operations of mixed sizes, as a database, a file system and a backup do, many of which fall
/// onto a part of another.
#[derive(Clone, Debug, PartialEq)]
pub struct MixedApp {
    /// The client that it runs on.
    pub client: NodeRef,
    /// The name of the volume that it uses.
    pub volume: String,
    /// Operations that each instance issues, at least 1.
    pub ops: u64,
    /// Operations that each instance issues per second of virtual time, at most; `None` for no limit.
    pub rate: Option<u64>,
    /// Operations that each instance keeps in flight, 1 to 4096.
    pub depth: u32,
    /// How often which operation is drawn.
    pub mix: Mix,
    /// The fewest and the most blocks that an operation has; `None` for one up to the most there can be.
    pub blocks: Option<CountRange>,
    /// The first and the last block that it uses; `None` for the whole volume.
    pub region: Option<CountRange>,
    /// How likely a write is one with forced unit access: durable when it returns.
    pub fua: Odds,
    /// When it starts.
    pub start: Nanos,
    /// When it issues no more, even if operations are left.
    pub stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000.
    pub count: u32,
}

/// How often which operation is drawn: weights, not percentages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Weight of reads, 0 to 1,000,000.
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub read: u32,
    /// Weight of writes, 0 to 1,000,000.
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub write: u32,
    /// Weight of flushes, 0 to 1,000,000.
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub flush: u32,
    /// Weight of trims, 0 to 1,000,000.
    #[serde(deserialize_with = "within::<0, 1_000_000, _, _>")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub trim: u32,
}

impl Mix {
    /// What is drawn when a scenario says nothing.
    pub const USUAL: Self = Self { read: 30, write: 65, flush: 3, trim: 2 };

    /// The sum of the weights; at least 1 in a loaded scenario.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.read + self.write + self.flush + self.trim
    }
}

name_enum! {
    /// Where in its region an operation goes.
    #[derive(Default)]
    pub enum Distribution {
        /// Anywhere, each block as likely as any other.
        #[default]
        Uniform = "uniform",
        /// Low blocks far more often than high ones.
        Zipf = "zipf",
        /// Right behind the one before, from the start again at the end.
        Sequential = "sequential",
        /// Nine in ten into the first tenth.
        Hot = "hot",
    }
}
