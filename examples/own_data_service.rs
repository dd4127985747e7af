//! A data service of one's own in the glass: a mirror over two disks. As most are at first, it has the write hole:
//! a crash in mid write leaves the copies different, and reads go to either. A sweep finds it; then the fix.

use std::{cell::Cell, rc::Rc};

use stormglass::base::history::{BlockRead, OpAbandoned, OpInvoked, OpKind, OpResult, OpReturned};
use stormglass::base::{Block, Nanos, OpId, Payload, Stamp, VolumeId};
use stormglass::check::Check;
use stormglass::disk::{Command, DiskConfig, Drive, Op, QueuePair};
use stormglass::glass::{Sim, Sweep};
use stormglass::sim::NodeHandle;

const BLOCKS: u64 = 16;
const VOLUME: VolumeId = VolumeId::new(0);

struct Mirror([QueuePair; 2]);

impl Mirror {
    async fn command(&self, leg: usize, op: Op) -> Payload {
        self.0[leg].submit(Command { cookie: 0, tag: 0, op }).expect("one at a time");
        self.0[leg].completion().await.data
    }

    async fn read(&self, leg: usize, lba: u64) -> Block {
        self.command(leg, Op::Read { lba, blocks: 1 }).await.block(0)
    }

    /// To both disks at once; done when both are.
    async fn write(&self, lba: u64, data: Payload) {
        let write = |data| Op::Write { lba, data, fua: true };
        self.0[1].submit(Command { cookie: 0, tag: 0, op: write(data.clone()) }).expect("as above");
        let _both = (self.command(0, write(data)).await, self.0[1].completion().await);
    }

    /// The fix: whatever a crash left different is made equal before anything is read.
    async fn recover(&self) {
        for lba in 0..BLOCKS {
            let block = self.read(0, lba).await;
            self.command(1, Op::Write { lba, data: Payload::from_blocks(&[block]), fua: true })
                .await;
        }
    }
}

/// An operation, told to the history; when its program dies, that is told, too.
struct Told {
    host: NodeHandle,
    op: OpId,
    is_open: bool,
}

impl Told {
    fn invoked(host: &NodeHandle, op: OpId, kind: OpKind, block: u64, author: u64) -> Self {
        host.emit(&OpInvoked { op, volume: VOLUME, kind, block, blocks: 1, author });
        Self { host: host.clone(), op, is_open: true }
    }

    fn returned(mut self, kind: OpKind) {
        self.is_open = false;
        self.host.emit(&OpReturned { op: self.op, volume: VOLUME, kind, result: OpResult::Ok });
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.is_open {
            self.host.emit(&OpAbandoned { op: self.op, volume: VOLUME });
        }
    }
}

/// Reads and writes at random for as long as it lives.
async fn application(host: NodeHandle, drives: [Drive; 2], numbers: Rc<Cell<u64>>, recovers: bool) {
    let mirror = Mirror(drives.map(|drive| drive.open(host.node())));
    if recovers {
        mirror.recover().await;
    }
    let mut rng = host.rng("application");
    loop {
        numbers.set(numbers.get() + 1);
        let (op, block) = (OpId::new(numbers.get()), rng.below(BLOCKS));
        if rng.below(2) == 0 {
            let stamp = Stamp::new(VOLUME.get(), block, 1, numbers.get());
            let told = Told::invoked(&host, op, OpKind::Write, block, stamp.words()[1]);
            mirror.write(block, Payload::run(stamp, 1)).await;
            told.returned(OpKind::Write);
        } else {
            let told = Told::invoked(&host, op, OpKind::Read, block, 0);
            let [place, author] =
                mirror.read(rng.below(2) as usize, block).await.fingerprint().words();
            host.emit(&BlockRead { op, volume: VOLUME, block, place, author });
            told.returned(OpKind::Read);
        }
    }
}

/// The mirror's machine loses its power again and again.
async fn crashes(sim: Sim, recovers: bool) {
    sim.checks(&[Check::Linear]);
    let disks = [0, 1].map(|at| sim.disk(&format!("disk{at}"), DiskConfig::default()));
    let numbers = Rc::new(Cell::new(0));
    let machine = sim.node("machine", move |host| {
        let drives = [disks[0].drive(), disks[1].drive()];
        host.spawn("app", application(host.clone(), drives, numbers.clone(), recovers));
    });
    let mut rng = sim.rng("crashes");
    for _ in 0..20 {
        sim.sleep(rng.nanos(Nanos::from_micros(500), Nanos::from_millis(4))).await;
        sim.reboot(machine, Nanos::from_micros(100)).await;
    }
}

fn main() {
    let sweep = Sweep::new(1..=200).keep_in(None);
    let failure = sweep.run(|sim| crashes(sim, false)).expect_err("it has the write hole");
    println!("{failure}\n");
    let swept = sweep.run(|sim| crashes(sim, true)).unwrap_or_else(|failure| panic!("{failure}"));
    println!("with recovery: {} seeds without failure", swept.seeds);
}
