//! The scenario as a whole. Its parts are beside it; whether they fit together is for the validation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::complaint::Complaints;
use super::name::name_enum;
use super::own::Words;
use super::script::Entry;
use super::units::{Duration, duration, within};
use super::volume::Volume;
use super::workload::Workload;
use crate::base::{Bug, Nanos};

/// A cluster, its volumes, the IO on them, and a script of faults and assertions. Everything but
/// the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The version of the format: 1.
    #[serde(deserialize_with = "within::<1, 1, _, _>")]
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Its name: letters, digits, `-` and `_`, at most 100.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// One sentence that says what it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The nodes, disks and links.
    pub cluster: Cluster,
    /// The volumes, at least one.
    #[schemars(length(min = 1))]
    pub volumes: Vec<Volume>,
    /// The applications.
    #[serde(default)]
    pub workload: Vec<Workload>,
    /// What happens when.
    #[serde(default)]
    pub script: Vec<Entry>,
    /// The checks that watch the run and look at its end.
    #[serde(default = "all_checks")]
    pub checks: Vec<CheckName>,
    /// Which faults are let through.
    #[serde(default)]
    pub budget: Budget,
    /// What it means that an entry of the script never came to anything.
    #[serde(default, skip_serializing_if = "Inert::is_failure")]
    pub inert: Inert,
    /// When a run is given up.
    #[serde(default)]
    pub limits: Limits,
    /// How a run is to end.
    #[serde(default)]
    pub expect: Expect,
    /// Bugs to plant into the cluster, to see that a check finds them. Needs a program that was built with the
    /// feature `planted-bugs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plant: Vec<Bug>,
    /// The words of a program's own that it was read with.
    #[serde(skip)]
    pub words: Words,
}

impl Scenario {
    /// Whether the scenario's `checks` name this one or `all`.
    #[must_use]
    pub fn checks(&self, check: CheckName) -> bool {
        check.is_among(&self.checks)
    }
    /// The place in `volumes` of the volume of this name.
    #[must_use]
    pub fn volume_index(&self, name: &str) -> Option<usize> {
        self.volumes.iter().position(|volume| volume.name == name)
    }
}

fn all_checks() -> Vec<CheckName> {
    vec![CheckName::All]
}

name_enum! {
    /// A check: what has to hold during and after a run.
    pub enum CheckName {
        /// In-sync legs hold the same bytes, or a mark that a surviving authority holds covers the difference.
        Mirrors = "mirrors",
        /// Parity fits the data beside it, or a mark that a surviving authority holds covers the difference.
        Parity = "parity",
        /// What was acknowledged survives.
        Durable = "durable",
        /// Each block reads as the latest write acknowledged or one in flight, and never goes back.
        Linear = "linear",
        /// After an epoch moves on, no message of an older one changes anything.
        Fencing = "fencing",
        /// The cluster keeps to its own protocol: epochs grow and are persisted first, legs register before IO, marks
        /// come before data, writes are acknowledged when all legs have them.
        Protocol = "protocol",
        /// When faults stop, volumes become healthy and every operation returns.
        Live = "live",
        /// No buffer, task, lock or connection outlives its owner.
        Leaks = "leaks",
        /// Every node keeps within its memory, and holds at rest what it reserved and nothing else.
        Memory = "memory",
        /// What the configuration bounds stays within its bounds: where disks are written, operations and messages under
        /// way, connections, retries.
        Bounds = "bounds",
        /// What administrators asked for is stored, and what is stored is what everybody has; every call is answered, and
        /// every error has one report.
        Control = "control",
        /// What programs that nobody here wrote, such as `redb`, were told is kept is there when they look, in whole, and
        /// nothing else; by their own checks all is well.
        Guests = "guests",
        /// Those that the program adds, all of them. A plain stormglass has none.
        Own = "own",
        /// All of them.
        All = "all",
    }
}

impl CheckName {
    /// Whether it looks at what the disks hold, and so finds something in a freeze.
    #[must_use]
    pub const fn looks_at_media(self) -> bool {
        matches!(self, Self::Mirrors | Self::Parity | Self::Durable | Self::Own | Self::All)
    }
    /// Whether the list names this check, or all of them.
    #[must_use]
    pub fn is_among(self, list: &[Self]) -> bool {
        list.iter().any(|name| *name == self || *name == Self::All)
    }
}

name_enum! {
    /// Which faults are let through.
    #[derive(Default)]
    pub enum Budget {
        /// Only what the volumes' layouts promise to survive.
        #[default]
        Survivable = "survivable",
        /// All: data may become unavailable, but never wrong.
        None = "none",
    }
}

name_enum! {
    /// What it means that an entry of the script never fired, had nothing to act on or met nothing.
    #[derive(Default)]
    pub enum Inert {
        /// That the run tested less than it declares: it fails.
        #[default]
        Failure = "failure",
        /// Nothing: the script was drawn or cut down by a program, and nobody counts on each entry.
        Allowed = "allowed",
    }
}

impl Inert {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_failure(&self) -> bool {
        *self == Self::Failure
    }
}

/// When a run is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Virtual time that the applications and the script have.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub virtual_time: Nanos,
    /// Virtual time from the end of all faults until everything has to be healthy.
    #[serde(with = "duration")]
    #[schemars(with = "Duration")]
    pub settle: Nanos,
}

impl Default for Limits {
    fn default() -> Self {
        Self { virtual_time: Nanos::from_secs(30), settle: Nanos::from_secs(10) }
    }
}

/// How a run is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ExpectText", into = "ExpectText")]
#[schemars(with = "ExpectText", rename = "Expect")]
pub enum Expect {
    /// With no failure.
    #[default]
    Pass,
    /// With a violation that this check finds.
    Violation(CheckName),
    /// With something that never ends.
    Liveness,
    /// With a panic in node code.
    Crash,
}

/// How a run is to end: `"pass"`, `{"violation": "<check>"}`, `{"liveness": true}` or `{"crash": true}`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", rename = "Expect")]
enum ExpectText {
    /// With no failure.
    Pass,
    /// With a violation that this check finds.
    Violation(CheckName),
    /// With something that never ends: `true`.
    Liveness(bool),
    /// With a panic in node code: `true`.
    Crash(bool),
}

impl TryFrom<ExpectText> for Expect {
    type Error = Complaints;

    fn try_from(text: ExpectText) -> Result<Self, Complaints> {
        let mut complaints = Complaints::default();
        match text {
            ExpectText::Pass => return Ok(Self::Pass),
            ExpectText::Violation(CheckName::All) => {
                complaints.add("violation", "the one check that is to find it", "");
            }
            ExpectText::Violation(check) => return Ok(Self::Violation(check)),
            ExpectText::Liveness(true) => return Ok(Self::Liveness),
            ExpectText::Crash(true) => return Ok(Self::Crash),
            ExpectText::Liveness(false) => complaints.add("liveness", "`true`", "or `\"pass\"`"),
            ExpectText::Crash(false) => complaints.add("crash", "`true`", "or `\"pass\"`"),
        }
        Err(complaints)
    }
}

impl From<Expect> for ExpectText {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Pass => Self::Pass,
            Expect::Violation(check) => Self::Violation(check),
            Expect::Liveness => Self::Liveness(true),
            Expect::Crash => Self::Crash(true),
        }
    }
}
