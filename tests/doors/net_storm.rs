//! The network simulator under many faults at once, and under none: nothing is lost silently, a seed decides
//! everything, and a control door that nobody touches changes nothing.

use stormglass::base::{NodeId, Odds, Record};
use stormglass::net::{
    Address, DropReason, Message, MessageDelivered, MessageDropped, MessageFaulted, MessageSent,
    NetConfig, NetFault, Port,
};
use stormglass::sim::NodeHandle;

use crate::net_rig::*;

/// Three nodes that talk to each other over and over, under faults of every kind.
fn storm(seed: u64) -> (u128, Vec<Record>, usize) {
    let lab = Lab::new(seed, NetConfig { interfaces: 2, ..quick() });
    for node in [A, B, C] {
        let fabric = lab.fabric.clone();
        lab.kernel.kill(node);
        lab.kernel.on_boot(node, move |handle| {
            let port = fabric.port(&handle);
            drop(handle.spawn("server", echo(handle.clone(), port.clone())));
            drop(handle.spawn("client", chatter(handle.clone(), port)));
        });
        lab.kernel.boot(node);
    }
    let mut rng = lab.kernel.stream("test.faults");
    for step in 1..60 {
        let (from, to) =
            (NodeId::new(1 + rng.below(3) as u32), NodeId::new(1 + rng.below(3) as u32));
        let what = rng.below(15);
        lab.at(ms(step), move |kernel, fabric| match what {
            0 => ignore(fabric.partition(from, to, step % 2 == 0)),
            1 => ignore(fabric.isolate(from)),
            2 => ignore(fabric.loss(from, to, Odds::new(1, 3).expect("odds"))),
            3 => ignore(fabric.delay(from, to, us(10), ms(2))),
            4 => ignore(fabric.hold(from, to)),
            5 => ignore(fabric.reset(from, to)),
            7 => ignore(fabric.duplicate(from, to, Odds::new(1, 4).expect("odds"))),
            8 => ignore(fabric.reorder(from, to, Odds::new(1, 4).expect("odds"))),
            9 => ignore(fabric.corrupt(from, to, Odds::new(1, 100).expect("odds"))),
            10 => ignore(fabric.bandwidth(from, to, 1_000_000_000)),
            11 => ignore(fabric.half_open(from, to)),
            12 => ignore(fabric.interface_down(Address { node: from, interface: 1 })),
            6 => {
                drop(kernel.kill(from));
                kernel.boot(from);
            }
            _ => fabric.heal_all(),
        });
    }
    lab.at(ms(60), |_, fabric| fabric.heal_all());
    lab.at(ms(80), |kernel, _| {
        for node in [A, B, C] {
            drop(kernel.kill(node));
        }
    });
    let records = lab.run();
    assert_eq!([A, B, C].map(|node| lab.fabric.open_connections(node)), [0, 0, 0]);
    (lab.kernel.digest(), records, lab.fabric.in_flight())
}

async fn echo(handle: NodeHandle, port: Port<Parcel>) {
    let listener = port.listen(SERVICE);
    let socket = port.bind(SERVICE);
    drop(handle.spawn("datagrams", async move {
        loop {
            let (from, parcel) = socket.recv().await;
            if parcel.number > 0 {
                socket.send_to(from, SERVICE, small(parcel.number - 1));
            }
        }
    }));
    loop {
        let connection = listener.accept().await;
        drop(handle.spawn("echo", async move {
            let mut next = 0;
            while let Ok(parcel) = connection.recv().await {
                assert_eq!(parcel.number, next, "in order, none missing, none twice");
                next += 1;
                if connection.send(parcel).is_err() {
                    break;
                }
            }
        }));
    }
}

async fn chatter(handle: NodeHandle, port: Port<Parcel>) {
    let mut rng = handle.rng("chatter");
    let mut attempt = 0;
    while handle.monotonic() < ms(70) {
        handle.sleep(us(100)).await;
        let peer = NodeId::new(1 + rng.below(3) as u32);
        let way = port.way(peer, attempt);
        attempt += 1;
        let Ok(connection) = port.connect_by(way, SERVICE).await else { continue };
        port.bind(SERVICE + 1).send_to(peer, SERVICE, small(4));
        for number in 0..rng.below(50) {
            if connection.send(Parcel { number, bytes: 4_096 }).is_err() {
                break;
            }
            if rng.below(2) == 0 && connection.recv().await.is_err() {
                break;
            }
        }
    }
}

#[test]
fn a_storm_loses_nothing_silently_and_is_the_same_twice() {
    let mut digests = Vec::new();
    for seed in 1..=20 {
        let (digest, records, in_flight) = storm(seed);
        assert_eq!(in_flight, 0, "seed {seed}");
        let count = |wanted: fn(&Record) -> bool| records.iter().filter(|it| wanted(it)).count();
        let sent = count(|it| it.get::<MessageSent<Parcel>>().is_some());
        let delivered = count(|it| it.get::<MessageDelivered<Parcel>>().is_some());
        let dropped = count(|it| {
            it.get::<MessageDropped<Parcel>>().is_some_and(|dropped| {
                let message = Parcel::kind_name(dropped.kind.code()) != "?";
                let other = [DropReason::Unread, DropReason::Duplicate].contains(&dropped.why);
                message && !dropped.again && !other
            })
        });
        let copied = count(|it| {
            let met = it.get::<MessageFaulted<Parcel>>();
            met.is_some_and(|met| met.fault == NetFault::Duplicate && met.connection == 0)
        });
        assert_eq!(sent + copied, delivered + dropped, "seed {seed}");
        assert!(sent > 500, "seed {seed}: {sent} messages is no storm");
        assert_eq!(storm(seed).0, digest, "seed {seed} again");
        digests.push(digest);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 20, "every seed is another run");
}

/// Connections and datagrams both ways between three nodes, and a reboot; nobody touches the control door.
fn undisturbed(seed: u64) -> u128 {
    let lab = Lab::new(seed, quick());
    for node in [A, B, C] {
        let fabric = lab.fabric.clone();
        lab.kernel.kill(node);
        lab.kernel.on_boot(node, move |handle| {
            let port = fabric.port(&handle);
            drop(handle.spawn("server", echo(handle.clone(), port.clone())));
            drop(handle.spawn("client", chatter(handle.clone(), port)));
        });
        lab.kernel.boot(node);
    }
    lab.at(ms(30), |kernel, _| {
        drop(kernel.kill(B));
        kernel.boot(B);
    });
    lab.run();
    lab.kernel.digest()
}

/// The digests are those of the network before it had faults beyond partitions, loss, delay and holds, in the
/// serialisation of today.
#[test]
fn an_idle_control_door_changes_nothing() {
    let digests = [1, 2, 3].map(|seed| format!("{:032x}", undisturbed(seed)));
    let before = [
        "3c97ab8a374195138f3df6da14fba86d",
        "6d1b4334adbaef9595aa188880f8001a",
        "ea27af81bd23338a6e9dffffee1b9be0",
    ];
    assert_eq!(digests, before);
}
