//! A small network to drive through both of its doors: nodes, what they send, what they saw. Tests nothing.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use stormglass::base::{Nanos, NodeId, Record};
use stormglass::net::{
    CloseReason, Connection, ConnectionClosed, DropReason, Fabric, Message, MessageDropped,
    MessageFaulted, NetConfig, NetFault, Port,
};
use stormglass::sim::trace::Keep;
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Seed, Turn};

pub const SERVICE: u16 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub number: u64,
    pub bytes: u64,
}

impl Message for Parcel {
    fn kind(&self) -> u64 {
        u64::from(self.bytes > 64)
    }
    fn kind_name(kind: u64) -> &'static str {
        ["small", "large"].get(kind as usize).copied().unwrap_or("?")
    }
    fn bytes(&self) -> u64 {
        self.bytes
    }
    fn corrupt(&mut self, noise: u64) -> bool {
        self.number ^= ALTERED | noise >> 32 << 32;
        true
    }
}

/// Set in the number of a parcel that was altered.
pub const ALTERED: u64 = 1 << 63;

/// What `Parcel::kind` gives for a parcel of 64 bytes.
pub const SMALL: u64 = 0;

pub fn small(number: u64) -> Parcel {
    Parcel { number, bytes: 64 }
}

/// What a node saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Got(u64),
    Closed,
}

pub type Log = Rc<RefCell<Vec<(Nanos, Seen)>>>;

/// Two nodes, or more, a network between them, and one node apart on which the script runs.
pub struct Lab {
    pub kernel: Kernel,
    pub fabric: Rc<Fabric<Parcel>>,
    pub script: NodeHandle,
}

pub const A: NodeId = NodeId::new(1);
pub const B: NodeId = NodeId::new(2);
pub const C: NodeId = NodeId::new(3);

pub fn quick() -> NetConfig {
    NetConfig { latency: (us(5), us(20)), ..NetConfig::default() }
}

pub fn us(micros: u64) -> Nanos {
    Nanos::from_micros(micros)
}

pub fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

impl Lab {
    pub fn new(seed: u64, config: NetConfig) -> Self {
        let kernel = Kernel::new(Seed::new(seed), &KernelConfig::default());
        kernel.keep_trace(Keep::All);
        for name in ["script", "a", "b", "c"] {
            let node = kernel.add_node(name, &NodeConfig::default());
            kernel.boot(node);
        }
        let fabric = Fabric::new(&kernel, config);
        let script = kernel.handle(NodeId::new(0));
        Self { kernel, fabric, script }
    }

    /// Runs something on a node.
    pub fn on<F: Future<Output = ()> + 'static>(
        &self,
        node: NodeId,
        make: impl FnOnce(NodeHandle, Port<Parcel>) -> F,
    ) {
        let handle = self.kernel.handle(node);
        let port = self.fabric.port(&handle);
        drop(handle.spawn("test", make(handle.clone(), port)));
    }

    /// Does something to the network, or to the nodes, at a time.
    pub fn at<R>(
        &self,
        time: Nanos,
        act: impl FnOnce(&Kernel, &Rc<Fabric<Parcel>>) -> R + 'static,
    ) {
        let (kernel, fabric) = (self.kernel.clone(), self.fabric.clone());
        let sleep = self.script.sleep_until(time);
        drop(self.script.spawn("script", async move {
            sleep.await;
            let _result = act(&kernel, &fabric);
        }));
    }

    /// Accepts one connection on a node and notes what comes.
    pub fn serve(&self, node: NodeId) -> Log {
        let log = Log::default();
        let noted = log.clone();
        self.on(node, |handle, port| async move {
            let connection = port.listen(SERVICE).accept().await;
            note_all(&handle, &connection, &noted).await;
        });
        log
    }

    /// Connects `A` to `B`; sends `count` messages, one every `every`; then notes what comes.
    pub fn talk(&self, count: u64, every: Nanos) -> Log {
        let log = Log::default();
        let noted = log.clone();
        self.on(A, |handle, port| async move {
            let connection = port.connect(B, SERVICE).await.expect("B listens");
            for number in 0..count {
                if connection.send(small(number)).is_err() {
                    break;
                }
                handle.sleep(every).await;
            }
            note_all(&handle, &connection, &noted).await;
        });
        log
    }

    /// Until nothing is left to do: all records.
    pub fn run(&self) -> Vec<Record> {
        loop {
            match self.kernel.turn() {
                Turn::Ran => {}
                Turn::Idle => return self.kernel.take_trace(),
                other => panic!("{other:?}: {:?}", self.kernel.crash()),
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.kernel.dismantle();
    }
}

pub async fn note_all(handle: &NodeHandle, connection: &Connection<Parcel>, log: &Log) {
    while let Ok(parcel) = connection.recv().await {
        log.borrow_mut().push((handle.monotonic(), Seen::Got(parcel.number)));
    }
    log.borrow_mut().push((handle.monotonic(), Seen::Closed));
}

pub fn numbers(log: &Log) -> Vec<u64> {
    let got = |(_, seen): &(Nanos, Seen)| match seen {
        Seen::Got(number) => Some(*number),
        Seen::Closed => None,
    };
    log.borrow().iter().filter_map(got).collect()
}

pub fn closed_at(log: &Log) -> Option<Nanos> {
    log.borrow().iter().find(|(_, seen)| *seen == Seen::Closed).map(|(at, _)| *at)
}

pub fn got_at(log: &Log, number: u64) -> Nanos {
    let found = log.borrow().iter().find(|(_, seen)| *seen == Seen::Got(number)).copied();
    found.unwrap_or_else(|| panic!("message {number} never came")).0
}

pub fn drops(records: &[Record], why: DropReason) -> usize {
    let dropped = records.iter().filter_map(Record::get::<MessageDropped<Parcel>>);
    dropped.filter(|dropped| dropped.why == why).count()
}

pub fn closings(records: &[Record]) -> Vec<(NodeId, CloseReason)> {
    let closed = records.iter().filter_map(Record::get::<ConnectionClosed>);
    closed.map(|closed| (closed.node, closed.why)).collect()
}

pub fn up_to(count: u64) -> Vec<u64> {
    (0..count).collect()
}

/// The messages, and the connections as such, that met a fault.
pub fn meetings(records: &[Record], fault: NetFault) -> usize {
    let met = records.iter().filter_map(Record::get::<MessageFaulted<Parcel>>);
    met.filter(|met| met.fault == fault).count()
}

impl Lab {
    /// Binds a socket on `B` and notes what comes.
    pub fn take_datagrams(&self) -> Log {
        let log = Log::default();
        let noted = log.clone();
        self.on(B, |handle, port| async move {
            let socket = port.bind(SERVICE);
            loop {
                let (from, parcel) = socket.recv().await;
                assert_eq!(from, A);
                noted.borrow_mut().push((handle.monotonic(), Seen::Got(parcel.number)));
            }
        });
        log
    }

    /// Sends `count` datagrams from `A` to `B`, one every `every`.
    pub fn send_datagrams(&self, count: u64, every: Nanos) {
        self.on(A, move |handle, port| async move {
            let socket = port.bind(SERVICE);
            for number in 0..count {
                socket.send_to(B, SERVICE, small(number));
                handle.sleep(every).await;
            }
        });
    }
}

/// For what a control method returns and a test has no use for.
pub fn ignore<T>(_: T) {}
