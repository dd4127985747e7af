//! What the network costs in a large cluster of which few nodes talk: it grows with the links in use, not with
//! the nodes, nor does a message cost more.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;

use stormglass::base::NodeId;
use stormglass::net::Fabric;
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn};

use crate::net_rig::*;

/// Pairs of nodes that talk.
const PAIRS: u32 = 10;
const MESSAGES: u64 = 2_000;

/// A cluster of so many nodes, in which ten pairs exchange messages: its links, and the records and turns of
/// the kernel that this took.
fn exchange(nodes: u32) -> (usize, u64, u64) {
    let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
    for number in 0..nodes {
        kernel.boot(kernel.add_node(&format!("n{number}"), &NodeConfig::default()));
    }
    let booted = kernel.records();
    let fabric: Rc<Fabric<Parcel>> = Fabric::new(&kernel, quick());
    let done = Rc::new(Cell::new(0));
    for pair in 0..PAIRS {
        // Far from each other, so that a table by node would have to be large.
        let (one, other) = (NodeId::new(pair), NodeId::new(nodes - 1 - pair));
        let server = kernel.handle(other);
        let port = fabric.port(&server);
        drop(server.spawn("server", async move {
            let connection = port.listen(SERVICE).accept().await;
            while let Ok(parcel) = connection.recv().await {
                let _closed = connection.send(parcel);
            }
        }));
        let client = kernel.handle(one);
        let (port, done) = (fabric.port(&client), done.clone());
        drop(client.spawn("client", async move {
            let connection = port.connect(other, SERVICE).await.expect("it listens");
            for number in 0..MESSAGES {
                connection.send(small(number)).expect("it is open");
                assert_eq!(connection.recv().await, Ok(small(number)));
            }
            done.set(done.get() + 1);
        }));
    }
    let mut turns = 0;
    while kernel.turn() == Turn::Ran {
        turns += 1;
    }
    assert!(kernel.crash().is_none());
    assert_eq!(done.get(), PAIRS);
    let found = (fabric.links(), kernel.records() - booted, turns);
    kernel.dismantle();
    found
}

/// What the process has in memory, in bytes.
fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4_096)
}

#[test]
fn three_thousand_nodes_of_which_few_talk_have_few_links() {
    let before = resident();
    let (links, _, _) = exchange(3_000);
    assert_eq!(links, 2 * PAIRS as usize);
    if let (Some(before), Some(after)) = (before, resident()) {
        // A full mesh has nine million links. Other tests of this process run meanwhile.
        let grown = after.saturating_sub(before) >> 20;
        assert!(grown < 256, "{grown} MiB");
    }
}

#[test]
fn a_message_costs_as_much_among_three_thousand_nodes_as_among_twenty() {
    let (few, many) = (exchange(2 * PAIRS), exchange(3_000));
    assert_eq!(few, many, "links, records, turns");
}

#[test]
fn isolating_and_healing_do_not_touch_links_that_nobody_uses() {
    let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
    for number in 0..3_000 {
        kernel.boot(kernel.add_node(&format!("n{number}"), &NodeConfig::default()));
    }
    let fabric: Rc<Fabric<Parcel>> = Fabric::new(&kernel, quick());
    for number in 0..3_000 {
        fabric.isolate(NodeId::new(number));
    }
    fabric.partition(NodeId::new(1), NodeId::new(2), false);
    assert_eq!((fabric.links(), fabric.faults()), (2, 3_001));
    fabric.heal_all();
    assert_eq!((fabric.links(), fabric.faults()), (2, 0));
    kernel.dismantle();
}
