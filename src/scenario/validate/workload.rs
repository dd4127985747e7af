//! Applications: their client, their volume and the blocks that they use.

use crate::scenario::ids::NodeClass;
use crate::scenario::workload::Workload;

use super::entry::{Validator, steps};

/// Stamps number their writers in 16 bits.
const INSTANCES_MAX: u64 = 60_000;
/// More entries than there can be volumes make no sense: `count` multiplies them.
const ENTRIES_MAX: usize = 4096;
/// The most blocks of one operation.
const BLOCKS_MAX: u64 = 1024;

pub(super) fn check(validator: &mut Validator<'_, '_>) {
    let entries = validator.scenario.workload.len();
    if entries > ENTRIES_MAX {
        let (found, expected) = (format!("{entries} entries"), format!("at most {ENTRIES_MAX}"));
        let help = "`count` runs an entry several times";
        return validator.report_found(&steps!["workload"], Some(&found), &expected, help);
    }
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
        let (start, count) = match app {
            Workload::Random(app) => (app.start, app.count),
            Workload::Verify(app) => (app.start, app.count),
        };
        let limit = validator.scenario.limits.virtual_time;
        if start >= limit {
            let expected = format!("a time before the run ends at {limit}");
            validator.report(&steps!["workload", index, "start"], &expected, "");
        }
        instances += u64::from(count);
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
    let most = app.blocks().max;
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
    if most > region {
        let expected = format!("at most {region}, the blocks that the application may use");
        let steps = steps!["workload", index, "blocks"];
        validator.report_found(&steps, Some(&format!("up to {most} blocks")), &expected, "");
    }
}
