//! The load on turmoil's UDP: no data service, a target replies to what it receives.
//!
//! Fair to turmoil: one task per node, which is cheaper than one per write; the disk's 50 us are left
//! out; messages take the least latency (turmoil draws latencies in whole milliseconds, so that a range
//! below one comes out as its lower end); and a tick is that latency, the coarsest at which a message
//! sent in one tick arrives in the next. The payload is copied, because its sockets take bytes only.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use turmoil::net::UdpSocket;

use crate::measured::{BLOCK, DEPTH, LATENCY, Load, Measured, TARGETS, on_a_fresh_thread};

const PORT: u16 = 9000;

pub fn turmoil(seed: u64) -> Measured {
    on_a_fresh_thread(move || {
        let mut sim = ::turmoil::Builder::new()
            .rng_seed(seed)
            .min_message_latency(LATENCY.0)
            .max_message_latency(LATENCY.1)
            .tick_duration(LATENCY.0)
            .simulation_duration(Duration::from_secs(3_600))
            .udp_capacity(4 * DEPTH as usize)
            .build();
        for target in 0..TARGETS {
            sim.host(name(target), serve);
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

async fn serve() -> ::turmoil::Result {
    let socket = UdpSocket::bind(any()).await?;
    let mut message = vec![0; BLOCK];
    loop {
        let (bytes, from) = socket.recv_from(&mut message).await?;
        assert_eq!(bytes, BLOCK);
        socket.send_to(&message[..8], from).await?;
    }
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
