//! Applications: their client, their volume and the blocks that they use.

use crate::scenario::fio::FioApp;
use crate::scenario::guest::{CAN_SQLITE, GuestApp, GuestProgram};
use crate::scenario::ids::NodeClass;
use crate::scenario::trace::{BLOCKS_MAX, STEPS_MAX, TraceApp};
use crate::scenario::workload::Workload;

use super::entry::{Validator, steps};

/// Stamps number their writers in 16 bits.
const INSTANCES_MAX: u64 = 60_000;
/// More entries than there can be volumes make no sense: `count` multiplies them.
const ENTRIES_MAX: usize = 4096;
/// A seed file, which holds the texts of all applications, is read up to 4 MiB: this leaves room for the rest.
const TEXTS_MAX: usize = 3 << 20;

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let entries = validator.scenario.workload.len();
    if entries > ENTRIES_MAX {
        let (found, expected) = (format!("{entries} entries"), format!("at most {ENTRIES_MAX}"));
        let help = "`count` runs an entry several times";
        return validator.report_found(&steps!["workload"], Some(&found), &expected, help);
    }
    texts(validator);
    let mut instances = 0;
    for (index, app) in validator.scenario.workload.iter().enumerate() {
        if app.client().class() == NodeClass::Client {
            validator.node(&steps!["workload", index, "client"], app.client());
        } else {
            let expected = "a client such as `c0`";
            validator.report(&steps!["workload", index, "client"], expected, "");
        }
        validator.volume_name(&steps!["workload", index, "volume"], app.volume());
        blocks(validator, index, app);
        let start = app.start();
        let limit = validator.scenario.limits.virtual_time;
        if start >= limit {
            let expected = format!("a time before the run ends at {limit}");
            validator.report(&steps!["workload", index, "start"], &expected, "");
        }
        instances += app.instances();
        if instances > INSTANCES_MAX {
            let expected =
                format!("at most {INSTANCES_MAX} instances of all applications together");
            return validator.report(&steps!["workload", index, "count"], &expected, "");
        }
    }
}

fn blocks(validator: &mut Validator<'_, '_>, index: usize, app: &Workload) {
    let scenario = validator.scenario;
    let Some(volume) = scenario.volume_index(app.volume()).map(|at| &scenario.volumes[at]) else {
        return;
    };
    let most = app.blocks(volume.blocks, scenario.cluster.block_size).max;
    if most > BLOCKS_MAX {
        let expected = format!("at most {BLOCKS_MAX} blocks in one operation");
        validator.report(&steps!["workload", index, "blocks"], &expected, "");
    }
    let region = match app.region() {
        Some(region) if region.max >= volume.blocks => {
            let expected = format!(
                "blocks of volume `{}`, which has blocks 0 to {}",
                volume.name,
                volume.blocks - 1
            );
            let help = "both ends of a region are part of it";
            return validator.report(&steps!["workload", index, "region"], &expected, help);
        }
        Some(region) => region.max - region.min + 1,
        None => volume.blocks,
    };
    match app {
        Workload::Trace(trace) => replay(validator, index, trace),
        Workload::Fio(fio) => jobs(validator, index, fio),
        Workload::Guest(app) => guest(validator, index, (app, region)),
        Workload::Random(_) | Workload::Verify(_) | Workload::MixedSize(_) => {}
    }
    if most > region {
        let expected = format!("at most {region}, the blocks that the application may use");
        let steps = steps!["workload", index, "blocks"];
        validator.report_found(&steps, Some(&format!("up to {most} blocks")), &expected, "");
    }
}

/// A guest needs room, and nobody else there.
fn guest(validator: &mut Validator<'_, '_>, index: usize, (app, blocks): (&GuestApp, u64)) {
    let scenario = validator.scenario;
    if app.program == GuestProgram::Sqlite && !CAN_SQLITE {
        let expected = "a program that this one has";
        let help = "build with `--features sqlite`";
        validator.report_found(&steps!["workload", index, "app"], Some("`sqlite`"), expected, help);
    }
    let room = app.room(scenario.cluster.block_size);
    if blocks < room {
        let expected = format!("at least {room} blocks, which `{}` needs", app.program);
        let found = format!("{blocks} blocks");
        let steps = steps!["workload", index, "region"];
        validator.report_found(&steps, Some(&found), &expected, "");
    }
    let volume = scenario.volume_index(&app.volume).map(|at| scenario.volumes[at].blocks);
    let region = |app: &Workload| app.region_in(volume.unwrap_or(0));
    let own = region(&scenario.workload[index]);
    let others = scenario.workload.iter().enumerate().filter(|(at, _)| *at != index);
    let meets = |other: &Workload| {
        other.volume() == app.volume && region(other).min <= own.max && own.min <= region(other).max
    };
    if let Some((other, _)) = others.into_iter().find(|(_, other)| meets(other)) {
        let expected = format!("blocks that `workload[{other}]` does not use");
        let help = "what it keeps there is its own: give each a `region`";
        validator.report(&steps!["workload", index, "region"], &expected, help);
    }
}

/// What all applications replay has to fit into one seed file.
fn texts(validator: &mut Validator<'_, '_>) {
    let quoted = validator.scenario.workload.iter().map(|app| match app {
        Workload::Trace(app) => quoted_bytes(app.recording.text()),
        Workload::Fio(app) => {
            let logs = app.jobs.iologs().values();
            quoted_bytes(app.jobs.text()) + logs.map(|log| quoted_bytes(log)).sum::<usize>()
        }
        Workload::Random(_) | Workload::Verify(_) => 0,
        Workload::MixedSize(_) | Workload::Guest(_) => 0,
    });
    let quoted: usize = quoted.sum();
    if quoted > TEXTS_MAX {
        let found = format!("texts of {quoted} bytes, as JSON writes them");
        let expected = format!("at most {TEXTS_MAX} in all");
        let help = "a seed file holds them all: cut out what matters";
        validator.report_found(&steps!["workload"], Some(&found), &expected, help);
    }
}

/// The bytes of a text as a JSON string.
fn quoted_bytes(text: &str) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    };
    text.chars().map(escaped).sum()
}

/// Whether a trace has something to replay, no more than can be, and ends in time.
fn replay(validator: &mut Validator<'_, '_>, index: usize, app: &TraceApp) {
    let scenario = validator.scenario;
    let Some(volume) = scenario.volume_index(&app.volume) else { return };
    let region = scenario.workload[index].region_in(scenario.volumes[volume].blocks);
    let steps = steps!["workload", index];
    let Some(replay) = app.replay(scenario.cluster.block_size, (region.min, region.max)) else {
        let found = format!("a trace of more than {STEPS_MAX} operations, where its own are split");
        let expected = format!("at most {STEPS_MAX}");
        let help = "a smaller `region` makes its operations shorter";
        return validator.report_found(&steps, Some(&found), &expected, help);
    };
    let Some(last) = replay.steps.last() else {
        let found = "a trace of which nothing is left on whole blocks";
        return validator.report_found(&steps, Some(found), "an operation", "");
    };
    let end = app.start.saturating_add(last.at);
    let limit = scenario.limits.virtual_time;
    if end >= limit && app.stop.is_none() {
        let found = format!("a trace whose last operation is due at {end}");
        let expected = format!("a time before the run ends at {limit}");
        let help = "a greater `speed` makes it shorter, `stop` cuts it off";
        validator.report_found(&steps, Some(&found), &expected, help);
    }
}

/// Whether the jobs of a job file have room.
fn jobs(validator: &mut Validator<'_, '_>, index: usize, app: &FioApp) {
    let scenario = validator.scenario;
    if app.instances() > INSTANCES_MAX {
        return; // reported with all the others
    }
    let Some(volume) = scenario.volume_index(&app.volume) else { return };
    let region = scenario.workload[index].region_in(scenario.volumes[volume].blocks);
    let placed = app.placed(scenario.cluster.block_size, (region.min, region.max));
    if let Err(what) = placed {
        let expected = "jobs that fit the blocks that they may use";
        validator.report_found(&steps!["workload", index], Some(&what), expected, "");
    }
}
