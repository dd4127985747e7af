//! What it takes to begin and to end: a sealed simulation of three nodes with a network, in which nothing is done.

use stormglass::base::Nanos;
use stormglass::net::{Fabric, Message, NetConfig};
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, Seed, Turn, sealed};

use crate::host::busy;

const NODES: [&str; 3] = ["client", "target", "manager"];
/// Simulations of a measurement.
const SEEDS: u32 = 2_000;

/// Nodes that have nothing to say.
#[derive(Clone)]
struct Word;

impl Message for Word {
    fn kind(&self) -> u64 {
        0
    }
    fn kind_name(_: u64) -> &'static str {
        "word"
    }
    fn bytes(&self) -> u64 {
        64
    }
}

/// Prints what one of many takes on a CPU.
pub fn and_end() {
    let start = busy();
    for seed in 0..SEEDS {
        sealed(u64::from(seed), move || simulate(u64::from(seed)));
    }
    let each = (busy() - start) / SEEDS;
    println!(
        "an empty simulation of {} nodes: {} us, start and end\n",
        NODES.len(),
        each.as_micros()
    );
}

/// Each node has a port, and a task that waits for a moment.
fn simulate(seed: u64) {
    let kernel = Kernel::new(Seed::new(seed), &KernelConfig::default());
    let fabric = Fabric::<Word>::new(&kernel, NetConfig::default());
    for name in NODES {
        let node = kernel.add_node(name, &NodeConfig::default());
        kernel.boot(node);
        let handle = kernel.handle(node);
        let port = fabric.port(&handle);
        drop(handle.clone().spawn("task", async move {
            let _listener = port.listen(1);
            handle.sleep(Nanos::from_micros(1)).await;
        }));
    }
    while kernel.turn() == Turn::Ran {}
    kernel.dismantle();
}
