//! What a measurement gives, and its rates. Measures nothing itself.

use std::time::Duration;

use crate::host::busy;

/// How many writes a measurement makes.
pub const WRITES: u64 = 200_000;
/// How many writes the client keeps in flight.
pub const DEPTH: u64 = 16;
/// How many nodes hold copies; each write goes to two of them.
pub const TARGETS: u64 = 6;
/// What a write carries, in bytes.
pub const BLOCK: usize = 4096;
/// A message's time on the wire, least and most.
pub const LATENCY: (Duration, Duration) = (Duration::from_micros(10), Duration::from_micros(50));
/// A disk's time for a write.
pub const DISK: Duration = Duration::from_micros(50);

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Writes that were acknowledged (all operations, where there are others).
    pub ops: u64,
    /// Nodes that were rebooted.
    pub reboots: u64,
    /// Time on a CPU: on an otherwise idle machine, the same as time on the wall.
    pub time: Duration,
    /// Time in the simulation.
    pub simulated: Duration,
}

impl Measured {
    /// Operations per second of CPU time.
    pub fn iops(&self) -> u64 {
        per_second(self.ops, self.time)
    }
    /// Reboots per second of CPU time.
    pub fn reboots_per_second(&self) -> u64 {
        per_second(self.reboots, self.time)
    }
    /// CPU time per operation, in nanoseconds.
    pub fn nanos_per_op(&self) -> u64 {
        self.time.as_nanos() as u64 / self.ops.max(1)
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
    (u128::from(count) * 1_000_000_000 / time.as_nanos().max(1)) as u64
}

/// The measurement in the middle by CPU time per operation.
pub fn median(mut all: Vec<Measured>) -> Measured {
    all.sort_by_key(Measured::nanos_per_op);
    all[all.len() / 2]
}

/// Runs `body` on a fresh thread and times it. It returns its operations, its reboots and the time it
/// simulated.
pub fn on_a_fresh_thread(body: impl FnOnce() -> (u64, u64, Duration) + Send) -> Measured {
    let start = busy();
    let (ops, reboots, simulated) = std::thread::scope(|scope| {
        scope.spawn(body).join().expect("a measured simulation does not panic")
    });
    Measured { ops, reboots, time: busy() - start, simulated }
}

/// The client's side of the load, the same everywhere: which writes are in flight.
pub struct Load {
    /// Per slot of the queue, how many of the two acknowledgements are missing.
    missing: [u8; DEPTH as usize],
    issued: u64,
    /// Writes acknowledged by both targets.
    pub acknowledged: u64,
    random: u64,
}

impl Load {
    /// Nothing in flight yet.
    pub fn new(seed: u64) -> Self {
        Self { missing: [0; DEPTH as usize], issued: 0, acknowledged: 0, random: seed | 1 }
    }

    /// The two targets of a new write in this slot; `None` when all writes have been issued.
    pub fn issue(&mut self, slot: u64) -> Option<[u64; 2]> {
        if self.issued == WRITES {
            return None;
        }
        self.issued += 1;
        self.missing[slot as usize] = 2;
        // xorshift64 (Marsaglia, 2003): cheap, and the same for all.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let first = self.random % TARGETS;
        let second = (first + 1 + (self.random >> 32) % (TARGETS - 1)) % TARGETS;
        Some([first, second])
    }

    /// One acknowledgement for the slot: whether its write is done.
    pub fn acknowledge(&mut self, slot: u64) -> bool {
        let missing = &mut self.missing[slot as usize];
        *missing -= 1;
        let done = *missing == 0;
        self.acknowledged += u64::from(done);
        done
    }

    /// Whether all writes have been acknowledged.
    pub fn is_done(&self) -> bool {
        self.acknowledged == WRITES
    }
}
