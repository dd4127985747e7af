//! The load on stormglass's kernel and network alone: no data service, a target replies to what it
//! receives after its disk's 50 us. Sealed, traced into the digest, on virtual CPUs, as any run.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stormglass::base::{Nanos, NodeId, Payload, Stamp};
use stormglass::net::{Connection, Fabric, Message, NetConfig, Port};
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Queue, Seed, Turn, sealed};

use crate::measured::{BLOCK, DEPTH, LATENCY, Load, Measured, TARGETS, on_a_fresh_thread};

const SERVICE: u16 = 1;
const DISK: Nanos = Nanos::from_micros(50);

/// A write or the reply to it.
#[derive(Clone)]
struct Command {
    slot: u64,
    payload: Payload,
}

impl Message for Command {
    fn kind(&self) -> u64 {
        u64::from(self.payload.is_empty())
    }
    fn kind_name(kind: u64) -> &'static str {
        ["write", "reply"].get(kind as usize).copied().unwrap_or("?")
    }
    fn bytes(&self) -> u64 {
        64 + u64::from(self.payload.len()) * BLOCK as u64
    }
}

pub fn fabric(seed: u64) -> Measured {
    on_a_fresh_thread(move || sealed(seed, move || simulate(seed)))
}

fn simulate(seed: u64) -> (u64, u64, Duration) {
    let kernel = Kernel::new(Seed::new(seed), &KernelConfig::default());
    let nanos = |span: Duration| Nanos::new(span.as_nanos() as u64);
    let latency = (nanos(LATENCY.0), nanos(LATENCY.1));
    let fabric = Fabric::new(&kernel, NetConfig { latency, ..NetConfig::default() });
    let load = Rc::new(RefCell::new(Load::new(seed)));
    let client = kernel.add_node("client", &NodeConfig { cpus: 8, ..NodeConfig::default() });
    kernel.boot(client);
    for target in 0..TARGETS {
        let node = kernel.add_node(&format!("target{target}"), &NodeConfig::default());
        kernel.boot(node);
        let handle = kernel.handle(node);
        drop(handle.spawn("target", serve(handle.clone(), fabric.port(&handle))));
    }
    let handle = kernel.handle(client);
    drop(handle.spawn("client", write_all(handle.clone(), fabric.port(&handle), load.clone())));
    while !load.borrow().is_done() {
        assert_eq!(kernel.turn(), Turn::Ran, "{:?}", kernel.crash());
    }
    let simulated = Duration::from_nanos(kernel.now().get());
    kernel.dismantle();
    let ops = load.borrow().acknowledged;
    (ops, 0, simulated)
}

async fn serve(handle: NodeHandle, port: Port<Command>) {
    let listener = port.listen(SERVICE);
    let connection = Rc::new(listener.accept().await);
    let disk = Queue::new(handle.kernel());
    let (replies, waiting, host) = (connection.clone(), disk.clone(), handle.clone());
    drop(handle.spawn("disk", async move {
        loop {
            let (slot, done): (u64, Nanos) = waiting.pop().await;
            host.sleep_until(done).await;
            let reply = Command { slot, payload: Payload::empty() };
            if replies.send(reply).is_err() {
                return;
            }
        }
    }));
    while let Ok(command) = connection.recv().await {
        disk.push((command.slot, handle.monotonic() + DISK));
    }
}

async fn write_all(handle: NodeHandle, port: Port<Command>, load: Rc<RefCell<Load>>) {
    let mut connections = Vec::new();
    for target in 0..TARGETS {
        let node = NodeId::new(target as u32 + 1);
        connections.push(port.connect(node, SERVICE).await.expect("the target listens"));
    }
    let connections: Rc<[Connection<Command>]> = connections.into();
    for slot in 0..DEPTH {
        send(&connections, &load, slot);
    }
    for target in 0..TARGETS as usize {
        let (connections, load) = (connections.clone(), load.clone());
        drop(handle.spawn("replies", async move {
            while let Ok(reply) = connections[target].recv().await {
                let done = load.borrow_mut().acknowledge(reply.slot);
                if done {
                    send(&connections, &load, reply.slot);
                }
            }
        }));
    }
}

fn send(connections: &[Connection<Command>], load: &RefCell<Load>, slot: u64) {
    let issued = load.borrow_mut().issue(slot);
    for target in issued.into_iter().flatten() {
        let payload = Payload::run(Stamp::new(0, slot, 1, slot), 1);
        let sent = connections[target as usize].send(Command { slot, payload });
        sent.expect("the connection is open");
    }
}
