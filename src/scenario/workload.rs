//! The IO that the applications of a scenario issue. Issues none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::complaint::Complaints;
use super::ids::NodeRef;
use super::name::name_enum;
use super::units::{
    Chance, CountRange, Duration, duration, maybe_duration, maybe_within, odds, within,
};
use crate::base::{Nanos, Odds};

/// One application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WorkloadText", into = "WorkloadText")]
#[schemars(with = "WorkloadText", rename = "Workload")]
pub enum Workload {
    /// Issues operations drawn from the seed.
    Random(RandomApp),
    /// Writes every block of its region once, then reads all of them back.
    Verify(VerifyApp),
}

impl Workload {
    /// The client that it runs on.
    #[must_use]
    pub const fn client(&self) -> NodeRef {
        match self {
            Self::Random(app) => app.client,
            Self::Verify(app) => app.client,
        }
    }
    /// The name of the volume that it uses.
    #[must_use]
    pub fn volume(&self) -> &str {
        match self {
            Self::Random(app) => &app.volume,
            Self::Verify(app) => &app.volume,
        }
    }
    /// How many blocks an operation has.
    #[must_use]
    pub const fn blocks(&self) -> CountRange {
        match self {
            Self::Random(app) => app.blocks,
            Self::Verify(app) => app.blocks,
        }
    }
    /// The first and the last block that it uses, if not the whole volume.
    #[must_use]
    pub const fn region(&self) -> Option<CountRange> {
        match self {
            Self::Random(app) => app.region,
            Self::Verify(app) => app.region,
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

/// What an application does.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AppName {
    /// Issues operations drawn from the seed.
    Random,
    /// Writes every block of its region once, then reads all of them back.
    Verify,
}

/// A workload entry as a file writes it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Workload")]
struct WorkloadText {
    /// What the application does.
    app: AppName,
    /// The client that it runs on.
    client: NodeRef,
    /// The name of the volume that it uses.
    volume: String,
    /// Operations that each instance issues. `random` needs it, `verify` has no use for it.
    #[serde(default, deserialize_with = "maybe_within::<1, 0x100_0000_0000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    ops: Option<u64>,
    /// Operations that each instance issues per second of virtual time, at most (`random`).
    #[serde(default, deserialize_with = "maybe_within::<1, 1_000_000_000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    rate: Option<u64>,
    /// Operations that each instance keeps in flight, 1 to 4096.
    #[serde(default = "usual_depth", deserialize_with = "within::<1, 4096, _, _>")]
    #[schemars(range(min = 1, max = 4096))]
    depth: u32,
    /// How often which operation is drawn, as weights (`random`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mix: Option<Mix>,
    /// How many blocks an operation has.
    #[serde(default = "usual_blocks")]
    blocks: CountRange,
    /// The first and the last block that it uses; left out, the whole volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<CountRange>,
    /// Where in its region an operation goes (`random`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution>,
    /// How likely a write has forced unit access, which makes it durable when it returns, such as `1/8`
    /// (`random`).
    #[serde(default = "never", with = "odds", skip_serializing_if = "is_never")]
    #[schemars(with = "Chance")]
    fua: Odds,
    /// When it starts.
    #[serde(default, with = "duration")]
    #[schemars(with = "Duration")]
    start: Nanos,
    /// When it issues no more, even if something is left.
    #[serde(default, with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000.
    #[serde(default = "one", deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    count: u32,
}

const fn usual_depth() -> u32 {
    16
}

const fn usual_blocks() -> CountRange {
    CountRange { min: 1, max: 8 }
}

const fn one() -> u32 {
    1
}

const fn never() -> Odds {
    Odds::NEVER
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_never(odds: &Odds) -> bool {
    odds.numerator() == 0
}

impl TryFrom<WorkloadText> for Workload {
    type Error = Complaints;

    fn try_from(text: WorkloadText) -> Result<Self, Complaints> {
        match text.app {
            AppName::Random => random(text).map(Self::Random),
            AppName::Verify => verify(text).map(Self::Verify),
        }
    }
}

fn common(text: &WorkloadText) -> Complaints {
    let mut complaints = Complaints::default();
    if text.blocks.min == 0 {
        complaints.add("blocks", "at least 1 block", "an operation has at least one block");
    }
    if text.stop.is_some_and(|stop| stop <= text.start) {
        complaints.add("stop", format!("a time after its `start` at {}", text.start), "");
    }
    complaints
}

fn random(text: WorkloadText) -> Result<RandomApp, Complaints> {
    let mut complaints = common(&text);
    if text.ops.is_none() {
        complaints.add("ops", "how many operations app `random` issues", "add `\"ops\": 1000`");
    }
    let mix = text.mix.unwrap_or(Mix::USUAL);
    if mix.total() == 0 {
        let wanted = "a weight above 0 for at least one of `read`, `write`, `flush` and `trim`";
        complaints.add("mix", wanted, "");
    }
    let app = text.ops.map(|ops| RandomApp {
        client: text.client,
        volume: text.volume,
        ops,
        rate: text.rate,
        depth: text.depth,
        mix,
        blocks: text.blocks,
        region: text.region,
        distribution: text.distribution.unwrap_or_default(),
        fua: text.fua,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

fn verify(text: WorkloadText) -> Result<VerifyApp, Complaints> {
    let mut complaints = common(&text);
    let strays = [
        ("ops", text.ops.is_some()),
        ("rate", text.rate.is_some()),
        ("mix", text.mix.is_some()),
        ("distribution", text.distribution.is_some()),
        ("fua", !is_never(&text.fua)),
    ];
    for (key, _) in strays.into_iter().filter(|(_, given)| *given) {
        complaints.add(key, "no such key with app `verify`", "remove it, or use app `random`");
    }
    complaints.or(Some(VerifyApp {
        client: text.client,
        volume: text.volume,
        depth: text.depth,
        blocks: text.blocks,
        region: text.region,
        start: text.start,
        stop: text.stop,
        count: text.count,
    }))
}

impl From<Workload> for WorkloadText {
    fn from(workload: Workload) -> Self {
        match workload {
            Workload::Random(app) => Self {
                app: AppName::Random,
                client: app.client,
                volume: app.volume,
                ops: Some(app.ops),
                rate: app.rate,
                depth: app.depth,
                mix: Some(app.mix),
                blocks: app.blocks,
                region: app.region,
                distribution: Some(app.distribution),
                fua: app.fua,
                start: app.start,
                stop: app.stop,
                count: app.count,
            },
            Workload::Verify(app) => Self {
                app: AppName::Verify,
                client: app.client,
                volume: app.volume,
                ops: None,
                rate: None,
                depth: app.depth,
                mix: None,
                blocks: app.blocks,
                region: app.region,
                distribution: None,
                fua: never(),
                start: app.start,
                stop: app.stop,
                count: app.count,
            },
        }
    }
}
