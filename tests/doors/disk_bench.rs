//! One disk with hosts that use it, for the tests of the NVMe simulator. Tests nothing itself.

use std::collections::BTreeSet;

use stormglass::base::{BlockSize, DiskId, Nanos, NodeId, Payload, Stamp};
use stormglass::disk::DiskConfig;
use stormglass::disk::control::Namespace;
use stormglass::disk::port::{Command, Completion, Op, QueuePair, Status};

use crate::rig::{Outcome, Rig, free_node};

/// One disk, held by a target, and two hosts that use it.
pub struct Bench {
    pub rig: Rig,
    pub target: NodeId,
    pub host: NodeId,
    pub other: NodeId,
    pub disk: Namespace,
}

/// Latencies that leave no doubt: 10 us a read, 20 us a write, 100 us a flush.
pub fn exact() -> DiskConfig {
    let fixed = |micros| (Nanos::from_micros(micros), Nanos::from_micros(micros));
    DiskConfig {
        blocks: 1000,
        block_size: BlockSize::B512,
        queue_depth: 8,
        read: fixed(10),
        write: fixed(20),
        flush: fixed(100),
        ..DiskConfig::default()
    }
}

impl Bench {
    pub fn new(seed: u64, config: DiskConfig) -> Self {
        let rig = Rig::new(seed);
        let [target, host, other] = [(); 3].map(|()| rig.node(&free_node()));
        let disk = Namespace::new(&rig.kernel, DiskId::new(3), config);
        Self { rig, target, host, other, disk }
    }

    /// Does one operation for the host, to the end.
    #[track_caller]
    pub fn io(&self, op: Op) -> Completion {
        self.io_for(self.host, op)
    }

    #[track_caller]
    pub fn io_for(&self, host: NodeId, op: Op) -> Completion {
        let outcome = self.start(host, vec![op]);
        self.rig.settle();
        outcome.take().remove(0)
    }

    /// Submits operations for a host; they are done when all have completed, in that order.
    pub fn start(&self, host: NodeId, ops: Vec<Op>) -> Outcome<Vec<Completion>> {
        let pair = self.disk.drive().open(host);
        self.rig.start(self.target, async move {
            let count = ops.len();
            for (cookie, op) in ops.into_iter().enumerate() {
                submit(&pair, cookie as u64, op);
            }
            let mut done = Vec::new();
            while done.len() < count {
                done.push(pair.completion().await);
            }
            done
        })
    }

    #[track_caller]
    pub fn write(&self, lba: u64, blocks: u32, sequence: u64) {
        assert_eq!(self.io(write(lba, blocks, sequence)).status, Status::Success);
    }

    /// The sequence number of what the medium holds; 0 for zeroes.
    pub fn truth(&self, lba: u64) -> u64 {
        self.disk.raw_read(lba).stamp().expect("only stamps are written").sequence()
    }

    pub fn truths(&self, lba: u64, blocks: u64) -> Vec<u64> {
        (lba..lba + blocks).map(|lba| self.truth(lba)).collect()
    }
}

pub fn submit(pair: &QueuePair, cookie: u64, op: Op) {
    pair.submit(Command { cookie, tag: 7, op }).expect("the queue pair has room");
}

pub fn write(lba: u64, blocks: u32, sequence: u64) -> Op {
    Op::Write { lba, data: Payload::run(Stamp::new(1, lba, 1, sequence), blocks), fua: false }
}

pub fn read(lba: u64, blocks: u32) -> Op {
    Op::Read { lba, blocks }
}

pub fn statuses(completions: &[Completion]) -> Vec<Status> {
    completions.iter().map(|completion| completion.status).collect()
}

/// How the results of a fault that draws differ over seeds.
pub fn over_seeds<T: Ord>(look: impl Fn(u64) -> T) -> BTreeSet<T> {
    (0..40).map(look).collect()
}
