//! A client's block device, which applications see: what it refuses without having asked anybody.

use std::rc::Rc;

use stormglass::base::{Block, BlockSize, Nanos, NodeId, Payload, Stamp, VolumeId};
use stormglass::layout::{AnyLayout, Raid1};
use stormglass::net::{Fabric, NetConfig};
use stormglass::node::client::{self, BlockDevice, IoError};
use stormglass::node::{ClusterMap, Frame, Timing, VolumeSpec};
use stormglass::sim::NodeConfig;

use crate::rig::{Outcome, Rig, free_node};

/// A client of a volume of 64 blocks whose manager is never up: what is not refused waits.
struct Lone {
    rig: Rig,
    node: NodeId,
    device: BlockDevice,
}

impl Lone {
    fn new() -> Self {
        let rig = Rig::new(1);
        let fabric: Rc<Fabric<Frame>> = Fabric::new(&rig.kernel, NetConfig::default());
        let node = rig.node(&free_node());
        let manager = rig.kernel.add_node("manager", &NodeConfig::default());
        let volume = VolumeSpec {
            id: VolumeId::new(0),
            layout: AnyLayout::from(Raid1 { copies: 2 }),
            blocks: 64,
            region_depth: 32,
            rebuild_rate: None,
            scrub_rate: None,
            verified: false,
            legs: Vec::new(),
            spares: Vec::new(),
            spare_after: Nanos::ZERO,
        };
        let map = ClusterMap {
            block_size: BlockSize::B4096,
            volumes: vec![volume],
            managers: vec![manager],
            connectors: 1,
            queue_depth: 64,
            volatile_caches: false,
            control: None,
            timing: Timing::default(),
        };
        let handle = rig.kernel.handle(node);
        let service = client::boot(&handle, &Rc::new(map), fabric.port(&handle));
        let device = service.attach(VolumeId::new(0));
        Self { rig, node, device }
    }

    /// What becomes of a write within a millisecond, and of a read of the same blocks.
    fn ask(&self, block: u64, data: Payload) -> [Option<Result<(), IoError>>; 2] {
        let (device, blocks) = (self.device.clone(), data.len());
        let written = self.rig.start(self.node, async move { device.write(block, data).await });
        let device = self.device.clone();
        let read =
            self.rig.start(self.node, async move { device.read(block, blocks).await.map(|_| ()) });
        let until = self.rig.kernel.now() + Nanos::from_millis(1);
        self.rig.run_until(until);
        let taken = |it: Outcome<_>| it.is_done().then(|| it.take());
        [taken(written), taken(read)]
    }
}

fn run(blocks: u32) -> Payload {
    Payload::run(Stamp::new(0, 1, 1, 1), blocks)
}

#[test]
fn what_is_outside_the_volume_or_empty_is_refused_and_all_else_waits_for_a_manager() {
    let lone = Lone::new();
    let refused = [Some(Err(IoError::Refused)); 2];
    assert_eq!(lone.ask(64, run(1)), refused, "behind the last block");
    assert_eq!(lone.ask(60, run(5)), refused, "in part behind it");
    assert_eq!(lone.ask(u64::MAX, run(2)), refused, "past the end of all numbers");
    assert_eq!(lone.ask(3, Payload::empty()), refused, "no block");
    assert_eq!(lone.ask(0, run(64)), [None, None]);
}

#[test]
fn data_that_are_no_whole_blocks_are_refused() {
    let lone = Lone::new();
    for bytes in [1, 512, 4095, 4097, 8192] {
        let content: Vec<u8> = (0..bytes).map(|at| (at * 7 % 251 + 1) as u8).collect();
        let blocks = [Block::ZERO, Block::from_bytes(&content)];
        let [written, _] = lone.ask(0, Payload::from_blocks(&blocks));
        assert_eq!(written, Some(Err(IoError::Refused)), "{bytes} bytes");
    }
    let content: Vec<u8> = (0..4096).map(|at| (at * 7 % 251 + 1) as u8).collect();
    assert_eq!(lone.ask(0, Payload::from_blocks(&[Block::from_bytes(&content)]))[0], None);
}
