//! A program of one's own in the glass: a counter that clients increase over a network that loses and repeats messages, on a
//! machine that reboots. Every increase counts once: requests are numbered, and what was counted is on the disk before it is
//! answered. Leave out the `if` in `count` and a sweep finds an increase that counted twice.

use std::rc::Rc;

use stormglass::base::{Block, BlockSize, Nanos, NodeId, Odds, Payload};
use stormglass::disk::{Command, DiskConfig, Drive, Op};
use stormglass::glass::{Sim, Sweep};
use stormglass::net::{Fabric, Message, NetConfig, Socket};
use stormglass::sim::NodeHandle;

const COUNTER: u16 = 1;
const INCREASES: u64 = 20;

#[derive(Clone)]
enum Word {
    Increase { request: u64 },
    Counted { request: u64, value: u64 },
}

impl Message for Word {
    fn kind(&self) -> u64 {
        u64::from(matches!(self, Self::Counted { .. }))
    }
    fn kind_name(kind: u64) -> &'static str {
        ["increase", "counted"].get(kind as usize).copied().unwrap_or("?")
    }
    fn bytes(&self) -> u64 {
        64
    }
}

/// What the disk's first block holds: the counter, and the last request that it counted.
async fn count(host: NodeHandle, drive: Drive, socket: Socket<Word>) {
    let queue = drive.open(host.node());
    queue.submit(Command { cookie: 0, tag: 0, op: Op::Read { lba: 0, blocks: 1 } }).expect("room");
    let mut held = [0; 2];
    queue.completion().await.data.block(0).read_words(&mut held, BlockSize::B4096);
    let [mut value, mut last] = held;
    loop {
        let (from, word) = socket.recv().await;
        let Word::Increase { request } = word else { continue };
        if request > last {
            (value, last) = (value + 1, request);
            let block = Block::of_words(&[value, last], BlockSize::B4096);
            let op = Op::Write { lba: 0, data: Payload::from_blocks(&[block]), fua: true };
            queue.submit(Command { cookie: 0, tag: 0, op }).expect("room");
            queue.completion().await;
        }
        socket.send_to(from, COUNTER, Word::Counted { request, value });
    }
}

/// Increases, and asks again for as long as there is no answer.
async fn increase(sim: &Sim, socket: &Socket<Word>, counter: NodeId, request: u64) -> u64 {
    loop {
        socket.send_to(counter, COUNTER, Word::Increase { request });
        let answered = sim.timeout(Nanos::from_millis(1), socket.recv()).await;
        if let Ok((_, Word::Counted { request: of, value })) = answered
            && of == request
        {
            return value;
        }
    }
}

async fn counts_each_once(sim: Sim) {
    let disk = sim.disk("disk", DiskConfig::default());
    let fabric: Rc<Fabric<Word>> = sim.network(NetConfig::default());
    let to_counter = fabric.clone();
    let counter = sim.node("counter", move |host| {
        let socket = to_counter.port(&host).bind(COUNTER);
        host.spawn("count", count(host.clone(), disk.drive(), socket));
    });
    let (test, odds) = (sim.host().node(), Odds::new(1, 5).expect("one in five"));
    for (from, to) in [(test, counter), (counter, test)] {
        fabric.loss(from, to, odds);
        fabric.duplicate(from, to, odds);
    }
    let crashing = sim.clone();
    sim.host().spawn("crashes", async move {
        let mut rng = crashing.rng("crashes");
        loop {
            crashing.sleep(rng.nanos(Nanos::from_micros(200), Nanos::from_millis(5))).await;
            crashing.reboot(counter, Nanos::from_micros(300)).await;
        }
    });
    let socket = fabric.port(sim.host()).bind(COUNTER);
    for request in 1..=INCREASES {
        let value = increase(&sim, &socket, counter, request).await;
        assert_eq!(value, request, "every increase counts once");
    }
}

fn main() {
    match Sweep::new(1..=300).keep_in(None).run(counts_each_once) {
        Ok(swept) => println!("{} seeds: every increase counts once", swept.seeds),
        Err(failure) => panic!("{failure}"),
    }
}
