//! An application as a file writes it, and what each kind of it may and must have. Issues nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::complaint::Complaints;
use super::fio::{FioApp, JobFile};
use super::guest::{GuestApp, GuestProgram};
use super::ids::NodeRef;
use super::name::name_enum;
use super::trace::{LineError, Recording, Speed, TraceApp, TraceFormat};
use super::units::{
    Chance, CountRange, Duration, duration, maybe_duration, maybe_within, odds, within,
};
use super::workload::{Distribution, Mix, MixedApp, RandomApp, VerifyApp, Workload};
use crate::base::{Nanos, Odds};

name_enum! {
    /// What an application does.
    enum AppName {
        /// Issues operations drawn from the seed.
        Random = "random",
        /// Writes every block of its region once, then reads all of them back.
        Verify = "verify",
        /// Issues operations of mixed sizes that overlap.
        MixedSize = "mixed-size",
        /// Replays a recorded trace.
        Trace = "trace",
        /// Does what a job file says.
        Fio = "fio",
        /// Is the embedded database `redb`, and does transactions.
        Redb = "redb",
        /// Is a FAT file system, and does operations on files.
        Fatfs = "fatfs",
        /// Is SQLite, and does transactions; only programs built with the feature `sqlite` have it.
        Sqlite = "sqlite",
    }
}

/// A workload entry as a file writes it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Workload")]
pub(super) struct WorkloadText {
    /// What the application does.
    app: AppName,
    /// The client that it runs on.
    client: NodeRef,
    /// The name of the volume that it uses.
    volume: String,
    /// Operations that each instance issues, or for `redb`, `fatfs` and `sqlite` transactions, or operations on files,
    /// that it finishes. These, `random` and `mixed-size` need it, others have no use for it.
    #[serde(default, deserialize_with = "maybe_within::<1, 0x100_0000_0000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 0x100_0000_0000_u64))]
    ops: Option<u64>,
    /// Operations that each instance issues per second of virtual time, at most (`random`, `mixed-size`), or
    /// transactions and operations on files (`redb`, `fatfs`, `sqlite`).
    #[serde(default, deserialize_with = "maybe_within::<1, 1_000_000_000, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    rate: Option<u64>,
    /// Operations that each instance keeps in flight, 1 to 4096, if not 16; jobs of `fio` have their `iodepth`.
    #[serde(default, deserialize_with = "maybe_within::<1, 4096, _, _>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    depth: Option<u32>,
    /// How often which operation is drawn, as weights (`random`, `mixed-size`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mix: Option<Mix>,
    /// How many blocks an operation has (`random`, `verify`, `mixed-size`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocks: Option<CountRange>,
    /// The first and the last block that it uses; left out, the whole volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<CountRange>,
    /// Where in its region an operation goes (`random`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution>,
    /// How likely a write has forced unit access, which makes it durable when it returns, such as `1/8`
    /// (`random`, `mixed-size`).
    #[serde(default = "never", with = "odds", skip_serializing_if = "is_never")]
    #[schemars(with = "Chance")]
    fua: Odds,
    /// The file to replay, from the scenario's directory on; its text is taken into the scenario (`trace`, `fio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The text to replay, in the place of a `file` (`trace`, `fio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The texts of the logs that the job file replays (`read_iolog`), by the names that it gives them (`fio`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iologs: Option<BTreeMap<String, String>>,
    /// How the trace is written (`trace`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<TraceFormat>,
    /// Which of the devices of the trace is replayed; left out, the first (`trace`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// How many times as fast as it was recorded the trace is replayed (`trace`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    speed: Option<Speed>,
    /// When it starts.
    #[serde(default, with = "duration")]
    #[schemars(with = "Duration")]
    start: Nanos,
    /// When it issues no more, even if something is left.
    #[serde(default, with = "maybe_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration")]
    stop: Option<Nanos>,
    /// How many instances of it run, 1 to 1000; of `redb`, `fatfs` and `sqlite` one.
    #[serde(default = "one", deserialize_with = "within::<1, 1000, _, _>")]
    #[schemars(range(min = 1, max = 1000))]
    count: u32,
}

const USUAL_DEPTH: u32 = 16;

const USUAL_BLOCKS: CountRange = CountRange { min: 1, max: 8 };

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
        let complaints = common(&text);
        match text.app {
            AppName::Random => random(text, complaints).map(Self::Random),
            AppName::Verify => verify(text, complaints).map(Self::Verify),
            AppName::MixedSize => mixed_size(text, complaints).map(Self::MixedSize),
            AppName::Trace => trace(text, complaints).map(Self::Trace),
            AppName::Fio => fio(text, complaints).map(Self::Fio),
            AppName::Redb => guest(text, GuestProgram::Redb, complaints).map(Self::Guest),
            AppName::Fatfs => guest(text, GuestProgram::Fatfs, complaints).map(Self::Guest),
            AppName::Sqlite => guest(text, GuestProgram::Sqlite, complaints).map(Self::Guest),
        }
    }
}

/// A key that some applications have no use for.
struct Key {
    name: &'static str,
    /// Whether an entry has it.
    is_given: fn(&WorkloadText) -> bool,
    /// Those that have a use for it.
    apps: &'static [AppName],
}

const fn key(
    name: &'static str,
    is_given: fn(&WorkloadText) -> bool,
    apps: &'static [AppName],
) -> Key {
    Key { name, is_given, apps }
}

const KEYS: [Key; 13] = {
    use AppName::{Fatfs, Fio, MixedSize, Random, Redb, Sqlite, Trace, Verify};
    [
        key("ops", |it| it.ops.is_some(), &[Random, MixedSize, Redb, Fatfs, Sqlite]),
        key("rate", |it| it.rate.is_some(), &[Random, MixedSize, Redb, Fatfs, Sqlite]),
        key("mix", |it| it.mix.is_some(), &[Random, MixedSize]),
        key("blocks", |it| it.blocks.is_some(), &[Random, Verify, MixedSize]),
        key("distribution", |it| it.distribution.is_some(), &[Random]),
        key("fua", |it| !is_never(&it.fua), &[Random, MixedSize]),
        key("depth", |it| it.depth.is_some(), &[Random, Verify, MixedSize, Trace]),
        key("file", |it| it.file.is_some(), &[Trace, Fio]),
        key("text", |it| it.text.is_some() && it.file.is_none(), &[Trace, Fio]),
        key("iologs", |it| it.iologs.is_some(), &[Fio]),
        key("format", |it| it.format.is_some(), &[Trace]),
        key("device", |it| it.device.is_some(), &[Trace]),
        key("speed", |it| it.speed.is_some(), &[Trace]),
    ]
};

/// Which of the keys of a workload entry the application of this name has a use for, if there is one.
pub(super) fn keys_of(name: &str) -> Option<impl Fn(&str) -> bool> {
    let app = *AppName::ALL.iter().find(|app| app.name() == name)?;
    Some(move |key: &str| {
        let known = KEYS.iter().find(|known| known.name == key);
        known.is_none_or(|known| known.apps.contains(&app))
    })
}

fn common(text: &WorkloadText) -> Complaints {
    let mut complaints = Complaints::default();
    if text.blocks.is_some_and(|blocks| blocks.min == 0) {
        complaints.add("blocks", "at least 1 block", "an operation has at least one block");
    }
    if text.stop.is_some_and(|stop| stop <= text.start) {
        complaints.add("stop", format!("a time after its `start` at {}", text.start), "");
    }
    let given = KEYS.iter().filter(|key| (key.is_given)(text));
    for Key { name: key, apps, .. } in given.filter(|key| !key.apps.contains(&text.app)) {
        let expected = format!("no such key with app `{}`", text.app);
        complaints.add(key, expected, format!("remove it, or use app `{}`", apps[0]));
    }
    complaints
}

fn needs_ops(text: &WorkloadText, complaints: &mut Complaints) {
    if text.ops.is_none() {
        let expected = format!("how many operations app `{}` issues", text.app);
        complaints.add("ops", expected, "add `\"ops\": 1000`");
    }
}

/// How many operations are issued, and of what kinds.
fn ops_and_mix(text: &WorkloadText, complaints: &mut Complaints) -> Mix {
    needs_ops(text, complaints);
    let mix = text.mix.unwrap_or(Mix::USUAL);
    if mix.total() == 0 {
        let wanted = "a weight above 0 for at least one of `read`, `write`, `flush` and `trim`";
        complaints.add("mix", wanted, "");
    }
    mix
}

fn random(text: WorkloadText, mut complaints: Complaints) -> Result<RandomApp, Complaints> {
    let mix = ops_and_mix(&text, &mut complaints);
    let app = text.ops.map(|ops| RandomApp {
        client: text.client,
        volume: text.volume,
        ops,
        rate: text.rate,
        depth: text.depth.unwrap_or(USUAL_DEPTH),
        mix,
        blocks: text.blocks.unwrap_or(USUAL_BLOCKS),
        region: text.region,
        distribution: text.distribution.unwrap_or_default(),
        fua: text.fua,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

fn verify(text: WorkloadText, complaints: Complaints) -> Result<VerifyApp, Complaints> {
    complaints.or(Some(VerifyApp {
        client: text.client,
        volume: text.volume,
        depth: text.depth.unwrap_or(USUAL_DEPTH),
        blocks: text.blocks.unwrap_or(USUAL_BLOCKS),
        region: text.region,
        start: text.start,
        stop: text.stop,
        count: text.count,
    }))
}

fn mixed_size(text: WorkloadText, mut complaints: Complaints) -> Result<MixedApp, Complaints> {
    let mix = ops_and_mix(&text, &mut complaints);
    let app = text.ops.map(|ops| MixedApp {
        client: text.client,
        volume: text.volume,
        ops,
        rate: text.rate,
        depth: text.depth.unwrap_or(USUAL_DEPTH),
        mix,
        blocks: text.blocks,
        region: text.region,
        fua: text.fua,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

fn trace(text: WorkloadText, mut complaints: Complaints) -> Result<TraceApp, Complaints> {
    if text.format.is_none() {
        let names = TraceFormat::ALL.iter().map(|format| format.name());
        complaints.add("format", super::collect::one_of(names), "it says how the trace is written");
    }
    let content = content(&text, &mut complaints);
    let recording = content.zip(text.format).and_then(|(content, format)| {
        let read = Recording::of(format, text.device.clone(), content);
        read.map_err(|errors| complain_of_lines(&text, &errors, &mut complaints)).ok()
    });
    let app = recording.map(|recording| TraceApp {
        client: text.client,
        volume: text.volume,
        recording,
        speed: text.speed.unwrap_or_default(),
        depth: text.depth.unwrap_or(USUAL_DEPTH),
        region: text.region,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

fn fio(text: WorkloadText, mut complaints: Complaints) -> Result<FioApp, Complaints> {
    let logs = text.iologs.clone().unwrap_or_default();
    let jobs = content(&text, &mut complaints).and_then(|content| {
        let read = JobFile::of(content, logs);
        read.map_err(|errors| complain_of_lines(&text, &errors, &mut complaints)).ok()
    });
    let app = jobs.map(|jobs| FioApp {
        client: text.client,
        volume: text.volume,
        jobs,
        region: text.region,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

fn guest(
    text: WorkloadText,
    program: GuestProgram,
    mut complaints: Complaints,
) -> Result<GuestApp, Complaints> {
    needs_ops(&text, &mut complaints);
    if text.count != 1 {
        let help =
            "it has its part of the volume for itself: add another entry with another `region`";
        complaints.add("count", "1", help);
    }
    let app = text.ops.map(|ops| GuestApp {
        program,
        client: text.client,
        volume: text.volume,
        ops,
        rate: text.rate,
        region: text.region,
        start: text.start,
        stop: text.stop,
        count: text.count,
    });
    complaints.or(app)
}

/// The text to replay: that of a file was put there by the loader.
fn content<'t>(text: &'t WorkloadText, complaints: &mut Complaints) -> Option<&'t str> {
    if text.text.is_none() {
        let expected = format!("what app `{}` replays, or `file`", text.app);
        complaints.add("text", expected, "a file is looked for from the scenario's directory on");
    }
    text.text.as_deref()
}

fn complain_of_lines(text: &WorkloadText, errors: &[LineError], complaints: &mut Complaints) {
    for error in errors {
        let LineError { line, column, found, expected } = error;
        match &text.file {
            Some(file) => {
                let file = super::tree::cut(file);
                complaints.add(
                    "file",
                    format!("at {file}:{line}:{column} {expected} instead of {found}"),
                    "",
                );
            }
            None => {
                let expected =
                    format!("in its line {line}, column {column}, {expected} instead of {found}");
                complaints.add("text", expected, "");
            }
        }
    }
}

impl WorkloadText {
    /// With nothing but what every application has.
    fn plain(app: AppName, workload: &Workload) -> Self {
        Self {
            app,
            client: workload.client(),
            volume: workload.volume().to_owned(),
            ops: None,
            rate: None,
            depth: None,
            mix: None,
            blocks: None,
            region: workload.region(),
            distribution: None,
            fua: never(),
            file: None,
            text: None,
            iologs: None,
            format: None,
            device: None,
            speed: None,
            start: workload.start(),
            stop: workload.stop(),
            count: workload.count(),
        }
    }
}

impl From<Workload> for WorkloadText {
    fn from(workload: Workload) -> Self {
        let plain = |app| Self::plain(app, &workload);
        match &workload {
            Workload::Random(app) => Self {
                ops: Some(app.ops),
                rate: app.rate,
                depth: Some(app.depth),
                mix: Some(app.mix),
                blocks: Some(app.blocks),
                distribution: Some(app.distribution),
                fua: app.fua,
                ..plain(AppName::Random)
            },
            Workload::Verify(app) => {
                Self { depth: Some(app.depth), blocks: Some(app.blocks), ..plain(AppName::Verify) }
            }
            Workload::MixedSize(app) => Self {
                ops: Some(app.ops),
                rate: app.rate,
                depth: Some(app.depth),
                mix: Some(app.mix),
                blocks: app.blocks,
                fua: app.fua,
                ..plain(AppName::MixedSize)
            },
            Workload::Fio(app) => Self {
                text: Some(app.jobs.text().to_owned()),
                iologs: Some(app.jobs.iologs().clone()).filter(|logs| !logs.is_empty()),
                ..plain(AppName::Fio)
            },
            Workload::Guest(app) => {
                let name = match app.program {
                    GuestProgram::Redb => AppName::Redb,
                    GuestProgram::Fatfs => AppName::Fatfs,
                    GuestProgram::Sqlite => AppName::Sqlite,
                };
                Self { ops: Some(app.ops), rate: app.rate, ..plain(name) }
            }
            Workload::Trace(app) => Self {
                depth: Some(app.depth),
                text: Some(app.recording.text().to_owned()),
                format: Some(app.recording.format()),
                device: app.recording.device().map(str::to_owned),
                speed: Some(app.speed),
                ..plain(AppName::Trace)
            },
        }
    }
}
