//! The load on turmoil's UDP: no data service, a target replies to what it receives when the disk is done
//! with it. Once more without the disk: its network alone.
//!
//! Messages take the least latency (turmoil draws latencies in whole milliseconds, so that a range below
//! one comes out as its lower end). A target has a task for each write, as its disk has a queue; tokio's
//! sleep takes at least 1 ms, so that the disk's 50 us come out longer, and a tick is 1 ms then: finer
//! ones would only cost turmoil more. Without the disk a tick is the latency, the coarsest at which a
//! message sent in one tick arrives in the next. The payload is copied, because its sockets take bytes
//! only.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use turmoil::net::UdpSocket;

use crate::measured::{BLOCK, DEPTH, DISK, LATENCY, Load, Measured, TARGETS, on_a_fresh_thread};

const PORT: u16 = 9000;

/// With the disk's time.
pub fn turmoil(seed: u64) -> Measured {
    run(seed, true)
}

/// Replies come at once.
pub fn bare(seed: u64) -> Measured {
    run(seed, false)
}

fn run(seed: u64, disk: bool) -> Measured {
    let tick = if disk { Duration::from_millis(1) } else { LATENCY.0 };
    on_a_fresh_thread(move || {
        let mut sim = ::turmoil::Builder::new()
            .rng_seed(seed)
            .min_message_latency(LATENCY.0)
            .max_message_latency(LATENCY.1)
            .tick_duration(tick)
            .simulation_duration(Duration::from_secs(3_600))
            .udp_capacity(4 * DEPTH as usize)
            .build();
        for target in 0..TARGETS {
            sim.host(name(target), move || serve(disk));
        }
        let ops = Rc::new(Cell::new(0));
        let done = ops.clone();
        sim.client("client", async move {
            done.set(write_all(seed).await?);
            Ok(())
        });
        sim.run().expect("the client comes to its end");
        (ops.get(), 0, sim.elapsed())
    })
}

fn name(target: u64) -> String {
    format!("target{target}")
}

fn any() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)
}

async fn serve(disk: bool) -> ::turmoil::Result {
    let socket = Rc::new(UdpSocket::bind(any()).await?);
    let mut message = vec![0; BLOCK];
    loop {
        let (bytes, from) = socket.recv_from(&mut message).await?;
        assert_eq!(bytes, BLOCK);
        let reply: [u8; 8] = message[..8].try_into()?;
        if disk {
            tokio::task::spawn_local(execute(socket.clone(), from, reply));
        } else {
            socket.send_to(&reply, from).await?;
        }
    }
}

async fn execute(socket: Rc<UdpSocket>, from: SocketAddr, reply: [u8; 8]) {
    tokio::time::sleep(DISK).await;
    socket.send_to(&reply, from).await.expect("the network is up");
}

async fn write_all(seed: u64) -> std::io::Result<u64> {
    let socket = UdpSocket::bind(any()).await?;
    let targets: Vec<SocketAddr> =
        (0..TARGETS).map(|it| SocketAddr::new(::turmoil::lookup(name(it)), PORT)).collect();
    let mut load = Load::new(seed);
    let mut message = vec![1; BLOCK];
    for slot in 0..DEPTH {
        send(&socket, &mut load, slot, &targets, &mut message).await?;
    }
    let mut reply = [0; 8];
    while !load.is_done() {
        socket.recv_from(&mut reply).await?;
        let slot = u64::from_le_bytes(reply);
        if load.acknowledge(slot) {
            send(&socket, &mut load, slot, &targets, &mut message).await?;
        }
    }
    Ok(load.acknowledged)
}

async fn send(
    socket: &UdpSocket,
    load: &mut Load,
    slot: u64,
    targets: &[SocketAddr],
    message: &mut [u8],
) -> std::io::Result<()> {
    message[..8].copy_from_slice(&slot.to_le_bytes());
    for target in load.issue(slot).into_iter().flatten() {
        socket.send_to(message, targets[target as usize]).await?;
    }
    Ok(())
}
