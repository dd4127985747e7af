//! A gRPC service in the glass: tonic and hyper as they are, without tokio's runtime, on a network that is cut and a machine that
//! loses its power. Every increase counts once: requests are numbered, and a count is on the disk before it is answered.

mod counter;
mod stream;
mod tasks;

use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use stormglass::base::{Block, BlockSize, Nanos, NodeId, Payload};
use stormglass::disk::{Command, DiskConfig, Drive, Op};
use stormglass::glass::{Sim, Sweep};
use stormglass::net::{Fabric, NetConfig};
use stormglass::sim::NodeHandle;

use counter::{Ask, Channel, Counter, increase};
use stream::{Chunk, Stream};
use tasks::{Tasks, Timers};

const GRPC: u16 = 50;
const INCREASES: u64 = 12;

/// What the disk's first block holds: the count, and the last request that was counted.
async fn count(host: NodeHandle, drive: Drive, mut asked: mpsc::UnboundedReceiver<Ask>) {
    let queue = drive.open(host.node());
    queue.submit(Command { cookie: 0, tag: 0, op: Op::Read { lba: 0, blocks: 1 } }).expect("room");
    let mut held = [0; 2];
    queue.completion().await.data.block(0).read_words(&mut held, BlockSize::B4096);
    while let Some((request, answer)) = asked.next().await {
        if request > held[1] {
            held = [held[0] + 1, request];
            let data = Payload::from_blocks(&[Block::of_words(&held, BlockSize::B4096)]);
            let op = Op::Write { lba: 0, data, fua: true };
            queue.submit(Command { cookie: 0, tag: 0, op }).expect("room");
            queue.completion().await;
        }
        answer.send(held[0]).ok();
    }
}

async fn serve(host: NodeHandle, fabric: Rc<Fabric<Chunk>>, counter: Counter) {
    let listener = fabric.port(&host).listen(GRPC);
    loop {
        let (stream, counter) = (Stream::new(listener.accept().await), counter.clone());
        let respond = hyper::service::service_fn(move |request| counter.clone().respond(request));
        let builder = server::Builder::new(Tasks(host.clone()));
        let connection = builder.serve_connection(stream, respond);
        host.spawn("connection", async move { connection.await.ok() });
    }
}

/// Asks once, on a connection of its own; a connection that has gone silent ends by hyper's own pings.
async fn ask(
    host: &NodeHandle,
    fabric: &Rc<Fabric<Chunk>>,
    to: NodeId,
    request: u64,
) -> Option<u64> {
    let stream = Stream::new(fabric.port(host).connect(to, GRPC).await.ok()?);
    let mut builder = client::Builder::new(Tasks(host.clone()));
    builder.timer(Timers::new(host)).keep_alive_interval(Duration::from_millis(1));
    builder.keep_alive_timeout(Duration::from_millis(2));
    let (channel, connection) = builder.handshake(stream).await.ok()?;
    host.spawn("connection", async move { connection.await.ok() });
    increase(Channel(channel), request).await.ok()
}

async fn counts_each_once(sim: Sim) {
    let disk = sim.disk("disk", DiskConfig::default());
    let fabric: Rc<Fabric<Chunk>> = sim.network(NetConfig::default());
    let to_counter = fabric.clone();
    let counter = sim.node("counter", move |host| {
        let (ask, asked) = mpsc::unbounded();
        host.spawn("count", count(host.clone(), disk.drive(), asked));
        host.spawn("serve", serve(host.clone(), to_counter.clone(), Counter(ask)));
    });
    let (faults, cut) = (sim.clone(), fabric.clone());
    sim.host().spawn("faults", async move {
        let mut rng = faults.rng("faults");
        loop {
            faults.sleep(rng.nanos(Nanos::from_micros(100), Nanos::from_millis(2))).await;
            if rng.below(2) == 0 {
                faults.reboot(counter, Nanos::from_micros(300)).await;
            } else {
                cut.partition(faults.host().node(), counter, false);
                faults.sleep(rng.nanos(Nanos::from_millis(1), Nanos::from_millis(9))).await;
                cut.heal_all();
            }
        }
    });
    for request in 1..=INCREASES {
        let value = loop {
            if let Some(value) = ask(sim.host(), &fabric, counter, request).await {
                break value;
            }
            sim.sleep(Nanos::from_micros(500)).await;
        };
        assert_eq!(value, request, "every increase counts once");
    }
}

fn main() {
    match Sweep::new(1..=100).keep_in(None).run(counts_each_once) {
        Ok(swept) => println!("{} seeds: every increase counts once", swept.seeds),
        Err(failure) => panic!("{failure}"),
    }
}
