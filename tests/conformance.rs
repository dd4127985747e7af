//! The contract of the ports, held by every back end: a disk in memory and one in a file do the same for the same commands.
#![cfg(unix)]

use std::future::poll_fn;
use std::path::Path;

use stormglass::base::{Block, BlockSize, DiskId, Nanos, NodeId, Payload, Rng};
use stormglass::disk::{Command, DiskConfig, Namespace, Op, Status};
use stormglass::real::FileDisk;
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn};

const BLOCKS: u64 = 64;
const SIZE: BlockSize = BlockSize::B512;

/// A disk and the node that uses it.
struct Rig {
    kernel: Kernel,
    node: NodeId,
    disk: Namespace,
}

type Made = fn(&Kernel, &Path) -> Namespace;

const BACK_ENDS: [(&str, Made); 2] = [("memory", in_memory), ("file", in_a_file)];

fn config() -> DiskConfig {
    let at_once = (Nanos::ZERO, Nanos::ZERO);
    DiskConfig {
        blocks: BLOCKS,
        block_size: SIZE,
        read: at_once,
        write: at_once,
        flush: at_once,
        ..DiskConfig::default()
    }
}

fn in_memory(kernel: &Kernel, _folder: &Path) -> Namespace {
    Namespace::new(kernel, DiskId::new(0), config())
}

fn in_a_file(kernel: &Kernel, folder: &Path) -> Namespace {
    let file = FileDisk::open(&folder.join("disk.img"), BLOCKS, SIZE, 5).expect("a disk");
    Namespace::kept_by(kernel, DiskId::new(0), config(), Box::new(file))
}

impl Rig {
    fn new(make: Made, folder: &Path) -> Self {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let disk = make(&kernel, folder);
        let node = kernel.add_node("host", &NodeConfig::default());
        kernel.boot(node);
        Self { kernel, node, disk }
    }

    /// One command: how it ended, and what it read.
    fn ask(&self, op: Op) -> (Status, Vec<Vec<u8>>) {
        let pair = self.disk.drive().open(self.node);
        let done = std::rc::Rc::new(std::cell::RefCell::new(None));
        let told = done.clone();
        let task = async move {
            pair.submit(Command { cookie: 1, tag: 0, op }).expect("there is room");
            let completion = poll_fn(|cx| pair.poll_completion(cx)).await;
            *told.borrow_mut() = Some(completion);
        };
        drop(self.kernel.handle(self.node).spawn("ask", task));
        while done.borrow().is_none() {
            assert_eq!(self.kernel.turn(), Turn::Ran, "{:?}", self.kernel.crash());
        }
        let completion = done.take().expect("it is done");
        (completion.status, completion.data.blocks().map(|block| block.bytes(SIZE)).collect())
    }
}

/// The commands of a contract, drawn from a seed: as many as there are, every kind, in and out of range.
fn drawn(rng: &mut Rng) -> Op {
    let (lba, blocks) = (rng.below(BLOCKS + 2), 1 + rng.below(8) as u32);
    let bytes = |rng: &mut Rng| vec![rng.below(4) as u8; SIZE.bytes()];
    match rng.below(12) {
        0..=3 => Op::Read { lba, blocks },
        4..=7 => {
            let data = (0..blocks).map(|_| Block::from_bytes(&bytes(rng))).collect();
            Op::Write { lba, data: Payload::from_vec(data), fua: rng.below(2) == 0 }
        }
        8 => Op::WriteZeroes { lba, blocks },
        9 => Op::Deallocate { lba, blocks },
        10 => Op::WriteUncorrectable { lba, blocks },
        _ => Op::Flush,
    }
}

#[test]
fn the_same_commands_do_the_same_on_every_back_end() {
    let folder = tempfile::tempdir().expect("a directory for a test");
    let answers = BACK_ENDS.map(|(name, make)| {
        let (rig, mut rng) = (Rig::new(make, folder.path()), Seed::new(7).stream("conformance"));
        let answers: Vec<_> = (0..1_000).map(|_| rig.ask(drawn(&mut rng))).collect();
        rig.kernel.dismantle();
        (name, answers)
    });
    let [(_, memory), (_, file)] = answers;
    for status in [Status::Success, Status::LbaRange, Status::UnrecoveredRead] {
        assert!(memory.iter().any(|(it, _)| *it == status), "{status:?} never came");
    }
    for (at, (one, other)) in memory.iter().zip(&file).enumerate() {
        assert_eq!(one, other, "command {at}");
    }
}

#[test]
fn a_file_holds_what_a_disk_held_when_its_host_began_anew() {
    let folder = tempfile::tempdir().expect("a directory for a test");
    let block = |byte: u8| Payload::from_vec(vec![Block::from_bytes(&[byte; 512]); 3]);
    let rig = Rig::new(in_a_file, folder.path());
    assert_eq!(rig.ask(Op::Write { lba: 4, data: block(9), fua: false }).0, Status::Success);
    assert_eq!(rig.ask(Op::WriteUncorrectable { lba: 5, blocks: 1 }).0, Status::Success);
    let serial = rig.disk.identity().serial;
    rig.kernel.dismantle();
    // It is one process's at a time.
    drop(rig);
    let rig = Rig::new(in_a_file, folder.path());
    assert_eq!(rig.ask(Op::Read { lba: 4, blocks: 1 }), (Status::Success, vec![vec![9; 512]]));
    assert_eq!(rig.ask(Op::Read { lba: 4, blocks: 3 }).0, Status::UnrecoveredRead);
    assert_eq!(rig.ask(Op::Write { lba: 5, data: block(1), fua: true }).0, Status::Success);
    assert_eq!(rig.ask(Op::Read { lba: 5, blocks: 1 }), (Status::Success, vec![vec![1; 512]]));
    assert_eq!(rig.disk.identity().serial, serial);
}
