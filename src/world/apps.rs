//! The applications of a scenario, as nodes run them. Starts none.

use std::rc::Rc;

use crate::base::{BlockSize, Nanos, VolumeId};
use crate::node::app::{self, AppConfig, AppKind, AppProgress, Guest, Program};
use crate::scenario::{
    Distribution, FioApp, FioJob, FioWork, GuestProgram, Mix, RandomApp, Scenario, Workload,
};

use super::build::NodeTable;
use super::mounts::App;

/// All applications; each job of a job file is one.
pub(super) fn apps(scenario: &Scenario, nodes: &NodeTable) -> Vec<App> {
    let mut apps: Vec<App> = Vec::new();
    for workload in &scenario.workload {
        let volume = scenario.volume_index(workload.volume());
        let volume = volume.expect("a validated workload has a volume");
        let region = workload.region_in(scenario.volumes[volume].blocks);
        let parts = parts(workload, (region.min, region.max), scenario.cluster.block_size);
        let blocks = workload.blocks(scenario.volumes[volume].blocks, scenario.cluster.block_size);
        for _ in 0..workload.count() {
            let progress: Vec<Rc<AppProgress>> = parts.iter().map(|_| Rc::default()).collect();
            let of_group = |group: Option<u32>| -> Vec<Rc<AppProgress>> {
                let all = parts.iter().zip(&progress);
                let those = all.filter(|(part, _)| Some(part.group) == group);
                those.map(|(_, progress)| progress.clone()).collect()
            };
            for (part, progress) in parts.iter().zip(&progress) {
                let config = AppConfig {
                    writer: apps.len() as u16 + 1,
                    kind: part.kind.clone(),
                    depth: part.depth,
                    blocks: (blocks.min as u32, blocks.max as u32),
                    region: (region.min, region.max),
                    start: workload.start(),
                    stop: workload.stop(),
                    behind: of_group(part.group.checked_sub(1)),
                    delay: part.delay,
                    before: of_group(part.group.checked_add(1)),
                };
                apps.push(App {
                    config,
                    client: nodes.node(workload.client()),
                    volume: VolumeId::new(volume as u16),
                    progress: progress.clone(),
                });
            }
        }
    }
    apps
}

/// One application of a workload entry.
struct Part {
    kind: AppKind,
    depth: u32,
    delay: Nanos,
    /// It begins when those of the group before are over.
    group: u32,
}

fn parts(workload: &Workload, region: (u64, u64), block_size: BlockSize) -> Vec<Part> {
    let one = |kind, depth| vec![Part { kind, depth, delay: Nanos::ZERO, group: 0 }];
    match workload {
        Workload::Random(app) => one(random(app), app.depth),
        Workload::Verify(app) => one(AppKind::Verify, app.depth),
        Workload::MixedSize(app) => {
            let (ops, rate, mix, fua) = (app.ops, app.rate, mix(app.mix), app.fua);
            one(AppKind::Mixed { ops, rate, mix, fua }, app.depth)
        }
        Workload::Trace(app) => {
            let replay = app.replay(block_size, region);
            let replay = replay.expect("a validated trace has a bounded number of operations");
            one(AppKind::Replay(Rc::new(replay)), app.depth)
        }
        Workload::Guest(app) => {
            let program = match app.program {
                GuestProgram::Redb => Program::Redb,
                GuestProgram::Fatfs => Program::Fatfs,
                GuestProgram::Sqlite => Program::Sqlite,
            };
            one(AppKind::Guest(Guest { program, steps: app.ops, rate: app.rate }), 1)
        }
        Workload::Fio(app) => jobs(app, region, block_size),
    }
}

fn random(app: &RandomApp) -> AppKind {
    let distribution = match app.distribution {
        Distribution::Uniform => app::Distribution::Uniform,
        Distribution::Zipf => app::Distribution::Zipf,
        Distribution::Sequential => app::Distribution::Sequential,
        Distribution::Hot => app::Distribution::Hot,
    };
    let (ops, rate, mix, fua) = (app.ops, app.rate, mix(app.mix), app.fua);
    AppKind::Random { ops, rate, mix, distribution, fua }
}

const fn mix(mix: Mix) -> app::Mix {
    app::Mix { read: mix.read, write: mix.write, flush: mix.flush, trim: mix.trim }
}

fn jobs(app: &FioApp, region: (u64, u64), block_size: BlockSize) -> Vec<Part> {
    let placed = app.placed(block_size, region);
    let (jobs, _) = placed.expect("the jobs of a validated job file fit");
    let part = |FioJob { depth, delay, group, work, .. }| {
        let kind = match work {
            FioWork::Job(job) => AppKind::Job(job),
            FioWork::Replay(replay) => AppKind::Replay(replay),
        };
        Part { kind, depth, delay, group }
    };
    jobs.into_iter().map(part).collect()
}
