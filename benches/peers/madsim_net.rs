//! The load on madsim's own network: no data service, a target replies to what it receives when the disk
//! is done with it. Once more without the disk: its network alone.
//!
//! Payloads are handed over by reference count, as stormglass does it, not copied. A target has a task
//! for each write, as its disk has a queue. madsim's sleep takes at least 1 ms, so that the disk's 50 us
//! come out longer; its sends and receives each sleep for a random moment (1 ms, for the same reason),
//! which costs them a timer and cannot be turned off.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use madsim::net::Endpoint;
use madsim::runtime::{Handle, Runtime};
use madsim::time::{TimeHandle, sleep};

use crate::measured::{BLOCK, DEPTH, DISK, LATENCY, Load, Measured, TARGETS, on_a_fresh_thread};

/// The tag of writes. The tag of a reply is its slot in the client's queue, counted from the next one.
const WRITE: u64 = 0;

/// A write on the wire.
struct Write {
    reply: u64,
    block: Arc<[u8]>,
}

/// With the disk's time.
pub fn madsim(seed: u64) -> Measured {
    run(seed, true)
}

/// Replies come at once.
pub fn bare(seed: u64) -> Measured {
    run(seed, false)
}

fn run(seed: u64, disk: bool) -> Measured {
    on_a_fresh_thread(move || {
        let mut config = madsim::Config::default();
        config.net.send_latency = LATENCY.0..LATENCY.1;
        let runtime = Runtime::with_seed_and_config(seed, config);
        runtime.block_on(async move {
            let handle = Handle::current();
            for target in 0..TARGETS {
                let at = address(target);
                drop(handle.create_node().ip(at.ip()).build().spawn(serve(at, disk)));
            }
            let at = address(TARGETS);
            let client = handle.create_node().ip(at.ip()).build().spawn(write_all(at, seed));
            let ops = client.await.expect("the client comes to its end");
            (ops, 0, TimeHandle::current().elapsed())
        })
    })
}

fn address(node: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, node as u8 + 1], 9000))
}

async fn serve(at: SocketAddr, disk: bool) {
    let endpoint = Endpoint::bind(at).await.expect("the address is free");
    loop {
        let (payload, from) = endpoint.recv_from_raw(WRITE).await.expect("the network is up");
        let write = payload.downcast::<Write>().expect("targets are sent writes");
        assert_eq!(write.block.len(), BLOCK);
        if disk {
            drop(madsim::task::spawn(execute(endpoint.clone(), from, write.reply)));
        } else {
            reply(&endpoint, from, write.reply).await;
        }
    }
}

async fn execute(endpoint: Endpoint, from: SocketAddr, tag: u64) {
    sleep(DISK).await;
    reply(&endpoint, from, tag).await;
}

async fn reply(endpoint: &Endpoint, to: SocketAddr, tag: u64) {
    endpoint.send_to_raw(to, tag, Box::new(())).await.expect("the network is up");
}

async fn write_all(at: SocketAddr, seed: u64) -> u64 {
    let endpoint = Endpoint::bind(at).await.expect("the address is free");
    // The targets bind meanwhile; what is sent to an unbound address is lost.
    sleep(Duration::from_millis(10)).await;
    let block: Arc<[u8]> = vec![1; BLOCK].into();
    let load = Arc::new(Mutex::new(Load::new(seed)));
    let writer = |slot| write_on(slot, endpoint.clone(), load.clone(), block.clone());
    let writers: Vec<_> = (0..DEPTH).map(|slot| madsim::task::spawn(writer(slot))).collect();
    for writer in writers {
        writer.await.expect("a writer comes to its end");
    }
    load.lock().unwrap_or_else(PoisonError::into_inner).acknowledged
}

async fn write_on(slot: u64, endpoint: Endpoint, load: Arc<Mutex<Load>>, block: Arc<[u8]>) {
    let load = || load.lock().unwrap_or_else(PoisonError::into_inner);
    let reply = WRITE + 1 + slot;
    loop {
        let Some(targets) = load().issue(slot) else { return };
        for target in targets {
            let write = Box::new(Write { reply, block: block.clone() });
            let sent = endpoint.send_to_raw(address(target), WRITE, write).await;
            sent.expect("the network is up");
        }
        for _ in targets {
            endpoint.recv_from_raw(reply).await.expect("the network is up");
            load().acknowledge(slot);
        }
    }
}
