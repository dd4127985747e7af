//! What a scenario's configuration bounds, as the checkers are told. Counts nothing.

use crate::check::{Extent, Failures, Limits, Measure};
use crate::node::{CLEARED_MAX, VolumeSpec};

use super::build::Stage;
use super::mounts::App;

/// How often one piece of work may find a leg failing before it gives up, and as often again after that for
/// what is done about it.
const FAILURES_PER_LEG: u64 = 26;
/// Pieces of background work on a volume at a time: recovery, rebuilds, repairs.
const BACKGROUND: u64 = 8;
/// Messages that an idle link may carry: heartbeats and reports that something holds up.
const MESSAGES_PER_LINK: u64 = 64;

/// The bounds of a scenario.
pub(super) fn limits(stage: &Stage) -> Limits {
    let volumes = &stage.map.volumes;
    let mut operations = vec![0; volumes.len()];
    for app in stage.apps.iter() {
        operations[app.volume.index()] += app.depth();
    }
    let all: u64 = operations.iter().map(|depth| u64::from(*depth)).sum();
    let legs = volumes.iter().map(|volume| volume.legs.len() as u64).max().unwrap_or(1);
    let works = all + BACKGROUND * volumes.len() as u64;
    let failures = FAILURES_PER_LEG * legs * commands_per_request(stage);
    let failures =
        Failures { at_once: failures * works, per_operation: failures, per_millisecond: failures };
    Limits {
        extents: extents(stage),
        operations,
        // Whoever needs a node keeps one connection to it.
        connections: Some(1),
        failures: Some(failures),
    }
}

/// In how many commands one request may go to a disk: those that are under way at a time may fail all at once.
fn commands_per_request(stage: &Stage) -> u64 {
    let disk = stage.records_disk().identity();
    let regions = stage.map.volumes.iter().map(|volume| volume.region_depth);
    let longest = stage.apps.iter().map(App::longest).chain(regions).max().unwrap_or(1);
    let parts = longest.checked_div(disk.transfer_blocks).map_or(1, |parts| u64::from(parts) + 1);
    parts.min(u64::from(disk.queue_depth))
}

fn extents(stage: &Stage) -> Vec<Vec<Extent>> {
    let mut extents = vec![Vec::new(); stage.disks.len()];
    let places = stage.map.volumes.iter().flat_map(VolumeSpec::places);
    for (_, leg) in places {
        let of_disk = &mut extents[leg.disk.index()];
        let (first, blocks) = (leg.extent.data, leg.extent.blocks + leg.extent.journal_blocks);
        of_disk.push(Extent { first, blocks, is_metadata: false });
        let (first, blocks) = (leg.extent.superblock, 1 + u64::from(leg.extent.bitmap_blocks));
        of_disk.push(Extent { first, blocks, is_metadata: true });
    }
    // All that are not for volumes are their owners' as a whole.
    for disk in stage.disks.iter().skip(stage.nodes.target_disks().count()) {
        let blocks = disk.identity().blocks;
        extents[disk.id().index()].push(Extent { first: 0, blocks, is_metadata: true });
    }
    extents
}

/// How many messages are on their way, and how many may be.
pub(super) fn messages(stage: &Stage) -> Measure {
    let legs = |app: &App| stage.map.volume(app.volume).legs.len() as u64;
    let works: u64 = stage.apps.iter().map(|app| u64::from(app.depth()) * legs(app)).sum();
    let cleared = stage.map.volumes.iter().map(|volume| volume.legs.len() * CLEARED_MAX);
    let cleared = cleared.sum::<usize>() as u64;
    Measure {
        kind: "too-many-messages",
        owner: "the network".to_owned(),
        found: stage.fabric.in_flight() as u64,
        limit: works * 4 + cleared + MESSAGES_PER_LINK * stage.fabric.links() as u64,
    }
}
